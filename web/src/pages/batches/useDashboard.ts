import { api, ask, type Live as Told } from "../../api/client";
import { useLive, type Live } from "../../live/useLive";

export type Dashboard = Told<"/live">;

/** Everything at a glance, live. Where there is no place for another watcher, it is put together from what can be asked. */
export function useDashboard(): Live<Dashboard> {
  return useLive<Dashboard>("/live", "dashboard", poll);
}

async function poll(): Promise<Dashboard> {
  const [batches, states, nodes] = await Promise.all([ask(api.GET("/batches")), ask(api.GET("/statistics")), ask(api.GET("/nodes"))]);
  const of = (...names: string[]) => names.reduce((sum, name) => sum + (states[name] ?? 0), 0);
  const total = Object.values(states).reduce((a, b) => a + b, 0);
  const counts = {
    total,
    queued: of("Queued"),
    synced: of("Synced", "IncrementalSynced"),
    completed: of("Completed", "CompletedWithWarnings"),
    failed: of("Failed", "IncrementalFailed", "CompletionFailed", "Corrupted"),
    stopped: of("Stopped", "IncrementalStopped"),
    removing: of("Removing"),
    syncing: 0,
    states,
  };
  counts.syncing = total - counts.queued - counts.synced - counts.completed - counts.failed - counts.stopped - counts.removing;
  const items = batches.items ?? [];
  return {
    counts,
    batches: items,
    bytesPerSecond: items.reduce((sum, b) => sum + (b.figures?.bytesPerSecond ?? 0), 0),
    messagesPerSecond: 0,
    nodes: (nodes.items ?? []).filter((n) => n.alive).length,
  };
}
