import { Checkbox, Field, Textarea } from "@fluentui/react-components";
import { useCallback, useEffect, useMemo, useState, type ReactNode } from "react";
import { api, ask, type Schema } from "../api/client";
import { queries } from "../api/queries";
import { batchActions, type BatchVerb } from "./batchVerbs";
import { ConfirmByTyping } from "./ConfirmByTyping";
import { CutoverWarning } from "./CutoverWarning";
import { FormDialog } from "./FormDialog";
import { counted } from "./format";
import { useToasts } from "./Toasts";

type Batch = Schema<"Batch">;

const done: Record<BatchVerb, string> = { preflight: "is being tried", start: "was started", stop: "is being stopped", sync: "is being synchronised", complete: "is being completed", approve: "was approved", delete: "is being deleted" };

function invalidate(batch: string): void {
  void queries.invalidateQueries({ queryKey: ["batches"] });
  void queries.invalidateQueries({ queryKey: ["batch", batch] });
  void queries.invalidateQueries({ queryKey: ["mailboxes"] });
}

/** Asks for a verb of a batch that needs nothing more. */
async function ask1(verb: "preflight" | "start" | "stop" | "sync" | "complete", batch: string): Promise<Batch> {
  const params = { params: { path: { batch } } };
  switch (verb) {
    case "preflight":
      return ask(api.POST("/batches/{batch}/preflight", params));
    case "start":
      return ask(api.POST("/batches/{batch}/start", params));
    case "stop":
      return ask(api.POST("/batches/{batch}/stop", params));
    case "sync":
      return ask(api.POST("/batches/{batch}/sync", params));
    case "complete":
      return ask(api.POST("/batches/{batch}/complete", params));
  }
}

export interface BatchAsking {
  /** Does it, or asks first where much hangs on it. */
  act(verb: BatchVerb, batch: Batch): void;
  /** To be rendered somewhere in the page. */
  dialogs: ReactNode;
}

/** The verbs of batches with their questions and toasts. `onDeleted` is for a page whose batch is gone. */
export function useBatchActions(onDeleted?: () => void): BatchAsking {
  const toasts = useToasts();
  const [asked, setAsked] = useState<{ verb: BatchVerb; batch: Batch }>();
  const [forget, setForget] = useState(false);
  const [ready, setReady] = useState(false);
  const close = useCallback(() => setAsked(undefined), []);
  const act = useCallback(
    (verb: BatchVerb, batch: Batch) => {
      if (verb === "complete" || verb === "delete" || verb === "approve") {
        setForget(false);
        setAsked({ verb, batch });
        return;
      }
      ask1(verb, batch.name)
        .then(() => toasts.done(`${batch.name} ${done[verb]}.`))
        .catch((error: unknown) => toasts.failed(`${batch.name}: ${batchActions.find((a) => a.verb === verb)!.text} did not work`, error))
        .finally(() => invalidate(batch.name));
    },
    [toasts],
  );
  const batch = asked?.batch;
  const name = batch?.name ?? "";
  const finish = (verb: BatchVerb) => {
    toasts.done(`${name} ${done[verb]}.`);
    invalidate(name);
  };
  const left = (batch?.figures?.skipped ?? 0) - (batch?.figures?.approved ?? 0);
  const unfinished = batch ? batch.counts.failed + batch.counts.stopped : 0;
  const dialogs = (
    <>
      <ConfirmByTyping
        open={asked?.verb === "complete"}
        onClose={close}
        title={`Complete ${name}?`}
        word={name}
        action="Complete"
        ready={ready}
        onConfirm={async () => {
          await ask1("complete", name);
          finish("complete");
        }}
      >
        <p>
          Each of its {counted(batch?.counts.total ?? 0, "mailbox", "mailboxes")} gets its final pass. Afterwards nothing more is brought, and the passwords are destroyed. Mail must arrive at the target before: change the MX records first.
        </p>
        {asked?.verb === "complete" && <CutoverWarning batch={name} verb="complete" onReady={setReady} />}
        {unfinished > 0 && <p>{counted(unfinished, "mailbox has", "mailboxes have")} failed or was stopped, and will not be completed.</p>}
      </ConfirmByTyping>
      <ConfirmByTyping
        open={asked?.verb === "delete"}
        onClose={close}
        title={`Delete ${name}?`}
        word={name}
        action="Delete"
        danger
        ready={ready}
        onConfirm={async () => {
          await ask(api.DELETE("/batches/{batch}", { params: { path: { batch: name }, query: forget ? { forget: true } : {} } }));
          finish("delete");
          onDeleted?.();
        }}
      >
        <p>It is stopped, and its records, reports and passwords are removed. Migrated mail stays where it is.</p>
        {asked?.verb === "delete" && <CutoverWarning batch={name} verb="delete" onReady={setReady} />}
        <Checkbox checked={forget} onChange={(_, data) => setForget(data.checked === true)} label="Forget the ledger too: another batch of the same mailboxes would then compare everything anew" />
      </ConfirmByTyping>
      <ApproveDialog
        open={asked?.verb === "approve"}
        onClose={close}
        title={`Approve what ${name} left out?`}
        onApprove={async (reason) => {
          await ask(api.POST("/batches/{batch}/approve", { params: { path: { batch: name } }, body: { reason } }));
          finish("approve");
        }}
      >
        <p>
          {left > 0 ? `${counted(left, "message was", "messages were")} left out and ${left === 1 ? "is" : "are"} not approved.` : "What was left out so far counts as accepted."} Findings that come later are to be approved anew.
        </p>
      </ApproveDialog>
    </>
  );
  return useMemo(() => ({ act, dialogs }), [act, dialogs]);
}

export interface ApproveProps {
  open: boolean;
  onClose(): void;
  title: string;
  children?: ReactNode;
  onApprove(reason: string): Promise<unknown>;
}

/** Asks for the reason why what was left out is accepted. */
export function ApproveDialog({ open, onClose, title, children, onApprove }: ApproveProps) {
  const [reason, setReason] = useState("");
  // A reason is given for one thing, and is not that of the next.
  useEffect(() => setReason(""), [open]);
  return (
    <FormDialog open={open} onClose={onClose} title={title} action="Approve" ready={reason.trim() !== ""} shownFields={["reason"]} onSubmit={() => onApprove(reason.trim())}>
      {(problem) => (
        <>
          {children}
          <Field label="Reason" hint="Goes to the audit log" required validationMessage={problem?.field("reason")}>
            <Textarea value={reason} onChange={(_, data) => setReason(data.value)} maxLength={1000} resize="vertical" />
          </Field>
        </>
      )}
    </FormDialog>
  );
}
