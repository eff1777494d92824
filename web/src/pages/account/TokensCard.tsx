import { Button, Checkbox, Dropdown, Field, Input, makeStyles, Option, SpinButton, tokens } from "@fluentui/react-components";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Schema } from "../../api/client";
import { atLeast, useMe, type Role } from "../../api/queries";
import { visible } from "../../parts/format";
import { Card } from "../../parts/Card";
import { ConfirmByTyping } from "../../parts/ConfirmByTyping";
import { FormDialog } from "../../parts/FormDialog";
import { Loading } from "../../parts/Loading";
import { Problem } from "../../parts/Problem";
import { ShownOnce } from "../../parts/ShownOnce";
import { ToneBadge } from "../../parts/StateBadge";
import { Table } from "../../parts/Table";
import { useToasts } from "../../parts/Toasts";
import { When } from "../../parts/When";

type Token = Schema<"Token">;

const useStyles = makeStyles({
  secret: { fontFamily: tokens.fontFamilyMonospace, overflowWrap: "anywhere", padding: tokens.spacingHorizontalM, borderRadius: tokens.borderRadiusMedium, backgroundColor: tokens.colorNeutralBackground3 },
});

function stateOf(token: Token): { text: string; tone: "neutral" | "success" | "warning" } {
  if (token.revoked) return { text: "Revoked", tone: "neutral" };
  return Date.parse(token.expires) < Date.now() ? { text: "Expired", tone: "warning" } : { text: "Valid", tone: "success" };
}

/** API tokens: one's own, and those of all for an admin. */
export function TokensCard() {
  const styles = useStyles();
  const me = useMe();
  const toasts = useToasts();
  const client = useQueryClient();
  const { data, error, refetch } = useQuery({ queryKey: ["tokens"], queryFn: async () => (await ask(api.GET("/tokens"))).items ?? [] });
  const [creating, setCreating] = useState(false);
  const [made, setMade] = useState<Schema<"TokenCreated">>();
  const [revoking, setRevoking] = useState<Token>();
  const [ended, setEnded] = useState(false);
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [days, setDays] = useState(90);
  const refresh = () => client.invalidateQueries({ queryKey: ["tokens"] });
  const roles = (["viewer", "operator", "admin"] as Role[]).filter((r) => atLeast(me.role, r));
  const shown = (data ?? []).filter((t) => ended || stateOf(t).text === "Valid");
  const begin = () => {
    setName("");
    setRole("viewer");
    setDays(90);
    setCreating(true);
  };
  return (
    <Card title="API tokens" intro="For programs and the command mailhaul. A token may do what its role may, and at most what its operator may." actions={<Button onClick={begin}>New token</Button>}>
      <Problem error={error} title="The tokens could not be read" retry={() => void refetch()} />
      {data === undefined ? (
        !error && <Loading rows={2} what="Loading the tokens" />
      ) : (
        <>
          <div>
            <Checkbox label="Show expired and revoked ones" checked={ended} onChange={(_, d) => setEnded(d.checked === true)} />
          </div>
          {shown.length === 0 ? (
            <p>There is none.</p>
          ) : (
            <Table
              label="API tokens"
              rows={shown}
              rowKey={(t) => t.id}
              columns={[
                { header: "Name", cell: (t) => t.name },
                ...(me.role === "admin" ? [{ header: "Operator", cell: (t: Token) => t.operator }] : []),
                { header: "Role", cell: (t) => t.role },
                { header: "Begins with", cell: (t) => <code>{t.prefix}</code> },
                { header: "State", cell: (t) => <ToneBadge {...stateOf(t)} /> },
                { header: "Expires", cell: (t) => <When at={t.expires} /> },
                { header: "Last used", cell: (t) => <When at={t.used} never="never" /> },
                { header: "Actions", align: "end", cell: (t) => stateOf(t).text === "Valid" && <Button size="small" onClick={() => setRevoking(t)} aria-label={`Revoke ${visible(t.name)}`}>Revoke</Button> },
              ]}
            />
          )}
        </>
      )}
      <FormDialog
        open={creating}
        onClose={() => setCreating(false)}
        title="New API token"
        action="Create"
        ready={name.trim() !== "" && days >= 1 && days <= 365}
        shownFields={["name", "role", "days"]}
        onSubmit={async () => {
          setMade(await ask(api.POST("/tokens", { body: { name: name.trim(), role, days } })));
          void refresh();
        }}
      >
        {(problem) => (
          <>
            <Field label="Name" hint="What it is for" required validationMessage={problem?.field("name")}>
              <Input value={name} onChange={(_, d) => setName(d.value)} />
            </Field>
            <Field label="Role" validationMessage={problem?.field("role")}>
              <Dropdown selectedOptions={[role]} value={role} onOptionSelect={(_, d) => setRole((d.optionValue ?? "viewer") as Role)}>
                {roles.map((r) => (
                  <Option key={r}>{r}</Option>
                ))}
              </Dropdown>
            </Field>
            <Field label="Lives for days" hint="1 to 365" validationMessage={problem?.field("days")}>
              <SpinButton min={1} max={365} value={days} onChange={(_, d) => setDays(d.value ?? (Number(d.displayValue) || 0))} />
            </Field>
          </>
        )}
      </FormDialog>
      <ShownOnce open={made !== undefined} onClose={() => setMade(undefined)} title={`The token ${visible(made?.name ?? "")}`} text={made?.secret ?? ""} fileName="mailhaul-token.txt" kept="I have kept the token">
        <p>
          It is shown <b>only now</b>. Keep it as you would a password.
        </p>
        <div className={styles.secret}>{made?.secret}</div>
      </ShownOnce>
      <ConfirmByTyping
        open={revoking !== undefined}
        onClose={() => setRevoking(undefined)}
        title={`Revoke ${revoking?.name ?? ""}?`}
        action="Revoke"
        danger
        onConfirm={async () => {
          await ask(api.DELETE("/tokens/{token}", { params: { path: { token: revoking!.id } } }));
          toasts.done(`The token ${revoking!.name} was revoked.`);
          await refresh();
        }}
      >
        <p>What uses it is refused from now on. This cannot be undone.</p>
      </ConfirmByTyping>
    </Card>
  );
}
