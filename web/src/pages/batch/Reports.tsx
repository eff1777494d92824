import { Field, Link, makeStyles, Textarea, tokens } from "@fluentui/react-components";
import { OpenRegular, SendRegular } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, ask, path, type Schema } from "../../api/client";
import { queries } from "../../api/queries";
import { DimmedButton, useRoleReason } from "../../parts/DimmedButton";
import { DownloadLink } from "../../parts/DownloadLink";
import { FormDialog } from "../../parts/FormDialog";
import { counted, lines } from "../../parts/format";
import { Loading } from "../../parts/Loading";
import { NoMailServer, useMailServer } from "../../parts/NoMailServer";
import { Problem } from "../../parts/Problem";
import { Said } from "../../parts/Said";
import { ToneBadge } from "../../parts/StateBadge";
import { useToasts } from "../../parts/Toasts";
import { VirtualTable, type Column } from "../../parts/VirtualTable";
import { When } from "../../parts/When";
import { Card } from "./Card";
import { Handovers } from "./Handovers";

type Notice = Schema<"Notice">;

const useStyles = makeStyles({
  files: { listStyle: "none", margin: 0, padding: 0, display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM },
  file: { display: "flex", gap: tokens.spacingHorizontalM, alignItems: "baseline", flexWrap: "wrap" },
  link: { display: "inline-flex", gap: tokens.spacingHorizontalXS, alignItems: "center" },
  quiet: { color: tokens.colorNeutralForeground2 },
});

const files = [
  ["report.html", "To be read and printed, in one page"],
  ["MigrationStatistics.csv", "A row for each mailbox"],
  ["MigrationErrors.csv", "A row for each message that was left out, and for each mailbox that failed"],
  ["report.json", "For programs"],
] as const;

/** The report of a batch in its forms, and whom it was sent to. */
export function Reports({ batch }: { batch: Schema<"Batch"> }) {
  const styles = useStyles();
  const { name } = batch;
  return (
    <>
      <Card title="Report">
        <p className={styles.quiet}>It tells how things are when it is opened or downloaded.</p>
        <div>
          <Link href={path`/batches/${name}/reports/report.html`} target="_blank" rel="noopener noreferrer" className={styles.link}>
            <OpenRegular aria-hidden />
            Open the report in a new tab
          </Link>
        </div>
        <ul className={styles.files}>
          {files.map(([file, what]) => (
            <li key={file} className={styles.file}>
              <DownloadLink href={path`/batches/${name}/reports/${file}`} name={`${name}-${file}`}>
                {file}
              </DownloadLink>
              <span className={styles.quiet}>{what}</span>
            </li>
          ))}
        </ul>
      </Card>
      <Handovers batch={batch} />
      <Notices batch={batch} />
    </>
  );
}

const columns: Column<Notice>[] = [
  { key: "subject", header: "Subject", width: "minmax(150px, 2fr)", cell: (n) => <Said text={n.subject} line /> },
  { key: "to", header: "To", width: "minmax(120px, 1fr)", from: 560, cell: (n) => <Said text={(n.recipients ?? []).join(", ")} line /> },
  { key: "created", header: "Made", width: "150px", from: 760, cell: (n) => <When at={n.created} /> },
  {
    key: "sent",
    header: "Sent",
    width: "150px",
    cell: (n) => (n.sent ? <When at={n.sent} /> : n.trouble ? <ToneBadge tone="danger" text="Not yet" title={`${counted(n.tries, "try", "tries")}`} /> : <ToneBadge tone="neutral" text="To be sent" />),
  },
  { key: "trouble", header: "Trouble", width: "minmax(100px, 1fr)", from: 680, cell: (n) => (n.trouble ? <Said text={n.trouble} line /> : "") },
];

function Notices({ batch }: { batch: Schema<"Batch"> }) {
  const styles = useStyles();
  const role = useRoleReason("operator");
  const mail = useMailServer();
  const [sending, setSending] = useState(false);
  const { name } = batch;
  const { data, error, refetch } = useQuery({
    queryKey: ["notices", name],
    queryFn: () => ask(api.GET("/batches/{batch}/notices", { params: { path: { batch: name } } })),
    refetchInterval: 15_000,
  });
  return (
    <Card
      title="Notices"
      actions={
        <DimmedButton icon={<SendRegular />} reason={role} onClick={() => setSending(true)}>
          Send the report…
        </DimmedButton>
      }
    >
      <NoMailServer />
      {mail && batch.nextReport && !batch.nextReport.startsWith("0001") && (
        <p className={styles.quiet}>
          The next report is sent <When at={batch.nextReport} />.
        </p>
      )}
      {error && !data ? (
        <Problem error={error} title="The notices could not be read" retry={() => void refetch()} />
      ) : !data ? (
        <Loading rows={3} what="Loading the notices" />
      ) : (
        <VirtualTable
          label="Notices"
          columns={columns}
          rows={data.items ?? []}
          rowKey={(n) => `${n.created} ${n.kind} ${(n.recipients ?? []).join()}`}
          maxHeight="400px"
          empty={<p className={styles.quiet}>No mail was sent about this batch.</p>}
        />
      )}
      <SendAgain name={name} usual={batch.notify ?? []} open={sending} onClose={() => setSending(false)} />
    </Card>
  );
}

function SendAgain({ name, usual, open, onClose }: { name: string; usual: string[]; open: boolean; onClose(): void }) {
  const toasts = useToasts();
  const [to, setTo] = useState("");
  useEffect(() => setTo(""), [open]);
  return (
    <FormDialog
      open={open}
      onClose={onClose}
      title={`Send the report of ${name} now`}
      action="Send"
      onSubmit={async () => {
        const list = lines(to);
        const mailed = await ask(api.POST("/batches/{batch}/report-mails", { params: { path: { batch: name } }, body: list.length > 0 ? { to: list } : {} }));
        toasts.done("The report is being sent.", mailed?.recipients?.join(", "));
        void queries.invalidateQueries({ queryKey: ["notices", name] });
      }}
    >
      <Field label="To" hint={`One address in each line. Without one it goes to who gets the reports of the batch${usual.length > 0 ? `: ${usual.join(", ")}` : ""}.`}>
        <Textarea value={to} onChange={(_, d) => setTo(d.value)} resize="vertical" spellCheck={false} />
      </Field>
    </FormDialog>
  );
}
