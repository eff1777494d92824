import { Field, Input, Radio, RadioGroup } from "@fluentui/react-components";
import { useMe } from "../../api/queries";
import { NoMailServer } from "../../parts/NoMailServer";
import { emailTrouble } from "./draft";
import { IntervalField, passes, reports } from "./IntervalField";
import { ListEditor } from "./ListEditor";
import { useStepStyles } from "./useStyles";
import type { Wizard } from "./useWizard";

/** Who gets reports, when it starts, and when it completes. */
export function ScheduleStep({ wizard: w }: { wizard: Wizard }) {
  const step = useStepStyles();
  const me = useMe();
  const { draft } = w;
  return (
    <div className={step.step}>
      <NoMailServer />
      <ListEditor
        label="Reports go to"
        hint={me.email ? `And to you, at ${me.email}.` : `You have no address of your own yet: ${me.role === "admin" ? "give yourself one under Operators" : "ask an admin for one"} to get them as well.`}
        one="address"
        values={draft.notify}
        onChange={(notify) => w.change({ notify })}
        trouble={emailTrouble}
        problem={w.problem?.field("notify")}
        placeholder="name@example.org"
        type="email"
      />
      <IntervalField label="A report" options={reports} value={draft.reportInterval} onChange={(reportInterval) => w.change({ reportInterval })} problem={w.problem?.field("reportIntervalSeconds")} />
      <Field label="Start" hint="Nothing is copied before the preflight of the next step.">
        <RadioGroup value={draft.start} onChange={(_, data) => w.change({ start: data.value as typeof draft.start })}>
          <Radio value="now" label="By itself, when the preflight finds every mailbox ready" />
          <Radio value="later" label="Later, at a time" />
          <Radio value="manual" label="By hand: it is only created" />
        </RadioGroup>
      </Field>
      {draft.start === "later" && (
        <Field className={step.short} label="Start at" hint="In your time zone" required validationMessage={w.troubles.startAfter ?? w.problem?.field("startAfter")}>
          <Input type="datetime-local" value={draft.startAt} onChange={(_, data) => w.change({ startAt: data.value })} />
        </Field>
      )}
      <IntervalField
        label="What is new is brought every"
        hint="Between passes of a mailbox, until it is completed"
        options={passes}
        value={draft.interval}
        onChange={(interval) => w.change({ interval })}
        problem={w.problem?.field("intervalSeconds")}
      />
      <Field className={step.short} label="Complete at" hint="The final pass, in your time zone; empty is by hand" validationMessage={w.troubles.completeAfter ?? w.problem?.field("completeAfter")}>
        <Input type="datetime-local" value={draft.completeAt} onChange={(_, data) => w.change({ completeAt: data.value })} />
      </Field>
    </div>
  );
}
