import { Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle } from "@fluentui/react-components";
import { useCallback } from "react";
import { useBlocker } from "react-router";
import { useReturnFocus } from "../parts/useReturnFocus";
import { anyUnsaved } from "../parts/useUnsaved";

export interface LeaveDialogProps {
  open: boolean;
  onStay(): void;
  onLeave(): void;
}

/** Asks before what was entered on the page is given up. */
export function LeaveDialog({ open, onStay, onLeave }: LeaveDialogProps) {
  useReturnFocus(open);
  return (
    <Dialog open={open} onOpenChange={(_, data) => !data.open && onStay()} modalType="alert">
      <DialogSurface>
        <DialogBody>
          <DialogTitle>Leave without saving?</DialogTitle>
          <DialogContent>What you have entered on this page is not saved, and is lost when you leave it.</DialogContent>
          <DialogActions>
            <Button onClick={onLeave}>Leave</Button>
            <Button appearance="primary" onClick={onStay}>
              Stay
            </Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}

/** Asks before another page takes the place of one that holds input. Another place within the same path is fine. There is one for all pages: the router asks only one. */
export function Leaving() {
  const blocker = useBlocker(useCallback(({ currentLocation: from, nextLocation: to }: { currentLocation: { pathname: string }; nextLocation: { pathname: string } }) => anyUnsaved() && from.pathname !== to.pathname, []));
  return <LeaveDialog open={blocker.state === "blocked"} onStay={() => blocker.state === "blocked" && blocker.reset()} onLeave={() => blocker.state === "blocked" && blocker.proceed()} />;
}
