import { Button, makeStyles, mergeClasses, Spinner, tokens, typographyStyles } from "@fluentui/react-components";
import { CheckmarkCircleFilled } from "@fluentui/react-icons";
import { useEffect, useRef, useState } from "react";
import { useSearchParams } from "react-router";
import { ConfirmByTyping } from "../parts/ConfirmByTyping";
import { useRoleReason } from "../parts/DimmedButton";
import { Empty } from "../parts/Empty";
import { Problem } from "../parts/Problem";
import { useUnsaved } from "../parts/useUnsaved";
import { Page } from "../shell/Page";
import { openToSource, usable } from "./newbatch/check";
import { maxBytes } from "./newbatch/csv";
import { DoneStep } from "./newbatch/DoneStep";
import { bounded, stepNames, steps, stepTroubles, type Step } from "./newbatch/draft";
import { EndpointsStep } from "./newbatch/EndpointsStep";
import { FileStep } from "./newbatch/FileStep";
import { FoldersStep } from "./newbatch/FoldersStep";
import { PreflightStep } from "./newbatch/PreflightStep";
import { ScheduleStep } from "./newbatch/ScheduleStep";
import { told } from "./newbatch/told";
import { useWizard, type Wizard } from "./newbatch/useWizard";

const useStyles = makeStyles({
  frame: { display: "grid", gridTemplateColumns: "200px minmax(0, 1fr)", gap: tokens.spacingHorizontalXXL, alignItems: "start", "@media (max-width: 900px)": { gridTemplateColumns: "minmax(0, 1fr)", gap: tokens.spacingVerticalM } },
  steps: { listStyleType: "none", margin: 0, padding: 0, display: "flex", flexDirection: "column", gap: tokens.spacingVerticalXS, "@media (max-width: 900px)": { flexDirection: "row", flexWrap: "wrap" } },
  step: {
    position: "relative", display: "flex", alignItems: "center", gap: tokens.spacingHorizontalS, width: "100%", padding: `${tokens.spacingVerticalXS} ${tokens.spacingHorizontalS}`, border: "none", borderRadius: tokens.borderRadiusMedium, background: "none", font: "inherit", color: "inherit", textAlign: "start", cursor: "pointer",
    ":hover": { backgroundColor: tokens.colorSubtleBackgroundHover },
    ":focus-visible": { outline: `2px solid ${tokens.colorStrokeFocus2}` },
  },
  current: { fontWeight: tokens.fontWeightSemibold, backgroundColor: tokens.colorNeutralBackground1Selected },
  later: { color: tokens.colorNeutralForeground2, cursor: "default", ":hover": { backgroundColor: "transparent" } },
  number: { display: "inline-flex", flexShrink: 0, width: "20px", height: "20px", alignItems: "center", justifyContent: "center", borderRadius: tokens.borderRadiusCircular, border: `1px solid ${tokens.colorNeutralStrokeAccessible}`, fontSize: tokens.fontSizeBase200 },
  tick: { flexShrink: 0, fontSize: "20px", color: tokens.colorStatusSuccessForeground1 },
  small: { "@media (max-width: 900px)": { position: "absolute", width: "1px", height: "1px", overflow: "hidden", clipPath: "inset(50%)", whiteSpace: "nowrap" } },
  hidden: { position: "absolute", width: "1px", height: "1px", overflow: "hidden", clipPath: "inset(50%)", whiteSpace: "nowrap" },
  body: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalL, minWidth: 0 },
  title: { ...typographyStyles.subtitle1, outlineStyle: "none" },
  actions: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS, paddingTop: tokens.spacingVerticalM, borderTop: `1px solid ${tokens.colorNeutralStroke2}` },
});

export default function NewBatch() {
  const role = useRoleReason("operator");
  return (
    <Page title="New batch" crumbs={[["/batches", "Batches"]]}>
      {role ? <Empty title="A batch is made by operators">{role}</Empty> : <WizardPage />}
    </Page>
  );
}

function WizardPage() {
  const styles = useStyles();
  const w = useWizard();
  const [search, setSearch] = useSearchParams();
  const hasFile = w.file !== undefined && w.file.size <= maxBytes;
  const asked = (search.get("step") ?? "") as Step | "";
  const step = bounded(steps.includes(asked as Step) ? (asked as Step) : w.draft.created ? "preflight" : "file", w.draft, hasFile);
  const [blocked, setBlocked] = useState("");
  const [anew, setAnew] = useState(false);
  useUnsaved(w.dirty);
  const title = useRef<HTMLHeadingElement>(null);
  const before = useRef(step);
  useEffect(() => {
    if (asked !== "" && asked !== step) setSearch({ step }, { replace: true });
  }, [asked, step, setSearch]);
  useEffect(() => {
    if (before.current !== step) title.current?.focus();
    before.current = step;
  }, [step]);
  // What was in the way may be no more.
  useEffect(() => setBlocked(""), [step, w.draft, w.file, w.edits, w.targetPassword]);
  const go = (to: Step) => setSearch({ step: to });
  const next = async () => {
    setBlocked("");
    const found = stepTroubles(step, w.draft);
    w.setTroubles(found);
    if (Object.keys(found).length > 0) return setBlocked("Something is missing or wrong; it is told at the fields.");
    if (step === "file" || step === "endpoints") {
      const summary = w.fresh && w.summary ? w.summary : await w.check();
      if (!summary) return;
      if (!usable(summary, w.draft.skipBad) && !(step === "file" && openToSource(summary))) return setBlocked(blockedBy(w, summary));
    }
    go(steps[steps.indexOf(step) + 1]!);
  };
  const index = steps.indexOf(step);
  return (
    <div className={styles.frame}>
      <nav aria-label="Steps">
        <ol className={styles.steps}>
          {steps.map((name, i) => {
            const open = bounded(name, w.draft, hasFile) === name;
            const past = i < index;
            return (
              <li key={name}>
                <button type="button" className={mergeClasses(styles.step, name === step && styles.current, !open && styles.later)} aria-current={name === step ? "step" : undefined} aria-disabled={!open} onClick={() => open && go(name)}>
                  <span className={styles.hidden}>Step </span>
                  {past ? <CheckmarkCircleFilled className={styles.tick} aria-hidden /> : <span className={styles.number}>{i + 1}</span>}
                  <span className={name === step ? undefined : styles.small}>{stepNames[name]}</span>
                  {past && <span className={styles.hidden}>, done</span>}
                </button>
              </li>
            );
          })}
        </ol>
      </nav>
      <div className={styles.body}>
        <h2 ref={title} tabIndex={-1} className={styles.title}>
          {stepNames[step]}
        </h2>
        {step === "file" && <FileStep wizard={w} />}
        {step === "endpoints" && <EndpointsStep wizard={w} />}
        {step === "folders" && <FoldersStep wizard={w} />}
        {step === "schedule" && <ScheduleStep wizard={w} />}
        {step === "preflight" && <PreflightStep wizard={w} onStep={go} />}
        {step === "done" && (
          <DoneStep
            wizard={w}
            onAgain={() => {
              w.reset();
              setSearch({});
            }}
          />
        )}
        {blocked && <Problem error={told(blocked)} />}
        {w.draft.created === "" && (
          <div className={styles.actions}>
            {index > 0 && <Button onClick={() => go(steps[index - 1]!)}>Back</Button>}
            {step !== "preflight" && (
              <Button appearance="primary" onClick={() => void next()} disabledFocusable={w.checking || (step === "file" && !hasFile)} icon={w.checking ? <Spinner size="tiny" /> : undefined}>
                Next
              </Button>
            )}
            {w.dirty && (
              <Button appearance="subtle" onClick={() => setAnew(true)}>
                Start over
              </Button>
            )}
          </div>
        )}
      </div>
      <ConfirmByTyping
        open={anew}
        onClose={() => setAnew(false)}
        title="Start over?"
        action="Start over"
        onConfirm={async () => {
          w.reset();
          setSearch({});
        }}
      >
        <p>All that was chosen and entered here is dropped. Your file stays as it is.</p>
      </ConfirmByTyping>
    </div>
  );
}

function blockedBy(w: Wizard, summary: { refused: boolean; mailboxes: number; errors: number }): string {
  if (summary.refused) return "The file cannot be used as it is; what to do is told above.";
  if (summary.mailboxes === 0) return "No row of the file can be used; what to do is told above.";
  return w.draft.skipBad ? "The file cannot be used as it is." : "Rows of the file are wrong. Mend them above, or leave out bad rows.";
}
