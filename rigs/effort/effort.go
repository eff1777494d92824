// Package effort says how much the tests are to do. make test does little of what is
// dear, make test-long the whole of it, and one test by hand what its name says.
package effort

import (
	"os"
	"testing"
)

// Long reports whether full counts are asked for (MAILHAUL_LONG).
func Long() bool { return os.Getenv("MAILHAUL_LONG") != "" }

// Quick reports whether make test-long runs the same with more (MAILHAUL_QUICK).
func Quick() bool { return os.Getenv("MAILHAUL_QUICK") != "" }

// Alone reports whether figures of time count for what they are: full counts are asked
// for, and no other tests run beside (MAILHAUL_BESIDE).
func Alone() bool { return Long() && os.Getenv("MAILHAUL_BESIDE") == "" }

// NeedLong skips a test unless full counts are asked for.
func NeedLong(t testing.TB) {
	t.Helper()
	if !Long() {
		t.Skip("the full counts run with MAILHAUL_LONG=1")
	}
}

// LeaveToLong skips a test where make test-long runs it too.
func LeaveToLong(t testing.TB) {
	t.Helper()
	if Quick() {
		t.Skip("make test-long runs it")
	}
}

// Of gives quick where make test-long does more, else usual.
func Of(quick, usual int) int {
	if Quick() {
		return quick
	}
	return usual
}
