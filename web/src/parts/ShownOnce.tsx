import { Button, Checkbox, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, makeStyles, tokens } from "@fluentui/react-components";
import { ArrowDownloadRegular } from "@fluentui/react-icons";
import { useEffect, useState, type ReactNode } from "react";
import { CopyButton } from "./CopyButton";
import { save } from "./download";
import { useReturnFocus } from "./useReturnFocus";
import { useUnsaved } from "./useUnsaved";

const useStyles = makeStyles({
  content: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM },
  ways: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS },
});

export interface ShownOnceProps {
  open: boolean;
  onClose(): void;
  title: string;
  /** What it is, and the secret as people read it. */
  children: ReactNode;
  /** The secret as it is copied and downloaded. */
  text: string;
  /** What the download is called. */
  fileName: string;
  /** What is ticked before it closes: "I have kept the codes". */
  kept: string;
}

/** A dialog with a secret that is shown this once. It closes only for who says that it is kept: Escape, or a click beside it, would lose it. */
export function ShownOnce({ open, onClose, title, children, text, fileName, kept }: ShownOnceProps) {
  useReturnFocus(open);
  const styles = useStyles();
  const [ticked, setTicked] = useState(false);
  useUnsaved(open);
  useEffect(() => {
    if (open) setTicked(false);
  }, [open]);
  return (
    <Dialog open={open} modalType="alert">
      <DialogSurface>
        <DialogBody>
          <DialogTitle>{title}</DialogTitle>
          <DialogContent className={styles.content}>
            {children}
            <div className={styles.ways}>
              <CopyButton text={text} />
              <Button icon={<ArrowDownloadRegular />} onClick={() => save(new Blob([`${text}\n`], { type: "text/plain" }), fileName)}>
                Download
              </Button>
            </div>
            <div>
              <Checkbox checked={ticked} onChange={(_, data) => setTicked(data.checked === true)} label={kept} />
            </div>
          </DialogContent>
          <DialogActions>
            <Button appearance="primary" disabledFocusable={!ticked} onClick={onClose}>
              Close
            </Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
