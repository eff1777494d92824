import { Link, makeStyles, tokens } from "@fluentui/react-components";
import { OpenRegular } from "@fluentui/react-icons";
import { path, type Schema } from "../../api/client";
import { DownloadLink } from "../../parts/DownloadLink";
import { Card } from "../batch/Card";

const useStyles = makeStyles({
  quiet: { color: tokens.colorNeutralForeground2 },
  links: { display: "flex", flexWrap: "wrap", gap: `${tokens.spacingVerticalS} ${tokens.spacingHorizontalXL}` },
  link: { display: "inline-flex", gap: tokens.spacingHorizontalXS, alignItems: "center" },
});

/** What the owner of the mailbox gets, to be read and saved. */
export function Handover({ mailbox }: { mailbox: Schema<"Mailbox"> }) {
  const styles = useStyles();
  const { batch, address } = mailbox;
  return (
    <Card title="Hand-over">
      <p className={styles.quiet}>
        What the owner gets, to see that everything is there: what was brought over, what was left out and why, and what to do now. It holds no password.
        {!mailbox.lastSynced && " There is none before the mailbox was synchronised."}
      </p>
      {mailbox.lastSynced && (
        <div className={styles.links}>
          <Link href={path`/batches/${batch}/mailboxes/${address}/handover.html`} target="_blank" rel="noopener noreferrer" className={styles.link}>
            <OpenRegular aria-hidden />
            Open the hand-over in a new tab
          </Link>
          <DownloadLink href={path`/batches/${batch}/mailboxes/${address}/handover.txt`} name={`${address}-handover.txt`}>
            Download it as text
          </DownloadLink>
        </div>
      )}
    </Card>
  );
}
