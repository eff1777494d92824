import { Button, Checkbox, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, Field, makeStyles, MessageBar, MessageBarBody, SpinButton, Spinner, tokens } from "@fluentui/react-components";
import { AddRegular } from "@fluentui/react-icons";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState, type ReactNode } from "react";
import { useSearchParams } from "react-router";
import { api, ask, path, send as sendForm, withQuery, type Schema } from "../../api/client";
import { problemOf } from "../../api/problem";
import { queries } from "../../api/queries";
import { DimmedButton, VerbButton } from "../../parts/DimmedButton";
import { Bytes, Rate } from "../../parts/Figure";
import { count, counted, duration } from "../../parts/format";
import { Problem } from "../../parts/Problem";
import { Said } from "../../parts/Said";
import { useToasts } from "../../parts/Toasts";
import { useReturnFocus } from "../../parts/useReturnFocus";
import { Card, Facts } from "./Card";
import { fileForm } from "./fileForm";
import { useDebounced } from "./useDebounced";

type Batch = Schema<"Batch">;
type Answer = Schema<"MigrationEstimate">;
type Added = Schema<"Added">;
type FileSummary = Schema<"FileSummary">;

const useStyles = makeStyles({
  fields: { display: "flex", flexWrap: "wrap", alignItems: "end", gap: tokens.spacingHorizontalL },
  number: { width: "160px" },
  content: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM },
  list: { margin: 0, paddingLeft: tokens.spacingHorizontalL, maxHeight: "240px", overflow: "auto", overflowWrap: "anywhere" },
  file: { fontFamily: "inherit", fontSize: tokens.fontSizeBase300, color: tokens.colorNeutralForeground1, maxWidth: "100%" },
});

/** How long the rest takes, from what the mailboxes that are done took, and how to add it. */
export function Estimate({ batch }: { batch: Batch }) {
  const styles = useStyles();
  const [search] = useSearchParams();
  // The wizard says how many mailboxes the file has of which a test batch took the first.
  const [mailboxes, setMailboxes] = useState(() => Number(search.get("mailboxes")) || batch.counts.total);
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
        <Field label="For how many mailboxes" hint="All that the migration file has">
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
      <AddRest batch={batch} open={adding} onClose={() => setAdding(false)} onFile={setMailboxes} />
    </Card>
  );
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

interface AddProps {
  batch: Batch;
  open: boolean;
  onClose(): void;
  onFile(mailboxes: number): void;
}

/** Takes the migration file again and adds the rows that the batch does not have. */
function AddRest({ batch, open, onClose, onFile }: AddProps) {
  useReturnFocus(open);
  const styles = useStyles();
  const toasts = useToasts();
  const [file, setFile] = useState<File>();
  const [skipBad, setSkipBad] = useState(false);
  const [unknown, setUnknown] = useState(false);
  const [checked, setChecked] = useState<Added>();
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const turn = useRef(0);
  useEffect(() => {
    if (!open) return;
    setFile(undefined);
    setChecked(undefined);
    setError(undefined);
    setSkipBad(false);
    setUnknown(false);
  }, [open]);

  const send = (chosen: File, checkOnly: boolean, bad: boolean, columns: boolean) =>
    sendForm<Added>(withQuery(path`/batches/${batch.name}/mailboxes`, { checkOnly: checkOnly || undefined, skipBad: bad || undefined, allowUnknownColumns: columns || undefined }), fileForm(chosen));

  const check = async (chosen: File, bad: boolean, columns: boolean) => {
    const mine = ++turn.current;
    setBusy(true);
    setError(undefined);
    setChecked(undefined);
    try {
      const answer = await send(chosen, true, bad, columns);
      if (mine !== turn.current) return;
      setChecked(answer);
      if (answer.file) onFile(answer.file.mailboxes);
    } catch (e) {
      if (mine === turn.current) setError(e);
    } finally {
      if (mine === turn.current) setBusy(false);
    }
  };
  const add = async () => {
    if (!file) return;
    setBusy(true);
    setError(undefined);
    try {
      const { added } = await send(file, false, skipBad, unknown);
      toasts.done(`${counted(added, "mailbox was", "mailboxes were")} added to ${batch.name}.`);
      void queries.invalidateQueries({ queryKey: ["batch", batch.name] });
      void queries.invalidateQueries({ queryKey: ["mailboxes"] });
      onClose();
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  const summary = checked?.file ?? (error === undefined ? undefined : problemOf(error).file);
  const fresh = checked?.added ?? 0;
  const again = (bad: boolean, columns: boolean) => {
    setSkipBad(bad);
    setUnknown(columns);
    if (file) void check(file, bad, columns);
  };
  const reason = !file ? "Choose the migration file first." : busy ? "The file is being looked at." : !checked ? "The file can't be taken as it is." : checked.file?.refused ? "The file as a whole can't be taken." : fresh === 0 ? "The batch has all mailboxes of the file already." : (checked.file?.errors ?? 0) > 0 && !skipBad ? "Correct the file, or leave the bad rows out." : undefined;
  return (
    <Dialog open={open} onOpenChange={(_, d) => !d.open && !busy && onClose()}>
      <DialogSurface>
        <DialogBody>
          <DialogTitle>Add the rest to {batch.name}</DialogTitle>
          <DialogContent className={styles.content}>
            <p>Choose the migration file again. Mailboxes that the batch has already stay as they are, and all others are added.</p>
            <Field label="Migration file (CSV)" required>
              {(props) => (
                <input
                  {...props}
                  type="file"
                  accept=".csv,text/csv"
                  className={styles.file}
                  onChange={(event) => {
                    const chosen = event.target.files?.[0];
                    setFile(chosen);
                    if (chosen) void check(chosen, skipBad, unknown);
                  }}
                />
              )}
            </Field>
            {(skipBad || (summary?.errors ?? 0) > 0) && <Checkbox checked={skipBad} onChange={(_, d) => again(d.checked === true, unknown)} label="Leave bad rows out and take the others" />}
            {(unknown || unknownColumn(summary)) && <Checkbox checked={unknown} onChange={(_, d) => again(skipBad, d.checked === true)} label="Leave columns out whose name is not known" />}
            <div role="status" className={styles.content}>
              {busy && <Spinner size="tiny" label="Looking at the file" labelPosition="after" />}
              {checked && <Found checked={checked} fresh={fresh} />}
              {summary && <FileProblems summary={summary} />}
            </div>
            <Problem error={error} />
          </DialogContent>
          <DialogActions>
            <Button onClick={onClose} disabled={busy}>
              Cancel
            </Button>
            <DimmedButton appearance="primary" reason={reason} onClick={() => void add()}>
              {fresh > 0 ? `Add ${counted(fresh, "mailbox", "mailboxes")}` : "Add"}
            </DimmedButton>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}

function unknownColumn(summary?: FileSummary): boolean {
  return summary?.problems?.some((p) => p.code.includes("column")) ?? false;
}

function Found({ checked, fresh }: { checked: Added; fresh: number }): ReactNode {
  return (
    <p>
      The file has {counted(checked.file?.mailboxes ?? 0, "mailbox", "mailboxes")}; the batch has {count(checked.known)} of them, and {count(fresh)} would be added.
    </p>
  );
}

function FileProblems({ summary }: { summary: FileSummary }) {
  const styles = useStyles();
  const problems = summary.problems ?? [];
  if (problems.length === 0) return null;
  return (
    <ul className={styles.list} aria-label="What is wrong with the file">
      {problems.map((p, i) => (
        <li key={i}>
          {p.row ? `Row ${count(p.row)}: ` : ""}
          <Said text={p.text} /> {p.remedy && <Said text={p.remedy} />}
        </li>
      ))}
    </ul>
  );
}
