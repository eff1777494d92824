import type { Schema } from "../../api/client";

type Batch = Schema<"Batch">;

/**
 * How far a batch is with its initial copies, from 0 to 1. A mailbox that has its copy
 * counts whole, and those whose first pass is under way by what that has done so far.
 */
export function progressOf(batch: Pick<Batch, "counts" | "figures">): number {
  const { total, synced, closed, running, incrementalRunning, validating } = batch.counts;
  if (total === 0) return 0;
  const initial = Math.max(0, running - incrementalRunning - validating);
  const { passMessages = 0, passMessagesTotal = 0 } = batch.figures ?? {};
  const share = initial > 0 && passMessagesTotal > 0 ? Math.min(1, passMessages / passMessagesTotal) : 0;
  return Math.min(1, (synced + closed + Math.min(initial, total) * share) / total);
}
