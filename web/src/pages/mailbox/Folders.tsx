import { makeStyles, ProgressBar, tokens } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { api, ask, type Schema } from "../../api/client";
import { count, percent, visible } from "../../parts/format";
import { Loading } from "../../parts/Loading";
import { Problem } from "../../parts/Problem";
import { Said } from "../../parts/Said";
import { ToneBadge } from "../../parts/StateBadge";
import type { Tone } from "../../parts/states";
import { VirtualTable, type Column } from "../../parts/VirtualTable";
import { Card } from "../batch/Card";

type MailboxFolder = Schema<"MailboxFolder">;

const useStyles = makeStyles({
  quiet: { color: tokens.colorNeutralForeground2 },
  row: { display: "grid", gridTemplateColumns: "minmax(40px, 1fr) 44px", alignItems: "center", gap: tokens.spacingHorizontalS, fontVariantNumeric: "tabular-nums" },
  names: { display: "flex", flexDirection: "column", minWidth: 0, lineHeight: tokens.lineHeightBase200 },
  target: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200, overflow: "hidden", textOverflow: "ellipsis" },
});

const words: Record<string, [Tone, string, string]> = {
  waiting: ["neutral", "Waiting", "Its turn in this pass has not come yet."],
  copying: ["active", "Copying", "The pass is at it."],
  done: ["success", "Done", "All of it is accounted for."],
  begun: ["neutral", "Begun", "A pass has begun with it and not ended it."],
};

/** The folders of a mailbox, from source to target. */
export function Folders({ batch, address, passes, moving }: { batch: string; address: string; passes: number; moving: boolean }) {
  const styles = useStyles();
  const { data, error, refetch } = useQuery({
    queryKey: ["mailbox-folders", batch, address, passes],
    queryFn: () => ask(api.GET("/batches/{batch}/mailboxes/{address}/folders", { params: { path: { batch, address } } })),
    refetchInterval: moving ? 3_000 : false,
    placeholderData: (before) => before,
  });
  const columns: Column<MailboxFolder>[] = [
    {
      key: "name",
      header: "Source, and target below",
      width: "minmax(150px, 2fr)",
      cell: (f) => (
        <div className={styles.names}>
          <Said text={f.source} line />
          <span className={styles.target}>
            → <Said text={f.target} />
          </span>
        </div>
      ),
    },
    {
      key: "state",
      header: "State",
      width: "100px",
      cell: (f) => {
        const [tone, text, title] = words[f.state] ?? ["neutral", f.state, ""];
        return <ToneBadge tone={tone} text={text} title={title} />;
      },
    },
    {
      key: "progress",
      header: "Progress",
      width: "minmax(110px, 1fr)",
      from: 480,
      cell: (f) => {
        const done = f.copied + f.skipped;
        const share = f.sourceMessages > 0 ? Math.min(1, done / f.sourceMessages) : 1;
        return (
          <div className={styles.row}>
            <ProgressBar value={share} thickness="large" aria-label={`Progress of ${visible(f.source)}`} />
            {percent(share, 1)}
          </div>
        );
      },
    },
    { key: "source", header: "At the source", width: "100px", align: "end", from: 620, cell: (f) => count(f.sourceMessages) },
    { key: "copied", header: "At the target", width: "100px", align: "end", from: 620, cell: (f) => count(f.copied) },
    { key: "skipped", header: "Left out", width: "76px", align: "end", from: 560, cell: (f) => count(f.skipped) },
  ];
  return (
    <Card title="Folders">
      {error && !data ? (
        <Problem error={error} title="The folders could not be read" retry={() => void refetch()} />
      ) : !data ? (
        <Loading rows={4} height={32} what="Loading the folders" />
      ) : (
        <VirtualTable label={`Folders of ${address}`} columns={columns} rows={data.items ?? []} rowKey={(f) => `${f.source}\n${f.target}`} rowHeight={48} maxHeight="520px" empty={<p className={styles.quiet}>Its folders are known when its first pass has begun.</p>} />
      )}
    </Card>
  );
}
