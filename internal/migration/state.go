package migration

import "time"

// Intent is what the operator wants of a batch or a mailbox. Intent and facts
// are stored; states are derived from them.
type Intent string

// The intents. A mailbox has Run or Halt, or Remove while it is being deleted.
const (
	// Hold: created, not started yet.
	Hold Intent = "hold"
	// Run: copied, and synchronised every interval.
	Run Intent = "run"
	// Halt: no pass may run.
	Halt Intent = "halt"
	// Finish: a final pass, and then none any more.
	Finish Intent = "finish"
	// Remove: nothing may run, and the records go.
	Remove Intent = "remove"
)

// Phase is how far a mailbox has come.
type Phase string

// The phases.
const (
	// Initial: no pass has gone through yet.
	Initial Phase = "initial"
	// Incremental: the initial copy is there; passes bring what is new.
	Incremental Phase = "incremental"
	// Closed: the final pass has gone through.
	Closed Phase = "closed"
)

// PassKind is what a pass is for. The engine does the same in each.
type PassKind string

// The kinds of passes.
const (
	// Preflight signs in at both ends and looks, and copies nothing.
	Preflight       PassKind = "preflight"
	InitialPass     PassKind = "initial"
	IncrementalPass PassKind = "incremental"
	FinalPass       PassKind = "final"
)

// MailboxFacts are what is stored of a mailbox that its state depends on.
type MailboxFacts struct {
	// Batch is the intent for its batch, Intent that for itself.
	Batch, Intent Intent
	Phase         Phase
	// Running is the kind of the pass under way, empty when none is; Begun is
	// false while no node has taken it up yet.
	Running PassKind
	Begun   bool
	// Passes is how many have gone through.
	Passes int
	// Failed: the last pass failed for good, and none follows by itself.
	Failed bool
	// Skipped is how many messages were left out, Approved how many of them an
	// operator has accepted.
	Skipped, Approved int
	// Broken: its credentials cannot be opened, or its record makes no sense.
	Broken bool
}

// MailboxState is the state of a mailbox as people see it, in the words of the
// modelled service.
type MailboxState string

// The states of a mailbox.
const (
	MailboxQueued                MailboxState = "Queued"
	MailboxValidating            MailboxState = "Validating"
	MailboxStarting              MailboxState = "Starting"
	MailboxSyncing               MailboxState = "Syncing"
	MailboxSynced                MailboxState = "Synced"
	MailboxIncrementalSyncing    MailboxState = "IncrementalSyncing"
	MailboxIncrementalSynced     MailboxState = "IncrementalSynced"
	MailboxIncrementalStopped    MailboxState = "IncrementalStopped"
	MailboxIncrementalFailed     MailboxState = "IncrementalFailed"
	MailboxStopping              MailboxState = "Stopping"
	MailboxStopped               MailboxState = "Stopped"
	MailboxCompleting            MailboxState = "Completing"
	MailboxCompletionFailed      MailboxState = "CompletionFailed"
	MailboxCompleted             MailboxState = "Completed"
	MailboxCompletedWithWarnings MailboxState = "CompletedWithWarnings"
	MailboxFailed                MailboxState = "Failed"
	MailboxCorrupted             MailboxState = "Corrupted"
	MailboxRemoving              MailboxState = "Removing"
)

// State derives the mailbox's state. The first line that fits counts.
func (f MailboxFacts) State() MailboxState {
	halted := f.Batch == Halt || f.Intent == Halt
	switch {
	case f.Batch == Remove || f.Intent == Remove:
		return MailboxRemoving
	case f.Broken:
		return MailboxCorrupted
	case f.Running == Preflight:
		return MailboxValidating
	case f.Running != "" && halted:
		return MailboxStopping
	case f.Running != "":
		return f.runningState()
	case f.Phase == Closed && f.Skipped > f.Approved:
		return MailboxCompletedWithWarnings
	case f.Phase == Closed:
		return MailboxCompleted
	case f.Failed:
		return f.failedState()
	case halted && f.Phase == Incremental:
		return MailboxIncrementalStopped
	case halted:
		return MailboxStopped
	case f.Phase == Initial:
		return MailboxQueued
	case f.Batch == Finish:
		return MailboxCompleting
	case f.Passes > 1:
		return MailboxIncrementalSynced
	default:
		return MailboxSynced
	}
}

func (f MailboxFacts) runningState() MailboxState {
	switch {
	case f.Running == FinalPass:
		return MailboxCompleting
	case f.Running == IncrementalPass:
		return MailboxIncrementalSyncing
	case !f.Begun:
		return MailboxStarting
	default:
		return MailboxSyncing
	}
}

func (f MailboxFacts) failedState() MailboxState {
	switch {
	case f.Phase == Initial:
		return MailboxFailed
	case f.Batch == Finish:
		return MailboxCompletionFailed
	default:
		return MailboxIncrementalFailed
	}
}

// BatchFacts are what is stored of a batch and counted of its mailboxes that its
// state depends on.
type BatchFacts struct {
	Intent Intent
	// StartAfter is when it may begin; zero is at once.
	StartAfter, Now time.Time
	Counts          BatchCounts
}

// BatchCounts counts the mailboxes of a batch.
type BatchCounts struct {
	Total int `json:"total"`
	// Begun have had a pass, under way or ended, whatever became of it.
	Begun int `json:"begun"`
	// Running have a pass under way; of them Validating have a preflight, and
	// IncrementalRunning have their initial copy.
	Running            int `json:"running"`
	Validating         int `json:"validating"`
	IncrementalRunning int `json:"incrementalRunning"`
	// Every mailbox that is not on its way to its initial copy is in one of
	// these: it is Synced (has that copy and takes part in further passes), had
	// its final pass (Closed), has Failed or is Broken, or was Stopped by itself
	// and not with its batch.
	Synced  int `json:"synced"`
	Closed  int `json:"closed"`
	Failed  int `json:"failed"`
	Stopped int `json:"stopped"`
	// Broken are those of the Failed whose credentials cannot be opened.
	Broken int `json:"broken"`
	// Troubled have messages that were left out and not approved.
	Troubled int `json:"troubled"`
}

// BatchState is the state of a batch as people see it, in the words of the
// modelled service.
type BatchState string

// The states of a batch.
const (
	BatchCreated             BatchState = "Created"
	BatchWaiting             BatchState = "Waiting"
	BatchStarting            BatchState = "Starting"
	BatchSyncing             BatchState = "Syncing"
	BatchStopping            BatchState = "Stopping"
	BatchStopped             BatchState = "Stopped"
	BatchSynced              BatchState = "Synced"
	BatchSyncedWithErrors    BatchState = "SyncedWithErrors"
	BatchIncrementalSyncing  BatchState = "IncrementalSyncing"
	BatchCompleting          BatchState = "Completing"
	BatchCompleted           BatchState = "Completed"
	BatchCompletedWithErrors BatchState = "CompletedWithErrors"
	BatchFailed              BatchState = "Failed"
	BatchCorrupted           BatchState = "Corrupted"
	BatchRemoving            BatchState = "Removing"
)

// State derives the batch's state. The first line that fits counts.
func (f BatchFacts) State() BatchState {
	c := f.Counts
	switch {
	case f.Intent == Remove:
		return BatchRemoving
	case c.Broken > 0 && c.Broken == c.Total-c.Closed:
		return BatchCorrupted
	case f.Intent == Hold:
		return BatchCreated
	case f.Intent == Halt && c.Running > c.Validating:
		return BatchStopping
	case f.Intent == Halt:
		return BatchStopped
	case f.Intent == Finish:
		return f.finishState()
	case f.Now.Before(f.StartAfter) && c.Begun == 0:
		return BatchWaiting
	case c.Total > 0 && c.Failed == c.Total:
		return BatchFailed
	case c.Begun == 0 && c.Stopped < c.Total:
		return BatchStarting
	case c.Synced+c.Closed+c.Failed+c.Stopped < c.Total:
		return BatchSyncing
	case c.IncrementalRunning > 0:
		return BatchIncrementalSyncing
	case c.Failed+c.Troubled+c.Stopped > 0:
		return BatchSyncedWithErrors
	default:
		return BatchSynced
	}
}

func (f BatchFacts) finishState() BatchState {
	c := f.Counts
	switch {
	case c.Closed+c.Failed+c.Stopped < c.Total || c.Running > 0:
		return BatchCompleting
	case c.Failed+c.Troubled+c.Stopped > 0:
		return BatchCompletedWithErrors
	default:
		return BatchCompleted
	}
}

// MailboxStates and BatchStates list all states in the order of a life.
func MailboxStates() []MailboxState {
	return []MailboxState{MailboxQueued, MailboxValidating, MailboxStarting, MailboxSyncing, MailboxStopping, MailboxStopped, MailboxFailed,
		MailboxSynced, MailboxIncrementalSyncing, MailboxIncrementalSynced, MailboxIncrementalStopped, MailboxIncrementalFailed,
		MailboxCompleting, MailboxCompletionFailed, MailboxCompleted, MailboxCompletedWithWarnings, MailboxCorrupted, MailboxRemoving}
}

// BatchStates lists all states of a batch in the order of a life.
func BatchStates() []BatchState {
	return []BatchState{BatchCreated, BatchWaiting, BatchStarting, BatchSyncing, BatchStopping, BatchStopped, BatchSynced, BatchSyncedWithErrors,
		BatchIncrementalSyncing, BatchCompleting, BatchCompleted, BatchCompletedWithErrors, BatchFailed, BatchCorrupted, BatchRemoving}
}
