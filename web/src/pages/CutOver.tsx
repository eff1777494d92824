import { makeStyles, tokens } from "@fluentui/react-components";
import { Card } from "../parts/Card";
import { To } from "../parts/Link";
import { Page } from "../shell/Page";

const useStyles = makeStyles({ list: { margin: 0, paddingLeft: tokens.spacingHorizontalXL, display: "flex", flexDirection: "column", gap: tokens.spacingVerticalS, maxWidth: "80ch" } });

/** What is to be done around moving the MX record, in its order. */
export default function CutOver() {
  const styles = useStyles();
  return (
    <Page title="Cut-over" intro="Moving the MX record is done at your DNS host. This is the order in which nothing gets lost.">
      <Card title="Before">
        <ol className={styles.list}>
          <li>A week ahead, lower the TTL of the domain's MX record to 3,600 seconds, so that the change is seen everywhere within an hour.</li>
          <li>
            Wait until every batch is Synced, and look at what was left out: <To to="/batches">the batches</To> have it under Findings.
          </li>
          <li>Test the new addresses: send a message to a few of them, and have their owners sign in.</li>
        </ol>
      </Card>
      <Card title="The change">
        <ol className={styles.list}>
          <li>Point the MX record to the new system, and SPF, DKIM and Autodiscover with it.</li>
          <li>Leave the batches running: they bring every day what still arrives at the old system.</li>
          <li>Wait 72 hours. Some servers hold on to the old record longer than its TTL says.</li>
        </ol>
      </Card>
      <Card title="After">
        <ol className={styles.list}>
          <li>Press Sync now in every batch, and wait until it is Synced again.</li>
          <li>Complete the batches: a final pass runs, and the passwords are wiped.</li>
          <li>Take the reports, then delete the batches. Only then switch the old system off.</li>
        </ol>
      </Card>
    </Page>
  );
}
