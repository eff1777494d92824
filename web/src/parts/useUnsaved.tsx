import { Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle } from "@fluentui/react-components";
import { useCallback, useEffect, useRef, type ReactNode } from "react";
import { useBlocker } from "react-router";

let unsaved = 0;

/** Whether any form of the page holds what was not saved. */
export function anyUnsaved(): boolean {
  return unsaved > 0;
}

export interface Unsaved {
  /** To be rendered somewhere in the page: the question. */
  dialog: ReactNode;
  /** From here on leaving is fine: to be called before navigating after saving. */
  forget(): void;
}

/** Asks before a page is left whose input would be lost. Another place within the same path is fine. */
export function useUnsaved(dirty: boolean): Unsaved {
  const forgotten = useRef(false);
  const held = useRef(dirty);
  held.current = dirty && !forgotten.current;
  const blocker = useBlocker(useCallback(({ currentLocation, nextLocation }: { currentLocation: { pathname: string }; nextLocation: { pathname: string } }) => held.current && currentLocation.pathname !== nextLocation.pathname, []));
  useEffect(() => {
    if (!dirty) return;
    unsaved++;
    const ask = (event: BeforeUnloadEvent) => held.current && event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => {
      unsaved--;
      window.removeEventListener("beforeunload", ask);
    };
  }, [dirty]);
  useEffect(() => {
    if (!dirty) forgotten.current = false;
  }, [dirty]);
  const stay = () => blocker.state === "blocked" && blocker.reset();
  const dialog = (
    <Dialog open={blocker.state === "blocked"} onOpenChange={(_, data) => !data.open && stay()} modalType="alert">
      <DialogSurface>
        <DialogBody>
          <DialogTitle>Leave without saving?</DialogTitle>
          <DialogContent>What you have entered on this page is not saved, and is lost when you leave it.</DialogContent>
          <DialogActions>
            <Button onClick={() => blocker.state === "blocked" && blocker.proceed()}>Leave</Button>
            <Button appearance="primary" onClick={stay}>
              Stay
            </Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
  return {
    dialog,
    forget: () => {
      forgotten.current = true;
      held.current = false;
    },
  };
}
