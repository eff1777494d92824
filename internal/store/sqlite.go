package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"modernc.org/sqlite"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// This file and writer.go are all there is about SQLite; file.go makes and finds
// its files.

const (
	driverName = "sqlite"
	// applicationID marks a SQLite file as a ledger ("Mhlg"), at offset 68 of
	// the file (SQLite file format section 1.3).
	applicationID   = 0x4d686c67
	applicationIDAt = 68
	headerSize      = 100
	headerMagic     = "SQLite format 3\x00"
)

// Numbers are never given twice, so that a *Ledger of a forgotten mailbox cannot
// write into another.
var sqliteWords = strings.NewReplacer("{{bytes}}", "BLOB", "{{id}}", "INTEGER PRIMARY KEY AUTOINCREMENT",
	"{{mailbox changed}}", "CREATE TRIGGER mailbox_tallied AFTER UPDATE ON mailbox FOR EACH ROW WHEN "+tallyChanged+" BEGIN",
	"{{tallied}}", "END;", "{{drop tally}}", "",
	"{{second part of object}}", "substr(substr(object, instr(object, '/') + 1), 1, instr(substr(object, instr(object, '/') + 1) || '/', '/') - 1)")

// sqliteFile is a ledger file that this process has for itself.
type sqliteFile struct {
	path string
	db   *sql.DB
	lock *lock
	// jobs has no buffer: what is sent is done.
	jobs          chan *job
	stop, stopped chan struct{}
	broken        atomic.Pointer[brokenError]
	failed        chan struct{} // closed once broken is set
	groupMost     int
	// writing is held by who writes or empties the log, tidying by who copies or
	// empties it, so that none of them waits in the database until it gives up.
	writing, tidying sync.Mutex
}

// openConnections is how many connections there are: one of the writer, the others
// for readers and River.
const openConnections = 8

func openFile(ctx context.Context, path string, options Options) (*Store, error) {
	file, err := newFile(ctx, path, options)
	if err != nil {
		fault := newFault(path, "opening the ledger", err, sqliteRemedy)
		if remedy := openRemedy(err); remedy != "" && fault.Code == migration.CodeLedger {
			fault.Remedy = remedy
			if isMisnamed(err) {
				fault.Code = migration.CodeLedgerFile
			}
		}
		return nil, fault
	}
	return &Store{base: file}, nil
}

func newFile(ctx context.Context, path string, options Options) (_ *sqliteFile, err error) {
	if path, err = resolve(path); err != nil {
		return nil, err
	}
	if _, err := inspect(path); err != nil {
		return nil, err // and no lock is left beside what is not ours
	}
	lock, err := takeLock(path + ".lock")
	if err != nil {
		return nil, err
	}
	s := &sqliteFile{
		path: path, lock: lock, groupMost: groupMost,
		jobs: make(chan *job), stop: make(chan struct{}), stopped: make(chan struct{}), failed: make(chan struct{}),
	}
	if err := s.connect(ctx, options); err != nil {
		return nil, errors.Join(err, lock.release())
	}
	go s.run()
	return s, nil
}

func (s *sqliteFile) connect(ctx context.Context, options Options) error {
	if err := prepareFile(ctx, s.path); err != nil {
		return err
	}
	busy := options.BusyTimeout
	if busy <= 0 {
		busy = 10 * time.Second
	}
	db, err := sql.Open(driverName, dataSource(s.path, busy))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(openConnections)
	db.SetMaxIdleConns(openConnections)
	err = migrate(ctx, db, goose.DialectSQLite3, sqliteWords)
	if err == nil && options.Queue {
		err = migrateRiver(ctx, riversqlite.New(db))
	}
	if err != nil {
		return errors.Join(err, db.Close())
	}
	s.db = db
	return nil
}

// close ends the writer after what is under way, and empties the log into the
// file.
func (s *sqliteFile) close() error {
	close(s.stop)
	<-s.stopped
	var err error
	if s.broken.Load() == nil {
		err = checkpoint(context.Background(), s.db)
	}
	return errors.Join(err, s.db.Close(), s.lock.release())
}

func (s *sqliteFile) failure() <-chan struct{} { return s.failed }

func (s *sqliteFile) connections() (*sql.DB, *pgxpool.Pool) { return s.db, nil }

func (s *sqliteFile) locking() locking { return locking{} }

func (s *sqliteFile) now(context.Context, querier) (time.Time, error) {
	return time.Now().UTC().Truncate(time.Microsecond), nil
}

func (s *sqliteFile) fault(doing string, err error) error {
	return newFault(s.path, doing, err, sqliteRemedy)
}

func (s *sqliteFile) scrub(ctx context.Context) error {
	s.tidying.Lock()
	defer s.tidying.Unlock()
	if err := s.write(ctx, "filling gaps", fillGaps); err != nil {
		return err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	return checkpoint(ctx, s.db)
}

func (s *sqliteFile) backup(ctx context.Context, path string) error {
	s.tidying.Lock()
	defer s.tidying.Unlock()
	return copyTo(ctx, s.db, path)
}

// dataSource is the address of a file with what every connection to it is set
// to. _time_format is for River. synchronous=FULL is what makes a commit in WAL mode survive a power loss;
// fullfsync is that for macOS. secure_delete overwrites what is forgotten.
func dataSource(path string, busy time.Duration) string {
	query := url.Values{"mode": {"rw"}, "_txlock": {"immediate"}, "_time_format": {"sqlite"}, "_pragma": {
		fmt.Sprintf("busy_timeout(%d)", busy.Milliseconds()),
		"cache_size(-8000)",
		"checkpoint_fullfsync(1)",
		"foreign_keys(1)",
		"fullfsync(1)",
		"journal_mode(WAL)",
		"secure_delete(1)",
		"synchronous(FULL)",
		"trusted_schema(0)",
	}}
	return fileURI(path) + "?" + query.Encode()
}

func fileURI(path string) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath()
}

// checkpoint moves the log into the file and empties it, so that nothing
// deleted is left in it.
func checkpoint(ctx context.Context, q querier) error {
	busy, err := selectAll(ctx, q, func(row scanner) (busy bool, err error) {
		var frames, moved int
		return busy, row.Scan(&busy, &frames, &moved)
	}, "PRAGMA wal_checkpoint(TRUNCATE)")
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if len(busy) != 1 || busy[0] {
		return errors.New("checkpoint: the log is in use")
	}
	return nil
}

// The primary result codes of SQLite that have a remedy of their own.
const (
	sqliteBusy     = 5
	sqliteLocked   = 6
	sqliteReadOnly = 8
	sqliteIOErr    = 10
	sqliteCorrupt  = 11
	sqliteFull     = 13
	sqliteCantOpen = 14
	sqliteNotADB   = 26
)

// sqliteRemedy says what to do about an error of the database.
// resultOf is the primary result code of an error of SQLite; 0 for any other.
func resultOf(err error) int {
	var coded *sqlite.Error
	if !errors.As(err, &coded) {
		return 0
	}
	return coded.Code() & 0xff
}

func sqliteRemedy(err error) string {
	switch resultOf(err) {
	case sqliteFull:
		return "Free space on the disk of the ledger and start again: it goes on where it stopped."
	case sqliteBusy, sqliteLocked:
		return "Close the other program that has the ledger open and start again."
	case sqliteReadOnly, sqliteCantOpen:
		return "Make the ledger and its folder writable for this user and start again."
	case sqliteIOErr:
		return "Check the disk of the ledger and the system's log, then start again: it goes on where it stopped."
	case sqliteCorrupt, sqliteNotADB:
		return "Bring the ledger back from a backup, or start with a new one: what the target holds is recognised by its content."
	}
	return "Start again: it goes on where it stopped. If the fault stays, please report it."
}
