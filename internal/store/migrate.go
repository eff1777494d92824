package store

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivermigrate"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the schema up to date, each step in a transaction of its own. A
// schema newer than this program knows is refused untouched.
func migrate(ctx context.Context, db *sql.DB, dialect goose.Dialect, words *strings.Replacer) error {
	provider, err := newProvider(db, dialect, words)
	if err != nil {
		return err
	}
	have, known, err := provider.GetVersions(ctx)
	if err != nil {
		return err
	}
	if have > known {
		return &schemaError{have, known}
	}
	if have == known {
		return nil
	}
	_, err = provider.Up(ctx)
	return err
}

func newProvider(db *sql.DB, dialect goose.Dialect, words *strings.Replacer) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(dialect, db, wordedFS{files, words}, goose.WithDisableGlobalRegistry(true))
}

// migrateRiver makes the tables of River, or brings them up to date.
func migrateRiver[T any](ctx context.Context, driver riverdriver.Driver[T]) error {
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

// schemaError is a ledger from the future.
type schemaError struct{ have, known int64 }

func (e *schemaError) Error() string {
	return fmt.Sprintf("a newer mailhaul has written it: its schema has version %d, this program knows up to %d", e.have, e.known)
}

// wordedFS puts the words of the database into the migrations as they are read.
type wordedFS struct {
	fs.FS
	words *strings.Replacer
}

// Open gives a file with its words in place. Folders pass as they are.
func (f wordedFS) Open(name string) (fs.File, error) {
	file, err := f.FS.Open(name)
	if err != nil {
		return nil, err
	}
	if info, err := file.Stat(); err != nil || info.IsDir() {
		return file, err
	}
	text, err := fs.ReadFile(f.FS, name)
	return wordedFile{file, bytes.NewReader([]byte(f.words.Replace(string(text))))}, err
}

type wordedFile struct {
	fs.File
	text *bytes.Reader
}

// Read reads the replaced text.
func (f wordedFile) Read(p []byte) (int, error) { return f.text.Read(p) }
