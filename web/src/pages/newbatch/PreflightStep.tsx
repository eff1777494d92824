import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Button, makeStyles, MessageBar, MessageBarBody, ProgressBar, Spinner, tokens } from "@fluentui/react-components";
import { ArrowClockwiseRegular, PlayRegular } from "@fluentui/react-icons";
import { useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { api, ask, path, type Schema } from "../../api/client";
import { batchesQuery, batchQuery } from "../../api/queries";
import { useLive } from "../../live/useLive";
import { ConfirmByTyping } from "../../parts/ConfirmByTyping";
import { VerbButton } from "../../parts/DimmedButton";
import { To } from "../../parts/Link";
import { Loading } from "../../parts/Loading";
import { Problem } from "../../parts/Problem";
import { Said } from "../../parts/Said";
import { StateBadge, ToneBadge } from "../../parts/StateBadge";
import { bytes, count, counted, moment, sentence, visible } from "../../parts/format";
import { VirtualTable, type Column } from "../../parts/VirtualTable";
import { firstOf, momentOf, stepNames, stepOfField, type Step } from "./draft";
import { allTried, newest, sorted, tally, troublesOf, type Outcome, type Tried } from "./trial";
import { told } from "./told";
import { useStepStyles } from "./useStyles";
import type { Wizard } from "./useWizard";

const useStyles = makeStyles({
  facts: { display: "grid", gridTemplateColumns: "minmax(110px, 200px) minmax(0, 1fr)", gap: `${tokens.spacingVerticalXS} ${tokens.spacingHorizontalL}`, margin: 0 },
  term: { color: tokens.colorNeutralForeground2 },
  value: { margin: 0, overflowWrap: "anywhere" },
  details: { border: `1px solid ${tokens.colorNeutralStroke2}`, borderRadius: tokens.borderRadiusMedium, padding: tokens.spacingHorizontalM, display: "flex", flexDirection: "column", gap: tokens.spacingVerticalS },
});

/** Making the batch, trying its mailboxes without copying, and starting it. */
export function PreflightStep({ wizard: w, onStep }: { wizard: Wizard; onStep(step: Step): void }) {
  return w.draft.created === "" ? <Create wizard={w} onStep={onStep} /> : <Try key={w.draft.created} wizard={w} onStep={onStep} />;
}

function Create({ wizard: w, onStep }: { wizard: Wizard; onStep(step: Step): void }) {
  const styles = useStyles();
  const step = useStepStyles();
  const { draft } = w;
  const first = firstOf(draft);
  const mailboxes = w.summary ? (first > 0 ? Math.min(first, w.summary.mailboxes) : w.summary.mailboxes) : undefined;
  const when: Record<typeof draft.start, string> = { now: "by itself, when the preflight finds every mailbox ready", later: draft.startAt ? moment(momentOf(draft.startAt)!) : "–", manual: "by hand" };
  const rows: [string, ReactNode, Step][] = [
    ["Migration file", <Said key="f" text={draft.fileName} />, "file"],
    ["Mailboxes", mailboxes === undefined ? "–" : `${count(mailboxes)}${first > 0 ? `, a test batch of ${counted(draft.all, "row")}` : ""}${draft.skipBad && w.summary && w.summary.errors > 0 ? ", without the bad rows" : ""}`, "file"],
    ["From", draft.source, "endpoints"],
    ["To", draft.target, "endpoints"],
    ["Name", draft.name, "folders"],
    ["Folders left out", draft.exclude.length === 0 ? "none" : <Said key="x" text={draft.exclude.join(", ")} />, "folders"],
  ];
  if (draft.include.length > 0) rows.push(["Only these folders", <Said key="i" text={draft.include.join(", ")} />, "folders"]);
  if (draft.receivedFrom) rows.push(["Received from", moment(momentOf(draft.receivedFrom)!), "folders"]);
  if (draft.receivedBefore) rows.push(["Received before", moment(momentOf(draft.receivedBefore)!), "folders"]);
  rows.push(["Reports to", draft.notify.length === 0 ? "you alone" : <Said key="n" text={draft.notify.join(", ")} />, "schedule"], ["Start", when[draft.start], "schedule"], ["Complete", draft.completeAt ? moment(momentOf(draft.completeAt)!) : "by hand", "schedule"]);
  const steps = new Set((w.problem?.fields ?? []).map((f) => stepOfField(f.name)).filter((s): s is Step => s !== undefined));
  if (w.problem?.code === "name-taken") steps.add("folders");
  if (w.problem?.file) steps.add("file");
  return (
    <div className={step.step}>
      <dl className={styles.facts}>
        {rows.map(([term, value]) => (
          <Fact key={term} term={term} value={value} />
        ))}
      </dl>
      <p className={step.soft}>The batch is created, and a preflight signs in at both ends for every mailbox and looks. Nothing is copied before you start it.</p>
      {w.problem && (
        <>
          <Problem error={w.problem} title="The batch was not created" />
          {steps.size > 0 && (
            <div className={step.actions}>
              {[...steps].map((to) => (
                <Button key={to} onClick={() => onStep(to)}>
                  Go to {stepNames[to]}
                </Button>
              ))}
            </div>
          )}
        </>
      )}
      <div className={step.actions}>
        <Button appearance="primary" disabledFocusable={w.creating} icon={w.creating ? <Spinner size="tiny" /> : undefined} onClick={() => void w.create()}>
          {w.creating ? "Creating…" : "Create and try"}
        </Button>
      </div>
    </div>
  );
}

function Fact({ term, value }: { term: string; value: ReactNode }) {
  const styles = useStyles();
  return (
    <>
      <dt className={styles.term}>{term}</dt>
      <dd className={styles.value}>{value}</dd>
    </>
  );
}

const few = 1000;
const tones: Record<Outcome, { tone: "success" | "warning" | "danger" | "neutral"; text: string }> = {
  ok: { tone: "success", text: "ready" },
  warned: { tone: "warning", text: "ready, with notes" },
  failed: { tone: "danger", text: "not ready" },
  pending: { tone: "neutral", text: "being tried" },
};

function Try({ wizard: w, onStep }: { wizard: Wizard; onStep(step: Step): void }) {
  const step = useStepStyles();
  const client = useQueryClient();
  const { change } = w;
  const { created: name, tried } = w.draft;
  const live = useLive<{ batch: Schema<"Batch"> }>(path`/batches/${name}/live`.slice("/api/v1".length), "batch", async () => ({ batch: await client.fetchQuery(batchQuery(name)) }));
  const batch = live.value?.batch;
  const [since, setSince] = useState("");
  const [error, setError] = useState<unknown>();
  const [starting, setStarting] = useState(false);
  const [deleting, setDeleting] = useState(false);
  const [open, setOpen] = useState<string>();
  // It was tried to start it by itself.
  const begun = useRef(false);
  const { data, error: unread, refetch } = useQuery({
    queryKey: ["preflight", name],
    queryFn: ({ signal }) => allTried(name, signal),
    refetchInterval: (query) => {
      const list = query.state.data;
      if (!list) return 2_000;
      return tally(list, since).pending === 0 ? false : list.length <= few ? 1_500 : 15_000;
    },
    staleTime: 0,
  });
  const ask1 = async () => {
    setError(undefined);
    begun.current = false;
    setSince(newest(data ?? []));
    try {
      await ask(api.POST("/batches/{batch}/preflight", { params: { path: { batch: name } } }));
      void refetch();
    } catch (e) {
      setError(e);
    }
  };
  useEffect(() => {
    // Once for a new batch, and not again when the step is come back to.
    if (tried) return;
    change({ tried: true });
    void ask(api.POST("/batches/{batch}/preflight", { params: { path: { batch: name } } })).catch(setError);
  }, [name, tried, change]);
  const list = useMemo(() => sorted(data ?? [], since), [data, since]);
  const counts = useMemo(() => tally(data ?? [], since), [data, since]);
  const done = (data?.length ?? 0) - counts.pending;
  const start = async (byItself = false) => {
    setStarting(true);
    setError(undefined);
    try {
      await ask(api.POST("/batches/{batch}/start", { params: { path: { batch: name } } }));
      void client.invalidateQueries({ queryKey: batchesQuery.queryKey });
      void client.invalidateQueries({ queryKey: batchQuery(name).queryKey });
      change(byItself ? { startedByItself: true } : { started: true });
      if (!byItself) onStep("done");
    } catch (e) {
      setError(e);
    } finally {
      setStarting(false);
    }
  };
  // What was chosen is done while the page is open: when all went well, and at no second look.
  const waits = w.draft.start === "now" && !w.draft.startedByItself && batch?.state === "Created";
  const good = data !== undefined && data.length > 0 && counts.pending + counts.failed === 0;
  useEffect(() => {
    if (!waits || !good || begun.current) return;
    begun.current = true;
    void start(true);
  });
  const columns: Column<{ mailbox: Tried; outcome: Outcome }>[] = [
    { key: "address", header: "Mailbox", width: "minmax(160px, 2fr)", cell: ({ mailbox }) => <Said text={mailbox.address} /> },
    { key: "outcome", header: "Result", width: "150px", cell: (line) => <ToneBadge {...tones[line.outcome]} /> },
    { key: "why", header: "What was seen", width: "minmax(180px, 3fr)", cell: ({ mailbox, outcome }) => <Seen mailbox={mailbox} outcome={outcome} /> },
  ];
  const shown = list.find((line) => line.mailbox.address === open);
  const to = `/batches/${encodeURIComponent(name)}`;
  // One that was ever started may have copied: from then on there is no way back, and it is
  // deleted on its page, by its name.
  const started = batch?.started !== undefined;
  const untouched = batch !== undefined && !started;
  // One that started by itself is told of here first.
  const leaves = started && !w.draft.startedByItself && !begun.current;
  useEffect(() => {
    if (leaves) change({ started: true });
  }, [leaves, change]);
  return (
    <div className={step.step}>
      <MessageBar intent="success" layout="multiline">
        <MessageBarBody>
          The batch <To to={to} inline>{name}</To> was created. {batch && <StateBadge kind="batch" state={batch.state} />}
        </MessageBarBody>
      </MessageBar>
      {w.draft.startedByItself ? (
        <MessageBar intent="success" layout="multiline">
          <MessageBarBody>Every mailbox was ready, and the batch was started.</MessageBarBody>
        </MessageBar>
      ) : (
        waits &&
        error === undefined &&
        !unread && (
          <MessageBar intent={counts.failed > 0 && counts.pending === 0 ? "warning" : "info"} layout="multiline">
            <MessageBarBody>
              {counts.failed > 0 && counts.pending === 0
                ? "It was not started by itself, because not every mailbox is ready. Mend them and try again, or start it as it is."
                : "It starts by itself as soon as every mailbox is found ready. That is done by this page: leave it open, or press Start."}
            </MessageBarBody>
          </MessageBar>
        )
      )}
      <Problem error={error} />
      <Problem error={unread} title="The results could not be read" retry={() => void refetch()} />
      {!data ? (
        !unread && <Loading rows={4} what="Loading the mailboxes" />
      ) : (
        <>
          <div className={step.part}>
            <div role="status" aria-live="polite">
              {counts.pending > 0 ? `${count(done)} of ${counted(data.length, "mailbox", "mailboxes")} tried` : `${counted(data.length, "mailbox was", "mailboxes were")} tried`}: {count(counts.ok + counts.warned)} ready
              {counts.warned > 0 && `, ${count(counts.warned)} of them with notes`}, {count(counts.failed)} not ready.
            </div>
            <ProgressBar value={data.length === 0 ? 0 : done / data.length} aria-label="Preflight" color={counts.failed > 0 ? "error" : "brand"} />
          </div>
          <VirtualTable label="Results of the preflight" columns={columns} rows={list} rowKey={(line) => line.mailbox.address} onOpen={(line) => setOpen(line.mailbox.address === open ? undefined : line.mailbox.address)} maxHeight="420px" />
          {shown ? <Details mailbox={shown.mailbox} to={`${to}/mailboxes/${encodeURIComponent(shown.mailbox.address)}`} onClose={() => setOpen(undefined)} /> : <p className={step.soft}>Choose a mailbox to see what was found and what to do.</p>}
          {counts.failed > 0 && counts.pending === 0 && (
            <MessageBar intent="warning" layout="multiline">
              <MessageBarBody>
                {counted(counts.failed, "mailbox is", "mailboxes are")} not ready. Passwords are given anew on the page of the mailbox; then try again. A batch can be started all the same: mailboxes that fail can be retried later.
              </MessageBarBody>
            </MessageBar>
          )}
        </>
      )}
      <div className={step.actions}>
        {w.draft.startedByItself && (
          <Button appearance="primary" onClick={() => onStep("done")}>
            Go on
          </Button>
        )}
        {batch && !w.draft.startedByItself && (
          <VerbButton kind="batch" of={batch} verb="start" appearance={w.draft.start === "manual" ? "secondary" : "primary"} icon={starting ? <Spinner size="tiny" /> : <PlayRegular />} onClick={() => void start()}>
            {w.draft.start === "later" && w.draft.startAt ? `Start at ${moment(momentOf(w.draft.startAt)!)}` : "Start"}
          </VerbButton>
        )}
        {!w.draft.startedByItself && (
          <Button appearance={w.draft.start === "manual" ? "primary" : "secondary"} onClick={() => onStep("done")}>
            Do not start it now
          </Button>
        )}
        <Button icon={<ArrowClockwiseRegular />} onClick={() => void ask1()} disabledFocusable={counts.pending > 0}>
          Try again
        </Button>
        {untouched && (
          <Button appearance="subtle" onClick={() => setDeleting(true)}>
            Delete it and change the choices
          </Button>
        )}
      </div>
      <ConfirmByTyping
        open={deleting && untouched}
        onClose={() => setDeleting(false)}
        title={`Delete the batch ${name}?`}
        action="Delete"
        danger
        onConfirm={async () => {
          if ((await ask(api.GET("/batches/{batch}", { params: { path: { batch: name } } }))).started) throw told("Somebody has started the batch meanwhile. Delete it on its page, if that is to be.");
          await ask(api.DELETE("/batches/{batch}", { params: { path: { batch: name } } }));
          void client.invalidateQueries({ queryKey: batchesQuery.queryKey });
          w.change({ created: "", tried: false, startedByItself: false });
          onStep("file");
        }}
      >
        <p>Nothing was copied yet. What you have chosen stays in this wizard, but the migration file with its corrections and passwords: they are with the batch only.</p>
      </ConfirmByTyping>
    </div>
  );
}

function Seen({ mailbox: m, outcome }: { mailbox: Tried; outcome: Outcome }) {
  if (outcome === "pending") return <>–</>;
  const troubles = troublesOf(m.preflight);
  if (troubles.length > 0) return <Said text={troubles.map((t) => (t.side ? `${t.side}: ` : "") + sentence(t.trouble.reason)).join(" ")} />;
  if (!m.preflight) return <>Its credentials cannot be opened.</>;
  return (
    <>
      {counted(m.preflight.messages, "message")}, {bytes(m.preflight.bytes)} in {counted(m.preflight.folders, "folder")}
    </>
  );
}

function Details({ mailbox: m, to, onClose }: { mailbox: Tried; to: string; onClose(): void }) {
  const styles = useStyles();
  const step = useStepStyles();
  const p = m.preflight;
  return (
    <section className={styles.details} aria-label={`Preflight of ${visible(m.address)}`}>
      <b>
        <Said text={m.address} />
      </b>
      {troublesOf(p).map(({ side, trouble }, i) => (
        <div key={i}>
          {side && <b>{side}: </b>}
          <Said text={sentence(trouble.reason)} /> {trouble.remedy && <Said text={trouble.remedy} />}
        </div>
      ))}
      {(p?.warnings ?? []).map((f, i) => (
        <div key={i}>
          {f.folder && (
            <>
              <Said text={f.folder} />:{" "}
            </>
          )}
          <Said text={sentence(f.reason)} /> {f.remedy && <Said text={f.remedy} />}
        </div>
      ))}
      {p && (
        <dl className={styles.facts}>
          <Fact term="Source" value={p.source === "ok" ? `ok: ${counted(p.messages, "message")}, ${bytes(p.bytes)} in ${counted(p.folders, "folder")}` : `came as far as ${p.source}`} />
          {p.renamed ? <Fact term="Names" value={`${counted(p.renamed, "default folder has", "default folders have")} another name at the target: its own`} /> : null}
          <Fact term="Target" value={p.target === "ok" ? `ok${p.free >= 0 ? `, ${bytes(p.free)} free` : ""}` : `came as far as ${p.target}`} />
        </dl>
      )}
      <div className={step.actions}>
        <To to={to}>The page of the mailbox</To>
        <Button size="small" onClick={onClose}>
          Close
        </Button>
      </div>
    </section>
  );
}
