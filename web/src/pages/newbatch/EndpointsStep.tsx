import { useQuery } from "@tanstack/react-query";
import { Accordion, AccordionHeader, AccordionItem, AccordionPanel, Dialog, DialogBody, DialogContent, DialogSurface, DialogTitle, Field, makeStyles, Select, tokens } from "@fluentui/react-components";
import { AddRegular } from "@fluentui/react-icons";
import { useState } from "react";
import { endpointsQuery } from "../../api/queries";
import { DimmedButton, useRoleReason } from "../../parts/DimmedButton";
import { Loading } from "../../parts/Loading";
import { Problem } from "../../parts/Problem";
import { useToasts } from "../../parts/Toasts";
import { useReturnFocus } from "../../parts/useReturnFocus";
import { When } from "../../parts/When";
import { CreateEndpoint } from "../endpoints/CreateEndpoint";
import { hasAdmin, loginText, typeText, type Endpoint } from "../endpoints/form";
import { limitsText } from "../endpoints/limits";
import { TestPanel } from "../endpoints/TestPanel";
import { CheckResult, TargetPassword } from "./FileStep";
import { useStepStyles } from "./useStyles";
import type { Side, Wizard } from "./useWizard";

const useStyles = makeStyles({
  sides: { display: "grid", gridTemplateColumns: "repeat(auto-fit, minmax(min(100%, 320px), 1fr))", gap: tokens.spacingHorizontalXL, alignItems: "start" },
  pick: { flex: "1 1 200px", minWidth: 0 },
  pair: { display: "flex", gap: tokens.spacingHorizontalS, alignItems: "flex-start" },
  beside: { marginTop: "26px", flexShrink: 0 },
  facts: { margin: 0, paddingLeft: tokens.spacingHorizontalL, color: tokens.colorNeutralForeground2 },
  surface: { maxWidth: "760px" },
});

const titles: Record<Side, { label: string; hint: string }> = { source: { label: "Source endpoint", hint: "Where the mail is" }, target: { label: "Target endpoint", hint: "Where it goes" } };

/** Choosing both endpoints, or making them. */
export function EndpointsStep({ wizard: w }: { wizard: Wizard }) {
  const styles = useStyles();
  const step = useStepStyles();
  const toasts = useToasts();
  const { data, error, refetch } = useQuery(endpointsQuery);
  const [making, setMaking] = useState<Side>();
  useReturnFocus(making !== undefined);
  if (!data) return error ? <Problem error={error} title="The endpoints could not be read" retry={() => void refetch()} /> : <Loading rows={2} height={64} what="Loading the endpoints" />;
  const target = data.find((e) => e.name === w.draft.target);
  return (
    <div className={step.step}>
      <div className={styles.sides}>
        {(["source", "target"] as const).map((side) => (
          <SidePicker key={side} side={side} wizard={w} endpoints={data} onNew={() => setMaking(side)} />
        ))}
      </div>
      {target && !hasAdmin(target.login) && <TargetPassword wizard={w} />}
      {w.file && w.draft.source !== "" && w.draft.target !== "" && <CheckResult wizard={w} final />}
      <Dialog open={making !== undefined} onOpenChange={(_, d) => !d.open && setMaking(undefined)} modalType="alert">
        <DialogSurface className={styles.surface}>
          <DialogBody>
            <DialogTitle>{making === "target" ? "New endpoint to write to" : "New endpoint to read from"}</DialogTitle>
            <DialogContent>
              {making && (
                <CreateEndpoint
                  form={w.endpointForms[making]}
                  onChange={(changes) => w.changeEndpointForm(making, changes)}
                  onCancel={() => setMaking(undefined)}
                  cancel="Close"
                  onCreated={(made) => {
                    toasts.done(`The endpoint ${made.name} was created`);
                    w.changeEndpointForm(making, null);
                    w.change({ [making]: made.name });
                    setMaking(undefined);
                  }}
                />
              )}
            </DialogContent>
          </DialogBody>
        </DialogSurface>
      </Dialog>
    </div>
  );
}

function SidePicker({ side, wizard: w, endpoints, onNew }: { side: Side; wizard: Wizard; endpoints: Endpoint[]; onNew(): void }) {
  const styles = useStyles();
  const step = useStepStyles();
  const role = useRoleReason("admin");
  const chosen = endpoints.find((e) => e.name === w.draft[side]);
  const gone = w.draft[side] !== "" && !chosen;
  return (
    <section className={step.part} aria-label={titles[side].label}>
      <div className={styles.pair}>
        <Field className={styles.pick} label={titles[side].label} hint={titles[side].hint} required validationMessage={w.troubles[side] ?? w.problem?.field(side) ?? (gone ? `There is no endpoint ${w.draft[side]} any more.` : undefined)}>
          <Select value={chosen ? w.draft[side] : ""} onChange={(_, data) => w.change({ [side]: data.value })}>
            <option value="">{endpoints.length === 0 ? "There is none yet" : "Choose one"}</option>
            {endpoints.map((e) => (
              <option key={e.name} value={e.name}>
                {e.name} ({e.host})
              </option>
            ))}
          </Select>
        </Field>
        <DimmedButton className={styles.beside} icon={<AddRegular />} reason={role} onClick={onNew} aria-label={`New ${titles[side].label.toLowerCase()}`}>
          New
        </DimmedButton>
      </div>
      {chosen && (
        <>
          <ul className={styles.facts}>
            <li>
              {typeText(chosen.type)}, {chosen.host}:{chosen.port}
            </li>
            <li>{loginText(chosen.login || "user")}</li>
            {hasAdmin(chosen.login) && !chosen.hasAdminPassword && <li className={step.bad}>Its secret is missing: nobody can be signed in.</li>}
            <li>{limitsText(chosen)}</li>
            <li>{chosen.profile ? <>Last test that went well: <When at={chosen.profile.at} /></> : "It was not tested yet"}</li>
          </ul>
          <Accordion collapsible>
            <AccordionItem value="test">
              <AccordionHeader as="h3">Test it</AccordionHeader>
              <AccordionPanel>
                <TestPanel key={chosen.name} login={chosen.login} test={(user, password) => ({ name: chosen.name, ...(user.trim() === "" ? {} : { user: user.trim() }), ...(password === "" || hasAdmin(chosen.login) ? {} : { password }) })} />
              </AccordionPanel>
            </AccordionItem>
          </Accordion>
        </>
      )}
    </section>
  );
}
