package mailsync

import (
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// histories runs n histories from a first seed on, in parallel, until one has
// a violation, and returns that world.
func histories(t *testing.T, m mutant, first uint64, n, workers int) (found *world, ran int) {
	var next, count atomic.Int64
	var bad atomic.Pointer[world]
	t.Run(m.String(), func(t *testing.T) {
		for i := range workers {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				for bad.Load() == nil {
					const batch = 50
					from := next.Add(batch) - batch
					if from >= int64(n) {
						return
					}
					synctest.Test(t, func(*testing.T) {
						for i := from; i < min(from+batch, int64(n)) && bad.Load() == nil; i++ {
							w := newWorld(first+uint64(i), m)
							count.Add(1)
							if len(w.history()) > 0 {
								bad.CompareAndSwap(nil, w)
							}
						}
					})
				}
			})
		}
	})
	return bad.Load(), int(count.Load())
}

// seed is the first seed: MAILHAUL_SEED, or one that is new each time.
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
	bad, ran := histories(t, sound, seed, n, 2)
	took := time.Since(started)
	t.Logf("%d histories from seed %d in %v, %.0f a second", ran, seed, took.Round(time.Millisecond), float64(ran)/took.Seconds())
	if bad != nil {
		t.Errorf("run again with MAILHAUL_SEED=%d\n%s\n%s", bad.seed, bad, fmt.Sprintln(bad.violations))
	}
}

func TestModelLosesAndDoublesNothing(t *testing.T) {
	n := 3000
	if testing.Short() {
		n = 500
	}
	expectSound(t, n)
}

func TestLongModelLosesAndDoublesNothing(t *testing.T) {
	if os.Getenv("MAILHAUL_LONG") != "1" {
		t.Skip("100,000 histories run with MAILHAUL_LONG=1")
	}
	expectSound(t, 100_000)
}

// TestModelFindsEveryMutant tests the model: each planted mistake has to lead to
// a loss, a double or harm to other people's mail within a bounded number of
// histories.
func TestModelFindsEveryMutant(t *testing.T) {
	const most = 20_000
	for m := sound + 1; m < mutants; m++ {
		bad, ran := histories(t, m, 1, most, 2)
		if bad == nil {
			t.Errorf("mutant %q survives %d histories", m, ran)
			continue
		}
		t.Logf("mutant %q dies in history %d: %s", m, ran, bad.violations[0])
	}
}
