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
