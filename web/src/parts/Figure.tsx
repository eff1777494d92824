import { bytes, count, duration, rate } from "./format";

/** Figures with their units; the exact number is the title where it was rounded. */
export function Bytes({ n }: { n?: number | null }) {
  return n === undefined || n === null ? <>–</> : <span title={`${count(n)} bytes`}>{bytes(n)}</span>;
}

export function Rate({ n }: { n?: number | null }) {
  return n === undefined || n === null ? <>–</> : <span title={`${count(n)} bytes a second`}>{rate(n)}</span>;
}

export function Duration({ seconds }: { seconds?: number | null }) {
  return seconds === undefined || seconds === null ? <>–</> : <span title={`${count(seconds)} seconds`}>{duration(seconds)}</span>;
}

export function Count({ n }: { n?: number | null }) {
  return <>{n === undefined || n === null ? "–" : count(n)}</>;
}
