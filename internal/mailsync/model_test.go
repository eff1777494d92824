package mailsync

import (
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailhaul/mailhaul/rigs/effort"
)

// histories runs n histories from a first seed on, in parallel, until one has
// a violation that begins with harm, and returns that world and violation.
func histories(t *testing.T, m mutant, harm string, first uint64, n int) (found *world, what string, ran int) {
	defer debug.SetGCPercent(debug.SetGCPercent(800)) // a world is small, and soon over
	var next, count atomic.Int64
	var mu sync.Mutex
	judge := func(w *world) {
		for _, violation := range w.history() {
			mu.Lock()
			if found == nil && strings.HasPrefix(violation, harm) {
				found, what = w, violation
			}
			mu.Unlock()
		}
	}
	over := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return found != nil
	}
	t.Run(m.String(), func(t *testing.T) {
		for i := range runtime.GOMAXPROCS(0) {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				for !over() {
					const batch = 50
					from := next.Add(batch) - batch
					if from >= int64(n) {
						return
					}
					synctest.Test(t, func(*testing.T) {
						for i := from; i < min(from+batch, int64(n)) && !over(); i++ {
							count.Add(1)
							judge(newWorld(first+uint64(i), m))
						}
					})
				}
			})
		}
	})
	return found, what, int(count.Load())
}

// firstSeed is the first seed: MAILHAUL_SEED, or one that is new each time.
func firstSeed(t *testing.T) uint64 {
	if text := os.Getenv("MAILHAUL_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return seed
	}
	return uint64(time.Now().UnixNano()) >> 10 << 20
}

func expectSound(t *testing.T, n int) {
	seed := firstSeed(t)
	started := time.Now()
	bad, _, ran := histories(t, sound, "", seed, n)
	took := time.Since(started)
	t.Logf("%d histories from seed %d in %v, %.0f a second", ran, seed, took.Round(time.Millisecond), float64(ran)/took.Seconds())
	if bad != nil {
		t.Errorf("run again with MAILHAUL_SEED=%d\n%s\n%s", bad.seed, bad, strings.Join(bad.violations, "\n"))
	}
}

func TestModelLosesAndDoublesNothing(t *testing.T) {
	n := effort.Of(1000, 3000)
	if testing.Short() {
		n = 500
	}
	expectSound(t, n)
}

func TestLongModelLosesAndDoublesNothing(t *testing.T) {
	effort.NeedLong(t)
	expectSound(t, 100_000)
}

// TestModelFindsEveryMutant tests the model: each planted mistake has to do the
// harm that is known of it within a bounded number of histories.
func TestModelFindsEveryMutant(t *testing.T) {
	const most = 20_000
	for m, harm := range map[mutant]string{
		intentAfterAppend:     "doubled",
		journalRollsBack:      "doubled",
		matchesAsSet:          "lost",
		mappedNotExcluded:     "lost",
		dateNotCompared:       "lost",
		rebuildIgnored:        "lost",
		noSettleNoAudit:       "doubled",
		noAudit:               "doubled",
		auditWithoutWatermark: "harmed",
		restoredTargetIgnored: "lost",
		restoredSourceIgnored: "lost",
	} {
		found, what, ran := histories(t, m, harm, 1, most)
		if found == nil {
			t.Errorf("mutant %q survives %d histories", m, ran)
			continue
		}
		t.Logf("mutant %q dies in history %d: %s", m, ran, what)
	}
}
