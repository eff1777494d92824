import { Combobox, Field, makeStyles, MessageBar, MessageBarBody, Option, Spinner, Subtitle2, tokens } from "@fluentui/react-components";
import { useEffect, useMemo, useState } from "react";
import { api, ask, type Schema } from "../../api/client";
import { DimmedButton } from "../../parts/DimmedButton";
import { Problem } from "../../parts/Problem";
import { Said } from "../../parts/Said";
import { ToneBadge } from "../../parts/StateBadge";
import { Table } from "../../parts/Table";
import { count, counted } from "../../parts/format";
import { useDebounced } from "../batch/useDebounced";
import { idleRules } from "./idleRules";
import { headerOf, personAt, rowNumbers, type Person } from "./file";
import { useStepStyles } from "./useStyles";
import type { Wizard } from "./useWizard";

const useStyles = makeStyles({
  box: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM, padding: tokens.spacingHorizontalM, borderRadius: tokens.borderRadiusMedium, backgroundColor: tokens.colorNeutralBackground2, minWidth: 0 },
});

const shown = 10;

/** What the rules make of the folders of one mailbox of the file, at its source. */
export function FolderPreview({ wizard: w }: { wizard: Wizard }) {
  const styles = useStyles();
  const step = useStepStyles();
  const people = useMemo(() => {
    if (!w.file?.records) return [];
    const header = headerOf(w.file);
    return rowNumbers(w.file).map((row) => personAt(w.file!, row, header)).filter((p): p is Person => p !== undefined && p.address !== "");
  }, [w.file]);
  const [address, setAddress] = useState(people[0]?.address ?? "");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [found, setFound] = useState<{ rules: string; address: string; hits: Schema<"FolderHit">[] }>();
  const { exclude, include, labels, source } = w.draft;
  const rules = JSON.stringify([exclude, include, labels, source]);
  const person = people.find((p) => p.address.toLowerCase() === address.trim().toLowerCase());
  const matching = people.filter((p) => p.address.toLowerCase().includes(person ? "" : address.trim().toLowerCase())).slice(0, shown);
  const look = async () => {
    if (!person || busy) return;
    setBusy(true);
    setError(undefined);
    try {
      const body = { source, user: person.user || person.address, ...(person.password ? { password: person.password } : {}), ...(person.root ? { userRoot: person.root } : {}), exclude, include, labels };
      const { items } = await ask(api.POST("/folder-previews", { body }));
      setFound({ rules, address: person.address, hits: items ?? [] });
    } catch (e) {
      setFound(undefined);
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  // What is shown goes by the rules as they are, as soon as they rest.
  const settled = useDebounced(rules, 1_000);
  const again = found !== undefined && settled === rules && found.rules !== rules;
  useEffect(() => {
    if (again && !busy) void look();
    // It looks once for each change: look is another function each time.
  }, [again, rules, busy]);
  const idle = found && found.rules === rules ? idleRules([...exclude, ...include], found.hits) : [];
  const taken = found?.hits.filter((hit) => hit.taken) ?? [];
  const messages = taken.reduce((sum, hit) => sum + hit.messages, 0);
  return (
    <section className={styles.box} aria-label="Preview">
      <Subtitle2 as="h3">What that takes of a mailbox</Subtitle2>
      <div className={step.row}>
        <Field className={step.slim} label="Mailbox" validationMessage={address !== "" && !person ? "No row of the file has this address." : undefined}>
          <Combobox
            className={step.filling}
            freeform
            value={address}
            selectedOptions={person ? [person.address] : []}
            onChange={(event) => setAddress(event.target.value)}
            onOptionSelect={(_, data) => setAddress(data.optionValue ?? "")}
          >
            {matching.map((p) => (
              <Option key={p.row} value={p.address}>
                {p.address}
              </Option>
            ))}
          </Combobox>
        </Field>
        <DimmedButton reason={person ? undefined : "Choose a mailbox of the file."} onClick={() => void look()} icon={busy ? <Spinner size="tiny" /> : undefined}>
          {busy ? "Signing in…" : "Show its folders"}
        </DimmedButton>
      </div>
      <Problem error={error} title="The folders could not be read" />
      <div aria-live="polite">
        {found && (
          <p>
            Of {counted(found.hits.length, "folder")} of <Said text={found.address} />, {count(taken.length)} are taken, with {counted(messages, "message")}
            {w.draft.receivedFrom !== "" || w.draft.receivedBefore !== "" ? ", before the filter by date" : ""}.{found.rules !== rules && " The rules have changed since."}
          </p>
        )}
        {idle.length > 0 && (
          <MessageBar intent="warning" layout="multiline">
            <MessageBarBody>
              No folder of this mailbox goes by {idle.length === 1 ? "the rule" : "the rules"} <Said text={idle.join(", ")} />.
            </MessageBarBody>
          </MessageBar>
        )}
      </div>
      {found && (
        <Table
          label={`Folders of ${found.address}`}
          rows={found.hits}
          rowKey={(hit) => hit.folder}
          columns={[
            { header: "Folder", cell: (hit) => <Said text={hit.folder} /> },
            { header: "Copied", cell: (hit) => <ToneBadge tone={hit.taken ? "success" : "neutral"} text={hit.taken ? "taken" : "left out"} /> },
            { header: "By rule", cell: (hit) => (hit.rule ? <Said text={hit.rule} /> : "–") },
            { header: "Messages", align: "end", cell: (hit) => count(hit.messages) },
          ]}
        />
      )}
    </section>
  );
}
