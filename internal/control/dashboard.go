package control

import (
	"context"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Dashboard is everything at a glance.
type Dashboard struct {
	Counts            DashboardCounts `json:"counts"`
	BytesPerSecond    int64           `json:"bytesPerSecond" doc:"Of all passes under way"`
	MessagesPerSecond float64         `json:"messagesPerSecond" doc:"Of all passes under way"`
	Batches           []Batch         `json:"batches" doc:"By name, with states and figures"`
	Nodes             int             `json:"nodes" doc:"Nodes that are alive"`
}

// DashboardCounts counts the mailboxes of all batches. Each is in one of the counts
// beside the total.
type DashboardCounts struct {
	Total     int            `json:"total"`
	Queued    int            `json:"queued"`
	Syncing   int            `json:"syncing" doc:"With a pass under way, or their final one before them"`
	Synced    int            `json:"synced"`
	Completed int            `json:"completed"`
	Failed    int            `json:"failed"`
	Stopped   int            `json:"stopped"`
	Removing  int            `json:"removing"`
	States    map[string]int `json:"states" doc:"By state"`
}

// add counts so many mailboxes in a state.
func (c *DashboardCounts) add(state migration.MailboxState, n int) {
	c.Total += n
	c.States[string(state)] += n
	switch state {
	case migration.MailboxQueued:
		c.Queued += n
	case migration.MailboxSynced, migration.MailboxIncrementalSynced:
		c.Synced += n
	case migration.MailboxCompleted, migration.MailboxCompletedWithWarnings:
		c.Completed += n
	case migration.MailboxFailed, migration.MailboxIncrementalFailed, migration.MailboxCompletionFailed, migration.MailboxCorrupted:
		c.Failed += n
	case migration.MailboxStopped, migration.MailboxIncrementalStopped:
		c.Stopped += n
	case migration.MailboxRemoving:
		c.Removing += n
	default:
		c.Syncing += n
	}
}

// Dashboard gives everything at a glance. It sums over all mailboxes: share it.
func (s *Service) Dashboard(ctx context.Context, actor Actor) (d Dashboard, err error) {
	if err := permit(actor, BatchLook); err != nil {
		return Dashboard{}, err
	}
	err = s.store.View(ctx, "looking at everything", func(tx Tx) error {
		d = Dashboard{Counts: DashboardCounts{States: map[string]int{}}, Batches: []Batch{}}
		states, err := tx.CountStatesByBatch()
		if err != nil {
			return err
		}
		figures, err := tx.FiguresByBatch()
		if err != nil {
			return err
		}
		err = eachBatch(tx, func(b migration.BatchRecord, view Batch) {
			for state, n := range states[b.ID] {
				d.Counts.add(state, n)
			}
			f := figures[b.ID]
			d.BytesPerSecond += f.BytesPerSecond
			d.MessagesPerSecond += f.MessagesPerSecond
			view.States, view.Figures = statesView(states[b.ID]), figuresView(b.Intent == migration.Run, f, tx.Now())
			d.Batches = append(d.Batches, view)
		})
		if err != nil {
			return err
		}
		nodes, err := tx.Nodes()
		for _, n := range nodes {
			if tx.Now().Sub(n.Beat) < deadAfter {
				d.Nodes++
			}
		}
		return err
	})
	return d, err
}
