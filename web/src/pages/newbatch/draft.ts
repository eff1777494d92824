// What the wizard asks for. It is kept in the window's session, so that a reload loses
// nothing of it; the migration file and passwords are not part of it.

export const steps = ["file", "endpoints", "folders", "schedule", "preflight", "done"] as const;
export type Step = (typeof steps)[number];

export const stepNames: Record<Step, string> = { file: "Migration file", endpoints: "Endpoints", folders: "Name and folders", schedule: "Reports and schedule", preflight: "Preflight", done: "Done" };

export interface Draft {
  /** Name of the file that was chosen last, whether or not it is at hand. */
  fileName: string;
  skipBad: boolean;
  allowUnknown: boolean;
  /** Take only the first rows. */
  test: boolean;
  first: string;
  /** How many mailboxes the whole file has. */
  all: number;
  source: string;
  target: string;
  name: string;
  exclude: string[];
  include: string[];
  /** Times are as a field of the browser gives them: in the viewer's zone, without one. */
  receivedFrom: string;
  receivedBefore: string;
  labels: "one" | "copies" | "keywords";
  notify: string[];
  start: "now" | "later" | "manual";
  startAt: string;
  completeAt: string;
  interval: string;
  reportInterval: string;
  /** Name of the batch once it is made. */
  created: string;
  /** Its preflight was asked for. */
  tried: boolean;
  /** It was started when its preflight had gone well. */
  startedByItself: boolean;
  /** It was started, by whomever. */
  started: boolean;
}

export function emptyDraft(): Draft {
  return {
    fileName: "", skipBad: false, allowUnknown: false, test: false, first: "5", all: 0, source: "", target: "", name: "", exclude: [], include: [], receivedFrom: "", receivedBefore: "", labels: "one", notify: [],
    start: "now", startAt: "", completeAt: "", interval: "86400", reportInterval: "86400", created: "", tried: false, started: false, startedByItself: false,
  };
}

const key = "mailhaul.new-batch";

export function keep(draft: Draft): void {
  try {
    sessionStorage.setItem(key, JSON.stringify(draft));
  } catch {
    // Without a place for it, a reload begins anew.
  }
}

export function forgetDraft(): void {
  try {
    sessionStorage.removeItem(key);
  } catch {
    // There was none.
  }
}

/** What was kept; fields of another kind than theirs are left out. */
export function kept(): Draft {
  const draft = emptyDraft();
  try {
    const found = JSON.parse(sessionStorage.getItem(key) ?? "{}") as Record<string, unknown>;
    for (const [name, value] of Object.entries(draft)) {
      const was = found[name];
      if (typeof was === typeof value && Array.isArray(was) === Array.isArray(value)) Object.assign(draft, { [name]: was });
    }
  } catch {
    // It is begun anew.
  }
  return draft;
}

/** The server's rule for names. */
export const validName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** A name made of the file's that no batch has. */
export function proposeName(fileName: string, taken: ReadonlySet<string>): string {
  const stem = fileName.replace(/^.*[/\\]/, "").replace(/\.(csv|txt)$/i, "").replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[-._]+/, "").slice(0, 58).replace(/-+$/, "") || "batch";
  if (!taken.has(stem)) return stem;
  let n = 2;
  while (taken.has(`${stem}-${n}`)) n++;
  return `${stem}-${n}`;
}

/** A moment of a field of the browser, as the server takes it; undefined for none. */
export function momentOf(local: string): string | undefined {
  if (local === "") return undefined;
  const at = new Date(local);
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}

/** Whether a moment of a field of the browser is past. */
export function isPast(local: string, now: number): boolean {
  const at = momentOf(local);
  return at !== undefined && Date.parse(at) <= now;
}

/** Of a time to complete that is past: it would make the final pass and destroy the passwords at once, unasked. */
export const completePast = "That is past already. To complete the batch at once, press Complete on its page when its mail has arrived.";

/** How many of the first rows are taken; 0 is all. */
export function firstOf(draft: Draft): number {
  const n = Number(draft.first);
  return draft.test && Number.isInteger(n) && n > 0 ? n : 0;
}

/** What is wrong with a step, by field, as far as that can be said without the server. */
export function stepTroubles(step: Step, draft: Draft, now = Date.now()): Record<string, string> {
  const found: Record<string, string> = {};
  const want = (ok: boolean, field: string, text: string) => {
    if (!ok && !found[field]) found[field] = text;
  };
  switch (step) {
    case "file":
      want(!draft.test || firstOf(draft) > 0, "first", "A number from 1.");
      break;
    case "endpoints":
      want(draft.source !== "", "source", "Choose where the mail is.");
      want(draft.target !== "", "target", "Choose where it goes.");
      break;
    case "folders":
      want(validName.test(draft.name), "name", draft.name === "" ? "It needs a name." : "At most 64 letters, digits, dots, underscores and hyphens.");
      want(draft.receivedFrom === "" || draft.receivedBefore === "" || draft.receivedBefore > draft.receivedFrom, "receivedBefore", "It must be later than the other.");
      break;
    case "schedule":
      if (draft.start === "later") {
        want(momentOf(draft.startAt) !== undefined, "startAfter", "Say when.");
        want(!isPast(draft.startAt, now), "startAfter", "That is past already.");
      }
      want(draft.completeAt === "" || momentOf(draft.completeAt) !== undefined, "completeAfter", "Say when.");
      want(draft.completeAt === "" || !isPast(draft.completeAt, now), "completeAfter", completePast);
      want(draft.completeAt === "" || draft.start !== "later" || draft.startAt === "" || draft.completeAt > draft.startAt, "completeAfter", "It must be later than the start.");
      break;
  }
  return found;
}

/** The last step that can be gone to. */
export function furthest(draft: Draft, hasFile: boolean, now = Date.now()): Step {
  if (draft.created !== "") return "done";
  if (!hasFile) return "file";
  for (const step of ["file", "endpoints", "folders", "schedule"] as const) if (Object.keys(stepTroubles(step, draft, now)).length > 0) return step;
  return "preflight";
}

/**
 * The step itself, or the nearest that can be gone to. Once the batch is made there is no way
 * back to what made it, and once it was started none to where it can be deleted unasked.
 */
export function bounded(step: Step, draft: Draft, hasFile: boolean): Step {
  if (draft.created !== "" && draft.started) return "done";
  if (draft.created !== "") return steps.indexOf(step) < steps.indexOf("preflight") ? "preflight" : step;
  return steps[Math.min(steps.indexOf(step), steps.indexOf(furthest(draft, hasFile)))]!;
}

/** How the file is to be taken. */
export function fileOptions(draft: Draft, bytes: number): Record<string, unknown> {
  const first = firstOf(draft);
  return {
    fileName: draft.fileName, fileBytes: bytes,
    ...(draft.allowUnknown ? { allowUnknownColumns: true } : {}),
    ...(draft.skipBad ? { skipBad: true } : {}),
    ...(first > 0 ? { first } : {}),
  };
}

/** What the batch is to be made of, without passwords and the file. It is not started with it. */
export function specOf(draft: Draft, bytes: number): Record<string, unknown> {
  const spec: Record<string, unknown> = { name: draft.name, source: draft.source, target: draft.target, ...fileOptions(draft, bytes) };
  if (draft.exclude.length > 0) spec.exclude = draft.exclude;
  if (draft.include.length > 0) spec.include = draft.include;
  const times = { receivedFrom: draft.receivedFrom, receivedBefore: draft.receivedBefore, startAfter: draft.start === "later" ? draft.startAt : "", completeAfter: draft.completeAt };
  for (const [name, local] of Object.entries(times)) {
    const at = momentOf(local);
    if (at) spec[name] = at;
  }
  if (draft.labels !== "one") spec.labels = draft.labels;
  if (draft.notify.length > 0) spec.notify = draft.notify;
  spec.intervalSeconds = Number(draft.interval);
  spec.reportIntervalSeconds = Number(draft.reportInterval);
  return spec;
}

/** The step that has the field which the server has refused. */
export function stepOfField(field: string): Step | undefined {
  const of: Record<string, Step> = {
    file: "file", targetPassword: "file", first: "file", fileBytes: "file", source: "endpoints", target: "endpoints", name: "folders", exclude: "folders", include: "folders", receivedFrom: "folders", receivedBefore: "folders",
    labels: "folders", notify: "schedule", startAfter: "schedule", completeAfter: "schedule", intervalSeconds: "schedule", reportIntervalSeconds: "schedule",
  };
  return of[field.replace(/^.*\./, "")];
}

/** Well-known folders that rules can name, with what they are. */
export const wellKnown: [rule: string, text: string][] = [
  ["#Inbox#", "the inbox"], ["#SentItems#", "sent mail"], ["#DeletedItems#", "the trash"], ["#Drafts#", "drafts"], ["#JunkEmail#", "junk"], ["#Archive#", "the archive"], ["#AllItems#", "All Mail of Gmail"], ["#Outbox#", "the outbox"],
  ["#Calendar#", "calendar"], ["#Contacts#", "contacts"], ["#Journal#", "journal"], ["#Tasks#", "tasks"], ["#Notes#", "notes"],
];

/** What is wrong with a folder rule, as the server has it. */
export function ruleTrouble(text: string): string | undefined {
  const name = text.replace(/\/\*$/, "").replace(/^\/+|\/+$/g, "");
  if (name === "") return "The name is empty.";
  if (!name.startsWith("#")) return undefined;
  const known = [...wellKnown.map(([rule]) => rule.toLowerCase()), "#root#"];
  return known.includes(name.toLowerCase()) ? undefined : "There is no such well-known folder. A real # at the beginning is written \\#.";
}

/** What is wrong with an address that gets reports. */
export function emailTrouble(text: string): string | undefined {
  return /^[^\s@<>",;]+@[^\s@<>",;]+$/.test(text) ? undefined : "Write it as name@example.org.";
}
