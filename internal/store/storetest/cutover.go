package storetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
)

func keepsCutovers(t *testing.T, open Open) {
	s, reopen := open(t)
	at := time.Date(2026, 3, 1, 2, 3, 4, 5000, time.UTC)
	want := migration.CutoverRecord{Domain: "example.org", State: "ready-to-switch", Kept: []byte("{\x00\xff}"), Batches: []string{"pilot"}, Notify: []string{"a@example.org"}, Looked: at, Due: at, CreatedBy: "ada"}
	change(t, s, func(tx *store.Tx) error {
		return errors.Join(tx.CreateCutover(&want), tx.CreateCutover(&migration.CutoverRecord{Domain: "a.example", Kept: []byte{}, Due: tx.Now().Add(20 * time.Minute)}))
	})
	wantErr(t, s.Change(t.Context(), "testing", func(tx *store.Tx) error { c := want; return tx.CreateCutover(&c) }), store.ErrNameTaken)
	view(t, reopen(), func(tx *store.Tx) error {
		got, err := tx.Cutover("example.org")
		same(t, "the watch", got, want)
		all, also := tx.Cutovers()
		if len(all) != 2 || all[0].Domain != "a.example" {
			t.Errorf("all watches are %+v", all)
		}
		return errors.Join(err, also)
	})
	stale := want
	want.State, want.Kept, want.Notify = "settled", []byte("{}"), nil
	change(t, s, func(tx *store.Tx) error { return tx.SaveCutover(&want) })
	wantErr(t, s.Change(t.Context(), "testing", func(tx *store.Tx) error { return tx.SaveCutover(&stale) }), store.ErrChanged)
	change(t, s, func(tx *store.Tx) error {
		taken, err := tx.TakeCutover(15 * time.Minute)
		if taken.Domain != "example.org" || !taken.Due.Equal(tx.Now().Add(15*time.Minute)) || taken.State != "settled" {
			t.Errorf("taken is %+v", taken)
		}
		return err
	})
	wantErr(t, s.Change(t.Context(), "testing", func(tx *store.Tx) error { _, err := tx.TakeCutover(15 * time.Minute); return err }), store.ErrNotFound)
	change(t, s, func(tx *store.Tx) error {
		ahead, err := tx.Cutover("a.example")
		if err == nil {
			ahead.Due = tx.Now().Add(80 * time.Hour) // by a clock that ran ahead
			err = tx.SaveCutover(&ahead)
		}
		if err != nil {
			return err
		}
		taken, err := tx.TakeCutover(15 * time.Minute)
		if taken.Domain != "a.example" || !taken.Due.Equal(tx.Now().Add(15*time.Minute)) {
			t.Errorf("taken is %+v", taken)
		}
		return err
	})
	change(t, s, func(tx *store.Tx) error { return tx.DeleteCutover("example.org") })
	wantErr(t, s.Change(t.Context(), "testing", func(tx *store.Tx) error { return tx.DeleteCutover("example.org") }), store.ErrNotFound)
	wantErr(t, s.View(t.Context(), "testing", func(tx *store.Tx) error { _, err := tx.Cutover("example.org"); return err }), store.ErrNotFound)
}

func findsMailboxesOfADomain(t *testing.T, open Open) {
	s, _ := open(t)
	b := between(t, s, 3)
	at := time.Date(2026, 3, 1, 2, 3, 4, 5000, time.UTC)
	change(t, s, func(tx *store.Tx) error {
		return tx.AddMailboxes(b, []migration.MailboxRecord{{Address: "Anna@Other_Place.example", SourceUser: "anna", TargetUser: "anna.o", UserRoot: "Mail"}, {Address: "ben@otherxplace.example"}, {Address: "carl@sub.other_place.example"}, {Address: "dora@other_place.example"}})
	})
	var anna int64
	for _, m := range mailboxes(t, s, store.MailboxFilter{Batch: b.ID}) {
		switch m.Address {
		case "Anna@Other_Place.example":
			anna = m.ID
			m.SyncedFrom, m.LastSynced = at, at.Add(time.Minute)
			m.Facts.Failed, m.Facts.Skipped, m.Facts.Approved = true, 500, 20
			m.Unread, m.MadeUp = migration.FolderUncounted, at.Add(time.Hour)
		case "dora@other_place.example":
			m.Facts.Intent = migration.Remove
		default:
			continue
		}
		change(t, s, func(tx *store.Tx) error { return tx.SaveMailbox(&m) })
	}
	var found []migration.MailboxInStep
	view(t, s, func(tx *store.Tx) error {
		found = nil
		return tx.MailboxesOf("other_place.example", func(m migration.MailboxInStep) { found = append(found, m) })
	})
	want := []migration.MailboxInStep{{ID: anna, Batch: "pilot", Address: "Anna@Other_Place.example", Source: b.Source, Target: b.Target, SourceUser: "anna", TargetUser: "anna.o", UserRoot: "Mail", Phase: migration.Initial, Failed: true, Skipped: 500, Approved: 20, Unread: migration.FolderUncounted, MadeUp: at.Add(time.Hour), SyncedFrom: at, LastSynced: at.Add(time.Minute)}}
	same(t, "mailboxes", found, want)
	want[0].MadeUp = at.Add(2 * time.Hour)
	change(t, s, func(tx *store.Tx) error { return tx.MakeUp(anna, want[0].MadeUp) })
	for address, n := range map[string]int{"ANNA@other_place.example": 1, "other_place.example": 0, "dora@other_place.example": 0, "": 6} {
		view(t, s, func(tx *store.Tx) error {
			found = nil
			return tx.MailboxesInStep(address, func(m migration.MailboxInStep) { found = append(found, m) })
		})
		if total := len(found); total != n {
			t.Errorf("at %q: %d", address, total)
		}
		if i := slices.IndexFunc(found, func(m migration.MailboxInStep) bool { return m.ID == anna }); i >= 0 {
			same(t, "mailbox", found[i:i+1], want)
		} else if n > 0 {
			t.Errorf("at %q: %+v", address, found)
		}
	}
}

func redatesMailboxes(t *testing.T, open Open) {
	s, _ := open(t)
	b := between(t, s, 0)
	ahead := time.Now().Add(80 * time.Hour).UTC().Truncate(time.Microsecond)
	change(t, s, func(tx *store.Tx) error {
		return tx.AddMailboxes(b, []migration.MailboxRecord{{Address: "anna@other.example"}, {Address: "ben@other.example"}, {Address: "carl@other.example"}, {Address: "dora@another.example"}, {Address: "emil@other.example"}, {Address: "fred@other.example"}})
	})
	for _, m := range mailboxes(t, s, store.MailboxFilter{Batch: b.ID}) {
		m.SyncedFrom, m.Due, m.Facts.Phase = ahead, ahead, migration.Incremental
		switch m.Address {
		case "ben@other.example":
			m.Facts.Phase, m.Due = migration.Closed, time.Time{}
		case "carl@other.example":
			m.SyncedFrom = ahead.Add(-79 * time.Hour)
		case "emil@other.example":
			m.Facts.Phase, m.Due, m.SyncedFrom = migration.Closed, time.Time{}, ahead.Add(-10*time.Minute)
		case "fred@other.example":
			m.Facts.Phase, m.Due, m.SyncedFrom, m.MadeUp = migration.Closed, time.Time{}, ahead.Add(-200*time.Hour), ahead.Add(-10*time.Minute)
		}
		change(t, s, func(tx *store.Tx) error { return tx.SaveMailbox(&m) })
	}
	var at time.Time
	change(t, s, func(tx *store.Tx) error {
		at = tx.Now()
		if n, err := tx.RedateMailboxes("Other.example", ahead.Add(-time.Hour), 15*time.Minute); err != nil || n != 4 {
			t.Errorf("%d mailboxes, %v", n, err)
		}
		return nil
	})
	// A completed mailbox has no other pass: it is put back by what the clock was ahead.
	for _, m := range mailboxes(t, s, store.MailboxFilter{Batch: b.ID}) {
		want := map[string]struct{ synced, madeUp, due time.Time }{
			"anna@other.example":   {due: at},
			"ben@other.example":    {synced: at.Add(-15 * time.Minute)},
			"carl@other.example":   {synced: ahead.Add(-79 * time.Hour), due: ahead},
			"dora@another.example": {synced: ahead, due: ahead},
			"emil@other.example":   {synced: at.Add(-25 * time.Minute)},
			"fred@other.example":   {synced: ahead.Add(-200 * time.Hour), madeUp: at.Add(-25 * time.Minute)},
		}[m.Address]
		if !m.SyncedFrom.Equal(want.synced) || !m.MadeUp.Equal(want.madeUp) || m.Due.After(want.due) || m.Due.IsZero() != want.due.IsZero() {
			t.Errorf("%s: in step since %s, made up until %s, due at %s", m.Address, m.SyncedFrom, m.MadeUp, m.Due)
		}
	}
}
