package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
)

const lease = time.Minute

// expired is a lease that has run out when it is given.
const expired = -time.Second

func claims(t *testing.T, s *store.Store, most int, lease time.Duration) []store.Claim {
	t.Helper()
	var given []store.Claim
	change(t, s, func(tx *store.Tx) (err error) { given, err = tx.Claims(most, lease); return err })
	return given
}

func begin(s *store.Store, t *testing.T, c store.Claim, node string) error {
	return s.Change(t.Context(), "testing", func(tx *store.Tx) error { return tx.Begin(c, node, lease) })
}

// finish lays a pass down, as the scheduler does.
func finish(t *testing.T, s *store.Store, id int64) {
	t.Helper()
	edit(t, s, id, layDown)
}

func layDown(m *migration.MailboxRecord) {
	m.Facts.Running, m.Facts.Begun, m.Lease.Node = "", false, ""
	m.Facts.Phase, m.Facts.Passes = migration.Incremental, m.Facts.Passes+1
	m.Due = time.Now().Add(-time.Second)
}

func givesOutWithinLimits(t *testing.T, open Open) {
	s, _ := open(t)
	old := endpoint(t, s, "old", migration.Limits{Migrations: 3, Incremental: 2})
	wide := endpoint(t, s, "wide", migration.Limits{Migrations: 100, Incremental: 100})
	narrow := endpoint(t, s, "narrow", migration.Limits{Migrations: 2, Incremental: 1})
	a := batch(t, s, "a", old, wide, 10)
	b := batch(t, s, "b", wide, narrow, 10)
	given := claims(t, s, 100, lease)
	perBatch := map[int64]int{}
	for _, c := range given {
		if c.Kind != migration.InitialPass || c.Generation != 1 {
			t.Errorf("claim %+v", c)
		}
		perBatch[mailboxOf(t, s, c.Mailbox).Batch]++
	}
	if perBatch[a.ID] != 3 || perBatch[b.ID] != 2 || len(claims(t, s, 100, lease)) != 0 {
		t.Fatalf("given out %v, want 3 by the source's limit and 2 by the target's", perBatch)
	}
	for _, c := range given {
		finish(t, s, c.Mailbox)
	}
	kinds := map[migration.PassKind]int{}
	for _, c := range claims(t, s, 100, lease) {
		kinds[c.Kind]++
	}
	if kinds[migration.InitialPass] != 5 || kinds[migration.IncrementalPass] != 3 {
		t.Fatalf("given out %v, want 5 initial and 2 + 1 incremental passes", kinds)
	}
	same := batch(t, s, "same", narrow, narrow, 0)
	if n := len(claims(t, s, 100, lease)); n != 0 || same.ID == 0 {
		t.Fatalf("%d claims", n)
	}
}

// neverExceedsLimits has several dispatchers give out at once while passes end, and
// looks at every moment at what is under way.
func neverExceedsLimits(t *testing.T, open Open) {
	s, _ := open(t)
	ends := []migration.EndpointRecord{
		endpoint(t, s, "e0", migration.Limits{Migrations: 5, Incremental: 2}),
		endpoint(t, s, "e1", migration.Limits{Migrations: 3, Incremental: 4}),
		endpoint(t, s, "e2", migration.Limits{Migrations: 7, Incremental: 3}),
	}
	batches := []migration.BatchRecord{batch(t, s, "b0", ends[0], ends[1], 30), batch(t, s, "b1", ends[1], ends[2], 30), batch(t, s, "b2", ends[2], ends[0], 30), batch(t, s, "b3", ends[2], ends[2], 10)}
	var all sync.WaitGroup
	var guard sync.Mutex
	given, most := 0, map[string]int{}
	for worker := range 4 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 1))
			for range 40 {
				err := s.Change(t.Context(), "testing", func(tx *store.Tx) error {
					claims, err := tx.Claims(1+random.IntN(6), lease)
					if err != nil {
						return err
					}
					running, err := underWay(tx, batches)
					guard.Lock()
					defer guard.Unlock()
					given += len(claims)
					for what, n := range running {
						most[what] = max(most[what], n)
					}
					return err
				})
				if err == nil {
					err = finishSome(s, t, batches, random)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for i, e := range ends {
		for class, limit := range map[string]int{"initial": e.Limits.Migrations, "incremental": e.Limits.Incremental} {
			if n := most[fmt.Sprintf("%d %s", e.ID, class)]; n > limit {
				t.Errorf("endpoint %d has %d %s passes, limit %d", i, n, class, limit)
			} else if n == 0 {
				t.Errorf("endpoint %d never had a pass of class %s", i, class)
			}
		}
	}
	t.Logf("%d claims; most under way: %v", given, most)
}

// underWay counts passes by endpoint and class.
func underWay(tx *store.Tx, batches []migration.BatchRecord) (map[string]int, error) {
	counts := map[string]int{}
	all, err := tx.Mailboxes(store.MailboxFilter{})
	for _, m := range all {
		if m.Facts.Running == "" {
			continue
		}
		class := "incremental"
		if m.Facts.Running == migration.InitialPass {
			class = "initial"
		}
		for _, b := range batches {
			if b.ID != m.Batch {
				continue
			}
			counts[fmt.Sprintf("%d %s", b.Source, class)]++
			if b.Target != b.Source {
				counts[fmt.Sprintf("%d %s", b.Target, class)]++
			}
		}
	}
	return counts, err
}

func finishSome(s *store.Store, t *testing.T, batches []migration.BatchRecord, random *rand.Rand) error {
	err := s.Change(t.Context(), "testing", func(tx *store.Tx) error {
		all, err := tx.Mailboxes(store.MailboxFilter{Batch: batches[random.IntN(len(batches))].ID})
		for _, m := range all {
			if m.Facts.Running == "" || random.IntN(2) == 0 {
				continue
			}
			if err := tx.Begin(store.Claim{Mailbox: m.ID, Generation: m.Lease.Generation}, "n", lease); err != nil {
				return err
			}
			m.Version++
			layDown(&m)
			if err := tx.SaveMailbox(&m); err != nil {
				return err
			}
		}
		return err
	})
	if errors.Is(err, store.ErrChanged) || errors.Is(err, store.ErrLeaseLost) {
		return nil // another was faster
	}
	return err
}

func takesTurns(t *testing.T, open Open) {
	s, _ := open(t)
	old, fresh := endpoint(t, s, "old", migration.Limits{Migrations: 10}), endpoint(t, s, "new", migration.Limits{Migrations: 100})
	batch(t, s, "large", old, fresh, 50)
	if n := len(claims(t, s, 6, lease)); n != 6 {
		t.Fatalf("%d claims, want 6", n)
	}
	small := batch(t, s, "small", old, fresh, 50)
	given := claims(t, s, 100, lease)
	for _, c := range given {
		if b := mailboxOf(t, s, c.Mailbox).Batch; b != small.ID {
			t.Errorf("a place went to batch %d, which had six", b)
		}
	}
	if len(given) != 4 {
		t.Errorf("%d claims, want 4", len(given))
	}
	view(t, s, func(tx *store.Tx) error {
		all, err := tx.Batches()
		if all[0].Counts.Running != 6 || all[1].Counts.Running != 4 {
			t.Errorf("counts %+v", all)
		}
		return err
	})
}

func classesAreApart(t *testing.T, open Open) {
	s, _ := open(t)
	b := batch(t, s, "pilot", endpoint(t, s, "old", migration.Limits{Migrations: 1, Incremental: 0}), endpoint(t, s, "new", limits), 30)
	all := mailboxes(t, s, store.MailboxFilter{})
	for _, m := range all[:29] {
		edit(t, s, m.ID, func(m *migration.MailboxRecord) { m.Facts.Phase, m.Facts.Passes = migration.Incremental, 1 })
	}
	given := claims(t, s, 4, lease)
	if len(given) != 1 || given[0].Mailbox != all[29].ID {
		t.Fatalf("claims %+v: the initial pass of batch %d stands behind passes that have no place", given, b.ID)
	}
}

func givesOutWhatMayRun(t *testing.T, open Open) {
	s, _ := open(t)
	b := between(t, s, 6)
	all := mailboxes(t, s, store.MailboxFilter{})
	set := func(i int, how func(*migration.MailboxRecord)) { edit(t, s, all[i].ID, how) }
	set(0, func(m *migration.MailboxRecord) { m.Facts.Failed = true })
	set(1, func(m *migration.MailboxRecord) { m.Facts.Broken, m.Trial = true, true })
	set(2, func(m *migration.MailboxRecord) { m.Facts.Intent, m.Trial = migration.Halt, true })
	set(3, func(m *migration.MailboxRecord) { m.Facts.Phase, m.Trial = migration.Closed, true })
	set(4, func(m *migration.MailboxRecord) { m.Due = time.Now().Add(time.Hour) })
	kinds := func() map[int64]migration.PassKind {
		found := map[int64]migration.PassKind{}
		for _, c := range claims(t, s, 100, lease) {
			found[c.Mailbox] = c.Kind
		}
		return found
	}
	editBatch(t, s, b.ID, func(b *migration.BatchRecord) { b.Options.StartAfter = time.Now().Add(time.Hour) })
	if got := kinds(); len(got) != 1 || got[all[2].ID] != migration.Preflight {
		t.Fatalf("before its time: %v, want the preflight only", got)
	}
	editBatch(t, s, b.ID, func(b *migration.BatchRecord) { b.Options.StartAfter = time.Now().Add(-time.Hour) })
	for _, intent := range []migration.Intent{migration.Hold, migration.Halt, migration.Remove} {
		editBatch(t, s, b.ID, func(b *migration.BatchRecord) { b.Intent = intent })
		if got := kinds(); len(got) != 0 {
			t.Fatalf("%s: %v", intent, got)
		}
	}
	editBatch(t, s, b.ID, func(b *migration.BatchRecord) { b.Intent = migration.Finish })
	set(4, func(m *migration.MailboxRecord) {
		m.Facts.Phase, m.Due = migration.Incremental, time.Now().Add(-time.Second)
	})
	if got := kinds(); len(got) != 2 || got[all[5].ID] != migration.InitialPass || got[all[4].ID] != migration.FinalPass {
		t.Fatalf("being completed: %v", got)
	}
	if m := mailboxOf(t, s, all[2].ID); m.Trial || m.Facts.State() != migration.MailboxValidating {
		t.Errorf("the tried mailbox is %s", m.Facts.State())
	}
}

func reclaimsLost(t *testing.T, open Open) {
	s, _ := open(t)
	old := endpoint(t, s, "old", migration.Limits{Migrations: 3})
	b := batch(t, s, "pilot", old, endpoint(t, s, "new", limits), 10)
	lost := claims(t, s, 100, expired)
	halted := lost[2].Mailbox
	change(t, s, func(tx *store.Tx) error { return tx.Begin(lost[0], "n1", expired) })
	edit(t, s, halted, func(m *migration.MailboxRecord) { m.Facts.Intent = migration.Halt })
	again := claims(t, s, 100, lease)
	if len(again) != 3 {
		t.Fatalf("%d claims, want the two that were lost and one in the place of what was halted", len(again))
	}
	for _, c := range lost[:2] {
		if c.Generation++; !slices.Contains(again, c) {
			t.Errorf("claims %+v, want %+v among them", again, c)
		}
	}
	m := mailboxOf(t, s, halted)
	if m.Facts.Running != "" || m.Lease.Generation != 2 || m.Facts.State() != migration.MailboxStopped {
		t.Errorf("halted: %+v", m)
	}
	if again[2].Mailbox == halted || batchOf(t, s, b.ID).Counts.Running != 3 {
		t.Errorf("the halted mailbox went on: %+v", again)
	}
	view(t, s, func(tx *store.Tx) error {
		_, err := tx.Held(lost[0].Mailbox, 1)
		wantErr(t, err, store.ErrLeaseLost)
		_, err = tx.Held(lost[0].Mailbox, 2)
		return err
	})
}

func beginsOnce(t *testing.T, open Open) {
	s, _ := open(t)
	between(t, s, 1)
	c := claims(t, s, 1, lease)[0]
	var all sync.WaitGroup
	var guard sync.Mutex
	begun := 0
	for i := range 4 {
		all.Go(func() {
			err := begin(s, t, c, fmt.Sprint("n", i))
			guard.Lock()
			defer guard.Unlock()
			if err == nil {
				begun++
			} else if !errors.Is(err, store.ErrLeaseLost) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	m := mailboxOf(t, s, c.Mailbox)
	if begun != 1 || m.Facts.State() != migration.MailboxSyncing || m.Started.IsZero() || m.Lease.Node == "" {
		t.Errorf("begun %d times: %+v", begun, m)
	}
	c.Generation--
	wantErr(t, begin(s, t, c, "n9"), store.ErrLeaseLost)
	wantErr(t, s.Change(t.Context(), "testing", func(tx *store.Tx) error { return tx.SaveProgress(c.Mailbox, c.Generation, migration.MailboxProgress{}) }), store.ErrLeaseLost)
	change(t, s, func(tx *store.Tx) error {
		return tx.SaveProgress(c.Mailbox, c.Generation+1, migration.MailboxProgress{Messages: 7})
	})
	if after := mailboxOf(t, s, c.Mailbox); after.Progress.Messages != 7 || after.Version != m.Version {
		t.Errorf("progress %+v", after)
	}
}

func tellsWhomToHalt(t *testing.T, open Open) {
	s, _ := open(t)
	b := between(t, s, 3)
	given := claims(t, s, 2, lease)
	for _, c := range given {
		must(t, begin(s, t, c, "n1"))
	}
	renew := func(node string) map[int64]bool {
		halts := map[int64]bool{}
		change(t, s, func(tx *store.Tx) error {
			leased, err := tx.Renew(node, lease)
			clear(halts)
			for _, l := range leased {
				halts[l.Mailbox] = l.Halt
				if l.Generation != 1 {
					t.Errorf("generation %d", l.Generation)
				}
			}
			return err
		})
		return halts
	}
	want := func(first, second bool) {
		t.Helper()
		got := renew("n1")
		if len(got) != 2 || got[given[0].Mailbox] != first || got[given[1].Mailbox] != second {
			t.Fatalf("leases %v, want halts %v and %v", got, first, second)
		}
	}
	want(false, false)
	if others := renew("n2"); len(others) != 0 {
		t.Errorf("another node has %v", others)
	}
	edit(t, s, given[0].Mailbox, func(m *migration.MailboxRecord) { m.Facts.Intent = migration.Halt })
	want(true, false)
	editBatch(t, s, b.ID, func(b *migration.BatchRecord) { b.Intent = migration.Finish })
	want(true, false)
	editBatch(t, s, b.ID, func(b *migration.BatchRecord) { b.Intent = migration.Halt })
	want(true, true)
	edit(t, s, given[1].Mailbox, func(m *migration.MailboxRecord) { m.Facts.Running = migration.Preflight })
	want(true, false)
	editBatch(t, s, b.ID, func(b *migration.BatchRecord) { b.Intent = migration.Remove })
	want(true, true)
	nodes := 0
	change(t, s, func(tx *store.Tx) error {
		must(t, tx.Beat(store.Node{Name: "n1"}))
		all, err := tx.Nodes()
		nodes = all[0].Mailboxes
		return err
	})
	if nodes != 2 {
		t.Errorf("node n1 works on %d mailboxes", nodes)
	}
}

// keepsRenewedLease saves a record that was read before a renewal.
func keepsRenewedLease(t *testing.T, open Open) {
	s, _ := open(t)
	between(t, s, 1)
	c := claims(t, s, 1, time.Second)[0]
	must(t, begin(s, t, c, "n1"))
	before := mailboxOf(t, s, c.Mailbox)
	change(t, s, func(tx *store.Tx) error { _, err := tx.Renew("n1", time.Hour); return err })
	renewed := mailboxOf(t, s, c.Mailbox).Lease
	before.SourceSecret = []byte("new")
	change(t, s, func(tx *store.Tx) error { m := before; return tx.SaveMailbox(&m) })
	if after := mailboxOf(t, s, c.Mailbox); after.Lease != renewed || string(after.SourceSecret) != "new" {
		t.Errorf("lease %+v, want %+v", after.Lease, renewed)
	}
}

func fencesLedger(t *testing.T, open Open) {
	s, _ := open(t)
	between(t, s, 1)
	c := claims(t, s, 1, expired)[0]
	ledger := mailbox(t, s, anna)
	inbox := folder(t, ledger, "INBOX")
	fenced := ledger.Fence(c.Mailbox, c.Generation)
	write := func(l *store.Ledger) []error {
		_, intend := l.Intend(t.Context(), inbox.ID, mailsync.Intent{Sources: migration.NewUIDSet(1)})
		record := mailsync.FolderRecord{Source: "Other"}
		return []error{
			intend, l.Settle(t.Context(), inbox.ID, mailsync.Outcome{Copied: []mailsync.Pair{{Source: 1, Target: 1}}}), l.SaveFlags(t.Context(), inbox.ID, nil), l.SaveSerials(t.Context(), mailsync.SerialSet{Source: "x"}),
			l.SaveFolder(t.Context(), &record), l.Rematch(t.Context(), &inbox, mailsync.Outcome{Copied: []mailsync.Pair{{Source: 1, Target: 1}}}),
		}
	}
	must(t, errors.Join(write(fenced)...))
	taken := claims(t, s, 1, lease)[0]
	if taken.Mailbox != c.Mailbox || taken.Generation != 2 {
		t.Fatalf("claim %+v", taken)
	}
	for _, err := range write(fenced) {
		wantErr(t, err, store.ErrLeaseLost)
		wantStop(t, err, migration.CodeLeaseLost)
	}
	wantPairs(t, fenced, inbox.ID, mailsync.Pair{Source: 1, Target: 1})
	must(t, errors.Join(write(ledger.Fence(taken.Mailbox, 2))...))
	finish(t, s, c.Mailbox)
	for _, err := range write(ledger.Fence(taken.Mailbox, 2)) {
		wantErr(t, err, store.ErrLeaseLost)
	}
	must(t, errors.Join(write(ledger)...))
}
