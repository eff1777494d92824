import { ProgressBar } from "@fluentui/react-components";
import type { Schema } from "../../api/client";
import { count, counted } from "../../parts/format";
import { To } from "../../parts/Link";
import { Card, Facts } from "./Card";

/** What the last preflight says of the mailboxes that no pass has gone through for since. Nothing when none was tried. */
export function Preflight({ batch }: { batch: Schema<"Batch"> }) {
  const { ready = 0, noted = 0, notReady = 0, trying = 0 } = batch.figures ?? {};
  const tried = ready + noted + notReady;
  if (tried + trying === 0) return null;
  const to = `/batches/${encodeURIComponent(batch.name)}/mailboxes?notReady=true`;
  return (
    <Card title="Preflight" actions={notReady > 0 && <To to={to}>Show those that are not ready</To>}>
      {trying > 0 && <ProgressBar value={tried / (tried + trying)} aria-label="Preflight" color={notReady > 0 ? "error" : "brand"} />}
      <Facts
        large
        of={[
          ["Ready", count(ready)],
          ["Ready, with notes", count(noted)],
          ["Not ready", notReady > 0 ? <To to={to}>{count(notReady)}</To> : "0"],
          ["Still being tried", trying > 0 ? count(trying) : undefined],
        ]}
      />
      <p role="status">
        {trying > 0
          ? `${counted(trying, "mailbox is", "mailboxes are")} still to be tried. Nothing is copied meanwhile.`
          : notReady > 0
            ? `Each mailbox that is not ready says on its page why, and what to do. Then press Preflight again. A batch can be started all the same: those that fail can be retried.`
            : "Every mailbox that was tried can be migrated."}
      </p>
    </Card>
  );
}
