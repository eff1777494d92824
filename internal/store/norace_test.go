//go:build !race

package store_test

// mostRows is the most that a migration file may have.
const mostRows = 50_000
