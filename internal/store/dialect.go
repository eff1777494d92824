package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
)

// This file is all there is about SQLite. The rest is SQL of both databases.

const (
	driverName   = "sqlite"
	gooseDialect = goose.DialectSQLite3
	// applicationID marks a SQLite file as a ledger ("Mhlg"), at offset 68 of
	// the file (SQLite file format section 1.3).
	applicationID   = 0x4d686c67
	applicationIDAt = 68
	headerSize      = 100
	headerMagic     = "SQLite format 3\x00"
)

// migrationWords are the words of a migration that differ between databases.
// Numbers are never given twice, so that a *Ledger of a forgotten mailbox cannot
// write into another. PostgreSQL: BYTEA, and BIGINT GENERATED ALWAYS AS IDENTITY
// PRIMARY KEY.
func migrationWords() *strings.Replacer {
	return strings.NewReplacer("{{bytes}}", "BLOB", "{{id}}", "INTEGER PRIMARY KEY AUTOINCREMENT")
}

// dataSource is the address of a file with what every connection to it is set
// to. synchronous=FULL is what makes a commit in WAL mode survive a power loss;
// fullfsync is that for macOS. secure_delete overwrites what is forgotten.
func dataSource(path string, busy time.Duration) string {
	query := url.Values{"mode": {"rw"}, "_txlock": {"immediate"}, "_pragma": {
		fmt.Sprintf("busy_timeout(%d)", busy.Milliseconds()),
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

// create makes an empty ledger, whole or not at all: under another name first,
// because a file without its mark would be refused for ever.
func create(ctx context.Context, path string) error {
	draft := path + ".new"
	// A log left behind by a deleted ledger would be taken for the new one's.
	for _, suffix := range []string{".new", ".new-journal", "-wal", "-shm", "-journal"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	file, err := os.OpenFile(draft, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	db, err := sql.Open(driverName, fileURI(draft))
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", applicationID))
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if err := os.Rename(draft, path); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}

// checkHeader looks at the file without SQLite, which would change a database of
// another program by merely opening it in WAL mode.
func checkHeader(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // only read
	header := make([]byte, headerSize)
	if _, err := io.ReadFull(file, header); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	if !bytes.HasPrefix(header, []byte(headerMagic)) {
		return errNoLedger("it is no SQLite database")
	}
	if binary.BigEndian.Uint32(header[applicationIDAt:]) != applicationID {
		return errNoLedger("it is a SQLite database of another program")
	}
	return nil
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

// databaseRemedy says what to do about an error of the database.
func databaseRemedy(err error) string {
	var coded *sqlite.Error
	code := 0
	if errors.As(err, &coded) {
		code = coded.Code() & 0xff
	}
	switch code {
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
