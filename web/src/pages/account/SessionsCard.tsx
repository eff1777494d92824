import { Button } from "@fluentui/react-components";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api, ask, type Schema } from "../../api/client";
import { Card } from "../../parts/Card";
import { Loading } from "../../parts/Loading";
import { Problem } from "../../parts/Problem";
import { ToneBadge } from "../../parts/StateBadge";
import { Table } from "../../parts/Table";
import { useToasts } from "../../parts/Toasts";
import { When } from "../../parts/When";

/** Where one is signed in. */
export function SessionsCard() {
  const toasts = useToasts();
  const client = useQueryClient();
  const { data, error, refetch } = useQuery({ queryKey: ["sessions"], queryFn: async () => (await ask(api.GET("/sessions"))).items ?? [] });
  const end = async (session: Schema<"Session">) => {
    try {
      await ask(api.DELETE("/sessions/{session}", { params: { path: { session: session.id } } }));
      toasts.done(`The session from ${session.address} was ended.`);
    } catch (e) {
      toasts.failed("The session could not be ended", e);
    }
    void client.invalidateQueries({ queryKey: ["sessions"] });
  };
  return (
    <Card title="Sessions" intro="Where you are signed in. End those that you do not know, and change your password then.">
      <Problem error={error} title="Your sessions could not be read" retry={() => void refetch()} />
      {data === undefined
        ? !error && <Loading rows={2} what="Loading your sessions" />
        : (
            <Table
              label="Your sessions"
              rows={data}
              rowKey={(s) => s.id}
              columns={[
                { header: "From", cell: (s) => s.address },
                { header: "Begun", cell: (s) => <When at={s.created} /> },
                { header: "Last used", cell: (s) => <When at={s.used} /> },
                { header: "Actions", align: "end", cell: (s) => (s.current ? <ToneBadge tone="success" text="This one" /> : <Button size="small" onClick={() => void end(s)} aria-label={`End the session from ${s.address}`}>End</Button>) },
              ]}
            />
          )}
    </Card>
  );
}
