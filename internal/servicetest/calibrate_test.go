package servicetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/bench/mailgen"
	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/rigs/courierrig"
	"github.com/mailhaul/mailhaul/rigs/cyrusrig"
	"github.com/mailhaul/mailhaul/rigs/dovecotrig"
	"github.com/mailhaul/mailhaul/rigs/oracle"
	"github.com/mailhaul/mailhaul/rigs/rig"
)

// TestRealServersAreCalibrated by the command, as a person and as an administrator: what
// each is known to keep is found, and its mailbox is as before, as another client sees it.
// Dovecot takes no date from the future, and Cyrus writes X for 8-bit bytes in headers.
func TestRealServersAreCalibrated(t *testing.T) {
	for name, c := range map[string]struct {
		start func(*testing.T) *rig.Mail
		admin []string
		// strength and unlike are what is found: how copies are compared, and what is
		// not ok.
		strength, unlike  string
		prefix, separator string
	}{
		"Dovecot":                  {func(t *testing.T) *rig.Mail { return dovecotrig.StartT(t, dovecotrig.Options{}).Mail }, nil, "exact", "future date:differs", "", "/"},
		"Dovecot by administrator": {func(t *testing.T) *rig.Mail { return dovecotrig.StartT(t, dovecotrig.Options{}).Mail }, []string{"--login", "master"}, "exact", "future date:differs", "", "/"},
		"Cyrus":                    {func(t *testing.T) *rig.Mail { return cyrusrig.StartT(t, cyrusrig.Options{}).Mail }, nil, "exact", "bytes:differs headers:differs", "", "/"},
		"Courier":                  {func(t *testing.T) *rig.Mail { return courierrig.StartT(t, courierrig.Options{}).Mail }, nil, "exact", "", "INBOX.", "."},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorldFrom(t, "", c.start(t))
			at := mailgen.Target{Addr: w.source.Addr(), User: users[0], Password: w.source.Password, Separator: c.separator, Prefix: c.prefix}
			if refused, err := mailgen.Fill(t.Context(), at, letters(0)); err != nil || len(refused) > 0 {
				t.Fatalf("%+v %v", refused, err)
			}
			w.write("mailbox", w.source.Password+"\n")
			w.write("admin", rig.AdminPassword+"\n")
			var source []string
			calibrate := []string{"endpoint", "calibrate", "old", "--mailbox", users[0]}
			if c.admin == nil {
				calibrate = append(calibrate, "--password-file", w.file("mailbox"))
			} else {
				source = append(c.admin, "--admin-user", rig.Admin, "--admin-password-file", w.file("admin"), "--skip-verification")
			}
			w.setUp(source...)
			before := w.snapshot()
			w.wantUncalibrated()
			var got control.Calibration
			w.json(&got, calibrate...)
			var unlike []string
			for _, m := range got.Measures {
				if m.Verdict != "ok" {
					unlike = append(unlike, m.Quality+":"+m.Verdict)
				}
				t.Logf("%-12s %-8s %s", m.Quality, m.Verdict, m.Detail)
			}
			if got.Strength != c.strength || strings.Join(unlike, " ") != c.unlike || got.Left != "" {
				t.Errorf("%s, %v, left %q; want %s, %s", got.Strength, unlike, got.Left, c.strength, c.unlike)
			}
			for _, line := range oracle.Diff(before, w.snapshot(), oracle.DiffOptions{}) {
				t.Errorf("the mailbox is another: %s", line)
			}
			if out := w.run("endpoint", "show", "old"); !strings.Contains(out, "in the mailbox  "+users[0]) || !strings.Contains(out, "bytes") {
				t.Errorf("the endpoint is shown as %s", out)
			}
			w.run("endpoint", "set", "old", "--address", fmt.Sprintf("imap://localhost:%d", w.source.Port), "--skip-verification")
			if out := w.run("endpoint", "show", "old"); strings.Contains(out, "calibrated") {
				t.Errorf("pointed elsewhere it is still calibrated: %s", out)
			}
			w.wantNoPassword()
		})
	}
}

// wantUncalibrated has calibrations refused that cannot be, and told with what to do.
func (w *world) wantUncalibrated() {
	w.t.Helper()
	w.write("wrong", "not-the-password\n")
	for want, more := range map[string][]string{
		"--mailbox is missing": {"old"},
		"not-found":            {"nowhere", "--mailbox", users[0]},
		"what to do":           {"new", "--mailbox", users[0], "--password-file", w.file("wrong")},
	} {
		r := w.try(append([]string{"endpoint", "calibrate"}, more...)...)
		if r.status == 0 || !strings.Contains(r.errs, want) && !strings.Contains(r.errs, "There is no endpoint") || strings.Contains(r.out+r.errs, "not-the-password") {
			w.t.Errorf("%v: %d %s%s", more, r.status, r.out, r.errs)
		}
	}
}

// snapshot is the first person's mailbox at the source, by another client.
func (w *world) snapshot() oracle.Snapshot {
	w.t.Helper()
	taken, err := oracle.Take(w.t.Context(), w.source.Host, w.source.Port, users[0], w.source.Password)
	if err != nil {
		w.t.Fatal(err)
	}
	return taken
}
