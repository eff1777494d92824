import { AddRegular } from "@fluentui/react-icons";
import { useNavigate } from "react-router";
import { DimmedButton, useRoleReason } from "../../parts/DimmedButton";

/** The button that begins a new batch. */
export function NewBatchButton() {
  const navigate = useNavigate();
  return (
    <DimmedButton appearance="primary" icon={<AddRegular />} reason={useRoleReason("operator")} onClick={() => void navigate("/batches/new")}>
      New batch
    </DimmedButton>
  );
}
