package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
)

// TestAMailboxWaitsForItsDayBudgetWhileOthersGoOn uses up what one account may read
// beforehand, as a batch of the same day does.
func TestAMailboxWaitsForItsDayBudgetWhileOthersGoOn(t *testing.T) {
	t.Parallel()
	serveBoth(t, servingOptions{mailboxes: 2, letters: 40}, func(s *serving) {
		s.create("pilot")
		var old migration.EndpointRecord
		s.must(s.store.Change(s.Context(), "limiting the endpoint", func(tx *store.Tx) (err error) {
			if old, err = tx.Endpoint("old"); err != nil {
				return err
			}
			old.Limits.BytesPerDayDown = 1_000_000_000
			return tx.SaveEndpoint(&old)
		}))
		var earlier allowances
		used, err := earlier.of(s.Context(), s.store, strings.ToUpper(person(0)), old.Endpoint, old.Limits.Budget())
		s.must(err)
		used.count(990_000_000, 0)
		s.do(s.service.StartBatch, "pilot")
		s.await(time.Minute, "the one waits and the other is synced", func() bool {
			rows := s.rows("pilot")
			return rows[0].Trouble != nil && rows[1].Facts.State() == migration.MailboxSynced
		})
		m := s.rows("pilot")[0]
		if wait := time.Until(m.Trouble.Until); m.Trouble.Code != migration.CodeDayBudget || m.Trouble.Class != migration.Later ||
			wait < 23*time.Hour || wait > 25*time.Hour || m.Facts.Failed || m.Faults != 0 || m.Due.Sub(m.Trouble.Until).Abs() > time.Millisecond {
			t.Errorf("it is %s, due %s, with %+v", m.Facts.State(), m.Due, m.Trouble)
		}
		view, err := s.service.Mailbox(s.Context(), boss, "pilot", m.Address)
		if s.must(err); !strings.Contains(view.Waiting, "990.") || view.Trouble.Remedy == "" {
			t.Errorf("it shows %q, %+v", view.Waiting, view.Trouble)
		}
	})
}
