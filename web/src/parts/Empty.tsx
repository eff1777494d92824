import { makeStyles, Subtitle2, Text, tokens } from "@fluentui/react-components";
import { MailInboxRegular, type FluentIcon } from "@fluentui/react-icons";
import type { ReactNode } from "react";

const useStyles = makeStyles({
  box: { display: "flex", flexDirection: "column", alignItems: "center", gap: tokens.spacingVerticalS, padding: `${tokens.spacingVerticalXXXL} ${tokens.spacingHorizontalL}`, textAlign: "center" },
  icon: { fontSize: "40px", color: tokens.colorNeutralForeground4, lineHeight: 1 },
  text: { color: tokens.colorNeutralForeground2, maxWidth: "56ch" },
  actions: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS, justifyContent: "center", paddingTop: tokens.spacingVerticalS },
});

/** What a list shows that has nothing in it: why, and what to do first. */
export function Empty({ title, children, actions, icon: Icon = MailInboxRegular }: { title: string; children?: ReactNode; actions?: ReactNode; icon?: FluentIcon }) {
  const styles = useStyles();
  return (
    <div className={styles.box}>
      <span className={styles.icon} aria-hidden>
        <Icon />
      </span>
      <Subtitle2>{title}</Subtitle2>
      {children && <Text className={styles.text}>{children}</Text>}
      {actions && <div className={styles.actions}>{actions}</div>}
    </div>
  );
}
