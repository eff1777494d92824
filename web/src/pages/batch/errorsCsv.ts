/** Takes CSV apart (RFC 4180) as it comes, however it is cut on the way. */
export class CsvReader {
  #field = "";
  #row: string[] = [];
  #quoted = false;
  /** A quote within quotes was the last character: the end, or the first of two. */
  #quote = false;
  #first = true;

  constructor(readonly onRow: (row: string[]) => void) {}

  feed(text: string): void {
    for (const c of text) {
      if (this.#first) {
        this.#first = false;
        if (c === "\ufeff") continue;
      }
      this.#take(c);
    }
  }

  /** Gives the last row, if it has no end. */
  end(): void {
    if (this.#field !== "" || this.#row.length > 0) this.#endRow();
  }

  #take(c: string): void {
    if (this.#quoted && !this.#quote) {
      if (c === '"') this.#quote = true;
      else this.#field += c;
      return;
    }
    if (this.#quote) {
      this.#quote = false;
      if (c === '"') {
        this.#field += c;
        return;
      }
      this.#quoted = false;
    }
    if (c === '"' && this.#field === "") this.#quoted = true;
    else if (c === ",") {
      this.#row.push(this.#field);
      this.#field = "";
    } else if (c === "\n") this.#endRow();
    else if (c !== "\r") this.#field += c;
  }

  #endRow(): void {
    this.#row.push(this.#field);
    this.#field = "";
    this.onRow(this.#row);
    this.#row = [];
  }
}

/** A mailbox with messages that were left out. */
export interface LeftOut {
  address: string;
  messages: number;
  approved: number;
}

/**
 * Sums up MigrationErrors.csv by mailbox. Rows without a folder are mailboxes that
 * failed, which is another matter.
 */
export class LeftOuts {
  readonly mailboxes = new Map<string, LeftOut>();
  #columns?: Map<string, number>;

  add(row: string[]): void {
    if (!this.#columns) {
      this.#columns = new Map(row.map((name, i) => [name, i]));
      return;
    }
    const cell = (name: string) => row[this.#columns!.get(name) ?? -1] ?? "";
    const address = plain(cell("EmailAddress"));
    if (address === "" || cell("Folder") === "") return;
    const found = this.mailboxes.get(address) ?? { address, messages: 0, approved: 0 };
    const n = Math.max(1, Number(cell("Count")) || 1);
    found.messages += n;
    if (cell("ApprovedBy") !== "") found.approved += n;
    this.mailboxes.set(address, found);
  }
}

/** Takes away the apostrophe that keeps a spreadsheet from computing a cell. */
function plain(cell: string): string {
  return /^'\s*[=+\-@＝＋－＠]/.test(cell) ? cell.slice(1) : cell;
}
