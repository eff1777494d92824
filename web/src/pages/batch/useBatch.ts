import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { api, ask, path, type Live, type Schema } from "../../api/client";
import { batchQuery, queries } from "../../api/queries";
import { useLive } from "../../live/useLive";
import { useFreshLists } from "./useFreshLists";

type Batch = Schema<"Batch">;
type Mailbox = Schema<"Mailbox">;

export interface BatchLook {
  batch?: Batch;
  underWay?: Mailbox[];
  error: unknown;
  retry(): void;
}

const moving = ["Validating", "Starting", "Syncing", "IncrementalSyncing", "Stopping", "Completing"];

/** A batch and its mailboxes that are under way, live. */
export function useBatch(name: string): BatchLook {
  const asked = useQuery(batchQuery(name));
  const live = useLive<Live<"/batches/{batch}/live">>(path`/batches/${name}/live`, "batch", async () => {
    const [batch, mailboxes] = await Promise.all([
      ask(api.GET("/batches/{batch}", { params: { path: { batch: name } } })),
      ask(api.GET("/mailboxes", { params: { query: { batch: name, state: moving, limit: 50 } } })),
    ]);
    return { batch, mailboxes: mailboxes.items };
  });
  const value = live.value?.batch.name === name ? live.value : undefined;
  // What others ask of the batch, such as a form for its version, finds the newest.
  useEffect(() => {
    if (value) queries.setQueryData(batchQuery(name).queryKey, value.batch);
  }, [name, value]);
  useFreshLists(name, value?.batch);
  // An answer of the server to a verb is newer than what the line has said.
  const batch = asked.data && (!value || asked.data.version > value.batch.version) ? asked.data : value?.batch;
  return {
    batch,
    underWay: value ? (value.mailboxes ?? []) : undefined,
    error: batch ? (live.status === "gone" ? live.problem : undefined) : (asked.error ?? undefined),
    retry: () => void asked.refetch(),
  };
}
