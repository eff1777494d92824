import { Accordion, AccordionHeader, AccordionItem, AccordionPanel, makeStyles, tokens } from "@fluentui/react-components";
import { CheckmarkCircleRegular } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, path, sessionEnded, type Schema } from "../../api/client";
import { problemIn } from "../../api/problem";
import { queries } from "../../api/queries";
import { ApproveDialog } from "../../parts/BatchActions";
import { DimmedButton, useRoleReason } from "../../parts/DimmedButton";
import { Empty } from "../../parts/Empty";
import { count, counted } from "../../parts/format";
import { To } from "../../parts/Link";
import { Loading } from "../../parts/Loading";
import { Problem } from "../../parts/Problem";
import { Said } from "../../parts/Said";
import { useToasts } from "../../parts/Toasts";
import { Card } from "./Card";
import { CsvReader, LeftOuts, type LeftOut } from "./errorsCsv";
import { FindingList } from "./FindingList";

const useStyles = makeStyles({
  quiet: { color: tokens.colorNeutralForeground2 },
  head: { display: "flex", flexWrap: "wrap", gap: `0 ${tokens.spacingHorizontalM}`, overflowWrap: "anywhere" },
  panel: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM, paddingBottom: tokens.spacingVerticalM },
  bar: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalM, alignItems: "center" },
});

/** So many mailboxes are shown; the file has them all. */
const most = 500;

interface Found {
  mailboxes: LeftOut[];
  /** There are more. */
  cut: boolean;
}

/** Reads which mailboxes have messages that were left out, from the report, and no more of it than is shown. */
async function read(batch: string, signal: AbortSignal): Promise<Found> {
  const ended = new AbortController();
  signal.addEventListener("abort", () => ended.abort());
  const response = await fetch(path`/batches/${batch}/reports/MigrationErrors.csv`, { credentials: "same-origin", signal: ended.signal });
  if (!response.ok || !response.body) {
    const problem = await problemIn(response);
    sessionEnded(problem);
    throw problem;
  }
  const found = new LeftOuts();
  const rows = new CsvReader((row) => found.add(row));
  const reader = response.body.pipeThrough(new TextDecoderStream("utf-8", { ignoreBOM: true })).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    rows.feed(value);
    if (found.mailboxes.size > most) {
      // The last one may not be whole; it is left out below.
      ended.abort();
      return { mailboxes: [...found.mailboxes.values()].slice(0, most), cut: true };
    }
  }
  rows.end();
  return { mailboxes: [...found.mailboxes.values()].slice(0, most), cut: found.mailboxes.size > most };
}

/** What was left out, by mailbox. */
export function Findings({ batch }: { batch: Schema<"Batch"> }) {
  const styles = useStyles();
  const skipped = batch.figures?.skipped ?? 0;
  const { name } = batch;
  const { data, error, refetch } = useQuery({
    queryKey: ["left-out", name, skipped, batch.figures?.approved],
    queryFn: ({ signal }) => read(name, signal),
    enabled: skipped > 0,
    placeholderData: (before) => before,
  });
  if (batch.figures === undefined) return <Loading rows={3} what="Loading the findings" />;
  if (skipped === 0) {
    return (
      <Empty title="No message was left out" icon={CheckmarkCircleRegular}>
        {batch.lastSynced ? "What arrived changed, such as a folder with another name, is told at each mailbox." : "Nothing was copied yet."}
      </Empty>
    );
  }
  return (
    <Card title={`${counted(skipped, "message was", "messages were")} left out`}>
      <p className={styles.quiet}>
        {count(batch.figures.approved)} of them {batch.figures.approved === 1 ? "is" : "are"} approved. Approve what may stay behind; each approval has a reason and goes to the audit log.
      </p>
      {error && !data ? (
        <Problem error={error} title="What was left out could not be read" retry={() => void refetch()} />
      ) : !data ? (
        <Loading rows={4} height={32} what="Loading what was left out" />
      ) : (
        <>
          <Accordion collapsible multiple>
            {data.mailboxes.map((m) => (
              <OneMailbox key={m.address} batch={name} mailbox={m} />
            ))}
          </Accordion>
          {data.cut && <p className={styles.quiet}>These are the first {count(most)} mailboxes. MigrationErrors.csv, under Reports, has them all.</p>}
        </>
      )}
    </Card>
  );
}

function OneMailbox({ batch, mailbox }: { batch: string; mailbox: LeftOut }) {
  const styles = useStyles();
  const toasts = useToasts();
  const role = useRoleReason("operator");
  const [asking, setAsking] = useState(false);
  const { address, messages, approved } = mailbox;
  const approve = async (reason: string) => {
    await ask(api.POST("/batches/{batch}/mailboxes/{address}/approve", { params: { path: { batch, address } }, body: { reason } }));
    toasts.done("What was left out is approved.");
    for (const queryKey of [["left-out", batch], ["findings", batch, address], ["batch", batch], ["mailboxes", batch]]) void queries.invalidateQueries({ queryKey });
  };
  return (
    <AccordionItem value={address}>
      <AccordionHeader>
        <span className={styles.head}>
          <Said text={address} />
          <span className={styles.quiet}>
            {counted(messages, "message")}
            {approved > 0 && `, ${approved >= messages ? "all" : count(approved)} approved`}
          </span>
        </span>
      </AccordionHeader>
      <AccordionPanel>
        <div className={styles.panel}>
          <div className={styles.bar}>
            <DimmedButton size="small" reason={role ?? (approved >= messages ? "All of them are approved." : undefined)} onClick={() => setAsking(true)}>
              Approve…
            </DimmedButton>
            <To to={`/batches/${encodeURIComponent(batch)}/mailboxes/${encodeURIComponent(address)}`}>To the mailbox</To>
          </div>
          <FindingList batch={batch} address={address} lostOnly />
        </div>
      </AccordionPanel>
      <ApproveDialog open={asking} onClose={() => setAsking(false)} title="Approve what was left out?" onApprove={approve}>
        <p>
          {counted(messages - approved, "message", "messages")} of <Said text={address} /> did not arrive. Findings that come later are to be approved anew.
        </p>
      </ApproveDialog>
    </AccordionItem>
  );
}
