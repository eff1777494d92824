import { expect, it } from "vitest";
import { changedFields, formOf, lines, localTime, over, patchOf, type Form } from "./settings";

const form: Form = { notify: ["a@example.org", "b@example.org"], interval: "3600", reports: "86400", startAfter: "", completeAfter: "2026-12-01T20:00" };

it("sends only what has changed", () => {
  expect(patchOf(form, { ...form })).toEqual({});
  expect(patchOf(form, { ...form, notify: [...form.notify] })).toEqual({});
  expect(patchOf(form, { ...form, interval: "300", notify: [] })).toEqual({ intervalSeconds: 300, notify: [] });
});

it("takes a time away with the zero time, and reads times in the viewer's zone", () => {
  expect(patchOf(form, { ...form, completeAfter: "" })).toEqual({ completeAfter: "0001-01-01T00:00:00Z" });
  const at = patchOf(form, { ...form, startAfter: "2026-12-01T08:30" }).startAfter!;
  expect(localTime(at)).toBe("2026-12-01T08:30");
  expect(localTime("0001-01-01T00:00:00Z")).toBe("");
});

it("keeps one's own input and takes over the rest", () => {
  const theirs = { ...form, interval: "1800", notify: ["c@example.org"] };
  expect(changedFields(form, theirs)).toEqual(["notify", "interval"]);
  expect(over(form, { ...form, interval: "5400" }, theirs)).toEqual({ ...theirs, interval: "5400" });
});

it("reads a batch", () => {
  const batch = { notify: null, intervalSeconds: 86400, reportIntervalSeconds: 0 } as unknown as Parameters<typeof formOf>[0];
  expect(formOf(batch)).toEqual({ notify: [], interval: "86400", reports: "0", startAfter: "", completeAfter: "" });
  expect(lines("a; b,c\n\n")).toEqual(["a", "b", "c"]);
});
