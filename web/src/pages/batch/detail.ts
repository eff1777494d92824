import type { Schema } from "../../api/client";
import { count, duration, moment } from "../../parts/format";

/** What belongs to an action of the history, in words: what it is, and how it was. */
export type Detail = [term: string, text: string];

const terms: Record<string, string> = {
  reason: "Reason", findings: "Findings", mailboxes: "Mailboxes", added: "Added", known: "Known already", leftOut: "Rows left out", started: "Started at once", forget: "Ledger forgotten", source: "Source", target: "Target",
  notify: "Reports go to", recipients: "Sent to", startAfter: "Start at", completeAfter: "Complete at", intervalSeconds: "Between passes", reportIntervalSeconds: "Between reports",
  addresses: "Addresses", states: "In the states", search: "That match", folder: "Folder", uid: "UID", user: "User",
};

/** A name of the API as words: leftOut is "Left out". */
function words(name: string): string {
  const text = name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function textOf(name: string, value: unknown): string {
  if (value === null || value === undefined || value === "") return "none";
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map((v) => textOf("", v)).join(", ");
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") return name.endsWith("Seconds") ? (value === 0 ? "never" : duration(value)) : name === "uid" ? String(value) : count(value);
  if (typeof value === "string") return name.endsWith("After") ? (value.startsWith("0001-") ? "none" : moment(value)) : value;
  return Object.entries(value as object).map(([n, v]) => `${words(n)}: ${textOf(n, v)}`).join(", ");
}

/** The details of a record, the reason first. */
export function detailsOf(record: Pick<Schema<"HistoryRecord">, "detail">): Detail[] {
  const found = Object.entries(record.detail ?? {}).map(([name, value]): Detail => {
    // Of a rotation it is told whose passwords are new.
    const term = typeof value === "boolean" && (name === "source" || name === "target") ? `New password for the ${name}` : (terms[name] ?? words(name));
    return [term, textOf(name, value)];
  });
  return found.sort(([a], [b]) => Number(b === "Reason") - Number(a === "Reason"));
}

/** The details in one line. */
export function detailLine(record: Pick<Schema<"HistoryRecord">, "detail">): string {
  return detailsOf(record).map(([term, text]) => `${term}: ${text}`).join("; ");
}
