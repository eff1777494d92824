import type { Schema } from "../api/client";

const started = ["Starting", "Syncing", "Synced", "SyncedWithErrors", "IncrementalSyncing"];

/** Why nothing can be approved of a batch or a mailbox. */
export const allApproved = "No message was left out that is not approved.";

/** Why a verb that the server would take changes nothing of a batch, in a sentence; undefined when it does something. */
export function pointless({ state, counts, figures }: Pick<Schema<"Batch">, "state" | "counts" | "figures">, verb: string): string | undefined {
  if (verb === "start" && started.includes(state) && counts.failed + counts.stopped === 0) return "It is started already, and no mailbox of it has failed or was stopped.";
  if (verb === "approve" && figures && figures.skipped <= figures.approved) return allApproved;
  return undefined;
}
