package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// spoiled is a ledger with one window on a single connection, which a statement
// has made unfit.
func spoiled(t *testing.T, path, statement string) (*Ledger, int64) {
	t.Helper()
	s, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // the database may be beyond closing
	fileOf(s).db.SetMaxOpenConns(1)
	ledger, err := s.Mailbox(t.Context(), "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	folder := benchFolder(t, ledger, "INBOX")
	if err := copyWindow(t.Context(), ledger, folder, 1, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := fileOf(s).db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
	return ledger, folder
}

func wantLedgerFault(t *testing.T, err error, word string) {
	t.Helper()
	fault := migration.FaultOf(err)
	if fault == nil || fault.Class != migration.Stop || fault.Code != migration.CodeLedger || fault.Doing == "" || fault.Remedy == "" {
		t.Fatalf("error %v, want a fault of the ledger", err)
	}
	if !strings.Contains(err.Error()+fault.Remedy, word) {
		t.Errorf("error %q (%s) does not say %q", err, fault.Remedy, word)
	}
}

func fileOf(s *Store) *sqliteFile { return s.base.(*sqliteFile) }

// wantStopped expects that nothing is taken or given any more.
func wantStopped(t *testing.T, l *Ledger, folder int64) {
	t.Helper()
	ctx := t.Context()
	_, intend := l.Intend(ctx, folder, mailsync.Intent{Sources: migration.NewUIDSet(1)})
	_, marks := l.Marks(ctx, folder)
	_, mailbox := l.store.Mailbox(ctx, "c", "d")
	for _, err := range []error{
		intend, marks, mailbox, l.SaveFlags(ctx, folder, nil), l.SaveSerials(ctx, mailsync.SerialSet{}), l.Settle(ctx, folder, mailsync.Outcome{}),
		l.SaveFolder(ctx, &mailsync.FolderRecord{}), l.Rematch(ctx, &mailsync.FolderRecord{ID: folder}, mailsync.Outcome{}),
	} {
		wantLedgerFault(t, err, "earlier fault")
	}
}

// fill writes until the ledger fails, and gives how many windows it took.
func fill(t *testing.T, l *Ledger, folder int64) (windows int, err error) {
	t.Helper()
	for n := range 2000 {
		var pairs []mailsync.Pair
		for i := range migration.UID(benchWindow) {
			uid := migration.UID(n+1)*1000 + i*3
			pairs = append(pairs, mailsync.Pair{Source: uid, Target: (uid * 7919) % 4_000_000_007})
		}
		if err := l.Settle(t.Context(), folder, mailsync.Outcome{Copied: pairs}); err != nil {
			return n, err
		}
	}
	t.Fatal("the ledger never failed")
	return 0, nil
}

func TestStopsWhenFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	ledger, folder := spoiled(t, path, "PRAGMA max_page_count = 1")
	windows, err := fill(t, ledger, folder)
	wantLedgerFault(t, err, "Free space")
	wantStopped(t, ledger, folder)
	reopened(t, ledger, path, folder, windows, 0)
}

func TestStopsWhenReadOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	ledger, folder := spoiled(t, path, "PRAGMA query_only = 1")
	windows, err := fill(t, ledger, folder)
	wantLedgerFault(t, err, "writable")
	wantStopped(t, ledger, folder)
	reopened(t, ledger, path, folder, windows, 0)
}

func TestStopsWhenClosedUnderneath(t *testing.T) {
	ledger, folder := spoiled(t, filepath.Join(t.TempDir(), "ledger.db"), "PRAGMA user_version")
	if err := fileOf(ledger.store).db.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := ledger.Intend(t.Context(), folder, mailsync.Intent{Sources: migration.NewUIDSet(1)})
	wantLedgerFault(t, err, "closed")
	wantStopped(t, ledger, folder)
}

// besideAnother is a ledger of little patience, and another program's way into its
// file.
func besideAnother(t *testing.T) (*Store, *sql.DB) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ledger.db")
	s, err := Open(t.Context(), path, Options{BusyTimeout: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	other, err := sql.Open(driverName, dataSource(path, 0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	return s, other
}

func TestALockedFileFailsOneCallAndTheNextOneGoesOn(t *testing.T) {
	s, other := besideAnother(t)
	locking, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Mailbox(t.Context(), "a", "b")
	wantLedgerFault(t, err, "Close the other program")
	if err := locking.Rollback(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Mailbox(t.Context(), "a", "b"); err != nil {
		t.Errorf("the file is free again: %v", err)
	}
	select {
	case <-s.Broken():
		t.Error("the ledger is given up")
	default:
	}
}

func TestTracesThatCouldNotBeRemovedAreOwed(t *testing.T) {
	s, reader := besideAnother(t)
	if _, err := s.Mailbox(t.Context(), "a", "b"); err != nil {
		t.Fatal(err)
	}
	reading, err := reader.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var tables int
	if err := reading.QueryRowContext(t.Context(), "SELECT count(*) FROM sqlite_master").Scan(&tables); err != nil {
		t.Fatal(err)
	}
	if err := s.Scrub(t.Context()); err == nil || !s.ScrubOwed() {
		t.Errorf("somebody reads: %v, owed %v", err, s.ScrubOwed())
	}
	if err := reading.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := s.Scrub(t.Context()); err != nil || s.ScrubOwed() {
		t.Errorf("nobody reads any more: %v, owed %v", err, s.ScrubOwed())
	}
}

func TestStopsWhenDamaged(t *testing.T) {
	ledger, folder := spoiled(t, filepath.Join(t.TempDir(), "ledger.db"), "UPDATE pairs SET packed = x'80'")
	err := ledger.Pairs(t.Context(), folder, nil, func(mailsync.Pair) error { return nil })
	wantLedgerFault(t, err, "backup")
	wantStopped(t, ledger, folder)
}

// reopened expects everything that was confirmed, at most doubtful windows more,
// and a sound file that takes writes again.
func reopened(t *testing.T, l *Ledger, path string, folder int64, windows, doubtful int) {
	t.Helper()
	_ = l.store.Close() // reports the fault once more
	s, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	again, err := s.Mailbox(t.Context(), "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := again.Pairs(t.Context(), folder, nil, func(mailsync.Pair) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	if least := (windows + 1) * benchWindow; n < least || n > least+doubtful*benchWindow || n%benchWindow != 0 {
		t.Errorf("%d pairs after %d confirmed windows", n, windows+1)
	}
	if _, err := again.Intend(t.Context(), folder, mailsync.Intent{Sources: migration.NewUIDSet(1)}); err != nil {
		t.Error(err)
	}
	var verdict string
	if err := fileOf(s).db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity check: %q, %v", verdict, err)
	}
}

// TestSettings asks several connections at once, because a setting holds for one.
func TestSettings(t *testing.T) {
	ledger, _ := benchLedger(t, groupMost)
	for range openConnections {
		conn, err := fileOf(ledger.store).db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		for pragma, want := range map[string]string{
			"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "secure_delete": "1", "busy_timeout": "10000", "trusted_schema": "0",
		} {
			var got string
			if err := conn.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
				t.Errorf("%s is %q, want %q (%v)", pragma, got, want, err)
			}
		}
	}
}

// TestCancelled ends contexts at any moment of a call: the call says truly
// whether it was done.
func TestCancelled(t *testing.T) {
	ledger, folder := benchLedger(t, groupMost)
	var all sync.WaitGroup
	var known sync.Map
	for worker := range migration.UID(4) {
		all.Go(func() {
			for n := range migration.UID(50) {
				ctx, cancel := context.WithCancel(context.Background())
				uid := 1 + worker + 4*n
				all.Go(cancel)
				err := ledger.Settle(ctx, folder, mailsync.Outcome{Copied: []mailsync.Pair{{Source: uid, Target: uid}}})
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				known.Store(uid, err == nil)
			}
		})
	}
	all.Wait()
	err := ledger.Pairs(t.Context(), folder, nil, func(p mailsync.Pair) error {
		if done, _ := known.LoadAndDelete(p.Source); done != true {
			return fmt.Errorf("%v was recorded by a call that said otherwise", p)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	known.Range(func(uid, done any) bool {
		if done == true {
			t.Errorf("%v is not recorded", uid)
		}
		return true
	})
}

// TestGroup has one call refused in the middle of a group.
func TestGroup(t *testing.T) {
	ledger, folder := benchLedger(t, groupMost)
	jobs := make([]*job, 5)
	for i := range jobs {
		uid := migration.UID(i + 1)
		jobs[i] = &job{t.Context(), "testing", func(ctx context.Context, tx querier) error {
			target := uid
			if i == 2 {
				target = 1
			}
			return addPairs(ctx, tx, folder, []mailsync.Pair{{Source: uid, Target: target}})
		}, make(chan error, 1)}
	}
	fileOf(ledger.store).commit(jobs)
	for i, j := range jobs {
		if err := <-j.result; errors.Is(err, mailsync.ErrMapped) != (i == 2) || i != 2 && err != nil {
			t.Errorf("call %d: %v", i, err)
		}
	}
	var got migration.UIDSet
	if err := ledger.Pairs(t.Context(), folder, nil, func(p mailsync.Pair) error { got.Add(p.Source); return nil }); err != nil {
		t.Fatal(err)
	}
	if got.String() != "1:2,4:5" {
		t.Errorf("recorded %s, want 1:2,4:5", got)
	}
}
