import { describe, expect, test } from "vitest";
import { blank, cells, decode, ended, headerAt, letter, otherSeparator, record, rowCount, secretColumn, split, template, withCommas, withEdits } from "./csv";

describe("split", () => {
  test.each<[string, string, string[]]>([
    ["lines of both kinds", "a,b\r\nc,d\ne,f", ["a,b\r\n", "c,d\n", "e,f"]],
    ["blank lines count", "a\n\n,,\nb\n", ["a\n", "\n", ",,\n", "b\n"]],
    ["a line break within quotes", 'a,"b\nc",d\ne\n', ['a,"b\nc",d\n', "e\n"]],
    ["a doubled quote", 'a,"b""\nc"\ne\n', ['a,"b""\nc"\n', "e\n"]],
    ["an open quote costs its own line only", 'a,"b\nc,d\ne,f\n', ['a,"b\n', "c,d\n", "e,f\n"]],
    ["an open quote that another row seems to close", 'a,"b\nc,"d"\n', ['a,"b\n', 'c,"d"\n']],
    ["a quote in the middle of a value is none", 'a,b"c\nd"\n', ['a,b"c\n', 'd"\n']],
    ["a space before the quote", 'a, "b\nc"\nd\n', ['a, "b\nc"\n', "d\n"]],
    ["nothing", "", []],
  ])("%s", (_, text, want) => {
    expect(split(text)).toEqual(want);
    expect(split(text).join("")).toBe(text);
  });

  test("50,000 rows take well under a second", () => {
    const text = "EmailAddress,UserName,Password\n" + Array.from({ length: 50_000 }, (_, i) => `u${i}@example.org,u${i},"p,${i}"`).join("\n");
    const begin = performance.now();
    const records = split(text);
    expect(rowCount(records)).toBe(50_000);
    expect(performance.now() - begin).toBeLessThan(3_000);
  });
});

describe("cells", () => {
  test.each<[string, string[] | undefined]>([
    ["a,b,\r\n", ["a", "b", ""]],
    ['a,"b,c",d', ["a", "b,c", "d"]],
    ['"a ""b""",c\n', ['a "b"', "c"]],
    ['a,"b', undefined],
    ['a,b"c', undefined],
    ['a,"b"c', undefined],
    ["", [""]],
  ])("%j", (text, want) => expect(cells(text)).toEqual(want));

  test("what is written is read as it was", () => {
    const values = ["a", 'b"c', "d,e", "", " f", "g\nh"];
    expect(cells(record(values))).toEqual(values);
  });
});

test("edits keep the line ends and take rows out", () => {
  const records = ["h\r\n", "a\r\n", "b\r\n", "c"];
  expect(withEdits(records, new Map([[2, "x"], [3, null], [4, "y"]])).join("")).toBe("h\r\nx\r\ny");
  expect(withEdits(records, new Map())).toBe(records);
});

test("the header is below blank lines and the hint of a spreadsheet", () => {
  expect(headerAt(["\n", "sep=,\n", "EmailAddress\n"])).toBe(2);
  expect(headerAt(["\n", ",,\n"])).toBe(-1);
  expect(rowCount(["h\n", "a\n", "\n", ',,"  "\n', "b"])).toBe(2);
});

test("blank is what the server leaves out", () => {
  expect([" ,\t,\r\n", '" ",""\n', "a,", '"'].map(blank)).toEqual([true, true, false, false]);
});

test("semicolons become commas, and values with commas get quotes", () => {
  expect(otherSeparator("EmailAddress;UserName")).toBe(";");
  expect(otherSeparator("EmailAddress,User;Name")).toBeUndefined();
  expect(withCommas(["sep=;\r\n", "a;b\r\n", 'c,d;"e;f"'], ";")).toEqual(["a,b\r\n", '"c,d",e;f']);
  expect(withCommas(['a;"b'], ";")).toBeUndefined();
});

test("encodings", () => {
  const bytes = (...list: number[]) => new Uint8Array(list);
  expect(decode(bytes(0xef, 0xbb, 0xbf, 0x61))).toEqual({ text: "a", encoding: "utf-8" });
  expect(decode(bytes(0xff, 0xfe, 0x61, 0))).toEqual({ text: "a", encoding: "utf-16" });
  expect(decode(bytes(0x61, 0xfc))).toBeUndefined();
  expect(decode(bytes(0x50, 0x4b, 3, 4, 0))).toBeUndefined();
});

test("whatever is not sure to be no password is masked", () => {
  expect(["EmailAddress", "Password", "TargetPassword", "Department", undefined].map(secretColumn)).toEqual([false, true, true, true, true]);
});

test("letters of columns, line ends, the template", () => {
  expect([0, 25, 26].map(letter)).toEqual(["A", "Z", "AA"]);
  expect(ended("a\r\n")).toEqual(["a", "\r\n"]);
  expect(cells(split(template)[0]!)).toEqual(["EmailAddress", "UserName", "Password", "TargetUserName", "TargetPassword"]);
});
