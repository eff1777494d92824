import { useCallback, useEffect, useRef } from "react";
import { flushSync } from "react-dom";

/**
 * Does something that may move what is on the page, such as taking over a field that was
 * left: at once, or when a press of the pointer is over. A button that is pressed must not
 * go away from under the pointer, and its handler finds what was done.
 */
export function useAfterClick(): (act: () => void) => void {
  const pressed = useRef(false);
  useEffect(() => {
    const down = () => (pressed.current = true);
    const up = () => (pressed.current = false);
    window.addEventListener("pointerdown", down, true);
    window.addEventListener("pointerup", up, true);
    window.addEventListener("pointercancel", up, true);
    return () => {
      window.removeEventListener("pointerdown", down, true);
      window.removeEventListener("pointerup", up, true);
      window.removeEventListener("pointercancel", up, true);
    };
  }, []);
  return useCallback((act) => {
    if (!pressed.current) return act();
    const ended = new AbortController();
    const once = () => {
      ended.abort();
      flushSync(act);
    };
    // The click comes after the pointer is up, where there is one.
    window.addEventListener("click", once, { capture: true, signal: ended.signal });
    const late = () => setTimeout(() => !ended.signal.aborted && once());
    window.addEventListener("pointerup", late, { signal: ended.signal });
    window.addEventListener("pointercancel", late, { signal: ended.signal });
  }, []);
}
