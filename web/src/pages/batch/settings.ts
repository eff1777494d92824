import type { Schema } from "../../api/client";
import { completePast, isPast } from "../newbatch/draft";

type Batch = Schema<"Batch">;
type BatchPatch = Schema<"BatchPatch">;

/** What can be changed of a batch, as a form has it: times of the viewer's zone, and seconds. */
export interface Form {
  notify: string[];
  interval: string;
  reports: string;
  startAfter: string;
  completeAfter: string;
}

/** The time that takes a time away (Go's zero time). */
const never = "0001-01-01T00:00:00Z";

/** A moment for an input of the kind datetime-local. */
export function localTime(at?: string): string {
  if (!at || at.startsWith("0001-")) return "";
  const d = new Date(at);
  return new Date(d.getTime() - d.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

export function formOf(batch: Batch): Form {
  return {
    notify: batch.notify ?? [],
    interval: String(batch.intervalSeconds),
    reports: String(batch.reportIntervalSeconds),
    startAfter: localTime(batch.startAfter),
    completeAfter: localTime(batch.completeAfter),
  };
}

/** What is wrong with a form, by field. A time that stands since the form was begun may have passed. */
export function troublesOf(form: Form, begun: Form, now = Date.now()): Partial<Record<keyof Form, string>> {
  return form.completeAfter === begun.completeAfter || !isPast(form.completeAfter, now) ? {} : { completeAfter: completePast };
}

/** What differs between two forms, as an edit. */
export function patchOf(before: Form, after: Form): BatchPatch {
  const patch: BatchPatch = {};
  if (before.notify.join() !== after.notify.join()) patch.notify = after.notify;
  if (before.interval !== after.interval) patch.intervalSeconds = Number(after.interval);
  if (before.reports !== after.reports) patch.reportIntervalSeconds = Number(after.reports);
  const time = (text: string) => (text === "" ? never : new Date(text).toISOString());
  if (before.startAfter !== after.startAfter) patch.startAfter = time(after.startAfter);
  if (before.completeAfter !== after.completeAfter) patch.completeAfter = time(after.completeAfter);
  return patch;
}
