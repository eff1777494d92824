import { expect, it } from "vitest";
import type { Schema } from "../../api/client";
import { groupTroubles, whyOf } from "./troubles";

const mailbox = (address: string, code?: string) => ({ address, state: "Failed", trouble: code ? { at: "", class: "auth", code, reason: `${address} was refused`, remedy: "Give another password." } : undefined }) as Schema<"Mailbox">;

it("puts the same trouble together, the most frequent first", () => {
  const groups = groupTroubles([mailbox("a", "full"), mailbox("b", "sign-in"), mailbox("c", "sign-in"), mailbox("d")]);
  expect(groups.map((g) => [g.code, g.mailboxes.map((m) => m.address)])).toEqual([
    ["sign-in", ["b", "c"]],
    ["full", ["a"]],
    ["Failed", ["d"]],
  ]);
  expect(groups[0]!.reason).toBe("b was refused");
});

it("tells what the preflight has found before the first pass", () => {
  const trouble = { at: "2026-01-01T00:00:00Z", class: "stop", code: "login", reason: "the password is wrong" };
  const preflight = { at: trouble.at, ok: false, source: "sign-in", target: "ok", folders: 0, messages: 0, bytes: 0, free: -1, trouble, sourceTrouble: trouble };
  const m = { passes: 0, state: "Queued", preflight };
  expect(whyOf(m)).toBe("Preflight, source: the password is wrong");
  expect(whyOf({ ...m, passes: 1 })).toBe("");
  expect(whyOf({ ...m, state: "Validating" })).toBe("");
  expect(whyOf({ ...m, waiting: "it has no place" })).toBe("it has no place");
  expect(whyOf({ ...m, trouble: { ...trouble, reason: "the disk is full" } })).toBe("the disk is full");
});
