import { Button, makeStyles, Menu, MenuItem, MenuList, MenuPopover, MenuTrigger, ProgressBar, tokens } from "@fluentui/react-components";
import { MoreHorizontalRegular } from "@fluentui/react-icons";
import { lazy, Suspense, useCallback, useMemo, useState, type ReactNode } from "react";
import { useNavigate } from "react-router";
import type { Schema } from "../../api/client";
import { batchActions, type BatchVerb } from "../../parts/batchVerbs";
import { useRoleReason } from "../../parts/DimmedButton";
import { count, duration, percent } from "../../parts/format";
import { To } from "../../parts/Link";
import { ScoreBadge, StateBadge } from "../../parts/StateBadge";
import { pointless } from "../../parts/pointless";
import { refusal } from "../../parts/states";
import { VirtualTable, type Column, type Sorting } from "../../parts/VirtualTable";
import { When } from "../../parts/When";
import type { Asked } from "./BatchAsker";
import { progressOf } from "./progress";

type Batch = Schema<"Batch">;

const loadAsker = () => import("./BatchAsker");
const BatchAsker = lazy(loadAsker);

const useStyles = makeStyles({
  name: { display: "flex", flexDirection: "column", minWidth: 0, lineHeight: tokens.lineHeightBase200 },
  ends: { fontSize: tokens.fontSizeBase200, color: tokens.colorNeutralForeground3, overflow: "hidden", textOverflow: "ellipsis" },
  progress: { display: "grid", gridTemplateColumns: "minmax(24px, 1fr) 48px", alignItems: "center", gap: tokens.spacingHorizontalS, fontVariantNumeric: "tabular-nums", whiteSpace: "nowrap" },
  bad: { color: tokens.colorStatusDangerForeground1, fontWeight: tokens.fontWeightSemibold },
});

/** From here on the progress has a column of its own, in pixels. */
const wide = 560;

/** What the table is sorted by, by the word of the column. */
const sortings: Record<string, (a: Batch, b: Batch) => number> = {
  name: (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }),
  state: (a, b) => a.state.localeCompare(b.state),
  progress: (a, b) => progressOf(a) - progressOf(b),
  total: (a, b) => a.counts.total - b.counts.total,
  failed: (a, b) => a.counts.failed - b.counts.failed,
  created: (a, b) => Date.parse(a.created) - Date.parse(b.created),
};

/** The batches with what can be asked of them. */
export function BatchTable({ batches, empty, maxHeight }: { batches: Batch[]; empty: ReactNode; maxHeight?: string }) {
  const styles = useStyles();
  const navigate = useNavigate();
  const [asked, setAsked] = useState<Asked>();
  const act = useCallback((verb: BatchVerb, batch: Batch) => setAsked({ verb, batch }), []);
  const [sorting, setSorting] = useState<Sorting>({ by: "name", descending: false });
  const rows = useMemo(() => {
    const list = batches.toSorted(sortings[sorting.by]);
    return sorting.descending ? list.reverse() : list;
  }, [batches, sorting]);
  const columns = useMemo<Column<Batch>[]>(
    () => [
      {
        key: "name",
        header: "Name",
        width: "minmax(120px, 2fr)",
        sort: "name",
        cell: (b, { active }) => (
          <div className={styles.name}>
            <span>
              <To to={`/batches/${encodeURIComponent(b.name)}`} tabIndex={active ? 0 : -1}>
                {b.name}
              </To>
            </span>
            <span className={styles.ends} title={`From ${b.source} to ${b.target}`}>
              {b.source} → {b.target}
            </span>
          </div>
        ),
      },
      { key: "state", header: "State", width: "minmax(130px, 200px)", from: wide, sort: "state", cell: (b) => <StateBadge state={b.state} /> },
      { key: "narrow", header: "State", width: "minmax(110px, 1fr)", below: wide, sort: "state", cell: (b) => <StateAndProgress batch={b} /> },
      {
        key: "progress",
        header: "Progress",
        width: "minmax(110px, 1fr)",
        from: wide,
        sort: "progress",
        cell: (b) => {
          const done = progressOf(b);
          return (
            <div className={styles.progress} title="Initial copies">
              <ProgressBar value={done} thickness="large" color={b.counts.failed > 0 ? "warning" : done === 1 ? "success" : "brand"} aria-label={`Initial copies of ${b.name}`} />
              {percent(done, 1)}
            </div>
          );
        },
      },
      { key: "total", header: "Total", width: "64px", align: "end", from: 560, sort: "total", cell: (b) => count(b.counts.total) },
      { key: "synced", header: "Synced", width: "64px", align: "end", from: 680, cell: (b) => count(b.counts.synced) },
      { key: "completed", header: "Completed", width: "80px", align: "end", from: 760, cell: (b) => count(b.counts.closed) },
      { key: "failed", header: "Failed", width: "64px", align: "end", from: 440, sort: "failed", cell: (b) => <span className={b.counts.failed > 0 ? styles.bad : undefined}>{count(b.counts.failed)}</span> },
      { key: "score", header: "Consistency", width: "110px", from: 940, cell: (b) => <ScoreBadge score={b.figures?.score} /> },
      { key: "eta", header: "Time left", width: "100px", align: "end", from: 1060, cell: (b) => (b.figures?.remainingSeconds ? duration(b.figures.remainingSeconds) : "–") },
      { key: "next", header: "Next synchronisation", width: "150px", from: 1230, cell: (b) => <NextSync batch={b} /> },
      { key: "actions", header: "Actions", width: "56px", align: "end", cell: (b, { active }) => <BatchMenu batch={b} active={active} onAct={act} /> },
    ],
    [styles, act],
  );
  return (
    <>
      <VirtualTable
        label="Batches"
        columns={columns}
        rows={rows}
        rowKey={(b) => b.name}
        rowHeight={52}
        sorting={sorting}
        onSort={setSorting}
        onOpen={(b) => void navigate(`/batches/${encodeURIComponent(b.name)}`)}
        empty={empty}
        maxHeight={maxHeight}
      />
      <Suspense>{asked && <BatchAsker asked={asked} />}</Suspense>
    </>
  );
}

/** The state, and how far the initial copies are below it. */
function StateAndProgress({ batch }: { batch: Batch }) {
  const styles = useStyles();
  return (
    <div className={styles.name}>
      <StateBadge state={batch.state} />
      <span className={styles.ends}>{percent(progressOf(batch), 1)} copied</span>
    </div>
  );
}

function NextSync({ batch }: { batch: Batch }) {
  if (batch.state === "Waiting" && batch.startAfter) return <>starts <When at={batch.startAfter} /></>;
  return <When at={batch.figures?.due} />;
}

function BatchMenu({ batch, active, onAct }: { batch: Batch; active: boolean; onAct(verb: BatchVerb, batch: Batch): void }) {
  const role = useRoleReason("operator");
  return (
    <Menu onOpenChange={(_, data) => data.open && void loadAsker().catch(() => {})}>
      <MenuTrigger disableButtonEnhancement>
        <Button appearance="subtle" size="small" icon={<MoreHorizontalRegular />} aria-label={`Actions on ${batch.name}`} tabIndex={active ? 0 : -1} />
      </MenuTrigger>
      <MenuPopover>
        <MenuList>
          {batchActions.map(({ verb, text }) => {
            const reason = role ?? refusal("batch", batch, verb) ?? pointless(batch, verb);
            return (
              <MenuItem key={verb} disabled={reason !== undefined} subText={reason} onClick={() => onAct(verb, batch)}>
                {verb === "complete" || verb === "delete" || verb === "approve" ? `${text}…` : text}
              </MenuItem>
            );
          })}
        </MenuList>
      </MenuPopover>
    </Menu>
  );
}
