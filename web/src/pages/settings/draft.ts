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

/** What a draft changes, undefined when nothing. */
export function changesOf(kept: Kept, draft: SettingsDraft): SettingsPatch | undefined {
  const was = draftOf(kept);
  const smtp: NonNullable<SettingsPatch["smtp"]> = {};
  for (const name of ["host", "user", "from", "ca"] as const) {
    if (draft[name].trim() !== was[name].trim()) smtp[name] = draft[name].trim();
  }
  if (draft.security !== was.security) smtp.security = draft.security;
  if (draft.port !== was.port) smtp.port = Number(draft.port);
  if (draft.password !== "") smtp.password = draft.password;
  const patch: SettingsPatch = {};
  if (Object.keys(smtp).length > 0) patch.smtp = smtp;
  if (draft.days !== was.days) patch.keepCompletedSeconds = Math.round(Number(draft.days) * day);
  return Object.keys(patch).length > 0 ? patch : undefined;
}
