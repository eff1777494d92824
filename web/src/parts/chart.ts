// What a chart needs to know, without drawing it.

/** Round values from 0 up to at least the most, at most five of them; 0 alone where there is nothing. */
export function niceTicks(most: number): number[] {
  if (!(most > 0)) return [0];
  const rough = most / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((n) => n * power).find((n) => n >= rough * 0.999) ?? 10 * power;
  return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, i) => i * step);
}

const spans = [60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86_400, 2 * 86_400, 5 * 86_400, 10 * 86_400].map((s) => s * 1000);

/** Moments between two, in milliseconds, at full minutes, hours or days of the viewer's zone; at most so many. */
export function timeTicks(from: number, to: number, most: number): { step: number; at: number[] } {
  const step = spans.find((s) => (to - from) / s <= most) ?? spans.at(-1)!;
  const zone = new Date(from).getTimezoneOffset() * 60_000;
  const list: number[] = [];
  for (let at = Math.ceil((from - zone) / step) * step + zone; at <= to && list.length <= most; at += step) list.push(at);
  return { step, at: list };
}

/** Where on the lines is what is nearest to a moment; -1 of nothing. */
export function nearest(moments: number[], at: number): number {
  let best = -1;
  moments.forEach((m, i) => {
    if (best < 0 || Math.abs(m - at) < Math.abs(moments[best]! - at)) best = i;
  });
  return best;
}
