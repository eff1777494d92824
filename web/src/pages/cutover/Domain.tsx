import { Button, makeStyles, mergeClasses, MessageBar, MessageBarBody, MessageBarTitle, Spinner, tokens } from "@fluentui/react-components";
import { CheckmarkCircleFilled, CircleRegular } from "@fluentui/react-icons";
import { useState } from "react";
import { api, ask, type Schema } from "../../api/client";
import { queries } from "../../api/queries";
import { Card } from "../../parts/Card";
import { ConfirmByTyping } from "../../parts/ConfirmByTyping";
import { CopyButton } from "../../parts/CopyButton";
import { DimmedButton, useRoleReason } from "../../parts/DimmedButton";
import { count, counted } from "../../parts/format";
import { To } from "../../parts/Link";
import { Said } from "../../parts/Said";
import { ToneBadge } from "../../parts/StateBadge";
import { Table, type TableColumn } from "../../parts/Table";
import { useToasts } from "../../parts/Toasts";
import { When } from "../../parts/When";
import { cutoverStates, recordText, type Cutover } from "./words";

const useStyles = makeStyles({
  bar: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS, alignItems: "center" },
  answers: { display: "grid", gap: tokens.spacingHorizontalM, gridTemplateColumns: "repeat(auto-fit, minmax(min(280px, 100%), 1fr))" },
  list: { margin: 0, paddingLeft: tokens.spacingHorizontalL },
  steps: { listStyle: "none", margin: 0, padding: 0, display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM },
  step: { display: "grid", gridTemplateColumns: "20px minmax(0, 1fr)", gap: tokens.spacingHorizontalS, overflowWrap: "anywhere" },
  icon: { fontSize: "20px", display: "inline-flex", color: tokens.colorNeutralForeground3 },
  done: { color: tokens.colorStatusSuccessForeground1 },
  title: { fontWeight: tokens.fontWeightSemibold },
  quiet: { color: tokens.colorNeutralForeground2 },
  records: { margin: `${tokens.spacingVerticalXS} 0`, fontFamily: tokens.fontFamilyMonospace, fontSize: tokens.fontSizeBase200, whiteSpace: "pre-wrap", overflowWrap: "anywhere" },
  heading: { margin: 0, fontSize: tokens.fontSizeBase300, fontWeight: tokens.fontWeightSemibold },
});

const severities = { error: "error", warning: "warning", info: "info" } as const;

/** How far the move of a domain's mail is, and what is next. */
export function Domain({ of: c, onEdit }: { of: Cutover; onEdit(): void }) {
  const styles = useStyles();
  const toasts = useToasts();
  const role = useRoleReason("operator");
  const [looking, setLooking] = useState(false);
  const [ending, setEnding] = useState(false);
  const { domain } = c;
  const held = c.heldBatches ?? [];
  const state = cutoverStates[c.state];
  const refresh = () => queries.invalidateQueries({ queryKey: ["cutovers"] });
  const look = async () => {
    setLooking(true);
    try {
      await ask(api.POST("/cutovers/{domain}/check", { params: { path: { domain } }, body: {} }));
    } catch (error) {
      toasts.failed(`${domain} could not be looked at`, error);
    } finally {
      setLooking(false);
      void refresh();
    }
  };
  return (
    <Card
      title={domain}
      intro={
        <>
          <ToneBadge tone={state.tone} text={state.text} title={state.meaning} /> {state.meaning} Looked at <When at={c.lookedAt} />
          {c.nextLook && (
            <>
              , next <When at={c.nextLook} />
            </>
          )}
          .
        </>
      }
      actions={
        <div className={styles.bar}>
          <DimmedButton reason={role ?? (looking ? "It is being looked at." : undefined)} icon={looking ? <Spinner size="tiny" /> : undefined} onClick={() => void look()}>
            Look now
          </DimmedButton>
          <DimmedButton reason={role} onClick={onEdit}>
            Edit…
          </DimmedButton>
          <DimmedButton reason={role} onClick={() => setEnding(true)}>
            End the watch…
          </DimmedButton>
        </div>
      }
    >
      <Clock of={c} />
      <div className={styles.answers}>
        <Answer safe={c.complete} yes="It is safe to complete the batches." no="Do not complete the batches yet." />
        <Answer safe={c.delete} yes="It is safe to delete the batches." no="Do not delete the batches yet." />
      </div>
      <ol className={styles.steps} aria-label={`Steps of ${domain}`}>
        {(c.steps ?? []).map((s) => (
          <Step key={s.code} of={s} />
        ))}
      </ol>
      {(c.findings ?? []).length > 0 && <h3 className={styles.heading}>What was found</h3>}
      {(c.findings ?? []).map((f, i) => (
        <MessageBar key={`${f.code} ${i}`} intent={severities[f.severity]} layout="multiline">
          <MessageBarBody>
            <MessageBarTitle>
              <Said text={f.sentence} />
            </MessageBarTitle>
            {f.advice && <Said text={f.advice} />}
          </MessageBarBody>
        </MessageBar>
      ))}
      <Mailboxes of={c} />
      <h3 className={styles.heading}>What each server answers</h3>
      <Table label={`Servers of ${domain}`} columns={columns} rows={c.servers ?? []} rowKey={(s) => `${s.name} ${s.address}`} />
      <ConfirmByTyping
        open={ending}
        onClose={() => setEnding(false)}
        title={`End the watch of ${domain}?`}
        action="End the watch"
        word={held.length > 0 ? domain : undefined}
        onConfirm={async () => {
          await ask(api.DELETE("/cutovers/{domain}", { params: { path: { domain } } }));
          toasts.done(`${domain} is not watched any more.`);
          void refresh();
        }}
      >
        <p>What was seen is forgotten, the time of the switch among it. No record changes.</p>
        {held.length > 0 && (
          <MessageBar intent="warning" layout="multiline">
            <MessageBarBody>
              <MessageBarTitle>
                Waiting to complete until it is safe for <Said text={domain} />: <Said text={held.join(", ")} />.
              </MessageBarTitle>
              Without the watch nobody asks whether it is safe: what waits does not complete by itself any more, and is completed by hand.
            </MessageBarBody>
          </MessageBar>
        )}
      </ConfirmByTyping>
    </Card>
  );
}

function Clock({ of: c }: { of: Cutover }) {
  const { switchedAt, safeAt } = c.clock;
  if (!switchedAt) return null;
  return (
    <p>
      The new records are answered since <When at={switchedAt} absolute />.{" "}
      {safeAt && (
        <>
          The wait of 72 hours is over <When at={safeAt} absolute /> (<When at={safeAt} />).
        </>
      )}
    </p>
  );
}

function Answer({ safe, yes, no }: { safe: Schema<"CutoverSafe">; yes: string; no: string }) {
  const styles = useStyles();
  return (
    <MessageBar intent={safe.yes ? "success" : "warning"} layout="multiline">
      <MessageBarBody>
        <MessageBarTitle>{safe.yes ? yes : no}</MessageBarTitle>
        {(safe.reasons ?? []).length > 0 && (
          <ul className={styles.list}>
            {safe.reasons!.map((reason) => (
              <li key={reason}>
                <Said text={reason} />
              </li>
            ))}
          </ul>
        )}
      </MessageBarBody>
    </MessageBar>
  );
}

function Step({ of: s }: { of: Schema<"CutoverStep"> }) {
  const styles = useStyles();
  return (
    <li className={styles.step}>
      <span className={mergeClasses(styles.icon, s.done && styles.done)}>{s.done ? <CheckmarkCircleFilled aria-label="Done" /> : <CircleRegular aria-label="To do" />}</span>
      <div>
        <div className={styles.title}>
          {s.title}
          {!s.done && s.due && (
            <span className={styles.quiet}>
              {" "}
              (<When at={s.due} />)
            </span>
          )}
        </div>
        {!s.done && <div className={styles.quiet}>{s.text}</div>}
        {!s.done && <Records title="Now" of={s.now} />}
        {!s.done && <Records title="To publish" of={s.publish} copy />}
      </div>
    </li>
  );
}

function Records({ title, of, copy }: { title: string; of?: Schema<"CutoverRecord">[] | null; copy?: boolean }) {
  const styles = useStyles();
  if (!of || of.length === 0) return null;
  const text = of.map(recordText).join("\n");
  return (
    <div>
      <div className={styles.bar}>
        {title}
        {copy && <CopyButton text={text} label="Copy the records" />}
      </div>
      <div className={styles.records}>
        <Said text={text} mono />
      </div>
    </div>
  );
}

function Mailboxes({ of: c }: { of: Cutover }) {
  const styles = useStyles();
  const [all, setAll] = useState(false);
  const m = c.mailboxes;
  if (!m) return null;
  const behind = m.behind ?? [];
  return (
    <>
      <h3 className={styles.heading}>Its mailboxes</h3>
      <p className={styles.quiet}>
        {counted(m.total, "mailbox", "mailboxes")}
        {(c.batches ?? []).length > 0 && <> of {c.batches!.join(", ")}</>}: {count(m.synced)} synchronised, {count(m.syncedAfterSwitch)} since the switch, {count(m.syncedAfterWait)} since the wait was over, {count(m.completed)} completed.
      </p>
      {behind.length > 0 && (
        <ul className={styles.list}>
          {(all ? behind : behind.slice(0, 5)).map((b) => (
            <li key={`${b.batch} ${b.emailAddress}`}>
              <To to={`/batches/${encodeURIComponent(b.batch)}/mailboxes/${encodeURIComponent(b.emailAddress)}`}>
                <Said text={b.emailAddress} />
              </To>{" "}
              {b.lacks ? (
                <>lacks mail: {b.lacks}</>
              ) : b.syncedAt ? (
                <>
                  was synchronised last <When at={b.syncedAt} />
                </>
              ) : (
                "was never synchronised"
              )}
            </li>
          ))}
        </ul>
      )}
      {!all && behind.length > 5 && (
        <div>
          <Button size="small" onClick={() => setAll(true)}>
            Show {count(behind.length)}
          </Button>
        </div>
      )}
    </>
  );
}

const troubles: Record<string, string> = {
  nxdomain: "says that there is no such domain",
  servfail: "cannot tell (SERVFAIL)",
  bogus: "finds wrong signatures (DNSSEC)",
  lame: "does not serve the zone",
  timeout: "does not answer",
  garbled: "makes no sense",
  forbidden: "may not be asked, by the server's settings",
  "no-address": "has no address",
  alias: "says that the domain is an alias",
};

const columns: TableColumn<Schema<"CutoverSight">>[] = [
  { header: "Server", cell: (s) => <Said text={s.name} /> },
  { header: "Of the zone", cell: (s) => (s.authoritative ? "Yes" : "No, a cache") },
  { header: "Serial", align: "end", cell: (s) => (s.serial ? String(s.serial) : "–") },
  { header: "MX", cell: (s) => (s.trouble ? <ToneBadge tone="danger" text={troubles[s.trouble] ?? s.trouble} /> : <MX of={s} />) },
];

function MX({ of }: { of: Schema<"CutoverSight"> }) {
  const list = (of.records ?? []).filter((r) => r.type === "MX");
  if (list.length === 0) return <>none</>;
  return (
    <>
      {list.map((r) => (
        <div key={`${r.preference} ${r.value}`}>
          {r.preference ?? 0} <Said text={r.value} mono /> ({counted(r.ttl, "second")})
        </div>
      ))}
    </>
  );
}
