// @vitest-environment jsdom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { watchReachable } from "./reachable";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("tells that the server is away, and soon that it is back", async () => {
  const answers = [true, false, true];
  const told: boolean[] = [];
  const stop = watchReachable((r) => told.push(r), async () => answers.shift() ?? true);
  await vi.advanceTimersByTimeAsync(0);
  expect(told).toEqual([true]);
  await vi.advanceTimersByTimeAsync(15_000);
  expect(told).toEqual([true, false]);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(told).toEqual([true, false, true]);
  stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told).toHaveLength(3);
});

it("looks at once when the network comes back", async () => {
  const told: boolean[] = [];
  const stop = watchReachable((r) => told.push(r), async () => told.length > 0);
  await vi.advanceTimersByTimeAsync(0);
  window.dispatchEvent(new Event("online"));
  await vi.advanceTimersByTimeAsync(0);
  expect(told).toEqual([false, true]);
  stop();
});
