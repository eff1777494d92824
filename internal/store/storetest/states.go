package storetest

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
	"github.com/mailhaul/mailhaul/rigs/effort"
)

// everyFact calls for each combination of facts of a mailbox in a batch.
func everyFact(batch migration.Intent, each func(migration.MailboxFacts)) {
	f := migration.MailboxFacts{Batch: batch}
	for _, f.Intent = range []migration.Intent{migration.Run, migration.Halt, migration.Remove} {
		for _, f.Phase = range []migration.Phase{migration.Initial, migration.Incremental, migration.Closed} {
			for _, f.Running = range []migration.PassKind{"", migration.Preflight, migration.InitialPass, migration.IncrementalPass, migration.FinalPass} {
				for n := range 1 << 3 {
					f.Begun, f.Failed, f.Broken = n&1 != 0, n&2 != 0, n&4 != 0
					for _, f.Passes = range []int{0, 1, 2} {
						for _, f.Skipped = range []int{0, 2} {
							f.Approved = f.Skipped / 2 * f.Passes
							each(f)
						}
					}
				}
			}
		}
	}
}

// countFact counts a mailbox as the words at migration.BatchCounts say.
func countFact(c *migration.BatchCounts, f migration.MailboxFacts, faults int) {
	count := func(to *int, is bool) {
		if is {
			*to++
		}
	}
	open := f.Phase != migration.Closed
	count(&c.Total, true)
	count(&c.Begun, f.Passes > 0 || faults > 0 || f.Failed || f.Running != "" && f.Running != migration.Preflight)
	count(&c.Running, f.Running != "")
	count(&c.Validating, f.Running == migration.Preflight)
	count(&c.IncrementalRunning, f.Running == migration.IncrementalPass || f.Running == migration.FinalPass)
	count(&c.Closed, !open)
	count(&c.Failed, open && (f.Failed || f.Broken))
	count(&c.Stopped, open && !f.Failed && !f.Broken && f.Intent == migration.Halt)
	count(&c.Synced, f.Phase == migration.Incremental && !f.Failed && !f.Broken && f.Intent != migration.Halt)
	count(&c.Broken, open && f.Broken)
	count(&c.Troubled, f.Skipped > f.Approved && !f.Failed)
}

// derivesStates holds the states and counts in SQL against those in Go, over all
// combinations of facts.
func derivesStates(t *testing.T, open Open) {
	s, _ := open(t)
	old, fresh := endpoint(t, s, "old", limits), endpoint(t, s, "new", limits)
	wanted := map[migration.MailboxState]map[int64]bool{}
	for _, state := range migration.MailboxStates() {
		wanted[state] = map[int64]bool{}
	}
	total := 0
	for _, intent := range []migration.Intent{migration.Hold, migration.Run, migration.Halt, migration.Finish, migration.Remove} {
		var facts []migration.MailboxFacts
		every, n := effort.Of(7, 1), 0
		everyFact(intent, func(f migration.MailboxFacts) {
			if n++; n%every == 0 {
				facts = append(facts, f)
			}
		})
		b := batch(t, s, string(intent), old, fresh, len(facts))
		all := mailboxes(t, s, store.MailboxFilter{Batch: b.ID})
		var counts migration.BatchCounts
		change(t, s, func(tx *store.Tx) error {
			counts = migration.BatchCounts{}
			for i, m := range all {
				m.Facts, m.Faults = facts[i], i%3/2
				countFact(&counts, m.Facts, m.Faults)
				if err := tx.SaveMailbox(&m); err != nil {
					return err
				}
				wanted[m.Facts.State()][m.ID] = true
			}
			return nil
		})
		editBatch(t, s, b.ID, func(b *migration.BatchRecord) { b.Intent = intent })
		if got := batchOf(t, s, b.ID).Counts; got != counts {
			t.Errorf("%s: counts\n got %+v\nwant %+v", intent, got, counts)
		}
		total += len(facts)
	}
	var counted map[migration.MailboxState]int
	view(t, s, func(tx *store.Tx) (err error) { counted, err = tx.CountStates(0); return err })
	for state, want := range wanted {
		got := mailboxes(t, s, store.MailboxFilter{States: []migration.MailboxState{state}})
		if len(got) != len(want) || counted[state] != len(want) {
			t.Errorf("%s: %d mailboxes, %d counted, want %d", state, len(got), counted[state], len(want))
		}
		for _, m := range got {
			if !want[m.ID] || m.Facts.State() != state {
				t.Fatalf("%+v is taken for %s and is %s", m.Facts, state, m.Facts.State())
			}
		}
	}
	t.Logf("%d combinations of facts", total)
}

// keepsCounts holds the counts that are kept against those of the mailboxes as they
// are.
func keepsCounts(t *testing.T, s *store.Store) {
	t.Helper()
	must(t, s.Change(context.WithoutCancel(t.Context()), "testing", func(tx *store.Tx) error {
		batches, err := tx.Batches()
		for _, b := range batches {
			if err != nil {
				break
			}
			var all []migration.MailboxRecord
			if all, err = tx.Mailboxes(store.MailboxFilter{Batch: b.ID}); err != nil {
				break
			}
			var want migration.BatchCounts
			states := map[migration.MailboxState]int{}
			for _, m := range all {
				countFact(&want, m.Facts, m.Faults)
				states[m.Facts.State()]++
			}
			same(t, "counts of "+b.Name, b.Counts, want)
			var kept map[migration.MailboxState]int
			kept, err = tx.CountStates(b.ID)
			same(t, "states of "+b.Name, kept, states)
		}
		return err
	}))
}

// sumsUp holds the sums in SQL against those in Go, over random mailboxes.
func sumsUp(t *testing.T, open Open) {
	s, _ := open(t)
	b := between(t, s, 60)
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 8 {
		var want migration.BatchFigures
		all := mailboxes(t, s, store.MailboxFilter{})
		change(t, s, func(tx *store.Tx) error {
			want = migration.BatchFigures{}
			for _, m := range all {
				p := &m.Progress
				p.Counts.Source, p.Moved, p.MovedBytes = random.IntN(30_000), random.Int64N(9), random.Int64N(1<<40)
				p.BytesPerSecond, p.Messages, p.MessagesTotal, p.Bytes, p.BytesTotal = random.Int64N(9), random.Int64N(9), random.Int64N(9), random.Int64N(9), random.Int64N(9)
				p.MessagesPerSecond = float64(random.IntN(40)) / 8
				p.Earliest = time.UnixMicro(random.Int64N(1 << 50)).UTC()
				m.Facts.Phase = []migration.Phase{migration.Initial, migration.Incremental}[random.IntN(2)]
				m.Due = []time.Time{{}, time.UnixMicro(1 + random.Int64N(1<<50)).UTC()}[random.IntN(2)]
				m.Trouble = []*migration.Trouble{nil, {Class: migration.Later, Until: time.UnixMicro(1 << 50).UTC()}}[random.IntN(2)]
				m.Facts.Passes, m.Facts.Running = random.IntN(2), []migration.PassKind{"", migration.InitialPass, migration.Preflight}[random.IntN(3)]
				p.Counts.Copied, p.Counts.Present, m.Trial = random.IntN(9), random.IntN(9), random.IntN(4) == 0
				m.Preflight = []*migration.PreflightResult{nil, {OK: true}, {OK: true, Warnings: []migration.Finding{{}}}, {}}[random.IntN(4)]
				m.Facts.Skipped, m.Facts.Approved, m.Minor = random.IntN(1+round*4), random.IntN(1+round*4), random.IntN(1+round%2)
				addUp(&want, m)
				if err := tx.SaveMailbox(&m); err != nil {
					return err
				}
				one, err := tx.MailboxByID(m.ID)
				if err != nil || one.Score() != m.Score() {
					t.Errorf("score %s, want %s, %v", one.Score(), m.Score(), err)
				}
			}
			return nil
		})
		view(t, s, func(tx *store.Tx) error {
			got, err := tx.Figures(b.ID)
			same(t, "figures", got, want)
			if err != nil {
				return err
			}
			all, err := tx.FiguresByBatch()
			same(t, "figures by batch", all, map[int64]migration.BatchFigures{b.ID: want})
			if err != nil {
				return err
			}
			states, err := tx.CountStates(b.ID)
			if err != nil {
				return err
			}
			byBatch, err := tx.CountStatesByBatch()
			same(t, "states by batch", byBatch, map[int64]map[migration.MailboxState]int{b.ID: states})
			return err
		})
	}
	view(t, s, func(tx *store.Tx) error {
		got, err := tx.Figures(b.ID + 1)
		same(t, "figures of nothing", got, migration.BatchFigures{})
		return err
	})
}

func addUp(f *migration.BatchFigures, m migration.MailboxRecord) {
	next := m.Facts.Phase == migration.Incremental && m.Facts.Running == "" && m.Facts.Intent == migration.Run && !m.Facts.Failed && !m.Facts.Broken
	if next && !m.Due.IsZero() && (f.Due.IsZero() || m.Due.Before(f.Due)) {
		f.Due = m.Due
	}
	p := m.Progress
	f.Score = f.Score.Worse(m.Score())
	f.Messages += int64(p.Counts.Source)
	f.Moved += p.Moved
	f.MovedBytes += p.MovedBytes
	f.Skipped += int64(m.Facts.Skipped)
	f.Approved += int64(m.Facts.Approved)
	f.Present += p.Present()
	switch {
	case m.Trying():
		f.Trying++
	case m.Readiness() == migration.Ready:
		f.Ready++
	case m.Readiness() == migration.Noted:
		f.Noted++
	case m.Readiness() == migration.NotReady:
		f.NotReady++
	}
	if held := m.Facts.Running != "" || !m.PausedUntil().IsZero(); held && p.Earliest.After(f.Earliest) {
		f.Earliest = p.Earliest
	}
	if m.Facts.Running == "" {
		return
	}
	f.BytesPerSecond += p.BytesPerSecond
	f.MessagesPerSecond += p.MessagesPerSecond
	f.PassMessages += p.Messages
	f.PassMessagesTotal += p.MessagesTotal
	f.PassBytes += p.Bytes
	f.PassBytesTotal += p.BytesTotal
}

func startsAndTries(t *testing.T, open Open) {
	s, _ := open(t)
	b := between(t, s, 6)
	all := mailboxes(t, s, store.MailboxFilter{})
	tomorrow := time.Now().Add(24 * time.Hour).Truncate(time.Microsecond).UTC()
	set := func(i int, how func(*migration.MailboxRecord)) { edit(t, s, all[i].ID, how) }
	set(0, func(m *migration.MailboxRecord) {
		m.Facts.Failed, m.Faults, m.Trouble, m.Due = true, 3, &migration.Trouble{Code: "x"}, time.Time{}
	})
	set(1, func(m *migration.MailboxRecord) { m.Facts.Phase, m.Due = migration.Incremental, tomorrow })
	set(2, func(m *migration.MailboxRecord) { m.Facts.Intent, m.Due = migration.Halt, time.Time{} })
	set(3, func(m *migration.MailboxRecord) { m.Facts.Phase, m.Due = migration.Closed, time.Time{} })
	set(4, func(m *migration.MailboxRecord) { m.Facts.Running = migration.InitialPass })
	set(5, func(m *migration.MailboxRecord) { m.Facts.Broken = true })
	do := func(want int64, verb func(*store.Tx) (int64, error)) {
		t.Helper()
		change(t, s, func(tx *store.Tx) error {
			n, err := verb(tx)
			if n != want {
				t.Errorf("%d mailboxes, want %d", n, want)
			}
			return err
		})
	}
	do(2, func(tx *store.Tx) (int64, error) { return tx.StartMailboxes(b.ID) })
	if m := mailboxOf(t, s, all[0].ID); m.Facts.Failed || m.Faults != 0 || m.Trouble != nil || m.Due.IsZero() {
		t.Errorf("started again: %+v", m)
	}
	set(0, func(m *migration.MailboxRecord) { m.Facts.Running, m.Due = migration.Preflight, time.Time{} })
	do(2, func(tx *store.Tx) (int64, error) { return tx.StartMailboxes(b.ID) })
	if m := mailboxOf(t, s, all[0].ID); m.Due.IsZero() {
		t.Errorf("what is tried when its batch starts is never due: %+v", m)
	}
	set(0, func(m *migration.MailboxRecord) { m.Facts.Running = "" })
	do(3, func(tx *store.Tx) (int64, error) { return tx.TryMailboxes(b.ID) })
	if m := mailboxOf(t, s, all[1].ID); !m.Trial || !m.Due.Equal(tomorrow) {
		t.Errorf("tried: %+v", m)
	}
	trouble := migration.Trouble{Code: "connect", Until: tomorrow}
	do(2, func(tx *store.Tx) (int64, error) { return tx.PutOff(b.Source, tomorrow, trouble) })
	if m := mailboxOf(t, s, all[0].ID); !m.Due.Equal(tomorrow) || m.Trouble == nil || m.Trouble.Code != "connect" {
		t.Errorf("put off: %+v", m)
	}
	do(1, func(tx *store.Tx) (int64, error) { return tx.SyncMailboxes(b.ID) })
	if m := mailboxOf(t, s, all[1].ID); !m.Due.Before(tomorrow) {
		t.Errorf("synchronised: %+v", m)
	}
	set(1, func(m *migration.MailboxRecord) {
		m.Trouble = &migration.Trouble{Class: migration.Later, Code: migration.CodeThrottled, Until: tomorrow}
	})
	do(1, func(tx *store.Tx) (int64, error) { return tx.SyncMailboxes(b.ID) })
	if m := mailboxOf(t, s, all[1].ID); !m.Due.Equal(tomorrow) {
		t.Errorf("a pause that a server asked for ends early: %+v", m)
	}
	set(1, func(m *migration.MailboxRecord) { m.Trouble = nil })
	underWay := mailboxOf(t, s, all[4].ID)
	do(4, func(tx *store.Tx) (int64, error) { return tx.FinishMailboxes(b.ID) })
	if m := mailboxOf(t, s, all[1].ID); !m.Due.Before(tomorrow) {
		t.Errorf("to be finished: %+v", m)
	}
	if m := mailboxOf(t, s, all[4].ID); !m.Due.Equal(underWay.Due) || m.Version == underWay.Version {
		t.Errorf("under way when its batch is finished: %+v, before %+v", m, underWay)
	}
	set(3, func(m *migration.MailboxRecord) { m.Facts.Intent = migration.Remove })
	set(4, func(m *migration.MailboxRecord) { m.Facts.Intent = migration.Remove })
	view(t, s, func(tx *store.Tx) error {
		removing, err := tx.RemovingMailboxes(10)
		if len(removing) != 1 || removing[0].ID != all[3].ID {
			t.Errorf("removing %+v", removing)
		}
		return err
	})
}

// bringsForward has a batch's passes come more often.
func bringsForward(t *testing.T, open Open) {
	s, _ := open(t)
	b := between(t, s, 7)
	all := mailboxes(t, s, store.MailboxFilter{})
	now := time.Now().Truncate(time.Microsecond).UTC()
	soon, tomorrow := now.Add(3*time.Minute), now.Add(24*time.Hour)
	for i, how := range []func(*migration.MailboxRecord){
		func(m *migration.MailboxRecord) { m.Due = tomorrow },
		func(m *migration.MailboxRecord) { m.Due = tomorrow.Add(7 * time.Minute) },
		func(m *migration.MailboxRecord) { m.Due = soon },
		func(m *migration.MailboxRecord) { m.Faults, m.Due = 3, now.Add(time.Hour) },
		func(m *migration.MailboxRecord) {
			m.Due, m.Trouble = tomorrow, &migration.Trouble{Class: migration.Later, Code: migration.CodeThrottled, Until: tomorrow}
		},
		func(m *migration.MailboxRecord) { m.Facts.Failed, m.Due = true, time.Time{} },
		func(m *migration.MailboxRecord) { m.Facts.Running, m.Due = migration.IncrementalPass, now },
	} {
		edit(t, s, all[i].ID, func(m *migration.MailboxRecord) { m.Facts.Phase = migration.Incremental; how(m) })
	}
	before := mailboxes(t, s, store.MailboxFilter{})
	change(t, s, func(tx *store.Tx) error {
		n, err := tx.BringForward(b.ID, 15*time.Minute)
		if n != 6 {
			t.Errorf("%d mailboxes, want all 6 that have not failed", n)
		}
		return err
	})
	after := mailboxes(t, s, store.MailboxFilter{})
	latest := time.Now().Add(15 * time.Minute)
	for i := range 2 {
		if after[i].Due.Before(now) || after[i].Due.After(latest) {
			t.Errorf("mailbox %d is due at %v", i, after[i].Due)
		}
	}
	if apart := after[1].Due.Sub(after[0].Due); apart != 7*time.Minute && apart != -8*time.Minute {
		t.Errorf("two are %v apart", apart)
	}
	for i := 2; i < len(after); i++ {
		if !after[i].Due.Equal(before[i].Due) {
			t.Errorf("mailbox %d is due at %v, and was at %v", i, after[i].Due, before[i].Due)
		}
	}
	if after[6].Version == before[6].Version {
		t.Error("a pass under way would not notice")
	}
}
