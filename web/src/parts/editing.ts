import { useState } from "react";
import { ApiProblem } from "../api/problem";

/** The fields in which two states of a form differ. */
export function differing<Form extends object>(a: Form, b: Form): (keyof Form)[] {
  return (Object.keys(b) as (keyof Form)[]).filter((key) => JSON.stringify(a[key]) !== JSON.stringify(b[key]));
}

/** One's own input over what others have saved: what one has not touched is theirs. */
export function over<Form extends object>(begun: Form, mine: Form, theirs: Form): Form {
  const touched = differing(begun, mine);
  return { ...theirs, ...Object.fromEntries(touched.map((key) => [key, mine[key]])) };
}

/** What is kept of a thing: its form, and the version that an edit names. */
export interface Kept<Form> {
  form: Form;
  version: number;
}

/** The editing of a thing that others may change meanwhile. */
export interface Editing<Form> {
  form: Form;
  set(changes: Partial<Form>): void;
  /** What the form was begun with: an edit is what differs from it, and names its version. */
  begun: Kept<Form>;
  dirty: boolean;
  /** What somebody else has changed since; empty when there is nothing to decide. */
  theirs: (keyof Form)[];
  /** Goes on with one's own input over what they have saved. */
  keepMine(): void;
  /** Begins anew with what is kept. */
  takeTheirs(): void;
  /** Begins anew with what was saved. */
  saved(now: Kept<Form>): void;
}

/**
 * Sends an edit of what a form was begun with. When others have changed meanwhile only
 * what the form does not show, it is sent again; else nothing comes back, and what was
 * looked up is to be decided on.
 */
export async function sendEdit<Form extends object, T>(begun: Kept<Form>, send: (version: number) => Promise<T>, look: () => Promise<Kept<Form>>): Promise<T | undefined> {
  try {
    return await send(begun.version);
  } catch (error) {
    if (!(error instanceof ApiProblem) || error.code !== "changed") throw error;
    const now = await look();
    return differing(begun.form, now.form).length === 0 ? send(now.version) : undefined;
  }
}

/** How the form stands once something newer is kept: undefined as long as there is something to decide. */
export function rebegun<Form extends object>(begun: Kept<Form>, form: Form, kept: Kept<Form>): Form | undefined {
  const touched = differing(begun.form, form).length > 0;
  return touched && differing(begun.form, kept.form).length > 0 ? undefined : over(begun.form, form, kept.form);
}

/**
 * A form of what is kept. Without input it follows what is kept; with input it stays, and
 * whoever has entered it decides when somebody else has saved something.
 */
export function useEditing<Form extends object>(kept: Kept<Form>): Editing<Form> {
  const [begun, setBegun] = useState(kept);
  const [form, setForm] = useState(kept.form);
  const newer = kept.version > begun.version;
  const follow = newer ? rebegun(begun, form, kept) : undefined;
  const begin = (from: Kept<Form>, input: Form) => {
    setBegun(from);
    setForm(input);
  };
  if (follow) begin(kept, follow);
  return {
    form,
    set: (changes) => setForm((was) => ({ ...was, ...changes })),
    begun,
    dirty: differing(begun.form, form).length > 0,
    theirs: newer && !follow ? differing(begun.form, kept.form) : [],
    keepMine: () => begin(kept, over(begun.form, form, kept.form)),
    takeTheirs: () => begin(kept, kept.form),
    saved: (now) => begin(now, now.form),
  };
}
