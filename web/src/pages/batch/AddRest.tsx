import { Button, Checkbox, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, Field, makeStyles, Spinner, tokens } from "@fluentui/react-components";
import { useEffect, useRef, useState } from "react";
import { path, send as sendForm, withQuery, type Schema } from "../../api/client";
import { problemOf } from "../../api/problem";
import { queries } from "../../api/queries";
import { DimmedButton } from "../../parts/DimmedButton";
import { count, counted } from "../../parts/format";
import { Problem } from "../../parts/Problem";
import { useToasts } from "../../parts/Toasts";
import { useReturnFocus } from "../../parts/useReturnFocus";
import { useUnsaved } from "../../parts/useUnsaved";
import { changed, type Change, type Edits } from "../newbatch/corrections";
import { downloadCorrected } from "../newbatch/downloadFile";
import { blobOf, edited, readFile, type MigrationFile } from "../newbatch/file";
import { FileProblems } from "../newbatch/FileProblems";
import { told } from "../newbatch/told";
import { fileForm } from "./fileForm";

type Added = Schema<"Added">;
type FileSummary = Schema<"FileSummary">;

const useStyles = makeStyles({
  surface: { maxWidth: "860px" },
  content: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM },
  file: { fontFamily: "inherit", fontSize: tokens.fontSizeBase300, color: tokens.colorNeutralForeground1, maxWidth: "100%" },
  bar: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS },
});

interface AddProps {
  batch: Schema<"Batch">;
  open: boolean;
  onClose(): void;
  onFile(mailboxes: number): void;
}

const noEdits: Edits = new Map();

/** Takes the migration file again and adds the rows that the batch does not have; what is wrong with them is mended in place. */
export function AddRest({ batch, open, onClose, onFile }: AddProps) {
  useReturnFocus(open);
  const styles = useStyles();
  const toasts = useToasts();
  const [file, setFile] = useState<MigrationFile>();
  const [edits, setEdits] = useState<Edits>(noEdits);
  const [corrected, setCorrected] = useState(false);
  const [skipBad, setSkipBad] = useState(false);
  const [unknown, setUnknown] = useState(false);
  const [checked, setChecked] = useState<Added>();
  const [summary, setSummary] = useState<FileSummary>();
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const turn = useRef(0);
  useUnsaved(open && file !== undefined);
  useEffect(() => {
    if (!open) return;
    setFile(undefined);
    setEdits(noEdits);
    setCorrected(false);
    setChecked(undefined);
    setSummary(undefined);
    setError(undefined);
    setSkipBad(false);
    setUnknown(false);
  }, [open]);

  const send = (chosen: MigrationFile, checkOnly: boolean, bad: boolean, columns: boolean) =>
    sendForm<Added>(withQuery(path`/batches/${batch.name}/mailboxes`, { checkOnly: checkOnly || undefined, skipBad: bad || undefined, allowUnknownColumns: columns || undefined }), fileForm(new File([blobOf(chosen)], chosen.name, { type: "text/csv" })));

  const check = async (chosen: MigrationFile, bad: boolean, columns: boolean) => {
    const mine = ++turn.current;
    setFile(chosen);
    setEdits(noEdits);
    setBusy(true);
    setError(undefined);
    setChecked(undefined);
    try {
      const answer = await send(chosen, true, bad, columns);
      if (mine !== turn.current) return;
      setChecked(answer);
      setSummary(answer.file);
      if (answer.file) onFile(answer.file.mailboxes);
    } catch (e) {
      if (mine !== turn.current) return;
      setError(e);
      setSummary(problemOf(e).file);
    } finally {
      if (mine === turn.current) setBusy(false);
    }
  };
  const choose = async (chosen: File | undefined) => {
    if (!chosen) return;
    setCorrected(false);
    try {
      await check(await readFile(chosen), skipBad, unknown);
    } catch (e) {
      setError(told(`The file cannot be read: ${e instanceof Error ? e.message : String(e)}`));
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
  const edit = (row: number, text: string | null | undefined) => {
    setCorrected(true);
    setEdits((now) => {
      const next = new Map(now);
      if (text === undefined || text === file?.records?.[row - 1]) next.delete(row);
      else next.set(row, text);
      return next;
    });
  };
  const changeFile = (change: Change) => {
    if (!file) return;
    setCorrected(true);
    void check(changed(edited(file, edits), [change]), skipBad, unknown);
  };
  const fresh = checked?.added ?? 0;
  const again = (bad: boolean, columns: boolean) => {
    setSkipBad(bad);
    setUnknown(columns);
    if (file) void check(edited(file, edits), bad, columns);
  };
  const reason = !file
    ? "Choose the migration file first."
    : busy
      ? "The file is being looked at."
      : edits.size > 0
        ? "Check the changed rows first."
        : !checked
          ? "The file can't be taken as it is."
          : checked.file?.refused
            ? "The file as a whole can't be taken."
            : fresh === 0
              ? "The batch has all mailboxes of the file already."
              : (checked.file?.errors ?? 0) > 0 && !skipBad
                ? "Correct the rows that are marked, or leave the bad rows out."
                : undefined;
  return (
    <Dialog open={open} onOpenChange={(_, d) => !d.open && !busy && onClose()} modalType="alert">
      <DialogSurface className={styles.surface}>
        <DialogBody>
          <DialogTitle>Add the rest to {batch.name}</DialogTitle>
          <DialogContent className={styles.content}>
            <p>Choose the migration file again. Mailboxes that the batch has already stay as they are, and all others are added.</p>
            <Field label="Migration file (CSV)" required>
              {(props) => <input {...props} type="file" accept=".csv,.txt,text/csv" className={styles.file} onChange={(event) => void choose(event.target.files?.[0])} />}
            </Field>
            {(skipBad || (summary?.errors ?? 0) > 0) && <Checkbox checked={skipBad} onChange={(_, d) => again(d.checked === true, unknown)} label="Leave out bad rows, and take the others" />}
            {(unknown || unknownColumn(summary)) && <Checkbox checked={unknown} onChange={(_, d) => again(skipBad, d.checked === true)} label="Leave out columns whose name is not known" />}
            <div role="status" className={styles.content}>
              {busy && <Spinner size="tiny" label="Looking at the file" labelPosition="after" />}
              {checked && (
                <p>
                  The file has {counted(checked.file?.mailboxes ?? 0, "mailbox", "mailboxes")}; the batch has {count(checked.known)} of them, and {count(fresh)} would be added.
                </p>
              )}
            </div>
            {file && summary && (summary.problems ?? []).length > 0 && <FileProblems file={file} summary={summary} edits={edits} onEdit={edit} onWhole={changeFile} bound />}
            <div className={styles.bar}>
              {file && edits.size > 0 && (
                <Button appearance="primary" onClick={() => void check(edited(file, edits), skipBad, unknown)} disabledFocusable={busy}>
                  Check again with {counted(edits.size, "changed row")}
                </Button>
              )}
              {file?.records && corrected && <Button onClick={() => downloadCorrected(edited(file, edits))}>Download the corrected file</Button>}
            </div>
            {!summary && <Problem error={error} title="The file could not be checked" />}
            {summary && error !== undefined && (summary.problems ?? []).length === 0 && <Problem error={error} />}
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
  return summary?.problems?.some((p) => p.code === "csv-unknown-column") ?? false;
}
