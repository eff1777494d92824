package scheduler

import (
	"context"
	"database/sql"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Store is where everything is written. A change becomes durable as a whole, or
// not at all, and may be run again.
type Store interface {
	Change(ctx context.Context, doing string, change func(Tx) error) error
	// Scrub leaves no trace on the disk of what was wiped.
	Scrub(ctx context.Context) error
	// ScrubOwed reports whether the last Scrub has failed.
	ScrubOwed() bool
}

// Tx is what a change goes through. What its methods do is said in package store.
type Tx interface {
	Now() time.Time
	leases
	mailboxes
	batches
	nodes
	// SQL and PGX are the transaction itself, of the one database or the other.
	SQL() *sql.Tx
	PGX() pgx.Tx
}

type leases interface {
	Claims(most int, lease time.Duration) ([]migration.Claim, error)
	Begin(claim migration.Claim, node string, lease time.Duration) error
	Renew(node string, lease time.Duration) ([]migration.Leased, error)
	Held(mailbox, generation int64) (migration.MailboxRecord, error)
}

type mailboxes interface {
	SaveMailbox(*migration.MailboxRecord) error
	SaveProgress(mailbox, generation int64, progress migration.MailboxProgress) error
	Findings(mailbox, after int64, limit int) ([]migration.FindingRecord, error)
	SaveFindings(mailbox int64, findings []migration.FindingRecord) (approved int, err error)
	SaveTranscript(mailbox int64, transcript migration.Transcript) error
	DeleteMailbox(id int64) error
	Mailboxes(migration.MailboxFilter) ([]migration.MailboxRecord, error)
	RemovingMailboxes(limit int) ([]migration.MailboxRecord, error)
	FinishMailboxes(batch int64) (int64, error)
	Interval(batch int64) (time.Duration, error)
	PutOff(endpoint int64, until time.Time, trouble migration.Trouble) (int64, error)
}

type batches interface {
	EndpointByID(int64) (migration.EndpointRecord, error)
	BatchByID(int64) (migration.BatchRecord, error)
	Batches() ([]migration.BatchRecord, error)
	BatchesDue() ([]migration.BatchRecord, error)
	SaveBatch(*migration.BatchRecord) error
	DeleteBatch(int64) error
	AddCopied(batch int64, copied migration.Copied) error
	WipeSecrets(batch int64) error
	Notify(migration.Notice) error
	Operator(name string) (migration.Operator, error)
}

type nodes interface {
	Beat(migration.Node) error
	Nodes() ([]migration.Node, error)
	DropNode(name string) error
	Setting(name string) (string, error)
	SetSetting(name, value string) error
	DropAnswers(before time.Time) error
	DropSessions(created, used time.Time) error
	DropNotices(before time.Time) error
	DropTokens(before time.Time) error
	DropCopied(before time.Time) error
}

// Task is a pass to be run.
type Task struct {
	Kind           migration.PassKind
	Mailbox        migration.MailboxRecord
	Batch          migration.BatchRecord
	Source, Target migration.EndpointRecord
	// AcceptRebuilt: an operator has the mailbox tried again, who was told of a
	// folder that was rebuilt or restored. It is taken as it is.
	AcceptRebuilt bool
	// Nodes is how many nodes share the ceilings of the endpoints.
	Nodes int
	// Held reports whether the mailbox is still this node's.
	Held func() bool
	// Trace gives who takes what is said on one more connection to a side, without
	// secrets and messages; nil when nobody does.
	Trace func(side string) func(line string)
}

// Outcome is what a pass came to.
type Outcome struct {
	// Err is nil when the pass went through.
	Err error
	// Unreachable is the endpoint that could not be reached, when that is why;
	// else 0.
	Unreachable int64
	// Progress is the last of the pass.
	Progress migration.MailboxProgress
	Counts   migration.Counts
	Bytes    int64
	Findings []migration.FindingRecord
	// Unread is what of the source nobody could look into.
	Unread migration.Unread
}

// Runner does the work of a pass.
type Runner interface {
	// Run copies what is new. When the context ends it finishes what is under
	// way and returns a fault with CodeInterrupted. It tells its progress every
	// few seconds.
	Run(ctx context.Context, task Task, progress func(migration.MailboxProgress)) Outcome
	// Preflight signs in at both ends and looks.
	Preflight(ctx context.Context, task Task) (result migration.PreflightResult, unreachable int64)
	// Forget drops the ledger of a mailbox.
	Forget(ctx context.Context, task Task) error
}

// Event is something that people are told of a batch.
type Event struct {
	Kind  string
	At    time.Time
	Batch migration.BatchRecord
	State migration.BatchState
	// Trouble is why, for Stalled.
	Trouble *migration.Trouble
}

// The kinds of events.
const (
	// Synced: every mailbox has its initial copy, or the batch has got into
	// trouble after that.
	Synced = "synced"
	// Report: the report interval has passed.
	Report = "report"
	// Completed: every mailbox had its final pass, or has failed.
	Completed = "completed"
	// Failed: every mailbox has failed.
	Failed = "failed"
	// Stalled: an endpoint cannot be reached for long.
	Stalled = "stalled"
)

// Observer is told what happens, for figures.
type Observer interface {
	Pass(kind migration.PassKind, outcome string, class migration.Class, took time.Duration)
	Copied(messages, bytes int64)
}

type noObserver struct{}

func (noObserver) Pass(migration.PassKind, string, migration.Class, time.Duration) {}
func (noObserver) Copied(int64, int64)                                             {}
