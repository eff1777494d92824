package store

import (
	"bytes"
	"context"
	"database/sql"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// This file makes the file of a ledger and its copies, and tells them from files
// of others.

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

// prepareFile makes the file, or makes sure that it is a ledger and nobody
// else's to read.
func prepareFile(ctx context.Context, path string) error {
	info, err := inspect(path)
	switch {
	case err != nil:
		return err
	case info == nil:
		return create(ctx, path)
	case info.Mode().Perm()&0o077 != 0:
		return os.Chmod(path, 0o600)
	}
	return nil
}

// inspect makes sure that a file is a ledger. It is nil where one is to be made:
// the file is missing or empty.
func inspect(path string) (fs.FileInfo, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && info.Mode().IsRegular() && info.Size() == 0:
		return nil, nil
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errNoLedger("it is no file")
	}
	return info, checkHeader(path)
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
		return "Wait until it has ended or stop it. Another ledger file is only for other mailboxes: with a second one for the same, what a person moved or deleted at the target is copied again."
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return "Name a file in a folder that is there or can be made."
	case errors.Is(err, syscall.EROFS):
		return "Its file system is mounted read-only: make it writable, or bring the ledger to one that is."
	case errors.Is(err, fs.ErrPermission):
		return "Make the ledger and its folder readable and writable for this user."
	}
	return ""
}

// isMisnamed reports whether another name would mend an error of opening: it leads
// to something else than a ledger, or nowhere.
func isMisnamed(err error) bool {
	var (
		other  *noLedgerError
		schema *schemaError
	)
	return errors.As(err, &other) || errors.As(err, &schema) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
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
	if err := makeTables(ctx, draft); err != nil {
		return err
	}
	if err := os.Rename(draft, path); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

// schema makes at once what the migrations make step by step, a fifth of the time.
//
//go:embed schema.sql
var schema string

// makeTables makes the tables of an empty ledger. Nothing is lost if that breaks off, so
// that it is synced to disk once and not after each step. What schema lacks, if anything,
// is made when the ledger is opened.
func makeTables(ctx context.Context, draft string) error {
	db, err := sql.Open(driverName, fileURI(draft)+"?_pragma=synchronous(OFF)&_pragma=journal_mode(MEMORY)")
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	_, err = db.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", applicationID))
	if err == nil {
		_, err = db.ExecContext(ctx, "BEGIN;\n"+schema+"COMMIT;")
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	return syncFile(draft)
}

func syncFile(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0) // Windows syncs only what may be written
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
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

// copyTo writes a copy of the database to a file that is not there yet: under
// another name first, so that it is whole or not at all.
func copyTo(ctx context.Context, db *sql.DB, path string) (err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return err
	}
	draft, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.new") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, draft.Close(), os.Remove(draft.Name())) }()
	// The draft is empty, so that SQLite takes it.
	if _, err := db.ExecContext(ctx, "VACUUM INTO $1", fileURI(draft.Name())); err != nil {
		return err
	}
	if err := draft.Sync(); err != nil {
		return err
	}
	// Unlike a rename, a link leaves alone what is there.
	if err := os.Link(draft.Name(), path); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}
