import { Button, Field, Input, makeStyles, Spinner, tokens } from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { api, ask, ifMatch, type Schema } from "../../api/client";
import { problemOf } from "../../api/problem";
import { batchQuery, queries } from "../../api/queries";
import { ChangedByOthers, undecided } from "../../parts/ChangedByOthers";
import { DimmedButton, useRoleReason } from "../../parts/DimmedButton";
import { sendEdit, useEditing } from "../../parts/editing";
import { Problem } from "../../parts/Problem";
import { Said } from "../../parts/Said";
import { refusal } from "../../parts/states";
import { useToasts } from "../../parts/Toasts";
import { useUnsaved } from "../../parts/useUnsaved";
import { emailTrouble } from "../newbatch/draft";
import { IntervalField, passes, reports } from "../newbatch/IntervalField";
import { ListEditor } from "../newbatch/ListEditor";
import { Card, Facts } from "./Card";
import { FolderPreview } from "./FolderPreview";
import { formOf, patchOf, troublesOf, type Form } from "./settings";

type Batch = Schema<"Batch">;

const useStyles = makeStyles({
  form: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM, maxWidth: "560px" },
  bar: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS },
  rules: { margin: 0, paddingLeft: tokens.spacingHorizontalL },
});

const names: Record<keyof Form, string> = { notify: "who gets the reports", interval: "the time between passes", reports: "the time between reports", startAfter: "the time to start", completeAfter: "the time to complete" };
const shownFields = ["notify", "intervalSeconds", "reportIntervalSeconds", "startAfter", "completeAfter"];

/** What can be changed of a batch, and what was settled when it was made. */
export function BatchSettings({ batch }: { batch: Batch }) {
  return (
    <>
      <Editable batch={batch} />
      <Settled batch={batch} />
      <FolderPreview batch={batch} />
    </>
  );
}

const keptOf = (batch: Batch) => ({ form: formOf(batch), version: batch.version });

function Editable({ batch }: { batch: Batch }) {
  const styles = useStyles();
  const toasts = useToasts();
  const role = useRoleReason("operator");
  const { form, set, begun, dirty, theirs, keepMine, takeTheirs, saved } = useEditing(keptOf(batch));
  useUnsaved(dirty);
  const query = batchQuery(batch.name);
  const save = useMutation({
    mutationFn: (body: Schema<"BatchPatch">) =>
      sendEdit(
        begun,
        (version) => ask(api.PATCH("/batches/{batch}", { params: { path: { batch: batch.name } }, headers: ifMatch(version), body })),
        async () => keptOf(await queries.fetchQuery({ ...query, staleTime: 0 })),
      ),
    onSuccess: (now) => {
      if (!now) return;
      queries.setQueryData(query.queryKey, now);
      saved(keptOf(now));
      toasts.done("The settings are saved.");
    },
  });
  const troubles = troublesOf(form, begun.form);
  const wrong = Object.keys(troubles).length > 0 || form.notify.some((address) => emailTrouble(address) !== undefined);
  const problem = save.error ? problemOf(save.error) : undefined;
  const reason = role ?? refusal("batch", batch, "edit") ?? (save.isPending ? "It is being saved." : !dirty ? "Nothing has changed." : wrong ? "Correct what is marked." : theirs.length > 0 ? undecided : undefined);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (reason === undefined) save.mutate(patchOf(begun.form, form));
  };
  const discard = () => {
    takeTheirs();
    save.reset();
  };
  return (
    <Card title="Settings">
      <ChangedByOthers what={theirs.map((key) => names[key])} onKeepMine={keepMine} onTakeTheirs={discard} />
      <form className={styles.form} onSubmit={submit}>
        <ListEditor
          label="Reports go to"
          hint="Beside who has created the batch"
          one="address"
          values={form.notify}
          onChange={(notify) => set({ notify })}
          trouble={emailTrouble}
          problem={problem?.field("notify")}
          placeholder="name@example.org"
          type="email"
          readOnly={role !== undefined}
        />
        <IntervalField label="A report" options={reports} value={form.reports} onChange={(value) => set({ reports: value })} problem={problem?.field("reportIntervalSeconds")} disabled={role !== undefined} />
        <IntervalField
          label="What is new is brought every"
          hint="Between passes of a mailbox, until it is completed"
          options={passes}
          value={form.interval}
          onChange={(interval) => set({ interval })}
          problem={problem?.field("intervalSeconds")}
          disabled={role !== undefined}
        />
        <Field label="Start at" hint="In your time zone; empty is when somebody starts it" validationMessage={problem?.field("startAfter")}>
          <Input type="datetime-local" value={form.startAfter} onChange={(_, data) => set({ startAfter: data.value })} readOnly={role !== undefined} />
        </Field>
        <Field label="Complete at" hint="The final pass, in your time zone; empty is by hand" validationMessage={troubles.completeAfter ?? problem?.field("completeAfter")}>
          <Input type="datetime-local" value={form.completeAfter} onChange={(_, data) => set({ completeAfter: data.value })} readOnly={role !== undefined} />
        </Field>
        <Problem error={save.error} title="The settings could not be saved" shownFields={shownFields} />
        <div className={styles.bar}>
          <DimmedButton type="submit" appearance="primary" reason={reason} icon={save.isPending ? <Spinner size="tiny" /> : undefined}>
            Save
          </DimmedButton>
          {dirty && (
            <Button type="button" onClick={discard} disabled={save.isPending}>
              Discard
            </Button>
          )}
        </div>
      </form>
    </Card>
  );
}

const labels: Record<string, string> = { one: "Each message once", copies: "A copy for each label", keywords: "Once, with the other labels as keywords" };

function Settled({ batch }: { batch: Batch }) {
  const styles = useStyles();
  const rules = (list?: string[] | null) =>
    list && list.length > 0 ? (
      <ul className={styles.rules}>
        {list.map((rule) => (
          <li key={rule}>
            <Said text={rule} />
          </li>
        ))}
      </ul>
    ) : (
      "None"
    );
  const day = (at?: string) => (at && !at.startsWith("0001") ? new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" }).format(new Date(at)) : "Any time");
  return (
    <Card title="Settled when it was made">
      <Facts
        of={[
          ["Folders left out", rules(batch.exclude)],
          ["Only these folders", rules(batch.include)],
          ["Messages received from", day(batch.receivedFrom)],
          ["Messages received before", day(batch.receivedBefore)],
          ["Labels of Gmail", labels[batch.labels] ?? batch.labels],
          ["Created by", <Said text={batch.createdBy} />],
        ]}
      />
    </Card>
  );
}
