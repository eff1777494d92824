package control

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
	"github.com/mailhaul/mailhaul/internal/store"
)

func TestAnEndpointTakesTheDefaults(t *testing.T) {
	w := newWorld(t)
	e, err := w.CreateEndpoint(w.ctx(), w.admin, EndpointSpec{Name: "old", Host: "imap.example.org."}, true)
	if err != nil {
		t.Fatal(err)
	}
	want := Endpoint{Name: "old", Type: "imap", Host: "imap.example.org", Port: 993, Security: "implicit", MinTLS: "1.2", Migrations: 20, Incremental: 10,
		Connections: 4, Login: "user", Batches: []string{}, Created: e.Created, CreatedBy: "ada", Version: 1}
	if !reflect.DeepEqual(e, want) {
		t.Errorf("got  %+v\nwant %+v", e, want)
	}
	starttls, err := w.CreateEndpoint(w.ctx(), w.admin, EndpointSpec{Name: "b", Host: "h", Security: "starttls", Migrations: ptr(3)}, true)
	if err != nil || starttls.Port != 143 || starttls.Incremental != 3 {
		t.Errorf("%+v %v", starttls, err)
	}
	if _, err := w.CreateEndpoint(w.ctx(), w.admin, EndpointSpec{Name: "OLD", Host: "h"}, true); err != nil {
		wants(t, err, Conflict, "name-taken", "already exists")
	} else {
		t.Error("two endpoints whose names differ in case")
	}
}

func TestEveryMistakeOfAnEndpointIsNamedAtOnce(t *testing.T) {
	w := newWorld(t)
	bad := map[string]EndpointSpec{
		"name":              {Name: "a b", Host: "h"},
		"host":              {Name: "x", Host: "h o"},
		"port":              {Name: "x", Host: "h", Port: 70000},
		"security":          {Name: "x", Host: "h", Security: "none"},
		"minTls":            {Name: "x", Host: "h", MinTLS: "0.9"},
		"migrations":        {Name: "x", Host: "h", Migrations: ptr(301)},
		"incremental":       {Name: "x", Host: "h", Migrations: ptr(5), Incremental: ptr(6)},
		"connections":       {Name: "x", Host: "h", Connections: ptr(0)},
		"pin":               {Name: "x", Host: "h", Pin: "abc"},
		"ca":                {Name: "x", Host: "h", CA: "no certificate"},
		"login":             {Name: "x", Host: "h", Login: "magic"},
		"adminUser":         {Name: "x", Host: "h", AdminUser: "root"},
		"adminPassword":     {Name: "x", Host: "h", Login: "master", AdminUser: "root"},
		"bytesPerSecond":    {Name: "x", Host: "h", BytesPerSecond: -1},
		"bytesPerDayDown":   {Name: "x", Host: "h", BytesPerDayDown: ptr(int64(-1))},
		"bytesPerDayUp":     {Name: "x", Host: "h", BytesPerDayUp: ptr(int64(99_999_999))},
		"messagesPerSecond": {Name: "x", Host: "h", MessagesPerSec: -1},
		"type":              {Name: "x", Host: "h", Type: "pop3"},
	}
	for field, spec := range bad {
		_, err := w.CreateEndpoint(w.ctx(), w.admin, spec, true)
		p := ProblemOf(err)
		if p == nil || p.Kind != Invalid || !slices.ContainsFunc(p.Fields, func(f Field) bool { return f.Name == field }) {
			t.Errorf("%s: %v", field, err)
		}
	}
	_, err := w.CreateEndpoint(w.ctx(), w.admin, EndpointSpec{Name: "", Host: "", Port: -1, MinTLS: "9"}, true)
	if p := ProblemOf(err); p == nil || len(p.Fields) != 4 {
		t.Errorf("four mistakes: %v", err)
	}
}

func TestCleartextMustBeAllowedAndHasNoAdministrator(t *testing.T) {
	w := newWorld(t)
	spec := EndpointSpec{Name: "x", Host: "h", Security: "none", AllowCleartext: true}
	if _, err := w.CreateEndpoint(w.ctx(), w.admin, spec, true); err != nil {
		t.Error(err)
	}
	spec.Name, spec.Login, spec.AdminUser, spec.AdminPassword = "y", "master", "root", adminCanary
	_, err := w.CreateEndpoint(w.ctx(), w.admin, spec, true)
	wants(t, err, Invalid, "invalid", "administrator's password")
}

func TestAnEndpointIsMadeOnlyWhenItsTestGoesWell(t *testing.T) {
	w := newWorld(t)
	spec := EndpointSpec{Name: "old", Host: "h", Login: "authzid", AdminUser: "root", AdminPassword: adminCanary}
	w.prober.fails = "tls"
	_, err := w.CreateEndpoint(w.ctx(), w.admin, spec, false)
	wants(t, err, Unavailable, "endpoint-test-failed", "Check the port.")
	if list, _ := w.Endpoints(w.ctx(), w.viewer); len(list) != 0 {
		t.Error("it was made all the same")
	}
	w.prober.fails = ""
	e, err := w.CreateEndpoint(w.ctx(), w.admin, spec, false)
	if err != nil || e.Profile == nil || e.Profile.Server != "Dovecot" || !e.HasAdminPassword {
		t.Errorf("%+v %v", e, err)
	}
	if asked := w.prober.asked[1]; asked.Login.Admin != "root" || asked.Password.Reveal() != adminCanary || asked.User != "" {
		t.Errorf("asked as %q for %q", asked.Login.Admin, asked.User)
	}
	secretFree(t, e)
}

func TestATestOfAnEndpointTellsEachStep(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.prober.fails = "greeting"
	probe, err := w.TestEndpoint(w.ctx(), w.admin, TestSpec{Name: "old", User: "anna", Password: sourceCanary})
	if err != nil || probe.OK || probe.Steps[3].Result != StepFailed {
		t.Errorf("%+v %v", probe, err)
	}
	w.prober.fails = ""
	probe, err = w.TestEndpoint(w.ctx(), w.admin, TestSpec{Endpoint: &EndpointSpec{Host: "h"}})
	if err != nil || !probe.OK || probe.Profile == nil {
		t.Errorf("%+v %v", probe, err)
	}
	if _, err = w.TestEndpoint(w.ctx(), w.admin, TestSpec{Name: "old"}); err != nil {
		t.Fatal(err)
	}
	if e, err := w.Endpoint(w.ctx(), w.viewer, "old"); err != nil || e.Profile == nil {
		t.Errorf("the profile is not kept: %+v %v", e, err)
	}
	_, err = w.TestEndpoint(w.ctx(), w.admin, TestSpec{})
	wants(t, err, Invalid, "invalid", "not both")
	_, err = w.TestEndpoint(w.ctx(), w.admin, TestSpec{Name: "nowhere"})
	wants(t, err, NotFound, "not-found", "nowhere")
}

func TestAnEndpointInUseIsNotDeleted(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.batch("pilot", 1)
	wants(t, w.DeleteEndpoint(w.ctx(), w.admin, "old"), Conflict, "in-use", "pilot")
	if e, _ := w.Endpoint(w.ctx(), w.viewer, "old"); len(e.Batches) != 1 {
		t.Errorf("uses %v", e.Batches)
	}
	if _, err := w.CreateEndpoint(w.ctx(), w.admin, EndpointSpec{Name: "spare", Host: "h"}, true); err != nil {
		t.Fatal(err)
	}
	if err := w.DeleteEndpoint(w.ctx(), w.admin, "spare"); err != nil {
		t.Error(err)
	}
	wants(t, w.DeleteEndpoint(w.ctx(), w.admin, "spare"), NotFound, "not-found", "spare")
}

func TestAnEditOfAnOldVersionFails(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	e, err := w.SetEndpoint(w.ctx(), w.admin, "old", EndpointPatch{Connections: ptr(2)}, 1, true)
	if err != nil || e.Version != 2 || e.Connections != 2 {
		t.Fatalf("%+v %v", e, err)
	}
	_, err = w.SetEndpoint(w.ctx(), w.admin, "old", EndpointPatch{Connections: ptr(3)}, 1, true)
	wants(t, err, Changed, "changed", "meanwhile")
	if e, err := w.SetEndpoint(w.ctx(), w.admin, "old", EndpointPatch{Migrations: ptr(5)}, 0, true); err == nil {
		t.Errorf("fewer migrations than later passes: %+v", e)
	}
	if len(w.prober.asked) > 0 {
		t.Error("a change of limits was tested at the server")
	}
}

// TestPasswordsGoNowhereElse is T2: an endpoint is re-pointed, by the API and behind
// its back.
func TestPasswordsGoNowhereElse(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.batch("pilot", 2)
	e, b, m := w.record("pilot", "u0@example.org")
	account, err := OpenAccount(w.keys, e.source, b, m, SourceSide)
	if err != nil || account.Password.Reveal() != sourceCanary || account.User != "u0" {
		t.Fatalf("as %q: %v", account.User, err)
	}
	account, err = OpenAccount(w.keys, e.target, b, m, TargetSide)
	if err != nil || account.Password.Reveal() != targetCanary || account.User != "u0@example.org" {
		t.Fatalf("as %q: %v", account.User, err)
	}

	t.Run("behind its back", func(t *testing.T) {
		for what, change := range map[string]func(*migration.EndpointRecord){
			"host": func(e *migration.EndpointRecord) { e.Host = "evil.example" }, "port": func(e *migration.EndpointRecord) { e.Port = 1 },
			"security": func(e *migration.EndpointRecord) { e.Security = migration.Cleartext },
		} {
			moved := e.source
			change(&moved)
			account, err := OpenAccount(w.keys, moved, b, m, SourceSide)
			var bound *secret.BoundError
			if !errors.As(err, &bound) || !account.Password.Empty() || !strings.Contains(err.Error(), "imap.old.example:993") {
				t.Errorf("%s: %v", what, err)
			}
		}
		_, _, other := w.record("pilot", "u1@example.org")
		other.SourceSecret = m.SourceSecret
		if _, err := OpenAccount(w.keys, e.source, b, other, SourceSide); err == nil {
			t.Error("a password opens in another row")
		}
		m.TargetSecret = m.SourceSecret
		if _, err := OpenAccount(w.keys, e.source, b, m, TargetSide); err == nil {
			t.Error("the source's password opens as the target's")
		}
	})

	t.Run("while the batch runs", func(t *testing.T) {
		if _, err := w.StartBatch(w.ctx(), w.operator, "pilot"); err != nil {
			t.Fatal(err)
		}
		_, err := w.SetEndpoint(w.ctx(), w.admin, "old", EndpointPatch{Host: ptr("evil.example")}, 0, true)
		wants(t, err, Refused, "endpoint-runs", "pilot")
		if _, err := w.StopBatch(w.ctx(), w.operator, "pilot"); err != nil {
			t.Fatal(err)
		}
	})

	t.Run("when it is stopped", func(t *testing.T) {
		if _, err := w.SetEndpoint(w.ctx(), w.admin, "old", EndpointPatch{Host: ptr("moved.example")}, 0, true); err != nil {
			t.Fatal(err)
		}
		if state := w.state("pilot"); state != "Corrupted" {
			t.Errorf("the batch is %s", state)
		}
		e, b, m := w.record("pilot", "u0@example.org")
		if _, err := OpenAccount(w.keys, e.source, b, m, SourceSide); err == nil || !m.Facts.Broken {
			t.Error("the password goes to the new host")
		}
		view, err := w.RotateMailbox(w.ctx(), w.operator, "pilot", "u0@example.org", Passwords{Source: "a new one"})
		if err != nil || view.State != "Stopped" {
			t.Errorf("%s %v", view.State, err)
		}
		e, b, m = w.record("pilot", "u0@example.org")
		if account, err := OpenAccount(w.keys, e.source, b, m, SourceSide); err != nil || account.Password.Reveal() != "a new one" {
			t.Errorf("the new password does not open: %v", err)
		}
	})

	t.Run("and back", func(t *testing.T) {
		if _, err := w.SetEndpoint(w.ctx(), w.admin, "old", EndpointPatch{Host: ptr("imap.old.example")}, 0, true); err != nil {
			t.Fatal(err)
		}
		for address, broken := range map[string]bool{"u0@example.org": true, "u1@example.org": false} {
			if _, _, m := w.record("pilot", address); m.Facts.Broken != broken {
				t.Errorf("%s is broken: %v", address, m.Facts.Broken)
			}
		}
	})
}

func TestAnAdministratorsPasswordIsGoneWithItsServer(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	if _, err := w.CreateEndpoint(w.ctx(), w.admin, EndpointSpec{Name: "master", Host: "h.example", Login: "master", AdminUser: "root", AdminPassword: adminCanary}, true); err != nil {
		t.Fatal(err)
	}
	csv := "EmailAddress,UserName,TargetPassword\nu0@example.org,u0," + targetCanary + "\n"
	if _, err := w.CreateBatch(w.ctx(), w.operator, BatchSpec{Name: "b", Source: "master", Target: "new"}, strings.NewReader(csv)); err != nil {
		t.Fatal(err)
	}
	e, b, m := w.record("b", "u0@example.org")
	account, err := OpenAccount(w.keys, e.source, b, m, SourceSide)
	if err != nil || account.Login.Admin != "root" || account.User != "u0" || account.Password.Reveal() != adminCanary || len(m.SourceSecret) > 0 {
		t.Fatalf("%q for %q: %v", account.Login.Admin, account.User, err)
	}
	view, err := w.SetEndpoint(w.ctx(), w.admin, "master", EndpointPatch{Port: ptr(994)}, 0, false)
	if asked := w.prober.asked[len(w.prober.asked)-1]; asked.Login.Form != migration.LoginUser || !asked.Password.Empty() {
		t.Errorf("a password that is worth nothing any more was to sign in: %v", asked.Login)
	}
	if err != nil || view.HasAdminPassword {
		t.Errorf("%+v %v", view, err)
	}
	if state := w.state("b"); state != "Corrupted" {
		t.Errorf("the batch is %s", state)
	}
	_, err = w.TestEndpoint(w.ctx(), w.admin, TestSpec{Name: "master"})
	wants(t, err, Refused, "refused", "give one")
	view, err = w.SetEndpoint(w.ctx(), w.admin, "master", EndpointPatch{AdminPassword: ptr(Password("another"))}, 0, true)
	if err != nil || !view.HasAdminPassword || w.state("b") != "Created" {
		t.Errorf("%+v %v, the batch is %s", view, err, w.state("b"))
	}
	view, err = w.SetEndpoint(w.ctx(), w.admin, "master", EndpointPatch{Port: ptr(993), AdminPassword: ptr(Password(adminCanary))}, 0, true)
	if err != nil || !view.HasAdminPassword || w.state("b") != "Created" {
		t.Errorf("both at once: %+v %v, the batch is %s", view, err, w.state("b"))
	}
	secretFree(t, view)
}

func TestAPasswordMovedInTheDatabaseGoesNowhereElse(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.batch("one", 1)
	csv := rowsOf("v", 1)
	if _, err := w.CreateBatch(w.ctx(), w.operator, BatchSpec{Name: "two", Source: "old", Target: "new"}, strings.NewReader(csv)); err != nil {
		t.Fatal(err)
	}
	err := w.db.Change(w.ctx(), "moving", func(tx *store.Tx) error {
		one, err := tx.Batch("one")
		if err != nil {
			return err
		}
		two, err := tx.Batch("two")
		if err != nil {
			return err
		}
		stolen, err := tx.Mailbox(one.ID, "u0@example.org")
		if err != nil {
			return err
		}
		mine, err := tx.Mailbox(two.ID, "v0@example.org")
		if err != nil {
			return err
		}
		mine.SourceSecret, two.Key = stolen.SourceSecret, one.Key
		if err := tx.SaveMailbox(&mine); err != nil {
			return err
		}
		return tx.SaveBatch(&two)
	})
	if err != nil {
		t.Fatal(err)
	}
	e, b, m := w.record("two", "v0@example.org")
	account, err := OpenAccount(w.keys, e.source, b, m, SourceSide)
	if err == nil || !account.Password.Empty() || !strings.Contains(err.Error(), `"one"`) {
		t.Errorf("opens in another batch, with its key too: %v", err)
	}
}
