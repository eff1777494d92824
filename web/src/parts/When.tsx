import { useSyncExternalStore } from "react";
import { ago, moment } from "./format";

const listeners = new Set<() => void>();
let now = Date.now();
let timer = 0;

function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) {
    now = Date.now();
    timer = window.setInterval(() => {
      now = Date.now();
      listeners.forEach((tell) => tell());
    }, 10_000);
  }
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) window.clearInterval(timer);
  };
}

/** The time as shown, which goes on every ten seconds. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

/** A moment: relative, with the absolute one in the viewer's zone as title; or the other way round. */
export function When({ at, absolute, never = "–" }: { at?: string | null; absolute?: boolean; never?: string }) {
  const from = useNow();
  if (!at || at.startsWith("0001-")) return <>{never}</>;
  const both = [ago(at, Math.max(from, Date.now() - 10_000)), moment(at)];
  const [text, title] = absolute ? [both[1], both[0]] : both;
  return (
    <time dateTime={at} title={title}>
      {text}
    </time>
  );
}
