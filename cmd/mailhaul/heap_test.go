package main

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

func TestASmallHeapIsCollectedAtTheFloorAndALargeOneAsUsual(t *testing.T) {
	for live, want := range map[uint64]int{0: 300, 1 << 20: 300, 3 << 20: 300, 4 << 20: 200, 6 << 20: 100, 64 << 20: 100} {
		if got := percentOf(live); got != want {
			t.Errorf("with %d bytes in use: %d percent, want %d", live, got, want)
		}
	}
}

func TestThePercentageFollowsTheHeap(t *testing.T) {
	t.Setenv("GOGC", "")
	defer debug.SetGCPercent(debug.SetGCPercent(usualPercent))
	collectRarely()
	inUse := make([]byte, 64<<20)
	becomes(t, usualPercent)
	runtime.KeepAlive(inUse) // and no longer
	becomes(t, greatestPercent)
}

func TestGOGCIsObeyed(t *testing.T) {
	t.Setenv("GOGC", "50")
	defer debug.SetGCPercent(debug.SetGCPercent(50))
	collectRarely()
	if got := percent(); got != 50 {
		t.Errorf("%d percent", got)
	}
}

func percent() int {
	now := debug.SetGCPercent(usualPercent)
	debug.SetGCPercent(now)
	return now
}

// becomes collects until the percentage is that.
func becomes(t *testing.T, want int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); percent() != want; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d percent, want %d", percent(), want)
		}
		runtime.GC()
	}
}
