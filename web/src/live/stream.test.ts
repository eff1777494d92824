import { afterEach, describe, expect, it, vi } from "vitest";
import { onSessionEnd, signedIn } from "../api/client";
import { backOff, EventParser, watch, type Status } from "./stream";

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

describe("a session that ends", () => {
  afterEach(() => vi.unstubAllGlobals());
  const ended = () => Promise.resolve(Response.json({ code: "unauthenticated", detail: "Sign in." }, { status: 401 }));
  const events = () => Promise.resolve(new Response('event: batch\ndata: {"a":1}\n\n', { headers: { "Content-Type": "text/event-stream" } }));

  it("is told, and the watcher goes on once somebody is signed in", async () => {
    const answers = [ended, ended, events];
    const ask = vi.fn(() => answers.shift()!());
    vi.stubGlobal("fetch", ask);
    const told = vi.fn();
    const stopTelling = onSessionEnd(told);
    const statuses: Status[] = [];
    const values: unknown[] = [];
    const stop = watch("/live", { event: "batch", onValue: (v) => values.push(v), onStatus: (s) => statuses.push(s) });
    for (const n of [1, 2]) {
      await vi.waitFor(() => expect(statuses.filter((s) => s === "paused")).toHaveLength(n));
      expect([told.mock.calls.length, ask.mock.calls.length]).toEqual([n, n]);
      signedIn();
    }
    await vi.waitFor(() => expect(values).toEqual([{ a: 1 }]));
    expect(statuses).not.toContain("gone");
    stop();
    stopTelling();
  });

  it("leaves nothing behind when its page is left", async () => {
    const ask = vi.fn(ended);
    vi.stubGlobal("fetch", ask);
    const status = vi.fn();
    const stop = watch("/live", { event: "batch", onValue: () => {}, onStatus: status });
    await vi.waitFor(() => expect(status).toHaveBeenLastCalledWith("paused", expect.anything()));
    stop();
    signedIn();
    await Promise.resolve();
    expect(ask).toHaveBeenCalledTimes(1);
  });
});
