package storetest

import (
	"maps"
	"testing"

	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
)

func keepsSerials(t *testing.T, open Open) {
	s, reopen := open(t)
	ledger := mailbox(t, s, anna)
	all := mailsync.SerialSet{Source: "[Gmail]/All Mail", UIDValidity: 11, Several: 3, Others: map[string]int{"Work": 2, "Büro\x00": 1},
		Numbers: map[migration.UID]uint64{1: 1 << 63, 2: 1, ^migration.UID(0): ^uint64(0), 7: 1_782_579_201_048_576_000}}
	trash := mailsync.SerialSet{Source: "[Gmail]/Trash\xff", UIDValidity: 11}
	rebuilt := mailsync.SerialSet{Source: all.Source, UIDValidity: 12, Numbers: map[migration.UID]uint64{1: 5}}
	for _, set := range []mailsync.SerialSet{trash, {Source: all.Source, UIDValidity: 11, Several: 9}, rebuilt, all} {
		must(t, ledger.SaveSerials(t.Context(), set))
	}
	sets, err := mailbox(t, reopen(), anna).Serials(t.Context())
	must(t, err)
	for i, want := range []mailsync.SerialSet{all, rebuilt, trash} {
		if len(sets) != 3 {
			t.Fatalf("%d sets, want 3", len(sets))
		}
		got := sets[i]
		if got.Source != want.Source || got.UIDValidity != want.UIDValidity || got.Several != want.Several ||
			!maps.Equal(got.Numbers, want.Numbers) || !maps.Equal(got.Others, want.Others) {
			t.Errorf("set %d is %+v, want %+v", i, got, want)
		}
	}
	others, err := mailbox(t, s, bert).Serials(t.Context())
	if must(t, err); len(others) != 0 {
		t.Errorf("another mailbox has %+v", others)
	}
}
