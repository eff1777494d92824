package hostiletest

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if plan := os.Getenv(victimVariable); plan != "" {
		os.Exit(runVictim(plan))
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		built.remove()
		os.Exit(status)
	}))
}

// long skips a test of full size unless it is asked for.
func long(t *testing.T) {
	t.Helper()
	if os.Getenv("MAILHAUL_LONG") != "1" {
		t.Skip("full sizes run with MAILHAUL_LONG=1")
	}
}
