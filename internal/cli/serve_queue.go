package cli

import (
	"context"

	"github.com/mailhaul/mailhaul/internal/scheduler"
	"github.com/mailhaul/mailhaul/internal/store"
)

// schedulerStore gives the store the interface that the scheduler asks for.
type schedulerStore struct{ *store.Store }

var _ scheduler.Store = schedulerStore{}

// Change makes a change in the scheduler's terms.
func (s schedulerStore) Change(ctx context.Context, doing string, change func(scheduler.Tx) error) error {
	return s.Store.Change(ctx, doing, func(tx *store.Tx) error { return change(tx) })
}
