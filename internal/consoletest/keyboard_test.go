package consoletest

import (
	"testing"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/rigs/effort"
)

// TestTheKeyboardIsEnough to sign in, open a batch and act on it, over TLS; where the
// focus is can be seen at every stop.
func TestTheKeyboardIsEnough(t *testing.T) {
	effort.LeaveToLong(t)
	t.Parallel()
	require(t)
	flags, ca := certified(t)
	c := newCompany(t, ca, flags...)
	c.batch(control.BatchSpec{Name: "sales"}, staff("sales", 1), "")
	play(t, "keyboard.mjs", map[string]any{"server": c.server.Address, "admin": administrator, "batch": "sales"}, answers{})
}
