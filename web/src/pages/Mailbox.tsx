import { makeStyles, MessageBar, MessageBarBody, MessageBarTitle, tokens } from "@fluentui/react-components";
import { ArrowRepeatAllRegular, ArrowSyncRegular, DeleteRegular, KeyResetRegular, PlayRegular, StopRegular, ThumbLikeRegular } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useNavigate, useParams } from "react-router";
import { api, ask, path, type Schema } from "../api/client";
import { problemOf } from "../api/problem";
import { mailboxQuery, queries } from "../api/queries";
import { useLive } from "../live/useLive";
import { ApproveDialog } from "../parts/BatchActions";
import { ConfirmByTyping } from "../parts/ConfirmByTyping";
import { CutoverWarning } from "../parts/CutoverWarning";
import { VerbButton } from "../parts/DimmedButton";
import { Empty } from "../parts/Empty";
import { Bytes, Count, Duration, Rate } from "../parts/Figure";
import { count, visible } from "../parts/format";
import { ToButton } from "../parts/Link";
import { Loading } from "../parts/Loading";
import { allApproved } from "../parts/pointless";
import { Problem } from "../parts/Problem";
import { Said } from "../parts/Said";
import { ScoreBadge, StateBadge } from "../parts/StateBadge";
import { stateOf } from "../parts/states";
import { useToasts } from "../parts/Toasts";
import { forgetUnsaved } from "../parts/useUnsaved";
import { When } from "../parts/When";
import { Page } from "../shell/Page";
import { Card, Facts } from "./batch/Card";
import { FindingList } from "./batch/FindingList";
import { MailboxProgress } from "./batch/MailboxProgress";
import { Folders } from "./mailbox/Folders";
import { Handover } from "./mailbox/Handover";
import { troublesOf } from "./newbatch/trial";
import { Rotate } from "./mailbox/Rotate";
import { Transcript } from "./mailbox/Transcript";

type Mailbox = Schema<"Mailbox">;

const moving = ["Validating", "Starting", "Syncing", "IncrementalSyncing", "Stopping", "Completing"];

const useStyles = makeStyles({
  heading: { display: "flex", flexWrap: "wrap", alignItems: "center", gap: `0 ${tokens.spacingHorizontalL}` },
  state: { fontSize: tokens.fontSizeBase300, lineHeight: tokens.lineHeightBase300, fontWeight: tokens.fontWeightRegular },
  hidden: { position: "absolute", width: "1px", height: "1px", overflow: "hidden", clipPath: "inset(50%)", whiteSpace: "nowrap" },
  bar: { whiteSpace: "normal", overflowWrap: "anywhere" },
});

export default function MailboxPage() {
  const { batch = "", address = "" } = useParams();
  // Another mailbox is another page: no input of the one is kept for the other.
  return <OneMailbox key={`${batch}\n${address}`} batch={batch} address={address} />;
}

function OneMailbox({ batch, address }: { batch: string; address: string }) {
  const asked = useQuery(mailboxQuery(batch, address));
  const live = useLive<Mailbox>(path`/batches/${batch}/mailboxes/${address}/live`, "mailbox", () => ask(api.GET("/batches/{batch}/mailboxes/{address}", { params: { path: { batch, address } } })));
  useEffect(() => {
    if (live.value) queries.setQueryData(mailboxQuery(batch, address).queryKey, live.value);
  }, [batch, address, live.value]);
  const to = `/batches/${encodeURIComponent(batch)}`;
  const crumbs: [string, string][] = [["/batches", "Batches"], [to, batch], [`${to}/mailboxes`, "Mailboxes"]];
  const mailbox = asked.data && (!live.value || asked.data.version > live.value.version) ? asked.data : live.value;
  const error = mailbox ? (live.status === "gone" ? live.problem : undefined) : asked.error;
  if (mailbox) return <Shown mailbox={mailbox} crumbs={crumbs} error={error ?? undefined} to={to} />;
  return (
    <Page title={visible(address)} crumbs={crumbs}>
      {!error ? (
        <Loading rows={4} height={64} what="Loading the mailbox" />
      ) : problemOf(error).status === 404 ? (
        <Empty title="There is no such mailbox" actions={<ToButton to={`${to}/mailboxes`}>All mailboxes of the batch</ToButton>}>
          It may have been deleted from the batch.
        </Empty>
      ) : (
        <Problem error={error} title="The mailbox could not be read" retry={() => void asked.refetch()} />
      )}
    </Page>
  );
}

function invalidate(mailbox: Mailbox): void {
  for (const queryKey of [["mailbox", mailbox.batch, mailbox.address], ["mailboxes", mailbox.batch], ["batch", mailbox.batch], ["findings", mailbox.batch, mailbox.address]]) void queries.invalidateQueries({ queryKey });
}

const plain = [
  { verb: "start", text: "Start", icon: <PlayRegular />, done: "The mailbox was started." },
  { verb: "stop", text: "Stop", icon: <StopRegular />, done: "The mailbox is being stopped." },
  { verb: "sync", text: "Sync now", icon: <ArrowSyncRegular />, done: "The mailbox is being synchronised." },
  { verb: "retry", text: "Retry", icon: <ArrowRepeatAllRegular />, done: "The mailbox is tried again." },
] as const;

function useActions(mailbox: Mailbox, to: string) {
  const toasts = useToasts();
  const navigate = useNavigate();
  const [open, setOpen] = useState<"approve" | "rotate" | "delete">();
  const [ready, setReady] = useState(false);
  const close = () => setOpen(undefined);
  const { batch, address } = mailbox;
  const press = ({ verb, text, done }: (typeof plain)[number]) =>
    ask(api.POST(`/batches/{batch}/mailboxes/{address}/${verb}`, { params: { path: { batch, address } } }))
      .then(() => toasts.done(done))
      .catch((error: unknown) => toasts.failed(`${text} did not work`, error))
      .finally(() => invalidate(mailbox));
  // Nobody signs in with a password of the mailbox's own: there is none to rotate.
  const noPasswords = (mailbox.passwords ?? []).length === 0 ? "It signs in with no password of its own; the endpoints have what is needed." : undefined;
  const buttons = (
    <>
      {plain.map((p) => (
        <VerbButton key={p.verb} kind="mailbox" of={mailbox} verb={p.verb} icon={p.icon} onClick={() => void press(p)}>
          {p.text}
        </VerbButton>
      ))}
      <VerbButton kind="mailbox" of={mailbox} verb="approve" reason={mailbox.passes > 0 && mailbox.skipped <= mailbox.approved ? allApproved : undefined} icon={<ThumbLikeRegular />} onClick={() => setOpen("approve")}>
        Approve…
      </VerbButton>
      <VerbButton kind="mailbox" of={mailbox} verb="rotate" reason={noPasswords} icon={<KeyResetRegular />} onClick={() => setOpen("rotate")}>
        Rotate passwords…
      </VerbButton>
      <VerbButton kind="mailbox" of={mailbox} verb="delete" icon={<DeleteRegular />} onClick={() => setOpen("delete")}>
        Delete…
      </VerbButton>
    </>
  );
  const dialogs = (
    <>
      <ApproveDialog
        open={open === "approve"}
        onClose={close}
        title="Approve what was left out?"
        onApprove={async (reason) => {
          await ask(api.POST("/batches/{batch}/mailboxes/{address}/approve", { params: { path: { batch, address } }, body: { reason } }));
          toasts.done("What was left out is approved.");
          invalidate(mailbox);
        }}
      >
        <p>What was left out so far counts as accepted. Findings that come later are to be approved anew.</p>
      </ApproveDialog>
      <Rotate mailbox={mailbox} open={open === "rotate"} onClose={close} onDone={() => invalidate(mailbox)} />
      <ConfirmByTyping
        open={open === "delete"}
        onClose={close}
        title="Delete the mailbox from its batch?"
        word={address}
        action="Delete"
        danger
        ready={ready}
        onConfirm={async () => {
          await ask(api.DELETE("/batches/{batch}/mailboxes/{address}", { params: { path: { batch, address } } }));
          toasts.done("The mailbox is being deleted from its batch.");
          invalidate(mailbox);
          forgetUnsaved();
          void navigate(`${to}/mailboxes`);
        }}
      >
        <p>
          The pass of <Said text={address} /> is stopped, and its records and passwords are removed from the batch. Migrated mail and the ledger stay.
        </p>
        {open === "delete" && <CutoverWarning batch={batch} verb="delete" onReady={setReady} />}
      </ConfirmByTyping>
    </>
  );
  return { buttons, dialogs };
}

function Shown({ mailbox, crumbs, error, to }: { mailbox: Mailbox; crumbs: [string, string][]; error?: unknown; to: string }) {
  const styles = useStyles();
  const { buttons, dialogs } = useActions(mailbox, to);
  const { batch, address } = mailbox;
  return (
    <Page
      title={visible(address)}
      crumbs={crumbs}
      heading={
        <span className={styles.heading}>
          <Said text={address} />
          <span className={styles.state}>
            <StateBadge kind="mailbox" state={mailbox.state} />
          </span>
        </span>
      }
      actions={buttons}
    >
      <span className={styles.hidden} role="status">
        {`The mailbox is ${stateOf("mailbox", mailbox.state).text.toLowerCase()}.`}
      </span>
      {error !== undefined && <Problem error={error} title="This mailbox is not followed any more" />}
      <Trouble mailbox={mailbox} />
      <Progress mailbox={mailbox} />
      <Preflight mailbox={mailbox} />
      <Folders batch={batch} address={address} passes={mailbox.passes} moving={moving.includes(mailbox.state)} />
      <Card title="Findings">
        <FindingList key={`${mailbox.passes} ${mailbox.skipped} ${mailbox.minor}`} batch={batch} address={address} />
      </Card>
      <Handover mailbox={mailbox} />
      <Transcript batch={batch} address={address} passes={mailbox.passes} />
      {dialogs}
    </Page>
  );
}

function Trouble({ mailbox }: { mailbox: Mailbox }) {
  const styles = useStyles();
  const { trouble, waiting } = mailbox;
  if (!trouble && !waiting) return null;
  return (
    <>
      {trouble && (
        <MessageBar intent={trouble.until && !trouble.until.startsWith("0001") ? "warning" : "error"} layout="multiline">
          <MessageBarBody className={styles.bar}>
            <MessageBarTitle>
              <Said text={trouble.reason} />
            </MessageBarTitle>{" "}
            {trouble.remedy && <Said text={trouble.remedy} />}{" "}
            {trouble.until && !trouble.until.startsWith("0001") && (
              <>
                It is tried again <When at={trouble.until} />.
              </>
            )}
          </MessageBarBody>
        </MessageBar>
      )}
      {waiting && (
        <MessageBar intent="info" layout="multiline">
          <MessageBarBody className={styles.bar}>
            <MessageBarTitle>Nothing moves at the moment. </MessageBarTitle>
            <Said text={waiting} />
          </MessageBarBody>
        </MessageBar>
      )}
    </>
  );
}

function Progress({ mailbox: m }: { mailbox: Mailbox }) {
  const { progress } = m;
  const under = moving.includes(m.state);
  return (
    <Card title="Progress">
      <MailboxProgress mailbox={m} />
      <Facts
        of={[
          [under ? "Messages of this pass" : "Messages of the last pass", `${count(progress.messages)} of ${count(progress.messagesTotal)}`],
          ["Data", progress.bytesTotal > 0 ? <><Bytes n={progress.bytes} /> of <Bytes n={progress.bytesTotal} /></> : "–"],
          ["Folders", `${count(progress.folders)} of ${count(progress.foldersTotal)}`],
          ["Rate", under ? <Rate n={progress.bytesPerSecond} /> : undefined],
          ["Time left", under ? <Duration seconds={m.remainingSeconds} /> : undefined],
          ["Queued for", <Duration seconds={m.queuedSeconds} />],
          ["In progress for", <Duration seconds={m.inProgressSeconds} />],
          ["Stalled for", <Duration seconds={m.stalledSeconds} />],
          ["Copied in all passes", <><Count n={progress.moved} /> messages, <Bytes n={progress.movedBytes} /></>],
          ["Already at the target", m.passes > 0 || m.present > 0 ? <><Count n={m.present} /> messages</> : undefined],
          ["Left out", m.skipped > 0 ? `${count(m.skipped)}, ${count(m.approved)} approved` : "0"],
          ["Data consistency score", <ScoreBadge score={m.score} />],
          ["Passes", count(m.passes)],
          ["Failed passes in a row", m.faults > 0 ? count(m.faults) : undefined],
          ["Last synchronisation", <When at={m.lastSynced} />],
          ["Next pass", <When at={m.due} />],
          ["User at the source", <Said text={m.sourceUser} />],
          ["User at the target", <Said text={m.targetUser} />],
          ["Root at the source", m.userRoot ? <Said text={m.userRoot} /> : undefined],
          ["Row of the migration file", count(m.row)],
          ["Node", m.node ? <Said text={m.node} /> : undefined],
        ]}
      />
    </Card>
  );
}

function Preflight({ mailbox }: { mailbox: Mailbox }) {
  const p = mailbox.preflight;
  if (!p) return null;
  return (
    <Card title="Preflight">
      <Facts
        of={[
          ["When", <When at={p.at} />],
          ["Outcome", p.ok ? "It can be migrated" : "It can't be migrated yet"],
          ["Messages", <Count n={p.messages} />],
          ["Data", <Bytes n={p.bytes} />],
          ["Folders", <Count n={p.folders} />],
          ["Default folders with another name at the target", p.renamed ? count(p.renamed) : undefined],
          ...troublesOf(p).map(({ side, trouble }): [string, React.ReactNode] => [side === "" ? "Trouble" : `At the ${side.toLowerCase()}`, <><Said text={trouble.reason} /> {trouble.remedy && <Said text={trouble.remedy} />}</>]),
        ]}
      />
      {(p.warnings ?? []).length > 0 && (
        <ul>
          {p.warnings!.map((w, i) => (
            <li key={i}>
              <Said text={w.reason} /> {w.remedy && <Said text={w.remedy} />}
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
