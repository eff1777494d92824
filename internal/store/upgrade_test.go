package store

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/rigs/postgresrig"
)

// schemas are those that a released mailhaul may have left behind.
var schemas = []int64{1}

// withoutTables is a ledger's file with its mark and nothing else.
func withoutTables(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "ledger.db")
	db, err := sql.Open(driverName, fileURI(path))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), fmt.Sprintf("PRAGMA application_id = %d", applicationID))
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestUpgradesEveryEarlierSchema(t *testing.T) {
	for _, version := range schemas {
		path := withoutTables(t)
		upgrades(t, path, "sqlite", dataSource(path, 0), goose.DialectSQLite3, sqliteWords, version)
	}
}

func TestUpgradesEveryEarlierSchemaOnPostgreSQL(t *testing.T) {
	for _, version := range schemas {
		address := postgresrig.DatabaseT(t)
		upgrades(t, address, "pgx", address, goose.DialectPostgres, postgresWords, version)
	}
}

// upgrades fills a ledger of an earlier schema by hand, and expects to find all of
// it after opening it.
func upgrades(t *testing.T, address, driver, source string, dialect goose.Dialect, words *strings.Replacer, version int64) {
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	provider, err := newProvider(db, dialect, words)
	if err == nil {
		_, err = provider.UpTo(t.Context(), version)
	}
	if err != nil {
		t.Fatal(err)
	}
	pairs := []mailsync.Pair{{Source: 3, Target: 30}, {Source: 4, Target: 31}, {Source: 9, Target: 12}}
	runs, err := runsOf(pairs)
	if err != nil {
		t.Fatal(err)
	}
	b := blocksOf(runs)[0]
	uids := migration.NewUIDSet(1, 2, 7)
	for _, row := range []struct {
		statement string
		args      []any
	}{
		{"INSERT INTO mailbox (source, target) VALUES ($1, $2)", []any{[]byte("anna\xff"), []byte("b")}},
		{`INSERT INTO folder (mailbox, source, target, source_uidvalidity, target_uidvalidity, source_uidnext, source_modseq, source_messages, watermark, departed)
			VALUES (1, $1, $2, 2, 3, 4, 5, 6, 7, $3)`, []any{[]byte("INBOX"), []byte("INBOX\xff"), uids.Pack()}},
		{"INSERT INTO pairs (folder, source_first, source_last, target_first, target_last, messages, packed) VALUES (1, $1, $2, $3, $4, $5, $6)",
			[]any{int64(b.sourceFirst), int64(b.sourceLast), int64(b.targetFirst), int64(b.targetLast), int64(b.messages), b.packed}},
		{"INSERT INTO intent (folder, watermark, uidvalidity, sources) VALUES (1, 8, 9, $1)", []any{uids.Pack()}},
		{"INSERT INTO mark (folder, source, state, attempts, passes, watermark, uidvalidity, finding) VALUES (1, 5, 'skipped', 1, 2, 3, 4, '{\"code\":\"too-large\"}')", nil},
		{"INSERT INTO flags (folder, packed) VALUES (1, $1)", []any{packFlags(mailsync.FlagSets{migration.FlagSeen: uids})}},
	} {
		if _, err := db.ExecContext(t.Context(), row.statement, row.args...); err != nil {
			t.Fatalf("%s: %v", row.statement, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), address, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	wantUpgraded(t, s, pairs, uids)
}

func wantUpgraded(t *testing.T, s *Store, pairs []mailsync.Pair, uids migration.UIDSet) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	l, err := s.Mailbox(ctx, "anna\xff", "b")
	must(err)
	folders, err := l.Folders(ctx)
	must(err)
	if len(folders) != 1 || folders[0].Target != "INBOX\xff" || folders[0].Watermark != 7 || !folders[0].Departed.Equal(uids) {
		t.Fatalf("folders %+v", folders)
	}
	var got []mailsync.Pair
	must(l.Pairs(ctx, 1, nil, func(p mailsync.Pair) error { got = append(got, p); return nil }))
	intents, err := l.Intents(ctx, 1)
	must(err)
	marks, err := l.Marks(ctx, 1)
	must(err)
	flags, err := l.Flags(ctx, 1)
	must(err)
	if len(got) != len(pairs) || got[2] != pairs[2] || len(intents) != 1 || !intents[0].Sources.Equal(uids) ||
		len(marks) != 1 || marks[0].Finding.Code != migration.CodeTooLarge || !flags[migration.FlagSeen].Equal(uids) {
		t.Fatalf("pairs %v, intents %v, marks %v, flags %v", got, intents, marks, flags)
	}
	must(l.Settle(ctx, 1, mailsync.Outcome{Copied: []mailsync.Pair{{Source: 1, Target: 50}}}))
	must(s.Change(ctx, "testing", func(tx *Tx) error {
		e := migration.EndpointRecord{Name: "old"}
		if err := tx.CreateEndpoint(&e); err != nil {
			return err
		}
		b := migration.BatchRecord{Name: "pilot", Source: e.ID, Target: e.ID}
		return tx.CreateBatch(&b, []migration.MailboxRecord{{Address: "anna@example.org"}})
	}))
}

func TestAnEndpointOfAnEarlierSchemaNamesNoFolders(t *testing.T) {
	path := withoutTables(t)
	endpointStays(t, path, "sqlite", dataSource(path, 0), goose.DialectSQLite3, sqliteWords)
}

func TestAnEndpointOfAnEarlierSchemaNamesNoFoldersOnPostgreSQL(t *testing.T) {
	address := postgresrig.DatabaseT(t)
	endpointStays(t, address, "pgx", address, goose.DialectPostgres, postgresWords)
}

// endpointStays makes an endpoint before endpoints named folders, and has it name some.
func endpointStays(t *testing.T, address, driver, source string, dialect goose.Dialect, words *strings.Replacer) {
	t.Helper()
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	provider, err := newProvider(db, dialect, words)
	if err == nil {
		_, err = provider.UpTo(t.Context(), 3)
	}
	if err == nil {
		_, err = db.ExecContext(t.Context(), `INSERT INTO audit (id, at, actor, action, object, detail, hash) VALUES (1, 1, 'ada', 'a', 'batch/pilot', '', $1),
			(2, 1, 'ada', 'a', 'mailbox/pilot/anna@example.org', '', $1), (3, 1, 'ada', 'a', 'endpoint/pilot', '', $1), (4, 1, 'ada', 'a', 'backup', '', $1)`, []byte{})
	}
	if err == nil {
		_, err = db.ExecContext(t.Context(), `INSERT INTO endpoint (name, name_key, kind, host, port, security, allow_cleartext, ca, pin, min_tls, limits, login, admin_secret, learned,
			created, created_by, version) VALUES ('old', 'old', 'imap', 'h', 993, 'implicit', false, $1, '', 0, '{}', '{"form":"user"}', $1, '', 0, 'ada', 7)`, []byte{})
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), address, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.Change(t.Context(), "testing", func(tx *Tx) error {
		e, err := tx.Endpoint("old")
		if err != nil {
			return err
		}
		if e.Host != "h" || e.Version != 7 || len(e.DefaultFolders) != 0 {
			t.Errorf("upgraded to %+v", e)
		}
		if history, err := tx.AuditOfBatch("pilot", time.Time{}, 0, 10); err != nil || len(history) != 2 || history[0].ID != 2 {
			t.Errorf("the history of the batch is %+v, %v", history, err)
		}
		e.DefaultFolders = migration.DefaultFolders{"Sent": "Verschickt"}
		if err := tx.SaveEndpoint(&e); err != nil {
			return err
		}
		if e, err = tx.Endpoint("old"); e.DefaultFolders["Sent"] != "Verschickt" {
			t.Errorf("saved %+v", e)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
