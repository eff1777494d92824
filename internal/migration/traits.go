package migration

// Traits are the habits of a make of server that its capabilities do not tell. The
// zero value is a server that keeps what it gets.
type Traits struct {
	// Rewrites: it keeps messages in a form of its own, so that the copy has other
	// bytes than the original.
	Rewrites bool
	// Connections is how many it bears for one mailbox before it has asked for a pause,
	// 0 for any.
	Connections int
	// ErrorsMost: it ends a connection at so many refused commands, 0 never.
	ErrorsMost int
	// Unanswered is how many messages are sent to it on one connection before it has
	// answered, 0 as many as are worth it. Every one of them may be refused: with less
	// than ErrorsMost no burst of refusals ends the connection.
	Unanswered int
	// Rate is how many messages a second one mailbox bears once the server has asked
	// for a pause, to begin with; 0 is as many as come.
	Rate float64
	// FlaggedByStore: \Flagged given with APPEND is seen by IMAP clients alone, until
	// STORE gives it again.
	FlaggedByStore bool
	// Unwanted are flags that it takes and then shows to people as something else.
	Unwanted Flags
	// FoldsCase: "Work" and "work" are one folder, and names have no spaces at their
	// ends.
	FoldsCase bool
	// Localises: each mailbox has default folders with names in its language; at the
	// top there are some that hold no mail (calendars, contacts), whose names are
	// taken.
	Localises bool
	// LineMost is the longest line of a message in bytes that it takes, 0 for any.
	LineMost int
	// Substitutes: it serves a message of its own in the place of one that it cannot
	// convert, and only its text tells.
	Substitutes bool
}

// ExchangeTraits are those of Microsoft Exchange and Exchange Online.
func ExchangeTraits() Traits {
	return Traits{
		Rewrites: true, Connections: 8, ErrorsMost: 10, Unanswered: 9, Rate: 4, FlaggedByStore: true, Unwanted: Flags{"$MDNSent"}, FoldsCase: true, Localises: true,
		LineMost: 10_500, Substitutes: true,
	}
}
