package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
	"github.com/mailhaul/mailhaul/rigs/effort"
	"github.com/mailhaul/mailhaul/rigs/postgresrig"
)

const (
	createBar = 5 * time.Second
	pageBar   = 100 * time.Millisecond
)

func TestLargestMigrationFile(t *testing.T) { largest(t, onSQLite) }

func TestLargestMigrationFileOnPostgreSQL(t *testing.T) {
	server := postgresrig.StartT(t, postgresrig.Options{Durable: true})
	largest(t, func(t *testing.T) (*store.Store, func() *store.Store) { return openAt(t, server.URL("postgres")), nil })
}

// bar fails a test that takes too long; eight times the bar where other tests run
// beside it.
func bar(t *testing.T, what string, took, bar time.Duration) {
	t.Helper()
	t.Logf("%s: %v", what, took.Round(10*time.Microsecond))
	if !effort.Alone() {
		bar *= 8
	}
	if took > bar && mostRows == 50_000 {
		t.Errorf("%s took %v, want at most %v", what, took, bar)
	}
}

// largest makes a batch of 50,000 mailboxes and looks at it in every way that the
// console does.
func largest(t *testing.T, open func(*testing.T) (*store.Store, func() *store.Store)) {
	if testing.Short() {
		t.Skip("50,000 rows")
	}
	effort.LeaveToLong(t)
	s, _ := open(t)
	b := migration.BatchRecord{Name: "all", Intent: migration.Run}
	begun := time.Now()
	do(t, s, func(tx *store.Tx) error { return createLargest(tx, &b) })
	bar(t, "creating", time.Since(begun), createBar)
	do(t, s, func(tx *store.Tx) error { _, err := tx.StartMailboxes(b.ID); return err })
	do(t, s, func(tx *store.Tx) error { return failSome(tx, b.ID) })
	for _, c := range looks(b.ID) {
		bar(t, c.what+", p95", p95(t, func(n int) error {
			return s.View(t.Context(), "testing", func(tx *store.Tx) error { return c.look(tx, n) })
		}), pageBar)
	}
	// Not a bar of its own: PostgreSQL has no statistics of the new rows yet.
	bar(t, "claims, p95", p95(t, func(int) error {
		return s.Change(t.Context(), "testing", func(tx *store.Tx) error { _, err := tx.Claims(10, time.Minute); return err })
	}), time.Second)
	begun = time.Now()
	if err := s.Scrub(t.Context()); err != nil {
		t.Error(err)
	}
	bar(t, "removing traces", time.Since(begun), time.Second)
	begun = time.Now()
	do(t, s, func(tx *store.Tx) error { return tx.DeleteBatch(b.ID) })
	if err := s.Scrub(t.Context()); err != nil {
		t.Error(err)
	}
	bar(t, "deleting", time.Since(begun), createBar)
}

type look struct {
	what string
	look func(tx *store.Tx, n int) error
}

func looks(batch int64) []look {
	page := func(want int, filter func(n int, f *store.MailboxFilter)) func(tx *store.Tx, n int) error {
		return func(tx *store.Tx, n int) error {
			f := store.MailboxFilter{Batch: batch, Limit: 100}
			filter(n, &f)
			page, err := tx.Mailboxes(f)
			return wanted(len(page), want, err)
		}
	}
	return []look{
		{"a page", page(100, func(n int, f *store.MailboxFilter) { f.After = int64(n * mostRows / 50) })},
		{"a page of a state", page(40, func(n int, f *store.MailboxFilter) {
			f.Limit, f.After, f.States = 40, int64(n), []migration.MailboxState{migration.MailboxSynced, migration.MailboxFailed}
		})},
		{"a page of a state nobody is in", page(0, func(n int, f *store.MailboxFilter) { f.States = []migration.MailboxState{migration.MailboxStopping} })},
		{"a page of an address", page(1, func(n int, f *store.MailboxFilter) { f.Address = fmt.Sprintf("%05d", n*mostRows/50) })},
		{"a page far down", page(200, func(_ int, f *store.MailboxFilter) { f.Limit, f.Offset = 200, mostRows*4/5 })},
		{"a page of a state far down, counted", func(tx *store.Tx, _ int) error {
			f := store.MailboxFilter{Batch: batch, Limit: 200, Offset: mostRows * 4 / 5, States: []migration.MailboxState{migration.MailboxQueued}}
			return counted(tx, f, 200, mostRows-mostRows/100)
		}},
		{"a page of a search far down, counted", func(tx *store.Tx, _ int) error {
			return counted(tx, store.MailboxFilter{Batch: batch, Limit: 200, Offset: mostRows * 4 / 5, Address: "PERSON"}, 200, mostRows)
		}},
		{"a page of a state and a search far down, counted", func(tx *store.Tx, _ int) error {
			f := store.MailboxFilter{Batch: batch, Limit: 200, Offset: mostRows * 4 / 5, States: []migration.MailboxState{migration.MailboxQueued}, Address: "person"}
			return counted(tx, f, 200, mostRows-mostRows/100)
		}},
		{"a page far down by address", page(200, func(_ int, f *store.MailboxFilter) {
			f.Limit, f.Offset, f.Order = 200, mostRows*4/5, "-"+migration.ByAddress
		})},
		{"a page far down by address, of all batches", page(200, func(_ int, f *store.MailboxFilter) {
			f.Batch, f.Limit, f.Offset, f.Order = 0, 200, mostRows*4/5, migration.ByAddress
		})},
		{"a page far down by state", page(200, func(_ int, f *store.MailboxFilter) {
			f.Limit, f.Offset, f.Order = 200, mostRows*4/5, migration.ByState
		})},
		{"counting states", func(tx *store.Tx, _ int) error {
			states, err := tx.CountStates(batch)
			return wanted(states[migration.MailboxFailed], mostRows/100, err)
		}},
		{"all batches with their counts", func(tx *store.Tx, _ int) error {
			all, err := tx.Batches()
			return wanted(all[0].Counts.Failed, mostRows/100, err)
		}},
		{"figures", func(tx *store.Tx, _ int) error { _, err := tx.Figures(batch); return err }},
		{"figures of all batches", func(tx *store.Tx, _ int) error { _, err := tx.FiguresByBatch(); return err }},
		{"what initial copies took", func(tx *store.Tx, _ int) error { _, err := tx.InitialCopies(batch); return err }},
	}
}

// counted looks at a page, and at how many there are on all.
func counted(tx *store.Tx, f store.MailboxFilter, want, total int) error {
	page, err := tx.Mailboxes(f)
	if err = wanted(len(page), want, err); err != nil {
		return err
	}
	n, err := tx.CountMailboxes(f)
	return wanted(n, total, err)
}

func wanted(got, want int, err error) error {
	if err == nil && got != want {
		err = fmt.Errorf("%d found, want %d", got, want)
	}
	return err
}

// p95 is how long 95 % of forty calls take at most.
func p95(t *testing.T, call func(n int) error) time.Duration {
	t.Helper()
	var took []time.Duration
	for n := range 40 {
		begun := time.Now()
		if err := call(n); err != nil {
			t.Fatal(err)
		}
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	return took[len(took)*95/100]
}

func do(t *testing.T, s *store.Store, change func(*store.Tx) error) {
	t.Helper()
	if err := s.Change(t.Context(), "testing", change); err != nil {
		t.Fatal(err)
	}
}

func createLargest(tx *store.Tx, b *migration.BatchRecord) error {
	old := migration.EndpointRecord{Name: "old", Limits: migration.Limits{Migrations: 1000, Incremental: 1000}}
	fresh := migration.EndpointRecord{Name: "new", Limits: old.Limits}
	if err := errors.Join(tx.CreateEndpoint(&old), tx.CreateEndpoint(&fresh)); err != nil {
		return err
	}
	mailboxes := make([]migration.MailboxRecord, mostRows)
	for i := range mailboxes {
		name := fmt.Sprintf("person%05d@example.org", i)
		mailboxes[i] = migration.MailboxRecord{Row: i + 2, Address: name, SourceUser: name, TargetUser: name, SourceSecret: make([]byte, 60), TargetSecret: make([]byte, 60)}
	}
	b.Source, b.Target = old.ID, fresh.ID
	return tx.CreateBatch(b, mailboxes)
}

// failSome fails one mailbox in a hundred.
func failSome(tx *store.Tx, batch int64) error {
	all, err := tx.Mailboxes(store.MailboxFilter{Batch: batch})
	for i, m := range all {
		if err == nil && i%100 == 0 {
			m.Facts.Failed = true
			err = tx.SaveMailbox(&m)
		}
	}
	return err
}
