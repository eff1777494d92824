package migration

import (
	"fmt"
	"slices"
)

// Verb is what an operator can ask for of a batch or a mailbox.
type Verb string

// The verbs.
const (
	VerbEdit      Verb = "edit"
	VerbAdd       Verb = "add"       // more rows
	VerbPreflight Verb = "preflight" // sign in at both ends and look
	VerbStart     Verb = "start"     // also resumes, and retries what failed
	VerbStop      Verb = "stop"
	VerbRetry     Verb = "retry"
	VerbSync      Verb = "sync" // a pass now
	VerbComplete  Verb = "complete"
	VerbApprove   Verb = "approve"
	VerbRotate    Verb = "rotate" // a new password
	VerbDelete    Verb = "delete"
)

// Answer is what a verb meets in a state.
type Answer int

// The answers.
const (
	Refused Answer = iota
	// Already: it is so, and asking again changes nothing.
	Already
	Allowed
)

// verbRule says where a verb is allowed and where it is so already. Elsewhere it
// is refused, with the reason of the state or else the common one.
type verbRule[S ~string] struct {
	allowed, already []S
	otherwise        string
	reasons          map[S]string
}

func (r verbRule[S]) ask(state S) (Answer, string) {
	switch {
	case slices.Contains(r.allowed, state):
		return Allowed, ""
	case slices.Contains(r.already, state):
		return Already, ""
	case r.reasons[state] != "":
		return Refused, r.reasons[state]
	default:
		return Refused, r.otherwise
	}
}

const beingRemoved = "it is being removed; create it anew instead"

var batchVerbs = map[Verb]verbRule[BatchState]{
	VerbEdit: {allowed: allBut(BatchStates(), BatchRemoving), otherwise: beingRemoved},
	VerbAdd: {allowed: allBut(BatchStates(), BatchRemoving, BatchCompleting, BatchCompleted, BatchCompletedWithErrors, BatchCorrupted),
		otherwise: "it is being completed, and takes no more mailboxes; put them into a new batch",
		reasons:   map[BatchState]string{BatchRemoving: beingRemoved, BatchCorrupted: corrupted}},
	VerbPreflight: {allowed: []BatchState{BatchCreated, BatchWaiting, BatchStarting, BatchSyncing, BatchStopped, BatchSynced, BatchSyncedWithErrors, BatchIncrementalSyncing, BatchFailed},
		otherwise: "there is nothing left to be tried",
		reasons:   map[BatchState]string{BatchRemoving: beingRemoved, BatchCorrupted: corrupted, BatchStopping: "it is being stopped; wait until it has"}},
	VerbStart: {allowed: []BatchState{BatchCreated, BatchWaiting, BatchStarting, BatchSyncing, BatchStopping, BatchStopped, BatchSynced, BatchSyncedWithErrors, BatchIncrementalSyncing, BatchFailed, BatchCompletedWithErrors},
		already:   []BatchState{BatchCompleting},
		otherwise: "every mailbox has had its final pass; there is nothing left to start",
		reasons:   map[BatchState]string{BatchRemoving: beingRemoved, BatchCorrupted: corrupted}},
	VerbStop: {allowed: []BatchState{BatchWaiting, BatchStarting, BatchSyncing, BatchSynced, BatchSyncedWithErrors, BatchIncrementalSyncing, BatchCompleting},
		already:   []BatchState{BatchStopping, BatchStopped},
		otherwise: "nothing of it is running, and nothing will",
		reasons:   map[BatchState]string{BatchCreated: "it was not started yet", BatchRemoving: beingRemoved, BatchFailed: "all its mailboxes have failed, so there is nothing to stop; start retries them"}},
	VerbSync: {allowed: []BatchState{BatchSynced, BatchSyncedWithErrors, BatchSyncing, BatchIncrementalSyncing},
		otherwise: "only a batch that is started, with an initial copy, can be synchronised; start it first",
		reasons: map[BatchState]string{BatchRemoving: beingRemoved, BatchCorrupted: corrupted, BatchCompleting: "its final pass is under way already",
			BatchCompleted: finished, BatchCompletedWithErrors: finished}},
	VerbComplete: {allowed: []BatchState{BatchSynced, BatchSyncedWithErrors, BatchIncrementalSyncing},
		already:   []BatchState{BatchCompleting, BatchCompleted},
		otherwise: "not every mailbox has its initial copy; wait until the batch is Synced",
		reasons: map[BatchState]string{BatchCreated: "it was not started yet; start it and wait until it is Synced", BatchStopped: "it is stopped; start it and wait until it is Synced",
			BatchFailed: "all its mailboxes have failed; start retries them", BatchRemoving: beingRemoved, BatchCorrupted: corrupted,
			BatchCompletedWithErrors: "it is completed, with errors; start retries what failed"}},
	VerbApprove: {allowed: allBut(BatchStates(), BatchCreated, BatchWaiting, BatchRemoving),
		otherwise: "nothing has been copied yet, so there is nothing to approve",
		reasons:   map[BatchState]string{BatchRemoving: beingRemoved}},
	VerbDelete: {allowed: allBut(BatchStates(), BatchRemoving), already: []BatchState{BatchRemoving}},
}

const (
	corrupted = "its credentials cannot be opened; bring back the key they were sealed with, or give new passwords"
	finished  = "it is completed: its passwords are wiped, and no pass follows"
)

var mailboxVerbs = map[Verb]verbRule[MailboxState]{
	VerbStart: {allowed: []MailboxState{MailboxStopped, MailboxIncrementalStopped, MailboxStopping, MailboxFailed, MailboxIncrementalFailed, MailboxCompletionFailed, MailboxQueued},
		already:   allBut(MailboxStates(), MailboxCompleted, MailboxCompletedWithWarnings, MailboxRemoving, MailboxCorrupted),
		otherwise: finished, reasons: map[MailboxState]string{MailboxRemoving: beingRemoved, MailboxCorrupted: corrupted}},
	VerbStop: {allowed: []MailboxState{MailboxQueued, MailboxValidating, MailboxStarting, MailboxSyncing, MailboxSynced, MailboxIncrementalSyncing, MailboxIncrementalSynced, MailboxCompleting},
		already:   []MailboxState{MailboxStopping, MailboxStopped, MailboxIncrementalStopped},
		otherwise: "no pass of it is running, and none follows by itself",
		reasons:   map[MailboxState]string{MailboxRemoving: beingRemoved}},
	VerbRetry: {allowed: []MailboxState{MailboxFailed, MailboxIncrementalFailed, MailboxCompletionFailed, MailboxSynced, MailboxIncrementalSynced, MailboxStopped, MailboxIncrementalStopped},
		already:   []MailboxState{MailboxQueued, MailboxStarting, MailboxSyncing, MailboxIncrementalSyncing, MailboxCompleting, MailboxValidating},
		otherwise: finished, reasons: map[MailboxState]string{MailboxRemoving: beingRemoved, MailboxCorrupted: corrupted, MailboxStopping: "it is being stopped; wait until it has"}},
	VerbSync: {allowed: []MailboxState{MailboxSynced, MailboxIncrementalSynced},
		already:   []MailboxState{MailboxIncrementalSyncing, MailboxCompleting},
		otherwise: "only a mailbox with its initial copy that is not stopped can be synchronised",
		reasons: map[MailboxState]string{MailboxRemoving: beingRemoved, MailboxCorrupted: corrupted, MailboxCompleted: finished, MailboxCompletedWithWarnings: finished,
			MailboxIncrementalFailed: "its last pass failed; retry it", MailboxFailed: "its initial pass failed; retry it", MailboxCompletionFailed: "its final pass failed; retry it"}},
	VerbApprove: {allowed: allBut(MailboxStates(), MailboxQueued, MailboxValidating, MailboxRemoving),
		otherwise: "nothing has been copied yet, so there is nothing to approve", reasons: map[MailboxState]string{MailboxRemoving: beingRemoved}},
	VerbRotate: {allowed: allBut(MailboxStates(), MailboxCompleted, MailboxCompletedWithWarnings, MailboxRemoving),
		otherwise: finished, reasons: map[MailboxState]string{MailboxRemoving: beingRemoved}},
	VerbDelete: {allowed: allBut(MailboxStates(), MailboxRemoving), already: []MailboxState{MailboxRemoving}},
}

func allBut[S comparable](all []S, but ...S) []S {
	return slices.DeleteFunc(all, func(s S) bool { return slices.Contains(but, s) })
}

// Ask says what a verb meets in a state of a batch. A refusal comes with its
// reason, part of a sentence.
func (s BatchState) Ask(verb Verb) (Answer, string) { return ask(batchVerbs, verb, s, "a batch") }

// Ask says what a verb meets in a state of a mailbox.
func (s MailboxState) Ask(verb Verb) (Answer, string) { return ask(mailboxVerbs, verb, s, "a mailbox") }

func ask[S ~string](rules map[Verb]verbRule[S], verb Verb, state S, what string) (Answer, string) {
	rule, known := rules[verb]
	if !known {
		return Refused, fmt.Sprintf("%s does not know %q", what, verb)
	}
	return rule.ask(state)
}

// BatchVerbs and MailboxVerbs list the verbs in the order of a life.
func BatchVerbs() []Verb {
	return []Verb{VerbEdit, VerbAdd, VerbPreflight, VerbStart, VerbStop, VerbSync, VerbComplete, VerbApprove, VerbDelete}
}

// MailboxVerbs lists the verbs of a mailbox.
func MailboxVerbs() []Verb {
	return []Verb{VerbStart, VerbStop, VerbRetry, VerbSync, VerbApprove, VerbRotate, VerbDelete}
}
