import { Button, makeStyles, Spinner, tokens } from "@fluentui/react-components";
import { ArrowDownloadRegular } from "@fluentui/react-icons";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, path, type Schema } from "../../api/client";
import { DimmedButton, useRoleReason } from "../../parts/DimmedButton";
import { Bytes } from "../../parts/Figure";
import { counted } from "../../parts/format";
import { Loading } from "../../parts/Loading";
import { Problem } from "../../parts/Problem";
import { Said } from "../../parts/Said";
import { ToneBadge } from "../../parts/StateBadge";
import { useToasts } from "../../parts/Toasts";
import { When } from "../../parts/When";
import { download } from "../../parts/download";

type Finding = Schema<"Finding">;

const useStyles = makeStyles({
  list: { listStyle: "none", margin: 0, padding: 0, display: "flex", flexDirection: "column" },
  item: { display: "grid", gridTemplateColumns: "minmax(0, 1fr) auto", gap: `${tokens.spacingVerticalXS} ${tokens.spacingHorizontalM}`, padding: `${tokens.spacingVerticalM} 0`, borderTop: `1px solid ${tokens.colorNeutralStroke3}`, overflowWrap: "anywhere", ":first-child": { borderTop: "none" } },
  text: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalXXS, minWidth: 0 },
  reason: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalM },
  what: { color: tokens.colorNeutralForeground2 },
  save: { alignSelf: "start" },
  facts: { display: "flex", flexWrap: "wrap", gap: `0 ${tokens.spacingHorizontalM}`, color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200 },
});

/** What anyone should know of a mailbox: what was left out, and what arrived changed. */
export function FindingList({ batch, address, lostOnly }: { batch: string; address: string; lostOnly?: boolean }) {
  const styles = useStyles();
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: ["findings", batch, address],
    queryFn: ({ pageParam, signal }) => ask(api.GET("/batches/{batch}/mailboxes/{address}/findings", { params: { path: { batch, address }, query: { cursor: pageParam, limit: 100 } }, signal })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next || undefined,
  });
  if (error && !data) return <Problem error={error} title="The findings could not be read" retry={() => void refetch()} />;
  if (!data) return <Loading rows={3} height={48} what="Loading the findings" />;
  const findings = data.pages.flatMap((p) => p.items ?? []).filter((f) => !lostOnly || f.lost);
  return (
    <>
      {findings.length === 0 && !hasNextPage && <p className={styles.what}>{lostOnly ? "No message was left out." : "There is nothing to know of this mailbox."}</p>}
      <ul className={styles.list}>
        {findings.map((f) => (
          <Item key={f.id} batch={batch} address={address} finding={f} />
        ))}
      </ul>
      {error && <Problem error={error} title="More findings could not be read" />}
      {hasNextPage && (
        <div>
          <Button disabledFocusable={isFetchingNextPage} icon={isFetchingNextPage ? <Spinner size="tiny" /> : undefined} onClick={() => void fetchNextPage()}>
            Show more
          </Button>
        </div>
      )}
    </>
  );
}

function Item({ batch, address, finding: f }: { batch: string; address: string; finding: Finding }) {
  const styles = useStyles();
  const toasts = useToasts();
  const role = useRoleReason("operator");
  const [busy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    try {
      await download(path`/batches/${batch}/mailboxes/${address}/findings/${f.id}/message`, `message-${f.uid ?? f.id}.eml`);
    } catch (error) {
      toasts.failed("The message could not be downloaded", error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <li className={styles.item}>
      <div className={styles.text}>
        <div className={styles.reason}>
          {f.approvedBy ? (
            <ToneBadge tone="success" text="Approved" title={`By ${f.approvedBy}`} />
          ) : f.lost ? (
            <ToneBadge tone="warning" text="Left out" title="It did not arrive." />
          ) : (
            <ToneBadge tone="neutral" text="To know" title="No message was lost." />
          )}
          <Said text={f.reason} />
        </div>
        {f.remedy && (
          <div className={styles.what}>
            <Said text={f.remedy} />
          </div>
        )}
        {f.subject && (
          <div>
            Subject: <Said text={f.subject} />
          </div>
        )}
        <div className={styles.facts}>
          {f.folder && (
            <span>
              Folder <Said text={f.folder} />
            </span>
          )}
          {f.uid !== undefined && f.uid > 0 && <span>UID {f.uid}</span>}
          {f.date && !f.date.startsWith("0001") && <When at={f.date} absolute />}
          {f.size !== undefined && f.size > 0 && <Bytes n={f.size} />}
          {f.count !== undefined && f.count > 1 && <span>{counted(f.count, "message")}</span>}
          {f.approvedBy && (
            <span>
              Approved by <Said text={f.approvedBy} /> <When at={f.approvedAt} />
            </span>
          )}
        </div>
      </div>
      {f.lost && f.uid !== undefined && f.uid > 0 && (
        <DimmedButton className={styles.save} size="small" icon={busy ? <Spinner size="extra-tiny" /> : <ArrowDownloadRegular />} reason={role ?? (busy ? "It is being fetched from the source." : undefined)} onClick={() => void save()} aria-label={`Download message ${f.uid} as .eml`}>
          .eml
        </DimmedButton>
      )}
    </li>
  );
}
