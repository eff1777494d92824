import type { Schema } from "../../api/client";

export type Kept = Schema<"Settings">;
export type SettingsPatch = Schema<"SettingsPatch">;

const day = 24 * 60 * 60;

/** The settings as they are typed. */
export interface SettingsDraft {
  host: string;
  port: string;
  security: Kept["smtp"]["security"];
  user: string;
  password: string;
  from: string;
  ca: string;
  days: string;
}

export function draftOf(kept: Kept): SettingsDraft {
  const { host, port, security, user, from, ca } = kept.smtp;
  return { host, port: port ? String(port) : "", security: security || "starttls", user, password: "", from, ca, days: String(kept.keepCompletedSeconds / day) };
}

/** Days as they are typed, with a point or a comma; NaN for what is no number. */
function daysOf(text: string): number {
  return /^\d+([.,]\d+)?$/.test(text.trim()) ? Number(text.trim().replace(",", ".")) : NaN;
}

/** What is wrong with a draft, by field, as far as that can be said without the server. */
export function troublesOf(draft: SettingsDraft): Partial<Record<keyof SettingsDraft, string>> {
  const days = daysOf(draft.days);
  const port = Number(draft.port);
  return {
    ...(draft.port === "" || (port >= 1 && port <= 65_535) ? {} : { port: "It is 1 to 65535, or empty." }),
    ...(days === 0 || (days >= 1 / 24 && days <= 3660) ? {} : { days: "It is 0, or a number of days from 0.042 (an hour) to 3660." }),
  };
}

/** What a draft without troubles changes, undefined when nothing. */
export function changesOf(was: SettingsDraft, draft: SettingsDraft): SettingsPatch | undefined {
  const smtp: NonNullable<SettingsPatch["smtp"]> = {};
  for (const name of ["host", "user", "from", "ca"] as const) {
    if (draft[name].trim() !== was[name].trim()) smtp[name] = draft[name].trim();
  }
  if (draft.security !== was.security) smtp.security = draft.security;
  if (draft.port !== was.port) smtp.port = Number(draft.port);
  if (draft.password !== "") smtp.password = draft.password;
  const patch: SettingsPatch = {};
  if (Object.keys(smtp).length > 0) patch.smtp = smtp;
  if (draft.days !== was.days) patch.keepCompletedSeconds = Math.round(daysOf(draft.days) * day);
  return Object.keys(patch).length > 0 ? patch : undefined;
}
