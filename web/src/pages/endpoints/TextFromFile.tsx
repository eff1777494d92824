import { Button, Field, makeStyles, Textarea, tokens } from "@fluentui/react-components";
import { DocumentRegular } from "@fluentui/react-icons";
import { useRef, useState } from "react";
import { Said } from "../../parts/Said";
import { bytes } from "../../parts/format";

const useStyles = makeStyles({
  box: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalXS, alignItems: "flex-start" },
  file: { display: "flex", flexWrap: "wrap", alignItems: "center", gap: tokens.spacingHorizontalS },
  area: { width: "100%", fontFamily: tokens.fontFamilyMonospace },
});

const most = 512 * 1024;

export interface TextFromFileProps {
  label: string;
  hint?: string;
  required?: boolean;
  problem?: string;
  value: string;
  onChange(text: string): void;
  accept: string;
  /** It is no secret. */
  shown?: boolean;
}

/** A text that is in a file mostly: chosen, or pasted. What is secret is not shown once it is there. */
export function TextFromFile({ label, hint, required, problem, value, onChange, accept, shown }: TextFromFileProps) {
  const styles = useStyles();
  const input = useRef<HTMLInputElement>(null);
  const [file, setFile] = useState("");
  const [typing, setTyping] = useState(false);
  const [trouble, setTrouble] = useState<string>();
  const take = async (list: FileList | null) => {
    const chosen = list?.[0];
    if (!chosen) return;
    if (chosen.size > most) return setTrouble(`${chosen.name} has ${bytes(chosen.size)}, which is too much for this.`);
    setTrouble(undefined);
    setTyping(false);
    setFile(chosen.name);
    onChange(await chosen.text());
  };
  const hidden = !shown && value !== "" && !typing;
  return (
    <Field label={label} hint={hint} required={required} validationMessage={trouble ?? problem}>
      {(field) => (
        <div className={styles.box}>
          {hidden ? (
            <div className={styles.file}>
              <DocumentRegular aria-hidden />
              <span>
                {file === "" ? "Pasted" : <Said text={file} />}, {bytes(new Blob([value]).size)}
              </span>
              <Button
                size="small"
                onClick={() => {
                  onChange("");
                  setFile("");
                }}
              >
                Remove
              </Button>
            </div>
          ) : (
            <Textarea
              {...field}
              className={styles.area}
              value={value}
              placeholder="Paste it here, or choose the file"
              rows={3}
              spellCheck={false}
              onFocus={() => setTyping(true)}
              onBlur={() => setTyping(false)}
              onChange={(_, data) => {
                setFile("");
                onChange(data.value);
              }}
            />
          )}
          <Button size="small" icon={<DocumentRegular />} onClick={() => input.current?.click()} aria-label={`Choose the file: ${label}`}>
            Choose the file
          </Button>
          <input
            ref={input}
            type="file"
            hidden
            accept={accept}
            onChange={(event) => {
              void take(event.target.files);
              event.target.value = "";
            }}
          />
        </div>
      )}
    </Field>
  );
}
