import { Button, Field, Input } from "@fluentui/react-components";
import { useState } from "react";
import { useNavigate } from "react-router";
import { api, ask } from "../../api/client";
import { meQuery, queries } from "../../api/queries";
import { Card } from "../../parts/Card";
import { FormDialog } from "../../parts/FormDialog";
import { PasswordFields, passwordTrouble } from "../../parts/PasswordFields";
import { useToasts } from "../../parts/Toasts";
import { forgetUnsaved } from "../../parts/useUnsaved";

/** One's own password. */
export function PasswordCard() {
  const toasts = useToasts();
  const navigate = useNavigate();
  const [open, setOpen] = useState(false);
  const [old, setOld] = useState("");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const begin = () => {
    setOld("");
    setPassword("");
    setAgain("");
    setOpen(true);
  };
  return (
    <Card title="Password" intro="A new password ends all your sessions, this one too, and revokes all your API tokens." actions={<Button onClick={begin}>Change password</Button>}>
      <FormDialog
        open={open}
        onClose={() => setOpen(false)}
        title="Change your password"
        action="Change"
        ready={old !== "" && passwordTrouble(password, again) === undefined}
        shownFields={["oldPassword", "old", "new", "password"]}
        onSubmit={async () => {
          await ask(api.PUT("/session/password", { body: { old, new: password } }));
          toasts.done("Your password was changed.", "Sign in with the new one.");
          setOpen(false);
          forgetUnsaved();
          void navigate("/sign-in?next=%2Faccount", { replace: true });
          queries.setQueryData(meQuery.queryKey, null);
        }}
      >
        {(problem) => (
          <>
            <Field label="Old password" required validationMessage={problem?.field("oldPassword") ?? problem?.field("old")}>
              <Input type="password" value={old} onChange={(_, data) => setOld(data.value)} autoComplete="current-password" />
            </Field>
            <PasswordFields label="New password" password={password} again={again} onPassword={setPassword} onAgain={setAgain} problem={problem?.field("new") ?? problem?.field("password")} />
          </>
        )}
      </FormDialog>
    </Card>
  );
}
