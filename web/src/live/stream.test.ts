import { describe, expect, it } from "vitest";
import { backOff, EventParser } from "./stream";

function events(...parts: string[]): [string, string][] {
  const seen: [string, string][] = [];
  const parser = new EventParser((event, data) => seen.push([event, data]));
  parts.forEach((part) => parser.feed(part));
  return seen;
}

describe("events", () => {
  it("come whole however they are cut", () => {
    const text = 'event: batch\ndata: {"a":1}\n\n: beat\n\nevent: batch\ndata: {"a":2}\n\n';
    const want = [
      ["batch", '{"a":1}'],
      ["batch", '{"a":2}'],
    ];
    expect(events(text)).toEqual(want);
    expect(events(...text)).toEqual(want);
    expect(events(...text.replaceAll("\n", "\r\n"))).toEqual(want);
  });
  it("are not made of comments or of what is not finished", () => {
    expect(events(": beat\n\n", "data: x\n")).toEqual([]);
  });
});

describe("waiting", () => {
  it("grows to half a minute and varies", () => {
    expect(backOff(0, 0)).toBe(250);
    expect(backOff(1, 1)).toBe(1000);
    expect(backOff(50, 1)).toBe(30_000);
    expect(backOff(50, 0)).toBe(15_000);
  });
});
