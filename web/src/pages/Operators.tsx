import { Button } from "@fluentui/react-components";
import { AddRegular } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schema } from "../api/client";
import { queries, useMe } from "../api/queries";
import { Card } from "../parts/Card";
import { ConfirmByTyping } from "../parts/ConfirmByTyping";
import { DimmedButton } from "../parts/DimmedButton";
import { counted } from "../parts/format";
import { Loading } from "../parts/Loading";
import { Problem } from "../parts/Problem";
import { ToneBadge } from "../parts/StateBadge";
import { Table } from "../parts/Table";
import { useToasts } from "../parts/Toasts";
import { When } from "../parts/When";
import { Page } from "../shell/Page";
import { EditOperator } from "./operators/EditOperator";
import { NewOperator } from "./operators/NewOperator";

export type Operator = Schema<"Operator"> & { totp?: boolean };

export default function Operators() {
  const me = useMe();
  const toasts = useToasts();
  const { data, error, refetch } = useQuery({ queryKey: ["operators"], queryFn: async () => ((await ask(api.GET("/operators"))).items ?? []) as Operator[] });
  const [creating, setCreating] = useState(false);
  const [editing, setEditing] = useState<Operator>();
  const [deleting, setDeleting] = useState<Operator>();
  const refresh = () => queries.invalidateQueries({ queryKey: ["operators"] });
  return (
    <Page
      title="Operators"
      intro="Who may sign in. Viewers look, operators run batches and mailboxes, admins do everything."
      actions={
        <Button appearance="primary" icon={<AddRegular />} onClick={() => setCreating(true)}>
          New operator
        </Button>
      }
    >
      <Problem error={error} title="The operators could not be read" retry={() => void refetch()} />
      {data === undefined ? (
        !error && <Loading rows={3} height={32} what="Loading the operators" />
      ) : (
        <Card title={counted(data.length, "operator")}>
          <Table
            label="Operators"
            rows={data}
            rowKey={(o) => o.name}
            columns={[
              { header: "Name", short: true, cell: (o) => (o.name === me.name ? `${o.name} (you)` : o.name) },
              { header: "Role", short: true, cell: (o) => o.role },
              { header: "State", cell: (o) => (o.disabled ? <ToneBadge tone="warning" text="Disabled" /> : <ToneBadge tone="success" text="Enabled" />) },
              { header: "Second factor", cell: (o) => (o.totp ? <ToneBadge tone="success" text="On" /> : <ToneBadge tone="neutral" text="Off" />) },
              { header: "Email address", short: true, cell: (o) => o.email || "–" },
              { header: "Created", short: true, cell: (o) => <When at={o.created} /> },
              { header: "By", short: true, cell: (o) => o.createdBy || "–" },
              {
                header: "Actions",
                align: "end",
                cell: (o) => (
                  <span style={{ display: "inline-flex", gap: 8 }}>
                    <Button size="small" onClick={() => setEditing(o)} aria-label={`Edit ${o.name}`}>
                      Edit
                    </Button>
                    <DimmedButton size="small" reason={o.name === me.name ? "You cannot delete yourself." : undefined} onClick={() => setDeleting(o)} aria-label={`Delete ${o.name}`}>
                      Delete
                    </DimmedButton>
                  </span>
                ),
              },
            ]}
          />
        </Card>
      )}
      <NewOperator open={creating} onClose={() => setCreating(false)} onDone={() => void refresh()} />
      {editing && <EditOperator operator={editing} onClose={() => setEditing(undefined)} onDone={() => void refresh()} />}
      <ConfirmByTyping
        open={deleting !== undefined}
        onClose={() => setDeleting(undefined)}
        title={`Delete ${deleting?.name ?? ""}?`}
        word={deleting?.name}
        action="Delete"
        danger
        onConfirm={async () => {
          await ask(api.DELETE("/operators/{operator}", { params: { path: { operator: deleting!.name } } }));
          toasts.done(`${deleting!.name} was deleted.`);
          await refresh();
        }}
      >
        <p>Their sessions end and their API tokens are revoked. What they did stays in the audit log, and their batches go on.</p>
      </ConfirmByTyping>
    </Page>
  );
}
