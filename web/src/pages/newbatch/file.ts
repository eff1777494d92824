// A migration file that was chosen, in memory only: it holds passwords, and is kept nowhere.
import { blank, cells, decode, decodeWindows, ended, headerAt, maxBytes, record, rowCount, split, withCommas, withEdits, type Encoding } from "./csv";

export interface MigrationFile {
  name: string;
  /** The records, by row number less one; undefined for what is no text. */
  records?: string[];
  /** What was chosen, where it is not read as text. */
  bytes?: Uint8Array<ArrayBuffer>;
  encoding: Encoding;
  size: number;
  /** By which the file as it was chosen is known again. */
  mark?: string;
}

/** Reads a file that was chosen. What is far too big is not read. */
export async function readFile(file: File): Promise<MigrationFile> {
  if (file.size > maxBytes) return { name: file.name, encoding: "unknown", size: file.size };
  return fileOf(file.name, new Uint8Array(await file.arrayBuffer()));
}

export function fileOf(name: string, bytes: Uint8Array<ArrayBuffer>): MigrationFile {
  const read = decode(bytes);
  const mark = markOf(bytes);
  if (!read) return { name, bytes, encoding: "unknown", size: bytes.length, mark };
  return { name, records: split(read.text), encoding: read.encoding, size: bytes.length, mark };
}

/** A mark by which a file is known again: its size and a hash of its bytes (cyrb53, which needs no TLS as SubtleCrypto does). */
export function markOf(bytes: Uint8Array): string {
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  for (const byte of bytes) {
    a = Math.imul(a ^ byte, 2654435761);
    b = Math.imul(b ^ byte, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return `${bytes.length}-${(4294967296 * (2097151 & b) + (a >>> 0)).toString(36)}`;
}

/** Whether it could be a file that an old Windows program has written. */
export function maybeWindows(file: MigrationFile): boolean {
  if (!file.bytes) return false;
  const text = decodeWindows(file.bytes);
  return text !== undefined && /^[\x20-\x7e\t]*EmailAddress/i.test(text.slice(0, 400).replace(/[^\x20-\x7e\t]/g, ""));
}

export function asWindows(file: MigrationFile): MigrationFile {
  const text = file.bytes && decodeWindows(file.bytes);
  return text === undefined ? file : { name: file.name, records: split(text), encoding: "windows-1252", size: file.size, mark: file.mark };
}

/** What is sent to the server. */
export function blobOf(file: MigrationFile): Blob {
  return new Blob(file.records ?? (file.bytes ? [file.bytes] : []), { type: "text/csv" });
}

export function edited(file: MigrationFile, edits: ReadonlyMap<number, string | null>): MigrationFile {
  return file.records && edits.size > 0 ? { ...file, records: withEdits(file.records, edits) } : file;
}

export function commaSeparated(file: MigrationFile, separator: string): MigrationFile | undefined {
  const records = file.records && withCommas(file.records, separator);
  return records && { ...file, records };
}

/** Puts the header above what has none. */
export function withHeader(file: MigrationFile, columns: string[]): MigrationFile {
  const first = file.records?.[0] ?? "";
  return { ...file, records: [record(columns, ended(first)[1] || "\n"), ...(file.records ?? [])] };
}

const known = ["EmailAddress", "UserName", "Password", "UserRoot", "TargetUserName", "TargetPassword"];

/** The names of the columns; empty where no row is surely a header: its values may be passwords. */
export function headerOf(file: MigrationFile): string[] {
  const at = headerAt(file.records ?? []);
  const names = at < 0 ? [] : (cells(file.records![at]!) ?? []);
  return names.some((name) => known.includes(name)) && !names.some((name) => name.includes("@")) ? names : [];
}

export function mailboxRows(file: MigrationFile): number {
  return rowCount(file.records ?? []);
}

/** The records below the header that are not blank, by row number. */
export function rowNumbers(file: MigrationFile): number[] {
  const numbers: number[] = [];
  const records = file.records ?? [];
  const header = headerAt(records);
  if (header < 0) return numbers;
  for (let i = header + 1; i < records.length; i++) if (!blank(records[i]!)) numbers.push(i + 1);
  return numbers;
}

export interface Person {
  row: number;
  address: string;
  user: string;
  password: string;
  root: string;
}

/** The mailbox of a row, as far as it can be read. */
export function personAt(file: MigrationFile, row: number, header = headerOf(file)): Person | undefined {
  const values = cells(file.records?.[row - 1] ?? "");
  if (!values) return undefined;
  const of = (column: string) => values[header.indexOf(column)] ?? "";
  return { row, address: of("EmailAddress"), user: of("UserName"), password: of("Password"), root: of("UserRoot") };
}

/** How many rows leave the password at the target open. */
export function withoutTargetPassword(file: MigrationFile): number {
  const header = headerOf(file);
  const column = header.indexOf("TargetPassword");
  if (column < 0) return mailboxRows(file);
  return rowNumbers(file).filter((row) => (cells(file.records![row - 1]!)?.[column] ?? "") === "").length;
}
