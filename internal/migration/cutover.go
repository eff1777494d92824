package migration

import "time"

// CutoverRecord is what the store keeps of a domain whose mail moves.
type CutoverRecord struct {
	// Domain is in ASCII and lower case.
	Domain string
	// State is the last that people were told of.
	State string
	// Kept is what was seen; the store does not look inside.
	Kept []byte
	// Batches are those whose mailboxes count, none for all.
	Batches []string
	// Notify are the addresses that are told, beside that of who made it.
	Notify []string
	// Looked is when it was last looked at, Due when it is to be looked at again.
	Looked, Due time.Time
	Created     time.Time
	CreatedBy   string
	Version     int64
}

// MailboxInStep says since when a mailbox is in step with its source.
type MailboxInStep struct {
	Batch, Address string
	Phase          Phase
	// LastSynced is when the last pass that went through had ended, SyncedFrom when it
	// began; zero when there was none, or for SyncedFrom when that is not known.
	LastSynced, SyncedFrom time.Time
}
