import { Button, Checkbox, Field, Input, makeStyles, MessageBar, MessageBarBody, mergeClasses, Spinner, tokens } from "@fluentui/react-components";
import { ArrowDownloadRegular, DocumentTableRegular } from "@fluentui/react-icons";
import { useEffect, useMemo, useRef, useState } from "react";
import { save } from "../../parts/download";
import { bytes, count, counted } from "../../parts/format";
import { Problem } from "../../parts/Problem";
import { Said } from "../../parts/Said";
import { openToSource, usable } from "./check";
import { keptCorrections } from "./corrections";
import { maxBytes, template } from "./csv";
import { downloadCorrected } from "./downloadFile";
import { FileProblems } from "./FileProblems";
import { edited, headerOf, mailboxRows, readFile, withoutTargetPassword } from "./file";
import { RowsTable } from "./RowsTable";
import { told } from "./told";
import { useStepStyles } from "./useStyles";
import type { Wizard } from "./useWizard";

const useStyles = makeStyles({
  zone: {
    display: "flex", flexDirection: "column", alignItems: "center", gap: tokens.spacingVerticalS, padding: tokens.spacingVerticalXXL, textAlign: "center",
    border: `2px dashed ${tokens.colorNeutralStroke1}`, borderRadius: tokens.borderRadiusLarge, backgroundColor: tokens.colorNeutralBackground1,
  },
  over: { border: `2px dashed ${tokens.colorBrandStroke1}`, backgroundColor: tokens.colorBrandBackground2 },
  icon: { fontSize: "32px", color: tokens.colorNeutralForeground3, lineHeight: 1 },
  number: { width: "88px" },
  test: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalXS },
  first: { paddingLeft: tokens.spacingHorizontalXXXL, maxWidth: "420px" },
});

/** Choosing the migration file, and mending what is wrong with it. */
export function FileStep({ wizard: w }: { wizard: Wizard }) {
  const styles = useStyles();
  const step = useStepStyles();
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const [reading, setReading] = useState(false);
  const [error, setError] = useState<unknown>();
  const take = async (file: File | undefined) => {
    if (!file) return;
    setReading(true);
    setError(undefined);
    try {
      w.takeFile(await readFile(file));
    } catch (e) {
      setError(e instanceof Error ? told(`The file cannot be read: ${e.message}`) : e);
    } finally {
      setReading(false);
    }
  };
  const taking = useRef(take);
  taking.current = take;
  // A file that is dropped beside the zone is not to take the place of the page.
  useEffect(() => {
    const drop = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      setOver(event.type === "dragover");
      if (event.type === "drop") void taking.current(event.dataTransfer.files[0]);
    };
    const leave = (event: DragEvent) => event.relatedTarget === null && setOver(false);
    window.addEventListener("dragover", drop);
    window.addEventListener("drop", drop);
    window.addEventListener("dragleave", leave);
    return () => {
      window.removeEventListener("dragover", drop);
      window.removeEventListener("drop", drop);
      window.removeEventListener("dragleave", leave);
    };
  }, []);
  const { file, draft } = w;
  const tooBig = file !== undefined && file.size > maxBytes;
  return (
    <div className={step.step}>
      {!file && draft.fileName !== "" && (
        <MessageBar intent="warning" layout="multiline">
          <MessageBarBody>
            Choose the file <Said text={draft.fileName} /> again: it holds passwords, and is not kept here. What you have chosen besides is still here.
            {keptCorrections() && " What you have corrected is made again when it is the same file; only passwords are to be entered anew."}
          </MessageBarBody>
        </MessageBar>
      )}
      <div className={mergeClasses(styles.zone, over && styles.over)}>
        <DocumentTableRegular className={styles.icon} aria-hidden />
        {file ? (
          <span>
            <b>
              <Said text={file.name} />
            </b>
            , {bytes(file.size)}
            {file.records && `, ${counted(mailboxRows(file), "row")}`}
            {file.encoding === "windows-1252" && ", read as Windows-1252"}
          </span>
        ) : (
          <span>Drop the migration file (CSV) here, or</span>
        )}
        <Button appearance={file ? "secondary" : "primary"} onClick={() => input.current?.click()} icon={reading ? <Spinner size="tiny" /> : undefined}>
          {file ? "Choose another file" : "Choose the file"}
        </Button>
        <input
          ref={input}
          type="file"
          hidden
          accept=".csv,.txt,text/csv"
          aria-label="Migration file"
          onChange={(event) => {
            void take(event.target.files?.[0]);
            event.target.value = "";
          }}
        />
        <span className={step.soft}>One row for each mailbox: EmailAddress, UserName and Password; UserRoot, TargetUserName and TargetPassword as needed. At most 50,000 rows.</span>
        <Button appearance="transparent" icon={<ArrowDownloadRegular />} onClick={() => save(new Blob([template], { type: "text/csv" }), "mailboxes.csv")}>
          Download a template
        </Button>
      </div>
      <Problem error={error} />
      {tooBig && <Problem error={told(`The file has ${bytes(file.size)}; the server takes at most ${bytes(maxBytes)}. Divide it into several files, or remove columns that are not needed.`)} />}
      {file && !tooBig && (
        <>
          <RestoredNote wizard={w} />
          <div className={step.part}>
            <div>
              <Checkbox checked={draft.allowUnknown} onChange={(_, data) => w.change({ allowUnknown: data.checked === true })} label="Leave out columns whose name is not known" />
            </div>
            <div>
              <Checkbox checked={draft.skipBad} onChange={(_, data) => w.change({ skipBad: data.checked === true })} label="Leave out bad rows, and take the others" />
            </div>
            <div className={styles.test}>
              <Checkbox checked={draft.test} onChange={(_, data) => w.change({ test: data.checked === true })} label="Make a test batch of the first mailboxes" />
              {draft.test && (
                <Field className={styles.first} label="How many mailboxes a test batch takes" hint="Afterwards the batch says how long all will take, and takes the rest." validationMessage={w.troubles.first}>
                  <Input className={styles.number} inputMode="numeric" value={draft.first} onChange={(_, data) => w.change({ first: data.value })} />
                </Field>
              )}
            </div>
            <TargetPassword wizard={w} />
          </div>
          <CheckResult wizard={w} />
          {file.records && headerOf(file).length > 0 && (
            <details>
              <summary>Show the rows</summary>
              <RowsTable file={w.file!} />
            </details>
          )}
        </>
      )}
    </div>
  );
}

/** What became of the corrections that were made before the page was loaded anew. */
function RestoredNote({ wizard: { restored } }: { wizard: Wizard }) {
  if (!restored) return null;
  return (
    <MessageBar intent={restored.made > 0 && restored.secret === 0 ? "info" : "warning"} layout="multiline">
      <MessageBarBody>
        {restored.made > 0 ? `${counted(restored.made, "correction was", "corrections were")} made again. ` : restored.secret === 0 ? "This is another file than the one you have corrected: its corrections are dropped. " : ""}
        {restored.secret > 0 && `What you have entered in ${counted(restored.secret, "row")} was not kept, because it may be a password: correct ${restored.secret === 1 ? "it" : "them"} again where the check says so.`}
      </MessageBarBody>
    </MessageBar>
  );
}

/** The one password at the target for rows that have none. */
export function TargetPassword({ wizard: w }: { wizard: Wizard }) {
  const step = useStepStyles();
  const missing = useMemo(() => (w.file?.records ? withoutTargetPassword(w.file) : 0), [w.file]);
  if (missing === 0 && w.targetPassword === "") return null;
  return (
    <Field
      className={step.field}
      label="Password at the target for rows without one"
      hint={`${counted(missing, "row")} without TargetPassword. Leave it empty where one sign-in opens every mailbox of the target.`}
      validationMessage={w.problem?.field("targetPassword")}
    >
      <Input type="password" value={w.targetPassword} onChange={(_, data) => w.setTargetPassword(data.value)} autoComplete="new-password" />
    </Field>
  );
}

/** What the server says of the file, and where that can be mended. */
export function CheckResult({ wizard: w, final }: { wizard: Wizard; final?: boolean }) {
  const step = useStepStyles();
  const summary = w.summary;
  const changed = w.edits.size;
  const status = (() => {
    if (w.checking) return "The file is being checked…";
    if (!summary) return "";
    const parts = [counted(summary.errors, "error"), counted(summary.warnings, "warning"), counted(summary.notes, "note")];
    return `${counted(summary.mailboxes, "mailbox", "mailboxes")} of ${counted(summary.rows, "row")}; ${parts.join(", ")}.`;
  })();
  return (
    <div className={step.part}>
      <div role="status" aria-live="polite" className={step.actions}>
        {w.checking && <Spinner size="tiny" />}
        <b>{status}</b>
        {summary?.taken !== undefined && w.draft.test && !w.checking && summary.taken < summary.mailboxes && <span>The first {count(summary.taken)} are taken.</span>}
      </div>
      <Problem error={w.checkError} title="The file could not be checked" retry={() => void w.check()} />
      {summary && !w.checking && !final && summary.errors > 0 && !usable(summary, w.draft.skipBad) && openToSource(summary) && (
        <MessageBar intent="info" layout="multiline">
          <MessageBarBody>Whether this is a mistake is said by the source: with an endpoint whose one sign-in opens every mailbox it is none. You can go on.</MessageBarBody>
        </MessageBar>
      )}
      {summary && w.file && (summary.problems ?? []).length > 0 && (
        <>
          <FileProblems file={w.file} summary={summary} edits={w.edits} onEdit={w.edit} onWhole={w.changeFile} />
          {w.file.records && (changed > 0 || summary.errors > 0) && (
            <div className={step.actions}>
              <Button appearance={changed > 0 ? "primary" : "secondary"} onClick={() => void w.check()} disabledFocusable={w.checking}>
                {changed > 0 ? `Check again with ${counted(changed, "changed row")}` : "Check again"}
              </Button>
              <span className={step.soft}>Changes are made here and sent with the batch; your file stays as it is.</span>
            </div>
          )}
        </>
      )}
      {w.corrected && w.file?.records && (
        <div className={step.actions}>
          <Button icon={<ArrowDownloadRegular />} onClick={() => downloadCorrected(edited(w.file!, w.edits))}>
            Download the corrected file
          </Button>
          <span className={step.soft}>With its passwords: keep it as safe as the one it was made of. “Add the rest” takes it later.</span>
        </div>
      )}
    </div>
  );
}
