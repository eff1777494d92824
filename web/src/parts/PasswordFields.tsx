import { Field, Input } from "@fluentui/react-components";

/** What is wrong with a new password, as long as the server has not said it. */
export function passwordTrouble(password: string, again: string): string | undefined {
  const length = [...password].length;
  if (length < 12) return "It needs at least 12 characters.";
  if (length > 256) return "It may have at most 256 characters.";
  return password === again ? undefined : "The two are not the same.";
}

export interface PasswordFieldsProps {
  password: string;
  again: string;
  onPassword(text: string): void;
  onAgain(text: string): void;
  /** What the server says of it. */
  problem?: string;
  label?: string;
}

/** A new password, twice. */
export function PasswordFields({ password, again, onPassword, onAgain, problem, label = "Password" }: PasswordFieldsProps) {
  const trouble = passwordTrouble(password, again);
  return (
    <>
      <Field label={label} hint="12 to 256 characters" required validationMessage={problem ?? (password !== "" && password !== again && again === "" ? undefined : password !== "" && trouble?.startsWith("It") ? trouble : undefined)}>
        <Input type="password" value={password} onChange={(_, data) => onPassword(data.value)} autoComplete="new-password" />
      </Field>
      <Field label={`${label}, again`} required validationMessage={again !== "" && password !== again ? "The two are not the same." : undefined}>
        <Input type="password" value={again} onChange={(_, data) => onAgain(data.value)} autoComplete="new-password" />
      </Field>
    </>
  );
}
