import { Dialog, DialogBody, DialogContent, DialogSurface, DialogTitle, makeStyles, tokens } from "@fluentui/react-components";
import { SignInForm } from "./SignInForm";

const useStyles = makeStyles({ content: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM } });

/** Over a page that holds what is not saved, when the session has ended. */
export function SignInAgain({ name }: { name: string }) {
  const styles = useStyles();
  return (
    <Dialog open modalType="alert">
      <DialogSurface>
        <DialogBody>
          <DialogTitle>Sign in again</DialogTitle>
          <DialogContent className={styles.content}>
            <p>Your session has ended. What you have entered on the page is still there.</p>
            <SignInForm name={name} onDone={() => {}} />
          </DialogContent>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
