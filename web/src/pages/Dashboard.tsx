import { makeStyles, mergeClasses, MessageBar, MessageBarBody, Subtitle2, tokens } from "@fluentui/react-components";
import type { ReactNode } from "react";
import { Empty } from "../parts/Empty";
import { count, percent, perSecond, rate } from "../parts/format";
import { To } from "../parts/Link";
import { Loading } from "../parts/Loading";
import { Problem } from "../parts/Problem";
import { Throughput } from "../parts/Throughput";
import { Page } from "../shell/Page";
import { BatchTable } from "./batches/BatchTable";
import { useDashboard, type Dashboard as Value } from "./batches/useDashboard";
import { NewBatchButton } from "./batches/NewBatchButton";

const useStyles = makeStyles({
  // None is narrower than its figure.
  tiles: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalM },
  tile: { flex: "1 1 116px", display: "flex", flexDirection: "column", padding: tokens.spacingHorizontalM, borderRadius: tokens.borderRadiusMedium, backgroundColor: tokens.colorNeutralBackground1, boxShadow: tokens.shadow2 },
  figure: { fontSize: tokens.fontSizeHero700, lineHeight: tokens.lineHeightHero700, fontWeight: tokens.fontWeightSemibold, fontVariantNumeric: "tabular-nums", whiteSpace: "nowrap" },
  small: { fontSize: tokens.fontSizeBase200, color: tokens.colorNeutralForeground3, minHeight: tokens.lineHeightBase200 },
  bad: { color: tokens.colorStatusDangerForeground1 },
  card: { padding: tokens.spacingHorizontalL, borderRadius: tokens.borderRadiusMedium, backgroundColor: tokens.colorNeutralBackground1, boxShadow: tokens.shadow2, minWidth: 0 },
  bar: { display: "flex", height: "12px", borderRadius: tokens.borderRadiusMedium, overflow: "hidden", backgroundColor: tokens.colorNeutralStencil1 },
  legend: { display: "flex", flexWrap: "wrap", gap: `${tokens.spacingVerticalXS} ${tokens.spacingHorizontalL}`, listStyle: "none", margin: 0, padding: `${tokens.spacingVerticalS} 0 0`, fontSize: tokens.fontSizeBase200 },
  key: { display: "inline-block", width: "10px", height: "10px", borderRadius: "2px", marginRight: tokens.spacingHorizontalXS },
  section: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalS, minWidth: 0 },
});

export default function Dashboard() {
  const styles = useStyles();
  const { value, problem, status } = useDashboard();
  if (value === undefined) {
    return (
      <Page title="Dashboard">{problem ? <Problem error={problem} title="The dashboard could not be read" /> : <Loading rows={4} height={96} what="Loading the dashboard" />}</Page>
    );
  }
  return (
    <Page title="Dashboard" actions={<NewBatchButton />}>
      {status === "reconnecting" && problem && <Problem error={problem} title="The line to the server is lost, and what you see may be old" />}
      {value.nodes === 0 && (
        <MessageBar intent="warning" layout="multiline">
          <MessageBarBody>
            No node is heard of: nothing is copied until one runs. <To to="/nodes">Look at the nodes</To>
          </MessageBarBody>
        </MessageBar>
      )}
      <Tiles value={value} />
      {value.counts.total > 0 && <Split value={value} />}
      <div className={styles.card}>
        <Throughput height={180} />
      </div>
      <section className={styles.section} aria-label="Batches">
        <Subtitle2 as="h2">Batches</Subtitle2>
        <BatchTable
          batches={value.batches ?? []}
          maxHeight="560px"
          empty={
            <div className={styles.card}>
              <Empty title="There is no batch yet" actions={<NewBatchButton />}>
                A batch takes its mailboxes from a migration file (CSV). It needs two endpoints: the server that mail is read from, and the one it is written to.
              </Empty>
            </div>
          }
        />
      </section>
    </Page>
  );
}

function Tiles({ value }: { value: Value }) {
  const styles = useStyles();
  const { counts } = value;
  return (
    <dl className={styles.tiles} style={{ margin: 0 }}>
      <Tile name="Mailboxes" figure={count(counts.total)} small={`in ${count(value.batches?.length ?? 0)} ${value.batches?.length === 1 ? "batch" : "batches"}`} />
      <Tile name="Syncing" figure={count(counts.syncing)} small={counts.queued > 0 ? `${count(counts.queued)} queued` : ""} />
      <Tile name="Synced" figure={count(counts.synced)} small={counts.total > 0 ? percent(counts.synced, counts.total) : ""} />
      <Tile name="Completed" figure={count(counts.completed)} small={counts.total > 0 ? percent(counts.completed, counts.total) : ""} />
      <Tile name="Failed" figure={count(counts.failed)} bad={counts.failed > 0} small={counts.stopped > 0 ? `${count(counts.stopped)} stopped` : ""} />
      <Tile name="Throughput now" figure={rate(value.bytesPerSecond)} small={perSecond(value.messagesPerSecond)} />
      <Tile name="Nodes" figure={count(value.nodes)} bad={value.nodes === 0} small={value.nodes === 0 ? "none is heard of" : "alive"} />
    </dl>
  );
}

function Tile({ name, figure, small, bad }: { name: string; figure: string; small?: ReactNode; bad?: boolean }) {
  const styles = useStyles();
  return (
    <div className={styles.tile}>
      <dt>{name}</dt>
      <dd style={{ margin: 0 }}>
        <div className={mergeClasses(styles.figure, bad && styles.bad)}>{figure}</div>
        <div className={styles.small}>{small}</div>
      </dd>
    </div>
  );
}

const parts = [
  ["completed", "Completed", tokens.colorPaletteGreenBackground3],
  ["synced", "Synced", tokens.colorPaletteLightGreenBackground3],
  ["syncing", "Syncing", tokens.colorBrandBackground],
  ["queued", "Queued", tokens.colorNeutralForeground4],
  ["stopped", "Stopped", tokens.colorPaletteMarigoldBackground3],
  ["failed", "Failed", tokens.colorPaletteRedBackground3],
  ["removing", "Removing", tokens.colorNeutralForegroundDisabled],
] as const;

/** How the mailboxes of all batches are split up. */
function Split({ value: { counts } }: { value: Value }) {
  const styles = useStyles();
  const shown = parts.filter(([key]) => counts[key] > 0);
  return (
    <section className={styles.card} aria-label="Mailboxes by state">
      <div className={styles.bar} aria-hidden>
        {shown.map(([key, , colour]) => (
          <div key={key} style={{ flexGrow: counts[key], flexBasis: "2px", backgroundColor: colour }} />
        ))}
      </div>
      <ul className={styles.legend}>
        {shown.map(([key, text, colour]) => (
          <li key={key}>
            <span className={styles.key} style={{ backgroundColor: colour }} aria-hidden />
            {text}: {count(counts[key])} ({percent(counts[key], counts.total)})
          </li>
        ))}
      </ul>
    </section>
  );
}
