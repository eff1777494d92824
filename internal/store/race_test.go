//go:build race

package store_test

// mostRows is small with the race detector, which measures nothing.
const mostRows = 5_000
