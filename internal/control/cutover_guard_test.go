package control

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/cutover"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
)

// switchedSince is a spec of a domain whose records were moved 100 hours ago: the wait is
// over, and nothing is safe before its mailboxes are in step.
func switchedSince(batches ...string) CutoverSpec {
	spec := moving
	spec.SwitchedAt, spec.Batches = ptr(time.Now().Add(-100*time.Hour)), batches
	return spec
}

// settledOn is a world whose domain has settled, and is watched for those batches. The
// batch pilot has u0 and u1 of it, rest v0 and v1.
func settledOn(t *testing.T, batches ...string) (w *world, looker *fakeLooker) {
	t.Helper()
	w, looker, _ = watching(t)
	w.endpoints()
	w.batch("pilot", 2)
	w.people("rest", "v")
	looker.set(time.Now(), "mx.new.example")
	if v, err := w.SetCutover(w.ctx(), w.operator, "example.org", switchedSince(batches...), 0); err != nil || v.State != cutover.Settled {
		t.Fatalf("%s, %v", v.State, err)
	}
	return w, looker
}

// people makes a batch of two people whose names begin so.
func (w *world) people(batch, names string) {
	w.t.Helper()
	if _, err := w.CreateBatch(w.ctx(), w.operator, BatchSpec{Name: batch, Source: "old", Target: "new"}, strings.NewReader(rowsOf(names, 2))); err != nil {
		w.t.Fatal(err)
	}
}

// closes completes the mailboxes of a batch by a pass that began then.
func (w *world) closes(batch string, began time.Time, addresses ...string) {
	w.t.Helper()
	w.stepped(batch, began, addresses...)
	for _, address := range addresses {
		w.edit(batch, address, func(m *migration.MailboxRecord) { m.Facts.Phase = migration.Closed })
	}
}

// completesAt has a batch that runs complete by itself.
func (w *world) completesAt(batch string, at time.Time) {
	w.t.Helper()
	if _, err := w.StartBatch(w.ctx(), w.operator, batch); err != nil {
		w.t.Fatal(err)
	}
	err := w.db.Change(w.ctx(), "testing", func(tx *store.Tx) error {
		b, err := tx.Batch(batch)
		if err == nil {
			b.Options.CompleteAfter = at
			err = tx.SaveBatch(&b)
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// watchedFor is what whoever completes or deletes a batch is told of its domain.
func (w *world) watchedFor(batch string) Cutover {
	w.t.Helper()
	all, err := w.Cutovers(w.ctx(), w.viewer, batch)
	if err != nil || len(all) != 1 {
		w.t.Fatalf("%+v, %v", all, err)
	}
	return all[0]
}

var (
	pilots = []string{"u0@example.org", "u1@example.org"}
	others = []string{"v0@example.org", "v1@example.org"}
)

// What is safe for the batches that are named is not for another that is behind.
func TestTheMailboxesOfTheBatchThatIsAskedForCount(t *testing.T) {
	w, _ := settledOn(t, "pilot")
	w.stepped("pilot", time.Now(), pilots...)
	if v := w.watchedFor("pilot"); !v.Delete.Yes || v.Mailboxes.Total != 2 {
		t.Errorf("of the batch that is named: %+v %+v", v.Delete, v.Mailboxes)
	}
	if v := w.watchedFor("rest"); v.Delete.Yes || v.Complete.Yes || v.Mailboxes.Total != 4 || v.Mailboxes.SyncedAfterWait != 2 {
		t.Errorf("of the one that is behind: %+v %+v", v.Delete, v.Mailboxes)
	}
	w.completesAt("rest", time.Now().Add(-time.Minute))
	if b, err := w.Batch(w.ctx(), w.viewer, "rest"); err != nil || len(b.CompletionWaits) != 1 {
		t.Errorf("it waits for %q, %v", b.CompletionWaits, err)
	}
	w.stepped("rest", time.Now(), others...)
	if v := w.watchedFor("rest"); !v.Delete.Yes {
		t.Errorf("once it is in step: %+v", v.Delete)
	}
}

// Who ends a watch lets no batch complete without being asked.
func TestTheEndOfAWatchReleasesNoBatch(t *testing.T) {
	w, _ := settledOn(t)
	early, late := time.Now().Add(-time.Minute), time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	w.completesAt("pilot", early)
	w.completesAt("rest", late)
	if v, err := w.Cutover(w.ctx(), w.viewer, "example.org"); err != nil || !slices.Equal(v.HeldBatches, []string{"pilot"}) {
		t.Errorf("held are %q, %v", v.HeldBatches, err)
	}
	if _, err := w.StopBatch(w.ctx(), w.operator, "pilot"); err != nil {
		t.Fatal(err)
	}
	if err := w.DeleteCutover(w.ctx(), w.operator, "example.org"); err != nil {
		t.Fatal(err)
	}
	for batch, want := range map[string]time.Time{"pilot": {}, "rest": late} {
		if b, err := w.Batch(w.ctx(), w.viewer, batch); err != nil || !b.CompleteAfter.Equal(want) {
			t.Errorf("%s completes at %s, %v", batch, b.CompleteAfter, err)
		}
	}
	if log := w.log(); !slices.Equal(log[len(log)-2:], []string{"olga batch.set batch/pilot", "olga cutover.delete cutover/example.org"}) {
		t.Errorf("%q", log[len(log)-2:])
	}
}

// A batch that may complete keeps its time when the watch ends.
func TestTheEndOfAWatchLeavesWhatIsSafeAlone(t *testing.T) {
	w, _ := settledOn(t)
	w.stepped("pilot", time.Now(), pilots...)
	w.stepped("rest", time.Now(), others...)
	w.completesAt("pilot", time.Now().Add(-time.Minute))
	if v, err := w.Cutover(w.ctx(), w.viewer, "example.org"); err != nil || len(v.HeldBatches) > 0 {
		t.Errorf("held are %q, %v", v.HeldBatches, err)
	}
	if err := w.DeleteCutover(w.ctx(), w.operator, "example.org"); err != nil {
		t.Fatal(err)
	}
	if b, err := w.Batch(w.ctx(), w.viewer, "pilot"); err != nil || b.CompleteAfter.IsZero() {
		t.Errorf("%+v, %v", b, err)
	}
}

// A pilot that was completed before the switch gets no more passes: a new batch of its
// mailboxes makes up for it, whatever the watch counts.
func TestANewBatchMakesUpForOneThatIsCompleted(t *testing.T) {
	for name, counted := range map[string][]string{"all": nil, "the old ones": {"pilot", "rest"}} {
		w, _ := settledOn(t, counted...)
		w.stepped("rest", time.Now(), others...)
		w.closes("pilot", time.Now().Add(-200*time.Hour), pilots...)
		v := w.watchedFor("")
		if m := v.Mailboxes; v.Complete.Yes || v.Delete.Yes || m.SyncedAfterSwitch != 2 || len(m.Behind) != 2 || !strings.Contains(m.Behind[0].Lacks, "make a new batch") || m.Lacking != 0 {
			t.Errorf("%s, completed before the switch: %+v %+v", name, v.Complete, m)
		}
		w.batch("again", 2)
		w.stepped("again", time.Now().Add(-50*time.Hour), pilots...)
		if v = w.watchedFor(""); !v.Complete.Yes || v.Delete.Yes {
			t.Errorf("%s, made up for since the switch: %+v %+v", name, v.Complete, v.Delete)
		}
		w.stepped("again", time.Now(), pilots...)
		w.edit("again", pilots[0], func(m *migration.MailboxRecord) { m.Facts.Skipped = 1 })
		if v = w.watchedFor(""); v.Complete.Yes || v.Delete.Yes {
			t.Errorf("%s, by one that lacks mail: %+v %+v", name, v.Complete, v.Delete)
		}
		w.edit("again", pilots[0], func(m *migration.MailboxRecord) { m.Facts.Skipped = 0 })
		if v = w.watchedFor(""); !v.Complete.Yes || !v.Delete.Yes || len(v.Mailboxes.Behind) != 0 {
			t.Errorf("%s, made up for: %+v %+v", name, v.Complete, v.Delete)
		}
		w.edit("again", pilots[0], func(m *migration.MailboxRecord) { m.SourceUser = "another" })
		if v = w.watchedFor(""); v.Complete.Yes {
			t.Errorf("%s, by one of another source: %+v", name, v.Complete)
		}
	}
}

// heir makes a batch of the pilots otherwise, and has it in step.
func (w *world) heir(spec BatchSpec) {
	w.t.Helper()
	spec.Name, spec.Source, spec.Target = "again", "old", "new"
	if _, err := w.CreateBatch(w.ctx(), w.operator, spec, strings.NewReader(rowsOf("u", 2))); err != nil {
		w.t.Fatal(err)
	}
	w.stepped("again", time.Now(), pilots...)
}

// ago is a time before now, for an option.
func ago(hours int) *time.Time { return ptr(time.Now().Add(-time.Duration(hours) * time.Hour)) }

// A new batch makes up only for what it brings along: from where the completed one ended, of
// the folders that it had.
func TestANewBatchMakesUpForWhatItBringsAlongOnly(t *testing.T) {
	border := ago(300)
	for name, c := range map[string]struct {
		pilot, heir BatchSpec
		lacking     bool // the pilot left messages out
		want        bool
	}{
		"all mail":                          {want: true},
		"mail from before the pilot's end":  {heir: BatchSpec{ReceivedFrom: ago(201)}, want: true},
		"mail from after the pilot's end":   {heir: BatchSpec{ReceivedFrom: ago(150)}},
		"not what the pilot left out":       {heir: BatchSpec{ReceivedFrom: ago(201)}, lacking: true},
		"what the pilot left out, too":      {lacking: true, want: true},
		"mail from after the switch":        {pilot: BatchSpec{ReceivedFrom: ago(50)}, heir: BatchSpec{ReceivedFrom: ago(50)}},
		"the INBOX alone":                   {heir: BatchSpec{Include: []string{"INBOX"}}},
		"not a folder that the pilot had":   {heir: BatchSpec{Exclude: []string{"Archive"}}},
		"the folders of the pilot":          {pilot: BatchSpec{Exclude: []string{"Archive"}}, heir: BatchSpec{Exclude: []string{"Archive"}}, want: true},
		"all included folders of the pilot": {pilot: BatchSpec{Include: []string{"INBOX"}}, heir: BatchSpec{Include: []string{"INBOX", "Sent"}}, want: true},
		"what the pilot was not to bring":   {pilot: BatchSpec{ReceivedBefore: border}, heir: BatchSpec{ReceivedFrom: border}, want: true},
		"not all that it was not to bring":  {pilot: BatchSpec{ReceivedBefore: border}, heir: BatchSpec{ReceivedFrom: ago(250)}},
	} {
		w, looker, _ := watching(t)
		w.endpoints()
		c.pilot.Name, c.pilot.Source, c.pilot.Target = "pilot", "old", "new"
		if _, err := w.CreateBatch(w.ctx(), w.operator, c.pilot, strings.NewReader(rowsOf("u", 2))); err != nil {
			t.Fatal(err)
		}
		looker.set(time.Now(), "mx.new.example")
		if _, err := w.SetCutover(w.ctx(), w.operator, "example.org", switchedSince(), 0); err != nil {
			t.Fatal(err)
		}
		w.closes("pilot", *ago(200), pilots...)
		if c.lacking {
			w.edit("pilot", pilots[0], func(m *migration.MailboxRecord) { m.Facts.Skipped = 1 })
		}
		w.heir(c.heir)
		if v := w.watchedFor(""); v.Delete.Yes != c.want {
			t.Errorf("%s: %+v %+v", name, v.Delete, v.Mailboxes)
		}
		if _, err := w.DeleteBatch(w.ctx(), w.operator, "again", false); err != nil {
			t.Fatal(err)
		}
		if v := w.watchedFor(""); v.Delete.Yes != c.want {
			t.Errorf("%s, and deleted: %+v %+v", name, v.Delete, v.Mailboxes)
		}
	}
}

// Batches that go on where others have ended make up for the first of them together.
func TestBatchesMakeUpForOneAfterTheOther(t *testing.T) {
	w, _ := settledOn(t, "pilot")
	w.closes("pilot", *ago(200), pilots...)
	w.heir(BatchSpec{ReceivedFrom: ago(210)})
	w.closes("again", *ago(150), pilots...)
	if _, err := w.CreateBatch(w.ctx(), w.operator, BatchSpec{Name: "anew", Source: "old", Target: "new", ReceivedFrom: ago(160)}, strings.NewReader(rowsOf("u", 2))); err != nil {
		t.Fatal(err)
	}
	w.stepped("anew", time.Now(), pilots...)
	for _, batch := range []string{"anew", "again"} {
		if v := w.watchedFor(""); !v.Delete.Yes {
			t.Errorf("before %s is deleted: %+v %+v", batch, v.Delete, v.Mailboxes)
		}
		if _, err := w.DeleteMailbox(w.ctx(), w.operator, batch, pilots[0]); err != nil {
			t.Fatal(err)
		}
		if _, err := w.ActOnMailboxes(w.ctx(), w.operator, batch, MailboxActions{Verb: "delete", Addresses: pilots[1:]}); err != nil {
			t.Fatal(err)
		}
	}
	if v := w.watchedFor(""); !v.Delete.Yes {
		t.Errorf("%+v %+v", v.Delete, v.Mailboxes)
	}
}

// What arrived since the switch is new mail, and so is what arrived since the batch was made.
func TestABatchThatBeginsLateLeavesOutNewMail(t *testing.T) {
	for name, c := range map[string]struct {
		from, created time.Time
		lacks         string
	}{
		"before the switch": {from: *ago(101), created: *ago(90)},
		"after the switch":  {from: *ago(1), created: time.Now(), lacks: "the batch leaves out mail that arrived after the switch"},
		"when it was made":  {from: *ago(110), created: *ago(120), lacks: "the batch leaves out mail that arrived after it was made"},
	} {
		w, _ := settledOn(t, "pilot")
		w.stepped("pilot", time.Now(), pilots...)
		err := w.db.Change(w.ctx(), "testing", func(tx *store.Tx) error {
			b, err := tx.Batch("pilot")
			if err == nil {
				b.Options.ReceivedFrom = c.from
				err = tx.SaveBatch(&b)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.db.DB().ExecContext(w.ctx(), "UPDATE batch SET created = $1 WHERE name = 'pilot'", c.created.UnixMicro()); err != nil {
			t.Fatal(err)
		}
		v := w.watchedFor("")
		if v.Delete.Yes != (c.lacks == "") || c.lacks != "" && v.Mailboxes.Behind[0].Lacks != c.lacks {
			t.Errorf("%s: %+v %+v", name, v.Delete, v.Mailboxes)
		}
	}
}

// The records of a mailbox that is behind are not forgotten: the domain would look safe.
func TestACompletedBatchThatIsBehindStays(t *testing.T) {
	w, _ := settledOn(t, "rest")
	waits := func(want bool, why string) {
		t.Helper()
		err := w.db.View(w.ctx(), "testing", func(tx *store.Tx) error {
			b, err := tx.Batch("pilot")
			if err != nil {
				return err
			}
			if got, err := RemovalWaits(tx, b); err != nil || got != want {
				t.Errorf("%s: %v, %v", why, got, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	w.closes("pilot", time.Now().Add(-200*time.Hour), pilots...)
	waits(true, "behind")
	w.batch("again", 2)
	w.stepped("again", time.Now(), pilots...)
	waits(false, "made up for")
	w.stepped("again", time.Now().Add(-200*time.Hour), pilots...)
	waits(true, "behind again")
	w.closes("pilot", time.Now(), pilots...)
	waits(false, "in step")
	w.closes("pilot", time.Now().Add(-200*time.Hour), pilots...)
	if err := w.DeleteCutover(w.ctx(), w.operator, "example.org"); err != nil {
		t.Fatal(err)
	}
	waits(false, "not watched")
}

// A pass that a clock running ahead has dated does not count once that time has come.
func TestAPassThatIsDatedAheadIsMadeAnew(t *testing.T) {
	w, looker := settledOn(t, "pilot")
	next, soon := time.Now().Add(104*time.Hour), time.Now().Add(30*time.Second).UTC().Truncate(time.Second)
	w.stepped("pilot", time.Now().Add(80*time.Hour), pilots[0])
	w.edit("pilot", pilots[0], func(m *migration.MailboxRecord) { m.Due = next })
	w.stepped("pilot", soon, pilots[1])
	w.stepped("rest", time.Now().Add(80*time.Hour), others[0])
	w.edit("rest", others[0], func(m *migration.MailboxRecord) { m.Facts.Failed = true })
	if _, err := w.db.DB().ExecContext(w.ctx(), "UPDATE cutover SET due = 1"); err != nil {
		t.Fatal(err)
	}
	looker.set(time.Now(), "mx.new.example")
	if _, err := w.LookDue(w.ctx()); err != nil {
		t.Fatal(err)
	}
	if _, _, m := w.record("pilot", pilots[0]); !m.SyncedFrom.IsZero() || m.Due.After(time.Now()) || m.Due.IsZero() {
		t.Errorf("in step since %s, due at %s", m.SyncedFrom, m.Due)
	}
	if _, _, m := w.record("pilot", pilots[1]); !m.SyncedFrom.Equal(soon) {
		t.Errorf("clocks that differ little: in step since %s", m.SyncedFrom)
	}
	if _, _, m := w.record("rest", others[0]); !m.SyncedFrom.IsZero() || !m.Due.IsZero() {
		t.Errorf("one that has failed: in step since %s, due at %s", m.SyncedFrom, m.Due)
	}
	if log := w.log(); log[len(log)-1] != "mailhaul cutover.redate cutover/example.org" {
		t.Errorf("%q", log[len(log)-1])
	}
}

// A completed batch makes no more passes: what it has proved is put back by what the clock
// was ahead, and not lost.
func TestACompletedMailboxThatIsDatedAheadIsPutBack(t *testing.T) {
	w, looker := settledOn(t, "pilot")
	w.closes("pilot", time.Now().Add(2*time.Minute), pilots...)
	looker.set(time.Now(), "mx.new.example")
	v, err := w.CheckCutover(w.ctx(), w.operator, "example.org", CutoverSpec{})
	if err != nil || !v.Complete.Yes || !v.Delete.Yes {
		t.Errorf("%+v %+v %+v, %v", v.Complete, v.Delete, v.Mailboxes, err)
	}
	if _, _, m := w.record("pilot", pilots[0]); time.Since(m.SyncedFrom) < CutoverEvery || time.Since(m.SyncedFrom) > 2*CutoverEvery {
		t.Errorf("in step since %s", m.SyncedFrom)
	}
}

// Who edits what was set before another one has is told; a look that came between is none of it.
func TestAnEditOfAWatchThatSomebodyChangedIsRefused(t *testing.T) {
	w, _ := settledOn(t)
	begun, err := w.Cutover(w.ctx(), w.viewer, "example.org")
	if err != nil || begun.Version == 0 {
		t.Fatalf("version %d, %v", begun.Version, err)
	}
	if _, err := w.CheckCutover(w.ctx(), w.operator, "example.org", CutoverSpec{}); err != nil {
		t.Fatal(err)
	}
	first, err := w.SetCutover(w.ctx(), w.operator, "example.org", switchedSince("pilot"), begun.Version)
	if err != nil || first.Version == begun.Version {
		t.Fatalf("version %d, %v", first.Version, err)
	}
	_, err = w.SetCutover(w.ctx(), w.operator, "example.org", switchedSince("rest"), begun.Version)
	wants(t, err, Changed, "changed", "Somebody has changed the watch of the domain")
	now, err := w.Cutover(w.ctx(), w.viewer, "example.org")
	if err != nil || now.Version != first.Version || !slices.Equal(now.Batches, []string{"pilot"}) {
		t.Errorf("%q of version %d, %v", now.Batches, now.Version, err)
	}
	_, err = w.SetCutover(w.ctx(), w.operator, "example.net", switchedSince(), begun.Version)
	wants(t, err, Changed, "changed", "")
}
