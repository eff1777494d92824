import { Breadcrumb, BreadcrumbButton, BreadcrumbDivider, BreadcrumbItem, makeStyles, tokens, typographyStyles } from "@fluentui/react-components";
import { Fragment, useEffect, useRef, type ReactNode } from "react";
import { visible } from "../parts/format";
import { Said } from "../parts/Said";
import { useHref, useLocation, useNavigate } from "react-router";

const useStyles = makeStyles({
  page: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalL, maxWidth: "1600px", margin: "0 auto", width: "100%", minWidth: 0 },
  narrow: { maxWidth: "760px", margin: 0 },
  head: { display: "flex", flexWrap: "wrap", alignItems: "center", gap: `${tokens.spacingVerticalS} ${tokens.spacingHorizontalL}`, justifyContent: "space-between" },
  title: { ...typographyStyles.title2, outlineStyle: "none", minWidth: 0, overflowWrap: "anywhere" },
  actions: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS, alignItems: "center" },
  intro: { color: tokens.colorNeutralForeground2, maxWidth: "80ch" },
  crumbs: { marginLeft: `calc(-1 * ${tokens.spacingHorizontalS})` },
  crumbList: { flexWrap: "wrap" },
  crumb: { minWidth: 0, maxWidth: "100%", "& > *": { height: "auto", whiteSpace: "normal", overflowWrap: "anywhere", textAlign: "start" } },
});

// The page that was shown last, and the one whose heading was given the focus.
let last = "";
let headed = "";

export interface PageProps {
  title: string;
  /** Shown as the heading in the place of the title. */
  heading?: ReactNode;
  /** What the page is for, in a sentence. */
  intro?: ReactNode;
  /** Where the page is: [["/batches", "Batches"]]. */
  crumbs?: [to: string, text: string][];
  /** Buttons beside the heading. */
  actions?: ReactNode;
  /** For forms: lines that are not too long. */
  narrow?: boolean;
  /** What counts as one page, where tabs have paths of their own: going from one to the other leaves the focus where it is. */
  place?: string;
  children?: ReactNode;
}

/** A page: its title in the window, and its heading, which has the focus when one has come to it. */
export function Page({ title, heading, intro, crumbs, actions, narrow, place, children }: PageProps) {
  const styles = useStyles();
  const h1 = useRef<HTMLHeadingElement>(null);
  const { pathname } = useLocation();
  const here = place ?? pathname;
  useEffect(() => {
    document.title = title === "mailhaul" ? title : `${visible(title)} – mailhaul`;
  }, [title]);
  useEffect(() => {
    // The first page of a visit leaves the focus where the browser puts it. A heading that
    // had it may have been replaced when what the page shows was loaded.
    const lost = headed === here && document.activeElement === document.body;
    if (lost || (last !== "" && last !== here)) {
      h1.current?.focus({ preventScroll: true });
      headed = here;
    }
    last = here;
  }, [here]);
  return (
    <div className={narrow ? `${styles.page} ${styles.narrow}` : styles.page}>
      <div>
        {crumbs && (
          <Breadcrumb aria-label="Where this page is" size="small" className={styles.crumbs} list={{ className: styles.crumbList }}>
            {crumbs.map(([to, text], i) => (
              <Fragment key={to}>
                {i > 0 && <BreadcrumbDivider />}
                <BreadcrumbItem className={styles.crumb}>
                  <Crumb to={to} text={text} />
                </BreadcrumbItem>
              </Fragment>
            ))}
            <BreadcrumbDivider />
            <BreadcrumbItem className={styles.crumb}>
              <BreadcrumbButton current>
                <Said text={title} />
              </BreadcrumbButton>
            </BreadcrumbItem>
          </Breadcrumb>
        )}
        <div className={styles.head}>
          <h1 ref={h1} tabIndex={-1} className={styles.title}>
            {heading ?? <Said text={title} />}
          </h1>
          {actions && <div className={styles.actions}>{actions}</div>}
        </div>
        {intro && <p className={styles.intro}>{intro}</p>}
      </div>
      {children}
    </div>
  );
}

function Crumb({ to, text }: { to: string; text: string }) {
  const href = useHref(to);
  const navigate = useNavigate();
  return (
    <BreadcrumbButton
      href={href}
      onClick={(event: React.MouseEvent) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        void navigate(to);
      }}
    >
      <Said text={text} />
    </BreadcrumbButton>
  );
}
