package consoletest

import "testing"

// TestABatchLivesItsWholeLife by the console alone.
func TestABatchLivesItsWholeLife(t *testing.T) {
	w := newWorld(t)
	play(t, "life.mjs", map[string]any{"server": w.server.Address, "admin": administrator, "token": w.server.SetupToken(t)}, answers{})
}
