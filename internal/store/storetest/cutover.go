package storetest

import (
	"errors"
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
		return errors.Join(tx.CreateCutover(&want), tx.CreateCutover(&migration.CutoverRecord{Domain: "a.example", Kept: []byte{}, Due: tx.Now().Add(time.Hour)}))
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
	wantErr(t, s.Change(t.Context(), "testing", func(tx *store.Tx) error { _, err := tx.TakeCutover(time.Minute); return err }), store.ErrNotFound)
	change(t, s, func(tx *store.Tx) error { return tx.DeleteCutover("example.org") })
	wantErr(t, s.Change(t.Context(), "testing", func(tx *store.Tx) error { return tx.DeleteCutover("example.org") }), store.ErrNotFound)
	wantErr(t, s.View(t.Context(), "testing", func(tx *store.Tx) error { _, err := tx.Cutover("example.org"); return err }), store.ErrNotFound)
}

func findsMailboxesOfADomain(t *testing.T, open Open) {
	s, _ := open(t)
	b := between(t, s, 3)
	at := time.Date(2026, 3, 1, 2, 3, 4, 5000, time.UTC)
	change(t, s, func(tx *store.Tx) error {
		return tx.AddMailboxes(b, []migration.MailboxRecord{{Address: "Anna@Other_Place.example"}, {Address: "ben@otherxplace.example"}, {Address: "carl@sub.other_place.example"}, {Address: "dora@other_place.example"}})
	})
	for _, m := range mailboxes(t, s, store.MailboxFilter{Batch: b.ID}) {
		switch m.Address {
		case "Anna@Other_Place.example":
			m.SyncedFrom, m.LastSynced = at, at.Add(time.Minute)
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
	same(t, "mailboxes", found, []migration.MailboxInStep{{Batch: "pilot", Address: "Anna@Other_Place.example", Phase: migration.Initial, SyncedFrom: at, LastSynced: at.Add(time.Minute)}})
}
