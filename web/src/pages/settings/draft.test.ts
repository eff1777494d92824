import { expect, test } from "vitest";
import type { Schema } from "../../api/client";
import { changesOf, draftOf } from "./draft";

const kept: Schema<"Settings"> = {
  smtp: { host: "smtp.example.org", port: 587, security: "starttls", user: "reports", hasPassword: true, from: "mailhaul@example.org", ca: "", fixed: false },
  keepCompletedSeconds: 7776000,
  keepCompletedFixed: false,
  version: 3,
};

test("only what was changed is sent", () => {
  const draft = draftOf(kept);
  expect(draft.days).toBe("90");
  expect(changesOf(kept, draft)).toBeUndefined();
  expect(changesOf(kept, { ...draft, days: "0.5" })).toEqual({ keepCompletedSeconds: 43200 });
  expect(changesOf(kept, { ...draft, host: " mail.example.org ", password: "p4ss" })).toEqual({ smtp: { host: "mail.example.org", password: "p4ss" } });
  expect(changesOf(kept, { ...draft, port: "" })).toEqual({ smtp: { port: 0 } });
});
