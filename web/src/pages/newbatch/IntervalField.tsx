import { Field, Select } from "@fluentui/react-components";
import { duration } from "../../parts/format";
import { useStepStyles } from "./useStyles";

type Options = readonly [seconds: string, text: string][];

/** How often what is new can be brought. */
export const passes: Options = [["300", "5 minutes"], ["900", "15 minutes"], ["3600", "hour"], ["14400", "4 hours"], ["28800", "8 hours"], ["43200", "12 hours"], ["86400", "24 hours"]];
/** How often a report can be made. */
export const reports: Options = [["0", "Never"], ["3600", "Every hour"], ["14400", "Every 4 hours"], ["43200", "Every 12 hours"], ["86400", "Every 24 hours"], ["604800", "Every week"]];

export interface IntervalFieldProps {
  label: string;
  hint?: string;
  options: Options;
  /** In seconds. One that is none of the options is shown beside them. */
  value: string;
  onChange(seconds: string): void;
  problem?: string;
  disabled?: boolean;
}

/** A time between two of something that comes again. */
export function IntervalField({ label, hint, options, value, onChange, problem, disabled }: IntervalFieldProps) {
  const step = useStepStyles();
  const own: Options = options.some(([seconds]) => seconds === value) ? [] : [[value, duration(Number(value))]];
  return (
    <Field className={step.short} label={label} hint={hint} validationMessage={problem}>
      <Select value={value} onChange={(_, data) => onChange(data.value)} disabled={disabled}>
        {[...own, ...options].map(([seconds, text]) => (
          <option key={seconds} value={seconds}>
            {text}
          </option>
        ))}
      </Select>
    </Field>
  );
}
