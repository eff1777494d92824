import { Button, Field, Input, makeStyles, Spinner, tokens } from "@fluentui/react-components";
import { useState, type FormEvent } from "react";
import { api, ask, ifMatch, type Schema } from "../../api/client";
import { ApiProblem, problemOf } from "../../api/problem";
import { batchQuery, queries } from "../../api/queries";
import { ChangedByOthers, undecided } from "../../parts/ChangedByOthers";
import { DimmedButton, useRoleReason } from "../../parts/DimmedButton";
import { Problem } from "../../parts/Problem";
import { Said } from "../../parts/Said";
import { refusal } from "../../parts/states";
import { useToasts } from "../../parts/Toasts";
import { useUnsaved } from "../../parts/useUnsaved";
import { IntervalField, passes, reports } from "../newbatch/IntervalField";
import { ListEditor } from "../newbatch/ListEditor";
import { emailTrouble } from "../newbatch/ScheduleStep";
import { Card, Facts } from "./Card";
import { FolderPreview } from "./FolderPreview";
import { changedFields, formOf, over, patchOf, same, troublesOf, type Form } from "./settings";

type Batch = Schema<"Batch">;

const useStyles = makeStyles({
  form: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM, maxWidth: "560px" },
  bar: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS },
  rules: { margin: 0, paddingLeft: tokens.spacingHorizontalL },
});

const names: Record<keyof Form, string> = { notify: "who gets the reports", interval: "the time between passes", reports: "the time between reports", startAfter: "the start", completeAfter: "the time of the final passes" };
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

function Editable({ batch }: { batch: Batch }) {
  const styles = useStyles();
  const toasts = useToasts();
  const role = useRoleReason("operator");
  // What the form was begun with, and what it says now; the live batch goes on beside it.
  const [begun, setBegun] = useState(() => ({ form: formOf(batch), version: batch.version }));
  const [form, setForm] = useState(begun.form);
  const [theirs, setTheirs] = useState<Batch>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const dirty = !same(begun.form, form);
  useUnsaved(dirty);
  const troubles = troublesOf(form, begun.form);
  const wrong = Object.keys(troubles).length > 0 || form.notify.some((address) => emailTrouble(address) !== undefined);
  const problem = error === undefined ? undefined : problemOf(error);

  const begin = (from: Batch, input?: Form) => {
    const fresh = formOf(from);
    setBegun({ form: fresh, version: from.version });
    setForm(input ? over(begun.form, input, fresh) : fresh);
    setTheirs(undefined);
    setError(undefined);
  };
  const send = async (version: number): Promise<Batch> =>
    ask(api.PATCH("/batches/{batch}", { params: { path: { batch: batch.name } }, headers: ifMatch(version), body: patchOf(begun.form, form) }));
  /** A batch gets a new version with each start and stop, too; only other settings are a conflict. */
  const save = async (): Promise<Batch | undefined> => {
    try {
      return await send(begun.version);
    } catch (e) {
      if (!(e instanceof ApiProblem) || e.code !== "changed") throw e;
      const now = await ask(api.GET("/batches/{batch}", { params: { path: { batch: batch.name } } }));
      if (same(begun.form, formOf(now))) return await send(now.version);
      setTheirs(now);
      return undefined;
    }
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy || !dirty || wrong || role) return;
    setBusy(true);
    setError(undefined);
    try {
      const saved = await save();
      if (saved) {
        queries.setQueryData(batchQuery(batch.name).queryKey, saved);
        begin(saved);
        toasts.done("The settings are saved.");
      }
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  const put = (key: "startAfter" | "completeAfter") => (_: unknown, data: { value: string }) => setForm((f) => ({ ...f, [key]: data.value }));
  const reason = role ?? refusal("batch", batch, "edit") ?? (busy ? "It is being saved." : !dirty ? "Nothing has changed." : wrong ? "Correct what is marked." : theirs ? undecided : undefined);
  return (
    <Card title="Settings">
      {theirs && <ChangedByOthers what={changedFields(begun.form, formOf(theirs)).map((key) => names[key])} onKeepMine={() => begin(theirs, form)} onTakeTheirs={() => begin(theirs)} />}
      <form className={styles.form} onSubmit={submit}>
        <ListEditor
          label="Reports go to"
          hint="Beside who has created the batch"
          one="address"
          values={form.notify}
          onChange={(notify) => setForm((f) => ({ ...f, notify }))}
          trouble={emailTrouble}
          problem={problem?.field("notify")}
          placeholder="name@example.org"
          type="email"
          readOnly={role !== undefined}
        />
        <IntervalField label="A report" options={reports} value={form.reports} onChange={(value) => setForm((f) => ({ ...f, reports: value }))} problem={problem?.field("reportIntervalSeconds")} disabled={role !== undefined} />
        <IntervalField
          label="What is new is brought every"
          hint="Between passes of a mailbox, until it is completed"
          options={passes}
          value={form.interval}
          onChange={(interval) => setForm((f) => ({ ...f, interval }))}
          problem={problem?.field("intervalSeconds")}
          disabled={role !== undefined}
        />
        <Field label="Start at" hint="In your time zone; empty is when somebody starts it" validationMessage={problem?.field("startAfter")}>
          <Input type="datetime-local" value={form.startAfter} onChange={put("startAfter")} readOnly={role !== undefined} />
        </Field>
        <Field label="Complete at" hint="The final pass, in your time zone; empty is by hand" validationMessage={troubles.completeAfter ?? problem?.field("completeAfter")}>
          <Input type="datetime-local" value={form.completeAfter} onChange={put("completeAfter")} readOnly={role !== undefined} />
        </Field>
        <Problem error={error} title="The settings could not be saved" shownFields={shownFields} />
        <div className={styles.bar}>
          <DimmedButton type="submit" appearance="primary" reason={reason} icon={busy ? <Spinner size="tiny" /> : undefined}>
            Save
          </DimmedButton>
          {dirty && (
            <Button type="button" onClick={() => begin(batch)} disabled={busy}>
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
