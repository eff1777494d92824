import { MessageBar, MessageBarBody, MessageBarTitle } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../api/client";
import { To } from "./Link";
import { Said } from "./Said";

/** Says what would be lost if a batch were completed or deleted now, where a domain of it is watched. */
export function CutoverWarning({ batch, verb }: { batch: string; verb: "complete" | "delete" }) {
  const { data } = useQuery({ queryKey: ["cutovers", batch], queryFn: async () => (await ask(api.GET("/cutovers", { params: { query: { batch } } }))).items ?? [], enabled: batch !== "" });
  return (
    <>
      {(data ?? [])
        .filter((c) => !c[verb].yes)
        .map((c) => (
          <MessageBar key={c.domain} intent="error" layout="multiline">
            <MessageBarBody>
              <MessageBarTitle>
                Mail of <Said text={c.domain} /> would be lost.
              </MessageBarTitle>
              {(c[verb].reasons ?? []).map((reason) => (
                <div key={reason}>
                  <Said text={reason} />
                </div>
              ))}
              <To to="/cut-over">To the cut-over</To>
            </MessageBarBody>
          </MessageBar>
        ))}
    </>
  );
}
