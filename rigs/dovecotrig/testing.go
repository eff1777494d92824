package dovecotrig

import (
	"testing"

	"github.com/mailhaul/mailhaul/rigs/rig"
)

// StartT starts a server for a test and stops it at the test's end. Where it
// cannot run the test is skipped or fails, as rig.Require says.
func StartT(t testing.TB, o Options) *Server {
	t.Helper()
	return rig.StartT(t, "Dovecot", Missing, Start, o)
}
