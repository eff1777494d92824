import { Button, Field, Input, makeStyles, Spinner, tokens } from "@fluentui/react-components";
import { PlugConnectedRegular } from "@fluentui/react-icons";
import { useEffect, useState } from "react";
import { api, ask, type Schema } from "../../api/client";
import { problemOf } from "../../api/problem";
import { DimmedButton, useRoleReason } from "../../parts/DimmedButton";
import { Problem } from "../../parts/Problem";
import { ProbeResult } from "./ProbeResult";
import { hasAdmin } from "./form";

const useStyles = makeStyles({
  box: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM },
  row: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalM, alignItems: "flex-end" },
  field: { flex: "1 1 200px", minWidth: 0 },
});

export interface TestPanelProps {
  /** How mailboxes are signed in to, which says whether a password is asked for. */
  login: string;
  /** What is tested; undefined while that cannot be said yet, with why. */
  test(user: string, password: string): Schema<"TestSpec">;
  reason?: string;
  onDone?(probe: Schema<"Probe">): void;
  /** What the server says of the fields of a form is shown there. */
  onProblem?(error: unknown): void;
  shownFields?: string[];
  /** Something else is tried: a result of before goes away when this changes. */
  turn?: number;
  /** Takes the key of a server over whose certificate nobody vouches. */
  onTrust?(pin: string): void;
}

/** Tests an endpoint, with a mailbox's sign-in where one is given. */
export function TestPanel({ login, test, reason, onDone, onProblem, shownFields, turn, onTrust }: TestPanelProps) {
  const styles = useStyles();
  const role = useRoleReason("admin");
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [probe, setProbe] = useState<Schema<"Probe">>();
  const [error, setError] = useState<unknown>();
  const problem = error === undefined ? undefined : problemOf(error);
  useEffect(() => {
    setProbe(undefined);
    setError(undefined);
  }, [turn]);
  const run = async () => {
    if (busy) return;
    setBusy(true);
    setError(undefined);
    setProbe(undefined);
    onProblem?.(undefined);
    try {
      const answer = await ask(api.POST("/endpoint-tests", { body: test(user, password) }));
      setProbe(answer);
      onDone?.(answer);
    } catch (e) {
      setError(e);
      onProblem?.(e);
    } finally {
      setBusy(false);
    }
  };
  const admin = hasAdmin(login);
  return (
    <div className={styles.box}>
      <div className={styles.row}>
        <Field className={styles.field} label="Mailbox to sign in to" hint={admin ? "A user name; without one the administrator is signed in as himself, where that can be" : "A user name; without one nobody is signed in"} validationMessage={problem?.field("user")}>
          <Input value={user} onChange={(_, data) => setUser(data.value)} autoComplete="off" spellCheck={false} autoCapitalize="off" />
        </Field>
        {!admin && (
          <Field className={styles.field} label="Its password" hint="For this test only" validationMessage={problem?.field("password")}>
            <Input type="password" value={password} onChange={(_, data) => setPassword(data.value)} autoComplete="new-password" />
          </Field>
        )}
      </div>
      <div>
        <DimmedButton reason={role ?? reason} onClick={() => void run()} icon={busy ? <Spinner size="tiny" /> : <PlugConnectedRegular />}>
          {busy ? "Testing…" : "Test"}
        </DimmedButton>
        {probe && !busy && (
          <Button appearance="subtle" onClick={() => setProbe(undefined)}>
            Hide the result
          </Button>
        )}
      </div>
      <div aria-live="polite">{probe && <ProbeResult probe={probe} onTrust={onTrust} />}</div>
      <Problem error={error} title="The test could not be made" shownFields={["user", "password", ...(shownFields ?? [])]} />
    </div>
  );
}
