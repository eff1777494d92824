import { Button, Field, Input, makeStyles, Menu, MenuItem, MenuList, MenuPopover, MenuTrigger, tokens } from "@fluentui/react-components";
import { AddRegular, DismissRegular } from "@fluentui/react-icons";
import { useRef, useState, type ReactNode } from "react";
import { useAfterClick } from "../../parts/useAfterClick";

const useStyles = makeStyles({
  box: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalXS, maxWidth: "560px" },
  row: { display: "flex", gap: tokens.spacingHorizontalXS, alignItems: "flex-start" },
  add: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalXS, alignItems: "flex-start" },
  field: { flex: "1 1 180px", minWidth: 0, gridTemplateColumns: "minmax(0, 1fr)" },
  input: { width: "100%", minWidth: 0 },
  label: { fontWeight: tokens.fontWeightSemibold },
  hint: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200 },
});

export interface ListEditorProps {
  label: string;
  hint?: ReactNode;
  /** One of the list, as the buttons call it: "folder". */
  one: string;
  values: string[];
  onChange(values: string[]): void;
  /** What is wrong with one of them. */
  trouble?(value: string): string | undefined;
  /** What the server says of the list. */
  problem?: string;
  suggestions?: [value: string, text: string][];
  suggest?: string;
  placeholder?: string;
  type?: "text" | "email";
  readOnly?: boolean;
}

/** A list of lines that are added, changed and taken away. */
export function ListEditor({ label, hint, one, values, onChange, trouble, problem, suggestions, suggest, placeholder, type = "text", readOnly }: ListEditorProps) {
  const styles = useStyles();
  const [fresh, setFresh] = useState("");
  const input = useRef<HTMLInputElement>(null);
  const afterClick = useAfterClick();
  const add = (text: string) => {
    // Several can be pasted at once.
    const list = text.split(type === "email" ? /[\s,;]+/ : /\r?\n/).map((t) => t.trim()).filter((t) => t !== "" && !values.includes(t));
    if (list.length > 0) onChange([...values, ...list]);
    setFresh("");
  };
  const remove = (index: number) => {
    onChange(values.filter((_, i) => i !== index));
    input.current?.focus();
  };
  return (
    <div className={styles.box} role="group" aria-label={label}>
      <span className={styles.label}>{label}</span>
      {hint && <span className={styles.hint}>{hint}</span>}
      {values.map((value, i) => (
        <div key={i} className={styles.row}>
          <Field className={styles.field} validationMessage={trouble?.(value)}>
            <Input className={styles.input} aria-label={`${one} ${i + 1}`} value={value} readOnly={readOnly} spellCheck={false} autoComplete="off" onChange={(_, data) => onChange(values.map((v, n) => (n === i ? data.value : v)))} onBlur={() => value.trim() === "" && afterClick(() => remove(i))} />
          </Field>
          {!readOnly && <Button appearance="subtle" icon={<DismissRegular />} aria-label={`Remove ${value}`} onClick={() => remove(i)} />}
        </div>
      ))}
      {readOnly && values.length === 0 && <span>None</span>}
      {!readOnly && (
        <div className={styles.add}>
          <Field className={styles.field} validationMessage={problem ?? (fresh.trim() === "" ? undefined : trouble?.(fresh.trim()))}>
            <Input
              ref={input}
              className={styles.input}
              aria-label={`New ${one}`}
              type={type}
              placeholder={placeholder}
              value={fresh}
              spellCheck={false}
              autoComplete="off"
              onChange={(_, data) => setFresh(data.value)}
              onKeyDown={(event) => {
                if (event.key !== "Enter") return;
                event.preventDefault();
                add(fresh);
              }}
              onPaste={(event) => {
                const text = event.clipboardData.getData("text");
                if (!/[\r\n]|[,;]/.test(text) || (type === "text" && !/[\r\n]/.test(text))) return;
                event.preventDefault();
                add(text);
              }}
              onBlur={() => fresh !== "" && afterClick(() => add(fresh))}
            />
          </Field>
          <Button icon={<AddRegular />} onClick={() => add(fresh)} aria-label={`Add the ${one}`}>
            Add
          </Button>
          {suggestions && (
            <Menu>
              <MenuTrigger disableButtonEnhancement>
                <Button>{suggest}</Button>
              </MenuTrigger>
              <MenuPopover>
                <MenuList>
                  {suggestions
                    .filter(([value]) => !values.includes(value))
                    .map(([value, text]) => (
                      <MenuItem key={value} secondaryContent={text} onClick={() => onChange([...values, value])}>
                        {value}
                      </MenuItem>
                    ))}
                </MenuList>
              </MenuPopover>
            </Menu>
          )}
        </div>
      )}
    </div>
  );
}
