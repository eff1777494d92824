package mailsync

import (
	"context"
	"errors"
	"io"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Session is a signed-in connection to one mailbox. It may be used by several
// goroutines; what they ask is pipelined on the line in the order of the calls.
// Every error carries a *migration.Fault. After a fault of class Again the
// session is dead and must be closed.
type Session interface {
	// Folders lists every folder of every namespace, with its Status where
	// the server tells it in the same answer.
	Folders(ctx context.Context) ([]migration.Folder, error)
	// Status asks for the counters of the folders, all in one burst. A folder
	// the server refuses has a nil status.
	Status(ctx context.Context, rawNames []string) ([]*migration.FolderStatus, error)
	// Open selects a folder and, in the same burst, streams the messages of
	// the query, if there is one.
	Open(ctx context.Context, open migration.Open) (migration.FolderStatus, error)
	// Messages streams what the query asks, in the order of the server, of
	// the open folder.
	Messages(ctx context.Context, query migration.Query) error
	// UIDs gives the UIDs of all messages of the open folder.
	UIDs(ctx context.Context) (migration.UIDSet, error)
	// Attributes streams attributes of messages of the open folder that only some
	// servers have, as text with one value a line: X-GM-MSGID, X-GM-LABELS.
	Attributes(ctx context.Context, uids migration.UIDSet, names []string, each func(migration.UID, map[string]string) error) error
	// Bodies streams the messages' bytes (BODY.PEEK[]) of the open folder,
	// in the order of the server. The callback gets each at most once. A UID
	// without a callback was not delivered. The callback's error ends it
	// without harm to the session, if the callback read the body to its end
	// or not at all.
	Bodies(ctx context.Context, uids migration.UIDSet, each func(migration.Body) error) error
	// Profile is what the server can and cannot do.
	Profile() migration.Profile
	// Traffic is what the session has cost so far.
	Traffic() migration.Traffic
	// Close leaves politely when nothing is under way, and cuts the line at
	// once (RST) otherwise.
	Close() error
}

// Target is a session that can be written to.
type Target interface {
	Session
	// Appender adds messages to a folder, which need not be open. done is
	// called exactly once for every message given to Append, from another
	// goroutine, in no fixed order; it must not block.
	Appender(rawName string, options migration.AppendOptions, done func(migration.AppendResult)) Appender
	// StoreFlags adds or removes flags of messages of the open folder.
	StoreFlags(ctx context.Context, uids migration.UIDSet, add bool, flags migration.Flags) error
	// Expunge removes exactly these messages of the open folder for good
	// (STORE \Deleted and UID EXPUNGE). Without UIDPLUS it does nothing and
	// returns a fault with CodeUnsupported.
	Expunge(ctx context.Context, uids migration.UIDSet) error
	// RawName spells a decoded name as this session's folders are addressed.
	RawName(name string) string
	// Create makes a folder; that it exists already is CodeFolderExists.
	Create(ctx context.Context, rawName string) error
	// Subscribe makes the folder visible to clients that show only
	// subscribed ones.
	Subscribe(ctx context.Context, rawName string) error
}

// Appender is a pipeline of APPEND commands.
type Appender interface {
	// Append sends one message, whose body must yield exactly Size bytes. It
	// returns when the last byte has left or the server refused it, and blocks
	// while too much is in flight. No byte is sent before the reader gave it,
	// so a reader that withholds its last byte withholds the message. An
	// error means that the session is dead.
	Append(ctx context.Context, message migration.AppendMessage, body io.Reader) error
	// Flush ends an open group and waits until every result was delivered.
	Flush(ctx context.Context) error
}

// Ledger is the durable record of one mailbox: what went where. All that a
// method writes is durable when it returns; an error of a writing method has
// class Stop, and nothing more may be sent to the target.
type Ledger interface {
	// Folders gives every folder the mailbox has a record of.
	Folders(ctx context.Context) ([]FolderRecord, error)
	// SaveFolder inserts the record (ID zero, set on return) or replaces it.
	SaveFolder(ctx context.Context, record *FolderRecord) error
	// Flags gives the source's flags as last carried over to the target.
	Flags(ctx context.Context, folder int64) (FlagSets, error)
	// SaveFlags replaces them.
	SaveFlags(ctx context.Context, folder int64, flags FlagSets) error
	// Pairs streams the copied pairs with a source UID in the set, or all
	// when the set is nil, in no fixed order.
	Pairs(ctx context.Context, folder int64, sources *migration.UIDSet, each func(Pair) error) error
	// Intend records that the messages are about to be appended and returns
	// the intent's number.
	Intend(ctx context.Context, folder int64, intent Intent) (int64, error)
	// Intents gives the open intents.
	Intents(ctx context.Context, folder int64) ([]Intent, error)
	// Settle writes outcomes, and closes or shrinks intents, all or nothing.
	// A target UID that another source message has already is refused with
	// ErrMapped (class Stop).
	Settle(ctx context.Context, folder int64, outcome Outcome) error
	// Marks gives the messages that are not plainly copied.
	Marks(ctx context.Context, folder int64) ([]Mark, error)
	// Rematch replaces the folder's record, pairs, marks and intents at once,
	// after a UIDVALIDITY has changed, a restore, or the loss of the target folder. The
	// flags stay as they are.
	Rematch(ctx context.Context, record *FolderRecord, outcome Outcome) error
	// Serials gives the serial numbers of all stocks.
	Serials(ctx context.Context) ([]SerialSet, error)
	// SaveSerials replaces those of one stock.
	SaveSerials(ctx context.Context, set SerialSet) error
}

// SerialSet are the serial numbers of a stock: a source folder that holds the
// messages of a mailbox with labels. A serial number is a message's for life, in
// whatever folder it is (X-GM-MSGID).
type SerialSet struct {
	// Source is the raw name.
	Source      string
	UIDValidity uint32
	Numbers     map[migration.UID]uint64
	// Several is how many messages have a label beside that of their folder,
	// Others how many by label, as they had them when they were first seen.
	Several int
	Others  map[string]int
}

// ErrMapped says that a target message is the copy of another source message
// already: two messages cannot share one copy (invariant I3).
var ErrMapped = errors.New("the target message is the copy of another source message")

// FolderRecord is what the ledger knows of one pair of folders.
type FolderRecord struct {
	ID int64
	// Source and Target are raw names.
	Source, Target string
	// TargetUIDValidity is zero while a folder that was deleted at the target is
	// not made again.
	SourceUIDValidity, TargetUIDValidity uint32
	// SourceUIDNext is the source's UIDNEXT at the end of the last pass:
	// every UID below it is accounted for. Zero until the first pass over the
	// folder has ended.
	SourceUIDNext migration.UID
	// SourceModSeq: every flag change up to it is carried over.
	SourceModSeq uint64
	// SourceMessages is the source's message count at the end of the last
	// pass.
	SourceMessages uint32
	// Departed are source UIDs that were copied once and whose copies were no
	// longer there when the target folder was rebuilt, or were never found
	// because the target changes what it stores. They are never copied again.
	Departed migration.UIDSet
	// Watermark is the target's UIDNEXT when the folder was first opened:
	// whatever has a lower UID is not ours, unless it was recognised.
	Watermark migration.UID
}

// FlagSets is, for each flag, the source UIDs that have it.
type FlagSets map[string]migration.UIDSet

// Pair is a source message and its copy.
type Pair struct{ Source, Target migration.UID }

// Intent is a window of messages that may have reached the target.
type Intent struct {
	ID      int64
	Sources migration.UIDSet
	// Watermark is the target's UIDNEXT and UIDValidity its UIDVALIDITY as
	// last known before the window was sent (invariants I1 and I4).
	Watermark   migration.UID
	UIDValidity uint32
}

// Outcome is what became of messages.
type Outcome struct {
	// Copied pairs are recorded; each source leaves its intent.
	Copied []Pair
	// Marks are recorded; each source leaves its intent.
	Marks []Mark
	// Unmark forgets marks: the message was copied, or audited twice.
	Unmark migration.UIDSet
	// Released sources leave their intent and are simply still to be copied.
	Released migration.UIDSet
}

// MarkState says why a message is not plainly copied.
type MarkState string

// The states of a mark.
const (
	// Retry: attempted, not copied yet; the next pass tries again.
	Retry MarkState = "retry"
	// Skipped: given up, with a reason. Only an operator's wish tries again.
	Skipped MarkState = "skipped"
	// Watched: copied after an attempt whose fate was in doubt; the audit
	// looks for a late duplicate of it.
	Watched MarkState = "watched"
	// Repaired: the target refused the message as it is, and took it with the changes
	// that the finding tells. With a watermark it is watched too.
	Repaired MarkState = "repaired"
)

// Mark is the record of one message that is not plainly copied.
type Mark struct {
	Source migration.UID
	State  MarkState
	// Attempts counts the times the message was refused, or the line broke
	// while it was alone on it.
	Attempts int
	// Passes is how many passes have seen this state: a skip needs two, a
	// watch ends after two audits.
	Passes int
	// Watermark and UIDValidity are those of the first attempt. UIDValidity is
	// zero for a folder that was not made yet.
	Watermark   migration.UID
	UIDValidity uint32
	// Finding explains a skip.
	Finding migration.Finding
}

// wasInDoubt reports whether an attempt may have reached the target unseen, so
// that its late copy is to be looked for once the message is copied.
func (m Mark) wasInDoubt() bool {
	return m.State != Watched && m.State != Repaired && m.Watermark != 0
}

// watched reports whether the audit looks for a late duplicate of its copy.
func (m Mark) watched() bool {
	return m.State == Watched || m.State == Repaired && m.Watermark != 0 && m.Passes < auditPasses
}

// mended reports whether its copy is, or may be, a repaired one.
func (m Mark) mended() bool { return m.Finding.Code == migration.CodeRepaired }
