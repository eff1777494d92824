// What was changed of a migration file in the wizard, kept in the window's session without
// passwords, so that it is made again when the same file is chosen after a reload.
import { cells, ended, headerAt, record, secretColumn } from "./csv";
import { asWindows, commaSeparated, edited, headerOf, withHeader, type MigrationFile } from "./file";

/** What becomes of a row: other values in some columns, or null when it is left out. */
type RowChange = [row: number, to: [column: number, value: string][] | null];

/** A change of the file as it was after the changes before. */
export type Change = { kind: "windows" } | { kind: "commas"; separator: string } | { kind: "header"; columns: string[] } | { kind: "rows"; rows: RowChange[] };

export interface Corrections {
  /** Of which file, by its mark. */
  mark: string;
  changes: Change[];
  /** Rows that were given passwords, or what may be some: these are not kept. */
  secret: number;
}

export type Edits = ReadonlyMap<number, string | null>;

/** The edits of rows as what can be kept of them, and how many rows got what cannot. */
export function rowsChanged(file: MigrationFile, edits: Edits): { change?: Change; secret: number } {
  const header = headerOf(file);
  const headerRow = headerAt(file.records ?? []) + 1;
  const rows: RowChange[] = [];
  let secret = 0;
  for (const [row, text] of edits) {
    if (text === null) {
      rows.push([row, null]);
      continue;
    }
    const before = cells(file.records?.[row - 1] ?? "");
    const after = cells(text);
    // A row that is not as the header has it may hold a password anywhere.
    if (!before || !after || before.length !== after.length || header.length === 0) {
      secret++;
      continue;
    }
    const changed = after.map((value, i): [number, string] => [i, value]).filter(([i, value]) => value !== before[i]);
    const open = changed.filter(([i]) => row === headerRow || !secretColumn(header[i]));
    if (open.length > 0) rows.push([row, open]);
    if (open.length < changed.length) secret++;
  }
  return { ...(rows.length > 0 ? { change: { kind: "rows", rows } } : {}), secret };
}

/** A file with changes made; one that does not fit it is passed over. */
export function changed(file: MigrationFile, changes: Change[]): MigrationFile {
  return changes.reduce((now, change) => {
    switch (change.kind) {
      case "windows":
        return asWindows(now);
      case "commas":
        return commaSeparated(now, change.separator) ?? now;
      case "header":
        return withHeader(now, change.columns);
      case "rows":
        return edited(now, editsOf(now, change.rows));
    }
  }, file);
}

function editsOf(file: MigrationFile, rows: RowChange[]): Edits {
  const edits = new Map<number, string | null>();
  for (const [row, to] of rows) {
    const raw = file.records?.[row - 1];
    if (raw === undefined) continue;
    if (to === null) {
      edits.set(row, null);
      continue;
    }
    const values = cells(raw);
    if (!values) continue;
    for (const [column, value] of to) if (column < values.length) values[column] = value;
    edits.set(row, record(values, ended(raw)[1]));
  }
  return edits;
}

/** How many rows the changes mend or leave out, and of the file as a whole. */
export function howMany(changes: Change[]): number {
  return changes.reduce((n, change) => n + (change.kind === "rows" ? change.rows.length : 1), 0);
}

const key = "mailhaul.new-batch.corrections";

export function keepCorrections(corrections: Corrections): void {
  try {
    if (corrections.changes.length === 0 && corrections.secret === 0) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, JSON.stringify(corrections));
  } catch {
    // Without a place for them, they last as long as the page.
  }
}

export function keptCorrections(): Corrections | undefined {
  try {
    const found = JSON.parse(sessionStorage.getItem(key) ?? "null") as Corrections | null;
    return found && typeof found.mark === "string" && Array.isArray(found.changes) ? found : undefined;
  } catch {
    return undefined;
  }
}

export function forgetCorrections(): void {
  try {
    sessionStorage.removeItem(key);
  } catch {
    // There were none.
  }
}
