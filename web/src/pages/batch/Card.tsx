import { makeStyles, mergeClasses, Subtitle2, tokens } from "@fluentui/react-components";
import type { ReactNode } from "react";

const useStyles = makeStyles({
  card: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM, minWidth: 0, padding: tokens.spacingHorizontalL, backgroundColor: tokens.colorNeutralBackground1, border: `1px solid ${tokens.colorNeutralStroke2}`, borderRadius: tokens.borderRadiusLarge },
  head: { display: "flex", flexWrap: "wrap", alignItems: "center", justifyContent: "space-between", gap: tokens.spacingHorizontalM },
  facts: { display: "grid", gridTemplateColumns: "repeat(auto-fill, minmax(150px, 1fr))", gap: `${tokens.spacingVerticalM} ${tokens.spacingHorizontalL}`, margin: 0 },
  fact: { minWidth: 0 },
  term: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200, lineHeight: tokens.lineHeightBase200 },
  many: { gridTemplateColumns: "repeat(auto-fill, minmax(110px, 1fr))" },
  value: { margin: 0, fontVariantNumeric: "tabular-nums", overflowWrap: "anywhere" },
  large: { fontSize: tokens.fontSizeBase500, lineHeight: tokens.lineHeightBase500, fontWeight: tokens.fontWeightSemibold },
});

/** A part of a page with a heading; without a title, what is in it has one. */
export function Card({ title, actions, children }: { title?: string; actions?: ReactNode; children: ReactNode }) {
  const styles = useStyles();
  if (title === undefined) return <div className={styles.card}>{children}</div>;
  return (
    <section className={styles.card} aria-label={title}>
      <div className={styles.head}>
        <Subtitle2 as="h2">{title}</Subtitle2>
        {actions}
      </div>
      {children}
    </section>
  );
}

/** Figures with what they are; those without a value stay out. */
export function Facts({ of, large }: { of: [term: string, value: ReactNode][]; large?: boolean }) {
  const styles = useStyles();
  return (
    <dl className={mergeClasses(styles.facts, large && styles.many)}>
      {of
        .filter(([, value]) => value !== undefined)
        .map(([term, value]) => (
          <div key={term} className={styles.fact}>
            <dt className={styles.term}>{term}</dt>
            <dd className={mergeClasses(styles.value, large && styles.large)}>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
