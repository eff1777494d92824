import { expect, test } from "vitest";
import type { Schema } from "../../api/client";
import { changesOf, draftOf, troublesOf } from "./draft";

const kept: Schema<"Settings"> = {
  smtp: { host: "smtp.example.org", port: 587, security: "starttls", user: "reports", hasPassword: true, from: "mailhaul@example.org", ca: "", fixed: false },
  keepCompletedSeconds: 7776000,
  keepCompletedFixed: false,
  version: 3,
};

test("only what was changed is sent", () => {
  const draft = draftOf(kept);
  expect(draft.days).toBe("90");
  expect(changesOf(draftOf(kept), draft)).toBeUndefined();
  expect(changesOf(draftOf(kept), { ...draft, days: "0.5" })).toEqual({ keepCompletedSeconds: 43200 });
  expect(changesOf(draftOf(kept), { ...draft, host: " mail.example.org ", password: "p4ss" })).toEqual({ smtp: { host: "mail.example.org", password: "p4ss" } });
  expect(changesOf(draftOf(kept), { ...draft, port: "" })).toEqual({ smtp: { port: 0 } });
});

test("days are a number, or nothing is sent", () => {
  const draft = draftOf(kept);
  for (const days of ["9..9", "1.2.3", "", " ", ".", "1,", "0.01", "4000", "1e3"]) expect(troublesOf({ ...draft, days }), days).toHaveProperty("days");
  for (const days of ["0", "90", "0.5", "0,5", " 30 "]) expect(troublesOf({ ...draft, days }), days).toEqual({});
  expect(changesOf(draftOf(kept), { ...draft, days: "0,5" })).toEqual({ keepCompletedSeconds: 43200 });
});

test("what was set by seconds is no trouble", () => {
  expect(troublesOf(draftOf({ ...kept, keepCompletedSeconds: 3600 }))).toEqual({});
});

test("a port is one, or empty", () => {
  const draft = draftOf(kept);
  for (const port of ["0", "65536"]) expect(troublesOf({ ...draft, port })).toHaveProperty("port");
  for (const port of ["", "465"]) expect(troublesOf({ ...draft, port })).toEqual({});
});
