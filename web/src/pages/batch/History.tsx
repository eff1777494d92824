import { Button, makeStyles, Spinner, tokens } from "@fluentui/react-components";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { api, ask, type Schema } from "../../api/client";
import { Empty } from "../../parts/Empty";
import { FormDialog } from "../../parts/FormDialog";
import { moment, visible } from "../../parts/format";
import { Loading } from "../../parts/Loading";
import { Problem } from "../../parts/Problem";
import { Said } from "../../parts/Said";
import { VirtualTable, type Column } from "../../parts/VirtualTable";
import { When } from "../../parts/When";
import { Facts } from "./Card";
import { detailLine, detailsOf } from "./detail";

type Row = Schema<"HistoryRecord">;

const useStyles = makeStyles({ more: { paddingTop: tokens.spacingVerticalS } });

const columns: Column<Row>[] = [
  { key: "at", header: "When", width: "minmax(120px, 220px)", cell: (r) => <When at={r.at} absolute /> },
  { key: "actor", header: "Who", width: "minmax(80px, 160px)", cell: (r) => <Said text={r.actor} line /> },
  { key: "action", header: "Action", width: "minmax(110px, 200px)", cell: (r) => <Said text={r.action} line /> },
  { key: "object", header: "Of what", width: "minmax(140px, 1fr)", from: 560, cell: (r) => <Said text={r.object} line /> },
  { key: "detail", header: "Details", width: "minmax(140px, 2fr)", from: 760, cell: (r) => <Said text={detailLine(r)} line /> },
];

/** Who asked what of a batch and its mailboxes, the newest first. */
export function History({ batch }: { batch: string }) {
  const styles = useStyles();
  const [open, setOpen] = useState<Row>();
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: ["history", batch],
    queryFn: ({ pageParam, signal }) => ask(api.GET("/batches/{batch}/history", { params: { path: { batch }, query: { cursor: pageParam, limit: 200 } }, signal })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next || undefined,
    // What changes nothing of the batch, as new passwords do, its live line does not tell.
    refetchInterval: 30_000,
  });
  if (error && !data) return <Problem error={error} title="The history could not be read" retry={() => void refetch()} />;
  if (!data) return <Loading rows={6} what="Loading the history" />;
  const rows = data.pages.flatMap((p) => p.items ?? []);
  return (
    <div>
      <VirtualTable label="History" columns={columns} rows={rows} rowKey={(r) => r.id} onOpen={(r) => setOpen(r)} empty={<Empty title="Nothing is on record of this batch">What operators ask of it is told here.</Empty>} />
      {error && <Problem error={error} title="More of the history could not be read" />}
      {hasNextPage && (
        <div className={styles.more}>
          <Button disabledFocusable={isFetchingNextPage} icon={isFetchingNextPage ? <Spinner size="tiny" /> : undefined} onClick={() => void fetchNextPage()}>
            Show older
          </Button>
        </div>
      )}
      <Opened record={open} onClose={() => setOpen(undefined)} />
    </div>
  );
}

/** A record with all that belongs to it. */
function Opened({ record: r, onClose }: { record?: Row; onClose(): void }) {
  return (
    <FormDialog open={r !== undefined} onClose={onClose} title={visible(r?.action ?? "")}>
      {r && <Facts of={[["When", moment(r.at)], ["Who", <Said text={r.actor} />], ["Of what", <Said text={r.object} />], ...detailsOf(r).map(([term, text]): [string, ReactNode] => [term, <Said text={text} />])]} />}
    </FormDialog>
  );
}
