import { expect, test } from "vitest";
import { newest, outcome, sorted, tally, troublesOf, type Tried } from "./trial";

const at = (minute: number) => `2026-01-01T00:0${minute}:00Z`;
const tried = (row: number, changes: Partial<NonNullable<Tried["preflight"]>> | undefined, state = "Queued"): Tried => ({
  address: `u${row}@example.org`, row, state,
  preflight: changes && { at: at(1), ok: true, source: "ok", target: "ok", folders: 1, messages: 1, bytes: 1, free: -1, ...changes },
});
const trouble = { at: at(1), class: "stop", code: "login", reason: "refused" };

test("a mailbox waits until its result is of this preflight", () => {
  expect(outcome(tried(1, undefined), "")).toBe("pending");
  expect(outcome(tried(1, {}), "")).toBe("ok");
  expect(outcome(tried(1, {}, "Validating"), "")).toBe("pending");
  expect(outcome(tried(1, {}), at(1))).toBe("pending");
  expect(outcome(tried(1, { at: at(2) }), at(1))).toBe("ok");
  expect(outcome(tried(1, undefined, "Corrupted"), "")).toBe("failed");
});

test("what must be looked at comes first", () => {
  const list = [tried(2, {}), tried(3, { ok: false, trouble }), tried(4, undefined), tried(5, { warnings: [{} as never], renamed: 2 }), tried(1, { renamed: 4 })];
  expect(sorted(list, "").map((s) => s.mailbox.row)).toEqual([3, 5, 4, 1, 2]);
  expect(tally(list, "")).toEqual({ failed: 1, warned: 1, pending: 1, ok: 2 });
  expect(newest([...list, tried(6, { at: at(3) })])).toBe(at(3));
  expect(newest([])).toBe("");
});

test("troubles are told by side", () => {
  expect(troublesOf(tried(1, { ok: false, trouble, targetTrouble: trouble }).preflight)).toEqual([{ side: "Target", trouble }]);
  expect(troublesOf(tried(1, { ok: false, trouble }).preflight)).toEqual([{ side: "", trouble }]);
  expect(troublesOf(undefined)).toEqual([]);
});
