import { Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, makeStyles, Spinner, tokens } from "@fluentui/react-components";
import { useEffect, useState, type FormEvent, type ReactNode } from "react";
import { problemOf, type ApiProblem } from "../api/problem";
import { Problem } from "./Problem";
import { useReturnFocus } from "./useReturnFocus";
import { useUnsaved } from "./useUnsaved";

const useStyles = makeStyles({ content: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM } });

export interface FormDialogProps {
  open: boolean;
  onClose(): void;
  title: string;
  /** The word on the button that sends. */
  action?: string;
  /** Nothing can be sent as long as it is false. */
  ready?: boolean;
  /** Does it. The dialog closes when it has gone well, unless it says to stay. Without it the dialog only shows something. */
  onSubmit?(): Promise<"stay" | unknown>;
  /** Fields that show themselves what is wrong with them. */
  shownFields?: string[];
  /** The fields, with what the server says is wrong. */
  children: ReactNode | ((problem: ApiProblem | undefined) => ReactNode);
}

/** A dialog with a form, which stays with what was entered when the server refuses it, when somebody clicks beside it and when the session ends. */
export function FormDialog({ open, onClose, title, action, ready = true, onSubmit, shownFields, children }: FormDialogProps) {
  useReturnFocus(open);
  const styles = useStyles();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [touched, setTouched] = useState(false);
  useUnsaved(open && touched);
  useEffect(() => {
    setError(undefined);
    setTouched(false);
  }, [open]);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    event.stopPropagation();
    if (!onSubmit) return onClose();
    if (busy || !ready) return;
    setBusy(true);
    setError(undefined);
    try {
      if ((await onSubmit()) !== "stay") onClose();
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog open={open} onOpenChange={(_, data) => !data.open && !busy && onClose()} modalType="alert">
      <DialogSurface>
        <form onSubmit={submit} onInput={() => setTouched(true)}>
          <DialogBody>
            <DialogTitle>{title}</DialogTitle>
            <DialogContent className={styles.content}>
              {typeof children === "function" ? children(error === undefined ? undefined : problemOf(error)) : children}
              <Problem error={error} shownFields={shownFields} />
            </DialogContent>
            <DialogActions>
              {onSubmit && (
                <Button onClick={onClose} disabled={busy}>
                  Cancel
                </Button>
              )}
              <Button type="submit" appearance="primary" disabledFocusable={busy || !ready} icon={busy ? <Spinner size="tiny" /> : undefined}>
                {onSubmit ? action : "Close"}
              </Button>
            </DialogActions>
          </DialogBody>
        </form>
      </DialogSurface>
    </Dialog>
  );
}
