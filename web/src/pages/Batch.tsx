import { makeStyles, Tab, TabList, tokens } from "@fluentui/react-components";
import { ArrowSyncRegular, CheckmarkCircleRegular, ClipboardTaskRegular, DeleteRegular, PlayRegular, StopRegular, ThumbLikeRegular, type FluentIcon } from "@fluentui/react-icons";
import { useEffect, useId, useRef } from "react";
import { useNavigate, useParams } from "react-router";
import type { Schema } from "../api/client";
import { useBatchActions } from "../parts/BatchActions";
import { batchActions, type BatchVerb } from "../parts/batchVerbs";
import { VerbButton } from "../parts/DimmedButton";
import { Empty } from "../parts/Empty";
import { To, ToButton } from "../parts/Link";
import { Loading } from "../parts/Loading";
import { Problem } from "../parts/Problem";
import { Said } from "../parts/Said";
import { StateBadge } from "../parts/StateBadge";
import { pointless } from "../parts/pointless";
import { stateOf } from "../parts/states";
import { forgetUnsaved } from "../parts/useUnsaved";
import { Page } from "../shell/Page";
import { problemOf } from "../api/problem";
import { Findings } from "./batch/Findings";
import { History } from "./batch/History";
import { Mailboxes } from "./batch/Mailboxes";
import { Overview } from "./batch/Overview";
import { Reports } from "./batch/Reports";
import { BatchSettings } from "./batch/BatchSettings";
import { useBatch } from "./batch/useBatch";

type Batch = Schema<"Batch">;

const tabs = { overview: "Overview", mailboxes: "Mailboxes", findings: "Findings", reports: "Reports", settings: "Settings", history: "History" } as const;
type TabName = keyof typeof tabs;

const icons: Record<BatchVerb, FluentIcon> = { preflight: ClipboardTaskRegular, start: PlayRegular, stop: StopRegular, sync: ArrowSyncRegular, complete: CheckmarkCircleRegular, approve: ThumbLikeRegular, delete: DeleteRegular };

const useStyles = makeStyles({
  heading: { display: "flex", flexWrap: "wrap", alignItems: "center", gap: `0 ${tokens.spacingHorizontalL}` },
  state: { fontSize: tokens.fontSizeBase300, lineHeight: tokens.lineHeightBase300, fontWeight: tokens.fontWeightRegular },
  ends: { color: tokens.colorNeutralForeground2 },
  tabs: { overflowX: "auto", borderBottom: `1px solid ${tokens.colorNeutralStroke2}` },
  panel: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalL, minWidth: 0 },
  hidden: { position: "absolute", width: "1px", height: "1px", overflow: "hidden", clipPath: "inset(50%)", whiteSpace: "nowrap" },
});

export default function BatchPage() {
  const { batch: name = "", tab } = useParams();
  // Another batch is another page: nothing of the one is kept for the other.
  return <OneBatch key={name} name={name} tab={tab ?? "overview"} />;
}

function OneBatch({ name, tab }: { name: string; tab: string }) {
  const { batch, underWay, error, retry } = useBatch(name);
  const to = `/batches/${encodeURIComponent(name)}`;
  const crumbs: [string, string][] = [["/batches", "Batches"]];
  if (!(tab in tabs)) {
    return (
      <Page title={name} crumbs={crumbs}>
        <Empty title="There is no such part of a batch" actions={<ToButton to={to}>To the batch</ToButton>}>
          A batch has {Object.values(tabs).join(", ")}.
        </Empty>
      </Page>
    );
  }
  if (!batch) {
    return (
      <Page title={name} crumbs={crumbs} place={to}>
        {error !== undefined ? <Missing name={name} error={error} retry={retry} /> : <Loading rows={4} height={64} what="Loading the batch" />}
      </Page>
    );
  }
  return <Shown batch={batch} underWay={underWay} tab={tab as TabName} to={to} crumbs={crumbs} error={error} />;
}

function Missing({ name, error, retry }: { name: string; error: unknown; retry(): void }) {
  if (problemOf(error).status !== 404) return <Problem error={error} title="The batch could not be read" retry={retry} />;
  return (
    <Empty title="There is no such batch" actions={<ToButton to="/batches">All batches</ToButton>}>
      It may have been deleted, or <Said text={name} /> is misspelt.
    </Empty>
  );
}

interface ShownProps {
  batch: Batch;
  underWay?: Schema<"Mailbox">[];
  tab: TabName;
  to: string;
  crumbs: [string, string][];
  error: unknown;
}

function Shown({ batch, underWay, tab, to, crumbs, error }: ShownProps) {
  const styles = useStyles();
  const id = useId();
  const navigate = useNavigate();
  const { act, dialogs } = useBatchActions(() => {
    forgetUnsaved();
    void navigate("/batches");
  });
  const tablist = useRef<HTMLDivElement>(null);
  useEffect(() => {
    tablist.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [tab]);
  const panels: Record<TabName, () => React.ReactNode> = {
    overview: () => <Overview batch={batch} underWay={underWay} />,
    mailboxes: () => <Mailboxes batch={batch} />,
    findings: () => <Findings batch={batch} />,
    reports: () => <Reports batch={batch} />,
    settings: () => <BatchSettings batch={batch} />,
    history: () => <History batch={batch.name} />,
  };
  const buttons = batchActions.map(({ verb, text }) => {
    const Icon = icons[verb];
    const asks = verb === "complete" || verb === "approve" || verb === "delete";
    return (
      <VerbButton key={verb} kind="batch" of={batch} verb={verb} reason={pointless(batch, verb)} icon={<Icon />} onClick={() => act(verb, batch)}>
        {asks ? `${text}…` : text}
      </VerbButton>
    );
  });
  return (
    <Page
      title={batch.name}
      place={to}
      crumbs={crumbs}
      heading={
        <span className={styles.heading}>
          {batch.name}
          <span className={styles.state}>
            <StateBadge state={batch.state} />
          </span>
        </span>
      }
      intro={
        <span className={styles.ends}>
          From <To to={`/endpoints/${encodeURIComponent(batch.source)}`}>{batch.source}</To> to <To to={`/endpoints/${encodeURIComponent(batch.target)}`}>{batch.target}</To>
        </span>
      }
      actions={buttons}
    >
      <span className={styles.hidden} role="status">
        {`The batch is ${stateOf("batch", batch.state).text.toLowerCase()}.`}
      </span>
      {error !== undefined && <Problem error={error} title="This batch is not followed any more" />}
      <div className={styles.tabs} ref={tablist}>
        <TabList selectedValue={tab} onTabSelect={(_, data) => void navigate(data.value === "overview" ? to : `${to}/${data.value as string}`)} aria-label="Parts of the batch">
          {(Object.entries(tabs) as [TabName, string][]).map(([value, text]) => (
            <Tab key={value} value={value} id={`${id}-${value}`} aria-controls={`${id}-panel`}>
              {text}
            </Tab>
          ))}
        </TabList>
      </div>
      <div key={tab} role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${tab}`} className={styles.panel}>
        {panels[tab]()}
      </div>
      {dialogs}
    </Page>
  );
}
