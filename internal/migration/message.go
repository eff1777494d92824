package migration

import (
	"io"
	"slices"
	"strings"
	"time"
)

// UID numbers a message within a folder and a UIDVALIDITY (RFC 3501 section
// 2.3.1.1). Zero is no message.
type UID uint32

// Message is what the envelope of a copy needs to know of one message. Its
// bytes are never held here; they are streamed (see Body).
type Message struct {
	UID UID
	// Size is the server's RFC822.SIZE in bytes: a hint for windows and
	// progress, never evidence, because some servers estimate it. -1 when
	// the server did not say.
	Size int64
	// Date is the INTERNALDATE with the zone the server gave. Zero when the
	// server gave none that can be read.
	Date time.Time
	// Flags are the system flags and keywords, without \Recent.
	Flags Flags
	// ModSeq is the message's mod-sequence (RFC 7162), zero when unknown.
	ModSeq uint64
	// Header holds the header fields asked for, as the server sent them.
	Header []byte
}

// Body is one message literal on its way. Reader yields exactly Size bytes or
// an error; what the receiver leaves unread is skipped by the sender.
type Body struct {
	UID    UID
	Size   int64
	Reader io.Reader
}

// Flags is a set of system flags (\Seen) and keywords ($Forwarded), spelled as
// the server spells them. Flag names compare without case (RFC 3501 section
// 9, flag-keyword is an atom; RFC 9051 section 2.3.2).
type Flags []string

// The system flags that can be copied (RFC 3501 section 2.3.2). \Recent belongs
// to the server.
const (
	FlagSeen     = `\Seen`
	FlagAnswered = `\Answered`
	FlagFlagged  = `\Flagged`
	FlagDeleted  = `\Deleted`
	FlagDraft    = `\Draft`
	FlagRecent   = `\Recent`
)

// Has reports whether the set holds the flag.
func (f Flags) Has(flag string) bool {
	return slices.ContainsFunc(f, func(have string) bool { return strings.EqualFold(have, flag) })
}

// Equal reports whether both sets hold the same flags, whatever their order.
func (f Flags) Equal(other Flags) bool {
	return f.containsAll(other) && other.containsAll(f)
}

func (f Flags) containsAll(other Flags) bool {
	return !slices.ContainsFunc(other, func(flag string) bool { return !f.Has(flag) })
}

// AppendMessage is a message about to be added to a target folder.
type AppendMessage struct {
	// Key is the source UID; it comes back in the result.
	Key   UID
	Size  int64
	Date  time.Time
	Flags Flags
}

// AppendResult is the fate of one appended message.
type AppendResult struct {
	Key UID
	// UID and UIDValidity are the target's APPENDUID (RFC 4315 section 3),
	// zero when the server did not tell.
	UID         UID
	UIDValidity uint32
	// Err is nil when the server answered OK. Otherwise a *Fault.
	Err error
	// Doubt is true when the last byte may have left and no answer came, so
	// that the message may or may not exist.
	Doubt bool
	// Took is the time from the last byte to the answer, zero without one.
	Took time.Duration
}

// Open asks for a folder to be selected.
type Open struct {
	// Folder is the raw name.
	Folder string
	// ReadOnly uses EXAMINE.
	ReadOnly bool
	// Create makes the folder first and subscribes it if Subscribe is set,
	// in the same burst. That it exists already does not matter.
	Create, Subscribe bool
	// Unselected leaves the folder that is open as it is: the counters come from
	// STATUS, and flags are not told. Query, Since and ReadOnly are then of no use.
	Unselected bool
	// Query, when not nil, is sent in the same burst.
	Query *Query
	// Since, when not nil, has the server tell with the opening itself what
	// has changed, if Query.Vanished is set and the server can (RFC 7162
	// section 3.2.5). It tells nothing when its UIDVALIDITY is another one.
	Since *KnownState
}

// KnownState is what a client remembers of a folder.
type KnownState struct {
	UIDValidity uint32
	ModSeq      uint64
	// UIDs limits the answer to these messages; none limits nothing.
	UIDs UIDSet
	// Each receives UID, flags and mod-sequence of every message that has
	// changed. May be nil.
	Each func(Message) error
}

// Query asks for the attributes of messages of the open folder.
type Query struct {
	// UIDs to ask for. When empty, everything from From up.
	UIDs UIDSet
	From UID
	// ChangedSince limits it to what has a higher mod-sequence (RFC 7162
	// section 3.1.4.1). Zero for no limit. Only where Profile.CondStore.
	ChangedSince uint64
	// Flags, Date and Size say what is asked for beside the UID.
	Flags, Date, Size bool
	// Header fields to stream into Message.Header, none by default.
	Header []string
	// Each receives every message once. Its error ends the query, after the
	// rest of the answer was read and dropped.
	Each func(Message) error
	// Vanished receives the UIDs the server says are expunged (RFC 7162
	// section 3.2.10), when it does. May be nil.
	Vanished func(UIDSet)
}

// AppendOptions are how messages are added.
type AppendOptions struct {
	// Single turns groups (MULTIAPPEND) and overlap off: one message, one
	// command, one answer at a time. For finding the message that is at
	// fault.
	Single bool
}

// Profile is what a server can do, learned after signing in.
type Profile struct {
	// Server names the software, from ID or the greeting; may be empty.
	Server string
	// Capabilities as announced after signing in, upper case.
	Capabilities []string
	// CondStore: mod-sequences are kept (RFC 7162).
	CondStore bool
	// UIDPlus: APPENDUID and UID EXPUNGE (RFC 4315).
	UIDPlus bool
	// ListStatus: Folders brings the counters (RFC 5819).
	ListStatus bool
	// SpecialUse: folders come with their special use (RFC 6154).
	SpecialUse bool
	// MultiAppend: several messages in one command (RFC 3502).
	MultiAppend bool
	// LiteralPlus: no wait before a literal (RFC 7888).
	LiteralPlus bool
	// RoundTrip is the shortest time in which an answer began to come so far, 0
	// if unknown.
	RoundTrip time.Duration
	// Traits are the habits of this make of server.
	Traits Traits
	// AppendLimit is the largest message in bytes (RFC 7889), 0 if unknown.
	AppendLimit int64
	// Namespaces of the server, none when it does not tell.
	Namespaces []Namespace
}
