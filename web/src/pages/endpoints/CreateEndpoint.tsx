import { Button, Checkbox, makeStyles, Spinner, Subtitle2, tokens } from "@fluentui/react-components";
import { useRef, useState, type ReactNode } from "react";
import { api, ask, CreationKeys } from "../../api/client";
import { endpointsQuery, queries } from "../../api/queries";
import { problemOf } from "../../api/problem";
import { DimmedButton, useRoleReason } from "../../parts/DimmedButton";
import { Problem } from "../../parts/Problem";
import { EndpointForm, shownFields } from "./EndpointForm";
import { specOf, testOf, troubles, type Endpoint, type Form } from "./form";
import { pinIn } from "./pin";
import { told } from "../newbatch/told";
import { TestPanel } from "./TestPanel";

const untested = "Correct what is marked, or tick “Create it although it was not tested”.";

const useStyles = makeStyles({
  box: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalL },
  actions: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS },
  test: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM, padding: tokens.spacingHorizontalM, borderRadius: tokens.borderRadiusMedium, backgroundColor: tokens.colorNeutralBackground2 },
});

export interface CreateEndpointProps {
  form: Form;
  onChange(changes: Partial<Form>): void;
  onCreated(endpoint: Endpoint): void;
  onCancel?(): void;
  cancel?: ReactNode;
}

/** A new endpoint: its fields, a test of them in place, and its creation. */
export function CreateEndpoint({ form, onChange, onCreated, onCancel, cancel = "Cancel" }: CreateEndpointProps) {
  const styles = useStyles();
  const role = useRoleReason("admin");
  const keys = useRef(new CreationKeys());
  const [skip, setSkip] = useState(false);
  const [strict, setStrict] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [refused, setRefused] = useState<unknown>();
  const [turn, setTurn] = useState(0);
  const said = error ?? refused;
  const wrong = Object.entries(troubles(form));
  const create = async () => {
    setStrict(true);
    setTurn((n) => n + 1);
    if (busy || wrong.length > 0) return;
    setBusy(true);
    setError(undefined);
    setRefused(undefined);
    try {
      const body = specOf(form);
      const made = await ask(api.POST("/endpoints", { params: { query: skip ? { skipVerification: true } : {} }, body, headers: keys.current.headers([body, skip]) }));
      void queries.invalidateQueries({ queryKey: endpointsQuery.queryKey });
      onCreated(made);
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  const problem = said === undefined ? undefined : problemOf(said);
  // What a test of the creation found goes by steps, and belongs to no field.
  const byStep = problem?.code === "endpoint-test-failed" || problem?.code === "sign-in-refused";
  // Another key than the pinned one is no matter for one click.
  const trust =
    form.pin.trim() === ""
      ? (key: string) => {
          onChange({ pin: key });
          setError(undefined);
          setTurn((n) => n + 1);
        }
      : undefined;
  const shown = problem?.fields.find((f) => f.name === "tls");
  const pin = error !== undefined && shown ? pinIn(shown.detail) : undefined;
  return (
    <div className={styles.box}>
      <EndpointForm form={form} onChange={onChange} problem={byStep ? undefined : problem} strict={strict} />
      <section className={styles.test} aria-label="Test">
        <Subtitle2 as="h3">Test it before it is made</Subtitle2>
        <TestPanel
          login={form.login}
          test={(user, password) => testOf(form, user, password)}
          reason={form.type === "imap" && form.host.trim() === "" ? "Enter the host first." : undefined}
          onProblem={(e) => {
            setRefused(e);
            setError(undefined);
          }}
          turn={turn}
          onTrust={trust}
          shownFields={shownFields}
        />
      </section>
      <Checkbox checked={skip} onChange={(_, data) => setSkip(data.checked === true)} label="Create it although it was not tested" />
      {strict && wrong.length > 0 && <Problem error={told("Something is missing or wrong; it is told at the fields.")} />}
      <Problem error={error} title="The endpoint was not created" remedy={byStep ? untested : undefined} shownFields={byStep ? [] : shownFields} />
      {pin && trust && (
        <div>
          <Button onClick={() => trust(pin)}>Trust this key</Button>
        </div>
      )}
      <div className={styles.actions}>
        <DimmedButton appearance="primary" reason={role} onClick={() => void create()} icon={busy ? <Spinner size="tiny" /> : undefined}>
          {busy ? (skip ? "Creating…" : "Testing and creating…") : skip ? "Create without a test" : "Test and create"}
        </DimmedButton>
        {onCancel && <Button onClick={onCancel}>{cancel}</Button>}
      </div>
    </div>
  );
}
