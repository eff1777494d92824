package cli

import (
	"testing"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/migration"
)

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
