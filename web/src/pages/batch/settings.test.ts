import { expect, it } from "vitest";
import { formOf, localTime, patchOf, type Form, troublesOf } from "./settings";

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

it("refuses a new time to complete that is past", () => {
  const now = Date.parse("2026-11-30T12:00:00Z");
  expect(troublesOf({ ...form, completeAfter: "2026-11-28T12:00" }, form, now).completeAfter).toMatch(/past already.*Complete/);
  expect(troublesOf({ ...form, completeAfter: "2026-12-03T12:00" }, form, now)).toEqual({});
  expect(troublesOf({ ...form, completeAfter: "" }, form, now)).toEqual({});
});

it("takes other changes after the time to complete has come", () => {
  expect(troublesOf({ ...form, interval: "1800" }, form, Date.parse("2027-01-01T00:00:00Z"))).toEqual({});
});

it("reads a batch", () => {
  const batch = { notify: null, intervalSeconds: 86400, reportIntervalSeconds: 0 } as unknown as Parameters<typeof formOf>[0];
  expect(formOf(batch)).toEqual({ notify: [], interval: "86400", reports: "0", startAfter: "", completeAfter: "" });
});
