import { useEffect, useMemo, useState, useSyncExternalStore } from "react";

/** The forms of the page that hold what was not saved. */
const holding = new Set<symbol>();
const listeners = new Set<() => void>();

/** Has the browser ask before the page is closed or loaded anew. */
const askFirst = (event: BeforeUnloadEvent) => event.preventDefault();

function tell(): void {
  if (holding.size > 0) window.addEventListener("beforeunload", askFirst);
  else window.removeEventListener("beforeunload", askFirst);
  listeners.forEach((listener) => listener());
}

function drop(form: symbol): void {
  if (holding.delete(form)) tell();
}

/** Whether any form of the page holds what was not saved. */
export function anyUnsaved(): boolean {
  return holding.size > 0;
}

/** Whether any form of the page holds what was not saved, as it changes. */
export function useAnyUnsaved(): boolean {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, anyUnsaved);
}

/** Gives up what the forms of the page hold, once whoever entered it has agreed. */
export function forgetUnsaved(): void {
  holding.clear();
  tell();
}

export interface Unsaved {
  /** From here on leaving is fine: to be called before navigating after saving. */
  forget(): void;
}

/** Says that a form holds input. It is asked for before the page is left or somebody signs out, and stays when the session ends. */
export function useUnsaved(dirty: boolean): Unsaved {
  const [form] = useState(() => Symbol("form"));
  useEffect(() => {
    if (!dirty) return;
    holding.add(form);
    tell();
    return () => drop(form);
  }, [dirty, form]);
  return useMemo(() => ({ forget: () => drop(form) }), [form]);
}
