package cli

import (
	"runtime/debug"
	"testing"
)

func TestTheVersionTellsWhatWasBuilt(t *testing.T) {
	clone := []debug.BuildSetting{{Key: "vcs.revision", Value: "0123abc"}, {Key: "vcs.time", Value: "2026-11-25T08:00:00Z"}, {Key: "vcs.modified", Value: "true"}}
	const told = "development, revision 0123abc of 2026-11-25T08:00:00Z, with changes"
	for _, test := range []struct {
		version  string
		settings []debug.BuildSetting
		want     string
	}{
		{"v1.2.3", clone, "v1.2.3"},
		{"v1.2.3", nil, "v1.2.3"},
		{"(devel)", clone, told},
		{"", clone, told},
		{"v0.0.0-20261125080000-0123456789ab", clone, told},
		{"v1.2.4-0.20261125080000-0123456789ab+dirty", clone, told},
		{"(devel)", nil, "development"},
		{"(devel)", clone[:1], "development, revision 0123abc of an unknown time"},
	} {
		info := &debug.BuildInfo{Main: debug.Module{Version: test.version}, Settings: test.settings}
		if got := buildOf(info).String(); got != test.want {
			t.Errorf("%q with %v: %q, want %q", test.version, test.settings, got, test.want)
		}
	}
	if got := buildOf(nil).String(); got != "development" {
		t.Errorf("without build information: %q", got)
	}
}
