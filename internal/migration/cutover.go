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

// Unread is what a pass that went through could not look into.
type Unread int

// What is unread, the worst last.
const (
	// AllRead: whatever was left out was counted.
	AllRead Unread = iota
	// FolderUncounted: a folder was given up, and nobody knows how many messages it has.
	FolderUncounted
	// InboxUnread: the INBOX was given up, where mail arrives that nobody knows of yet.
	InboxUnread
)

// MailboxInStep says since when a mailbox is in step with its source.
type MailboxInStep struct {
	ID             int64
	Batch, Address string
	// Source and Target are endpoints, and the others as in MailboxRecord.
	Source, Target                   int64
	SourceUser, TargetUser, UserRoot string
	Phase                            Phase
	// Failed, Skipped and Approved are as in MailboxFacts.
	Failed            bool
	Skipped, Approved int
	// Unread and MadeUp are as in MailboxRecord.
	Unread Unread
	MadeUp time.Time
	// LastSynced is when the last pass that went through had ended, SyncedFrom when it
	// began; zero when there was none, or for SyncedFrom when that is not known.
	LastSynced, SyncedFrom time.Time
}
