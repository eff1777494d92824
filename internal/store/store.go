package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Options are how a ledger is opened. The zero value is what is recommended.
type Options struct {
	// BusyTimeout is how long to wait for another program, such as a backup,
	// that has the file locked. Zero is 10 s.
	BusyTimeout time.Duration
}

func (o Options) busyTimeout() time.Duration {
	if o.BusyTimeout <= 0 {
		return 10 * time.Second
	}
	return o.BusyTimeout
}

// Store is an open ledger file. It may be used by several goroutines.
type Store struct {
	path string
	db   *sql.DB
	lock *lock
	// jobs has no buffer: what is sent is done.
	jobs          chan *job
	stop, stopped chan struct{}
	closing       sync.Once
	broken        atomic.Pointer[brokenError]
	groupMost     int
}

// Mailbox names a ledger: whose mail goes where, each as "user@host:port".
type Mailbox struct{ Source, Target string }

const connections = 4

// Open opens the ledger in the file, and makes it when the file is missing or
// empty, with its folder. Only one process has it at a time. Every error is a
// *migration.Fault of class Stop; one that another name would mend has
// CodeLedgerFile.
func Open(ctx context.Context, path string, options Options) (*Store, error) {
	s, err := open(ctx, path, options)
	if err != nil {
		fault := newFault(path, "opening the ledger", err)
		if remedy := openRemedy(err); remedy != "" && fault.Code == migration.CodeLedger {
			fault.Code, fault.Remedy = migration.CodeLedgerFile, remedy
		}
		return nil, fault
	}
	return s, nil
}

func open(ctx context.Context, path string, options Options) (_ *Store, err error) {
	if path, err = resolve(path); err != nil {
		return nil, err
	}
	lock, err := takeLock(path + ".lock")
	if err != nil {
		return nil, err
	}
	s := &Store{
		path: path, lock: lock, groupMost: groupMost,
		jobs: make(chan *job), stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	if err := s.connect(ctx, options); err != nil {
		return nil, errors.Join(err, lock.release())
	}
	go s.run()
	return s, nil
}

// resolve makes the folder and follows links, so that one ledger has one lock.
func resolve(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	followed, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil
	}
	return followed, err
}

func (s *Store) connect(ctx context.Context, options Options) error {
	if err := prepareFile(ctx, s.path); err != nil {
		return err
	}
	db, err := sql.Open(driverName, dataSource(s.path, options.busyTimeout()))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	if err := migrate(ctx, db); err != nil {
		return errors.Join(err, db.Close())
	}
	s.db = db
	return nil
}

// prepareFile makes the file, or makes sure that it is a ledger and nobody
// else's to read.
func prepareFile(ctx context.Context, path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().IsRegular() && info.Size() == 0 {
		return create(ctx, path)
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errNoLedger("it is no file")
	}
	if err := checkHeader(path); err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return os.Chmod(path, 0o600)
	}
	return nil
}

// noLedgerError is a file that is something else.
type noLedgerError struct{ why string }

func errNoLedger(why string) error { return &noLedgerError{why} }

func (e *noLedgerError) Error() string { return "this is not a ledger of mailhaul: " + e.why }

func openRemedy(err error) string {
	var (
		other  *noLedgerError
		schema *schemaError
		locked *lockedError
	)
	switch {
	case errors.As(err, &other):
		return "Name another file for the ledger, or move this one away. It was not changed."
	case errors.As(err, &schema):
		return "Use that version of mailhaul, or name another file for the ledger. It was not changed."
	case errors.As(err, &locked):
		return "Wait until it has ended or stop it, or name another file for the ledger."
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR):
		return "Name a file in a folder that is there or can be made."
	case errors.Is(err, fs.ErrPermission):
		return "Make the ledger and its folder readable and writable for this user."
	}
	return ""
}

// Close ends the writer after what is under way, empties the log into the file
// and gives the ledger free. Later calls do nothing.
func (s *Store) Close() error {
	var err error
	s.closing.Do(func() {
		close(s.stop)
		<-s.stopped
		if s.broken.Load() == nil {
			err = checkpoint(context.Background(), s.db)
		}
		err = errors.Join(err, s.db.Close(), s.lock.release())
	})
	if err != nil {
		return s.fault("closing the ledger", err)
	}
	return nil
}

// Mailbox gives the ledger of a mailbox, which it makes if there is none.
func (s *Store) Mailbox(ctx context.Context, source, target string) (*Ledger, error) {
	ledger := &Ledger{store: s}
	err := s.write(ctx, "opening the ledger of a mailbox", func(ctx context.Context, tx querier) error {
		id, found, err := selectMailbox(ctx, tx, source, target)
		if err == nil && !found {
			id, err = insertID(ctx, tx, "INSERT INTO mailbox (source, target) VALUES ($1, $2) RETURNING id", bytesOf(source), bytesOf(target))
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
	return selectID(ctx, q, "SELECT id FROM mailbox WHERE source = $1 AND target = $2", bytesOf(source), bytesOf(target))
}

// Mailboxes names all mailboxes of the ledger, in the order in which they came.
func (s *Store) Mailboxes(ctx context.Context) ([]Mailbox, error) {
	var mailboxes []Mailbox
	err := s.read(ctx, "listing mailboxes", func(q querier) (err error) {
		mailboxes, err = selectAll(ctx, q, func(row scanner) (Mailbox, error) {
			var source, target []byte
			err := row.Scan(&source, &target)
			return Mailbox{string(source), string(target)}, err
		}, "SELECT source, target FROM mailbox ORDER BY id")
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
		_, err := tx.ExecContext(ctx, "DELETE FROM mailbox WHERE source = $1 AND target = $2", bytesOf(source), bytesOf(target))
		return err
	})
	if err != nil {
		return err
	}
	if err := checkpoint(context.WithoutCancel(ctx), s.db); err != nil {
		return s.fault(doing, fmt.Errorf("it is forgotten, but traces stay until the ledger is closed: %w", err))
	}
	return nil
}
