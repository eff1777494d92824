package scheduler

import (
	"context"
	"database/sql"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Queue carries claims to whichever node has a place free. Make one with SQLite
// or PostgreSQL.
type Queue struct {
	open func(queueOptions) (queue, error)
}

type queueOptions struct {
	slots int
	slice time.Duration
	work  func(migration.Claim)
	log   *slog.Logger
}

// queue is River on one of the databases.
type queue interface {
	insert(ctx context.Context, tx Tx, claims []migration.Claim) error
	start(ctx context.Context) error
	stop(ctx context.Context) error
}

// SQLite is the queue in a SQLite database, which holds River's tables.
func SQLite(db *sql.DB) Queue {
	return Queue{func(o queueOptions) (queue, error) {
		return openRiver(riversqlite.New(db), o, Tx.SQL)
	}}
}

// PostgreSQL is the queue in a PostgreSQL database, which holds River's tables.
func PostgreSQL(pool *pgxpool.Pool) Queue {
	return Queue{func(o queueOptions) (queue, error) {
		return openRiver[pgx.Tx](riverpgxv5.New(pool), o, Tx.PGX)
	}}
}

// riverQueue is River. It knows only of passes in flight: what waits is a row of
// the store.
type riverQueue[T any] struct {
	client *river.Client[T]
	of     func(Tx) T
}

const queueName = "passes"

// fetchEvery is how often River looks for jobs that it was not told of.
const fetchEvery = 250 * time.Millisecond

// kept is how long River remembers a job that is done. It says nothing that the
// mailbox does not.
const kept = time.Minute

func openRiver[T any](driver riverdriver.Driver[T], o queueOptions, of func(Tx) T) (queue, error) {
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(_ context.Context, job *river.Job[passJob]) error {
		o.work(migration.Claim{Mailbox: job.Args.Mailbox, Generation: job.Args.Generation, Kind: job.Args.Pass})
		return nil // what went wrong is in the mailbox
	}))
	// The slice ends a pass; River's own limits come later and only clear away
	// the jobs of nodes that died.
	longest := o.slice + 5*time.Minute
	client, err := river.NewClient(driver, &river.Config{
		Queues:  map[string]river.QueueConfig{queueName: {MaxWorkers: o.slots}},
		Workers: workers, Logger: slog.New(warnings{o.log.Handler()}),
		FetchCooldown: 50 * time.Millisecond, FetchPollInterval: fetchEvery, MaxAttempts: 1,
		JobTimeout: longest, RescueStuckJobsAfter: longest + 5*time.Minute,
		CompletedJobRetentionPeriod: kept, CancelledJobRetentionPeriod: kept, DiscardedJobRetentionPeriod: kept,
	})
	if err != nil {
		return nil, err
	}
	return &riverQueue[T]{client, of}, nil
}

// passJob is a claim as River keeps it.
type passJob struct {
	Mailbox    int64              `json:"mailbox"`
	Generation int64              `json:"generation"`
	Pass       migration.PassKind `json:"pass"`
}

// Kind names the job for River.
func (passJob) Kind() string { return "pass" }

func (q *riverQueue[T]) insert(ctx context.Context, tx Tx, claims []migration.Claim) error {
	if len(claims) == 0 {
		return nil
	}
	jobs := make([]river.InsertManyParams, len(claims))
	for i, c := range claims {
		jobs[i] = river.InsertManyParams{Args: passJob{c.Mailbox, c.Generation, c.Kind}, InsertOpts: &river.InsertOpts{Queue: queueName, MaxAttempts: 1}}
	}
	_, err := q.client.InsertManyFastTx(ctx, q.of(tx), jobs)
	return err
}

func (q *riverQueue[T]) start(ctx context.Context) error { return q.client.Start(ctx) }

func (q *riverQueue[T]) stop(ctx context.Context) error { return q.client.Stop(ctx) }

// warnings passes on what somebody should look at, and not River's chat.
type warnings struct{ slog.Handler }

// Enabled leaves out what is below a warning.
func (w warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.Handler.Enabled(ctx, level)
}

// WithAttrs keeps the bound.
func (w warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{w.Handler.WithAttrs(attrs)}
}

// WithGroup keeps the bound.
func (w warnings) WithGroup(name string) slog.Handler { return warnings{w.Handler.WithGroup(name)} }
