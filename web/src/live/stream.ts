import { base, onSignedIn, sessionEnded } from "../api/client";
import { ApiProblem, problemIn, problemOf } from "../api/problem";

/** How it stands with a live view. "paused" waits for the page to be seen, or for somebody to be signed in; "gone" is what there is no more, or may not be seen. */
export type Status = "connecting" | "live" | "reconnecting" | "polling" | "paused" | "gone";

export interface Watcher<T> {
  /** The name of the events whose data is wanted. */
  event: string;
  onValue(value: T): void;
  onStatus(status: Status, problem?: ApiProblem): void;
  /** Asks once, for when too many are watching. */
  poll?: () => Promise<T>;
}

const pollEvery = 5_000;
/** Polls before the stream is tried again. */
const pollsBetween = 6;
/** The server says something every 15 seconds; a line that is silent for longer is dead. */
const silentAfter = 40_000;
/** Hidden pages hold no connection for long: a browser has only six for one server. */
const hiddenAfter = 10_000;

/** How long to wait before the nth try, in milliseconds: doubling to 30 s, and half of it by chance. */
export function backOff(tries: number, random = Math.random()): number {
  const most = Math.min(30_000, 500 * 2 ** Math.min(tries, 10));
  return most / 2 + (random * most) / 2;
}

/** Takes server-sent events apart (HTML, section 9.2), however they are cut on the way. */
export class EventParser {
  #rest = "";
  #event = "";
  #data: string[] = [];

  constructor(readonly onEvent: (event: string, data: string) => void) {}

  feed(text: string): void {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    if (line === "") {
      if (this.#data.length > 0) this.onEvent(this.#event || "message", this.#data.join("\n"));
      this.#event = "";
      this.#data = [];
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#event = value;
    if (field === "data") this.#data.push(value);
  }
}

/** Follows a live route of the API until the function it gives is called. */
export function watch<T>(route: string, watcher: Watcher<T>): () => void {
  const url = route.startsWith("/api/") ? route : base + route;
  const ended = new AbortController();
  let current: AbortController | undefined;
  let wake: (() => void) | undefined;
  let tries = 0;

  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const signedInAgain = () =>
    new Promise<void>((resolve) => {
      const go = () => {
        stop();
        resolve();
      };
      const stop = onSignedIn(go);
      ended.signal.addEventListener("abort", go, { once: true });
    });

  /** Reads events until the line ends. */
  async function follow(signal: AbortSignal): Promise<void> {
    const response = await fetch(url, { headers: { Accept: "text/event-stream" }, credentials: "same-origin", cache: "no-store", signal });
    if (!response.ok || !response.body) throw await problemIn(response);
    const parser = new EventParser((event, data) => {
      if (event !== watcher.event) return;
      tries = 0;
      watcher.onStatus("live");
      watcher.onValue(JSON.parse(data) as T);
    });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let alarm = 0;
    try {
      for (;;) {
        window.clearTimeout(alarm);
        alarm = window.setTimeout(() => current?.abort(), silentAfter);
        const { done, value } = await reader.read();
        if (done) return;
        parser.feed(value);
      }
    } finally {
      window.clearTimeout(alarm);
    }
  }

  async function polls(poll: () => Promise<T>): Promise<void> {
    for (let i = 0; i < pollsBetween && !ended.signal.aborted; i++) {
      watcher.onValue(await poll());
      watcher.onStatus("polling");
      await pause(pollEvery);
    }
  }

  /** Says whether it is worth another try. */
  async function handle(problem: ApiProblem): Promise<boolean> {
    sessionEnded(problem);
    if (problem.status === 503 && watcher.poll) {
      try {
        await polls(watcher.poll);
        return true;
      } catch (error) {
        problem = problemOf(error);
      }
    }
    if (problem.status === 401) {
      // The page stays while somebody signs in again, and goes on then.
      watcher.onStatus("paused", problem);
      await signedInAgain();
      return true;
    }
    if ([403, 404].includes(problem.status)) {
      watcher.onStatus("gone", problem);
      return false;
    }
    watcher.onStatus("reconnecting", problem);
    await pause(backOff(tries++));
    return true;
  }

  async function run(): Promise<void> {
    watcher.onStatus("connecting");
    while (!ended.signal.aborted) {
      if (document.hidden) {
        watcher.onStatus("paused");
        await pause(2 ** 31 - 1);
        continue;
      }
      current = new AbortController();
      let problem: ApiProblem;
      try {
        await follow(current.signal);
        problem = new ApiProblem(0, { code: "ended", detail: "The line to the server has ended." });
      } catch (error) {
        problem = error instanceof ApiProblem ? error : problemOf(error instanceof DOMException ? new TypeError() : error);
      }
      if (ended.signal.aborted || document.hidden) continue;
      if (!(await handle(problem))) return;
    }
  }

  let hiding = 0;
  const seen = () => {
    window.clearTimeout(hiding);
    if (document.hidden) {
      hiding = window.setTimeout(() => current?.abort(), hiddenAfter);
      return;
    }
    tries = 0;
    wake?.();
  };
  document.addEventListener("visibilitychange", seen);
  window.addEventListener("online", seen);
  void run();

  return () => {
    document.removeEventListener("visibilitychange", seen);
    window.removeEventListener("online", seen);
    window.clearTimeout(hiding);
    ended.abort();
    current?.abort();
    wake?.();
  };
}
