import { expect, it } from "vitest";
import { changed, howMany, rowsChanged, type Change } from "./corrections";
import { edited, fileOf, markOf, type MigrationFile } from "./file";

const encode = (text: string) => new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;
const text = "EmailAddress,UserName,Password\r\nanna@example.org,anna,secret-1\r\nnobody,,\r\nberta@example,berta,secret-2\r\n";
const file = (): MigrationFile => fileOf("people.csv", encode(text));

it("makes the same corrections of the same file again, but passwords", () => {
  const edits = new Map([
    [3, null],
    [4, "berta@example.org,berta,secret-3\r\n"],
  ]);
  const { change, secret } = rowsChanged(file(), edits);
  expect(secret).toBe(1);
  expect(JSON.stringify(change)).not.toContain("secret");
  expect(howMany([change!])).toBe(2);
  const again = changed(file(), [JSON.parse(JSON.stringify(change)) as Change]);
  expect(again.records!.join("")).toBe("EmailAddress,UserName,Password\r\nanna@example.org,anna,secret-1\r\nberta@example.org,berta,secret-2\r\n");
});

it("goes by the rows as they were when each change was made", () => {
  const first = new Map<number, string | null>([[3, null]]);
  const without = edited(file(), first);
  const second = new Map([[3, "clara@example.org,berta,secret-2\r\n"]]);
  const changes = [rowsChanged(file(), first).change!, rowsChanged(without, second).change!];
  expect(changed(file(), changes).records).toEqual(edited(without, second).records);
});

it("keeps nothing of a row that may be all password", () => {
  const raw = rowsChanged(file(), new Map([[4, "berta@example.org,berta,\"secret-3,more\r\n"]]));
  expect(raw).toEqual({ secret: 1 });
  const noHeader = rowsChanged(fileOf("x.csv", encode("anna@example.org,anna,secret-1\n")), new Map([[1, "anna@example.org,anna,secret-3\n"]]));
  expect(noHeader).toEqual({ secret: 1 });
});

it("keeps a header that was put above or mended", () => {
  const changes: Change[] = [{ kind: "header", columns: ["EmailAddress", "UserName", "Password"] }];
  expect(changed(fileOf("x.csv", encode("anna@example.org,anna,secret-1\n")), changes).records![0]).toBe("EmailAddress,UserName,Password\n");
  const misspelt = fileOf("x.csv", encode("EmailAddress,User,Password\nanna@example.org,anna,secret-1\n"));
  const mended = rowsChanged(misspelt, new Map([[1, "EmailAddress,UserName,Password\n"]]));
  expect(mended).toEqual({ secret: 0, change: { kind: "rows", rows: [[1, [[1, "UserName"]]]] } });
});

it("knows a file again by its size and bytes", () => {
  expect(markOf(encode(text))).toBe(markOf(encode(text)));
  expect(markOf(encode(text))).not.toBe(markOf(encode(text.replace("secret-1", "secret-9"))));
});
