package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Options are how a store is opened. The zero value is what is recommended.
type Options struct {
	// BusyTimeout is how long to wait for another program, such as a backup,
	// that has the file locked. Zero is 10 s. SQLite only.
	BusyTimeout time.Duration
	// Queue makes the tables of River too, which the scheduler runs its passes
	// with. Who only copies has no use for them.
	Queue bool
}

// Store is an open ledger with the service's records. It may be used by several
// goroutines.
type Store struct {
	base    base
	closing sync.Once
	// owed: a Scrub has failed since the last one that did not.
	owed atomic.Bool
}

// base is the database under a store: what SQLite (sqlite.go) and PostgreSQL
// (postgres.go) do each in its own way.
type base interface {
	// write runs work in a transaction and returns when it is durable.
	write(ctx context.Context, doing string, work work) error
	// read runs a query outside of a transaction.
	read(ctx context.Context, doing string, query work) error
	// now is the time by the database's clock, in whole microseconds.
	now(ctx context.Context, q querier) (time.Time, error)
	locking() locking
	// scrub makes sure that what was deleted is not on the disk any more.
	scrub(ctx context.Context) error
	backup(ctx context.Context, path string) error
	// fault is the form in which every error leaves this package.
	fault(doing string, err error) error
	close() error
	// failure is closed when the database has failed for good; nil when it never
	// does.
	failure() <-chan struct{}
	// connections are for River.
	connections() (*sql.DB, *pgxpool.Pool)
}

// work is what is done in a transaction. It may be done again in another if that
// one did not come about, so it must set its results anew.
type work func(ctx context.Context, q querier) error

// locking are the ends of a SELECT that keep others off its rows. They are empty
// where only one writes at a time.
type locking struct {
	// update lets nobody else change the rows, share nobody at all, and skip
	// is update of the table called m that passes over what others hold.
	update, share, skip string
}

// Open opens the ledger in the file, and makes it when the file is missing or
// empty, with its folder; or, of a postgres:// address, the one in that database,
// whose tables it makes. Only one process has a file at a time; a database may
// have many. Every error is a *migration.Fault of class Stop; one that another
// name would mend has CodeLedgerFile.
func Open(ctx context.Context, address string, options Options) (*Store, error) {
	if IsPostgreSQL(address) {
		return openPostgres(ctx, address, options)
	}
	return openFile(ctx, address, options)
}

// IsPostgreSQL tells the address of a PostgreSQL database from a file's name.
func IsPostgreSQL(address string) bool {
	return strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://")
}

func (s *Store) write(ctx context.Context, doing string, work work) error {
	return s.base.write(ctx, doing, work)
}

func (s *Store) read(ctx context.Context, doing string, query work) error {
	return s.base.read(ctx, doing, query)
}

// DB is the database itself, for River.
func (s *Store) DB() *sql.DB {
	db, _ := s.base.connections()
	return db
}

// Pool is the pool of connections to PostgreSQL, for River; nil on SQLite.
func (s *Store) Pool() *pgxpool.Pool {
	_, pool := s.base.connections()
	return pool
}

// Broken is closed when a file has had its first error, after which nothing of it is
// read or written until it is opened again. Every call says why. PostgreSQL may come
// back, so there it is nil.
func (s *Store) Broken() <-chan struct{} { return s.base.failure() }

// Close ends what is under way and gives the database free; a file's log is
// emptied into it. Later calls do nothing.
func (s *Store) Close() error {
	var err error
	s.closing.Do(func() { err = s.base.close() })
	if err != nil {
		return s.base.fault("closing the ledger", err)
	}
	return nil
}

// Scrub makes sure that what was deleted or overwritten is not on the disk any
// more: in a file's log, or in the dead rows of PostgreSQL. Call it after passwords
// were wiped.
func (s *Store) Scrub(ctx context.Context) error {
	const doing = "removing the traces of what was deleted"
	err := s.base.scrub(context.WithoutCancel(ctx))
	s.owed.Store(err != nil)
	if err != nil {
		return s.base.fault(doing, err)
	}
	return nil
}

// ScrubOwed reports whether the last Scrub has failed: somebody read for too long.
// Another one is to be tried.
func (s *Store) ScrubOwed() bool { return s.owed.Load() }

// Backup writes a copy of a ledger file, as it is at one moment, to another file
// that is not there yet: whole or not at all, mode 0600. Others go on meanwhile.
// On PostgreSQL it is refused, and says to use pg_dump.
func (s *Store) Backup(ctx context.Context, path string) error {
	if err := s.base.backup(ctx, path); err != nil {
		return s.base.fault("writing a backup to "+path, err)
	}
	return nil
}

// Mailbox names a ledger: whose mail goes where, each as "user@host:port".
type Mailbox struct{ Source, Target string }

// Mailbox gives the ledger of a mailbox, which it makes if there is none.
func (s *Store) Mailbox(ctx context.Context, source, target string) (*Ledger, error) {
	ledger := &Ledger{store: s}
	err := s.write(ctx, "opening the ledger of a mailbox", func(ctx context.Context, tx querier) error {
		id, found, err := selectMailbox(ctx, tx, source, target)
		if err == nil && !found {
			id, err = insertID(ctx, tx, "INSERT INTO ledger (source, target) VALUES ($1, $2) RETURNING id", bytesOf(source), bytesOf(target))
		}
		ledger.mailbox = id
		return err
	})
	if err != nil {
		return nil, err
	}
	return ledger, nil
}

func selectMailbox(ctx context.Context, q querier, source, target string) (id int64, found bool, err error) {
	return selectID(ctx, q, "SELECT id FROM ledger WHERE source = $1 AND target = $2", bytesOf(source), bytesOf(target))
}

// Mailboxes names all mailboxes of the ledger, in the order in which they came.
func (s *Store) Mailboxes(ctx context.Context) ([]Mailbox, error) {
	var mailboxes []Mailbox
	err := s.read(ctx, "listing mailboxes", func(ctx context.Context, q querier) (err error) {
		mailboxes, err = selectAll(ctx, q, func(row scanner) (Mailbox, error) {
			var source, target []byte
			err := row.Scan(&source, &target)
			return Mailbox{string(source), string(target)}, err
		}, "SELECT source, target FROM ledger ORDER BY id")
		return err
	})
	return mailboxes, err
}

// Forget deletes all that is known of a mailbox so that no trace stays in the
// file or its log. That there is none does not matter. Its *Ledger takes nothing
// more.
func (s *Store) Forget(ctx context.Context, source, target string) error {
	const doing = "forgetting a mailbox"
	err := s.write(ctx, doing, func(ctx context.Context, tx querier) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM ledger WHERE source = $1 AND target = $2", bytesOf(source), bytesOf(target))
		return err
	})
	if err != nil {
		return err
	}
	if err := s.base.scrub(context.WithoutCancel(ctx)); err != nil {
		return s.base.fault(doing, fmt.Errorf("it is forgotten, but traces stay until the ledger is closed: %w", err))
	}
	return nil
}
