import type { Schema } from "../../api/client";

type Throughput = Schema<"Throughput">;

export interface Point {
  at: string;
  value: number;
}

/**
 * How many messages had been copied at each point: backwards from how many there are now,
 * so that what was copied before the first point, or is not on record any more, counts.
 */
export function copiedOver(answer: Throughput, moved: number): Point[] {
  const points = answer.points ?? [];
  let left = moved;
  return points
    .toReversed()
    .map((p) => {
      const point = { at: p.at, value: Math.max(0, left) };
      left -= p.messages;
      return point;
    })
    .toReversed();
}

/** Points over which a rate is taken: one alone jumps with each large message. */
const smooth = 5;

/**
 * How many seconds were left at each point, at the rate of the points before it. Where
 * nothing moved, nothing can be said, and there is no point.
 */
export function leftOver(answer: Throughput, moved: number, all: number): Point[] {
  const points = answer.points ?? [];
  const copied = copiedOver(answer, moved);
  return copied.flatMap((point, i) => {
    const last = points.slice(Math.max(0, i - smooth + 1), i + 1);
    const rate = last.reduce((sum, p) => sum + p.messages, 0) / (last.length * (answer.stepSeconds || 60));
    return rate > 0 ? [{ at: point.at, value: Math.max(0, all - point.value) / rate }] : [];
  });
}
