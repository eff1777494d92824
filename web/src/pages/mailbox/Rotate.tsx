import { Field, Input } from "@fluentui/react-components";
import { useEffect, useState } from "react";
import { api, ask, type Schema } from "../../api/client";
import { FormDialog } from "../../parts/FormDialog";
import { Said } from "../../parts/Said";
import { useToasts } from "../../parts/Toasts";

/** Takes new passwords of a mailbox, of those sides that it signs in to with one of its own. */
export function Rotate({ mailbox, open, onClose, onDone }: { mailbox: Schema<"Mailbox">; open: boolean; onClose(): void; onDone(): void }) {
  const toasts = useToasts();
  const [source, setSource] = useState("");
  const [target, setTarget] = useState("");
  // Passwords do not stay in the page longer than the dialog.
  useEffect(() => {
    setSource("");
    setTarget("");
  }, [open]);
  const sides = mailbox.passwords ?? [];
  const { batch, address } = mailbox;
  return (
    <FormDialog
      open={open}
      onClose={onClose}
      title="Rotate the passwords"
      action="Rotate"
      ready={source !== "" || target !== ""}
      shownFields={sides.map((s) => `${s}Password`)}
      onSubmit={async () => {
        const body = { ...(source ? { sourcePassword: source } : {}), ...(target ? { targetPassword: target } : {}) };
        await ask(api.PUT("/batches/{batch}/mailboxes/{address}/passwords", { params: { path: { batch, address } }, body }));
        toasts.done("The new passwords are in use from the next pass on.");
        onDone();
      }}
    >
      {(problem) => (
        <>
          <p>
            New passwords for <Said text={address} />. What is left empty stays as it is. They are not changed at the servers.
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
        </>
      )}
    </FormDialog>
  );
}
