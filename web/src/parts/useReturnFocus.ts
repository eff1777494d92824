import { useEffect, useRef } from "react";

/** What had the focus before each dialog that is open now, the nearest first. */
const standing = new Set<(Element | null)[]>();

/** What has the focus; since the items of a menu go with it, the button that it belongs to; and the dialog that is open, where a click may have taken the focus out of it. */
function places(): (Element | null)[] {
  const focused = document.activeElement;
  const button = focused?.closest("[role=menu]")?.getAttribute("aria-labelledby");
  const dialogs = document.querySelectorAll("[role=dialog], [role=alertdialog]");
  return [focused, button ? document.getElementById(button) : null, dialogs.item(dialogs.length - 1)];
}

/**
 * Gives the focus back to what had it before a dialog was opened, if nothing else has it by
 * then. Where that has gone, as the button of a dialog that this one took the place of,
 * what had the focus before that dialog gets it.
 */
export function useReturnFocus(open: boolean): void {
  const before = useRef<(Element | null)[]>([]);
  const was = useRef(false);
  // While it is rendered the dialog has not taken the focus yet.
  if (open && !was.current) before.current = [...places(), ...[...standing].reverse().flat()];
  was.current = open;
  useEffect(() => {
    if (!open) return;
    const chain = before.current;
    standing.add(chain);
    return () => {
      standing.delete(chain);
      // The dialog goes away over a few frames.
      const wait = (frames: number) =>
        requestAnimationFrame(() => {
          // A dialog that took the place of this one has the focus, wherever somebody clicks:
          // its chain is longer, since it holds this one.
          if ([...standing].some((other) => other.length > chain.length)) return;
          const nowhere = document.activeElement === null || document.activeElement === document.body;
          const back = chain.find((e) => e instanceof HTMLElement && e !== document.body && e.isConnected);
          if (nowhere && back instanceof HTMLElement) back.focus();
          else if (frames > 0) wait(frames - 1);
        });
      wait(30);
    };
  }, [open]);
}
