import { Field, Link, makeStyles, Textarea, tokens } from "@fluentui/react-components";
import { MailMultipleRegular, OpenRegular } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, path, withQuery, type Schema } from "../../api/client";
import { queries } from "../../api/queries";
import { ConfirmByTyping } from "../../parts/ConfirmByTyping";
import { DimmedButton, useRoleReason } from "../../parts/DimmedButton";
import { DownloadLink } from "../../parts/DownloadLink";
import { counted, lines } from "../../parts/format";
import { useMailServer } from "../../parts/NoMailServer";
import { Problem } from "../../parts/Problem";
import { Said } from "../../parts/Said";
import { useToasts } from "../../parts/Toasts";
import { Card } from "./Card";
import { useDebounced } from "./useDebounced";

const useStyles = makeStyles({
  quiet: { color: tokens.colorNeutralForeground2 },
  file: { display: "flex", gap: tokens.spacingHorizontalM, alignItems: "baseline", flexWrap: "wrap" },
  link: { display: "inline-flex", gap: tokens.spacingHorizontalXS, alignItems: "center" },
  list: { margin: 0, paddingLeft: tokens.spacingHorizontalXL },
});

const file = "HandOver.csv";

/** What the owners of a batch's mailboxes get, to see that everything is there. */
export function Handovers({ batch }: { batch: Schema<"Batch"> }) {
  const styles = useStyles();
  const [open, setOpen] = useState(false);
  const { name } = batch;
  const reason = useReason(batch);
  return (
    <Card
      title="Hand-over"
      actions={
        <DimmedButton icon={<MailMultipleRegular />} reason={reason} onClick={() => setOpen(true)}>
          Mail the owners…
        </DimmedButton>
      }
    >
      <p className={styles.quiet}>It tells the owner of each mailbox what was brought over, what was left out and why, and what to do now. That of one mailbox is on its page.</p>
      <div className={styles.file}>
        <DownloadLink href={path`/batches/${name}/reports/${file}`} name={`${name}-${file}`}>
          {file}
        </DownloadLink>
        <span className={styles.quiet}>A row for each mailbox, for a mail merge</span>
      </div>
      <MailOwners name={name} open={open} onClose={() => setOpen(false)} />
    </Card>
  );
}

/** Why the owners cannot be mailed now; undefined when they can. */
function useReason(batch: Schema<"Batch">): string | undefined {
  const role = useRoleReason("operator");
  const mail = useMailServer();
  if (role) return role;
  if (!batch.lastSynced && batch.counts.synced + batch.counts.closed === 0) return "No mailbox was synchronised yet.";
  if (mail === false) return "There is no mail server. An admin sets one in the settings.";
  return undefined;
}

function MailOwners({ name, open, onClose }: { name: string; open: boolean; onClose(): void }) {
  const toasts = useToasts();
  const [contact, setContact] = useState("");
  const [only, setOnly] = useState("");
  const settled = useDebounced(only, 400);
  const addresses = lines(settled);
  const whose = addresses.length > 0 ? { addresses } : { all: true };
  const plan = useQuery({
    queryKey: ["handovers", name, addresses],
    queryFn: () => ask(api.POST("/batches/{batch}/handover-mails", { params: { path: { batch: name } }, body: { ...whose, dryRun: true } })),
    enabled: open,
  });
  const send = async () => {
    const sent = await ask(api.POST("/batches/{batch}/handover-mails", { params: { path: { batch: name } }, body: { ...whose, contact } }));
    toasts.done(`${counted(sent.mails, "mail is", "mails are")} on the way to the owners.`);
    void queries.invalidateQueries({ queryKey: ["notices", name] });
    setOnly("");
  };
  // Who gets one is what was counted.
  const ready = settled === only && contact.trim() !== "" && (plan.data?.mails ?? 0) > 0;
  return (
    <ConfirmByTyping ready={ready} open={open} onClose={onClose} title="Mail their hand-overs to the owners?" word={name} action="Mail the owners" onConfirm={send}>
      <p>Each owner gets a mail at the new mailbox, once. It holds no password. Asked for again, it is sent again.</p>
      <Field label="Whom to ask when something is missing" required hint="A name, a room, a phone number: at most 10 lines. It stands in every mail.">
        <Textarea value={contact} onChange={(_, d) => setContact(d.value)} resize="vertical" maxLength={1000} />
      </Field>
      <Field label="Only these mailboxes" hint="One address in each line; without one, all that were synchronised.">
        <Textarea value={only} onChange={(_, d) => setOnly(d.value)} resize="vertical" spellCheck={false} />
      </Field>
      {plan.error ? <Problem error={plan.error} title="Who would get one could not be counted" retry={() => void plan.refetch()} /> : <Plan name={name} plan={plan.data} contact={contact} />}
    </ConfirmByTyping>
  );
}

const mostNamed = 5;

/** Who would get a hand-over, with that of the first to be looked at. */
function Plan({ name, plan, contact }: { name: string; plan?: Schema<"HandoversMailed">; contact: string }) {
  const styles = useStyles();
  if (!plan) return <p role="status">Counting…</p>;
  const first = plan.recipients?.[0];
  const refused = plan.refused ?? [];
  return (
    <>
      <p role="status">
        <b>{counted(plan.mails, "owner gets a mail", "owners get a mail")}.</b> {plan.refusedCount > 0 && `${counted(plan.refusedCount, "mailbox stays", "mailboxes stay")} without:`}
      </p>
      {refused.length > 0 && (
        <ul className={styles.list}>
          {refused.slice(0, mostNamed).map((m) => (
            <li key={m.address}>
              <Said text={m.address} />: <Said text={m.detail} />
            </li>
          ))}
          {plan.refusedCount > mostNamed && <li>and {counted(plan.refusedCount - mostNamed, "other", "others")}</li>}
        </ul>
      )}
      {first && (
        <div>
          <Link href={withQuery(path`/batches/${name}/mailboxes/${first.mailbox}/handover.html`, { contact })} target="_blank" rel="noopener noreferrer" className={styles.link}>
            <OpenRegular aria-hidden />
            <span>
              Look at that of <Said text={first.mailbox} /> first
            </span>
          </Link>
        </div>
      )}
    </>
  );
}
