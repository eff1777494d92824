import type { Schema } from "../../api/client";

type Mailbox = Schema<"Mailbox">;

/** States of mailboxes that somebody has to look at. */
export const failedStates = ["Failed", "IncrementalFailed", "CompletionFailed", "Corrupted"];

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
