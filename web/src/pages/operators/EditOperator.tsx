import { Checkbox, Field, Input } from "@fluentui/react-components";
import { useState } from "react";
import { api, ask, ifMatch, type Schema } from "../../api/client";
import { ChangedByOthers } from "../../parts/ChangedByOthers";
import { sendEdit, useEditing } from "../../parts/editing";
import { FormDialog } from "../../parts/FormDialog";
import { PasswordFields, passwordTrouble } from "../../parts/PasswordFields";
import { useToasts } from "../../parts/Toasts";
import type { Operator } from "../Operators";
import { RoleField } from "./RoleField";

const names = { email: "the email address", role: "the role", disabled: "whether they may sign in" };

/** What can be changed of an operator, as the form has it; secrets are not part of it. */
function keptOf({ email = "", role, disabled, version }: Schema<"Operator">) {
  return { form: { email, role, disabled }, version };
}

export function EditOperator({ operator: opened, onClose, onDone }: { operator: Operator; onClose(): void; onDone(): void }) {
  const toasts = useToasts();
  const [operator, setOperator] = useState<Operator>(opened);
  const { form, set, begun, theirs, keepMine, takeTheirs } = useEditing(keptOf(operator));
  const [reset, setReset] = useState(false);
  const [anew, setAnew] = useState(false);
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const { email, role, disabled } = begun.form;
  const patch: Schema<"OperatorPatch"> = {
    ...(form.email.trim() !== email ? { email: form.email.trim() } : {}),
    ...(form.role !== role ? { role: form.role } : {}),
    ...(form.disabled !== disabled ? { disabled: form.disabled } : {}),
    ...(anew ? { password } : {}),
    ...(reset ? { resetTotp: true } : {}),
  };
  const path = { operator: operator.name };
  const look = async () => {
    const now: Operator = await ask(api.GET("/operators/{operator}", { params: { path } }));
    setOperator(now);
    return keptOf(now);
  };
  return (
    <FormDialog
      open
      onClose={onClose}
      title={`Edit ${operator.name}`}
      action="Save"
      ready={theirs.length === 0 && Object.keys(patch).length > 0 && (!anew || passwordTrouble(password, again) === undefined)}
      shownFields={["email", "role", "password"]}
      onSubmit={async () => {
        try {
          const saved = await sendEdit(begun, (version) => ask(api.PATCH("/operators/{operator}", { params: { path, header: ifMatch(version) }, body: patch })), look);
          if (!saved) return "stay";
          toasts.done(`${operator.name} was changed.`);
        } finally {
          onDone();
        }
      }}
    >
      {(problem) => (
        <>
          <ChangedByOthers what={theirs.map((key) => names[key])} onKeepMine={keepMine} onTakeTheirs={takeTheirs} />
          <Field label="Email address" hint="Where reports of their batches go" validationMessage={problem?.field("email")}>
            <Input type="email" value={form.email} onChange={(_, data) => set({ email: data.value })} autoComplete="off" />
          </Field>
          <RoleField role={form.role} onRole={(to) => set({ role: to })} problem={problem?.field("role")} />
          <Checkbox label="Disabled: may not sign in, and their tokens are revoked" checked={form.disabled} onChange={(_, data) => set({ disabled: data.checked === true })} />
          {operator.totp && <Checkbox label="Turn off their second factor, as when they have lost the device" checked={reset} onChange={(_, data) => setReset(data.checked === true)} />}
          <Checkbox label="Give a new password, which ends their sessions and tokens" checked={anew} onChange={(_, data) => setAnew(data.checked === true)} />
          {anew && <PasswordFields label="New password" password={password} again={again} onPassword={setPassword} onAgain={setAgain} problem={problem?.field("password")} />}
        </>
      )}
    </FormDialog>
  );
}
