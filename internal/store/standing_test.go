package store

import (
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

func TestStandingCountsWhatIsUnderWay(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "ledger.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var got Standing
	err = s.Change(t.Context(), "testing", func(tx *Tx) error {
		old := migration.EndpointRecord{Name: "old", Limits: migration.Limits{Migrations: 2, Incremental: 1}}
		target := migration.EndpointRecord{Name: "new", Limits: migration.Limits{Migrations: 5, Incremental: 4}}
		for _, e := range []*migration.EndpointRecord{&old, &target} {
			if err := tx.CreateEndpoint(e); err != nil {
				return err
			}
		}
		batch := migration.BatchRecord{Name: "sales", Source: old.ID, Target: target.ID, Intent: migration.Run}
		mailboxes := []migration.MailboxRecord{{Row: 1, Address: "a@x", Due: tx.Now()}, {Row: 2, Address: "b@x", Due: tx.Now()}, {Row: 3, Address: "c@x", Due: tx.Now()}}
		if err := tx.CreateBatch(&batch, mailboxes); err != nil {
			return err
		}
		if _, err := tx.Claims(10, time.Minute); err != nil {
			return err
		}
		for _, mark := range []string{"1", "2", "3"} {
			if err := tx.Notify(Notice{Mark: mark, Batch: batch.ID}); err != nil {
				return err
			}
		}
		n, err := tx.TakeNotice("node", time.Minute)
		if err != nil {
			return err
		}
		if err := tx.NoticeFailed(n.ID, "no", time.Time{}); err != nil {
			return err
		}
		if n, err = tx.TakeNotice("node", time.Minute); err != nil {
			return err
		}
		if err := tx.NoticeSent(n.ID); err != nil {
			return err
		}
		got, err = tx.Standing()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Standing{Leases: 2, NoticesDue: 1, NoticesGivenUp: 1, Endpoints: []EndpointStanding{{"new", 2, 5, 0, 4}, {"old", 2, 2, 0, 1}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
