import { Checkbox, Field, Input } from "@fluentui/react-components";
import { useState } from "react";
import { api, ask, ifMatch, type Schema } from "../../api/client";
import { FormDialog } from "../../parts/FormDialog";
import { PasswordFields, passwordTrouble } from "../../parts/PasswordFields";
import { useToasts } from "../../parts/Toasts";
import type { Operator } from "../Operators";
import { RoleField } from "./RoleField";

export function EditOperator({ operator, onClose, onDone }: { operator: Operator; onClose(): void; onDone(): void }) {
  const toasts = useToasts();
  const [email, setEmail] = useState(operator.email ?? "");
  const [role, setRole] = useState(operator.role);
  const [disabled, setDisabled] = useState(operator.disabled);
  const [reset, setReset] = useState(false);
  const [anew, setAnew] = useState(false);
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const patch: Schema<"OperatorPatch"> = {
    ...(email.trim() !== (operator.email ?? "") ? { email: email.trim() } : {}),
    ...(role !== operator.role ? { role } : {}),
    ...(disabled !== operator.disabled ? { disabled } : {}),
    ...(anew ? { password } : {}),
    ...(reset ? { resetTotp: true } : {}),
  };
  return (
    <FormDialog
      open
      onClose={onClose}
      title={`Edit ${operator.name}`}
      action="Save"
      ready={Object.keys(patch).length > 0 && (!anew || passwordTrouble(password, again) === undefined)}
      shownFields={["email", "role", "password"]}
      onSubmit={async () => {
        try {
          await ask(api.PATCH("/operators/{operator}", { params: { path: { operator: operator.name }, header: ifMatch(operator.version) }, body: patch }));
          toasts.done(`${operator.name} was changed.`);
        } finally {
          onDone();
        }
      }}
    >
      {(problem) => (
        <>
          <Field label="Email address" hint="Where reports of their batches go" validationMessage={problem?.field("email")}>
            <Input type="email" value={email} onChange={(_, data) => setEmail(data.value)} autoComplete="off" />
          </Field>
          <RoleField role={role} onRole={setRole} problem={problem?.field("role")} />
          <Checkbox label="Disabled: may not sign in, and their tokens are revoked" checked={disabled} onChange={(_, data) => setDisabled(data.checked === true)} />
          {operator.totp && <Checkbox label="Turn off their second factor, as when they have lost the device" checked={reset} onChange={(_, data) => setReset(data.checked === true)} />}
          <Checkbox label="Give a new password, which ends their sessions and tokens" checked={anew} onChange={(_, data) => setAnew(data.checked === true)} />
          {anew && <PasswordFields label="New password" password={password} again={again} onPassword={setPassword} onAgain={setAgain} problem={problem?.field("password")} />}
        </>
      )}
    </FormDialog>
  );
}
