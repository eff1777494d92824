import { api, ask, type Schema } from "../../api/client";
import { states } from "../../parts/states";

export type MailboxActions = Schema<"MailboxActions">;
export type MailboxesActed = Schema<"MailboxesActed">;

/** Which mailboxes of a batch are meant: some by their addresses, or all that match. */
export type Chosen = { addresses: string[] } | { states: string[]; search: string; notReady?: boolean };

/** So many addresses fit into one request. */
const most = 5_000;

/**
 * The requests that ask for a verb. The server refuses one that does not say which
 * mailboxes it means, so that all of a batch are those in any state; no addresses are no
 * request, and never one that means all.
 */
export function requests(what: Pick<MailboxActions, "verb" | "reason">, chosen: Chosen): MailboxActions[] {
  if ("addresses" in chosen) {
    const list: MailboxActions[] = [];
    for (let i = 0; i < chosen.addresses.length; i += most) list.push({ ...what, addresses: chosen.addresses.slice(i, i + most) });
    return list;
  }
  const { search, notReady } = chosen;
  const of = chosen.states.length > 0 || search !== "" || notReady ? chosen.states : Object.keys(states.mailbox);
  return [{ ...what, ...(of.length > 0 ? { states: of } : {}), ...(search !== "" ? { search } : {}), ...(notReady ? { notReady } : {}) }];
}

/** Adds answers up. */
export function sum(answers: MailboxesActed[]): MailboxesActed {
  return {
    done: answers.reduce((n, a) => n + a.done, 0),
    refused: answers.flatMap((a) => a.refused ?? []).slice(0, 100),
    refusedCount: answers.reduce((n, a) => n + a.refusedCount, 0),
  };
}

/** Asks for a verb of many mailboxes. */
export async function actOnMany(batch: string, what: Pick<MailboxActions, "verb" | "reason">, chosen: Chosen): Promise<MailboxesActed> {
  const answers: MailboxesActed[] = [];
  for (const body of requests(what, chosen)) answers.push(await ask(api.POST("/batches/{batch}/mailbox-actions", { params: { path: { batch } }, body })));
  return sum(answers);
}
