import { useQuery } from "@tanstack/react-query";
import { Badge, makeStyles, tokens } from "@fluentui/react-components";
import { AddRegular, ServerRegular } from "@fluentui/react-icons";
import { useNavigate } from "react-router";
import { endpointsQuery } from "../api/queries";
import { DimmedButton, useRoleReason } from "../parts/DimmedButton";
import { Empty } from "../parts/Empty";
import { To } from "../parts/Link";
import { Loading } from "../parts/Loading";
import { Problem } from "../parts/Problem";
import { VirtualTable, type Column } from "../parts/VirtualTable";
import { When } from "../parts/When";
import { Page } from "../shell/Page";
import { hasAdmin, loginText, typeText, type Endpoint } from "./endpoints/form";
import { limitsText } from "./endpoints/limits";

const useStyles = makeStyles({ soft: { color: tokens.colorNeutralForeground3 } });

function NewEndpointButton() {
  const navigate = useNavigate();
  return (
    <DimmedButton appearance="primary" icon={<AddRegular />} reason={useRoleReason("admin")} onClick={() => void navigate("/endpoints/new")}>
      New endpoint
    </DimmedButton>
  );
}

export default function Endpoints() {
  const styles = useStyles();
  const navigate = useNavigate();
  const { data, error, refetch } = useQuery(endpointsQuery);
  const to = (e: Endpoint) => `/endpoints/${encodeURIComponent(e.name)}`;
  const columns: Column<Endpoint>[] = [
    {
      key: "name",
      header: "Name",
      width: "minmax(140px, 2fr)",
      cell: (e, { active }) => (
        <To to={to(e)} tabIndex={active ? 0 : -1}>
          {e.name}
        </To>
      ),
    },
    { key: "type", header: "Type", width: "minmax(90px, 1fr)", from: 560, cell: (e) => typeText(e.type) },
    { key: "host", header: "Server", width: "minmax(150px, 2fr)", cell: (e) => <span title={`${e.host}:${e.port}, ${e.security}`}>{e.host}:{e.port}</span> },
    {
      key: "login",
      header: "Login form",
      width: "minmax(160px, 2fr)",
      from: 900,
      cell: (e) => (
        <span title={loginText(e.login || "user")}>
          {hasAdmin(e.login) && !e.hasAdminPassword ? (
            <Badge color="danger" appearance="tint">
              secret is missing
            </Badge>
          ) : (
            loginText(e.login || "user")
          )}
        </span>
      ),
    },
    { key: "batches", header: "Used by", width: "minmax(90px, 1fr)", from: 700, cell: (e) => <span title={(e.batches ?? []).join(", ")}>{usedBy(e)}</span> },
    { key: "limits", header: "Limits", width: "minmax(150px, 1.5fr)", from: 1100, cell: (e) => <span title={limitsText(e)}>{limitsText(e)}</span> },
    { key: "test", header: "Last test that went well", width: "minmax(120px, 1fr)", from: 800, cell: (e) => (e.profile ? <When at={e.profile.at} /> : <span className={styles.soft}>never</span>) },
  ];
  return (
    <Page title="Endpoints" intro="An endpoint is a server that mail is read from or written to: its address, how mailboxes are signed in to, and its limits." actions={<NewEndpointButton />}>
      {error && !data ? (
        <Problem error={error} title="The endpoints could not be read" retry={() => void refetch()} />
      ) : data ? (
        <VirtualTable
          label="Endpoints"
          columns={columns}
          rows={data}
          rowKey={(e) => e.name}
          onOpen={(e) => void navigate(to(e))}
          empty={
            <Empty title="There is no endpoint yet" icon={ServerRegular} actions={<NewEndpointButton />}>
              A batch needs two: the server that the mail is on, and the one that it goes to.
            </Empty>
          }
        />
      ) : (
        <Loading rows={4} height={32} what="Loading the endpoints" />
      )}
    </Page>
  );
}

function usedBy(e: Endpoint): string {
  const list = e.batches ?? [];
  if (list.length === 0) return "no batch";
  return list.length === 1 ? list[0]! : `${list.length} batches`;
}
