import { Button, Tooltip, type ButtonProps } from "@fluentui/react-components";
import { useState } from "react";
import { useMay, type Role } from "../api/queries";
import { refusal, type Kind } from "./states";

export type DimmedButtonProps = ButtonProps & {
  /** Why it cannot be pressed now; undefined when it can. */
  reason?: string;
};

/** A button that, when it cannot be pressed, stays where it is, can be focused and says why. */
export function DimmedButton({ reason, ...props }: DimmedButtonProps) {
  const [asked, setAsked] = useState(false);
  // It is one element with and without a reason, so that it keeps the focus when it gets one.
  return (
    <Tooltip content={reason ?? ""} relationship="description" withArrow visible={asked && reason !== undefined} onVisibleChange={(_, data) => setAsked(data.visible)}>
      <Button {...(props as ButtonProps)} {...(reason === undefined ? {} : { onClick: undefined, disabledFocusable: true })} />
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
