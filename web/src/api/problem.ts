import type { components } from "./schema";

type Body = components["schemas"]["Problem"];

/** What the server, or the line to it, says went wrong (RFC 9457). */
export class ApiProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly remedy?: string;
  readonly fields: { name: string; detail: string }[];
  /** What is wrong with a migration file. */
  readonly file?: components["schemas"]["FileSummary"];
  /** Seconds after which it may be tried again, where the server says so. */
  readonly retryAfter?: number;

  constructor(status: number, body: Partial<Body>, retryAfter?: number) {
    super(body.detail ?? "Something went wrong.");
    this.name = "ApiProblem";
    this.status = status;
    this.code = body.code ?? "unknown";
    this.detail = body.detail ?? "Something went wrong.";
    this.remedy = body.remedy;
    this.fields = body.fields ?? [];
    this.file = body.file;
    this.retryAfter = retryAfter;
  }

  /** What is wrong with one field of a form. A part of it counts as well: smtp.port is port. */
  field(name: string): string | undefined {
    return this.fields.find((f) => f.name === name || f.name.endsWith(`.${name}`))?.detail;
  }
}

/** Nobody could be reached. */
export const offline = "offline";

/** Makes an error of any kind one that can be shown. */
export function problemOf(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  if (error instanceof TypeError) {
    return new ApiProblem(0, {
      code: offline,
      detail: "The server of mailhaul cannot be reached.",
      remedy: "Check that it runs and that your network reaches it; the console goes on by itself when it does.",
    });
  }
  return new ApiProblem(0, { code: "console", detail: error instanceof Error ? error.message : String(error), remedy: "Load the page again." });
}

/** Reads the problem of an answer that is not good; an answer of something in between has none. */
export async function problemIn(response: Response): Promise<ApiProblem> {
  const wait = Number(response.headers.get("Retry-After"));
  const after = Number.isFinite(wait) && wait > 0 ? wait : undefined;
  const kind = response.headers.get("Content-Type") ?? "";
  if (kind.includes("json")) {
    try {
      return problemFrom(response, await response.json(), after);
    } catch {
      // It is told below.
    }
  }
  return problemFrom(response, undefined, after);
}

/** Makes a problem of what an answer held. */
export function problemFrom(response: Response, body: unknown, after?: number): ApiProblem {
  if (body && typeof body === "object" && "code" in body) return new ApiProblem(response.status, body as Body, after);
  return new ApiProblem(
    response.status,
    {
      code: "no-problem",
      detail: `The answer was ${response.status} ${response.statusText}`.trim() + ".",
      remedy: "If a proxy stands in front of mailhaul, look into its log; else look into the server's.",
    },
    after,
  );
}
