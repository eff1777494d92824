package migration

// Means says in a sentence what a state is.
func (s MailboxState) Means() string { return mailboxMeanings[s] }

// Means says in a sentence what a state is.
func (s BatchState) Means() string { return batchMeanings[s] }

var mailboxMeanings = map[MailboxState]string{
	MailboxQueued:                "It waits for its initial pass: for its batch to start, or for a free place at both endpoints.",
	MailboxValidating:            "A preflight is under way: signing in at both ends and looking. Nothing is copied.",
	MailboxStarting:              "Its initial pass was given out, and no node has taken it up yet.",
	MailboxSyncing:               "Its initial pass is under way.",
	MailboxStopping:              "It was stopped, and its pass is ending.",
	MailboxStopped:               "It was stopped before its initial copy was whole. Start goes on where it stopped.",
	MailboxFailed:                "Its initial pass has failed for good. The trouble says why; start or retry tries again.",
	MailboxSynced:                "Its initial copy is there. What is new is brought at the next interval.",
	MailboxIncrementalSyncing:    "A pass brings what is new.",
	MailboxIncrementalSynced:     "What was new has been brought. The next pass follows at the next interval.",
	MailboxIncrementalStopped:    "Its initial copy is there, and it was stopped: nothing new is brought.",
	MailboxIncrementalFailed:     "Its initial copy is there, but the last pass has failed for good. Start or retry tries again.",
	MailboxCompleting:            "It waits for its final pass, or that is under way.",
	MailboxCompletionFailed:      "Its final pass has failed for good. Start or retry tries again.",
	MailboxCompleted:             "Its final pass has gone through, and its passwords are wiped.",
	MailboxCompletedWithWarnings: "Its final pass has gone through, but messages were left out that nobody has approved.",
	MailboxCorrupted:             "Its credentials cannot be opened, or were bound to an endpoint that has changed. Rotate gives it new ones.",
	MailboxRemoving:              "It is being deleted: its records go as soon as its pass has ended.",
}

var batchMeanings = map[BatchState]string{
	BatchCreated:             "It was created and not started yet.",
	BatchWaiting:             "It was started, and its time has not come yet.",
	BatchStarting:            "It was started, and no pass has begun yet.",
	BatchSyncing:             "At least one mailbox has no initial copy yet.",
	BatchStopping:            "It was stopped, and passes are ending.",
	BatchStopped:             "It was stopped: no pass runs. Start goes on where it stopped.",
	BatchSynced:              "Every mailbox has its initial copy. What is new is brought at each interval.",
	BatchSyncedWithErrors:    "Every mailbox has its initial copy, has failed or was stopped, and at least one has failed, was stopped, or has messages that were left out.",
	BatchIncrementalSyncing:  "As Synced, and passes are bringing what is new.",
	BatchCompleting:          "Final passes are to run or are under way.",
	BatchCompleted:           "Every mailbox has had its final pass, and the passwords are wiped.",
	BatchCompletedWithErrors: "No final pass is left to run, but mailboxes have failed or were stopped, or messages were left out. Start retries what failed.",
	BatchFailed:              "Every mailbox has failed. Start retries them.",
	BatchCorrupted:           "The credentials of none of its mailboxes can be opened.",
	BatchRemoving:            "It is being deleted: its records go as soon as nothing runs. The ledger stays, unless it was to be forgotten.",
}
