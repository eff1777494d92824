import { Checkbox, MessageBar, MessageBarBody, MessageBarTitle } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, ask } from "../api/client";
import { To } from "./Link";
import { Problem } from "./Problem";
import { Said } from "./Said";

interface Props {
  batch: string;
  verb: "complete" | "delete";
  /** Is told whether one may go on: the answer is there, or who asks goes on without it. */
  onReady(ready: boolean): void;
}

/** Says why a batch, or a mailbox of it, should not be completed or deleted now, where a domain of it is watched. */
export function CutoverWarning({ batch, verb, onReady }: Props) {
  const { data, error, isFetchedAfterMount, refetch } = useQuery({
    queryKey: ["cutovers", batch],
    queryFn: async () => (await ask(api.GET("/cutovers", { params: { query: { batch } } }))).items ?? [],
    enabled: batch !== "",
    refetchOnMount: "always",
  });
  const [unasked, setUnasked] = useState(false);
  const ready = error ? unasked : isFetchedAfterMount;
  useEffect(() => {
    onReady(ready);
    return () => onReady(false);
  }, [ready, onReady]);
  return (
    <>
      <Problem error={error} title="Whether it is safe for the mail of its domains is not known" retry={() => void refetch()} />
      {error && <Checkbox checked={unasked} onChange={(_, d) => setUnasked(d.checked === true)} label="Go on all the same: mail that still arrives at the old system may be lost to the new one" />}
      {(data ?? [])
        .filter((c) => !c[verb].yes)
        .map((c) => (
          <MessageBar key={c.domain} intent="error" layout="multiline">
            <MessageBarBody>
              <MessageBarTitle>
                It is not safe yet for the mail of <Said text={c.domain} />.
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
