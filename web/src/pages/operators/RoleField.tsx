import { Field, Radio, RadioGroup } from "@fluentui/react-components";
import type { Role } from "../../api/queries";

const roles: [Role, string][] = [
  ["viewer", "Viewer: looks"],
  ["operator", "Operator: runs batches and mailboxes"],
  ["admin", "Admin: does everything"],
];

export function RoleField({ role, onRole, problem }: { role: Role; onRole(role: Role): void; problem?: string }) {
  return (
    <Field label="Role" required validationMessage={problem}>
      <RadioGroup value={role} onChange={(_, data) => onRole(data.value as Role)}>
        {roles.map(([value, label]) => (
          <Radio key={value} value={value} label={label} />
        ))}
      </RadioGroup>
    </Field>
  );
}
