import { useQueries, useQueryClient, keepPreviousData } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";

export interface SparsePage<Row> {
  items: Row[] | null;
  /** How many rows there are altogether. */
  total?: number;
}

/** Rows of which only those that are looked at are loaded. */
export interface Sparse<Row> {
  total: number;
  /** The row, or undefined while it is not there. */
  at(index: number): Row | undefined;
  /** Says which rows are looked at. */
  want(first: number, last: number): void;
  /** Nothing has come yet. */
  loading: boolean;
  /** Another filter's rows are still shown. */
  stale: boolean;
  error: unknown;
  retry(): void;
}

export interface SparseOptions<Row> {
  /** What the rows depend on, as a key of a query: ["mailboxes", batch, states, search]. */
  queryKey: readonly unknown[];
  page(offset: number, limit: number, signal: AbortSignal): Promise<SparsePage<Row>>;
  pageSize?: number;
  /** How often the pages that are looked at are asked for again, in milliseconds. */
  refetchInterval?: number;
}

/** Loads the pages of a long list that are looked at, by offset, and none between. */
export function useSparse<Row>({ queryKey, page, pageSize = 100, refetchInterval }: SparseOptions<Row>): Sparse<Row> {
  const client = useQueryClient();
  const key = JSON.stringify(queryKey);
  const [wanted, setWanted] = useState<{ key: string; pages: number[] }>({ key, pages: [0] });
  const pages = wanted.key === key ? wanted.pages : [0];
  const results = useQueries({
    queries: pages.map((n) => ({
      queryKey: [...queryKey, "page", n],
      queryFn: ({ signal }: { signal: AbortSignal }) => page(n * pageSize, pageSize, signal),
      refetchInterval,
      placeholderData: n === 0 ? keepPreviousData : undefined,
    })),
  });
  // The total is that of the page that came last, and stays while others load.
  const newest = results.filter((r) => r.data && !r.isPlaceholderData).sort((a, b) => b.dataUpdatedAt - a.dataUpdatedAt)[0];
  const held = useRef({ key: "", total: 0 });
  if (newest?.data) held.current = { key, total: newest.data.total ?? newest.data.items?.length ?? 0 };
  const shown = results.find((r) => r.isPlaceholderData)?.data;
  const stale = held.current.key !== key && shown !== undefined;
  const total = held.current.key === key ? held.current.total : (shown?.total ?? shown?.items?.length ?? 0);

  const timer = useRef(0);
  useEffect(() => () => window.clearTimeout(timer.current), [key]);
  const want = useCallback(
    (first: number, last: number) => {
      window.clearTimeout(timer.current);
      // Rows that only fly past are not asked for.
      timer.current = window.setTimeout(() => {
        const list: number[] = [];
        for (let n = Math.floor(Math.max(0, first) / pageSize); n <= Math.floor(Math.max(0, last) / pageSize); n++) list.push(n);
        setWanted((w) => (w.key === key && w.pages.join() === list.join() ? w : { key, pages: list }));
      }, 80);
    },
    [key, pageSize],
  );
  const version = results.map((r) => `${r.dataUpdatedAt}${r.isPlaceholderData}`).join();
  const at = useMemo(() => {
    // Rows are looked up far more often than pages come.
    const lists = new Map<number, Row[] | null | undefined>(pages.map((n, i) => [n, results[i]?.data?.items]));
    return (index: number): Row | undefined => {
      const n = Math.floor(index / pageSize);
      if (!lists.has(n)) lists.set(n, client.getQueryData<SparsePage<Row>>([...queryKey, "page", n])?.items);
      return lists.get(n)?.[index % pageSize];
    };
    // What it reads changes with the key and the answers.
  }, [key, version, pageSize, client, pages.join()]);
  const failed = results.find((r) => r.isError);
  return {
    total,
    at,
    want,
    loading: held.current.key !== key && shown === undefined && !failed,
    stale,
    error: failed?.error,
    retry: () => results.forEach((r) => r.isError && void r.refetch()),
  };
}
