import { Button, MessageBar, MessageBarActions, MessageBarBody, MessageBarTitle } from "@fluentui/react-components";

export interface ChangedByOthersProps {
  /** What they have changed, in words; nothing is shown for none. */
  what: string[];
  onKeepMine(): void;
  onTakeTheirs(): void;
}

/** Says that somebody else has saved something since a form was begun, and asks whose input is to stay. */
export function ChangedByOthers({ what, onKeepMine, onTakeTheirs }: ChangedByOthersProps) {
  if (what.length === 0) return null;
  return (
    <MessageBar intent="warning" layout="multiline" role="alert">
      <MessageBarBody>
        <MessageBarTitle>Changed by somebody else. </MessageBarTitle>
        While you were editing, somebody has changed {what.join(", ")}. Nothing of yours is saved yet.
      </MessageBarBody>
      <MessageBarActions>
        <Button onClick={onKeepMine}>Keep my input over theirs</Button>
        <Button onClick={onTakeTheirs}>Take theirs</Button>
      </MessageBarActions>
    </MessageBar>
  );
}

/** Why a form cannot be saved while that is to be decided. */
export const undecided = "Somebody else has changed it meanwhile; choose above.";
