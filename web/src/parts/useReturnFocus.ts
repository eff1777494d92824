import { useEffect, useRef } from "react";

/** Gives the focus back to what had it before a dialog was opened, if nothing else has it by then. */
export function useReturnFocus(open: boolean): void {
  const before = useRef<Element | null>(null);
  const was = useRef(false);
  // While it is rendered the dialog has not taken the focus yet.
  if (open && !was.current) before.current = document.activeElement;
  was.current = open;
  useEffect(() => {
    if (!open) return;
    return () => {
      const back = before.current;
      // The dialog goes away over a few frames.
      const wait = (frames: number) =>
        requestAnimationFrame(() => {
          const nowhere = document.activeElement === null || document.activeElement === document.body;
          if (nowhere && back instanceof HTMLElement && back.isConnected) back.focus();
          else if (frames > 0) wait(frames - 1);
        });
      wait(30);
    };
  }, [open]);
}
