import { Field, Input, Radio, RadioGroup, Select } from "@fluentui/react-components";
import { useMe } from "../../api/queries";
import { NoMailServer } from "../../parts/NoMailServer";
import { ListEditor } from "./ListEditor";
import { useStepStyles } from "./useStyles";
import type { Wizard } from "./useWizard";

const intervals: [seconds: string, text: string][] = [["300", "5 minutes"], ["900", "15 minutes"], ["3600", "hour"], ["14400", "4 hours"], ["28800", "8 hours"], ["43200", "12 hours"], ["86400", "24 hours"]];
const reports: [seconds: string, text: string][] = [["0", "Never"], ["3600", "Every hour"], ["14400", "Every 4 hours"], ["43200", "Every 12 hours"], ["86400", "Every 24 hours"], ["604800", "Every week"]];

function emailTrouble(text: string): string | undefined {
  return /^[^\s@<>",;]+@[^\s@<>",;]+$/.test(text) ? undefined : "Write it as name@example.org.";
}

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
      <Field className={step.short} label="A report" validationMessage={w.problem?.field("reportIntervalSeconds")}>
        <Select value={draft.reportInterval} onChange={(_, data) => w.change({ reportInterval: data.value })}>
          {reports.map(([seconds, text]) => (
            <option key={seconds} value={seconds}>
              {text}
            </option>
          ))}
        </Select>
      </Field>
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
      <Field className={step.short} label="What is new is brought every" hint="Between passes of a mailbox, until it is completed" validationMessage={w.problem?.field("intervalSeconds")}>
        <Select value={draft.interval} onChange={(_, data) => w.change({ interval: data.value })}>
          {intervals.map(([seconds, text]) => (
            <option key={seconds} value={seconds}>
              {text}
            </option>
          ))}
        </Select>
      </Field>
      <Field className={step.short} label="Complete at" hint="The final pass, in your time zone; empty is by hand" validationMessage={w.troubles.completeAfter ?? w.problem?.field("completeAfter")}>
        <Input type="datetime-local" value={draft.completeAt} onChange={(_, data) => w.change({ completeAt: data.value })} />
      </Field>
    </div>
  );
}
