import { useQuery } from "@tanstack/react-query";
import { Accordion, AccordionHeader, AccordionItem, AccordionPanel, Field, Input, Radio, RadioGroup } from "@fluentui/react-components";
import { batchesQuery, endpointsQuery } from "../../api/queries";
import { ruleTrouble, wellKnown } from "./draft";
import { FolderPreview } from "./FolderPreview";
import { ListEditor } from "./ListEditor";
import { useStepStyles } from "./useStyles";
import type { Wizard } from "./useWizard";

const rule = "Name or Name/Sub, with all below it; / stands for any server's separator. Capital and small letters are the same.";

/** The batch's name, which folders it takes, and which messages. */
export function FoldersStep({ wizard: w }: { wizard: Wizard }) {
  const step = useStepStyles();
  const { data: batches } = useQuery(batchesQuery);
  const { data: endpoints } = useQuery(endpointsQuery);
  const { draft } = w;
  const source = endpoints?.find((e) => e.name === draft.source);
  const labels = source?.type === "gmail" || source?.profile?.extensions?.includes("X-GM-EXT-1") === true || draft.labels !== "one";
  const taken = batches?.some((b) => b.name === draft.name) ? "There is a batch of this name already." : undefined;
  const filtered = draft.include.length > 0 || draft.receivedFrom !== "" || draft.receivedBefore !== "" || labels;
  return (
    <div className={step.step}>
      <Field className={step.field} label="Name of the batch" hint="At most 64 letters, digits, dots, underscores and hyphens" required validationMessage={w.troubles.name ?? w.problem?.field("name") ?? (w.problem?.code === "name-taken" ? w.problem.detail : taken)}>
        <Input value={draft.name} onChange={(_, data) => w.change({ name: data.value.trim() })} autoComplete="off" spellCheck={false} />
      </Field>
      <ListEditor
        label="Folders to leave out"
        hint={rule}
        one="folder to leave out"
        values={draft.exclude}
        onChange={(exclude) => w.change({ exclude })}
        trouble={ruleTrouble}
        problem={w.problem?.field("exclude")}
        suggestions={wellKnown}
        suggest="Well-known folders"
        placeholder="Old projects"
      />
      <Accordion collapsible defaultOpenItems={filtered ? ["filters"] : []}>
        <AccordionItem value="filters">
          <AccordionHeader as="h3">Filters</AccordionHeader>
          <AccordionPanel className={step.part}>
            <ListEditor label="Only these folders" hint={rule} one="folder to take" values={draft.include} onChange={(include) => w.change({ include })} trouble={ruleTrouble} problem={w.problem?.field("include")} suggestions={wellKnown} suggest="Well-known folders" placeholder="all folders" />
            <div className={step.row}>
              <Field className={step.slim} label="Only messages received from" hint="In your time zone" validationMessage={w.problem?.field("receivedFrom")}>
                <Input className={step.filling} type="datetime-local" value={draft.receivedFrom} onChange={(_, data) => w.change({ receivedFrom: data.value })} />
              </Field>
              <Field className={step.slim} label="Only messages received before" hint="In your time zone" validationMessage={w.troubles.receivedBefore ?? w.problem?.field("receivedBefore")}>
                <Input className={step.filling} type="datetime-local" value={draft.receivedBefore} onChange={(_, data) => w.change({ receivedBefore: data.value })} />
              </Field>
            </div>
            {labels && (
              <Field label="Labels of Gmail" validationMessage={w.problem?.field("labels")}>
                <RadioGroup value={draft.labels} onChange={(_, data) => w.change({ labels: data.value as typeof draft.labels })}>
                  <Radio value="one" label="Each message once, in the folder of one of its labels" />
                  <Radio value="copies" label="A copy of the message for each label" />
                  <Radio value="keywords" label="Each message once, with its other labels as keywords" />
                </RadioGroup>
              </Field>
            )}
          </AccordionPanel>
        </AccordionItem>
      </Accordion>
      <FolderPreview wizard={w} />
    </div>
  );
}
