import { Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, Field, Input, makeStyles, Spinner, tokens } from "@fluentui/react-components";
import { useEffect, useState, type FormEvent, type ReactNode } from "react";
import { Problem } from "./Problem";
import { useReturnFocus } from "./useReturnFocus";
import { useUnsaved } from "./useUnsaved";

const useStyles = makeStyles({
  content: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM },
  danger: {
    backgroundColor: tokens.colorStatusDangerBackground3,
    color: tokens.colorNeutralForegroundOnBrand,
    ":hover": { backgroundColor: tokens.colorStatusDangerBackground3Hover, color: tokens.colorNeutralForegroundOnBrand },
  },
});

export interface ConfirmProps {
  open: boolean;
  onClose: () => void;
  title: string;
  /** What happens, and what does not. */
  children: ReactNode;
  /** What must be typed; without it the button is enough. */
  word?: string;
  /** The word on the button, such as "Delete". */
  action: string;
  danger?: boolean;
  /** False while something else is missing. */
  ready?: boolean;
  /** Does it. The dialog closes when it has gone well, and shows the problem when not. */
  onConfirm: () => Promise<unknown>;
}

/** Asks before something that is not easily undone, and has the name typed where much hangs on it. What was entered stays as in a `FormDialog`. */
export function ConfirmByTyping({ open, onClose, title, children, word, action, danger, ready: complete = true, onConfirm }: ConfirmProps) {
  useReturnFocus(open);
  const styles = useStyles();
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [touched, setTouched] = useState(false);
  useUnsaved(open && touched);
  useEffect(() => {
    setTyped("");
    setError(undefined);
    setTouched(false);
  }, [open]);
  const ready = complete && (word === undefined || typed.trim() === word);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!ready || busy) return;
    setBusy(true);
    setError(undefined);
    try {
      await onConfirm();
      onClose();
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog open={open} onOpenChange={(_, data) => !data.open && !busy && onClose()} modalType={danger || word !== undefined ? "alert" : "modal"}>
      <DialogSurface>
        <form onSubmit={submit} onInput={() => setTouched(true)}>
          <DialogBody>
            <DialogTitle>{title}</DialogTitle>
            <DialogContent className={styles.content}>
              {children}
              {word !== undefined && (
                <Field label={<>Type <b>{word}</b> to confirm</>}>
                  <Input value={typed} onChange={(_, data) => setTyped(data.value)} autoComplete="off" spellCheck={false} />
                </Field>
              )}
              <Problem error={error} />
            </DialogContent>
            <DialogActions>
              <Button type="button" onClick={onClose} disabled={busy}>
                Cancel
              </Button>
              <Button type="submit" appearance="primary" className={danger && ready && !busy ? styles.danger : undefined} disabled={!ready} disabledFocusable={busy} icon={busy ? <Spinner size="tiny" /> : undefined}>
                {action}
              </Button>
            </DialogActions>
          </DialogBody>
        </form>
      </DialogSurface>
    </Dialog>
  );
}
