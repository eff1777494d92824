//go:build race

package control

// raced is true when the race detector's own time and memory would be measured.
const raced = true

// fullRows are those of the largest migration file, or fewer with the race detector.
const fullRows = 2_000
