// The migration file as the server cuts it (RFC 4180), so that a row of a problem is found
// here under the number that the server gives it: every record counts, blank ones too, the
// header is row 1. Nothing here judges values; that is for the server alone.

/** The most that a migration file may have, as the server has it. */
export const maxBytes = 10 * 1024 * 1024;
const maxLine = 64 * 1024;

function lineEnd(text: string, from: number): number {
  const at = text.indexOf("\n", from);
  return at < 0 ? text.length : at + 1;
}

/** Where the record that starts there ends, with its line end. */
function recordEnd(text: string, start: number): number {
  let end = lineEnd(text, start);
  let quote = text.indexOf('"', start);
  if (quote < 0 || quote >= end) return end;
  let at = start;
  for (;;) {
    let first = at;
    while (first < end && (text[first] === " " || text[first] === "\t")) first++;
    if (first === end || text[first] !== '"') {
      const comma = text.indexOf(",", at);
      if (comma < 0 || comma >= end) return end;
      at = comma + 1;
      continue;
    }
    // A quote that is never closed costs its own line only.
    const resync = end;
    let from = first + 1;
    for (;;) {
      quote = text.indexOf('"', from);
      if (quote < 0 || quote - start > maxLine) return resync;
      if (quote >= end) end = lineEnd(text, quote);
      from = quote + 1;
      if (text[from] !== '"') break;
      from++;
    }
    const comma = text.indexOf(",", from);
    const next = comma < 0 || comma >= end ? end : comma;
    if (end !== resync && text.slice(from, next).replace(/\r?\n$/, "") !== "") return resync;
    if (next === end) return end;
    at = next + 1;
  }
}

/** Cuts a file into its records, each with its line end: joined they are the file. */
export function split(text: string): string[] {
  const records: string[] = [];
  for (let at = 0; at < text.length; ) {
    const end = recordEnd(text, at);
    records.push(text.slice(at, end));
    at = end;
  }
  return records;
}

/** A record without its line end, and the line end. */
export function ended(record: string): [text: string, end: string] {
  const end = /\r?\n$/.exec(record)?.[0] ?? "";
  return [record.slice(0, record.length - end.length), end];
}

/** The values of a record; undefined when its quotes are not as they should be. */
export function cells(record: string, separator = ","): string[] | undefined {
  const [text] = ended(record);
  const values: string[] = [];
  for (let at = 0; ; ) {
    if (text[at] !== '"') {
      const found = text.indexOf(separator, at);
      const value = text.slice(at, found < 0 ? text.length : found);
      if (value.includes('"')) return undefined;
      values.push(value);
      if (found < 0) return values;
      at = found + 1;
      continue;
    }
    let value = "";
    let from = at + 1;
    for (;;) {
      const quote = text.indexOf('"', from);
      if (quote < 0) return undefined;
      value += text.slice(from, quote);
      from = quote + 1;
      if (text[from] !== '"') break;
      value += '"';
      from++;
    }
    values.push(value);
    if (from === text.length) return values;
    if (text[from] !== separator) return undefined;
    at = from + 1;
  }
}

function quoted(value: string): string {
  return /[",\r\n]|^\s/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

/** A record of values, with the line end of the one it stands for. */
export function record(values: string[], end = "\r\n"): string {
  return values.map(quoted).join(",") + end;
}

/** Whether a record holds nothing but separators and white space, which the server leaves out. */
export function blank(text: string): boolean {
  return /^[\s,]*$/.test(text) || (text.includes('"') && (cells(text)?.every((value) => value.trim() === "") ?? false));
}

/** Where the header is: the first record that is not blank and no hint of a spreadsheet. */
export function headerAt(records: string[]): number {
  return records.findIndex((text) => !blank(text) && !/^\s*sep=,\s*$/i.test(text));
}

/** How many rows with mailboxes there are. */
export function rowCount(records: string[]): number {
  const header = headerAt(records);
  if (header < 0) return 0;
  let n = 0;
  for (let i = header + 1; i < records.length; i++) if (!blank(records[i]!)) n++;
  return n;
}

/** Changes rows by their number: a text in their place, or null to leave them out. */
export function withEdits(records: string[], edits: ReadonlyMap<number, string | null>): string[] {
  if (edits.size === 0) return records;
  const next: string[] = [];
  records.forEach((old, i) => {
    const edit = edits.get(i + 1);
    if (edit === undefined) next.push(old);
    else if (edit !== null) next.push(ended(edit)[1] === "" && i < records.length - 1 ? edit + (ended(old)[1] || "\n") : edit);
  });
  return next;
}

/** Makes commas of another separator; undefined when a row cannot be read so. */
export function withCommas(records: string[], separator: string): string[] | undefined {
  const next: string[] = [];
  for (const old of records) {
    const [text, end] = ended(old);
    if (new RegExp(`^\\s*sep=.\\s*$`, "i").test(text)) continue;
    const values = cells(text, separator);
    if (!values) return undefined;
    next.push(values.map(quoted).join(",") + end);
  }
  return next;
}

/** Which of the signs that spreadsheets use stands between the columns of a header. */
export function otherSeparator(header: string): string | undefined {
  if (header.includes(",")) return undefined;
  return [";", "\t", "|"].find((sign) => header.includes(sign));
}

/** How the bytes of a file were read. */
export type Encoding = "utf-8" | "utf-16" | "windows-1252" | "unknown";

/**
 * Reads the bytes of a file as text; undefined for what is no text in an encoding that the
 * server knows, which is sent as it is, so that the server says what it is.
 */
export function decode(bytes: Uint8Array<ArrayBuffer>): { text: string; encoding: Encoding } | undefined {
  const utf16 = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : undefined;
  if (utf16 && bytes[2] === 0 && bytes[3] === 0) return undefined;
  try {
    const text = new TextDecoder(utf16 ?? "utf-8", { fatal: true }).decode(bytes);
    if (text.includes("\0")) return undefined;
    return { text, encoding: utf16 ? "utf-16" : "utf-8" };
  } catch {
    return undefined;
  }
}

/** Reads bytes as old Windows programs write them; undefined for what is no text. */
export function decodeWindows(bytes: Uint8Array<ArrayBuffer>): string | undefined {
  if (bytes.includes(0)) return undefined;
  return new TextDecoder("windows-1252").decode(bytes);
}

/** The column letter of a spreadsheet: A for 0, AA for 26. */
export function letter(field: number): string {
  let text = "";
  for (field++; field > 0; field = Math.floor((field - 1) / 26)) text = String.fromCharCode(65 + ((field - 1) % 26)) + text;
  return text;
}

/** Whether values of the column are passwords, or may be: only names that are sure not to be are not. */
export function secretColumn(name: string | undefined): boolean {
  return !["EmailAddress", "UserName", "UserRoot", "TargetUserName"].includes(name ?? "");
}

/** A template for a migration file. */
export const template = record(["EmailAddress", "UserName", "Password", "TargetUserName", "TargetPassword"]) + record(["anna@example.org", "anna", "", "", ""]);
