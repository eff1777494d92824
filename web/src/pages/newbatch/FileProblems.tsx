import { Button, Field, Input, makeStyles, MessageBar, MessageBarActions, MessageBarBody, Switch, tokens } from "@fluentui/react-components";
import { memo, useMemo, useState } from "react";
import { count, counted, sentence } from "../../parts/format";
import { Said } from "../../parts/Said";
import { ToneBadge } from "../../parts/StateBadge";
import { remedyOf, type FileProblem, type FileSummary } from "./check";
import { cells, ended, headerAt, letter, otherSeparator, record, secretColumn } from "./csv";
import type { Change, Edits } from "./corrections";
import { commaSeparated, headerOf, maybeWindows, type MigrationFile } from "./file";

const useStyles = makeStyles({
  box: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM, minWidth: 0 },
  head: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalM, alignItems: "center", justifyContent: "space-between" },
  list: { listStyleType: "none", margin: 0, padding: 0, display: "flex", flexDirection: "column", gap: tokens.spacingVerticalS },
  card: { border: `1px solid ${tokens.colorNeutralStroke2}`, borderRadius: tokens.borderRadiusMedium, padding: tokens.spacingHorizontalM, display: "flex", flexDirection: "column", gap: tokens.spacingVerticalS, minWidth: 0 },
  title: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS, alignItems: "center", justifyContent: "space-between" },
  name: { fontWeight: tokens.fontWeightSemibold },
  cells: { display: "flex", flexWrap: "wrap", alignItems: "flex-start", gap: tokens.spacingHorizontalM },
  cell: { flex: "1 1 180px", minWidth: 0, maxWidth: "420px", gridTemplateColumns: "minmax(0, 1fr)" },
  input: { width: "100%", minWidth: 0 },
  raw: { width: "100%", fontFamily: tokens.fontFamilyMonospace },
  code: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200, fontFamily: tokens.fontFamilyMonospace },
  body: { whiteSpace: "normal", paddingTop: tokens.spacingVerticalXS, paddingBottom: tokens.spacingVerticalXS },
  out: { textDecorationLine: "line-through", color: tokens.colorNeutralForeground3 },
  pages: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS, alignItems: "center" },
});

const perPage = 20;
const tones = { error: "danger", warning: "warning", note: "neutral" } as const;
const order = ["error", "warning", "note"];

export interface FileProblemsProps {
  file: MigrationFile;
  summary: FileSummary;
  edits: Edits;
  /** Changes a row, by its number: a text, null to leave it out, undefined to take that back. */
  onEdit(row: number, text: string | null | undefined): void;
  /** The file as a whole is read or written in another way. */
  onWhole(change: Change): void;
  /** The endpoints are settled: the batch is there. */
  bound?: boolean;
}

/** All that is wrong with a migration file, each where it can be mended. */
export function FileProblems({ file, summary, edits, onEdit, onWhole, bound }: FileProblemsProps) {
  const styles = useStyles();
  const [shown, setShown] = useState(false);
  const [page, setPage] = useState(0);
  const problems = useMemo(() => summary.problems ?? [], [summary]);
  const whole = problems.filter((p) => !p.row);
  const rows = useMemo(() => byRow(problems), [problems]);
  const header = useMemo(() => headerOf(file), [file]);
  const headerRow = useMemo(() => headerAt(file.records ?? []) + 1, [file]);
  const noHeader = problems.some((p) => p.code === "csv-no-header");
  const pages = Math.ceil(rows.length / perPage);
  const at = Math.min(page, Math.max(0, pages - 1));
  const told = problems.length;
  const all = summary.errors + summary.warnings + summary.notes;
  const separator = otherSeparator(file.records?.[headerRow - 1] ?? "");
  return (
    <div className={styles.box}>
      {whole.map((p, i) => (
        <MessageBar key={i} intent={p.severity === "error" ? "error" : p.severity === "warning" ? "warning" : "info"} layout="multiline">
          <MessageBarBody className={styles.body}>
            <ProblemText problem={p} bound={bound} />
          </MessageBarBody>
        </MessageBar>
      ))}
      {maybeWindows(file) && (
        <MessageBar intent="info" layout="multiline">
          <MessageBarBody className={styles.body}>The file seems to be written by an old Windows program.</MessageBarBody>
          <MessageBarActions>
            <Button onClick={() => onWhole({ kind: "windows" })}>Read it as Windows-1252</Button>
          </MessageBarActions>
        </MessageBar>
      )}
      {separator && problems.some((p) => p.code === "csv-separator") && commaSeparated(file, separator) && (
        <MessageBar intent="info" layout="multiline">
          <MessageBarBody className={styles.body}>The columns can be separated by commas here, values with commas get quotes.</MessageBarBody>
          <MessageBarActions>
            <Button onClick={() => onWhole({ kind: "commas", separator })}>Separate by commas</Button>
          </MessageBarActions>
        </MessageBar>
      )}
      {noHeader && (
        <MessageBar intent="info" layout="multiline">
          <MessageBarBody className={styles.body}>Where the columns are in this order, the header can be put above them here.</MessageBarBody>
          <MessageBarActions>
            <Button onClick={() => onWhole({ kind: "header", columns: ["EmailAddress", "UserName", "Password"] })}>Add EmailAddress,UserName,Password</Button>
          </MessageBarActions>
        </MessageBar>
      )}
      {rows.length > 0 && (
        <>
          <div className={styles.head}>
            <span>
              {counted(rows.length, "row")} to look at
              {told < all && `; ${count(all - told)} more problems are told when these are mended and the file is checked again`}
            </span>
            <Switch checked={shown} onChange={(_, data) => setShown(data.checked)} label="Show passwords" />
          </div>
          <ol className={styles.list}>
            {rows.slice(at * perPage, (at + 1) * perPage).map(([row, list]) => (
              <RowCard key={row} row={row} problems={list} raw={file.records?.[row - 1]} edit={edits.get(row)} header={header} isHeader={row === headerRow && !noHeader} shown={shown} bound={bound} onEdit={onEdit} />
            ))}
          </ol>
          {pages > 1 && (
            <div className={styles.pages}>
              <Button onClick={() => setPage(at - 1)} disabled={at === 0}>
                Previous rows
              </Button>
              <span>
                {count(at * perPage + 1)} to {count(Math.min(rows.length, (at + 1) * perPage))} of {count(rows.length)}
              </span>
              <Button onClick={() => setPage(at + 1)} disabled={at === pages - 1}>
                Next rows
              </Button>
            </div>
          )}
        </>
      )}
    </div>
  );
}

/** Problems by row: rows with errors come first. */
function byRow(problems: FileProblem[]): [number, FileProblem[]][] {
  const rows = new Map<number, FileProblem[]>();
  for (const p of problems) if (p.row) rows.set(p.row, [...(rows.get(p.row) ?? []), p]);
  const worst = (list: FileProblem[]) => Math.min(...list.map((p) => order.indexOf(p.severity)));
  return [...rows].sort(([a, left], [b, right]) => worst(left) - worst(right) || a - b);
}

function ProblemText({ problem: p, column, bound }: { problem: FileProblem; column?: boolean; bound?: boolean }) {
  const styles = useStyles();
  return (
    <>
      {column && p.column && (
        <>
          <b>
            <Said text={p.column} />
          </b>
          :{" "}
        </>
      )}
      <Said text={sentence(p.text)} /> <Said text={remedyOf(p, bound)} /> <span className={styles.code}>{p.code}</span>
    </>
  );
}

interface RowCardProps {
  row: number;
  problems: FileProblem[];
  raw?: string;
  edit: string | null | undefined;
  header: string[];
  isHeader: boolean;
  shown: boolean;
  bound?: boolean;
  onEdit(row: number, text: string | null | undefined): void;
}

const RowCard = memo(function RowCard({ row, problems, raw, edit, header, isHeader, shown, bound, onEdit }: RowCardProps) {
  const styles = useStyles();
  const worst = problems.some((p) => p.severity === "error") ? "error" : problems.some((p) => p.severity === "warning") ? "warning" : "note";
  const id = `problems-of-row-${row}`;
  const text = edit ?? raw ?? "";
  // Whether a row is shown as values is said by the file, so that it stays while it is edited.
  const asCells = raw !== undefined && cells(raw)?.length === (isHeader ? cells(raw)?.length : header.length);
  return (
    <li className={styles.card}>
      <div className={styles.title}>
        <span className={styles.name} id={`row-${row}`}>
          Row {count(row)}
          {isHeader && ", the header"} <ToneBadge tone={tones[worst]} text={worst} />
        </span>
        {raw !== undefined &&
          (edit === null ? (
            <Button size="small" onClick={() => onEdit(row, undefined)}>
              Take the row again
            </Button>
          ) : (
            <span>
              {edit !== undefined && (
                <Button size="small" appearance="subtle" onClick={() => onEdit(row, undefined)} aria-describedby={`row-${row}`}>
                  Undo
                </Button>
              )}
              {!isHeader && (
                <Button size="small" onClick={() => onEdit(row, null)} aria-describedby={`row-${row}`}>
                  Leave the row out
                </Button>
              )}
            </span>
          ))}
      </div>
      <div id={id} className={edit === null ? styles.out : undefined}>
        {problems.map((p, i) => (
          <div key={i}>
            <ProblemText problem={p} column bound={bound} />
          </div>
        ))}
      </div>
      {raw !== undefined && edit !== null && (asCells ? <CellInputs row={row} text={text} header={header} isHeader={isHeader} shown={shown} problems={problems} onEdit={onEdit} /> : (
        <Field label={`Row ${row} as it is in the file`} hint={shown ? undefined : "It may hold passwords: switch on “Show passwords” to see it."}>
          <Input className={styles.raw} type={shown ? "text" : "password"} value={ended(text)[0]} aria-describedby={id} autoComplete="off" spellCheck={false} onChange={(_, data) => onEdit(row, data.value + ended(raw)[1])} />
        </Field>
      ))}
    </li>
  );
});

function CellInputs({ row, text, header, isHeader, shown, problems, onEdit }: { row: number; text: string; header: string[]; isHeader: boolean; shown: boolean; problems: FileProblem[]; onEdit: RowCardProps["onEdit"] }) {
  const styles = useStyles();
  const values = cells(text) ?? [];
  const end = ended(text)[1];
  return (
    <div className={styles.cells}>
      {values.map((value, i) => {
        const column = isHeader ? `Column ${letter(i)}` : (header[i] ?? "") || letter(i);
        const here = problems.filter((p) => p.column !== undefined && (p.column === header[i] || p.column === letter(i)));
        const worst = here.some((p) => p.severity === "error") ? "error" : here.length > 0 ? "warning" : "none";
        return (
          <Field key={i} className={styles.cell} label={column} validationState={worst} validationMessage={here.length > 0 ? here.map((p) => p.text).join(" ") : undefined}>
            <Input
              className={styles.input}
              type={isHeader || shown || !secretColumn(header[i]) ? "text" : "password"}
              value={value}
              autoComplete="off"
              spellCheck={false}
              onChange={(_, data) => onEdit(row, record(values.map((v, n) => (n === i ? data.value : v)), end))}
            />
          </Field>
        );
      })}
    </div>
  );
}
