package cli

import (
	"context"

	"github.com/mailhaul/mailhaul/internal/metrics"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
)

// figures asks the store how things stand.
type figures struct{ store *store.Store }

// Figures counts mailboxes, batches and what is under way.
func (f figures) Figures(ctx context.Context) (metrics.Figures, error) {
	var got metrics.Figures
	err := f.store.View(ctx, "counting for the metrics", func(tx *store.Tx) (err error) {
		got = metrics.Figures{Batches: map[migration.BatchState]int{}}
		if got.Mailboxes, err = tx.CountStates(0); err != nil {
			return err
		}
		batches, err := tx.Batches()
		if err != nil {
			return err
		}
		for _, b := range batches {
			got.Batches[b.Facts(tx.Now()).State()]++
		}
		standing, err := tx.Standing()
		got.Leases, got.Intents, got.NoticesDue, got.NoticesFailed = standing.Leases, standing.Intents, standing.NoticesDue, standing.NoticesGivenUp
		for _, e := range standing.Endpoints {
			got.Slots = append(got.Slots, metrics.Slots{Endpoint: e.Name, Kind: "initial", Used: e.Initial, Limit: e.InitialLimit},
				metrics.Slots{Endpoint: e.Name, Kind: "incremental", Used: e.Later, Limit: e.LaterLimit})
		}
		return err
	})
	return got, err
}
