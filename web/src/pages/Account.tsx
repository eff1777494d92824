import { makeStyles, tokens } from "@fluentui/react-components";
import { useMe } from "../api/queries";
import { Card } from "../parts/Card";
import { When } from "../parts/When";
import { Page } from "../shell/Page";
import { PasswordCard } from "./account/PasswordCard";
import { SecondFactorCard } from "./account/SecondFactorCard";
import { SessionsCard } from "./account/SessionsCard";
import { TokensCard } from "./account/TokensCard";

const useStyles = makeStyles({
  facts: { display: "grid", gridTemplateColumns: "max-content minmax(0, 1fr)", gap: `${tokens.spacingVerticalXS} ${tokens.spacingHorizontalL}`, margin: 0 },
  value: { margin: 0 },
});

export default function Account() {
  const styles = useStyles();
  const me = useMe();
  const facts: [string, React.ReactNode][] = [
    ["Name", me.name],
    ["Role", me.role],
    ["Email address", me.email || "none; an admin can set it"],
    ["Created", <When at={me.created} absolute />],
  ];
  return (
    <Page title="Your account">
      <Card title="You">
        <dl className={styles.facts}>
          {facts.map(([name, value]) => (
            <div key={name} style={{ display: "contents" }}>
              <dt>{name}</dt>
              <dd className={styles.value}>{value}</dd>
            </div>
          ))}
        </dl>
      </Card>
      <PasswordCard />
      <SecondFactorCard />
      <SessionsCard />
      <TokensCard />
    </Page>
  );
}
