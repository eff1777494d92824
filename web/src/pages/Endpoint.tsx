import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Button, makeStyles, MessageBar, MessageBarBody, Spinner, tokens } from "@fluentui/react-components";
import { DeleteRegular, EditRegular } from "@fluentui/react-icons";
import { useEffect, useRef, useState, type ReactNode } from "react";
import { useNavigate, useParams } from "react-router";
import { api, ask, ifMatch } from "../api/client";
import { ApiProblem, problemOf } from "../api/problem";
import { endpointQuery, endpointsQuery } from "../api/queries";
import { Card } from "../parts/Card";
import { ConfirmByTyping } from "../parts/ConfirmByTyping";
import { DimmedButton, useRoleReason } from "../parts/DimmedButton";
import { over } from "../parts/editing";
import { To } from "../parts/Link";
import { Loading } from "../parts/Loading";
import { Problem } from "../parts/Problem";
import { Said } from "../parts/Said";
import { useToasts } from "../parts/Toasts";
import { forgetUnsaved, useUnsaved } from "../parts/useUnsaved";
import { When } from "../parts/When";
import { Page } from "../shell/Page";
import { CalibrationCard } from "./endpoints/CalibrationCard";
import { EndpointForm, shownFields } from "./endpoints/EndpointForm";
import { formOf, hasAdmin, loginText, movesSecrets, patchOf, securities, troubles, typeText, type Endpoint as EndpointType, type Form } from "./endpoints/form";
import { limitsText } from "./endpoints/limits";
import { TestPanel } from "./endpoints/TestPanel";

const editId = "edit-endpoint";

const useStyles = makeStyles({
  facts: { display: "grid", gridTemplateColumns: "minmax(120px, 220px) minmax(0, 1fr)", gap: `${tokens.spacingVerticalS} ${tokens.spacingHorizontalL}`, margin: 0 },
  term: { color: tokens.colorNeutralForeground2 },
  value: { margin: 0, overflowWrap: "anywhere" },
  actions: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS },
  list: { margin: 0, paddingLeft: tokens.spacingHorizontalL },
});

export default function Endpoint() {
  const name = useParams().endpoint ?? "";
  const { data, error, refetch } = useQuery(endpointQuery(name));
  if (!data) {
    return (
      <Page title={name} crumbs={[["/endpoints", "Endpoints"]]}>
        {error ? <Problem error={error} title="The endpoint could not be read" retry={() => void refetch()} /> : <Loading what="Loading the endpoint" />}
      </Page>
    );
  }
  return <Shown endpoint={data} />;
}

function Shown({ endpoint: e }: { endpoint: EndpointType }) {
  const styles = useStyles();
  const client = useQueryClient();
  const navigate = useNavigate();
  const toasts = useToasts();
  const admin = useRoleReason("admin");
  const [editing, setEditing] = useState(false);
  const [deleting, setDeleting] = useState(false);
  const batches = e.batches ?? [];
  const inUse = batches.length > 0 ? `It is used by ${batches.length === 1 ? `the batch ${batches[0]}` : `${batches.length} batches`}. Delete ${batches.length === 1 ? "it" : "them"} first.` : undefined;
  const refresh = () => {
    void client.invalidateQueries({ queryKey: endpointQuery(e.name).queryKey });
    void client.invalidateQueries({ queryKey: endpointsQuery.queryKey });
  };
  const done = () => {
    setEditing(false);
    requestAnimationFrame(() => document.getElementById(editId)?.focus());
  };
  return (
    <Page
      title={e.name}
      crumbs={[["/endpoints", "Endpoints"]]}
      actions={
        <>
          <DimmedButton id={editId} icon={<EditRegular />} reason={admin ?? (editing ? "It is being edited, below." : undefined)} onClick={() => setEditing(true)}>
            Edit
          </DimmedButton>
          <DimmedButton icon={<DeleteRegular />} reason={admin ?? inUse} onClick={() => setDeleting(true)}>
            Delete
          </DimmedButton>
        </>
      }
    >
      {hasAdmin(e.login) && !e.hasAdminPassword && (
        <MessageBar intent="error" layout="multiline">
          <MessageBarBody>Its secret is missing, or was given for another server, so that nobody can be signed in. Edit the endpoint and give it anew.</MessageBarBody>
        </MessageBar>
      )}
      {editing ? <Edit endpoint={e} onDone={done} refresh={refresh} /> : <Facts endpoint={e} />}
      <Card title="Test" intro="Goes step by step, and says at the first that fails what to do. A test that gets as far as the server's greeting renews the profile.">
        <TestPanel login={e.login} test={(user, password) => ({ name: e.name, ...(user.trim() === "" ? {} : { user: user.trim() }), ...(password === "" || hasAdmin(e.login) ? {} : { password }) })} onDone={refresh} />
      </Card>
      <Profile endpoint={e} />
      <CalibrationCard endpoint={e} onDone={refresh} />
      <Card title="Batches that use it">
        {batches.length === 0 ? (
          <p>None.</p>
        ) : (
          <ul className={styles.list}>
            {batches.map((b) => (
              <li key={b}>
                <To to={`/batches/${encodeURIComponent(b)}`}>{b}</To>
              </li>
            ))}
          </ul>
        )}
      </Card>
      <ConfirmByTyping
        open={deleting}
        onClose={() => setDeleting(false)}
        title={`Delete the endpoint ${e.name}?`}
        word={e.name}
        action="Delete"
        danger
        onConfirm={async () => {
          await ask(api.DELETE("/endpoints/{endpoint}", { params: { path: { endpoint: e.name } } }));
          void client.invalidateQueries({ queryKey: endpointsQuery.queryKey });
          toasts.done(`The endpoint ${e.name} was deleted`);
          forgetUnsaved();
          void navigate("/endpoints");
        }}
      >
        <p>Its address, limits, profile and secret are removed. Nothing changes on the server, and no mail is touched.</p>
      </ConfirmByTyping>
    </Page>
  );
}

function Facts({ endpoint: e }: { endpoint: EndpointType }) {
  const styles = useStyles();
  const rows: [string, ReactNode][] = [
    ["Type", typeText(e.type)],
    ["Server", <Said key="s" text={`${e.host}:${e.port}`} />],
    ["Security", securities[e.security] ?? e.security],
    ["Login form", loginText(e.login || "user")],
  ];
  const optional: [string, string | undefined][] = [
    ["Administrator", e.adminUser], ["Domain", e.domain], ["Separator", e.separator], ["Folders of a person", e.userRoot], ["Tenant", e.tenant], ["Application", e.clientId], ["Cloud", e.cloud], ["Authority", e.authority], ["Scope", e.scope], ["Pinned key", e.pin],
    ["Certificate authorities", e.ca ? "Its own, instead of the system's" : undefined], ["Lowest TLS version", e.minTls === "1.2" ? undefined : e.minTls],
  ];
  for (const [term, value] of optional) if (value) rows.push([term, <Said key={term} text={value} />]);
  if (e.secret) rows.push(["Secret", secretText(e)]);
  rows.push(["Limits", limitsText(e)]);
  const folders = Object.entries(e.defaultFolders ?? {});
  if (folders.length > 0) rows.push(["Default folders", <Said key="f" text={folders.map(([use, folder]) => `${use}: ${folder}`).join(", ")} />]);
  if (e.graphFolders) rows.push(["Microsoft Graph", "Is asked for the default folders of each mailbox"]);
  rows.push(["Created", <span key="c"><When at={e.created} absolute /> by {e.createdBy}</span>]);
  return (
    <Card title="Settings">
      <dl className={styles.facts}>
        {rows.map(([term, value]) => (
          <FactRow key={term} term={term} value={value} />
        ))}
      </dl>
    </Card>
  );
}

function FactRow({ term, value }: { term: string; value: ReactNode }) {
  const styles = useStyles();
  return (
    <>
      <dt className={styles.term}>{term}</dt>
      <dd className={styles.value}>{value}</dd>
    </>
  );
}

function secretText(e: EndpointType): ReactNode {
  const s = e.secret!;
  switch (s.kind) {
    case "certificate":
      return (
        <span>
          Certificate <Said mono text={s.thumbprint ?? ""} />
          {s.ends && <>, which ends <When at={s.ends} /></>}
        </span>
      );
    case "client-secret":
      return "Client secret";
    case "service-account":
      return <span>Service account <Said text={s.account ?? ""} /></span>;
    default:
      return "Password, stored sealed";
  }
}

function Profile({ endpoint: e }: { endpoint: EndpointType }) {
  const styles = useStyles();
  const p = e.profile;
  return (
    <Card title="Profile" intro="What was seen of the server when it was last tested.">
      {!p ? (
        <p>It was not tested yet.</p>
      ) : (
        <dl className={styles.facts}>
          <FactRow term="Seen" value={<When at={p.at} />} />
          <FactRow term="Software" value={<Said text={p.server || "not known"} />} />
          <FactRow term="TLS" value={p.tls || "none"} />
          {p.pin && <FactRow term="Key that it showed" value={<Said mono text={p.pin} />} />}
          <FactRow term="Round trip" value={`${Math.round(p.roundTripSeconds * 10_000) / 10} ms`} />
          {p.signIn && <FactRow term="Sign-in" value={<Said text={p.signIn} />} />}
          <FactRow term="Extensions" value={<Said text={(p.extensions ?? []).join(" ") || "none"} />} />
        </dl>
      )}
    </Card>
  );
}

function Edit({ endpoint, onDone, refresh }: { endpoint: EndpointType; onDone(): void; refresh(): void }) {
  const styles = useStyles();
  const client = useQueryClient();
  const toasts = useToasts();
  // What the form began with: somebody else's change is told, and not undone.
  const [base, setBase] = useState(endpoint);
  const [form, setForm] = useState<Form>(() => formOf(endpoint));
  const [busy, setBusy] = useState(false);
  const [skip, setSkip] = useState(false);
  const [error, setError] = useState<unknown>();
  const box = useRef<HTMLDivElement>(null);
  const patch = patchOf(base, form);
  const changed = Object.keys(patch).length > 0;
  const wrong = Object.keys(troubles(form)).length > 0;
  const { forget } = useUnsaved(changed);
  useEffect(() => box.current?.querySelector("input")?.focus(), []);
  const problem = error === undefined ? undefined : problemOf(error);
  const byStep = problem?.code === "endpoint-test-failed" || problem?.code === "sign-in-refused";
  const save = async (without: boolean) => {
    if (busy || wrong) return;
    setBusy(true);
    setSkip(without);
    setError(undefined);
    try {
      const saved = await ask(api.PATCH("/endpoints/{endpoint}", { params: { path: { endpoint: base.name }, query: without ? { skipVerification: true } : {}, header: ifMatch(base.version) }, body: patch }));
      client.setQueryData(endpointQuery(base.name).queryKey, saved);
      toasts.done(`The endpoint ${base.name} was changed`);
      forget();
      refresh();
      onDone();
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  const again = async () => {
    const now = await client.fetchQuery({ ...endpointQuery(base.name), staleTime: 0 });
    setForm(over(formOf(base), form, formOf(now)));
    setBase(now);
    setError(undefined);
  };
  return (
    <Card title="Settings" intro="Name, type and login form stay: for another login form make another endpoint.">
      <div ref={box}>
        <EndpointForm form={form} onChange={(changes) => setForm((f) => ({ ...f, ...changes }))} existing hasSecret={base.hasAdminPassword} problem={byStep ? undefined : problem} strict />
      </div>
      {movesSecrets(patch) && (
        <MessageBar intent="warning" layout="multiline">
          <MessageBarBody>
            Passwords were given for one server and go nowhere else. With this change the secret of the endpoint must be given anew, and mailboxes of its batches that have passwords of their own need new ones.
          </MessageBarBody>
        </MessageBar>
      )}
      {error !== undefined && error instanceof ApiProblem && error.code === "changed" ? (
        <Problem error={new ApiProblem(412, { code: "changed", detail: "Somebody has changed the endpoint since you began.", remedy: "Try again to put your changes upon theirs; look at them before you save." })} retry={() => void again()} />
      ) : (
        <Problem error={error} title="The endpoint was not changed" remedy={byStep ? "Correct what is marked, or press “Save although the test failed”." : undefined} shownFields={byStep ? [] : shownFields} />
      )}
      <div className={styles.actions}>
        <DimmedButton appearance="primary" reason={!changed ? "Nothing was changed." : wrong ? "A field is wrong; it says how." : undefined} onClick={() => void save(false)} icon={busy && !skip ? <Spinner size="tiny" /> : undefined}>
          Save
        </DimmedButton>
        {byStep && (
          <Button onClick={() => void save(true)} icon={busy && skip ? <Spinner size="tiny" /> : undefined}>
            Save although the test failed
          </Button>
        )}
        <Button onClick={() => { forget(); onDone(); }}>Cancel</Button>
      </div>
    </Card>
  );
}
