import { Button, makeStyles, MessageBar, MessageBarBody, mergeClasses, tokens } from "@fluentui/react-components";
import { CheckmarkCircleFilled, DismissCircleFilled, SubtractCircleRegular } from "@fluentui/react-icons";
import type { Schema } from "../../api/client";
import { Said } from "../../parts/Said";
import { pinIn } from "./pin";

const useStyles = makeStyles({
  list: { listStyleType: "none", margin: 0, padding: 0, display: "flex", flexDirection: "column", gap: tokens.spacingVerticalS },
  step: { display: "grid", gridTemplateColumns: "20px minmax(0, 1fr)", columnGap: tokens.spacingHorizontalS },
  icon: { fontSize: "18px", lineHeight: 1, paddingTop: "1px" },
  ok: { color: tokens.colorStatusSuccessForeground1 },
  failed: { color: tokens.colorStatusDangerForeground1 },
  skipped: { color: tokens.colorNeutralForeground3 },
  name: { fontWeight: tokens.fontWeightSemibold },
  detail: { color: tokens.colorNeutralForeground2 },
  remedy: { paddingTop: tokens.spacingVerticalXXS },
  box: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM },
});

const names: Record<string, string> = { resolve: "Find the host", connect: "Connect", tls: "TLS", greeting: "Greeting", "sign-in": "Sign in", folders: "Folders" };
const words: Record<string, string> = { ok: "ok", failed: "failed", skipped: "skipped" };

/** How far a test came, step by step, and what to do where it ended. */
export function ProbeResult({ probe, what = "The test", onTrust }: { probe: Schema<"Probe">; what?: string; onTrust?(pin: string): void }) {
  const styles = useStyles();
  const steps = probe.steps ?? [];
  const refusedTLS = steps.find((step) => step.step === "tls" && step.result === "failed");
  const pin = refusedTLS && (probe.profile?.pin ?? pinIn(`${refusedTLS.detail ?? ""} ${refusedTLS.remedy ?? ""}`));
  const signedIn = steps.some((step) => step.step === "sign-in" && step.result === "ok");
  return (
    <div className={styles.box}>
      <MessageBar intent={probe.ok ? "success" : "error"} layout="multiline">
        <MessageBarBody>{probe.ok ? `${what} went well${signedIn ? "." : "; nobody was signed in."}` : `${what} did not go well.`}</MessageBarBody>
      </MessageBar>
      <ol className={styles.list}>
        {steps.map((step) => (
          <li key={step.step} className={styles.step}>
            <span className={mergeClasses(styles.icon, step.result === "ok" ? styles.ok : step.result === "failed" ? styles.failed : styles.skipped)} aria-hidden>
              {step.result === "ok" ? <CheckmarkCircleFilled /> : step.result === "failed" ? <DismissCircleFilled /> : <SubtractCircleRegular />}
            </span>
            <div>
              <span className={styles.name}>{names[step.step] ?? step.step}</span>: {words[step.result] ?? step.result}
              {step.detail && (
                <div className={styles.detail}>
                  <Said text={step.detail} />
                </div>
              )}
              {step.remedy && (
                <div className={styles.remedy}>
                  <Said text={step.remedy} />
                </div>
              )}
            </div>
          </li>
        ))}
      </ol>
      {pin && (
        <div className={styles.box}>
          <p>
            The key that it showed: <Said mono text={pin} />. Compare it with the server’s own before you trust it.
          </p>
          {onTrust && (
            <div>
              <Button onClick={() => onTrust(pin)}>Trust this key</Button>
            </div>
          )}
        </div>
      )}
    </div>
  );
}
