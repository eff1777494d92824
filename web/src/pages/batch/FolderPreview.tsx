import { Field, Input, makeStyles, Spinner, tokens } from "@fluentui/react-components";
import { useState, type FormEvent } from "react";
import { api, ask, type Schema } from "../../api/client";
import { DimmedButton, useRoleReason } from "../../parts/DimmedButton";
import { count, counted } from "../../parts/format";
import { Problem } from "../../parts/Problem";
import { Said } from "../../parts/Said";
import { ToneBadge } from "../../parts/StateBadge";
import { VirtualTable, type Column } from "../../parts/VirtualTable";
import { idleRules } from "../newbatch/idleRules";
import { Card } from "./Card";

type Hit = Schema<"FolderHit">;

const useStyles = makeStyles({
  form: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS, alignItems: "end" },
  field: { flexGrow: 1, maxWidth: "360px" },
  quiet: { color: tokens.colorNeutralForeground2 },
});

const columns: Column<Hit>[] = [
  { key: "folder", header: "Folder", width: "minmax(140px, 2fr)", cell: (h) => <Said text={h.folder} line /> },
  { key: "taken", header: "Taken", width: "110px", cell: (h) => (h.taken ? <ToneBadge tone="success" text="Taken" /> : <ToneBadge tone="neutral" text="Left out" />) },
  { key: "rule", header: "Rule", width: "minmax(80px, 1fr)", from: 480, cell: (h) => (h.rule ? <Said text={h.rule} line /> : "") },
  { key: "messages", header: "Messages", width: "90px", align: "end", from: 560, cell: (h) => count(h.messages) },
];

/** What the batch's rules take of a mailbox's folders, asked of its source. */
export function FolderPreview({ batch }: { batch: Schema<"Batch"> }) {
  const styles = useStyles();
  const role = useRoleReason("operator");
  const [address, setAddress] = useState("");
  const [hits, setHits] = useState<{ address: string; list: Hit[] }>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const asked = address.trim();
    if (busy || asked === "" || role) return;
    setBusy(true);
    setError(undefined);
    setHits(undefined);
    try {
      const page = await ask(api.POST("/batches/{batch}/folders", { params: { path: { batch: batch.name }, query: { address: asked } }, body: {} as Schema<"FolderRules"> }));
      setHits({ address: asked, list: page.items ?? [] });
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  const idle = hits ? idleRules([...(batch.exclude ?? []), ...(batch.include ?? [])], hits.list) : [];
  const left = hits?.list.filter((h) => !h.taken).length ?? 0;
  return (
    <Card title="What the rules take of a mailbox">
      <form className={styles.form} onSubmit={submit}>
        <Field label="Address of the mailbox" className={styles.field}>
          <Input value={address} onChange={(_, d) => setAddress(d.value)} type="email" autoComplete="off" spellCheck={false} />
        </Field>
        <DimmedButton type="submit" reason={role ?? (address.trim() === "" ? "Say which mailbox." : busy ? "The source is being asked." : undefined)} icon={busy ? <Spinner size="tiny" /> : undefined}>
          Look
        </DimmedButton>
      </form>
      <Problem error={error} title="The folders could not be read" />
      <div role="status" className={styles.quiet}>
        {hits && `${counted(hits.list.length, "folder")}, ${count(left)} left out`}
        {idle.length > 0 && <>. No folder of this mailbox goes by {idle.length === 1 ? "the rule" : "the rules"} <Said text={idle.join(", ")} />.</>}
      </div>
      {hits && <VirtualTable label={`Folders of ${hits.address}`} columns={columns} rows={hits.list} rowKey={(h) => h.folder} maxHeight="400px" />}
    </Card>
  );
}
