// Figures with units, in words that are the same on every page.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

export function count(n: number): string {
  return whole.format(n);
}

/** "1 mailbox", "3,000 mailboxes". */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

const units = ["B", "kB", "MB", "GB", "TB", "PB"];

/** Bytes in powers of 1,000, as disks and lines are measured. */
export function bytes(n: number): string {
  let unit = 0;
  while (Math.abs(n) >= 999.95 && unit < units.length - 1) {
    n /= 1000;
    unit++;
  }
  return `${unit === 0 || Math.abs(n) >= 100 ? whole.format(n) : tenths.format(n)} ${units[unit]}`;
}

/** Bytes per second. */
export function rate(n: number): string {
  return `${bytes(n)}/s`;
}

/** "45 s", "12 min", "3 h 20 min", "2 d 4 h": the two largest units that say something. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return "–";
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 600 && s % 60 !== 0) return `${Math.floor(s / 60)} min ${s % 60} s`;
  const minutes = Math.round(s / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return two(hours, "h", minutes % 60, "min");
  const allHours = Math.round(minutes / 60);
  return two(Math.floor(allHours / 24), "d", allHours % 24, "h");
}

function two(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** A share as a percentage that says 100 only for all, and 0 only for none. */
export function percent(part: number, all: number): string {
  if (all <= 0) return "–";
  const share = (part / all) * 100;
  if (share >= 100) return "100 %";
  if (share <= 0) return "0 %";
  return `${Math.min(99, Math.max(1, Math.round(share)))} %`;
}

/** A moment in the viewer's zone, with the zone's name. */
export function moment(at: string | Date): string {
  return new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" }).format(new Date(at)) + " " + zone(new Date(at));
}

function zone(at: Date): string {
  return new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" }).formatToParts(at).find((p) => p.type === "timeZoneName")?.value ?? "";
}

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** "5 minutes ago", "in 2 hours", "just now". */
export function ago(at: string | Date, now: number): string {
  const seconds = (new Date(at).getTime() - now) / 1000;
  for (const [unit, size] of steps) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  if (seconds > 10) return "in less than a minute";
  if (seconds < -10) return "less than a minute ago";
  return "just now";
}

/** A text with a full stop, before another sentence. */
export function sentence(text: string): string {
  return text === "" || /[.!?:]["”]?$/.test(text) ? text : `${text}.`;
}

/** What stands on lines and between commas, without what is empty. */
export function lines(text: string): string[] {
  return text.split(/[\n,;]/).map((s) => s.trim()).filter((s) => s !== "");
}

/** "1 message a second", "2.5 messages a second". */
export function perSecond(n: number): string {
  const shown = tenths.format(n);
  return `${shown} ${shown === "1" ? "message" : "messages"} a second`;
}

/** Control characters and such that turn the direction of text, made visible. */
export function visible(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (c) => {
    const code = c.codePointAt(0)!;
    return code < 0x20 ? String.fromCodePoint(0x2400 + code) : code === 0x7f ? "\u2421" : `\u27e8U+${code.toString(16).toUpperCase().padStart(4, "0")}\u27e9`;
  });
}
