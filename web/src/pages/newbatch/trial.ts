// The results of a preflight, mailbox by mailbox.
import { api, ask, type Schema } from "../../api/client";

export interface Tried {
  address: string;
  row: number;
  state: string;
  preflight?: Schema<"PreflightResult">;
}

export type Outcome = "pending" | "failed" | "warned" | "ok";

/** How the preflight of a mailbox ended; results before the given moment are of an earlier one. */
export function outcome(m: Tried, since: string): Outcome {
  const p = m.preflight;
  if (m.state === "Validating" || !p || (since !== "" && Date.parse(p.at) <= Date.parse(since))) return m.state === "Corrupted" ? "failed" : "pending";
  if (!p.ok) return "failed";
  return (p.warnings ?? []).length > 0 ? "warned" : "ok";
}

/** The newest result there is, after which those of the next preflight come. */
export function newest(list: Tried[]): string {
  return list.reduce((last, m) => (m.preflight && (last === "" || Date.parse(m.preflight.at) > Date.parse(last)) ? m.preflight.at : last), "");
}

const ranks: Outcome[] = ["failed", "warned", "pending", "ok"];

/** Those first that a person should look at. */
export function sorted(list: Tried[], since: string): { mailbox: Tried; outcome: Outcome }[] {
  return list.map((mailbox) => ({ mailbox, outcome: outcome(mailbox, since) })).sort((a, b) => ranks.indexOf(a.outcome) - ranks.indexOf(b.outcome) || a.mailbox.row - b.mailbox.row);
}

export function tally(list: Tried[], since: string): Record<Outcome, number> {
  const counts: Record<Outcome, number> = { pending: 0, failed: 0, warned: 0, ok: 0 };
  for (const m of list) counts[outcome(m, since)]++;
  return counts;
}

/** What keeps a mailbox from being copied, by side. */
export function troublesOf(p: Schema<"PreflightResult"> | undefined): { side: string; trouble: Schema<"Trouble"> }[] {
  const list: { side: string; trouble: Schema<"Trouble"> }[] = [];
  if (p?.sourceTrouble) list.push({ side: "Source", trouble: p.sourceTrouble });
  if (p?.targetTrouble) list.push({ side: "Target", trouble: p.targetTrouble });
  if (list.length === 0 && p?.trouble) list.push({ side: "", trouble: p.trouble });
  return list;
}

/** All mailboxes of a batch, with no more of each than is shown. */
export async function allTried(batch: string, signal: AbortSignal): Promise<Tried[]> {
  const list: Tried[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await ask(api.GET("/mailboxes", { params: { query: { batch, limit: 1000, ...(cursor ? { cursor } : {}) } }, signal }));
    for (const { address, row, state, preflight } of page.items ?? []) list.push({ address, row, state, preflight });
    cursor = page.next;
    if (!cursor) return list;
  }
}
