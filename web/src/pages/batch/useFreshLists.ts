import { useEffect, useRef } from "react";
import type { Schema } from "../../api/client";
import { queries } from "../../api/queries";
import { paced, type Paced } from "../../live/paced";

/** Has the lists of a batch that are looked at asked for again whenever the line says something else of it. */
export function useFreshLists(name: string, batch: Schema<"Batch"> | undefined): void {
  const lists = useRef<Paced>(undefined);
  useEffect(() => {
    const of = paced(() => Promise.all([["mailboxes", name], ["history", name]].map((queryKey) => queries.invalidateQueries({ queryKey }))));
    lists.current = of;
    return of.stop;
  }, [name]);
  const told = batch && JSON.stringify([batch.version, batch.counts, batch.states, batch.figures]);
  const before = useRef(told);
  useEffect(() => {
    // What the line says first the lists have been asked for just now.
    if (told !== undefined && before.current !== undefined && told !== before.current) lists.current?.ask();
    before.current = told;
  }, [told]);
}
