import { useQuery } from "@tanstack/react-query";
import { Button, makeStyles, MessageBar, MessageBarBody, tokens } from "@fluentui/react-components";
import { api, ask } from "../../api/client";
import { batchQuery } from "../../api/queries";
import { To, ToButton } from "../../parts/Link";
import { Problem } from "../../parts/Problem";
import { Said } from "../../parts/Said";
import { StateBadge } from "../../parts/StateBadge";
import { bytes, count, counted, duration } from "../../parts/format";
import { useStepStyles } from "./useStyles";
import type { Wizard } from "./useWizard";

const useStyles = makeStyles({ list: { margin: 0, paddingLeft: tokens.spacingHorizontalL, display: "flex", flexDirection: "column", gap: tokens.spacingVerticalXS } });

/** The batch is there: where it goes on. */
export function DoneStep({ wizard: w, onAgain }: { wizard: Wizard; onAgain(): void }) {
  const styles = useStyles();
  const step = useStepStyles();
  const name = w.draft.created;
  const { data: batch, error } = useQuery({ ...batchQuery(name), refetchInterval: 3_000 });
  const test = w.draft.test && w.draft.all > 0;
  const to = `/batches/${encodeURIComponent(name)}`;
  return (
    <div className={step.step}>
      <MessageBar intent="success" layout="multiline">
        <MessageBarBody>
          The batch {name} was created{batch && <>, with {counted(batch.counts.total, "mailbox", "mailboxes")}</>}. {batch && <StateBadge kind="batch" state={batch.state} />}
        </MessageBarBody>
      </MessageBar>
      <Problem error={error} title="The batch could not be read" />
      {test && <AllOfThem batch={name} all={w.draft.all} />}
      <ul className={styles.list}>
        <li>
          <To to={test ? `${to}?mailboxes=${w.draft.all}` : to}>The batch</To>
          {test && ", where it is said how long all mailboxes will take, and where the rest of the file is added"}
        </li>
        <li>
          <To to={`${to}/mailboxes`}>Its mailboxes</To>
        </li>
        <li>
          <To to={`${to}/reports`}>Its reports</To>
        </li>
        <li>
          <To to="/">The dashboard</To>
        </li>
      </ul>
      <div className={step.actions}>
        <ToButton to={test ? `${to}?mailboxes=${w.draft.all}` : to} appearance="primary">
          Go to the batch
        </ToButton>
        <Button onClick={onAgain}>Create another batch</Button>
      </div>
    </div>
  );
}

/** How long all mailboxes of the file will take, as soon as some of the test batch are copied. */
function AllOfThem({ batch, all }: { batch: string; all: number }) {
  const { data } = useQuery({
    queryKey: ["estimate", batch, all],
    queryFn: () => ask(api.GET("/batches/{batch}/estimate", { params: { path: { batch }, query: { mailboxes: all } } })),
    refetchInterval: (query) => (query.state.data?.enough ? 30_000 : 4_000),
    retry: false,
  });
  if (!data) return null;
  if (data.mailboxesMeasured === 0 || (data.seconds === 0 && !data.note)) return <p>As soon as its first mailboxes are copied, it can be said how long all {count(all)} will take.</p>;
  return (
    <MessageBar intent={data.enough ? "info" : "warning"} layout="multiline">
      <MessageBarBody>
        {data.seconds > 0 && (
          <>
            All {counted(data.mailboxes, "mailbox", "mailboxes")} will take about {duration(data.seconds)} ({duration(data.low)} to {duration(data.high)}), going by {counted(data.mailboxesMeasured, "mailbox", "mailboxes")} of {bytes(data.bytesPerMailbox)} each.{" "}
          </>
        )}
        {data.note && <Said text={data.note} />}
      </MessageBarBody>
    </MessageBar>
  );
}
