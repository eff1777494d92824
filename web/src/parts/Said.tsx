import { makeStyles, mergeClasses, tokens } from "@fluentui/react-components";
import { visible } from "./format";

const useStyles = makeStyles({
  mono: { fontFamily: tokens.fontFamilyMonospace, fontSize: tokens.fontSizeBase200 },
  line: { display: "inline-block", maxWidth: "100%", overflow: "hidden", textOverflow: "ellipsis", whiteSpace: "nowrap", verticalAlign: "bottom" },
});

/** Text of a server, of mail or of a file: text and nothing else, with what cannot be seen made visible. */
export function Said({ text, mono, line }: { text: string; mono?: boolean; line?: boolean }) {
  const styles = useStyles();
  return <bdi className={mergeClasses(mono && styles.mono, line && styles.line)} title={line ? visible(text) : undefined}>{visible(text)}</bdi>;
}
