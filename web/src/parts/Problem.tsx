import { Button, MessageBar, MessageBarActions, MessageBarBody, MessageBarTitle, makeStyles, tokens } from "@fluentui/react-components";
import { problemOf } from "../api/problem";
import { Said } from "./Said";

const useStyles = makeStyles({
  bar: { maxWidth: "100%" },
  body: { whiteSpace: "normal", paddingTop: tokens.spacingVerticalXS, paddingBottom: tokens.spacingVerticalXS },
  list: { margin: 0, paddingLeft: tokens.spacingHorizontalL },
});

export interface ProblemProps {
  /** What was thrown. Nothing is shown for null and undefined. */
  error: unknown;
  /** What could not be done: "The batches could not be read". */
  title?: string;
  retry?: () => void;
  /** What to do about it on this page, in the place of what the server advises. */
  remedy?: string;
  /** Fields that the form shows itself. */
  shownFields?: string[];
}

/** What went wrong and what to do about it, with another try where that may help. */
export function Problem({ error, title, retry, remedy, shownFields = [] }: ProblemProps) {
  const styles = useStyles();
  if (error === null || error === undefined) return null;
  const problem = problemOf(error);
  const fields = problem.fields.filter((f) => !shownFields.some((name) => f.name === name || f.name.endsWith(`.${name}`)));
  return (
    <MessageBar intent="error" layout="multiline" className={styles.bar} role="alert">
      <MessageBarBody className={styles.body}>
        {title && <MessageBarTitle>{title}. </MessageBarTitle>}
        <Said text={problem.detail} /> {(remedy ?? problem.remedy) && <Said text={remedy ?? problem.remedy!} />}
        {fields.length > 0 && (
          <ul className={styles.list}>
            {fields.map((f) => (
              <li key={f.name + f.detail}>
                <Said text={f.name} />: <Said text={f.detail} />
              </li>
            ))}
          </ul>
        )}
      </MessageBarBody>
      {retry && (
        <MessageBarActions>
          <Button onClick={retry}>Try again</Button>
        </MessageBarActions>
      )}
    </MessageBar>
  );
}
