package control

import (
	"context"
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// calibrated is the calibration that an endpoint has.
func (w *world) calibrated(name string) *Calibration {
	w.t.Helper()
	e, err := w.Endpoint(w.ctx(), w.viewer, name)
	if err != nil {
		w.t.Fatal(err)
	}
	return e.Calibration
}

func TestACalibrationIsKeptWithItsEndpoint(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	got, err := w.CalibrateEndpoint(w.ctx(), w.admin, "new", CalibrationSpec{Mailbox: "anna", Password: targetCanary})
	if err != nil || got.Mailbox != "anna" || got.Strength != "canonical" || !strings.Contains(got.Follows, "content") || len(got.Measures) != 1 {
		t.Errorf("%+v %v", got, err)
	}
	if text := got.Measures[0].Detail; strings.Contains(text, "\x1b") {
		t.Errorf("what the server said is shown as it is: %q", text)
	}
	if asked := w.prober.asked[0]; asked.User != "anna" || asked.Password.Reveal() != targetCanary || asked.Endpoint.Host != "imap.new.example" {
		t.Errorf("asked for %q at %q", asked.User, asked.Endpoint.Host)
	}
	kept := w.calibrated("new")
	if kept == nil || kept.Strength != "canonical" || kept.At != got.At || w.calibrated("old") != nil {
		t.Errorf("kept is %+v", kept)
	}
	secretFree(t, kept)
}

func TestAnAdministratorCalibratesWithoutAPassword(t *testing.T) {
	w := newWorld(t)
	spec := EndpointSpec{Name: "new", Host: "h.example", Login: "authzid", AdminUser: "root", AdminPassword: adminCanary}
	if _, err := w.CreateEndpoint(w.ctx(), w.admin, spec, true); err != nil {
		t.Fatal(err)
	}
	if _, err := w.CalibrateEndpoint(w.ctx(), w.admin, "new", CalibrationSpec{Mailbox: "anna"}); err != nil {
		t.Fatal(err)
	}
	if asked := w.prober.asked[0]; asked.User != "anna" || asked.Login.Admin != "root" || asked.Password.Reveal() != adminCanary {
		t.Errorf("asked for %q as %q", asked.User, asked.Login.Admin)
	}
}

func TestAnAdministratorOfRootsCalibratesNothing(t *testing.T) {
	w := newWorld(t)
	spec := EndpointSpec{Name: "new", Host: "h.example", Login: "userroot", UserRoot: "#shared/{user}", AdminUser: "root", AdminPassword: adminCanary}
	if _, err := w.CreateEndpoint(w.ctx(), w.admin, spec, true); err != nil {
		t.Fatal(err)
	}
	_, err := w.CalibrateEndpoint(w.ctx(), w.admin, "new", CalibrationSpec{Mailbox: "anna"})
	wants(t, err, Refused, "refused", "with the login user")
	if len(w.prober.asked) > 0 {
		t.Error("the server was asked all the same")
	}
}

func TestACalibrationIsVoidOnceTheEndpointIsAnotherServer(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		patch EndpointPatch
		kept  bool
	}{
		"host":     {EndpointPatch{Host: ptr("other.example")}, false},
		"port":     {EndpointPatch{Port: ptr(1993)}, false},
		"limits":   {EndpointPatch{Migrations: ptr(30)}, true},
		"security": {EndpointPatch{Security: ptr("starttls")}, true},
	} {
		if _, err := w.CreateEndpoint(w.ctx(), w.admin, EndpointSpec{Name: name, Host: "h.example"}, true); err != nil {
			t.Fatal(err)
		}
		if _, err := w.CalibrateEndpoint(w.ctx(), w.admin, name, CalibrationSpec{Mailbox: "anna"}); err != nil {
			t.Fatal(err)
		}
		e, err := w.SetEndpoint(w.ctx(), w.admin, name, c.patch, 0, true)
		if err != nil || (e.Calibration != nil) != c.kept || (w.calibrated(name) != nil) != c.kept {
			t.Errorf("with another %s: %+v %v", name, e.Calibration, err)
		}
	}
}

// TestACalibrationOfAnotherServerIsNotKept: the endpoint is pointed elsewhere, or
// deleted, while it is calibrated. A change of anything else does not matter.
func TestACalibrationOfAnotherServerIsNotKept(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	calibrate := func(name string, meanwhile func() error) error {
		w.prober.meanwhile = func() {
			if err := meanwhile(); err != nil {
				t.Error(err)
			}
		}
		_, err := w.CalibrateEndpoint(w.ctx(), w.admin, name, CalibrationSpec{Mailbox: "anna"})
		return err
	}
	set := func(name string, patch EndpointPatch) func() error {
		return func() error { _, err := w.SetEndpoint(w.ctx(), w.admin, name, patch, 0, true); return err }
	}
	if err := calibrate("new", set("new", EndpointPatch{Connections: ptr(2)})); err != nil || w.calibrated("new") == nil {
		t.Errorf("with another limit: %v", err)
	}
	wants(t, calibrate("new", set("new", EndpointPatch{Host: ptr("other.example")})), Changed, "changed", "another server")
	if c := w.calibrated("new"); c != nil {
		t.Errorf("kept all the same: %+v", c)
	}
	wants(t, calibrate("old", func() error { return w.DeleteEndpoint(w.ctx(), w.admin, "old") }), Changed, "changed", "another server")
	told := 0
	for _, line := range w.log() {
		told += strings.Count(line, "endpoint.calibrate")
	}
	if told != 3 {
		t.Errorf("%d of 3 are in the audit log", told)
	}
}

func TestACalibrationThatFailsSaysWhyAndIsRecorded(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	spec := CalibrationSpec{Mailbox: "anna", Password: targetCanary}
	w.prober.fails = "folders"
	ctx, cancel := context.WithCancel(w.ctx())
	w.prober.meanwhile = cancel // the operator goes
	_, err := w.CalibrateEndpoint(ctx, w.admin, "new", spec)
	wants(t, err, Unavailable, migration.CodeFolderRefused, "Ask them.")
	if log := w.log(); log[len(log)-1] != "ada endpoint.calibrate endpoint/new" {
		t.Errorf("the last record is %s", log[len(log)-1])
	}
	if c := w.calibrated("new"); c != nil {
		t.Errorf("kept is %+v", c)
	}
	_, err = w.CalibrateEndpoint(w.ctx(), w.admin, "nowhere", spec)
	wants(t, err, NotFound, "not-found", "nowhere")
	_, err = w.CalibrateEndpoint(w.ctx(), w.admin, "new", CalibrationSpec{})
	wants(t, err, Invalid, "invalid", "mailbox")
}
