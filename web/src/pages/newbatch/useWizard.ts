import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Schema } from "../../api/client";
import { CreationKeys } from "../../api/client";
import { problemOf, type ApiProblem } from "../../api/problem";
import { batchesQuery } from "../../api/queries";
import { checkFile, createBatch, type FileSummary } from "./check";
import { maxBytes } from "./csv";
import { emptyDraft, firstOf, forgetDraft, keep, kept, proposeName, type Draft } from "./draft";
import { edited, mailboxRows, type MigrationFile } from "./file";
import { emptyForm, type Form } from "../endpoints/form";
import { changed, forgetCorrections, howMany, keepCorrections, keptCorrections, rowsChanged, type Change, type Edits } from "./corrections";

export type Side = "source" | "target";

const emptyForms = (): Record<Side, Form> => ({ source: emptyForm(), target: emptyForm() });

/** All that the wizard holds, and what it can ask for. */
export interface Wizard {
  draft: Draft;
  change(changes: Partial<Draft>): void;
  file?: MigrationFile;
  /** A file was chosen: it is checked at once. */
  takeFile(file: MigrationFile): void;
  /** The same file, read or written in another way. */
  changeFile(change: Change): void;
  /** Whether anything was changed of the file that was chosen. */
  corrected: boolean;
  /** What was kept of corrections when the page was loaded anew: made again, or of another file. */
  restored?: Restored;
  edits: Edits;
  edit(row: number, text: string | null | undefined): void;
  targetPassword: string;
  setTargetPassword(text: string): void;
  /** Endpoints that are being entered. They are not part of the draft: passwords are kept nowhere. */
  endpointForms: Record<Side, Form>;
  /** Changes one of them; null empties it. */
  changeEndpointForm(side: Side, changes: Partial<Form> | null): void;
  /** What the server said of the file the last time. */
  summary?: FileSummary;
  checking: boolean;
  checkError: unknown;
  /** Checks the file, with what was changed of it; undefined when that did not work. */
  check(): Promise<FileSummary | undefined>;
  /** Whether the last check is of what there is now. */
  fresh: boolean;
  /** What is wrong with the present step, once it was to be left. */
  troubles: Record<string, string>;
  setTroubles(troubles: Record<string, string>): void;
  /** What the server said when the batch was to be made. */
  problem?: ApiProblem;
  create(): Promise<Schema<"Batch"> | undefined>;
  creating: boolean;
  /** Begins anew. */
  reset(): void;
  dirty: boolean;
}

const noChanges: { list: Change[]; secret: number } = { list: [], secret: 0 };

/** What became of kept corrections when a file was chosen. */
export interface Restored {
  /** How many were made again; 0 when they are of another file. */
  made: number;
  /** Rows whose password was not kept. */
  secret: number;
}

export function useWizard(): Wizard {
  const client = useQueryClient();
  const [draft, setDraft] = useState<Draft>(kept);
  const [file, setFile] = useState<MigrationFile>();
  const [edits, setEdits] = useState<Edits>(new Map());
  const [changes, setChanges] = useState<{ list: Change[]; secret: number }>(noChanges);
  const [restored, setRestored] = useState<Restored>();
  const [targetPassword, setPassword] = useState("");
  const [endpointForms, setForms] = useState(emptyForms);
  const [summary, setSummary] = useState<FileSummary>();
  const [checking, setChecking] = useState(false);
  const [checkError, setCheckError] = useState<unknown>();
  const [checked, setChecked] = useState("");
  const [troubles, setTroubles] = useState<Record<string, string>>({});
  const [error, setError] = useState<unknown>();
  const [creating, setCreating] = useState(false);
  const keys = useRef(new CreationKeys());
  const version = useRef(0);
  const running = useRef<AbortController>(undefined);
  const proposed = useRef("");
  const state = useRef({ draft, file, edits, changes, targetPassword });
  state.current = { draft, file, edits, changes, targetPassword };

  // The batches' names are needed as soon as a file is chosen.
  useEffect(() => void client.prefetchQuery(batchesQuery), [client]);
  useEffect(() => keep(draft), [draft]);
  // Whoever leaves was asked; a reload does not come by here.
  useEffect(
    () => () => {
      forgetDraft();
      forgetCorrections();
    },
    [],
  );
  useEffect(() => {
    // Before the file is chosen again, what was kept of it stays.
    if (!file?.mark) return;
    const { change, secret } = rowsChanged(file, edits);
    keepCorrections({ mark: file.mark, changes: change ? [...changes.list, change] : changes.list, secret: changes.secret + secret });
  }, [file, edits, changes]);

  const change = useCallback((changes: Partial<Draft>) => {
    setDraft((d) => ({ ...d, ...changes }));
    setTroubles({});
    setError(undefined);
  }, []);
  const mark = (d: Draft, password: string) => JSON.stringify([version.current, d.source, d.target, d.allowUnknown, firstOf(d), password]);

  const check = useCallback(async (): Promise<FileSummary | undefined> => {
    const now = state.current;
    if (!now.file || now.file.size > maxBytes) return undefined;
    const whole = edited(now.file, now.edits);
    if (whole !== now.file) {
      const { change, secret } = rowsChanged(now.file, now.edits);
      const made = { list: change ? [...now.changes.list, change] : now.changes.list, secret: now.changes.secret + secret };
      version.current++;
      state.current.file = whole;
      state.current.edits = new Map();
      state.current.changes = made;
      setChanges(made);
      setFile(whole);
      setEdits(new Map());
      setDraft((d) => ({ ...d, all: mailboxRows(whole) }));
    }
    const asked = mark(now.draft, now.targetPassword);
    running.current?.abort();
    const control = new AbortController();
    running.current = control;
    setChecking(true);
    setCheckError(undefined);
    try {
      const found = await checkFile(now.draft, whole, now.targetPassword, control.signal);
      if (running.current !== control) return undefined;
      setSummary(found);
      setChecked(asked);
      return found;
    } catch (e) {
      if (running.current === control) setCheckError(e);
      return undefined;
    } finally {
      if (running.current === control) setChecking(false);
    }
  }, []);

  const put = useCallback(
    (next: MigrationFile, made: { list: Change[]; secret: number }) => {
      version.current++;
      state.current.file = next;
      state.current.changes = made;
      setChanges(made);
      state.current.edits = new Map();
      setFile(next);
      setEdits(new Map());
      void check();
    },
    [check],
  );
  const changeFile = useCallback(
    (change: Change) => {
      const { file: f, edits: e, changes: c } = state.current;
      if (!f) return;
      const rows = rowsChanged(f, e);
      const list = rows.change ? [...c.list, rows.change, change] : [...c.list, change];
      put(changed(edited(f, e), [change]), { list, secret: c.secret + rows.secret });
    },
    [put],
  );
  const takeFile = useCallback(
    (chosen: MigrationFile) => {
      const before = keptCorrections();
      const same = before !== undefined && before.mark === chosen.mark;
      const list = same ? before.changes : [];
      const next = changed(chosen, list);
      setRestored(before && { made: same ? howMany(list) : 0, secret: same ? before.secret : 0 });
      const taken = new Set((client.getQueryData(batchesQuery.queryKey) ?? []).map((b) => b.name));
      const d = state.current.draft;
      const name = d.name === "" || d.name === proposed.current ? (proposed.current = proposeName(next.name, taken)) : d.name;
      setSummary(undefined);
      const changes = { fileName: next.name, name, all: mailboxRows(next) };
      state.current.draft = { ...d, ...changes };
      change(changes);
      put(next, { list, secret: 0 });
    },
    [client, change, put],
  );
  const edit = useCallback((row: number, text: string | null | undefined) => {
    setEdits((now) => {
      const next = new Map(now);
      if (text === undefined || text === state.current.file?.records?.[row - 1]) next.delete(row);
      else next.set(row, text);
      return next;
    });
  }, []);
  // Which columns are taken changes everything that is told.
  const unknown = draft.allowUnknown;
  const before = useRef(unknown);
  useEffect(() => {
    if (before.current === unknown) return;
    before.current = unknown;
    void check();
  }, [unknown, check]);

  const create = useCallback(async () => {
    const { draft: d, file: f, edits: e, targetPassword: password } = state.current;
    if (!f) return undefined;
    setCreating(true);
    setError(undefined);
    try {
      const headers = keys.current.headers([d, version.current, password]);
      const batch = await createBatch(d, edited(f, e), password, headers);
      // The passwords are the server's now.
      setFile(undefined);
      setEdits(new Map());
      setChanges(noChanges);
      setRestored(undefined);
      forgetCorrections();
      setPassword("");
      setForms(emptyForms());
      setSummary(undefined);
      change({ created: batch.name });
      void client.invalidateQueries({ queryKey: batchesQuery.queryKey });
      return batch;
    } catch (caught) {
      setError(caught);
      const file = problemOf(caught).file;
      if (file) setSummary(file);
      return undefined;
    } finally {
      setCreating(false);
    }
  }, [client, change]);

  const reset = useCallback(() => {
    running.current?.abort();
    setDraft(emptyDraft());
    setChanges(noChanges);
    setRestored(undefined);
    forgetCorrections();
    setFile(undefined);
    setEdits(new Map());
    setPassword("");
    setForms(emptyForms());
    setSummary(undefined);
    setCheckError(undefined);
    setChecking(false);
    setTroubles({});
    setError(undefined);
  }, []);

  const problem = useMemo(() => (error === undefined ? undefined : problemOf(error)), [error]);
  const setTargetPassword = useCallback((text: string) => {
    setPassword(text);
    setError(undefined);
  }, []);
  const changeEndpointForm = useCallback((side: Side, changes: Partial<Form> | null) => setForms((f) => ({ ...f, [side]: changes ? { ...f[side], ...changes } : emptyForm() })), []);
  return {
    endpointForms, changeEndpointForm, draft, change, file, takeFile, changeFile, corrected: edits.size > 0 || changes.list.length + changes.secret > 0, restored, edits, edit, targetPassword, setTargetPassword, summary, checking, checkError, check,
    fresh: edits.size === 0 && checked === mark(draft, targetPassword), troubles, setTroubles, problem, create, creating, reset,
    dirty: draft.created === "" && (file !== undefined || JSON.stringify([draft, endpointForms]) !== JSON.stringify([emptyDraft(), emptyForms()])),
  };
}
