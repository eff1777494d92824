package migration

import "strings"

// Folder is one folder as a server lists it.
type Folder struct {
	// Name is the decoded name (RFC 3501 section 5.1.3), for people and
	// rules. When the raw name is not valid modified UTF-7, Name is Raw, with
	// U+FFFD for what is no text.
	Name string
	// Raw is the name as the server spelled it: what addresses the folder. One
	// that no command can carry holds a NUL; opening it is a fault of the folder.
	Raw string
	// Delimiter separates the levels of the hierarchy; zero when flat.
	Delimiter rune
	// Selectable is false for \NoSelect and \NonExistent.
	Selectable bool
	// NoInferiors is true when the server says nothing can be below it.
	NoInferiors bool
	Subscribed  bool
	// Use is the special use without the backslash (RFC 6154): "Sent",
	// "Drafts", "Junk", "Trash", "Archive", "All", "Flagged"; empty if none.
	Use string
	// Space tells whose folder it is.
	Space Space
	// ID is the MAILBOXID of RFC 8474, empty when the server has none.
	ID string
	// Status is set when the server told the counters with the list
	// (RFC 5819).
	Status *FolderStatus
}

// IsInbox reports whether this is the INBOX, whose name has no case.
func (f Folder) IsInbox() bool { return strings.EqualFold(f.Name, "INBOX") }

// Space is a kind of namespace (RFC 2342).
type Space string

// The namespaces. Only the personal one is migrated unless asked otherwise.
const (
	Personal   Space = ""
	OtherUsers Space = "other users"
	Shared     Space = "shared"
)

// Namespace is one entry of the NAMESPACE answer.
type Namespace struct {
	Space     Space
	Prefix    string // raw
	Delimiter rune
}

// FolderStatus are the counters of a folder (RFC 3501 section 6.3.10) and what
// opening it told.
type FolderStatus struct {
	UIDValidity uint32
	// UIDNext is zero when the server did not say.
	UIDNext UID
	// UIDNextGuessed: it is one above the highest UID, for want of better. It may
	// go back when that message is removed.
	UIDNextGuessed bool
	Messages       uint32
	// HighestModSeq is zero when the folder keeps none (RFC 7162).
	HighestModSeq uint64
	// PermanentFlags are the flags that can be kept, only after opening.
	// Nil when the server did not say, which means all system flags.
	PermanentFlags []string
	// Flags are those that the folder's messages can have, only after opening.
	Flags    []string
	ReadOnly bool
	// Size is the bytes of all messages together (RFC 8438). Zero when the
	// folder is empty or the server did not say.
	Size int64
	// ID is the MAILBOXID of RFC 8474, empty when the server did not say.
	ID string
	// Resynced is true when opening the folder told everything that has
	// changed since Open.Since.
	Resynced bool
}

// Keeps reports whether the folder stores the flag permanently: it is listed,
// or it is a keyword and \* is (RFC 3501 section 7.1, PERMANENTFLAGS).
func (s FolderStatus) Keeps(flag string) bool {
	if s.PermanentFlags == nil {
		return strings.HasPrefix(flag, `\`)
	}
	permanent := Flags(s.PermanentFlags)
	return permanent.Has(flag) || !strings.HasPrefix(flag, `\`) && permanent.Has(`\*`)
}
