import { describe, expect, it } from "vitest";
import { ago, bytes, count, counted, duration, lines, percent, perSecond, rate, sentence, visible } from "./format";

describe("figures", () => {
  it("have units", () => {
    expect(bytes(0)).toBe("0 B");
    expect(bytes(999)).toBe("999 B");
    expect(bytes(1500)).toBe("1.5 kB");
    expect(bytes(999_960)).toBe("1 MB");
    expect(bytes(123_400_000)).toBe("123 MB");
    expect(rate(2_500_000)).toBe("2.5 MB/s");
    expect(count(50000)).toBe("50,000");
    expect(counted(1, "mailbox", "mailboxes")).toBe("1 mailbox");
    expect(counted(0, "batch", "batches")).toBe("0 batches");
  });
  it("say how long", () => {
    expect(duration(0)).toBe("0 s");
    expect(duration(59.4)).toBe("59 s");
    expect(duration(61)).toBe("1 min 1 s");
    expect(duration(3599)).toBe("1 h");
    expect(duration(12_000)).toBe("3 h 20 min");
    expect(duration(187_200)).toBe("2 d 4 h");
    expect(duration(-1)).toBe("–");
  });
  it("round no rest away", () => {
    expect(percent(2999, 3000)).toBe("99 %");
    expect(percent(1, 3000)).toBe("1 %");
    expect(percent(3000, 3000)).toBe("100 %");
    expect(percent(0, 3000)).toBe("0 %");
    expect(percent(0, 0)).toBe("–");
  });
  it("tell time from now", () => {
    const now = Date.parse("2026-01-01T00:00:00Z");
    expect(ago("2025-12-31T23:55:00Z", now)).toBe("5 minutes ago");
    expect(ago("2026-01-01T02:00:01Z", now)).toBe("in 2 hours");
    expect(ago("2026-01-01T00:00:05Z", now)).toBe("just now");
  });
});

describe("text of others", () => {
  it("shows what cannot be seen", () => {
    expect(visible("a\u0007b\u202egnp.exe\u007f")).toBe("a\u2407b⟨U+202E⟩gnp.exe\u2421");
  });
});

it("ends a sentence once", () => {
  expect(sentence("it is empty")).toBe("it is empty.");
  expect(sentence("It is empty.")).toBe("It is empty.");
  expect(sentence('the server said "no."')).toBe('the server said "no."');
  expect(sentence("")).toBe("");
});

it("counts what comes a second", () => {
  expect(perSecond(1)).toBe("1 message a second");
  expect(perSecond(0)).toBe("0 messages a second");
  expect(perSecond(0.5)).toBe("0.5 messages a second");
});

it("divides a list that was entered", () => {
  expect(lines("a; b,c\n\n")).toEqual(["a", "b", "c"]);
});
