import { Button, Tooltip, type ButtonProps } from "@fluentui/react-components";
import { useMay, type Role } from "../api/queries";
import { refusal, type Kind } from "./states";

export type DimmedButtonProps = ButtonProps & {
  /** Why it cannot be pressed now; undefined when it can. */
  reason?: string;
};

/** A button that, when it cannot be pressed, stays where it is, can be focused and says why. */
export function DimmedButton({ reason, ...props }: DimmedButtonProps) {
  if (!reason) return <Button {...(props as ButtonProps)} />;
  return (
    <Tooltip content={reason} relationship="description" withArrow>
      <Button {...(props as ButtonProps)} onClick={undefined} disabledFocusable />
    </Tooltip>
  );
}

/** Why who is signed in cannot do what takes at least this role; undefined when they can. */
export function useRoleReason(least: Role): string | undefined {
  const may = useMay(least);
  return may ? undefined : least === "admin" ? "This is for admins. Ask one." : "Your role only looks. Ask an admin for the role operator.";
}

export type VerbButtonProps = DimmedButtonProps & { kind: Kind; of: { state: string; verbs?: string[] | null }; verb: string };

/** The button of a verb of a batch or a mailbox, dimmed by its state and by the role of who is signed in. */
export function VerbButton({ kind, of, verb, reason, ...props }: VerbButtonProps) {
  const role = useRoleReason("operator");
  return <DimmedButton {...(props as DimmedButtonProps)} reason={reason ?? role ?? refusal(kind, of, verb)} />;
}
