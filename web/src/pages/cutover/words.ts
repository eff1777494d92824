// How the states of a domain's move look, and the draft of what is watched.
import type { Schema } from "../../api/client";
import type { State } from "../../parts/states";

export type Cutover = Schema<"Cutover">;

export const cutoverStates: Record<Cutover["state"], State> = {
  unknown: { text: "Not known", tone: "neutral", meaning: "No server of the zone could be heard." },
  "not-prepared": { text: "Not prepared", tone: "warning", meaning: "Mail goes to the old system, and caches keep that for more than an hour." },
  "ready-to-switch": { text: "Ready to switch", tone: "active", meaning: "Mail goes to the old system, and no cache keeps that for more than an hour." },
  mixed: { text: "Mixed", tone: "danger", meaning: "A server names the old system and the new." },
  switching: { text: "Switching", tone: "active", meaning: "Not every server has the new records, or the wait is not over." },
  settled: { text: "Settled", tone: "success", meaning: "Every server has the new records alone, and the wait is over." },
};

/** What is typed of a domain that is to be watched. */
export interface CutoverDraft {
  domain: string;
  kind: Schema<"CutoverTarget">["kind"];
  mx: string;
  spf: string;
  autodiscover: string;
  tenant: string;
  switchedAt: string;
  /** Whether the time was entered, also as it was before: then it is said now, of all that was seen until now. */
  said?: boolean;
  notify: string;
}

export const emptyDraft: CutoverDraft = { domain: "", kind: "office365", mx: "", spf: "", autodiscover: "", tenant: "", switchedAt: "", notify: "" };

/** The draft with another kind of target. What the former kind fills in by itself is not the new one's. */
export function withKind(draft: CutoverDraft, kind: CutoverDraft["kind"]): CutoverDraft {
  return { ...draft, kind, spf: "", autodiscover: "", tenant: "" };
}

/** The draft with the time that was entered. */
export function entering(draft: CutoverDraft, switchedAt: string): CutoverDraft {
  return { ...draft, switchedAt, said: true };
}

/** The words of a list that is typed: by line, comma or space. */
export const words = (text: string): string[] => text.split(/[\s,;]+/).filter((word) => word !== "");

/** What the server is asked for; batches stay as they were, and so does the time that was stated unless another one was entered: the field has no seconds. */
export function specOf(draft: CutoverDraft, batches: string[], statedAt?: string): Schema<"CutoverSpec"> {
  const { kind, spf, autodiscover, tenant } = draft;
  const mx = words(draft.mx);
  const target: Schema<"CutoverTarget"> = {
    kind,
    ...(mx.length > 0 ? { mx } : {}),
    ...(spf.trim() !== "" ? { spf: spf.trim() } : {}),
    ...(autodiscover.trim() !== "" ? { autodiscover: autodiscover.trim() } : {}),
    ...(kind !== "other" && tenant.trim() !== "" ? { tenant: tenant.trim() } : {}),
  };
  const at = Date.parse(draft.switchedAt);
  const switchedAt = Number.isNaN(at) ? undefined : localTime(statedAt) === draft.switchedAt ? statedAt : new Date(at).toISOString();
  return { target, batches, notify: words(draft.notify), ...(switchedAt === undefined ? {} : { switchedAt, ...(draft.said ? { saidAnew: true } : {}) }) };
}

/** A moment as a field of a form has it, in the viewer's zone. */
export function localTime(at: string | undefined): string {
  const time = at === undefined ? NaN : Date.parse(at);
  if (Number.isNaN(time)) return "";
  return new Date(time - new Date(time).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** The draft of a domain that is watched. */
export function draftOf(c: Cutover): CutoverDraft {
  const { kind, mx, spf, autodiscover, tenant } = c.target;
  return { domain: c.domain, kind, mx: (mx ?? []).join("\n"), spf: spf ?? "", autodiscover: autodiscover ?? "", tenant: tenant ?? "", switchedAt: localTime(c.statedAt), notify: (c.notify ?? []).join("\n") };
}

/** A record in one line. */
export function recordText(r: Schema<"CutoverRecord">): string {
  return `${r.name} ${r.ttl} ${r.type} ${r.type === "MX" ? `${r.preference ?? 0} ` : ""}${r.value}`;
}
