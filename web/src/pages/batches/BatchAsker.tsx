import { useEffect } from "react";
import type { Schema } from "../../api/client";
import { useBatchActions } from "../../parts/BatchActions";
import type { BatchVerb } from "../../parts/batchVerbs";

/** A verb that somebody has chosen for a batch; each choice is another one. */
export interface Asked {
  verb: BatchVerb;
  batch: Schema<"Batch">;
}

/** Asks a batch for what was chosen. It is loaded with the first choice: its dialogs are much of the console. */
export default function BatchAsker({ asked }: { asked: Asked }) {
  const { act, dialogs } = useBatchActions();
  useEffect(() => act(asked.verb, asked.batch), [act, asked]);
  return dialogs;
}
