import { ServerRegular } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import type { Schema } from "../api/client";
import { nodesQuery } from "../api/queries";
import { Card } from "../parts/Card";
import { Empty } from "../parts/Empty";
import { count } from "../parts/format";
import { Loading } from "../parts/Loading";
import { Problem } from "../parts/Problem";
import { Said } from "../parts/Said";
import { ToneBadge } from "../parts/StateBadge";
import { Table, type TableColumn } from "../parts/Table";
import { When } from "../parts/When";
import { Page } from "../shell/Page";

type Node = Schema<"Node">;

const columns: TableColumn<Node>[] = [
  { header: "Name", cell: (n) => <Said text={n.name} /> },
  { header: "State", cell: (n) => (n.alive ? <ToneBadge tone="success" text="Alive" /> : <ToneBadge tone="danger" text="Not heard of" title="Its mailboxes go to other nodes when their leases end." />) },
  { header: "Mailboxes", align: "end", cell: (n) => count(n.mailboxes) },
  { header: "Host", cell: (n) => <Said text={n.host} /> },
  { header: "Process", align: "end", cell: (n) => n.pid },
  { header: "Version", cell: (n) => n.version },
  { header: "Started", cell: (n) => <When at={n.started} /> },
  { header: "Last heard of", cell: (n) => <When at={n.beat} /> },
];

export default function Nodes() {
  const { data, error, refetch } = useQuery({ ...nodesQuery, refetchInterval: 5_000 });
  const versions = new Set((data ?? []).filter((n) => n.alive).map((n) => n.version));
  return (
    <Page title="Nodes" intro="The processes of mailhaul that share the work. Each takes mailboxes on lease; when one dies, the others go on with its mailboxes.">
      <Problem error={error} title="The nodes could not be read" retry={() => void refetch()} />
      {data === undefined ? (
        !error && <Loading rows={3} height={32} what="Loading the nodes" />
      ) : data.length === 0 ? (
        <Empty title="No node is heard of" icon={ServerRegular}>
          Nothing is copied until one runs. A server works as a node too, unless it was started not to.
        </Empty>
      ) : (
        <Card title={`${count(data.filter((n) => n.alive).length)} of ${count(data.length)} alive`} intro={versions.size > 1 ? `They are of different versions: ${[...versions].join(", ")}.` : undefined}>
          <Table label="Nodes" columns={columns} rows={data} rowKey={(n) => n.name} />
        </Card>
      )}
    </Page>
  );
}
