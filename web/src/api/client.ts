import createClient from "openapi-fetch";
import { problemFrom, problemIn } from "./problem";
import type { components, paths } from "./schema";

/** The types of the API by name, such as Schema<"Batch">. */
export type Schema<Name extends keyof components["schemas"]> = components["schemas"][Name];

/** The data of a live route's events, such as Live<"/live">. */
export type Live<Route extends "/live" | "/batches/{batch}/live"> = paths[Route]["get"]["responses"][200]["content"]["text/event-stream"];

export const base = "/api/v1";

/** The API with its types. Its answers go through ask. */
export const api = createClient<paths>({ baseUrl: base, credentials: "same-origin", querySerializer: { array: { style: "form", explode: false } } });

type Listener = () => void;

const atEnd = new Set<Listener>();
const whenSignedIn = new Set<Listener>();

/** Calls back when the server says that the session has ended; gives how to stop that. */
export function onSessionEnd(listener: Listener): () => void {
  atEnd.add(listener);
  return () => atEnd.delete(listener);
}

/** Tells all who listen that nobody is signed in any more. */
export function sessionEnded(problem: { status: number; code: string }): void {
  if (problem.status === 401 && problem.code === "unauthenticated") atEnd.forEach((tell) => tell());
}

/** Calls back whenever the server says that somebody is signed in; gives how to stop that. */
export function onSignedIn(listener: Listener): () => void {
  whenSignedIn.add(listener);
  return () => whenSignedIn.delete(listener);
}

/** Tells all who listen that somebody is signed in. */
export function signedIn(): void {
  whenSignedIn.forEach((tell) => tell());
}

type Answer<T> = { data?: T; error?: unknown; response: Response };

/** Gives what was asked for, or throws an ApiProblem: `await ask(api.GET("/batches"))`. */
export async function ask<T>(answer: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await answer;
  if (response.ok) return data as T;
  const wait = Number(response.headers.get("Retry-After"));
  const problem = problemFrom(response, error, wait > 0 ? wait : undefined);
  sessionEnded(problem);
  throw problem;
}

export type Query = Record<string, string | number | boolean | undefined>;

/** A path below /api/v1 with its parts escaped: path`/batches/${name}`. */
export function path(strings: TemplateStringsArray, ...parts: (string | number)[]): string {
  return base + strings.reduce((all, text, i) => all + encodeURIComponent(String(parts[i - 1])) + text);
}

/** A URL with a query; values that are undefined or empty stay out. */
export function withQuery(url: string, query: Query): string {
  const list = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    const text = value === undefined ? "" : String(value);
    if (text !== "") list.set(name, text);
  }
  const text = list.toString();
  return text === "" ? url : `${url}?${text}`;
}

/** Sends a form with a file, which api does not know how to. */
export async function send<T>(url: string, form: FormData, options: { headers?: HeadersInit; signal?: AbortSignal } = {}): Promise<T> {
  const response = await fetch(url, { ...options, method: "POST", credentials: "same-origin", body: form });
  if (!response.ok) {
    const problem = await problemIn(response);
    sessionEnded(problem);
    throw problem;
  }
  return (await response.json()) as T;
}

/** The header of an edit: it is refused with the code "changed" when somebody else was faster. */
export function ifMatch(version: number): { "If-Match": string } {
  return { "If-Match": `"${version}"` };
}

/** A key under which a creation is done once however often it is sent. */
export function newKey(): string {
  // randomUUID is missing from pages that came without TLS.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

/**
 * Keys for the creations of one form: the same as long as the same is asked for, so that
 * a second try after a lost answer creates nothing twice, and a new one for anything else.
 */
export class CreationKeys {
  #asked = "";
  #key = "";

  headers(request: unknown): { "Idempotency-Key": string } {
    const asked = JSON.stringify(request);
    if (asked !== this.#asked) {
      this.#asked = asked;
      this.#key = newKey();
    }
    return { "Idempotency-Key": this.#key };
  }
}
