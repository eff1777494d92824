import { makeStyles, ProgressBar, tokens } from "@fluentui/react-components";
import type { Schema } from "../../api/client";
import { percent, visible } from "../../parts/format";

const useStyles = makeStyles({ row: { display: "grid", gridTemplateColumns: "minmax(24px, 1fr) max-content", alignItems: "center", gap: tokens.spacingHorizontalS, fontVariantNumeric: "tabular-nums", whiteSpace: "nowrap" } });

/** How far the pass of a mailbox has come; an endless bar while it is not known how much there is. */
export function MailboxProgress({ mailbox }: { mailbox: Schema<"Mailbox"> }) {
  const styles = useStyles();
  const { messages, messagesTotal } = mailbox.progress;
  if (messagesTotal === 0 && messages === 0 && mailbox.passes === 0) return <>–</>;
  const share = messagesTotal > 0 ? Math.min(1, messages / messagesTotal) : mailbox.passes > 0 ? 1 : undefined;
  return (
    <div className={styles.row}>
      <ProgressBar value={share} thickness="large" aria-label={`Progress of ${visible(mailbox.address)}`} />
      {share === undefined ? "" : percent(share, 1)}
    </div>
  );
}
