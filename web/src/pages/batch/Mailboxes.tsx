import { Button, Checkbox, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, Dropdown, makeStyles, Option, SearchBox, Spinner, tokens } from "@fluentui/react-components";
import { useEffect, useMemo, useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { api, ask, type Schema } from "../../api/client";
import { queries } from "../../api/queries";
import { ApproveDialog } from "../../parts/BatchActions";
import { ConfirmByTyping } from "../../parts/ConfirmByTyping";
import { CutoverWarning } from "../../parts/CutoverWarning";
import { DimmedButton, useRoleReason } from "../../parts/DimmedButton";
import { Empty } from "../../parts/Empty";
import { count, counted } from "../../parts/format";
import { To } from "../../parts/Link";
import { Loading } from "../../parts/Loading";
import { Problem } from "../../parts/Problem";
import { Said } from "../../parts/Said";
import { ScoreBadge, StateBadge } from "../../parts/StateBadge";
import { states } from "../../parts/states";
import { useToasts } from "../../parts/Toasts";
import { useReturnFocus } from "../../parts/useReturnFocus";
import { useSparse } from "../../parts/useSparse";
import { VirtualTable, type Column, type Sorting } from "../../parts/VirtualTable";
import { When } from "../../parts/When";
import { actOnMany, type Chosen, type MailboxActions, type MailboxesActed } from "./actMany";
import { MailboxProgress } from "./MailboxProgress";
import { whyOf } from "./troubles";
import { useDebounced } from "./useDebounced";

type Batch = Schema<"Batch">;
type Mailbox = Schema<"Mailbox">;
type Verb = MailboxActions["verb"];

const useStyles = makeStyles({
  bar: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS, alignItems: "center" },
  search: { flexGrow: 1, maxWidth: "320px" },
  states: { minWidth: "200px", maxWidth: "100%" },
  quiet: { color: tokens.colorNeutralForeground2 },
  bad: { color: tokens.colorStatusDangerForeground1, fontWeight: tokens.fontWeightSemibold },
  list: { margin: 0, paddingLeft: tokens.spacingHorizontalL, overflowWrap: "anywhere" },
  content: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM },
});

const verbs: { verb: Verb; text: string; asks?: boolean }[] = [
  { verb: "start", text: "Start" },
  { verb: "stop", text: "Stop" },
  { verb: "sync", text: "Sync now" },
  { verb: "retry", text: "Retry" },
  { verb: "approve", text: "Approve…", asks: true },
  { verb: "delete", text: "Delete…", asks: true },
];

const none: ReadonlySet<string> = new Set();

/** All mailboxes of a batch: looked through, chosen, and asked for something. */
export function Mailboxes({ batch }: { batch: Batch }) {
  const styles = useStyles();
  const navigate = useNavigate();
  const [params, setParams] = useSearchParams();
  const chosenStates = useMemo(() => (params.get("state") ?? "").split(",").filter((s) => s in states.mailbox), [params]);
  const search = params.get("search") ?? "";
  const notReady = params.get("notReady") === "true";
  const [text, setText] = useState(search);
  const typed = useDebounced(text.trim(), 100);
  const [sorting, setSorting] = useState<Sorting>({ by: "row", descending: false });
  const [selected, setSelected] = useState<ReadonlySet<string>>(none);
  const [all, setAll] = useState(false);

  const put = (name: string, value: string) =>
    setParams(
      (now) => {
        if (value === "") now.delete(name);
        else now.set(name, value);
        return now;
      },
      { replace: true },
    );
  useEffect(() => {
    if (typed !== search) put("search", typed);
    // The address follows what was typed; setParams is another function each time.
  }, [typed]);
  useEffect(() => {
    setSelected(none);
    setAll(false);
  }, [search, chosenStates, notReady]);

  const { name } = batch;
  const sort = `${sorting.descending ? "-" : ""}${sorting.by as "row" | "address" | "state"}` as const;
  const rows = useSparse<Mailbox>({
    queryKey: ["mailboxes", name, chosenStates, search, notReady, sort],
    page: (offset, limit, signal) => ask(api.GET("/mailboxes", { params: { query: { batch: name, state: chosenStates, search, notReady: notReady || undefined, sort, offset, limit } }, signal })),
    refetchInterval: batch.counts.running > 0 ? 5_000 : 30_000,
  });
  const columns = useColumns(name);
  const filtered = search !== "" || chosenStates.length > 0 || notReady;
  const chosen: Chosen = all ? { states: chosenStates, search, notReady } : { addresses: [...selected] };
  const many = all ? rows.total : selected.size;
  const clear = () => {
    setSelected(none);
    setAll(false);
  };
  return (
    <>
      <div className={styles.bar} role="search">
        <SearchBox className={styles.search} placeholder="Part of the address" aria-label="Find a mailbox" value={text} onChange={(_, d) => setText(d.value)} />
        <Dropdown
          className={styles.states}
          aria-label="States"
          multiselect
          selectedOptions={chosenStates}
          value={chosenStates.length === 0 ? "All states" : chosenStates.map((s) => states.mailbox[s]!.text).join(", ")}
          onOptionSelect={(_, d) => put("state", d.selectedOptions.join())}
        >
          {Object.entries(states.mailbox).map(([state, { text }]) => (
            <Option key={state} value={state} text={text}>
              {text}
              {batch.states?.[state] ? ` (${count(batch.states[state])})` : ""}
            </Option>
          ))}
        </Dropdown>
        {(notReady || (batch.figures?.notReady ?? 0) > 0) && <Checkbox checked={notReady} onChange={(_, d) => put("notReady", d.checked === true ? "true" : "")} label="Not ready by the preflight" />}
        {filtered && (
          <Button
            appearance="subtle"
            onClick={() => {
              setText("");
              setParams({}, { replace: true });
            }}
          >
            Show all
          </Button>
        )}
        <span className={styles.quiet} role="status">
          {rows.loading ? "" : counted(rows.total, "mailbox", "mailboxes")}
        </span>
      </div>
      <Bulk batch={batch} chosen={chosen} many={many} all={all} total={rows.total} onAll={() => setAll(true)} onClear={clear} filtered={filtered} />
      {rows.error ? <Problem error={rows.error} title="The mailboxes could not be read" retry={rows.retry} /> : null}
      {rows.loading ? (
        <Loading rows={8} height={32} what="Loading the mailboxes" />
      ) : (
        <VirtualTable
          label={`Mailboxes of ${name}`}
          columns={columns}
          rows={rows}
          rowKey={(m) => m.address}
          onOpen={(m) => void navigate(`/batches/${encodeURIComponent(name)}/mailboxes/${encodeURIComponent(m.address)}`)}
          selection={{
            selected,
            onChange: (next) => {
              setAll(false);
              setSelected(next);
            },
          }}
          sorting={sorting}
          onSort={setSorting}
          rowHeight={44}
          maxHeight="calc(100vh - 340px)"
          empty={rows.error ? null : filtered ? <Empty title="No mailbox matches">Look for another part of the address, or in all states.</Empty> : <Empty title="This batch has no mailboxes">Add some with a migration file, on the overview.</Empty>}
        />
      )}
    </>
  );
}

function useColumns(batch: string): Column<Mailbox>[] {
  const styles = useStyles();
  return useMemo(
    () => [
      { key: "row", header: "Row", width: "64px", align: "end", from: 1240, sort: "row", cell: (m) => count(m.row) },
      {
        key: "address",
        header: "Mailbox",
        width: "minmax(150px, 2fr)",
        sort: "address",
        cell: (m, { active }) => (
          <To to={`/batches/${encodeURIComponent(batch)}/mailboxes/${encodeURIComponent(m.address)}`} tabIndex={active ? 0 : -1}>
            <Said text={m.address} />
          </To>
        ),
      },
      { key: "state", header: "State", width: "minmax(130px, 190px)", sort: "state", cell: (m) => <StateBadge kind="mailbox" state={m.state} /> },
      { key: "progress", header: "Progress", width: "minmax(110px, 1fr)", from: 560, cell: (m) => <MailboxProgress mailbox={m} /> },
      { key: "messages", header: "Messages", width: "90px", align: "end", from: 760, cell: (m) => (m.passes > 0 ? count(m.progress.counts.source) : m.progress.messagesTotal > 0 ? count(m.progress.messagesTotal) : "–") },
      { key: "skipped", header: "Left out", width: "76px", align: "end", from: 680, cell: (m) => <span className={m.skipped > m.approved ? styles.bad : undefined}>{count(m.skipped)}</span> },
      { key: "score", header: "Consistency", width: "110px", from: 1240, cell: (m) => <ScoreBadge score={m.score} /> },
      { key: "last", header: "Last synchronisation", width: "150px", from: 1400, cell: (m) => <When at={m.lastSynced} /> },
      { key: "why", header: "Trouble", width: "minmax(160px, 3fr)", from: 840, cell: (m) => <Said text={whyOf(m)} line /> },
    ],
    [batch, styles],
  );
}

interface BulkProps {
  batch: Batch;
  chosen: Chosen;
  many: number;
  all: boolean;
  total: number;
  filtered: boolean;
  onAll(): void;
  onClear(): void;
}

/** What can be asked of the mailboxes that are chosen. */
function Bulk({ batch, chosen, many, all, total, filtered, onAll, onClear }: BulkProps) {
  const styles = useStyles();
  const toasts = useToasts();
  const role = useRoleReason("operator");
  const [busy, setBusy] = useState<Verb>();
  // What is asked for is held from the question on: the list may change under it.
  const [asked, setAsked] = useState<{ verb: Verb; chosen: Chosen; many: number }>();
  const [result, setResult] = useState<{ verb: Verb; acted: MailboxesActed }>();
  const [ready, setReady] = useState(false);
  const reason = role ?? (busy ? "Another action is under way." : many === 0 ? "Select mailboxes first." : undefined);

  const run = async (verb: Verb, of: Chosen, why?: string) => {
    setBusy(verb);
    try {
      const acted = await actOnMany(batch.name, { verb, ...(why ? { reason: why } : {}) }, of);
      if (acted.refusedCount > 0) setResult({ verb, acted });
      else toasts.done(`${verbs.find((v) => v.verb === verb)!.text.replace("…", "")}: ${counted(acted.done, "mailbox", "mailboxes")}.`);
      onClear();
    } finally {
      setBusy(undefined);
      for (const queryKey of [["mailboxes", batch.name], ["batch", batch.name], ["batches"]]) void queries.invalidateQueries({ queryKey });
    }
  };
  const press = (verb: Verb, asks?: boolean) => {
    if (asks) return setAsked({ verb, chosen, many });
    run(verb, chosen).catch((error: unknown) => toasts.failed("Not all mailboxes could be asked", error));
  };
  return (
    <div className={styles.bar} role="toolbar" aria-label="Actions on selected mailboxes">
      {verbs.map(({ verb, text, asks }) => (
        <DimmedButton key={verb} size="small" reason={reason} onClick={() => press(verb, asks)} icon={busy === verb ? <Spinner size="extra-tiny" /> : undefined}>
          {text}
        </DimmedButton>
      ))}
      <span className={styles.quiet} role="status">
        {many === 0 ? "" : all ? `All ${counted(many, "mailbox", "mailboxes")}${filtered ? " that match" : ""} selected` : `${count(many)} selected`}
      </span>
      {!all && total > 0 && many < total && (
        <Button size="small" appearance="subtle" onClick={onAll}>
          Select all {count(total)}
          {filtered ? " that match" : ""}
        </Button>
      )}
      {many > 0 && (
        <Button size="small" appearance="subtle" onClick={onClear}>
          Select none
        </Button>
      )}
      <ApproveDialog
        open={asked?.verb === "approve"}
        onClose={() => setAsked(undefined)}
        title={`Approve what ${counted(asked?.many ?? 0, "mailbox", "mailboxes")} left out?`}
        onApprove={(why) => run("approve", asked!.chosen, why)}
      >
        <p>What was left out of them so far counts as accepted. Findings that come later are to be approved anew.</p>
      </ApproveDialog>
      <ConfirmByTyping
        open={asked?.verb === "delete"}
        onClose={() => setAsked(undefined)}
        title={`Delete ${counted(asked?.many ?? 0, "mailbox", "mailboxes")} from ${batch.name}?`}
        word={batch.name}
        action="Delete"
        danger
        ready={ready}
        onConfirm={() => run("delete", asked!.chosen)}
      >
        <p>Their passes are stopped, and their records and passwords removed from the batch. Migrated mail and the ledger stay.</p>
        {asked?.verb === "delete" && <CutoverWarning batch={batch.name} verb="delete" onReady={setReady} />}
      </ConfirmByTyping>
      <Refused result={result} onClose={() => setResult(undefined)} />
    </div>
  );
}

function Refused({ result, onClose }: { result?: { verb: Verb; acted: MailboxesActed }; onClose(): void }) {
  const styles = useStyles();
  useReturnFocus(result !== undefined);
  const refused = result?.acted.refused ?? [];
  return (
    <Dialog open={result !== undefined} onOpenChange={(_, d) => !d.open && onClose()}>
      <DialogSurface>
        <DialogBody>
          <DialogTitle>{counted(result?.acted.refusedCount ?? 0, "mailbox", "mailboxes")} refused</DialogTitle>
          <DialogContent className={styles.content}>
            <p>It was done for {counted(result?.acted.done ?? 0, "mailbox", "mailboxes")}. These refused, each with its reason:</p>
            <ul className={styles.list}>
              {refused.map((r) => (
                <li key={r.address}>
                  <Said text={r.address} />: <Said text={r.detail} />
                </li>
              ))}
            </ul>
            {result && result.acted.refusedCount > refused.length && <p className={styles.quiet}>And {count(result.acted.refusedCount - refused.length)} more.</p>}
          </DialogContent>
          <DialogActions>
            <Button appearance="primary" onClick={onClose}>
              Close
            </Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
