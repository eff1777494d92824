package mailsync

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Job is one mailbox to be moved, and how.
type Job struct {
	// Source and Target dial and sign in. Each call gives a new connection.
	Source func(context.Context) (Session, error)
	Target func(context.Context) (Target, error)
	Ledger Ledger
	// Exclude and Include are rules for source folders; no Include takes all.
	Exclude, Include []migration.FolderRule
	// SourceRoot is the path of the person's folders in what the source's
	// sign-in sees, with "/" between its levels: only they are taken, and by
	// their names below it, which the rules mean too. See rooted. Empty takes
	// the whole personal namespace.
	SourceRoot string
	// SourceDefaults and TargetDefaults say which are the default folders of each side
	// where somebody knows.
	SourceDefaults, TargetDefaults Defaults
	// Labels says what becomes of labels where the source's folders are labels, as
	// Gmail's are; empty is LabelsOne. It may differ from pass to pass.
	Labels migration.LabelPolicy
	// Connections is how many to open to each side at most. 0 is 4. Servers
	// that refuse some get fewer.
	Connections int
	// TargetConnections is how many to open to the target at most, where that differs
	// from the source. 0 is what its make bears (migration.Traits), at most Connections.
	TargetConnections int
	// Settle is how long after a cut the target is given to finish what was
	// under way, before it is searched for it. 0 measures: four times the
	// 99th percentile of the answers to APPEND, at least 5 s, at most 2 min.
	Settle time.Duration
	// Tries is how often in a row a lost connection is made again without
	// any progress before the pass gives up. 0 is 60.
	Tries int
	// Grace is how long messages under way may take to finish after the
	// context has ended. 0 is 10 s.
	Grace time.Duration
	// ReceivedFrom and ReceivedBefore choose messages by INTERNALDATE: from the
	// one, before the other; zero is no bound. Messages outside do not count:
	// they are in no number of the summary. One whose date the source does not
	// tell is inside. The bounds must be the same in every pass over a mailbox,
	// because a pass looks only at what is new since the last.
	ReceivedFrom, ReceivedBefore time.Time
	// Held, where several processes share the ledger, reports whether this one
	// still has the mailbox to itself. It is asked before a last literal byte
	// leaves and before anything else at the target is changed; once it is
	// false the pass ends with CodeLeaseLost and touches nothing more, the
	// ledger included. Nil is always.
	Held func() bool
	// LongestPause is the longest pause a server may ask for that the pass
	// sits out itself; it ends with the fault for a longer one, so that the
	// caller can use the place. 0 is no limit.
	LongestPause time.Duration
	// RetrySkipped tries messages again that were given up.
	RetrySkipped bool
	// AcceptRebuilt goes on although a rebuilt folder (changed UIDVALIDITY)
	// holds less than 80 % of what was copied before.
	AcceptRebuilt bool
	// Pace is what earlier passes have learned of the target's patience; nil learns
	// anew.
	Pace *Pace
	// Calibration is what the target was measured to keep; nil goes by its make.
	Calibration *migration.Calibration
	// Progress is kept current if not nil.
	Progress *Progress
	// Log gets what is worth telling. Nil is silence.
	Log *slog.Logger
}

// Progress can be read at any time while a pass runs.
type Progress struct {
	// Folders and Messages (with Bytes) done, and how many there are to do as
	// far as known.
	Folders, FoldersTotal   atomic.Int64
	Messages, MessagesTotal atomic.Int64
	Bytes, BytesTotal       atomic.Int64
	// Waiting says why nothing moves, empty when it does.
	Waiting atomic.Value // string
	pass    atomic.Pointer[pass]
	// answered messages are at the target, and not in the ledger before their window
	// ends, which takes long where servers are slow.
	answered, answeredBytes atomic.Int64
}

// Arrived is how many messages, with how many bytes, the target has taken. Few of them
// may count as undone once more, after a line was lost.
func (p *Progress) Arrived() (messages, bytes int64) {
	return p.Messages.Load() + p.answered.Load(), p.Bytes.Load() + p.answeredBytes.Load()
}

// PerFolder is how far each folder has come, in the order of work; none before
// the folders are listed.
func (p *Progress) PerFolder() []migration.FolderProgress {
	if pass := p.pass.Load(); pass != nil {
		return pass.perFolder()
	}
	return nil
}

// Summary is what a pass did.
type Summary struct {
	Folders int
	// FoldersFailed is how many of them could not be copied; each has a
	// finding.
	FoldersFailed int
	// Unread is what of the source nobody could look into.
	Unread   migration.Unread
	Messages migration.Counts
	// Bytes of messages copied.
	Bytes          int64
	Source, Target migration.Traffic
	Findings       []migration.Finding
	// NotReached is how many of Messages.Source the pass ended before: neither
	// copied now, nor before as far as the ledger knows, nor left out.
	NotReached int
	// RulesUsed are the rules of Exclude and Include that name a folder of the
	// source, as they were written.
	RulesUsed []string
	// PerFolder holds the counts by source folder name, in the order of work.
	PerFolder []FolderSummary
}

// FolderSummary is what a pass did, or in a dry run would do, with a folder.
type FolderSummary struct {
	Source, Target string
	Messages       migration.Counts
	// ToCopy and Bytes are what a dry run found to be done.
	ToCopy int
	Bytes  int64
	New    bool // the target does not have the folder yet
	// Default: a default folder, or one below it, that has another name at the target
	// only because the two servers call it differently.
	Default bool
}

// usualConnections are opened to a side where nothing says how many.
const usualConnections = 4

func (j *Job) connections() int { return cmp.Or(j.Connections, usualConnections) }

// pacedConnections are enough for the rate of a target that has asked for a pause (Pace):
// more would only be more to be patient with.
const pacedConnections = 2

// targetConnections is how many connections the target bears. Before any of it is there
// only one is dialled: that one tells.
func (p *pass) targetConnections() int {
	most := p.unpacedConnections()
	if p.Pace != nil && p.Pace.Rate() > 0 {
		most = min(most, pacedConnections)
	}
	return most
}

func (p *pass) unpacedConnections() int {
	traits := p.targetTraits.Load()
	switch {
	case p.TargetConnections > 0:
		return p.TargetConnections
	case traits == nil:
		return 1
	case p.Connections == 0 && traits.Connections > 0:
		return traits.Connections
	default:
		return p.connections()
	}
}

func (j *Job) tries() int {
	if j.Tries > 0 {
		return j.Tries
	}
	return 60
}

func (j *Job) grace() time.Duration {
	if j.Grace > 0 {
		return j.Grace
	}
	return 10 * time.Second
}

// held is nil while the mailbox is this process's.
func (j *Job) held() error {
	if j.Held == nil || j.Held() {
		return nil
	}
	return &migration.Fault{Class: migration.Stop, Code: migration.CodeLeaseLost, Doing: "this process has lost the mailbox to another",
		Remedy: "Nothing to do: the other one goes on with it."}
}

// received reports whether the message is within the dates.
func (j *Job) received(m migration.Message) bool {
	return m.Date.IsZero() || !m.Date.Before(j.ReceivedFrom) && (j.ReceivedBefore.IsZero() || m.Date.Before(j.ReceivedBefore))
}

// chooses reports whether dates leave messages out.
func (j *Job) chooses() bool { return !j.ReceivedFrom.IsZero() || !j.ReceivedBefore.IsZero() }

func (j *Job) log() *slog.Logger {
	if j.Log != nil {
		return j.Log
	}
	return slog.New(slog.DiscardHandler)
}

func asSide(err error, side **sideFault) bool { return errors.As(err, side) }
