import { makeStyles, Title2, tokens } from "@fluentui/react-components";
import { useEffect, type ReactNode } from "react";

const useStyles = makeStyles({
  whole: { display: "grid", placeItems: "center", minHeight: "100vh", padding: tokens.spacingHorizontalL, backgroundColor: tokens.colorNeutralBackground2 },
  card: { width: "100%", maxWidth: "420px", display: "flex", flexDirection: "column", gap: tokens.spacingVerticalL, padding: tokens.spacingHorizontalXXL, borderRadius: tokens.borderRadiusLarge, backgroundColor: tokens.colorNeutralBackground1, boxShadow: tokens.shadow8 },
  name: { color: tokens.colorNeutralForeground2, fontWeight: tokens.fontWeightSemibold },
});

/** A page for who is not signed in. */
export function Alone({ title, children }: { title: string; children: ReactNode }) {
  const styles = useStyles();
  useEffect(() => {
    document.title = `${title} – mailhaul`;
  }, [title]);
  return (
    <main className={styles.whole}>
      <div className={styles.card}>
        <div>
          <div className={styles.name}>mailhaul</div>
          <Title2 as="h1">{title}</Title2>
        </div>
        {children}
      </div>
    </main>
  );
}
