import { expect, it } from "vitest";
import { CsvReader, LeftOuts } from "./errorsCsv";

function rows(...parts: string[]): string[][] {
  const list: string[][] = [];
  const reader = new CsvReader((row) => list.push(row));
  parts.forEach((p) => reader.feed(p));
  reader.end();
  return list;
}

it("takes quotes, commas and ends of lines within fields", () => {
  expect(rows('\ufeffa,b\r\n"x, ""y""\nz",2\r\n')).toEqual([
    ["a", "b"],
    ['x, "y"\nz', "2"],
  ]);
});

it("does not care where it is cut", () => {
  const text = '\ufeffa,"b ""c"""\r\n"",d\r\nlast,';
  for (let i = 0; i <= text.length; i++) expect(rows(text.slice(0, i), text.slice(i))).toEqual(rows(text));
});

it("sums up by mailbox, and leaves failed mailboxes out", () => {
  const found = new LeftOuts();
  for (const row of rows("EmailAddress,Folder,UID,Count,ApprovedBy\na@x,INBOX,7,,\na@x,Old,,12,anna\nb@x,,,,\nc@x,INBOX,1,1,\n")) found.add(row);
  expect([...found.mailboxes.values()]).toEqual([
    { address: "a@x", messages: 13, approved: 12 },
    { address: "c@x", messages: 1, approved: 0 },
  ]);
});
