import { Button, Field, Input, makeStyles, MessageBar, MessageBarBody, MessageBarTitle, Select, Spinner, Textarea, tokens } from "@fluentui/react-components";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { api, ask, ifMatch } from "../api/client";
import { problemOf } from "../api/problem";
import { queries, settingsQuery, useMe } from "../api/queries";
import { Card } from "../parts/Card";
import { ChangedByOthers, undecided } from "../parts/ChangedByOthers";
import { DimmedButton } from "../parts/DimmedButton";
import { sendEdit, useEditing } from "../parts/editing";
import { Loading } from "../parts/Loading";
import { Problem } from "../parts/Problem";
import { Said } from "../parts/Said";
import { useToasts } from "../parts/Toasts";
import { useUnsaved } from "../parts/useUnsaved";
import { Page } from "../shell/Page";
import { changesOf, draftOf, troublesOf, type Kept, type SettingsDraft, type SettingsPatch } from "./settings/draft";

const useStyles = makeStyles({
  form: { display: "grid", alignItems: "start", gap: tokens.spacingVerticalM, gridTemplateColumns: "repeat(auto-fit, minmax(min(260px, 100%), 1fr))", maxWidth: "900px" },
  wide: { gridColumn: "1 / -1" },
  row: { display: "flex", gap: tokens.spacingHorizontalM, flexWrap: "wrap", alignItems: "end" },
});

const names: Record<keyof SettingsDraft, string> = { host: "the host", port: "the port", security: "the security", user: "the user name", password: "the password", from: "the sender", ca: "the certificate authorities", days: "the days of retention" };
const shownFields = ["host", "port", "security", "from", "user", "password", "ca", "keepCompletedSeconds"];

export default function Settings() {
  const kept = useQuery(settingsQuery);
  return (
    <Page title="Settings" intro="What holds for all nodes of this server, from the moment it is saved.">
      <Problem error={kept.error} title="The settings could not be read" retry={() => void kept.refetch()} />
      {kept.data ? <SettingsForm kept={kept.data} /> : !kept.error && <Loading rows={6} what="Loading the settings" />}
    </Page>
  );
}

const keptOf = (settings: Kept) => ({ form: draftOf(settings), version: settings.version });

function SettingsForm({ kept }: { kept: Kept }) {
  const styles = useStyles();
  const toasts = useToasts();
  const { form: draft, set, begun, theirs, keepMine, takeTheirs, saved } = useEditing(keptOf(kept));
  const changes = changesOf(begun.form, draft);
  const dirty = changes !== undefined;
  useUnsaved(dirty);
  const save = useMutation({
    mutationFn: (patch: SettingsPatch) =>
      sendEdit(
        begun,
        (version) => ask(api.PATCH("/settings", { params: { header: ifMatch(version) }, body: patch })),
        async () => keptOf(await queries.fetchQuery({ ...settingsQuery, staleTime: 0 })),
      ),
    onSuccess: (now) => {
      if (!now) return;
      saved(keptOf(now));
      queries.setQueryData(settingsQuery.queryKey, now);
      toasts.done("The settings were saved.");
    },
  });
  const troubles = troublesOf(draft);
  const problem = save.error ? problemOf(save.error) : undefined;
  const wrong = (name: keyof SettingsDraft) => troubles[name] ?? problem?.field(`smtp.${name}`) ?? problem?.field(name);
  const mailFixed = kept.smtp.fixed;
  const dimmed = !dirty ? "Nothing was changed." : Object.keys(troubles).length > 0 ? "Correct what is marked." : theirs.length > 0 ? undecided : undefined;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (changes && dimmed === undefined && !save.isPending) save.mutate(changes);
  };
  return (
    <form onSubmit={submit} noValidate style={{ display: "contents" }}>
      <ChangedByOthers what={theirs.map((key) => names[key])} onKeepMine={keepMine} onTakeTheirs={takeTheirs} />
      <Card title="Mail server" intro={kept.smtp.fixed ? "The server was started with these; they are changed where it is started." : "Reports go through it. Without a host none are mailed."}>
        <div className={styles.form}>
          <Field label="Host" validationMessage={wrong("host")}>
            <Input value={draft.host} onChange={(_, d) => set({ host: d.value })} disabled={mailFixed} spellCheck={false} placeholder="smtp.example.org" />
          </Field>
          <Field label="Port" hint="Empty: 587, or 465 with TLS from the first byte" validationMessage={wrong("port")}>
            <Input value={draft.port} onChange={(_, d) => set({ port: d.value.replace(/\D/g, "") })} disabled={mailFixed} inputMode="numeric" />
          </Field>
          <Field label="Security" validationMessage={wrong("security")}>
            <Select value={draft.security} onChange={(_, d) => set({ security: d.value as SettingsDraft["security"] })} disabled={mailFixed}>
              <option value="starttls">STARTTLS</option>
              <option value="implicit">TLS from the first byte</option>
              <option value="none">None: clear text</option>
            </Select>
          </Field>
          <Field label="Sender" hint="The address that reports come from" validationMessage={wrong("from")}>
            <Input type="email" value={draft.from} onChange={(_, d) => set({ from: d.value })} disabled={mailFixed} spellCheck={false} placeholder="mailhaul@example.org" />
          </Field>
          <Field label="User name" validationMessage={wrong("user")}>
            <Input value={draft.user} onChange={(_, d) => set({ user: d.value })} disabled={mailFixed} spellCheck={false} autoComplete="off" />
          </Field>
          <Field label="Password" hint={kept.smtp.hasPassword ? "Empty: it stays as it is, unless host, port, security or user change" : undefined} validationMessage={wrong("password")}>
            <Input type="password" value={draft.password} onChange={(_, d) => set({ password: d.value })} disabled={mailFixed} autoComplete="new-password" />
          </Field>
          <Field className={styles.wide} label="Certificate authorities" hint="PEM; empty: the system's" validationMessage={wrong("ca")}>
            <Textarea value={draft.ca} onChange={(_, d) => set({ ca: d.value })} disabled={mailFixed} spellCheck={false} rows={3} />
          </Field>
        </div>
        <TestCard host={kept.smtp.host} dirty={dirty} />
      </Card>
      <Card title="Retention" intro={kept.keepCompletedFixed ? "The server was started with it; it is changed where it is started." : "When the records of a batch go that completed without errors."}>
        <div className={styles.form}>
          <Field label="Days" hint="0: they stay until the batch is deleted" validationMessage={troubles.days ?? problem?.field("keepCompletedSeconds")}>
            <Input value={draft.days} onChange={(_, d) => set({ days: d.value.replace(/[^\d.,]/g, "") })} disabled={kept.keepCompletedFixed} inputMode="decimal" />
          </Field>
        </div>
      </Card>
      <Problem error={save.error} title="The settings were not saved" shownFields={shownFields} />
      <div className={styles.row}>
        <DimmedButton type="submit" appearance="primary" reason={dimmed} icon={save.isPending ? <Spinner size="tiny" /> : undefined}>
          Save
        </DimmedButton>
        {dirty && <Button onClick={takeTheirs}>Discard changes</Button>}
      </div>
    </form>
  );
}

/** A real mail through the settings in force. */
function TestCard({ host, dirty }: { host: string; dirty: boolean }) {
  const styles = useStyles();
  const me = useMe();
  const [to, setTo] = useState(me.email ?? "");
  const test = useMutation({ mutationFn: () => ask(api.POST("/settings/test-mail", { body: { to: to.trim() } })) });
  const why = host === "" ? "There is no mail server yet." : dirty ? "Save first: the test uses what is saved." : to.trim() === "" ? "Say where the test mail goes." : undefined;
  return (
    <>
      <div className={styles.row}>
        <Field label="Test mail to" validationMessage={test.error ? problemOf(test.error).field("to") : undefined}>
          <Input type="email" value={to} onChange={(_, d) => setTo(d.value)} spellCheck={false} />
        </Field>
        <DimmedButton reason={why} onClick={() => test.mutate()} icon={test.isPending ? <Spinner size="tiny" /> : undefined}>
          Send a test mail
        </DimmedButton>
      </div>
      <Problem error={test.error} title="The test mail was not sent" shownFields={["to"]} />
      {test.data && (
        <MessageBar intent={test.data.ok ? "success" : "error"} layout="multiline" role="status">
          <MessageBarBody>
            <MessageBarTitle>{test.data.ok ? "The mail server has taken it." : "It was not taken."} </MessageBarTitle>
            <Said text={[test.data.detail, test.data.remedy].filter(Boolean).join(" ")} />
          </MessageBarBody>
        </MessageBar>
      )}
    </>
  );
}
