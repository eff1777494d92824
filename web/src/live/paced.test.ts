import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { paced } from "./paced";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("what is asked for often is done at once, and then once a second", async () => {
  const act = vi.fn(() => Promise.resolve());
  const pace = paced(act);
  for (let i = 0; i < 19; i++) {
    pace.ask();
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(act).toHaveBeenCalledTimes(2);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(act).toHaveBeenCalledTimes(3);
});

test("what is asked for while it is being done is done again when that has ended, also badly", async () => {
  let fail!: (error: Error) => void;
  const act = vi.fn(() => new Promise<void>((_, reject) => (fail = reject)));
  const pace = paced(act);
  pace.ask();
  pace.ask();
  await vi.advanceTimersByTimeAsync(3_000);
  expect(act).toHaveBeenCalledTimes(1);
  fail(new Error("the line is lost"));
  await vi.advanceTimersByTimeAsync(0);
  expect(act).toHaveBeenCalledTimes(2);
});

test("nothing is done once it was stopped", async () => {
  const act = vi.fn(() => Promise.resolve());
  const pace = paced(act);
  pace.ask();
  pace.ask();
  pace.stop();
  await vi.advanceTimersByTimeAsync(5_000);
  pace.ask();
  expect(act).toHaveBeenCalledTimes(1);
});
