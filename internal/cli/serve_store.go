package cli

import (
	"context"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/store"
)

// controlStore gives the store the interface that control asks for: the methods of
// its transactions are those of control.Tx already.
type controlStore struct{ store *store.Store }

var _ control.Store = controlStore{}

func (s controlStore) Change(ctx context.Context, doing string, change func(control.Tx) error) error {
	return s.store.Change(ctx, doing, func(tx *store.Tx) error { return change(tx) })
}

func (s controlStore) View(ctx context.Context, doing string, view func(control.Tx) error) error {
	return s.store.View(ctx, doing, func(tx *store.Tx) error { return view(tx) })
}
