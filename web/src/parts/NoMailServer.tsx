import { MessageBar, MessageBarBody } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { settingsQuery, useMay } from "../api/queries";
import { To } from "./Link";

/** Whether reports can be mailed; undefined while that is not known. */
export function useMailServer(): boolean | undefined {
  const { data } = useQuery(settingsQuery);
  return data && data.smtp.host !== "";
}

/** Says that reports are mailed to nobody, and who can change that. Nothing when there is a mail server. */
export function NoMailServer() {
  const admin = useMay("admin");
  if (useMailServer() !== false) return null;
  return (
    <MessageBar intent="warning" layout="multiline">
      <MessageBarBody>
        There is no mail server yet: reports are made, and mailed to nobody. {admin ? <To to="/settings" inline>Set one in the settings</To> : "Ask an admin to set one in the settings."}
      </MessageBarBody>
    </MessageBar>
  );
}
