package storetest

import (
	"maps"
	"sync"
	"testing"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
)

func keepsMoved(t *testing.T, open Open) {
	s, reopen := open(t)
	want := func(s *store.Store, account string, down, up migration.HourUse) {
		t.Helper()
		moved, err := s.NoteMoved(t.Context(), account, 0, 0, 0)
		if must(t, err); !maps.Equal(moved.Down, down) || !maps.Equal(moved.Up, up) {
			t.Errorf("%s has moved %v, want %v and %v", account, moved, down, up)
		}
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, err := s.NoteMoved(t.Context(), anna, 500_000, 1<<40, 1)
			must(t, err)
		})
	}
	all.Wait()
	_, err := s.NoteMoved(t.Context(), anna, 500_001, 0, 7)
	must(t, err)
	_, err = s.NoteMoved(t.Context(), bert, 499_000, 5, 5)
	must(t, err)
	again := reopen()
	want(again, anna, migration.HourUse{500_000: 8 << 40, 500_001: 0}, migration.HourUse{500_000: 8, 500_001: 7})
	want(again, bert, migration.HourUse{499_000: 5}, migration.HourUse{499_000: 5})
	must(t, s.ForgetMoved(t.Context(), 500_001))
	want(s, anna, migration.HourUse{500_001: 0}, migration.HourUse{500_001: 7})
	want(s, bert, migration.HourUse{}, migration.HourUse{})
}
