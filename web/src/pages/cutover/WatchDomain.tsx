import { Field, Input, Select, Textarea } from "@fluentui/react-components";
import { useEffect, useState } from "react";
import { api, ask, ifMatch } from "../../api/client";
import { queries } from "../../api/queries";
import { FormDialog } from "../../parts/FormDialog";
import { useToasts } from "../../parts/Toasts";
import { draftOf, emptyDraft, entering, specOf, withKind, type Cutover, type CutoverDraft } from "./words";

/** Has a domain watched, or changes how. */
export function WatchDomain({ open, of, onClose }: { open: boolean; of?: Cutover; onClose(): void }) {
  const toasts = useToasts();
  const [draft, setDraft] = useState<CutoverDraft>(emptyDraft);
  const [begun, setBegun] = useState<Cutover>();
  useEffect(() => {
    if (!open) return;
    setDraft(of ? draftOf(of) : emptyDraft);
    setBegun(of);
    // What is typed stays when a newer look comes in meanwhile.
  }, [open, of?.domain]);
  const set = (change: Partial<CutoverDraft>) => setDraft((was) => ({ ...was, ...change }));
  const service = draft.kind !== "other";
  return (
    <FormDialog
      open={open}
      onClose={onClose}
      title={of ? `Watch ${of.domain} otherwise` : "Watch a domain"}
      action={of ? "Save" : "Watch"}
      ready={draft.domain.trim() !== "" && (service || draft.mx.trim() !== "")}
      shownFields={["domain", "mx", "spf", "autodiscover", "tenant", "switchedAt", "notify"]}
      onSubmit={async () => {
        const domain = draft.domain.trim();
        const header = begun?.version ? ifMatch(begun.version) : {};
        await ask(api.PUT("/cutovers/{domain}", { params: { path: { domain }, header }, body: specOf(draft, begun?.batches ?? [], begun?.statedAt) }));
        toasts.done(of ? `${domain} is watched otherwise.` : `${domain} is watched.`);
        void queries.invalidateQueries({ queryKey: ["cutovers"] });
      }}
    >
      {(problem) => (
        <>
          {!of && (
            <Field label="Domain" required validationMessage={problem?.field("domain")}>
              <Input value={draft.domain} onChange={(_, d) => set({ domain: d.value })} placeholder="contoso.com" autoComplete="off" spellCheck={false} />
            </Field>
          )}
          <Field label="Its mail moves to">
            <Select value={draft.kind} onChange={(_, d) => setDraft((was) => withKind(was, d.value as CutoverDraft["kind"]))}>
              <option value="office365">Office 365</option>
              <option value="office365-china">Office 365 operated by 21Vianet</option>
              <option value="other">Another system</option>
            </Select>
          </Field>
          <Field label="Hosts of the new MX records" required={!service} hint={service ? "One a line. Empty: every host of the service counts" : "One a line"} validationMessage={problem?.field("mx")}>
            <Textarea value={draft.mx} onChange={(_, d) => set({ mx: d.value })} spellCheck={false} rows={2} />
          </Field>
          {service ? (
            <Field label="First domain of the tenant" hint="To propose DKIM records" validationMessage={problem?.field("tenant")}>
              <Input value={draft.tenant} onChange={(_, d) => set({ tenant: d.value })} placeholder="contoso.onmicrosoft.com" spellCheck={false} />
            </Field>
          ) : (
            <>
              <Field label="Domain that SPF must include" validationMessage={problem?.field("spf")}>
                <Input value={draft.spf} onChange={(_, d) => set({ spf: d.value })} spellCheck={false} />
              </Field>
              <Field label="Host for autodiscover" validationMessage={problem?.field("autodiscover")}>
                <Input value={draft.autodiscover} onChange={(_, d) => set({ autodiscover: d.value })} spellCheck={false} />
              </Field>
            </>
          )}
          <Field label="Moved at" hint="Only if the records were moved while nobody looked. What was seen counts more. To say the same time again, clear it and enter it anew" validationMessage={problem?.field("switchedAt")}>
            <Input type="datetime-local" value={draft.switchedAt} onChange={(_, d) => setDraft((was) => entering(was, d.value))} />
          </Field>
          <Field label="Mail to" hint="Who is told when the state changes, one address a line; whoever had it watched first is, in any case" validationMessage={problem?.field("notify")}>
            <Textarea value={draft.notify} onChange={(_, d) => set({ notify: d.value })} spellCheck={false} rows={2} />
          </Field>
        </>
      )}
    </FormDialog>
  );
}
