/** What can be asked of a batch, in the order of a migration. */
export const batchActions = [
  { verb: "preflight", text: "Preflight" },
  { verb: "start", text: "Start" },
  { verb: "stop", text: "Stop" },
  { verb: "sync", text: "Sync now" },
  { verb: "complete", text: "Complete" },
  { verb: "approve", text: "Approve" },
  { verb: "delete", text: "Delete" },
] as const;

export type BatchVerb = (typeof batchActions)[number]["verb"];
