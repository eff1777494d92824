import { Button, makeStyles, MessageBar, MessageBarBody, SearchBox, Spinner, tokens } from "@fluentui/react-components";
import { ClipboardTextLtrRegular } from "@fluentui/react-icons";
import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { useCallback, useMemo, useState } from "react";
import { api, ask, type Schema } from "../api/client";
import { Empty } from "../parts/Empty";
import { count, counted, moment } from "../parts/format";
import { FormDialog } from "../parts/FormDialog";
import { Loading } from "../parts/Loading";
import { Problem } from "../parts/Problem";
import { Said } from "../parts/Said";
import { VirtualTable, type Column } from "../parts/VirtualTable";
import { When } from "../parts/When";
import { Page } from "../shell/Page";

type Entry = Schema<"AuditRecord">;

const useStyles = makeStyles({
  filters: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS, alignItems: "center" },
  search: { flexGrow: 1, maxWidth: "320px" },
  count: { color: tokens.colorNeutralForeground3 },
  detail: { margin: 0, padding: tokens.spacingHorizontalM, maxHeight: "40vh", overflow: "auto", whiteSpace: "pre-wrap", fontFamily: tokens.fontFamilyMonospace, fontSize: tokens.fontSizeBase200, backgroundColor: tokens.colorNeutralBackground3, borderRadius: tokens.borderRadiusMedium },
  facts: { display: "grid", gridTemplateColumns: "max-content minmax(0, 1fr)", gap: `${tokens.spacingVerticalXS} ${tokens.spacingHorizontalL}`, margin: 0, "& dd": { margin: 0 } },
});

const columns: Column<Entry>[] = [
  { key: "at", header: "When", width: "minmax(110px, 170px)", cell: (r) => <When at={r.at} /> },
  { key: "actor", header: "Who", width: "minmax(70px, 1fr)", cell: (r) => <Said text={r.actor} /> },
  { key: "action", header: "What", width: "minmax(100px, 1fr)", cell: (r) => r.action },
  { key: "object", header: "Of what", width: "minmax(120px, 2fr)", from: 480, cell: (r) => <Said text={r.object} /> },
  { key: "detail", header: "Detail", width: "minmax(160px, 3fr)", from: 800, cell: (r) => <Said text={r.detail ?? ""} mono /> },
];

/** JSON in lines, and what is none as it is. */
function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

export default function Audit() {
  const styles = useStyles();
  const [text, setText] = useState("");
  const [open, setOpen] = useState<Entry>();
  const log = useInfiniteQuery({
    queryKey: ["audit"],
    queryFn: ({ pageParam }) => ask(api.GET("/audit", { params: { query: { limit: 200, ...(pageParam ? { cursor: pageParam } : {}) } } })),
    initialPageParam: "",
    getNextPageParam: (page) => page.next || undefined,
  });
  const verify = useMutation({ mutationFn: () => ask(api.POST("/audit/verify")) });
  const loaded = useMemo(() => (log.data?.pages ?? []).flatMap((p) => p.items ?? []), [log.data]);
  const shown = useMemo(() => {
    const wanted = text.toLowerCase();
    return wanted === "" ? loaded : loaded.filter((r) => [r.actor, r.action, r.object, r.detail ?? ""].some((t) => t.toLowerCase().includes(wanted)));
  }, [loaded, text]);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = log;
  const want = useCallback(
    (_first: number, last: number) => {
      if (last >= shown.length - 20 && hasNextPage && !isFetchingNextPage) void fetchNextPage();
    },
    [shown.length, hasNextPage, isFetchingNextPage, fetchNextPage],
  );
  // The row after the last stands for what is still to be loaded.
  const rows = useMemo(() => ({ total: shown.length + (hasNextPage ? 1 : 0), at: (i: number) => shown[i], want }), [shown, hasNextPage, want]);
  return (
    <Page
      title="Audit log"
      intro="Who did what, newest first. Each record is chained to the one before, so that none can be changed or taken out unseen."
      actions={
        <Button onClick={() => verify.mutate()} disabledFocusable={verify.isPending} icon={verify.isPending ? <Spinner size="tiny" /> : undefined}>
          Verify the log
        </Button>
      }
    >
      {verify.data && (
        <MessageBar intent={verify.data.ok ? "success" : "error"} layout="multiline" role="status">
          <MessageBarBody>{verify.data.ok ? `All ${count(verify.data.records)} records are as they were written.` : <Said text={`The log was changed: ${verify.data.detail ?? ""}`} />}</MessageBarBody>
        </MessageBar>
      )}
      <Problem error={verify.error} title="The log could not be verified" retry={() => verify.mutate()} />
      <Problem error={log.error} title="The log could not be read" retry={() => void log.refetch()} />
      {log.data === undefined ? (
        !log.error && <Loading rows={8} height={32} what="Loading the log" />
      ) : (
        <>
          <div className={styles.filters} role="search">
            <SearchBox className={styles.search} placeholder="Who, what or of what" aria-label="Find records" value={text} onChange={(_, data) => setText(data.value)} />
            <span className={styles.count} role="status">
              {text === "" ? `${counted(loaded.length, "record")}${hasNextPage ? " loaded, more follow" : ""}` : `${count(shown.length)} of ${counted(loaded.length, "record")}${hasNextPage ? ", and more are looked through" : ""}`}
            </span>
          </div>
          <VirtualTable label="Audit log" columns={columns} rows={rows} rowKey={(r) => r.id} onOpen={(r) => setOpen(r)} empty={<Empty title="No record matches" icon={ClipboardTextLtrRegular} />} />
        </>
      )}
      <FormDialog open={open !== undefined} onClose={() => setOpen(undefined)} title={open?.action ?? ""}>
        {open && (
          <>
            <dl className={styles.facts}>
              <dt>When</dt>
              <dd>{moment(open.at)}</dd>
              <dt>Who</dt>
              <dd>
                <Said text={open.actor} />
              </dd>
              <dt>Of what</dt>
              <dd>
                <Said text={open.object} />
              </dd>
              <dt>Number</dt>
              <dd>{open.id}</dd>
            </dl>
            {open.detail && <pre className={styles.detail} tabIndex={0}>{pretty(open.detail)}</pre>}
          </>
        )}
      </FormDialog>
    </Page>
  );
}
