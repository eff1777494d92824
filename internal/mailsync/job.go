package mailsync

import (
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
	// Connections is how many to open to each side at most. 0 is 4. Servers
	// that refuse some get fewer.
	Connections int
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
	// RetrySkipped tries messages again that were given up.
	RetrySkipped bool
	// AcceptRebuilt goes on although a rebuilt folder (changed UIDVALIDITY)
	// holds less than 80 % of what was copied before.
	AcceptRebuilt bool
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
}

// Summary is what a pass did.
type Summary struct {
	Folders int
	// FoldersFailed is how many of them could not be copied; each has a
	// finding.
	FoldersFailed int
	Messages      migration.Counts
	// Bytes of messages copied.
	Bytes          int64
	Source, Target migration.Traffic
	Findings       []migration.Finding
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
}

func (j *Job) connections() int {
	if j.Connections > 0 {
		return j.Connections
	}
	return 4
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

func (j *Job) log() *slog.Logger {
	if j.Log != nil {
		return j.Log
	}
	return slog.New(slog.DiscardHandler)
}

// wants applies the rules to a source folder.
func (j *Job) wants(f migration.Folder, prefix string, useOf func([]string) string) bool {
	levels := f.Levels(prefix)
	for _, rule := range j.Exclude {
		if rule.Matches(levels, useOf) {
			return false
		}
	}
	if len(j.Include) == 0 {
		return true
	}
	for _, rule := range j.Include {
		if rule.Matches(levels, useOf) {
			return true
		}
	}
	return false
}

func asSide(err error, side **sideFault) bool { return errors.As(err, side) }
