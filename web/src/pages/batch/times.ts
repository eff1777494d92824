import type { Schema } from "../../api/client";

type Time = [term: string, at?: string];

/** When a batch was started and completed; before that, when it is to be. */
export function timesOf({ started, startAfter, completed, completeAfter }: Pick<Schema<"Batch">, "started" | "startAfter" | "completed" | "completeAfter">): { start: Time; complete: Time } {
  const given = (at?: string) => (at?.startsWith("0001-") ? undefined : at);
  return {
    start: started || !given(startAfter) ? ["Started at", started] : ["Start at", startAfter],
    complete: completed || !given(completeAfter) ? ["Completed at", completed] : ["Complete at", completeAfter],
  };
}
