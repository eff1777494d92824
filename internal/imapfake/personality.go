package imapfake

import (
	"slices"
	"strings"
	"time"
)

// Personality is how one make of server behaves. The zero value is not useful;
// start from one of the ready ones and change what the test is about. A
// Personality must not be changed after New.
type Personality struct {
	// Name is told by the ID command (RFC 2971).
	Name string
	// Greeting is the line after "* ". "$CAPABILITY" in it is replaced by
	// the capability response code.
	Greeting string
	// Before and After are the capabilities before and after signing in.
	// STARTTLS is left out when there is no TLS to start. A command or
	// extension works only when its capability is in After; mechanisms are
	// the AUTH= entries of Before.
	Before, After []string
	// RequireTLS announces LOGINDISABLED and refuses to sign anyone in on a
	// line without TLS (RFC 3501 section 6.2.3).
	RequireTLS bool
	// CapabilityAtLogin sends the capabilities of After with the tagged OK
	// of LOGIN and AUTHENTICATE.
	CapabilityAtLogin bool
	// NoPasswords refuses every password; bearer tokens are the only way in.
	NoPasswords bool
	// LoginFailed is the answer to a wrong name or password. "$COMMAND" in
	// it is replaced by LOGIN or AUTHENTICATE.
	LoginFailed string

	Admin  AdminRules
	Names  NameRules
	Flags  FlagRules
	Append AppendRules
	Quirks Quirks
	Limits Limits
	// Answers are the personality's own words for mistakes.
	Answers Answers
}

// Answers are tagged answers to mistakes of a client; empty ones are this
// server's own words.
type Answers struct {
	// Unknown is for a command that is not known, State for one that is not
	// allowed now, Arguments for one that is written wrongly.
	Unknown, State, Arguments string
	// NoCodes leaves the response codes out of NO, but for TRYCREATE.
	NoCodes bool
}

// NameRules are the rules of folder names.
type NameRules struct {
	// Delimiter separates levels; "" means there are none.
	Delimiter string
	// Prefix is what every name but INBOX must start with, "INBOX." for
	// Courier.
	Prefix string
	// Namespaces is the answer of NAMESPACE (RFC 2342) after "* NAMESPACE ".
	Namespaces string
	// Folders exist in every new mailbox, beside INBOX.
	Folders []FolderDefault
	// CaseInsensitive makes "Trash" and "trash" the same folder.
	CaseInsensitive bool
	// Reserved names cannot be created, whatever their case.
	Reserved []string
	// ReservedAnswer is the refusal, "NO Folder name is reserved" by default.
	ReservedAnswer string
	// TrailingSpace is the answer to a name with a level that ends in a
	// space; empty takes it.
	TrailingSpace string
	// Forbidden characters cannot be in a name, beside the delimiter.
	Forbidden string
	// MaxLength is the longest name in bytes; zero is 1000.
	MaxLength int
	// StrictUTF7 refuses names that are not valid modified UTF-7 (RFC 3501
	// section 5.1.3).
	StrictUTF7 bool
	// ParentsNoSelect makes missing parents of a new folder \NoSelect; they
	// are ordinary folders otherwise.
	ParentsNoSelect bool
}

// FolderDefault is a folder a new mailbox has.
type FolderDefault struct {
	Name string
	// Use is the special use with its backslash, \Sent (RFC 6154).
	Use string
	// NoSelect marks a folder that only holds others.
	NoSelect bool
	// Label is the label that the folder shows, on a server with labels, where
	// neither its special use nor its name is that.
	Label string
}

// FlagRules say which flags are kept.
type FlagRules struct {
	// Permanent is the PERMANENTFLAGS list; with \* it includes every
	// keyword.
	Permanent []string
	// Refusal is the answer to a flag that cannot be kept, "BAD ..." or
	// "NO ..."; when it is empty, such a flag is dropped in silence.
	Refusal string
	// OnlyIMAP are flags that only IMAP shows when an APPEND gave them; with
	// STORE they count for all. See Message.Outlook.
	OnlyIMAP []string
}

// AppendRules say which messages are taken, and when they are stored.
type AppendRules struct {
	// Limit is the largest message in bytes, zero for no limit. With the
	// APPENDLIMIT capability it is announced (RFC 7889).
	Limit int64
	// TooLarge is the answer to larger ones, "NO [TOOBIG] ..." by default.
	TooLarge string
	// Full is the answer to what does not fit into the quota, "NO
	// [OVERQUOTA] ..." by default.
	Full string
	// MaxLine is the longest line of a message in bytes without CRLF, zero
	// for no limit; LongLine is the refusal.
	MaxLine  int
	LongLine string
	// NUL, BareLF and EightBitHeader are the answers to messages with such
	// bytes; empty accepts them.
	NUL, BareLF, EightBitHeader string
	// CommitAtLiteral stores the message with the last byte of the literal,
	// not with the end of the command line.
	CommitAtLiteral bool
	// NoUID leaves APPENDUID and COPYUID out, UIDPLUS or not.
	NoUID bool
	// NoUIDEach leaves APPENDUID out of every so manieth APPEND, zero never.
	NoUIDEach int
	// Rewrite makes messages anew; Added are the header fields they get
	// then, without CRLF. It does nothing with Options.DiscardBodies.
	Rewrite Rewriting
	Added   []string
	// Silent sends no EXISTS before the OK of an APPEND to the open folder.
	Silent bool
	// MergeDuplicates answers an identical message with a new UID and keeps
	// the old one only, as Gmail does.
	MergeDuplicates bool
}

// Quirks are peculiarities of answers.
type Quirks struct {
	// NoUIDNext leaves UIDNEXT out of SELECT.
	NoUIDNext bool
	// UIDNotSticky sends [UIDNOTSTICKY] with SELECT (RFC 4315 section 3).
	UIDNotSticky bool
	// UIDLast puts UID behind the other attributes of FETCH.
	UIDLast bool
	// UIDVaries does so for every other UID.
	UIDVaries bool
	// BareCodes sends the codes of SELECT without the OK before them:
	// "* [UIDNEXT 5] ...".
	BareCodes bool
	// NoChallenge refuses a wrong token at once, without the challenge that
	// tells what is wrong (RFC 7628 section 3.2.2).
	NoChallenge bool
	// BrokenRev2 has no answer but BAD to SEARCH after ENABLE IMAP4rev2.
	BrokenRev2 bool
	// SizePercent scales RFC822.SIZE, zero is exact (100).
	SizePercent int
	// NoModSeq makes every folder NOMODSEQ (RFC 7162 section 3.1.2.2).
	NoModSeq bool
}

// Limits are what a server bears from one client.
type Limits struct {
	// Errors is how many BAD answers a connection gets before Bye; zero is
	// any number.
	Errors int
	// Bye is the text of that BYE.
	Bye string
	// Throttle slows users down, nil for none.
	Throttle *Throttle
	// TooMany is the tagged answer when a user has too many connections
	// (Options.MaxConnections); %d is the limit.
	TooMany string
	// TokenExpired is the text of the BYE for a session whose token
	// (Options.Tokens) has expired, at its next command; empty lets it be.
	TokenExpired string
	// Line is the longest command line in bytes, literals not counted; zero
	// is 1 MiB.
	Line int
	// Daily is what an account may move in a day, nil for any amount.
	Daily *Daily
	// FolderMessages is how many messages of a folder are shown, the newest;
	// zero is all. Only a personality with labels heeds it.
	FolderMessages int
}

// Throttle is a token bucket per mailbox. When it is empty, commands are
// refused until Backoff has passed since the last refused try.
type Throttle struct {
	// Commands that cost a token: "APPEND", "UID FETCH".
	Commands []string
	// Burst is the size of the bucket, PerSecond what flows in.
	Burst     int
	PerSecond float64
	// Backoff is how long refusals go on; %d in Answer is what remains of
	// it in milliseconds.
	Backoff time.Duration
	Answer  string
	// ByeAfter ends the connection at the n-th refusal, zero never.
	ByeAfter int
}

func (p *Personality) has(capability string) bool {
	return hasFold(p.After, capability)
}

// noSyncLimit is the largest non-synchronising literal: -1 when there are none
// (RFC 7888).
func (p *Personality) noSyncLimit() int64 {
	switch {
	case p.has("LITERAL+"):
		return 1 << 62
	case p.has("LITERAL-"):
		return 4096
	}
	return -1
}

func hasFold(list []string, want string) bool {
	return slices.ContainsFunc(list, func(have string) bool { return strings.EqualFold(have, want) })
}
