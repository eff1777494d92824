package dovecotrig

import (
	"os"
	"testing"
)

// StartT starts a server for a test and stops it at the test's end. Where the
// rig cannot run the test is skipped, or fails when MAILHAUL_REQUIRE_RIGS is 1;
// with MAILHAUL_NO_RIGS as 1 it is skipped everywhere. The server's log is shown
// when the test failed.
func StartT(t testing.TB, o Options) *Server {
	t.Helper()
	if os.Getenv("MAILHAUL_NO_RIGS") == "1" {
		t.Skip("MAILHAUL_NO_RIGS is set")
	}
	if m := Missing(); m != "" {
		if os.Getenv("MAILHAUL_REQUIRE_RIGS") == "1" {
			t.Fatal(m)
		}
		t.Skip(m)
	}
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("dovecot's log:\n%s", s.Log())
		}
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}
