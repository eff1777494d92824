package cli

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// What signs in as its endpoint does is asked for no password, and the target's where
// the source has no use for one.
func TestRotateAsksOnlyForAPasswordThatIsUsed(t *testing.T) {
	for sides, want := range map[string]string{`[]`: "has no password of its own", `["target"]`: "the target mailbox anna@example.org", `["source","target"]`: "the source mailbox anna@example.org"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"batch":"pilot","address":"anna@example.org","passwords":%s}`, sides)
		}))
		t.Setenv("MAILHAUL_TOKEN", "mh_test")
		execute(t, "mailbox", "rotate", "pilot", "anna@example.org", "--server", server.URL).want(t, exitUsage, want)
		server.Close()
	}
}

func TestALimitOfOneMessageIsSingular(t *testing.T) {
	if one, two := unanswered(1), unanswered(2); one != "at most 1 message on a connection" || two != "at most 2 messages on a connection" {
		t.Errorf("%s, %s", one, two)
	}
}

func TestTheListSaysWhyAMailboxIsAsItIs(t *testing.T) {
	refused := &migration.PreflightResult{Trouble: &migration.Trouble{Reason: "sign-in refused"}}
	for want, m := range map[string]control.Mailbox{
		"":                           {},
		"preflight went well":        {Preflight: &migration.PreflightResult{OK: true}},
		"preflight: sign-in refused": {Preflight: refused},
		"preflight: source: sign-in refused; target: no token": {Preflight: &migration.PreflightResult{Trouble: refused.Trouble, SourceTrouble: refused.Trouble, TargetTrouble: &migration.Trouble{Reason: "no token"}}},
		"preflight went well, with 1 warning":                  {Preflight: &migration.PreflightResult{OK: true, Warnings: []migration.Finding{{Reason: "Graph is silent"}}}},
		"throttled":                                            {Preflight: refused, Waiting: "throttled"},
		"full":                                                 {Preflight: refused, Waiting: "throttled", Trouble: &migration.Trouble{Reason: "full"}},
	} {
		if got := reason(m); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := reason(control.Mailbox{Preflight: refused, Passes: 1}); got != "" {
		t.Errorf("a preflight that passes have overtaken: %q", got)
	}
}
