import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import type { ApiProblem } from "../api/problem";
import { watch, type Status } from "./stream";

export interface Live<T> {
  /** The newest value; it stays while the line is lost. */
  value?: T;
  status: Status;
  /** Why there is no line at the moment. */
  problem?: ApiProblem;
}

/** What all live views of the page are doing; the bar at the top shows the worst. */
const statuses = new Map<symbol, Status>();
const listeners = new Set<() => void>();

function report(key: symbol, status: Status | undefined): void {
  if (status === undefined) statuses.delete(key);
  else statuses.set(key, status);
  listeners.forEach((tell) => tell());
}

/** What a view that is followed can be doing, the worst first. */
const order = ["reconnecting", "polling", "connecting", "live"] as const satisfies Status[];

/** The worst status of the live views that are shown; undefined when none is followed. */
export function useLiveStatus(): (typeof order)[number] | undefined {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => order.find((status) => [...statuses.values()].includes(status)),
  );
}

/**
 * Follows a live route: `useLive<Dashboard>("/live", "dashboard")`. The route is one below
 * /api/v1, with its parts escaped (see `path`), or null for nothing. It reconnects by
 * itself, and polls where the server has no place for another watcher.
 */
export function useLive<T>(route: string | null, event: string, poll?: () => Promise<T>): Live<T> {
  const [live, setLive] = useState<Live<T>>({ status: "connecting" });
  const ask = useRef(poll);
  ask.current = poll;
  useEffect(() => {
    setLive({ status: "connecting" });
    if (route === null) return;
    const key = Symbol(route);
    const stop = watch<T>(route, {
      event,
      onValue: (value) => setLive((l) => ({ ...l, value })),
      onStatus: (status, problem) => {
        report(key, status);
        setLive((l) => (l.status === status && l.problem === problem ? l : { ...l, status, problem }));
      },
      poll: ask.current && (() => ask.current!()),
    });
    return () => {
      stop();
      report(key, undefined);
    };
  }, [route, event]);
  return live;
}
