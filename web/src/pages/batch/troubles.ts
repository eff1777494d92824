import type { Schema } from "../../api/client";
import { troublesOf } from "../newbatch/trial";

type Mailbox = Schema<"Mailbox">;

/** States of mailboxes that somebody has to look at. */
export const failedStates = ["Failed", "IncrementalFailed", "CompletionFailed", "Corrupted"];

/** Why a mailbox is as it is, in a line: its trouble, what it waits for, or what keeps it from its first pass. */
export function whyOf(m: Pick<Mailbox, "trouble" | "waiting" | "preflight" | "passes" | "state">): string {
  if (m.trouble) return m.trouble.reason;
  if (m.waiting || m.passes > 0 || m.state === "Validating") return m.waiting ?? "";
  return troublesOf(m.preflight)
    .map(({ side, trouble }) => (side === "" ? "Preflight: " : `Preflight, ${side.toLowerCase()}: `) + trouble.reason)
    .join("; ");
}

/** A trouble and the mailboxes that have it. */
export interface TroubleGroup {
  code: string;
  reason: string;
  remedy?: string;
  mailboxes: Mailbox[];
}

/** Puts mailboxes with the same trouble together, the most frequent first: one remedy often helps them all. */
export function groupTroubles(mailboxes: Mailbox[]): TroubleGroup[] {
  const groups = new Map<string, TroubleGroup>();
  for (const mailbox of mailboxes) {
    const code = mailbox.trouble?.code ?? mailbox.state;
    const group = groups.get(code);
    if (group) group.mailboxes.push(mailbox);
    else groups.set(code, { code, reason: mailbox.trouble?.reason ?? "", remedy: mailbox.trouble?.remedy, mailboxes: [mailbox] });
  }
  return [...groups.values()].sort((a, b) => b.mailboxes.length - a.mailboxes.length);
}
