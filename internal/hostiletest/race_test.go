//go:build race

package hostiletest

// raced is true when the race detector's own memory would be measured.
const raced = true
