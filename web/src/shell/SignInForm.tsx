import { Button, Field, Input, makeStyles, Spinner, Text, tokens } from "@fluentui/react-components";
import { useEffect, useRef, useState, type FormEvent } from "react";
import { api, ask } from "../api/client";
import { meQuery, queries } from "../api/queries";
import { ApiProblem } from "../api/problem";
import { Problem } from "../parts/Problem";
import { tellOtherTabs } from "./tabs";

const useStyles = makeStyles({
  form: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM },
  actions: { display: "flex", gap: tokens.spacingHorizontalS, flexWrap: "wrap" },
});

/** Name and password, then the code of the second factor where there is one. */
export function SignInForm({ name: known, onDone }: { name?: string; onDone: () => void }) {
  const styles = useStyles();
  const [name, setName] = useState(known ?? "");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [second, setSecond] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const codeField = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (second) codeField.current?.focus();
  }, [second]);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(undefined);
    try {
      const { operator } = await ask(api.POST("/session", { body: { name, password, ...(second ? { code: code.trim() } : {}) } }));
      if (operator.name !== known) queries.removeQueries({ predicate: (q) => q.queryKey[0] !== "me" });
      await queries.fetchQuery({ ...meQuery, staleTime: 0 });
      void queries.invalidateQueries();
      tellOtherTabs();
      onDone();
    } catch (e) {
      if (e instanceof ApiProblem && e.code === "totp-needed") setSecond(true);
      else setError(e);
      if (e instanceof ApiProblem && e.code === "wrong-code") {
        setCode("");
        codeField.current?.focus();
      }
      setBusy(false);
    }
  };
  const again = () => {
    setSecond(false);
    setCode("");
    setPassword("");
    setError(undefined);
  };
  return (
    <form className={styles.form} onSubmit={submit}>
      {second ? (
        <>
          <Text>
            Signing in as <b>{name}</b>. Open your authenticator app.
          </Text>
          <Field label="Code" hint="6 digits, or one of your recovery codes" required>
            <Input ref={codeField} value={code} onChange={(_, data) => setCode(data.value)} autoComplete="one-time-code" spellCheck={false} autoCapitalize="off" />
          </Field>
        </>
      ) : (
        <>
          <Field label="Name" required>
            <Input value={name} onChange={(_, data) => setName(data.value)} readOnly={known !== undefined} autoComplete="username" autoCapitalize="off" spellCheck={false} autoFocus={known === undefined} />
          </Field>
          <Field label="Password" required>
            <Input type="password" value={password} onChange={(_, data) => setPassword(data.value)} autoComplete="current-password" autoFocus={known !== undefined} />
          </Field>
        </>
      )}
      <Problem error={error} />
      <div className={styles.actions}>
        <Button type="submit" appearance="primary" disabledFocusable={busy || (second ? code.trim() === "" : name === "" || password === "")} icon={busy ? <Spinner size="tiny" /> : undefined}>
          Sign in
        </Button>
        {second && <Button onClick={again}>Back</Button>}
      </div>
    </form>
  );
}
