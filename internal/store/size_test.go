package store_test

import (
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
	"github.com/mailhaul/mailhaul/rigs/effort"
)

const (
	messages = 20_000
	window   = 64
	sizeBar  = 64 << 10
)

// sources are the UIDs of a mailbox of which one in fifty was deleted.
func sources() []migration.UID {
	random := rand.New(rand.NewPCG(1, 2))
	var uids []migration.UID
	for uid := migration.UID(100_000); len(uids) < messages; uid++ {
		if random.IntN(50) != 0 {
			uids = append(uids, uid)
		}
	}
	return uids
}

// windows cuts pairs into windows, the newest first, and lets lines of them fly
// at the same time: their targets are given in turns, a few at a time.
func windows(uids []migration.UID, lines, size int) [][]mailsync.Pair {
	random := rand.New(rand.NewPCG(3, 4))
	target := migration.UID(1)
	var all [][]mailsync.Pair
	for end := len(uids); end > 0; {
		flying := make([][]mailsync.Pair, 0, lines)
		var left []int
		for ; len(flying) < lines && end > 0; end = max(0, end-size) {
			var pairs []mailsync.Pair
			for _, uid := range uids[max(0, end-size):end] {
				pairs = append(pairs, mailsync.Pair{Source: uid})
			}
			left = append(left, len(flying))
			flying = append(flying, pairs)
		}
		next := make([]int, len(flying))
		for len(left) > 0 {
			k := random.IntN(len(left))
			line := left[k]
			for n := 1 + random.IntN(3); n > 0 && next[line] < len(flying[line]); n-- {
				flying[line][next[line]].Target = target
				target++
				next[line]++
			}
			if next[line] == len(flying[line]) {
				left = append(left[:k], left[k+1:]...)
			}
		}
		all = append(all, flying...)
	}
	return all
}

// usedSize leaves out the free pages, which making the tables leaves behind.
func usedSize(t *testing.T, path string) int64 {
	t.Helper()
	const text = "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
	n, err := strconv.ParseInt(query(t, path, text)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func emptySize(t *testing.T) int64 {
	path := filepath.Join(t.TempDir(), "empty.db")
	closeStore(t, openAt(t, path))
	return usedSize(t, path)
}

func TestSize(t *testing.T) {
	effort.LeaveToLong(t)
	empty := emptySize(t)
	shuffled := windows(sources(), 1, window)
	perm := rand.New(rand.NewPCG(5, 6)).Perm(messages)
	n := 0
	for _, pairs := range shuffled {
		for i := range pairs {
			pairs[i].Target = migration.UID(perm[n] + 1)
			n++
		}
	}
	few := messages / 5
	for _, c := range []struct {
		name     string
		windows  [][]mailsync.Pair
		messages int
		bar      int64
	}{
		{"one connection", windows(sources(), 1, window), messages, 16 << 10},
		{"four connections", windows(sources(), 4, window), messages, sizeBar},
		{"sixteen connections", windows(sources(), 16, window), messages, sizeBar},
		{"four messages at a time", windows(sources()[:few], 1, 4), few, sizeBar / 5},
		{"targets in no order", shuffled, messages, 2 * sizeBar},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ledger.db")
			s := openAt(t, path)
			ledger, folder := inbox(t, s)
			copyWindows(t, ledger, folder, c.windows)
			if n := countPairs(t, ledger, folder); n != c.messages {
				t.Fatalf("%d pairs, want %d", n, c.messages)
			}
			closeStore(t, s)
			got := usedSize(t, path) - empty
			t.Logf("%d bytes, %s rows, %s bytes packed, beside an empty ledger of %d", got,
				query(t, path, "SELECT count(*) FROM pairs")[0], query(t, path, "SELECT sum(length(packed)) FROM pairs")[0], empty)
			if got >= c.bar {
				t.Errorf("%d messages take %d bytes, want less than %d", c.messages, got, c.bar)
			}
			wantSound(t, path)
		})
	}
}

func copyWindows(t testing.TB, l *store.Ledger, folder int64, windows [][]mailsync.Pair) {
	t.Helper()
	for _, pairs := range windows {
		var uids migration.UIDSet
		for _, p := range pairs {
			uids.Add(p.Source)
		}
		if _, err := l.Intend(t.Context(), folder, mailsync.Intent{Sources: uids, Watermark: 1, UIDValidity: 1}); err != nil {
			t.Fatal(err)
		}
		settle(t, l, folder, pairs...)
	}
}
