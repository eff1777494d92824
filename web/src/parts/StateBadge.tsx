import { makeStyles, mergeClasses, tokens } from "@fluentui/react-components";
import {
  ArrowSyncFilled,
  CheckmarkCircleFilled,
  CircleRegular,
  ClockRegular,
  DeleteRegular,
  DismissCircleFilled,
  HourglassRegular,
  KeyResetRegular,
  PauseCircleRegular,
  WarningFilled,
  type FluentIcon,
} from "@fluentui/react-icons";
import { stateOf, type Kind, type Tone } from "./states";

const useStyles = makeStyles({
  badge: { display: "inline-flex", alignItems: "center", gap: tokens.spacingHorizontalXS, whiteSpace: "nowrap", lineHeight: tokens.lineHeightBase300 },
  icon: { flexShrink: 0, fontSize: "16px", display: "inline-flex" },
  neutral: { color: tokens.colorNeutralForeground3 },
  active: { color: tokens.colorBrandForeground1 },
  success: { color: tokens.colorStatusSuccessForeground1 },
  warning: { color: tokens.colorStatusWarningForeground1 },
  danger: { color: tokens.colorStatusDangerForeground1 },
});

const byTone: Record<Tone, FluentIcon> = { neutral: CircleRegular, active: ArrowSyncFilled, success: CheckmarkCircleFilled, warning: WarningFilled, danger: DismissCircleFilled };
const byState: Record<string, FluentIcon> = {
  Waiting: ClockRegular,
  Queued: HourglassRegular,
  Stopped: PauseCircleRegular,
  IncrementalStopped: PauseCircleRegular,
  Removing: DeleteRegular,
  Corrupted: KeyResetRegular,
};

/** A state with icon, colour and text; what it means is its title. */
export function StateBadge({ state, kind = "batch" }: { state: string; kind?: Kind }) {
  const { text, tone, meaning } = stateOf(kind, state);
  return <Mark icon={byState[state] ?? byTone[tone]} tone={tone} text={text} title={meaning} />;
}

const scores: Record<string, { tone: Tone; meaning: string }> = {
  Perfect: { tone: "success", meaning: "Every message of the sources is accounted for, and nothing of any was left behind." },
  Good: { tone: "success", meaning: "All messages arrived; keywords, dates or names of folders changed, or an operator has approved what was left out." },
  Investigate: { tone: "warning", meaning: "Fewer than 10 messages were left out, or at most 1 in 1,000." },
  Poor: { tone: "danger", meaning: "More than 10 messages, and more than 1 in 1,000, were left out." },
};

/** A data consistency score; none before the first whole pass. */
export function ScoreBadge({ score }: { score?: string }) {
  const known = score === undefined || score === "" ? undefined : (scores[score] ?? { tone: "neutral" as Tone, meaning: "" });
  if (!known) return <span title="There is a score after the first whole pass.">–</span>;
  return <Mark icon={byTone[known.tone]} tone={known.tone} text={score!} title={known.meaning} />;
}

/** Any mark with a tone, such as "Alive" and "Not heard of". */
export function ToneBadge({ tone, text, title }: { tone: Tone; text: string; title?: string }) {
  return <Mark icon={byTone[tone]} tone={tone} text={text} title={title} />;
}

function Mark({ icon: Icon, tone, text, title }: { icon: FluentIcon; tone: Tone; text: string; title?: string }) {
  const styles = useStyles();
  return (
    <span className={styles.badge} title={title || undefined}>
      <span className={mergeClasses(styles.icon, styles[tone])} aria-hidden>
        <Icon />
      </span>
      {text}
    </span>
  );
}
