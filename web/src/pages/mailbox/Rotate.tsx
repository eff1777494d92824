import { Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, Field, Input, makeStyles, Spinner, tokens } from "@fluentui/react-components";
import { useEffect, useState, type FormEvent } from "react";
import { api, ask, type Schema } from "../../api/client";
import { problemOf } from "../../api/problem";
import { Problem } from "../../parts/Problem";
import { Said } from "../../parts/Said";
import { useToasts } from "../../parts/Toasts";
import { useReturnFocus } from "../../parts/useReturnFocus";

const useStyles = makeStyles({ content: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM } });

/** Takes new passwords of a mailbox, of those sides that it signs in to with one of its own. */
export function Rotate({ mailbox, open, onClose, onDone }: { mailbox: Schema<"Mailbox">; open: boolean; onClose(): void; onDone(): void }) {
  useReturnFocus(open);
  const styles = useStyles();
  const toasts = useToasts();
  const [source, setSource] = useState("");
  const [target, setTarget] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const clear = () => {
    setSource("");
    setTarget("");
    setError(undefined);
  };
  // Passwords do not stay in the page longer than the dialog.
  useEffect(clear, [open]);
  const sides = mailbox.passwords ?? [];
  const problem = error === undefined ? undefined : problemOf(error);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy || (source === "" && target === "")) return;
    setBusy(true);
    setError(undefined);
    try {
      await ask(
        api.PUT("/batches/{batch}/mailboxes/{address}/passwords", {
          params: { path: { batch: mailbox.batch, address: mailbox.address } },
          body: { ...(source ? { sourcePassword: source } : {}), ...(target ? { targetPassword: target } : {}) },
        }),
      );
      toasts.done("The new passwords are in use from the next pass on.");
      onDone();
      onClose();
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog open={open} onOpenChange={(_, d) => !d.open && !busy && onClose()}>
      <DialogSurface>
        <form onSubmit={submit} autoComplete="off">
          <DialogBody>
            <DialogTitle>Rotate the passwords</DialogTitle>
            <DialogContent className={styles.content}>
              <p>
                New passwords for <Said text={mailbox.address} />. What is left empty stays as it is. They are not changed at the servers.
              </p>
              {sides.includes("source") && (
                <Field label="Password at the source" validationMessage={problem?.field("sourcePassword")}>
                  <Input type="password" value={source} onChange={(_, d) => setSource(d.value)} autoComplete="off" />
                </Field>
              )}
              {sides.includes("target") && (
                <Field label="Password at the target" validationMessage={problem?.field("targetPassword")}>
                  <Input type="password" value={target} onChange={(_, d) => setTarget(d.value)} autoComplete="off" />
                </Field>
              )}
              <Problem error={error} shownFields={sides.map((s) => `${s}Password`)} />
            </DialogContent>
            <DialogActions>
              <Button type="button" onClick={onClose} disabled={busy}>
                Cancel
              </Button>
              <Button type="submit" appearance="primary" disabledFocusable={busy || (source === "" && target === "")} icon={busy ? <Spinner size="tiny" /> : undefined}>
                Rotate
              </Button>
            </DialogActions>
          </DialogBody>
        </form>
      </DialogSurface>
    </Dialog>
  );
}
