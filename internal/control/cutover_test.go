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

func (f *fakeLooker) Look(_ context.Context, known cutover.Watch) (cutover.Look, error) {
	domain := known.Domain
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looks++
	records := []cutover.Record{{Name: domain, Type: "MX", Value: f.host, TTL: 3600}}
	return cutover.Look{At: f.at, Domain: domain, Zone: domain, Sights: []cutover.Sight{
		{Server: cutover.Server{Name: "ns1." + domain, Address: "192.0.2.1:53", Authoritative: true}, Serial: 1, Records: records},
		{Server: cutover.Server{Name: "198.51.100.1:53", Address: "198.51.100.1:53"}, Records: records},
	}}, nil
}

var moving = CutoverSpec{Target: cutover.Target{Kind: cutover.Other, MX: []string{"mx.new.example"}}}

// watching is a world whose operator may watch domains. Its news are in told: once, also
// when a change was begun anew because the store refused another that shared its commit.
func watching(t *testing.T) (w *world, looker *fakeLooker, told *[]string) {
	t.Helper()
	w, looker, told = newWorld(t), &fakeLooker{}, &[]string{}
	w.looker = looker
	last := map[string]int64{} // the version of each domain
	w.cutoverNews = func(tx Tx, news CutoverNews) ([]migration.Notice, error) {
		if news.Record.Version != last[news.Record.Domain] {
			*told = append(*told, news.Former+" -> "+news.Record.State)
		}
		last[news.Record.Domain] = news.Record.Version
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
	set, err := w.SetCutover(w.ctx(), w.operator, "Example.ORG.", moving, 0)
	if err != nil || set.State != cutover.ReadyToSwitch || !set.Watched || set.Domain != "example.org" || set.Mailboxes.Total != 3 {
		t.Fatalf("%+v, %v", set, err)
	}
	w.stepped("pilot", hour(1), all...)
	v := look(hour(2), "mx.new.example")
	if v.State != cutover.Switching || v.Mailboxes.Synced != 3 || v.Mailboxes.SyncedAfterSwitch != 0 || len(v.Mailboxes.Behind) != 3 || v.Complete.Yes {
		t.Errorf("switched: %s %+v %+v", v.State, v.Mailboxes, v.Complete)
	}
	w.stepped("pilot", hour(3), all[:2]...)
	for n := 4; n < 100; n += 2 { // nobody knows what happens where nobody looks for longer
		look(hour(n), "mx.new.example")
	}
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
	w.stepped("pilot", hour(200), all...)
	v = look(hour(100), "mx.new.example")
	if v.Complete.Yes || v.Delete.Yes {
		t.Errorf("by passes that a clock running ahead has dated: %+v %+v", v.Complete, v.Delete)
	}
	w.stepped("pilot", hour(90), all...)
	v = look(hour(100), "mx.new.example")
	if !v.Complete.Yes || !v.Delete.Yes || len(v.Mailboxes.Behind) != 0 {
		t.Errorf("all since the wait: %+v %+v", v.Complete, v.Delete)
	}
	if want := []string{"ready-to-switch -> switching", "switching -> settled"}; !slices.Equal(*told, want) {
		t.Errorf("told %q", *told)
	}
	for batch, want := range map[string]int{"": 1, "pilot": 1, "PILOT": 1} {
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

// A mailbox of whose mail something was left out, or whose batch never looks at the INBOX,
// is not in step, however recent its pass is.
func TestAMailboxThatLacksMailIsNotInStep(t *testing.T) {
	for name, c := range map[string]struct {
		facts    migration.MailboxFacts
		unread   migration.Unread
		spec     BatchSpec
		lacks    string
		complete bool
	}{
		"nothing":                    {complete: true},
		"messages":                   {facts: migration.MailboxFacts{Skipped: 500, Approved: 20}, lacks: "480 messages were left out and not approved"},
		"a message":                  {facts: migration.MailboxFacts{Skipped: 1}, lacks: "1 message was left out and not approved"},
		"messages that are approved": {facts: migration.MailboxFacts{Skipped: 500, Approved: 500}, complete: true},
		"an INBOX nobody could open": {unread: migration.InboxUnread, facts: migration.MailboxFacts{Skipped: 3, Approved: 3}, lacks: "its INBOX could not be copied in the last pass, whatever was approved"},
		"a folder nobody counted":    {unread: migration.FolderUncounted, facts: migration.MailboxFacts{Skipped: 1}, lacks: "an unknown number of messages was left out and not approved"},
		"one that is approved":       {unread: migration.FolderUncounted, facts: migration.MailboxFacts{Skipped: 1, Approved: 1}, complete: true},
		"what a pass failed over":    {facts: migration.MailboxFacts{Failed: true}, lacks: "its last pass failed"},
		"an INBOX not included":      {spec: BatchSpec{Include: []string{"Archive"}}, lacks: "the batch leaves out the INBOX"},
		"an INBOX excluded":          {spec: BatchSpec{Exclude: []string{"#Inbox#"}}, lacks: "the batch leaves out the INBOX"},
		"old mail":                   {spec: BatchSpec{ReceivedBefore: ptr(time.Now().Add(-99 * time.Hour))}, lacks: "the batch leaves out new mail"},
	} {
		w, looker, _ := watching(t)
		w.endpoints()
		c.spec.Name, c.spec.Source, c.spec.Target = "pilot", "old", "new"
		if _, err := w.CreateBatch(w.ctx(), w.operator, c.spec, strings.NewReader(rowsOf("u", 2))); err != nil {
			t.Fatal(err)
		}
		w.stepped("pilot", time.Now(), "u0@example.org", "u1@example.org")
		err := w.db.Change(w.ctx(), "testing", func(tx *store.Tx) error {
			b, err := tx.Batch("pilot")
			if err != nil {
				return err
			}
			m, err := tx.Mailbox(b.ID, "u0@example.org")
			if err != nil {
				return err
			}
			m.Facts.Skipped, m.Facts.Approved, m.Facts.Failed = c.facts.Skipped, c.facts.Approved, c.facts.Failed
			m.Unread = c.unread
			return tx.SaveMailbox(&m)
		})
		if err != nil {
			t.Fatal(err)
		}
		looker.set(time.Now(), "mx.new.example")
		spec := moving
		spec.SwitchedAt = ptr(time.Now().Add(-100 * time.Hour))
		v, err := w.CheckCutover(w.ctx(), w.operator, "example.org", spec)
		if err != nil || v.State != cutover.Settled || v.Complete.Yes != c.complete || v.Delete.Yes != c.complete {
			t.Errorf("%s: %s %+v %+v, %v", name, v.State, v.Complete, v.Delete, err)
			continue
		}
		if m := v.Mailboxes; c.lacks != "" && (m.Behind[0].Lacks != c.lacks || m.Lacking == 0 || len(m.Behind) != m.Lacking || !strings.Contains(v.Complete.Reasons[0], "of 2 mailboxes lack")) {
			t.Errorf("%s: %+v %q", name, m, v.Complete.Reasons)
		}
	}
}

// The guard of a batch sees a domain of its mailboxes, also where those of another count.
func TestADomainConcernsABatchThatDoesNotCount(t *testing.T) {
	w, looker, _ := watching(t)
	w.endpoints()
	w.batch("pilot", 2)
	if _, err := w.CreateBatch(w.ctx(), w.operator, BatchSpec{Name: "rest", Source: "old", Target: "new"}, strings.NewReader(rowsOf("v", 3))); err != nil {
		t.Fatal(err)
	}
	looker.set(time.Now(), "mx.old.example")
	spec := moving
	spec.Batches = []string{"pilot"}
	if _, err := w.SetCutover(w.ctx(), w.operator, "example.org", spec, 0); err != nil {
		t.Fatal(err)
	}
	all, err := w.Cutovers(w.ctx(), w.viewer, "rest")
	if err != nil || len(all) != 1 || all[0].Delete.Yes || all[0].Mailboxes.Total != 5 {
		t.Errorf("%+v, %v", all, err)
	}
}

// A batch does not complete by itself while it is not safe, and says why.
func TestABatchWaitsToCompleteUntilThatIsSafe(t *testing.T) {
	w, looker, _ := watching(t)
	w.endpoints()
	w.batch("pilot", 1)
	if _, err := w.StartBatch(w.ctx(), w.operator, "pilot"); err != nil {
		t.Fatal(err)
	}
	waits := func() []string {
		t.Helper()
		b, err := w.Batch(w.ctx(), w.viewer, "pilot")
		if err != nil {
			t.Fatal(err)
		}
		return b.CompletionWaits
	}
	completeAt := func(at time.Time) {
		t.Helper()
		err := w.db.Change(w.ctx(), "testing", func(tx *store.Tx) error {
			b, err := tx.Batch("pilot")
			if err != nil {
				return err
			}
			b.Options.CompleteAfter = at
			return tx.SaveBatch(&b)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	completeAt(time.Now().Add(-time.Minute))
	if got := waits(); got != nil {
		t.Errorf("without a domain that is watched: %q", got)
	}
	looker.set(time.Now(), "mx.new.example")
	spec := moving
	spec.SwitchedAt = ptr(time.Now().Add(-100 * time.Hour))
	if _, err := w.SetCutover(w.ctx(), w.operator, "example.org", spec, 0); err != nil {
		t.Fatal(err)
	}
	if got := waits(); len(got) != 1 || !strings.HasPrefix(got[0], "The mail of example.org is settled: 1 of 1 mailbox was not synchronised since the switch") {
		t.Errorf("not in step: %q", got)
	}
	completeAt(time.Now().Add(time.Hour))
	if got := waits(); got != nil {
		t.Errorf("before its time: %q", got)
	}
	completeAt(time.Now().Add(-time.Minute))
	w.stepped("pilot", time.Now(), "u0@example.org")
	if got := waits(); got != nil {
		t.Errorf("in step: %q", got)
	}
}

// A batch may be named in any case: whoever deletes it so is told, too.
func TestADomainNamesItsBatchesInAnyCase(t *testing.T) {
	w, looker, _ := watching(t)
	w.endpoints()
	w.batch("pilot", 2)
	looker.set(time.Now(), "mx.old.example")
	spec := moving
	spec.Batches = []string{"PILOT"}
	if v, err := w.SetCutover(w.ctx(), w.operator, "example.org", spec, 0); err != nil || v.Mailboxes.Total != 2 || !slices.Equal(v.Batches, []string{"pilot"}) {
		t.Errorf("%+v, %v", v, err)
	}
	if all, err := w.Cutovers(w.ctx(), w.viewer, "Pilot"); err != nil || len(all) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
}

// A watch goes on when a batch that it names is deleted, can be changed, and says so.
func TestABatchThatIsGoneIsTold(t *testing.T) {
	w, looker, _ := watching(t)
	w.endpoints()
	w.batch("pilot", 2)
	if _, err := w.CreateBatch(w.ctx(), w.operator, BatchSpec{Name: "rest", Source: "old", Target: "new"}, strings.NewReader(rowsOf("v", 1))); err != nil {
		t.Fatal(err)
	}
	looker.set(time.Now(), "mx.old.example")
	spec := moving
	spec.Batches = []string{"pilot", "rest"}
	if _, err := w.SetCutover(w.ctx(), w.operator, "example.org", spec, 0); err != nil {
		t.Fatal(err)
	}
	err := w.db.Change(w.ctx(), "testing", func(tx *store.Tx) error {
		b, err := tx.Batch("pilot")
		if err == nil {
			err = tx.DeleteBatch(b.ID)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	told := func(v Cutover, err error) {
		t.Helper()
		if err != nil || v.Mailboxes.Total != 1 || !slices.ContainsFunc(v.Findings, func(f cutover.Finding) bool {
			return f.Code == cutover.CodeBatchGone && strings.Contains(f.Sentence, "pilot")
		}) {
			t.Errorf("%+v, %v", v, err)
		}
	}
	told(w.CheckCutover(w.ctx(), w.operator, "example.org", spec))
	told(w.SetCutover(w.ctx(), w.operator, "example.org", spec, 0))
	told(w.Cutover(w.ctx(), w.viewer, "example.org"))
	spec.Batches = []string{"pilot"}
	if v, err := w.SetCutover(w.ctx(), w.operator, "example.org", spec, 0); err != nil || v.Mailboxes.Total != 0 || v.Delete.Yes {
		t.Errorf("%+v, %v", v, err)
	}
	_, err = w.SetCutover(w.ctx(), w.operator, "example.net", spec, 0)
	if p := ProblemOf(err); p == nil || p.Fields[0].Name != "batches" {
		t.Errorf("a batch that was never there: %v", err)
	}
}

func TestTheServerLooksByItselfAtWhatIsDue(t *testing.T) {
	w, looker, told := watching(t)
	looker.set(time.Now().Add(-time.Hour), "mx.old.example")
	if _, err := w.SetCutover(w.ctx(), w.operator, "example.org", moving, 0); err != nil {
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
		"no hosts":        {"example.org", CutoverSpec{Target: cutover.Target{Kind: cutover.Other}}, "target.mx"},
		"no tenant":       {"example.org", CutoverSpec{Target: cutover.Target{Kind: cutover.Office365, Tenant: "x"}}, "target.tenant"},
		"in time to come": {"example.org", CutoverSpec{SwitchedAt: ptr(time.Now().Add(time.Hour))}, "switchedAt"},
		"no address":      {"example.org", CutoverSpec{Notify: []string{"x"}}, "notify"},
	} {
		_, err := w.SetCutover(w.ctx(), w.operator, c.domain, c.spec, 0)
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
	_, err := w.SetCutover(w.ctx(), w.operator, "example.org", moving, 0)
	if p := ProblemOf(err); p == nil || p.Kind != Unavailable {
		t.Errorf("without a resolver: %v", err)
	}
}

func TestAnotherTargetForgetsWhatWasSeen(t *testing.T) {
	w, looker, _ := watching(t)
	looker.set(time.Now().Add(-time.Hour), "mx.new.example")
	first, err := w.SetCutover(w.ctx(), w.operator, "example.org", moving, 0)
	if err != nil || first.Clock.SwitchedAt.IsZero() {
		t.Fatalf("%+v, %v", first, err)
	}
	looker.set(time.Now(), "mx.new.example")
	same := moving
	same.Target.SPF = "spf.new.example"
	if v, err := w.SetCutover(w.ctx(), w.operator, "example.org", same, 0); err != nil || !v.Clock.SwitchedAt.Equal(first.Clock.SwitchedAt) || v.Target.SPF != "spf.new.example" {
		t.Errorf("with the same hosts: %+v, %v", v.Clock, err)
	}
	v, err := w.SetCutover(w.ctx(), w.operator, "example.org", CutoverSpec{}, 0)
	if err != nil || v.State != cutover.ReadyToSwitch || v.Target.Kind != cutover.Office365 || !v.Clock.SwitchedAt.IsZero() {
		t.Errorf("%s %+v, %v", v.State, v.Clock, err)
	}
}

// A time that was stated goes with the hosts that it was stated of, also where whoever
// changes the target repeats it; another time counts.
func TestAnotherTargetForgetsWhatIsStated(t *testing.T) {
	w, looker, _ := watching(t)
	looker.set(time.Now(), "mx.new.example")
	first, second := time.Now().Add(-99*time.Hour).UTC().Truncate(time.Second), time.Now().Add(-50*time.Hour).UTC().Truncate(time.Second)
	more := []string{"mx.new.example", "mx2.new.example"}
	for _, c := range []struct {
		hosts        []string
		stated, want time.Time
	}{{more[:1], first, first}, {more[:1], first, first}, {more, first, time.Time{}}, {more, second, second}, {more[:1], first, first}} {
		spec := CutoverSpec{Target: cutover.Target{Kind: cutover.Other, MX: c.hosts}, SwitchedAt: ptr(c.stated)}
		if v, err := w.SetCutover(w.ctx(), w.operator, "example.org", spec, 0); err != nil || !v.StatedAt.Equal(c.want) {
			t.Errorf("%v at %s: %s, %v", c.hosts, c.stated, v.StatedAt, err)
		}
	}
}

// A time that is said once more counts for what was seen until then; one that a change of
// something else repeats does not.
func TestATimeThatIsSaidOnceMoreCountsAfterAGap(t *testing.T) {
	w, looker, _ := watching(t)
	now := time.Now().UTC().Truncate(time.Second)
	spec := moving
	for _, c := range []struct {
		ago  time.Duration // of the look
		anew bool
		want cutover.State
	}{{100 * time.Hour, false, cutover.Switching}, {9 * time.Minute, false, cutover.Switching}, {6 * time.Minute, true, cutover.Settled}, {3 * time.Minute, false, cutover.Settled}} {
		looker.set(now.Add(-c.ago), "mx.new.example")
		spec.SwitchedAt, spec.SaidAnew = ptr(now.Add(-101*time.Hour)), c.anew
		v, err := w.SetCutover(w.ctx(), w.operator, "example.org", spec, 0)
		if err != nil || v.State != c.want {
			t.Errorf("%+v: %s %+v %+v, %v", c, v.State, v.Clock, v.Findings, err)
		}
	}
}

// skewedTx is of a database whose clock is not that of this node.
type skewedTx struct {
	Tx
	now time.Time
}

func (tx skewedTx) Now() time.Time { return tx.now }

// A node whose clock is wrong dates its looks as the others do.
func TestALookIsDatedByTheClockOfAll(t *testing.T) {
	at := time.Now().Add(-10 * time.Second)
	for _, skew := range []time.Duration{-3 * time.Hour, 0, 3 * time.Hour} {
		look := cutover.Look{At: at, Delegation: &cutover.Delegation{Heard: at}}
		got := dated(skewedTx{now: time.Now().Add(skew)}, look)
		if want := at.Add(skew); !got.At.Equal(want) || !got.Delegation.Heard.Equal(want) || !look.Delegation.Heard.Equal(at) {
			t.Errorf("by %s: %s, the delegation heard at %s, want %s", skew, got.At, got.Delegation.Heard, want)
		}
	}
	kept := cutover.Look{At: at, Delegation: &cutover.Delegation{Trouble: cutover.Silent, Heard: at.Add(-time.Hour)}}
	if got := dated(skewedTx{now: time.Now().Add(time.Hour)}, kept); !got.Delegation.Heard.Equal(at.Add(-time.Hour)) {
		t.Errorf("what was heard before is dated %s", got.Delegation.Heard)
	}
}
