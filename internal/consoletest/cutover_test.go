package consoletest

import (
	"testing"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/rigs/effort"
)

// TestWhatIsNotSafeYetIsToldFirst: before a batch is completed, or one or a mailbox of it
// deleted, while mail may still come to the old system.
func TestWhatIsNotSafeYetIsToldFirst(t *testing.T) {
	effort.LeaveToLong(t)
	t.Parallel()
	c := newCompany(t, nil)
	people := staff("sales", 2)
	c.batch(control.BatchSpec{Name: "sales"}, people, "")
	_, err := c.api.SetCutover(t.Context(), "sales.example.org", control.CutoverSpec{}, 0)
	c.must(err)
	c.ask("sales", "start")
	c.awaitState("sales", "Synced", "SyncedWithErrors")
	play(t, "cutover.mjs", map[string]any{"server": c.server.Address, "admin": administrator, "batch": "sales", "mailbox": people[0], "domain": "sales.example.org"}, answers{})
}
