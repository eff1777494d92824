import { describe, expect, it } from "vitest";
import { nearest, niceTicks, timeTicks } from "./chart";

describe("ticks", () => {
  it("are round and reach the most", () => {
    expect(niceTicks(0)).toEqual([0]);
    expect(niceTicks(10)).toEqual([0, 2.5, 5, 7.5, 10]);
    expect(niceTicks(7.3)).toEqual([0, 2, 4, 6, 8]);
    for (const most of [0.3, 1, 99, 101, 12_345, 9e9]) {
      const ticks = niceTicks(most);
      expect(ticks.at(-1)!).toBeGreaterThanOrEqual(most * 0.999);
      expect(ticks.length).toBeLessThanOrEqual(6);
    }
  });
  it("of time are at full steps and few", () => {
    const from = Date.parse("2026-01-01T10:07:00Z");
    const { step, at } = timeTicks(from, from + 3_600_000, 6);
    expect(step).toBe(900_000);
    expect(at.map((t) => new Date(t).getMinutes() % 15)).toEqual([0, 0, 0, 0]);
    expect(timeTicks(from, from + 30 * 86_400_000, 6).at.length).toBeLessThanOrEqual(7);
  });
});

it("what is nearest is found", () => {
  expect(nearest([], 5)).toBe(-1);
  expect(nearest([0, 10, 20], 14)).toBe(1);
  expect(nearest([0, 10, 20], 99)).toBe(2);
});
