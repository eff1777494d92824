import { expect, it } from "vitest";
import { copiedOver, leftOver } from "./course";

const answer = (...messages: number[]) => ({ stepSeconds: 60, points: messages.map((n, i) => ({ at: new Date(i * 60_000).toISOString(), messages: n, bytes: 0 })) });

it("counts backwards from what is copied now", () => {
  expect(copiedOver(answer(10, 0, 5), 115).map((p) => p.value)).toEqual([110, 110, 115]);
  expect(copiedOver({ stepSeconds: 60, points: null }, 5)).toEqual([]);
});

it("never shows less than nothing, when the record has more than the sum", () => {
  expect(copiedOver(answer(10, 10), 5).map((p) => p.value)).toEqual([0, 5]);
});

it("says what is left at the rate of the last points", () => {
  expect(leftOver(answer(60, 60), 120, 180).map((p) => p.value)).toEqual([120, 60]);
});

it("says nothing where nothing moved", () => {
  expect(leftOver(answer(0, 0, 60), 60, 120).map((p) => p.at)).toEqual([new Date(120_000).toISOString()]);
});
