import { makeStyles, ProgressBar, tokens } from "@fluentui/react-components";
import { useMemo } from "react";
import { useNavigate } from "react-router";
import type { Schema } from "../../api/client";
import { Bytes, Count, Duration, Rate } from "../../parts/Figure";
import { count, counted, percent } from "../../parts/format";
import { To } from "../../parts/Link";
import { Loading } from "../../parts/Loading";
import { Said } from "../../parts/Said";
import { ScoreBadge, StateBadge } from "../../parts/StateBadge";
import { Throughput } from "../../parts/Throughput";
import { VirtualTable, type Column } from "../../parts/VirtualTable";
import { When } from "../../parts/When";
import { progressOf } from "../batches/progress";
import { Card, Facts } from "./Card";
import { Course } from "./Course";
import { Estimate } from "./Estimate";
import { MailboxProgress } from "./MailboxProgress";
import { Preflight } from "./Preflight";
import { Troubles } from "./Troubles";
import { timesOf } from "./times";

type Batch = Schema<"Batch">;
type Mailbox = Schema<"Mailbox">;

const useStyles = makeStyles({
  progress: { display: "grid", gridTemplateColumns: "minmax(0, 1fr) auto", gap: tokens.spacingHorizontalM, alignItems: "center", fontVariantNumeric: "tabular-nums" },
  states: { listStyle: "none", margin: 0, padding: 0, display: "flex", flexWrap: "wrap", gap: `${tokens.spacingVerticalS} ${tokens.spacingHorizontalXL}` },
  state: { display: "inline-flex", gap: tokens.spacingHorizontalS, alignItems: "center" },
  two: { display: "grid", gridTemplateColumns: "repeat(auto-fit, minmax(min(100%, 440px), 1fr))", gap: tokens.spacingHorizontalL, alignItems: "start" },
  quiet: { color: tokens.colorNeutralForeground2 },
});

/** Everything of a batch at a glance. */
export function Overview({ batch, underWay }: { batch: Batch; underWay?: Mailbox[] }) {
  const styles = useStyles();
  return (
    <>
      <Troubles batch={batch} />
      <Preflight batch={batch} />
      <Progress batch={batch} />
      <UnderWay batch={batch} mailboxes={underWay} />
      {batch.started && (
        <div className={styles.two}>
          <Card>
            <Throughput batch={batch.name} />
          </Card>
          <Course batch={batch} />
        </div>
      )}
      <Estimate batch={batch} />
    </>
  );
}

function Progress({ batch }: { batch: Batch }) {
  const styles = useStyles();
  const done = progressOf(batch);
  const { counts, figures } = batch;
  // The count has only those that were stopped one by one, not with their batch.
  const stopped = batch.states ? (batch.states.Stopped ?? 0) + (batch.states.IncrementalStopped ?? 0) : counts.stopped;
  const left = (figures?.skipped ?? 0) - (figures?.approved ?? 0);
  const to = `/batches/${encodeURIComponent(batch.name)}`;
  const { start, complete } = timesOf(batch);
  return (
    <Card title="Progress">
      <div className={styles.progress}>
        <ProgressBar value={done} thickness="large" color={counts.failed > 0 ? "warning" : done === 1 ? "success" : "brand"} aria-label="Initial copies" />
        <span>{percent(done, 1)} of initial copies</span>
      </div>
      <Facts
        large
        of={[
          ["Mailboxes", count(counts.total)],
          ["Under way", count(counts.running)],
          ["Synced", count(counts.synced)],
          ["Completed", count(counts.closed)],
          ["Failed", count(counts.failed)],
          ["Stopped", count(stopped)],
        ]}
      />
      {batch.states && (
        <ul className={styles.states} aria-label="Mailboxes by state">
          {Object.entries(batch.states)
            .filter(([, n]) => n > 0)
            .map(([state, n]) => (
              <li key={state} className={styles.state}>
                <StateBadge kind="mailbox" state={state} />
                <To to={`${to}/mailboxes?state=${state}`}>{counted(n, "mailbox", "mailboxes")}</To>
              </li>
            ))}
        </ul>
      )}
      <Facts
        of={[
          ["Rate now", <Rate n={figures?.bytesPerSecond} />],
          ["Time left of passes under way", figures?.remainingSeconds ? <Duration seconds={figures.remainingSeconds} /> : "–"],
          ["Messages at the sources", atSources(batch)],
          ["Already at the targets", <Count n={figures?.present} />],
          ["Messages copied", <Count n={figures?.moved} />],
          ["Data copied", <Bytes n={figures?.movedBytes} />],
          ["Left out, not approved", left > 0 ? <To to={`${to}/findings`}>{counted(left, "message")}</To> : figures ? "0" : "–"],
          ["Data consistency score", <ScoreBadge score={figures?.score} />],
          [start[0], <When at={start[1]} absolute />],
          ["Initial copies took", batch.initialDone ? <Duration seconds={batch.initialSeconds ?? 0} /> : "–"],
          ["Last synchronisation", <When at={batch.lastSynced} />],
          ["Next synchronisation", <When at={batch.figures?.due} />],
          [complete[0], complete[1] && <When at={complete[1]} absolute />],
          ["Waits to complete", batch.completionWaits && <Said text={batch.completionWaits.join(" ")} />],
          ["Passwords", batch.wiped ? "Destroyed" : undefined],
        ]}
      />
    </Card>
  );
}

/** What the sources hold: as the last passes have counted, or as far as those under way know by now. */
function atSources({ figures }: Batch): React.ReactNode {
  if (!figures) return "–";
  if (figures.messages > 0) return <Count n={figures.messages} />;
  return figures.passMessagesTotal > 0 ? <Count n={figures.passMessagesTotal} /> : figures.moved > 0 ? "–" : "0";
}

function UnderWay({ batch, mailboxes }: { batch: Batch; mailboxes?: Mailbox[] }) {
  const styles = useStyles();
  const navigate = useNavigate();
  const to = (m: Mailbox) => `/batches/${encodeURIComponent(batch.name)}/mailboxes/${encodeURIComponent(m.address)}`;
  const columns = useMemo<Column<Mailbox>[]>(
    () => [
      {
        key: "address",
        header: "Mailbox",
        width: "minmax(140px, 2fr)",
        cell: (m, { active }) => (
          <To to={`/batches/${encodeURIComponent(m.batch)}/mailboxes/${encodeURIComponent(m.address)}`} tabIndex={active ? 0 : -1}>
            <Said text={m.address} />
          </To>
        ),
      },
      { key: "state", header: "State", width: "minmax(120px, 180px)", from: 480, cell: (m) => <StateBadge kind="mailbox" state={m.state} /> },
      { key: "progress", header: "Progress", width: "minmax(110px, 1fr)", cell: (m) => <MailboxProgress mailbox={m} /> },
      { key: "messages", header: "Messages", width: "130px", align: "end", from: 700, cell: (m) => `${count(m.progress.messages)} of ${count(m.progress.messagesTotal)}` },
      { key: "rate", header: "Rate", width: "90px", align: "end", from: 560, cell: (m) => <Rate n={m.progress.bytesPerSecond} /> },
      { key: "left", header: "Time left", width: "100px", align: "end", from: 800, cell: (m) => <Duration seconds={m.remainingSeconds} /> },
      { key: "waiting", header: "Waits for", width: "minmax(100px, 1fr)", from: 1000, cell: (m) => (m.waiting ? <Said text={m.waiting} line /> : "") },
    ],
    [],
  );
  // The live line names the first 50 of those whose state moves.
  const shown = mailboxes?.length ?? 0;
  return (
    <Card title="Under way now">
      {mailboxes === undefined ? (
        <Loading rows={2} what="Loading what is under way" />
      ) : shown === 0 ? (
        <p className={styles.quiet}>No pass is under way.</p>
      ) : (
        <>
          <VirtualTable label="Mailboxes under way" columns={columns} rows={mailboxes} rowKey={(m) => m.address} onOpen={(m) => void navigate(to(m))} maxHeight="360px" />
          {shown >= 50 && <p className={styles.quiet}>The first {count(shown)} are shown.</p>}
        </>
      )}
    </Card>
  );
}
