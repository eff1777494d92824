import { Field, makeStyles, MessageBar, MessageBarBody, SpinButton, tokens } from "@fluentui/react-components";
import { AddRegular } from "@fluentui/react-icons";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useSearchParams } from "react-router";
import { api, ask, type Schema } from "../../api/client";
import { VerbButton } from "../../parts/DimmedButton";
import { Bytes, Rate } from "../../parts/Figure";
import { count, counted, duration } from "../../parts/format";
import { Problem } from "../../parts/Problem";
import { Said } from "../../parts/Said";
import { AddRest } from "./AddRest";
import { Card, Facts } from "./Card";
import { useDebounced } from "./useDebounced";

type Batch = Schema<"Batch">;
type Answer = Schema<"MigrationEstimate">;

const useStyles = makeStyles({
  fields: { display: "flex", flexWrap: "wrap", alignItems: "end", gap: tokens.spacingHorizontalL },
  number: { width: "160px" },
});

/** How long the rest takes, from what the mailboxes that are done took, and how to add it. */
export function Estimate({ batch }: { batch: Batch }) {
  const styles = useStyles();
  const [search] = useSearchParams();
  // The wizard says how many mailboxes the file has of which a test batch took the first.
  const [inFile, setInFile] = useState(() => Number(search.get("mailboxes")) || undefined);
  const [mailboxes, setMailboxes] = useState(inFile ?? batch.counts.total);
  const [adding, setAdding] = useState(false);
  const asked = useDebounced(mailboxes, 300);
  const measured = batch.counts.synced + batch.counts.closed;
  const { data, error, refetch } = useQuery({
    queryKey: ["estimate", batch.name, asked, measured],
    queryFn: () => ask(api.GET("/batches/{batch}/estimate", { params: { path: { batch: batch.name }, query: { mailboxes: asked } } })),
    enabled: measured > 0 && asked > 0,
    placeholderData: keepPreviousData,
  });
  return (
    <Card
      title="Estimate"
      actions={
        <VerbButton kind="batch" of={batch} verb="add" icon={<AddRegular />} onClick={() => setAdding(true)}>
          Add the rest…
        </VerbButton>
      }
    >
      <div className={styles.fields}>
        <Field label="For how many mailboxes" hint={hintOf(mailboxes, batch.counts.total, inFile)}>
          <SpinButton className={styles.number} value={mailboxes} min={1} max={1_000_000} onChange={(_, d) => setMailboxes(Math.max(1, Math.round(d.value ?? Number(d.displayValue)) || 1))} />
        </Field>
      </div>
      {measured === 0 ? (
        <p>There is an estimate as soon as the first mailbox has its initial copy.</p>
      ) : error && data === undefined ? (
        <Problem error={error} title="There is no estimate" retry={() => void refetch()} />
      ) : (
        data && <Told answer={data} mailboxes={asked} />
      )}
      <AddRest batch={batch} open={adding} onClose={() => setAdding(false)} onFile={(n) => (setInFile(n), setMailboxes(n))} />
    </Card>
  );
}

/** What the number of mailboxes is. */
function hintOf(mailboxes: number, total: number, inFile?: number): string {
  if (mailboxes === inFile) return inFile === total ? "All of the batch and of the migration file" : "All that the migration file has";
  return mailboxes === total ? "Those of the batch. Enter how many the whole migration file has" : "Of your choice";
}

function Told({ answer, mailboxes }: { answer: Answer; mailboxes: number }) {
  return (
    <>
      {answer.note && (
        <MessageBar intent={answer.enough ? "info" : "warning"} layout="multiline">
          <MessageBarBody>
            <Said text={answer.note} />
          </MessageBarBody>
        </MessageBar>
      )}
      <Facts
        of={[
          [`Initial copies of ${counted(mailboxes, "mailbox", "mailboxes")}`, answer.seconds > 0 ? duration(answer.seconds) : "Nothing can be said"],
          ["In 19 of 20 cases between", answer.high > 0 ? `${duration(answer.low)} and ${duration(answer.high)}` : undefined],
          ["Measured", counted(answer.mailboxesMeasured, "mailbox", "mailboxes")],
          ["Messages of a mailbox", count(answer.messagesPerMailbox)],
          ["Size of a mailbox", <Bytes n={answer.bytesPerMailbox} />],
          ["Rate of a mailbox", <Rate n={answer.bytesPerSecondPerMailbox} />],
          ["Mailboxes at a time", count(answer.atATime)],
        ]}
      />
    </>
  );
}
