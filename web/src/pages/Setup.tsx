import { Button, Field, Input, makeStyles, Spinner, tokens } from "@fluentui/react-components";
import { useState, type FormEvent } from "react";
import { useNavigate } from "react-router";
import { api, ask } from "../api/client";
import { meQuery, queries } from "../api/queries";
import { problemOf } from "../api/problem";
import { To } from "../parts/Link";
import { PasswordFields, passwordTrouble } from "../parts/PasswordFields";
import { Problem } from "../parts/Problem";
import { Alone } from "../shell/Alone";

const useStyles = makeStyles({ form: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM } });

export default function Setup() {
  const styles = useStyles();
  const navigate = useNavigate();
  const [token, setToken] = useState("");
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const problem = error === undefined ? undefined : problemOf(error);
  const trouble = passwordTrouble(password, again);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy || trouble) return;
    setBusy(true);
    setError(undefined);
    try {
      await ask(api.POST("/setup", { body: { token: token.trim(), operator: { name, password, role: "admin", ...(email ? { email } : {}) } } }));
      await queries.fetchQuery({ ...meQuery, staleTime: 0 });
      queries.removeQueries({ queryKey: ["setup"] });
      void navigate("/", { replace: true });
    } catch (e) {
      setError(e);
      setBusy(false);
    }
  };
  return (
    <Alone title="Set up this server">
      <p>The first operator is an admin, who makes all others. The server has printed a setup token when it first started; it is in its log.</p>
      <form className={styles.form} onSubmit={submit}>
        <Field label="Setup token" required validationMessage={problem?.field("token")}>
          <Input value={token} onChange={(_, data) => setToken(data.value)} autoComplete="off" spellCheck={false} autoFocus />
        </Field>
        <Field label="Your name" hint="You sign in with it" required validationMessage={problem?.field("name")}>
          <Input value={name} onChange={(_, data) => setName(data.value)} autoComplete="username" autoCapitalize="off" spellCheck={false} />
        </Field>
        <Field label="Email address" hint="Where reports of your batches go" validationMessage={problem?.field("email")}>
          <Input type="email" value={email} onChange={(_, data) => setEmail(data.value)} autoComplete="email" />
        </Field>
        <PasswordFields password={password} again={again} onPassword={setPassword} onAgain={setAgain} problem={problem?.field("password")} />
        <Problem error={error} shownFields={["token", "name", "email", "password"]} />
        <div>
          <Button type="submit" appearance="primary" disabledFocusable={busy || token === "" || name === "" || trouble !== undefined} icon={busy ? <Spinner size="tiny" /> : undefined}>
            Set up
          </Button>
        </div>
      </form>
      <p>
        Was it set up already? <To to="/sign-in">Sign in</To>
      </p>
    </Alone>
  );
}
