package cli

import (
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// unseenRewriter makes messages anew as Exchange does, looks like Dovecot, and removes
// nothing that was sent twice.
func unseenRewriter() imapfake.Personality {
	p := imapfake.Dovecot()
	p.After = slices.DeleteFunc(p.After, func(c string) bool { return c == "UIDPLUS" })
	p.Append.Rewrite = imapfake.RewriteEncodings
	return p
}

// TestPassesGoByTheCalibrationOfTheirTarget: the line is cut where messages are stored
// and not told of.
func TestPassesGoByTheCalibrationOfTheirTarget(t *testing.T) {
	for _, calibrated := range []bool{false, true} {
		t.Run(strconv.FormatBool(calibrated), func(t *testing.T) {
			t.Parallel()
			s := newServing(t, t.TempDir()+"/mailhaul.db", servingOptions{mailboxes: 1, letters: 40, new: imapfake.Options{Personality: unseenRewriter()}})
			log := slog.New(slog.DiscardHandler)
			service := control.New(control.Options{Store: controlStore{s.store}, Keys: s.keys,
				Prober: visitor{dial: (&net.Dialer{}).DialContext, log: log, doorman: &doorman{}}})
			s.must(service.Prepare(s.Context()))
			if calibrated {
				got, err := service.CalibrateEndpoint(s.Context(), boss, "new", control.CalibrationSpec{Mailbox: person(0), Password: control.Password("new-" + person(0))})
				if s.must(err); got.Strength != string(migration.StrengthCanonical) {
					t.Errorf("%+v", got)
				}
			}
			s.new.SetFaults(imapfake.Rule{Command: "APPEND", Nth: 1, Do: imapfake.Action{Kind: imapfake.CloseUnanswered}})
			s.create("pilot")
			s.do(s.service.StartBatch, "pilot")
			s.awaitState("pilot", migration.BatchSynced)
			if extra := s.letters(s.new) - s.letters(s.old); (extra == 0) != calibrated {
				t.Errorf("%d letters more than there should be", extra)
			}
		})
	}
}

// letters is how many messages a server has of everybody.
func (s *serving) letters(server *imapfake.Server) (n int) {
	for i := range s.mailboxes {
		box := server.User(person(i))
		for _, folder := range box.Folders() {
			n += len(box.Messages(folder))
		}
	}
	return n
}

func TestAVisitorCalibratesAsTheLoginHasIt(t *testing.T) {
	v, good := visitedServer(t)
	for name, c := range map[string]struct {
		change func(*control.Account)
		code   string
	}{
		"own password":  {func(*control.Account) {}, ""},
		"administrator": {func(a *control.Account) { a.Login = migration.LoginMethod{Form: migration.LoginAuthzid, Admin: "root"} }, ""},
		"master":        {func(a *control.Account) { a.Login = migration.LoginMethod{Form: migration.LoginMaster, Admin: "root"} }, ""},
		"password":      {func(a *control.Account) { a.Password = control.Password("wrong").Text() }, migration.CodeLogin},
		"certificate":   {func(a *control.Account) { a.Endpoint.CA = nil }, migration.CodeTLS},
	} {
		account := good
		c.change(&account)
		got, err := v.Calibrate(t.Context(), account)
		switch {
		case c.code == "" && (err != nil || got.Strength != migration.StrengthExact || got.Left != ""):
			t.Errorf("%s: %+v %v", name, got, err)
		case c.code != "" && (migration.CodeOf(err) != c.code || strings.Contains(migration.FaultOf(err).Remedy, "--")):
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), visitedPassword) {
			t.Errorf("%s: the error has the password: %v", name, err)
		}
	}
}

// TestOffice365IsCalibratedWithATokenOfTheApplication: no mailbox has a password.
func TestOffice365IsCalibratedWithATokenOfTheApplication(t *testing.T) {
	a := newAuthority(t)
	p := imapfake.ExchangeOnline()
	p.NoPasswords, p.Append.Rewrite = true, imapfake.RewriteEncodings
	s := newServing(t, t.TempDir()+"/mailhaul.db", servingOptions{tls: true, mailboxes: 1, new: imapfake.Options{Personality: p, Tokens: a.tokens}, tokenHosts: []string{"127.0.0.1"},
		endpoint: func(spec *control.EndpointSpec) {
			if spec.Name == "new" {
				byApp(t, a, spec)
			}
		}})
	service := control.New(control.Options{Store: controlStore{s.store}, Keys: s.keys, TokenHosts: []string{"127.0.0.1"},
		Prober: visitor{dial: (&net.Dialer{}).DialContext, log: slog.New(slog.DiscardHandler), doorman: a.doorman()}})
	s.must(service.Prepare(s.Context()))
	got, err := service.CalibrateEndpoint(s.Context(), boss, "new", control.CalibrationSpec{Mailbox: person(0)})
	if s.must(err); got.Strength != string(migration.StrengthCanonical) || got.Left != "" {
		t.Errorf("%+v", got)
	}
	if n := s.new.Counts().MostErrors; n > 9 {
		t.Errorf("a connection had %d errors", n)
	}
}
