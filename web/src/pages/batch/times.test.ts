import { expect, it } from "vitest";
import { timesOf } from "./times";

const [earlier, later, never] = ["2026-11-29T08:00:00Z", "2026-12-01T20:00:00Z", "0001-01-01T00:00:00Z"];

it("tells times to come as such", () => {
  expect(timesOf({ startAfter: later, completeAfter: later })).toEqual({ start: ["Start at", later], complete: ["Complete at", later] });
});

it("tells what has happened instead of what was to be", () => {
  expect(timesOf({ started: earlier, startAfter: later, completed: earlier, completeAfter: later })).toEqual({ start: ["Started at", earlier], complete: ["Completed at", earlier] });
  expect(timesOf({ started: earlier, completeAfter: later })).toEqual({ start: ["Started at", earlier], complete: ["Complete at", later] });
});

it("tells nothing where no time was given", () => {
  expect(timesOf({ startAfter: never, completeAfter: never })).toEqual({ start: ["Started at", undefined], complete: ["Completed at", undefined] });
});
