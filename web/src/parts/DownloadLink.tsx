import { Link, makeStyles, tokens } from "@fluentui/react-components";
import { ArrowDownloadRegular } from "@fluentui/react-icons";
import type { MouseEvent, ReactNode } from "react";
import { download } from "./download";
import { useToasts } from "./Toasts";

const useStyles = makeStyles({ link: { display: "inline-flex", gap: tokens.spacingHorizontalXS, alignItems: "center" } });

/** A link to a file of the API, which is saved under this name. */
export function DownloadLink({ href, name, children }: { href: string; name: string; children: ReactNode }) {
  const styles = useStyles();
  const toasts = useToasts();
  // A mere link would save what is said when the session has ended, or fail without a word.
  const save = (event: MouseEvent) => {
    event.preventDefault();
    download(href, name).catch((error: unknown) => toasts.failed(`${name} could not be downloaded`, error));
  };
  return (
    <Link href={href} download={name} onClick={save} className={styles.link}>
      <ArrowDownloadRegular aria-hidden />
      {children}
    </Link>
  );
}
