package storetest

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
)

// keepsBigFolder settles thousands of messages in every shape that a pass may
// have, with clashes between, and compares with a plain map. It is what makes
// blocks grow, split and take in what falls between them.
func keepsBigFolder(t *testing.T, open Open) {
	s, reopen := open(t)
	ledger := mailbox(t, s, anna)
	for _, c := range []struct {
		name     string
		scatter  int
		interval int
	}{{"runs", 0, 3}, {"gaps", 1, 1}, {"no order", 1_000_000, 1}} {
		t.Run(c.name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(7, uint64(c.scatter)))
			record := folder(t, ledger, c.name)
			pairs := scattered(random, 6000, c.scatter, c.interval)
			want := settleShuffled(t, random, ledger, record.ID, pairs)
			wantMap(t, ledger, record.ID, want)
			wantMap(t, mailbox(t, reopen(), anna), record.ID, want)
			must(t, ledger.Rematch(t.Context(), &record, mailsync.Outcome{Copied: pairs[:4000]}))
			wantMap(t, ledger, record.ID, mapOf(pairs[:4000]))
		})
	}
}

// scattered makes an injective map of n messages: sources with gaps, targets
// that are moved about by up to scatter places.
func scattered(random *rand.Rand, n, scatter, interval int) []mailsync.Pair {
	pairs := make([]mailsync.Pair, n)
	source := 1000
	for i := range pairs {
		if source++; random.IntN(interval*10) == 0 {
			source += random.IntN(300)
		}
		pairs[i] = mailsync.Pair{Source: migration.UID(source), Target: migration.UID(1 + i)}
	}
	if scatter > 0 {
		for i := range pairs {
			j := min(n-1, i+random.IntN(min(n, 2+scatter)))
			pairs[i].Target, pairs[j].Target = pairs[j].Target, pairs[i].Target
		}
	}
	return pairs
}

// settleShuffled settles slices of the pairs in no order, some of them again,
// some together with a single message from elsewhere, and tries a clash each
// time.
func settleShuffled(t *testing.T, random *rand.Rand, l *store.Ledger, folder int64, pairs []mailsync.Pair) map[migration.UID]migration.UID {
	t.Helper()
	var parts [][]mailsync.Pair
	for rest := pairs; len(rest) > 0; {
		n := min(len(rest), 1+random.IntN([]int{3, 64, 64, 1000}[random.IntN(4)]))
		parts, rest = append(parts, slices.Clone(rest[:n])), rest[n:]
	}
	random.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	have := map[migration.UID]migration.UID{}
	for i, part := range parts {
		part = append(part, pairs[random.IntN(len(pairs))], parts[random.IntN(i+1)][0])
		must(t, l.Settle(t.Context(), folder, mailsync.Outcome{Copied: part}))
		maps.Copy(have, mapOf(part))
		held := part[random.IntN(len(part))]
		for _, clash := range []mailsync.Pair{
			{Source: held.Source, Target: 1 << 30}, {Source: 1 << 30, Target: held.Target}, {Source: 1, Target: held.Target},
		} {
			if err := l.Settle(t.Context(), folder, mailsync.Outcome{Copied: []mailsync.Pair{clash}}); !errors.Is(err, mailsync.ErrMapped) {
				t.Fatalf("%v beside %v: error %v, want ErrMapped", clash, held, err)
			}
		}
	}
	return have
}

func mapOf(pairs []mailsync.Pair) map[migration.UID]migration.UID {
	m := make(map[migration.UID]migration.UID, len(pairs))
	for _, p := range pairs {
		m[p.Source] = p.Target
	}
	return m
}

func wantMap(t *testing.T, l *store.Ledger, folder int64, want map[migration.UID]migration.UID) {
	t.Helper()
	got := allPairs(t, l, folder, nil)
	if len(got) != len(want) || !maps.Equal(mapOf(got), want) {
		t.Fatalf("%d pairs are not the %d that were settled", len(got), len(want))
	}
	some := migration.UIDsFrom(got[len(got)/3].Source, got[len(got)/2].Source)
	if part := allPairs(t, l, folder, &some); !slices.Equal(part, got[len(got)/3:len(got)/2+1]) {
		t.Fatalf("%d pairs of a stretch, want %d", len(part), len(got)/2+1-len(got)/3)
	}
}
