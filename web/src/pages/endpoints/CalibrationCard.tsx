import { Field, Input, makeStyles, tokens } from "@fluentui/react-components";
import { useState } from "react";
import { api, ask } from "../../api/client";
import { Card } from "../../parts/Card";
import { DimmedButton, useRoleReason } from "../../parts/DimmedButton";
import { FormDialog } from "../../parts/FormDialog";
import { Said } from "../../parts/Said";
import { ToneBadge } from "../../parts/StateBadge";
import { Table } from "../../parts/Table";
import { When } from "../../parts/When";
import { hasAdmin, type Endpoint } from "./form";

const useStyles = makeStyles({ box: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM } });

const verdicts: Record<string, { tone: "success" | "warning" | "danger" | "neutral"; text: string }> = {
  ok: { tone: "success", text: "kept" },
  differs: { tone: "warning", text: "differs" },
  refused: { tone: "danger", text: "refused" },
  unknown: { tone: "neutral", text: "not known" },
};

/** What the endpoint was measured to keep of messages, and how that is measured. */
export function CalibrationCard({ endpoint: e, onDone }: { endpoint: Endpoint; onDone(): void }) {
  const styles = useStyles();
  const role = useRoleReason("admin");
  const [open, setOpen] = useState(false);
  const [mailbox, setMailbox] = useState("");
  const [password, setPassword] = useState("");
  const c = e.calibration;
  const userroot = e.login === "userroot" ? "With this login form no mailbox of a person is open. Make another endpoint for the server, with passwords of mailboxes, and calibrate that." : undefined;
  return (
    <Card
      title="Calibration"
      intro="What the server was measured to keep of messages that it is given. It decides how copies are recognised there."
      actions={
        <DimmedButton reason={role ?? userroot} onClick={() => setOpen(true)}>
          {c ? "Calibrate again" : "Calibrate"}
        </DimmedButton>
      }
    >
      {!c ? (
        <p>It was not calibrated. What is known of the make of the server is used.</p>
      ) : (
        <div className={styles.box}>
          <p>
            Measured <When at={c.at} /> in the mailbox <Said text={c.mailbox} />. <Said text={c.follows} />
          </p>
          {c.left && (
            <p>
              The folder <Said text={c.left} /> could not be deleted: <Said text={c.leftReason ?? ""} />
            </p>
          )}
          <Table
            label="What it keeps"
            rows={c.measures ?? []}
            rowKey={(m) => m.quality}
            columns={[
              { header: "Quality", cell: (m) => m.quality },
              { header: "Verdict", cell: (m) => <ToneBadge {...(verdicts[m.verdict] ?? { tone: "neutral", text: m.verdict })} /> },
              { header: "What was seen", cell: (m) => (m.detail ? <Said text={m.detail} /> : "–") },
            ]}
          />
        </div>
      )}
      <FormDialog
        open={open}
        onClose={() => setOpen(false)}
        title={`Calibrate ${e.name}`}
        action="Calibrate"
        ready={mailbox.trim() !== "" && (hasAdmin(e.login) || password !== "")}
        shownFields={["mailbox", "password"]}
        onSubmit={async () => {
          await ask(api.POST("/endpoints/{endpoint}/calibration", { params: { path: { endpoint: e.name } }, body: { mailbox: mailbox.trim(), ...(hasAdmin(e.login) ? {} : { password }) } }));
          setPassword("");
          onDone();
        }}
      >
        {(problem) => (
          <>
            <p>Some messages are put into a folder of its own in a mailbox, read back, and the folder is deleted. It takes up to a minute.</p>
            <Field label="Mailbox" hint="A user name of the endpoint" required validationMessage={problem?.field("mailbox")}>
              <Input value={mailbox} onChange={(_, data) => setMailbox(data.value)} autoComplete="off" spellCheck={false} autoCapitalize="off" />
            </Field>
            {!hasAdmin(e.login) && (
              <Field label="Its password" required validationMessage={problem?.field("password")}>
                <Input type="password" value={password} onChange={(_, data) => setPassword(data.value)} autoComplete="new-password" />
              </Field>
            )}
          </>
        )}
      </FormDialog>
    </Card>
  );
}
