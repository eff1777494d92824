import { expect, it } from "vitest";
import type { Schema } from "../../api/client";
import { groupTroubles } from "./troubles";

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
