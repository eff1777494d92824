import { Button, Dialog, DialogBody, DialogContent, DialogSurface, DialogTitle, makeStyles, tokens } from "@fluentui/react-components";
import { useReturnFocus } from "../parts/useReturnFocus";
import { forgetUnsaved } from "../parts/useUnsaved";
import { SignInForm } from "./SignInForm";

const useStyles = makeStyles({ content: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM, alignItems: "flex-start" }, form: { alignSelf: "stretch" } });

export interface SignInAgainProps {
  /** Whose input it is. */
  name: string;
  /** Who has signed in meanwhile, in another tab of the same browser. */
  other?: string;
}

/** Over a page that holds what is not saved, when the session of whoever entered it has ended. */
export function SignInAgain({ name, other }: SignInAgainProps) {
  // A dialog below is read out again only once the focus is in it.
  useReturnFocus(true);
  const styles = useStyles();
  return (
    <Dialog open modalType="alert">
      <DialogSurface>
        <DialogBody>
          <DialogTitle>Sign in again</DialogTitle>
          <DialogContent className={styles.content}>
            <p>
              {other ? `In another tab ${other} has signed in, and this browser has one session.` : "Your session has ended."} What you have entered on the page is still there.
            </p>
            <div className={styles.form}>
              <SignInForm name={name} onDone={() => {}} />
            </div>
            {other && <Button onClick={forgetUnsaved}>Drop it and go on as {other}</Button>}
          </DialogContent>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
