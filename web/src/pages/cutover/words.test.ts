import { expect, test } from "vitest";
import { emptyDraft, entering, localTime, recordText, specOf, withKind } from "./words";

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

test("a time that was stated stays to the second unless another one is entered", () => {
  const statedAt = "2026-08-01T20:00:42.5Z";
  const switchedAt = localTime(statedAt);
  expect(specOf({ ...emptyDraft, switchedAt, notify: "a@example.org" }, [], statedAt).switchedAt).toBe(statedAt);
  expect(specOf({ ...emptyDraft, switchedAt: localTime("2026-08-01T21:00:00Z") }, [], statedAt).switchedAt).toBe("2026-08-01T21:00:00.000Z");
  expect(specOf(emptyDraft, [], statedAt).switchedAt).toBeUndefined();
});

test("a time that is entered anew is said anew, also the same one", () => {
  const statedAt = "2026-08-01T20:00:42.5Z";
  const begun = { ...emptyDraft, switchedAt: localTime(statedAt) };
  expect(specOf({ ...begun, notify: "a@example.org" }, [], statedAt).saidAnew).toBeUndefined();
  expect(specOf(entering(entering(begun, ""), localTime(statedAt)), [], statedAt)).toMatchObject({ switchedAt: statedAt, saidAnew: true });
  expect(specOf(entering(begun, localTime("2026-08-01T21:00:00Z")), [], statedAt)).toMatchObject({ switchedAt: "2026-08-01T21:00:00.000Z", saidAnew: true });
  expect(specOf(entering(begun, ""), [], statedAt)).toEqual({ target: { kind: "office365" }, batches: [], notify: [] });
});

test("another kind of target has nothing that the former one filled in", () => {
  const office = { ...emptyDraft, domain: "contoso.com", kind: "office365" as const, mx: "mx1.new.example", spf: "spf.protection.outlook.com", autodiscover: "autodiscover.outlook.com", tenant: "contoso.onmicrosoft.com" };
  expect(specOf(withKind(office, "other"), []).target).toEqual({ kind: "other", mx: ["mx1.new.example"] });
  expect(specOf(withKind(office, "office365-china"), []).target).toEqual({ kind: "office365-china", mx: ["mx1.new.example"] });
});

test("a record is one line", () => {
  expect(recordText({ name: "contoso.com", type: "MX", preference: 10, value: "mx.contoso.com", ttl: 3600 })).toBe("contoso.com 3600 MX 10 mx.contoso.com");
  expect(recordText({ name: "contoso.com", type: "TXT", value: "v=spf1 -all", ttl: 60 })).toBe("contoso.com 60 TXT v=spf1 -all");
});
