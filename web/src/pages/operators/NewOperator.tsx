import { Field, Input } from "@fluentui/react-components";
import { useEffect, useRef, useState } from "react";
import { api, ask, CreationKeys } from "../../api/client";
import type { Role } from "../../api/queries";
import { FormDialog } from "../../parts/FormDialog";
import { PasswordFields, passwordTrouble } from "../../parts/PasswordFields";
import { useToasts } from "../../parts/Toasts";
import { RoleField } from "./RoleField";

export function NewOperator({ open, onClose, onDone }: { open: boolean; onClose(): void; onDone(): void }) {
  const toasts = useToasts();
  const keys = useRef(new CreationKeys());
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  useEffect(() => {
    if (!open) return;
    setName("");
    setEmail("");
    setRole("viewer");
    setPassword("");
    setAgain("");
  }, [open]);
  return (
    <FormDialog
      open={open}
      onClose={onClose}
      title="New operator"
      action="Create"
      ready={name.trim() !== "" && passwordTrouble(password, again) === undefined}
      shownFields={["name", "email", "role", "password"]}
      onSubmit={async () => {
        const body = { name: name.trim(), role, password, ...(email.trim() ? { email: email.trim() } : {}) };
        await ask(api.POST("/operators", { body, headers: keys.current.headers(body) }));
        toasts.done(`${body.name} may sign in now.`);
        onDone();
      }}
    >
      {(problem) => (
        <>
          <Field label="Name" hint="They sign in with it" required validationMessage={problem?.field("name")}>
            <Input value={name} onChange={(_, data) => setName(data.value)} autoComplete="off" autoCapitalize="off" spellCheck={false} />
          </Field>
          <Field label="Email address" hint="Where reports of their batches go" validationMessage={problem?.field("email")}>
            <Input type="email" value={email} onChange={(_, data) => setEmail(data.value)} autoComplete="off" />
          </Field>
          <RoleField role={role} onRole={setRole} problem={problem?.field("role")} />
          <PasswordFields password={password} again={again} onPassword={setPassword} onAgain={setAgain} problem={problem?.field("password")} />
        </>
      )}
    </FormDialog>
  );
}
