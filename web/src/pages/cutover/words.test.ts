import { expect, test } from "vitest";
import { emptyDraft, localTime, recordText, specOf } from "./words";

test("what is typed becomes what is asked for", () => {
  expect(specOf({ ...emptyDraft, domain: "contoso.com" }, ["pilot"])).toEqual({ target: { kind: "office365" }, batches: ["pilot"], notify: [] });
  expect(specOf({ ...emptyDraft, kind: "other", mx: "mx1.new.example, mx2.new.example\n", spf: " spf.new.example ", tenant: "x", notify: "a@example.org b@example.org" }, [])).toEqual({
    target: { kind: "other", mx: ["mx1.new.example", "mx2.new.example"], spf: "spf.new.example" },
    batches: [],
    notify: ["a@example.org", "b@example.org"],
  });
  const at = localTime("2026-08-01T20:00:00Z");
  expect(specOf({ ...emptyDraft, switchedAt: at }, []).switchedAt).toBe("2026-08-01T20:00:00.000Z");
});

test("a record is one line", () => {
  expect(recordText({ name: "contoso.com", type: "MX", preference: 10, value: "mx.contoso.com", ttl: 3600 })).toBe("contoso.com 3600 MX 10 mx.contoso.com");
  expect(recordText({ name: "contoso.com", type: "TXT", value: "v=spf1 -all", ttl: 60 })).toBe("contoso.com 60 TXT v=spf1 -all");
});
