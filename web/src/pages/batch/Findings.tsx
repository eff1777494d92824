import { Accordion, AccordionHeader, AccordionItem, AccordionPanel, Button, makeStyles, Spinner, tokens } from "@fluentui/react-components";
import { CheckmarkCircleRegular } from "@fluentui/react-icons";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schema } from "../../api/client";
import { queries } from "../../api/queries";
import { ApproveDialog } from "../../parts/BatchActions";
import { DimmedButton, useRoleReason } from "../../parts/DimmedButton";
import { Empty } from "../../parts/Empty";
import { count, counted } from "../../parts/format";
import { To } from "../../parts/Link";
import { Loading } from "../../parts/Loading";
import { Problem } from "../../parts/Problem";
import { Said } from "../../parts/Said";
import { useToasts } from "../../parts/Toasts";
import { Card } from "./Card";
import { FindingList } from "./FindingList";

const useStyles = makeStyles({
  quiet: { color: tokens.colorNeutralForeground2 },
  head: { display: "flex", flexWrap: "wrap", gap: `0 ${tokens.spacingHorizontalM}`, overflowWrap: "anywhere" },
  panel: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM, paddingBottom: tokens.spacingVerticalM },
  bar: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalM, alignItems: "center" },
});

/** So many mailboxes are asked for at once. */
const some = 100;

/** What was left out, by mailbox. */
export function Findings({ batch }: { batch: Schema<"Batch"> }) {
  const styles = useStyles();
  const skipped = batch.figures?.skipped ?? 0;
  const { name } = batch;
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: ["left-out", name, skipped, batch.figures?.approved],
    queryFn: ({ pageParam, signal }) => ask(api.GET("/mailboxes", { params: { query: { batch: name, leftOut: true, cursor: pageParam, limit: some } }, signal })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next || undefined,
    enabled: skipped > 0,
    placeholderData: (before) => before,
  });
  if (batch.figures === undefined) return <Loading rows={3} what="Loading the findings" />;
  if (skipped === 0) {
    return (
      <Empty title="No message was left out" icon={CheckmarkCircleRegular}>
        {batch.lastSynced ? "What arrived changed, such as a folder with another name, is told at each mailbox." : "Nothing was copied yet."}
      </Empty>
    );
  }
  return (
    <Card title={`${counted(skipped, "message was", "messages were")} left out`}>
      <p className={styles.quiet}>
        {count(batch.figures.approved)} of them {batch.figures.approved === 1 ? "is" : "are"} approved. Approve what may stay behind; each approval has a reason and goes to the audit log.
      </p>
      {error && !data ? (
        <Problem error={error} title="What was left out could not be read" retry={() => void refetch()} />
      ) : !data ? (
        <Loading rows={4} height={32} what="Loading what was left out" />
      ) : (
        <>
          <Accordion collapsible multiple>
            {data.pages
              .flatMap((p) => p.items ?? [])
              .map((m) => (
                <OneMailbox key={m.address} batch={name} mailbox={m} />
              ))}
          </Accordion>
          {error && <Problem error={error} title="More mailboxes could not be read" />}
          {hasNextPage && (
            <div>
              <Button disabledFocusable={isFetchingNextPage} icon={isFetchingNextPage ? <Spinner size="tiny" /> : undefined} onClick={() => void fetchNextPage()}>
                Show more
              </Button>
            </div>
          )}
        </>
      )}
    </Card>
  );
}

function OneMailbox({ batch, mailbox }: { batch: string; mailbox: Schema<"Mailbox"> }) {
  const styles = useStyles();
  const toasts = useToasts();
  const role = useRoleReason("operator");
  const [asking, setAsking] = useState(false);
  const { address, skipped, approved } = mailbox;
  const approve = async (reason: string) => {
    await ask(api.POST("/batches/{batch}/mailboxes/{address}/approve", { params: { path: { batch, address } }, body: { reason } }));
    toasts.done("What was left out is approved.");
    for (const queryKey of [["left-out", batch], ["findings", batch, address], ["batch", batch], ["mailboxes", batch]]) void queries.invalidateQueries({ queryKey });
  };
  return (
    <AccordionItem value={address}>
      <AccordionHeader>
        <span className={styles.head}>
          <Said text={address} />
          <span className={styles.quiet}>
            {counted(skipped, "message")}
            {approved > 0 && `, ${approved >= skipped ? "all" : count(approved)} approved`}
          </span>
        </span>
      </AccordionHeader>
      <AccordionPanel>
        <div className={styles.panel}>
          <div className={styles.bar}>
            <DimmedButton size="small" reason={role ?? (approved >= skipped ? "All of them are approved." : undefined)} onClick={() => setAsking(true)}>
              Approve…
            </DimmedButton>
            <To to={`/batches/${encodeURIComponent(batch)}/mailboxes/${encodeURIComponent(address)}`}>To the mailbox</To>
          </div>
          <FindingList batch={batch} address={address} lostOnly />
        </div>
      </AccordionPanel>
      <ApproveDialog open={asking} onClose={() => setAsking(false)} title="Approve what was left out?" onApprove={approve}>
        <p>
          {counted(skipped - approved, "message", "messages")} of <Said text={address} /> did not arrive. Findings that come later are to be approved anew.
        </p>
      </ApproveDialog>
    </AccordionItem>
  );
}
