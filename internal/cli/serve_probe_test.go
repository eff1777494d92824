package cli

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

const visitedPassword = "C4nary!Visit-33"

// visitedServer is a server with one mailbox, and the account that opens it.
func visitedServer(t *testing.T) (visitor, control.Account) {
	t.Helper()
	return visitedBy(t, imapfake.Options{Masters: map[string]string{"root": visitedPassword}}, false)
}

// visitedBy is visitedServer with options; the administrator may have a mailbox too.
func visitedBy(t *testing.T, o imapfake.Options, administratorsOwn bool) (visitor, control.Account) {
	t.Helper()
	ca, err := imapfake.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := ca.Issue("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	server := imapfake.New(o)
	t.Cleanup(server.Close)
	anna := server.AddUser("anna", visitedPassword)
	if administratorsOwn {
		server.AddUser("root", visitedPassword)
	}
	anna.Create("Work/Old")
	for range 3 {
		anna.Deliver("Work/Old", []byte("Subject: x\r\n\r\nbody\r\n"), time.Unix(1e9, 0))
	}
	address, err := server.ListenTLS(certificate)
	if err != nil {
		t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(address)
	n, _ := strconv.Atoi(port)
	v := visitor{dial: control.DialPolicy{AllowLoopback: true}.Dial, log: slog.New(slog.DiscardHandler), doorman: &doorman{}}
	return v, control.Account{Endpoint: migration.Endpoint{Host: host, Port: n, Security: migration.Implicit, CA: ca.PEM()},
		Login: migration.LoginMethod{Form: migration.LoginUser}, User: "anna", Password: secret.New(visitedPassword)}
}

// outcome is a test's outcome in a line, such as "resolve:ok connect:failed/connect".
func outcome(steps []control.ProbeStep) string {
	var words []string
	for _, s := range steps {
		word := s.Step + ":" + s.Result
		if s.Code != "" {
			word += "/" + s.Code
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func TestATestTellsHowFarItCame(t *testing.T) {
	v, good := visitedServer(t)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, closedPort, _ := net.SplitHostPort(closed.Addr().String())
	closed.Close()
	nobody := func(a *control.Account) { a.User, a.Password = "", secret.Text{} }
	for name, c := range map[string]struct {
		change func(*control.Account)
		want   string
	}{
		"all":           {func(*control.Account) {}, "resolve:ok connect:ok tls:ok greeting:ok sign-in:ok folders:ok"},
		"without user":  {nobody, "resolve:ok connect:ok tls:ok greeting:ok sign-in:skipped folders:skipped"},
		"administrator": {func(a *control.Account) { a.Login = migration.LoginMethod{Form: migration.LoginAuthzid, Admin: "root"} }, "resolve:ok connect:ok tls:ok greeting:ok sign-in:ok folders:ok"},
		"master":        {func(a *control.Account) { a.Login = migration.LoginMethod{Form: migration.LoginMaster, Admin: "root"} }, "resolve:ok connect:ok tls:ok greeting:ok sign-in:ok folders:ok"},
		"password":      {func(a *control.Account) { a.Password = secret.New("wrong") }, "resolve:ok connect:ok tls:ok greeting:ok sign-in:failed/login folders:skipped"},
		"certificate":   {func(a *control.Account) { a.Endpoint.CA = nil }, "resolve:ok connect:ok tls:failed/tls greeting:skipped sign-in:skipped folders:skipped"},
		"port": {func(a *control.Account) { a.Endpoint.Port, _ = strconv.Atoi(closedPort) },
			"resolve:ok connect:failed/connect tls:skipped greeting:skipped sign-in:skipped folders:skipped"},
		"policy": {func(a *control.Account) { a.Endpoint.Host = "169.254.169.254" },
			"resolve:ok connect:failed/policy tls:skipped greeting:skipped sign-in:skipped folders:skipped"},
	} {
		account := good
		c.change(&account)
		steps, learned := v.Probe(t.Context(), account)
		if got := outcome(steps); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, c.want)
		}
		if whole := !strings.Contains(c.want, "failed"); (learned != nil) != whole {
			t.Errorf("%s: learned %+v", name, learned)
		}
		for _, s := range steps {
			if strings.Contains(s.Detail+s.Remedy, visitedPassword) || strings.Contains(s.Remedy, "--") {
				t.Errorf("%s: %+v", name, s)
			}
		}
	}
}

func TestATestLearnsTheKeyThatCanBePinned(t *testing.T) {
	v, account := visitedServer(t)
	_, learned := v.Probe(t.Context(), account)
	if learned == nil || learned.Pin == "" || !strings.HasPrefix(learned.TLS, "TLS 1.3") || len(learned.Extensions) == 0 {
		t.Fatalf("%+v", learned)
	}
	account.Endpoint.CA = nil
	steps, _ := v.Probe(t.Context(), account)
	if !strings.Contains(steps[2].Remedy, "pin to "+learned.Pin) {
		t.Errorf("the remedy names another key: %s", steps[2].Remedy)
	}
	account.Endpoint.Pin = learned.Pin
	if steps, _ := v.Probe(t.Context(), account); steps[5].Result != control.StepOK {
		t.Errorf("with the pin: %s", outcome(steps))
	}
}

// TestATestRepeatsNoBanner: an endpoint test is no way to read what other services
// in the network say.
func TestATestRepeatsNoBanner(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			line, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(line, "220 internal-secret-service 7.3\r\n")
			line.Close()
		}
	}()
	v := visitor{dial: control.DialPolicy{AllowLoopback: true}.Dial, log: slog.New(slog.DiscardHandler), doorman: &doorman{}}
	for _, security := range []migration.Security{migration.StartTLS, migration.Implicit, migration.Cleartext} {
		port := listener.Addr().(*net.TCPAddr).Port
		steps, learned := v.Probe(t.Context(), control.Account{Endpoint: migration.Endpoint{Host: "127.0.0.1", Port: port, Security: security, AllowCleartext: true}})
		if learned != nil {
			t.Errorf("%s: %+v", security, learned)
		}
		for _, s := range steps {
			if strings.Contains(s.Detail+s.Remedy, "internal-secret") {
				t.Errorf("%s: %+v", security, s)
			}
		}
	}
}

func TestRulesAreTriedAtARealSource(t *testing.T) {
	v, account := visitedServer(t)
	rule, err := migration.ParseFolderRule("work/*")
	if err != nil {
		t.Fatal(err)
	}
	hits, err := v.Folders(t.Context(), account, []migration.FolderRule{rule}, nil)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]control.FolderHit{}
	for _, h := range hits {
		found[h.Folder] = h
	}
	if h := found["Work/Old"]; h.Taken || h.Rule != "work/*" || h.Messages != 3 {
		t.Errorf("%+v", h)
	}
	if h := found["INBOX"]; !h.Taken || h.Rule != "" {
		t.Errorf("%+v", h)
	}
}

func TestASourceThatDoesNotCountInItsListIsAsked(t *testing.T) {
	v, account := visitedBy(t, imapfake.Options{Personality: imapfake.Courier()}, false)
	hits, err := v.Folders(t.Context(), account, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, hit := range hits {
		if hit.Folder == "Work/Old" && hit.Messages == 3 {
			return
		}
	}
	t.Errorf("%+v", hits)
}

func TestAMessageIsReadFromItsSource(t *testing.T) {
	v, account := visitedServer(t)
	body, err := v.Message(t.Context(), account, "Work/Old", 2)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(body); err != nil || string(text) != "Subject: x\r\n\r\nbody\r\n" {
		t.Errorf("%q %v", text, err)
	}
	if err := body.Close(); err != nil {
		t.Error(err)
	}
	for folder, uid := range map[string]migration.UID{"Work/Old": 99, "Nowhere": 1} {
		if _, err := v.Message(t.Context(), account, folder, uid); !errors.Is(err, migration.ErrNotFound) {
			t.Errorf("%s %d: %v", folder, uid, err)
		}
	}
	if body, err = v.Message(t.Context(), account, "Work/Old", 1); err != nil {
		t.Fatal(err)
	}
	body.Close() // unread
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.Message(ctx, account, "Work/Old", 1); err == nil {
		t.Error("reads after the request has ended")
	}
}

func TestAnAdministratorWhoIsNotLetInAsHimselfIsToldOf(t *testing.T) {
	for name, c := range map[string]struct {
		form    migration.LoginForm
		greets  string
		master  bool // and no more
		wrong   bool
		outcome string
		tells   bool
	}{
		"master, Dovecot":             {migration.LoginMaster, "Dovecot", true, false, "sign-in:ok folders:skipped", true},
		"authzid, Dovecot":            {migration.LoginAuthzid, "Dovecot", true, false, "sign-in:ok folders:skipped", true},
		"authzid, with a mailbox":     {migration.LoginAuthzid, "Dovecot", false, false, "sign-in:ok folders:ok", false},
		"authzid, a wrong password":   {migration.LoginAuthzid, "Dovecot", true, true, "sign-in:ok folders:skipped", true},
		"master, a wrong password":    {migration.LoginMaster, "Dovecot", true, true, "sign-in:ok folders:skipped", true},
		"authzid, Cyrus, wrong":       {migration.LoginAuthzid, "Cyrus IMAP 3.8", false, true, "sign-in:failed/login folders:skipped", false},
		"proxyauth, a wrong password": {migration.LoginProxyAuth, "Sun", false, true, "sign-in:failed/login folders:skipped", false},
	} {
		t.Run(name, func(t *testing.T) {
			p := imapfake.Dovecot()
			p.Greeting = "OK [CAPABILITY $CAPABILITY] " + c.greets + " ready."
			if c.form == migration.LoginProxyAuth {
				p = imapfake.OracleMessaging()
			}
			o := imapfake.Options{Personality: p, Masters: map[string]string{"root": visitedPassword}}
			v, account := visitedBy(t, o, !c.master)
			account.User, account.Login = "", migration.LoginMethod{Form: c.form, Admin: "root"}
			if c.wrong {
				account.Password = secret.New("wrong")
			}
			steps, learned := v.Probe(t.Context(), account)
			if got := outcome(steps); !strings.HasSuffix(got, c.outcome) {
				t.Errorf("got %s, want %s", got, c.outcome)
			}
			if told := learned != nil && learned.SignIn == littleSaid; told != c.tells {
				t.Errorf("it tells %+v", learned)
			}
		})
	}
}
