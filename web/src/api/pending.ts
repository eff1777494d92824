// Types of routes that docs/openapi.yaml does not have yet. They go from here as soon
// as it has them.
import type { Schema } from "./client";

/** GET /session. */
export type Me = Schema<"Operator"> & { totp?: boolean; recoveryCodes?: number };

/** GET /live, event "dashboard". */
export interface Dashboard {
  counts: {
    total: number;
    queued: number;
    /** With a pass under way, or their final one before them. */
    syncing: number;
    synced: number;
    completed: number;
    failed: number;
    stopped: number;
    removing: number;
    states: Record<string, number>;
  };
  bytesPerSecond: number;
  messagesPerSecond: number;
  batches: Schema<"Batch">[] | null;
  nodes: number;
}

/** GET /throughput?batch=&from=&to=&points=. */
export interface Throughput {
  stepSeconds: number;
  points: { at: string; messages: number; bytes: number }[] | null;
}

/** POST /session/totp. */
export interface TotpBegun {
  secret: string;
  uri: string;
}

/** PUT /session/totp. */
export interface TotpConfirmed {
  recoveryCodes: string[];
}

/** PATCH /operators/{operator}. */
export type OperatorPatch = Schema<"OperatorPatch"> & { resetTotp?: boolean };

/** GET /sessions. */
export interface OwnSession {
  id: string;
  address: string;
  created: string;
  used: string;
  current: boolean;
}

export interface SmtpSettings {
  host: string;
  port: number;
  security: string;
  user: string;
  hasPassword: boolean;
  from: string;
  ca: string;
  /** The server was started with it, so that it can't be changed here. */
  fixed: boolean;
}

/** GET /settings. */
export interface Settings {
  smtp: SmtpSettings;
  keepCompletedSeconds: number;
  keepCompletedFixed: boolean;
  version: number;
}

/** PATCH /settings. */
export interface SettingsPatch {
  smtp?: { host?: string; port?: number; security?: string; user?: string; password?: string; from?: string; ca?: string };
  keepCompletedSeconds?: number;
}

/** POST /settings/test-mail. */
export interface TestMail {
  ok: boolean;
  code?: string;
  detail: string;
  remedy?: string;
}

/** GET /mailboxes with offset. */
export type MailboxSlice = Schema<"MailboxPage"> & { total?: number };

/** POST /batches/{batch}/mailbox-actions. */
export interface MailboxActions {
  verb: "start" | "stop" | "retry" | "sync" | "approve" | "delete";
  addresses?: string[];
  states?: string[];
  search?: string;
  reason?: string;
}

/** What became of it. */
export interface MailboxesActed {
  done: number;
  /** The first of those that refused. */
  refused: { address: string; detail: string }[] | null;
  refusedCount: number;
}

/** GET /batches/{batch}/mailboxes/{address}/folders. */
export interface MailboxFolder {
  source: string;
  target: string;
  sourceMessages: number;
  copied: number;
  skipped: number;
  /** waiting, copying or done in the pass under way; without one, done or begun. */
  state: string;
}

/** GET /batches/{batch}/mailboxes/{address}/transcript. */
export interface Transcript {
  passes: { at: string; seconds: number; kind: string; text: string }[] | null;
}

/** GET /batches/{batch}/history. */
export interface HistoryPage {
  items: { id: string; at: string; actor: string; action: string; object: string; detail?: Record<string, unknown> }[] | null;
  next?: string;
}

/** POST /batches/{batch}/report-mails. */
export interface ReportMailed {
  recipients: string[] | null;
}

/** What a migration file holds, with how many of its rows become mailboxes. */
export type FileSummary = Schema<"FileSummary"> & { taken?: number };

/** GET /batches/{batch}/estimate?mailboxes=N. */
export interface Estimate {
  mailboxesMeasured: number;
  mailboxes: number;
  messagesPerMailbox: number;
  bytesPerMailbox: number;
  bytesPerSecondPerMailbox: number;
  atATime: number;
  seconds: number;
  low: number;
  high: number;
  enough: boolean;
  note?: string;
}
