// The states and verbs of docs/states.md, with how they look. A test compares them.

/** What a state says at a glance: nothing yet, under way, good, look at it, act. */
export type Tone = "neutral" | "active" | "success" | "warning" | "danger";

export interface State {
  text: string;
  tone: Tone;
  meaning: string;
}

/** What has states and verbs. */
export type Kind = "batch" | "mailbox";

const batchStates: Record<string, State> = {
  Created: { text: "Created", tone: "neutral", meaning: "It was created and not started yet." },
  Waiting: { text: "Waiting", tone: "neutral", meaning: "It was started, and its time has not come yet." },
  Starting: { text: "Starting", tone: "active", meaning: "It was started, and no pass has begun yet." },
  Syncing: { text: "Syncing", tone: "active", meaning: "At least one mailbox has no initial copy yet." },
  Stopping: { text: "Stopping", tone: "active", meaning: "It was stopped, and passes are ending." },
  Stopped: { text: "Stopped", tone: "warning", meaning: "It was stopped: no pass runs. Start goes on where it stopped." },
  Synced: { text: "Synced", tone: "success", meaning: "Every mailbox has its initial copy. What is new is brought at each interval." },
  SyncedWithErrors: { text: "Synced with errors", tone: "warning", meaning: "Every mailbox has its initial copy, has failed or was stopped, and at least one has failed, was stopped, or has messages that were left out." },
  IncrementalSyncing: { text: "Incremental syncing", tone: "active", meaning: "As Synced, and passes are bringing what is new." },
  Completing: { text: "Completing", tone: "active", meaning: "Final passes are to run or are under way." },
  Completed: { text: "Completed", tone: "success", meaning: "Every mailbox has had its final pass, and the passwords are wiped." },
  CompletedWithErrors: { text: "Completed with errors", tone: "warning", meaning: "No final pass is left to run, but mailboxes have failed or were stopped, or messages were left out. Start retries what failed." },
  Failed: { text: "Failed", tone: "danger", meaning: "Every mailbox has failed. Start retries them." },
  Corrupted: { text: "Corrupted", tone: "danger", meaning: "The credentials of none of its mailboxes can be opened." },
  Removing: { text: "Removing", tone: "neutral", meaning: "It is being deleted: its records go as soon as nothing runs. The ledger stays, unless it was to be forgotten." },
};

const mailboxStates: Record<string, State> = {
  Queued: { text: "Queued", tone: "neutral", meaning: "It waits for its initial pass: for its batch to start, or for a free place at both endpoints." },
  Validating: { text: "Validating", tone: "active", meaning: "A preflight is under way: signing in at both ends and looking. Nothing is copied." },
  Starting: { text: "Starting", tone: "active", meaning: "Its initial pass was given out, and no node has taken it up yet." },
  Syncing: { text: "Syncing", tone: "active", meaning: "Its initial pass is under way." },
  Stopping: { text: "Stopping", tone: "active", meaning: "It was stopped, and its pass is ending." },
  Stopped: { text: "Stopped", tone: "warning", meaning: "It was stopped before its initial copy was whole. Start goes on where it stopped." },
  Failed: { text: "Failed", tone: "danger", meaning: "Its initial pass has failed for good. The trouble says why; start or retry tries again." },
  Synced: { text: "Synced", tone: "success", meaning: "Its initial copy is there. What is new is brought at the next interval." },
  IncrementalSyncing: { text: "Incremental syncing", tone: "active", meaning: "A pass brings what is new." },
  IncrementalSynced: { text: "Incremental synced", tone: "success", meaning: "What was new has been brought. The next pass follows at the next interval." },
  IncrementalStopped: { text: "Incremental stopped", tone: "warning", meaning: "Its initial copy is there, and it was stopped: nothing new is brought." },
  IncrementalFailed: { text: "Incremental failed", tone: "danger", meaning: "Its initial copy is there, but the last pass has failed for good. Start or retry tries again." },
  Completing: { text: "Completing", tone: "active", meaning: "It waits for its final pass, or that is under way." },
  CompletionFailed: { text: "Completion failed", tone: "danger", meaning: "Its final pass has failed for good. Start or retry tries again." },
  Completed: { text: "Completed", tone: "success", meaning: "Its final pass has gone through, and its passwords are wiped." },
  CompletedWithWarnings: { text: "Completed with warnings", tone: "warning", meaning: "Its final pass has gone through, but messages were left out that nobody has approved." },
  Corrupted: { text: "Corrupted", tone: "danger", meaning: "Its credentials cannot be opened, or were bound to an endpoint that has changed. Rotate gives it new ones." },
  Removing: { text: "Removing", tone: "neutral", meaning: "It is being deleted: its records go as soon as its pass has ended." },
};

export const states: Record<Kind, Record<string, State>> = { batch: batchStates, mailbox: mailboxStates };

const completed = "it is completed: its passwords are wiped, and no pass follows";
const corrupted = "its credentials cannot be opened; bring back the key they were sealed with, or give new passwords";
const removing = "it is being removed; create it anew instead";

interface Verb {
  /** States in which it is so already, so that asking changes nothing. */
  already: string[];
  /** Why it is refused, by state. */
  refused: Record<string, string>;
}

const batchVerbs: Record<string, Verb> = {
  edit: {
    already: [],
    refused: {
      Removing: removing,
    },
  },
  add: {
    already: [],
    refused: {
      Completing: "it is being completed, and takes no more mailboxes; put them into a new batch",
      Completed: "it is being completed, and takes no more mailboxes; put them into a new batch",
      CompletedWithErrors: "it is being completed, and takes no more mailboxes; put them into a new batch",
      Corrupted: corrupted,
      Removing: removing,
    },
  },
  preflight: {
    already: [],
    refused: {
      Stopping: "it is being stopped; wait until it has",
      Completing: "there is nothing left to be tried",
      Completed: "there is nothing left to be tried",
      CompletedWithErrors: "there is nothing left to be tried",
      Corrupted: corrupted,
      Removing: removing,
    },
  },
  start: {
    already: ["Completing"],
    refused: {
      Completed: "every mailbox has had its final pass; there is nothing left to start",
      Corrupted: corrupted,
      Removing: removing,
    },
  },
  stop: {
    already: ["Stopping", "Stopped"],
    refused: {
      Created: "it was not started yet",
      Completed: "nothing of it is running, and nothing will",
      CompletedWithErrors: "nothing of it is running, and nothing will",
      Corrupted: "nothing of it is running, and nothing will",
      Failed: "all its mailboxes have failed, so there is nothing to stop; start retries them",
      Removing: removing,
    },
  },
  sync: {
    already: [],
    refused: {
      Created: "only a batch that is started, with an initial copy, can be synchronised; start it first",
      Waiting: "only a batch that is started, with an initial copy, can be synchronised; start it first",
      Starting: "only a batch that is started, with an initial copy, can be synchronised; start it first",
      Stopping: "only a batch that is started, with an initial copy, can be synchronised; start it first",
      Stopped: "only a batch that is started, with an initial copy, can be synchronised; start it first",
      Failed: "only a batch that is started, with an initial copy, can be synchronised; start it first",
      Completing: "its final pass is under way already",
      Completed: completed,
      CompletedWithErrors: completed,
      Corrupted: corrupted,
      Removing: removing,
    },
  },
  complete: {
    already: ["Completing", "Completed"],
    refused: {
      Created: "it was not started yet; start it and wait until it is Synced",
      Waiting: "not every mailbox has its initial copy; wait until the batch is Synced",
      Starting: "not every mailbox has its initial copy; wait until the batch is Synced",
      Syncing: "not every mailbox has its initial copy; wait until the batch is Synced",
      Stopping: "not every mailbox has its initial copy; wait until the batch is Synced",
      Stopped: "it is stopped; start it and wait until it is Synced",
      CompletedWithErrors: "it is completed, with errors; start retries what failed",
      Failed: "all its mailboxes have failed; start retries them",
      Corrupted: corrupted,
      Removing: removing,
    },
  },
  approve: {
    already: [],
    refused: {
      Created: "nothing has been copied yet, so there is nothing to approve",
      Waiting: "nothing has been copied yet, so there is nothing to approve",
      Removing: removing,
    },
  },
  delete: {
    already: ["Removing"],
    refused: {
    },
  },
};

const mailboxVerbs: Record<string, Verb> = {
  start: {
    already: ["Validating", "Starting", "Syncing", "Synced", "IncrementalSyncing", "IncrementalSynced", "Completing"],
    refused: {
      Completed: completed,
      CompletedWithWarnings: completed,
      Corrupted: corrupted,
      Removing: removing,
    },
  },
  stop: {
    already: ["Stopping", "Stopped", "IncrementalStopped"],
    refused: {
      Failed: "no pass of it is running, and none follows by itself",
      IncrementalFailed: "no pass of it is running, and none follows by itself",
      CompletionFailed: "no pass of it is running, and none follows by itself",
      Completed: "no pass of it is running, and none follows by itself",
      CompletedWithWarnings: "no pass of it is running, and none follows by itself",
      Corrupted: "no pass of it is running, and none follows by itself",
      Removing: removing,
    },
  },
  retry: {
    already: ["Queued", "Validating", "Starting", "Syncing", "IncrementalSyncing", "Completing"],
    refused: {
      Stopping: "it is being stopped; wait until it has",
      Completed: completed,
      CompletedWithWarnings: completed,
      Corrupted: corrupted,
      Removing: removing,
    },
  },
  sync: {
    already: ["IncrementalSyncing", "Completing"],
    refused: {
      Queued: "only a mailbox with its initial copy that is not stopped can be synchronised",
      Validating: "only a mailbox with its initial copy that is not stopped can be synchronised",
      Starting: "only a mailbox with its initial copy that is not stopped can be synchronised",
      Syncing: "only a mailbox with its initial copy that is not stopped can be synchronised",
      Stopping: "only a mailbox with its initial copy that is not stopped can be synchronised",
      Stopped: "only a mailbox with its initial copy that is not stopped can be synchronised",
      IncrementalStopped: "only a mailbox with its initial copy that is not stopped can be synchronised",
      Failed: "its initial pass failed; retry it",
      IncrementalFailed: "its last pass failed; retry it",
      CompletionFailed: "its final pass failed; retry it",
      Completed: completed,
      CompletedWithWarnings: completed,
      Corrupted: corrupted,
      Removing: removing,
    },
  },
  approve: {
    already: [],
    refused: {
      Queued: "nothing has been copied yet, so there is nothing to approve",
      Validating: "nothing has been copied yet, so there is nothing to approve",
      Removing: removing,
    },
  },
  rotate: {
    already: [],
    refused: {
      Completed: completed,
      CompletedWithWarnings: completed,
      Removing: removing,
    },
  },
  delete: {
    already: ["Removing"],
    refused: {
    },
  },
};

export const verbs: Record<Kind, Record<string, Verb>> = { batch: batchVerbs, mailbox: mailboxVerbs };

/** How a state looks; one that a newer server has is shown by its name. */
export function stateOf(kind: Kind, state: string): State {
  return states[kind][state] ?? { text: state, tone: "neutral", meaning: "" };
}

/**
 * Why a verb cannot be asked for now, in a sentence; undefined when it can. The server's
 * list of verbs decides, and the table only says why.
 */
export function refusal(kind: Kind, of: { state: string; verbs?: string[] | null }, verb: string): string | undefined {
  if (of.verbs?.includes(verb)) return undefined;
  const known = verbs[kind][verb];
  if (known?.already.includes(of.state)) return sentence(`the ${kind} is ${stateOf(kind, of.state).text.toLowerCase()} already`);
  return sentence(known?.refused[of.state] ?? `a ${kind} that is ${stateOf(kind, of.state).text.toLowerCase()} does not know this`);
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1) + ".";
}
