//go:build !race

package control

// raced is true when the race detector's own time and memory would be measured.
const raced = false

// fullRows are those of the largest migration file.
const fullRows = 50_000
