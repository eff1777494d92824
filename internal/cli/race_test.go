//go:build race

package cli

// raced: the race detector makes everything slow and big.
const raced = true
