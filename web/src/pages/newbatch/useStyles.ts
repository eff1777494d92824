import { makeStyles, tokens } from "@fluentui/react-components";

export const useStepStyles = makeStyles({
  step: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalL, minWidth: 0 },
  part: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM, minWidth: 0 },
  row: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalM, alignItems: "flex-end" },
  slim: { flex: "1 1 200px", minWidth: 0, maxWidth: "360px", gridTemplateColumns: "minmax(0, 1fr)" },
  filling: { width: "100%", minWidth: 0 },
  short: { maxWidth: "360px" },
  field: { maxWidth: "560px" },
  soft: { color: tokens.colorNeutralForeground2 },
  bad: { color: tokens.colorStatusDangerForeground1 },
  actions: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS, alignItems: "center" },
});
