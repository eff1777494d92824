package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// heapFloor is how large the heap may be, in bytes, before garbage is collected. A copy
// has 2 MB in use and makes 20 MB of garbage in all: each collection would stop it for
// milliseconds while servers on the same computer are busy.
const heapFloor = 12 << 20

// Go lets the heap grow by so many percent of what is in use. Its own floor is 4 MB at
// the usual percentage and grows with it, so that the greatest one is that of heapFloor.
const (
	usualPercent    = 100
	greatestPercent = usualPercent * heapFloor / (4 << 20)
)

// collectRarely has garbage collected only when the heap has reached heapFloor; larger
// heaps are collected as usual. GOGC goes before it.
func collectRarely() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(greatestPercent)
		afterCollection(greatestPercent)
	}
}

// afterCollection sets the percentage anew when the next collection has ended.
func afterCollection(now int) {
	// Small values without pointers share their memory, and may outlive a collection.
	passing := &struct{ self *byte }{new(byte)}
	runtime.AddCleanup(passing, func(before int) {
		percent := percentOf(liveHeap())
		if percent != before {
			debug.SetGCPercent(percent)
		}
		afterCollection(percent)
	}, now)
}

// percentOf is by how much the heap may grow with so many bytes in use.
func percentOf(live uint64) int {
	if live >= heapFloor/2 {
		return usualPercent
	}
	return min(greatestPercent, int(100*(heapFloor-live)/max(1, live)))
}

// liveHeap is what was in use at the last collection, in bytes.
func liveHeap() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
