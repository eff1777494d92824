package control

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/cutover"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
)

// fakeLooker sees a domain with one server of its zone and one resolver, at a time and
// with MX records that the test sets.
type fakeLooker struct {
	mu    sync.Mutex
	at    time.Time
	host  string
	looks int
}

func (f *fakeLooker) set(at time.Time, host string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at, f.host = at, host
}

func (f *fakeLooker) Look(_ context.Context, domain string) (cutover.Look, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looks++
	records := []cutover.Record{{Name: domain, Type: "MX", Value: f.host, TTL: 3600}}
	return cutover.Look{At: f.at, Domain: domain, Zone: domain, Sights: []cutover.Sight{
		{Server: cutover.Server{Name: "ns1." + domain, Address: "192.0.2.1:53", Authoritative: true}, Records: records},
		{Server: cutover.Server{Name: "198.51.100.1:53", Address: "198.51.100.1:53"}, Records: records},
	}}, nil
}

var moving = CutoverSpec{Target: cutover.Target{Kind: cutover.Other, MX: []string{"mx.new.example"}}}

// watching is a world whose operator may watch domains. Its news are in told.
func watching(t *testing.T) (w *world, looker *fakeLooker, told *[]string) {
	t.Helper()
	w, looker, told = newWorld(t), &fakeLooker{}, &[]string{}
	w.looker = looker
	w.cutoverNews = func(tx Tx, news CutoverNews) ([]migration.Notice, error) {
		*told = append(*told, news.Former+" -> "+news.Record.State)
		return nil, nil
	}
	return w, looker, told
}

// stepped has mailboxes of a batch have had a pass that began then.
func (w *world) stepped(batch string, began time.Time, addresses ...string) {
	w.t.Helper()
	err := w.db.Change(w.ctx(), "testing", func(tx *store.Tx) error {
		b, err := tx.Batch(batch)
		if err != nil {
			return err
		}
		for _, address := range addresses {
			m, err := tx.Mailbox(b.ID, address)
			if err != nil {
				return err
			}
			m.Facts.Phase, m.Facts.Passes, m.SyncedFrom, m.LastSynced = migration.Incremental, 2, began, began.Add(time.Minute)
			if err := tx.SaveMailbox(&m); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// A move from its beginning to its end, with what an operator is told at each time.
func TestAMoveIsSafeOnceEveryMailboxIsInStep(t *testing.T) {
	w, looker, told := watching(t)
	w.endpoints()
	w.batch("pilot", 3)
	now := time.Now().UTC().Truncate(time.Second)
	hour := func(n int) time.Time { return now.Add(time.Duration(n-100) * time.Hour) } // a hundred hours have passed
	all := []string{"u0@example.org", "u1@example.org", "u2@example.org"}
	look := func(at time.Time, host string) Cutover {
		t.Helper()
		looker.set(at, host)
		view, err := w.CheckCutover(w.ctx(), w.operator, "example.org", CutoverSpec{})
		if err != nil {
			t.Fatal(err)
		}
		return view
	}
	looker.set(hour(0), "mx.old.example")
	set, err := w.SetCutover(w.ctx(), w.operator, "Example.ORG.", moving)
	if err != nil || set.State != cutover.ReadyToSwitch || !set.Watched || set.Domain != "example.org" || set.Mailboxes.Total != 3 {
		t.Fatalf("%+v, %v", set, err)
	}
	w.stepped("pilot", hour(1), all...)
	v := look(hour(2), "mx.new.example")
	if v.State != cutover.Switching || v.Mailboxes.Synced != 3 || v.Mailboxes.SyncedAfterSwitch != 0 || len(v.Mailboxes.Behind) != 3 || v.Complete.Yes {
		t.Errorf("switched: %s %+v %+v", v.State, v.Mailboxes, v.Complete)
	}
	w.stepped("pilot", hour(3), all[:2]...)
	v = look(hour(100), "mx.new.example")
	if v.State != cutover.Settled || v.Complete.Yes || v.Mailboxes.SyncedAfterSwitch != 2 || len(v.Mailboxes.Behind) != 1 || v.Mailboxes.Behind[0].EmailAddress != "u2@example.org" ||
		!strings.Contains(v.Complete.Reasons[0], "1 of 3 mailboxes was not synchronised since the switch") {
		t.Errorf("one is behind: %s %+v %+v", v.State, v.Mailboxes, v.Complete)
	}
	w.stepped("pilot", hour(4), all[2])
	v = look(hour(100), "mx.new.example")
	if !v.Complete.Yes || v.Delete.Yes || len(v.Mailboxes.Behind) != 3 {
		t.Errorf("all since the switch: %+v %+v %+v", v.Complete, v.Delete, v.Mailboxes)
	}
	w.stepped("pilot", hour(90), all...)
	v = look(hour(100), "mx.new.example")
	if !v.Complete.Yes || !v.Delete.Yes || len(v.Mailboxes.Behind) != 0 {
		t.Errorf("all since the wait: %+v %+v", v.Complete, v.Delete)
	}
	if want := []string{"ready-to-switch -> switching", "switching -> settled"}; !slices.Equal(*told, want) {
		t.Errorf("told %q", *told)
	}
	for batch, want := range map[string]int{"": 1, "pilot": 1} {
		if got, err := w.Cutovers(w.ctx(), w.viewer, batch); err != nil || len(got) != want {
			t.Errorf("of batch %q: %d, %v", batch, len(got), err)
		}
	}
}

// Only the mailboxes of the batches that are named count, and of a batch that leaves new
// mail out none.
func TestTheMailboxesOfTheNamedBatchesCount(t *testing.T) {
	w, looker, _ := watching(t)
	w.endpoints()
	w.batch("pilot", 2)
	if _, err := w.CreateBatch(w.ctx(), w.operator, BatchSpec{Name: "rest", Source: "old", Target: "new", ReceivedBefore: ptr(time.Now().Add(-90 * time.Hour))}, strings.NewReader(rowsOf("v", 3))); err != nil {
		t.Fatal(err)
	}
	looker.set(time.Now().Add(-99*time.Hour), "mx.new.example")
	spec := moving
	spec.SwitchedAt = ptr(time.Now().Add(-99 * time.Hour))
	for _, c := range []struct {
		batches []string
		total   int
		synced  int
	}{{nil, 5, 2}, {[]string{"pilot"}, 2, 2}, {[]string{"rest"}, 3, 0}} {
		w.stepped("pilot", time.Now(), "u0@example.org", "u1@example.org")
		w.stepped("rest", time.Now(), "v0@example.org", "v1@example.org", "v2@example.org")
		spec.Batches = c.batches
		v, err := w.CheckCutover(w.ctx(), w.operator, "example.org", spec)
		if err != nil || v.Mailboxes.Total != c.total || v.Mailboxes.SyncedAfterSwitch != c.synced || v.Watched {
			t.Errorf("%q: %+v, %v", c.batches, v.Mailboxes, err)
		}
	}
	if all, err := w.Cutovers(w.ctx(), w.viewer, ""); err != nil || len(all) != 0 {
		t.Errorf("a check is kept: %+v, %v", all, err)
	}
}

func TestTheServerLooksByItselfAtWhatIsDue(t *testing.T) {
	w, looker, told := watching(t)
	looker.set(time.Now().Add(-time.Hour), "mx.old.example")
	if _, err := w.SetCutover(w.ctx(), w.operator, "example.org", moving); err != nil {
		t.Fatal(err)
	}
	if more, err := w.LookDue(w.ctx()); more || err != nil {
		t.Errorf("looked at what is not due: %v, %v", more, err)
	}
	if _, err := w.db.DB().ExecContext(w.ctx(), "UPDATE cutover SET due = 1"); err != nil {
		t.Fatal(err)
	}
	looker.set(time.Now(), "mx.new.example")
	var all sync.WaitGroup
	for range 4 { // nodes that ask at once
		all.Go(func() {
			if _, err := w.LookDue(w.ctx()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if looker.looks != 2 || !slices.Equal(*told, []string{"ready-to-switch -> switching"}) {
		t.Errorf("%d looks, told %q", looker.looks, *told)
	}
	v, err := w.Cutover(w.ctx(), w.viewer, "example.org")
	if err != nil || v.State != cutover.Switching || time.Until(v.NextLook) < 14*time.Minute {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestWhatMakesNoCutoverIsRefused(t *testing.T) {
	w, looker, _ := watching(t)
	looker.set(time.Now(), "mx.old.example")
	for name, c := range map[string]struct {
		domain string
		spec   CutoverSpec
		field  string
	}{
		"no domain":       {"not a domain", moving, "domain"},
		"no batch":        {"example.org", CutoverSpec{Batches: []string{"none"}}, "batches"},
		"no hosts":        {"example.org", CutoverSpec{Target: cutover.Target{Kind: cutover.Other}}, "target"},
		"in time to come": {"example.org", CutoverSpec{SwitchedAt: ptr(time.Now().Add(time.Hour))}, "switchedAt"},
		"no address":      {"example.org", CutoverSpec{Notify: []string{"x"}}, "notify"},
	} {
		_, err := w.SetCutover(w.ctx(), w.operator, c.domain, c.spec)
		if p := ProblemOf(err); p == nil || p.Kind != Invalid || p.Fields[0].Name != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
	if looker.looks != 0 {
		t.Errorf("%d looks for what is refused", looker.looks)
	}
	if p := ProblemOf(w.DeleteCutover(w.ctx(), w.operator, "example.org")); p == nil || p.Kind != NotFound {
		t.Errorf("ending what was never begun: %v", p)
	}
	w.looker = nil
	_, err := w.SetCutover(w.ctx(), w.operator, "example.org", moving)
	if p := ProblemOf(err); p == nil || p.Kind != Unavailable {
		t.Errorf("without a resolver: %v", err)
	}
}

func TestAnotherTargetForgetsWhatWasSeen(t *testing.T) {
	w, looker, _ := watching(t)
	looker.set(time.Now().Add(-99*time.Hour), "mx.new.example")
	if v, err := w.SetCutover(w.ctx(), w.operator, "example.org", moving); err != nil || v.Clock.SwitchedAt.IsZero() {
		t.Fatalf("%+v, %v", v, err)
	}
	looker.set(time.Now(), "mx.new.example")
	v, err := w.SetCutover(w.ctx(), w.operator, "example.org", CutoverSpec{})
	if err != nil || v.State != cutover.ReadyToSwitch || v.Target.Kind != cutover.Office365 || !v.Clock.SwitchedAt.IsZero() {
		t.Errorf("%s %+v, %v", v.State, v.Clock, err)
	}
}
