package notify

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

func TestATestMailArrives(t *testing.T) {
	server := startSMTP(t, smtpdOptions{Mode: "starttls", User: "mailhaul", Password: mailPassword})
	if err := server.signedIn(migration.StartTLS).Probe(t.Context(), "olga@example.org", happened); err != nil {
		t.Fatal(err)
	}
	mails := server.taken(t)
	if len(mails) != 1 || mails[0].To[0] != "olga@example.org" || !mails[0].TLS || mails[0].User != "mailhaul" || !strings.Contains(mails[0].parts["text/plain"], "mailhaul can send mail") || mails[0].mail.Header.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("got %+v", mails)
	}
}

// TestATestMailThatIsNotTakenSaysWhatToDo: each trouble has its code and its remedy, and
// none repeats a secret or what a stranger says.
func TestATestMailThatIsNotTakenSaysWhatToDo(t *testing.T) {
	signIn := startSMTP(t, smtpdOptions{Mode: "starttls", User: "mailhaul", Password: "another"})
	implicit := startSMTP(t, smtpdOptions{Mode: "implicit"})
	plain := startSMTP(t, smtpdOptions{Mode: "none"})
	picky := startSMTP(t, smtpdOptions{Mode: "starttls", Refuse: []string{"gone@example.org"}})
	unknown := implicit.server(migration.Implicit)
	unknown.Roots = plain.ca.Pool()
	nobody := &MailServer{Host: "127.0.0.1", Port: closedPort(t), Security: migration.StartTLS, From: "mailhaul@example.org"}
	policy := implicit.server(migration.Implicit)
	policy.Dial = func(context.Context, string, string) (net.Conn, error) {
		return nil, &migration.Fault{Class: migration.Stop, Code: migration.CodePolicy, Doing: "it is not allowed", Remedy: "Let an administrator allow it."}
	}
	noName := implicit.server(migration.Implicit)
	noName.Dial = func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.DNSError{Err: "no such host", Name: "mail.example.invalid", IsNotFound: true}
	}
	other := &MailServer{Host: "127.0.0.1", Port: talking(t, "+OK stranger"), Security: migration.StartTLS, From: "mailhaul@example.org"}
	for name, c := range map[string]struct {
		server             *MailServer
		code, text, remedy string
	}{
		"a wrong password":         {signIn.signedIn(migration.StartTLS), migration.CodeLogin, "status 535", "Check the user name and the password"},
		"an unknown authority":     {unknown, migration.CodeTLS, "certificate", "authority that signed it"},
		"TLS from the first byte":  {plain.server(migration.Implicit), migration.CodeTLS, "", "try starttls"},
		"no TLS at all":            {plain.server(migration.StartTLS), migration.CodeTLS, "STARTTLS", "try implicit"},
		"nobody listens":           {nobody, migration.CodeConnect, "refused", "firewall"},
		"an address not allowed":   {policy, migration.CodePolicy, "not allowed", "Let an administrator"},
		"no such name":             {noName, migration.CodeResolve, "no such host", "Check the name"},
		"something else is there":  {other, migration.CodeGreeting, "does not speak SMTP", "587 or 465"},
		"a recipient it refuses":   {picky.server(migration.StartTLS), migration.CodeRejected, "no such user", "check the address"},
		"settings that are no use": {&MailServer{}, migration.CodeConnect, "missing", "Correct"},
	} {
		t.Run(name, func(t *testing.T) {
			c.server.Timeout = 10 * time.Second
			err := c.server.Probe(t.Context(), "gone@example.org", happened)
			fault := migration.FaultOf(err)
			if fault == nil || fault.Code != c.code || !strings.Contains(err.Error(), c.text) || !strings.Contains(fault.Remedy, c.remedy) {
				t.Fatalf("got %v: %+v", err, fault)
			}
			for _, never := range []string{"stranger", "c4nary"} {
				if strings.Contains(fmt.Sprintf("%v %+v", err, *fault), never) {
					t.Errorf("it repeats %q: %v", never, err)
				}
			}
		})
	}
}

func TestATroubleThatNobodyKnowsHasARemedyToo(t *testing.T) {
	m := &MailServer{Host: "localhost", User: "mailhaul"}
	for text, want := range map[string]string{"EOF": "The line broke", "signing in: server does not support SMTP AUTH": "leave the user out"} {
		if fault := m.explained(errors.New(text)); !strings.Contains(fault.Remedy, want) {
			t.Errorf("%s: %+v", text, fault)
		}
	}
}

// closedPort is one at which nobody listens.
func closedPort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// talking is a port at which something says a line that is no SMTP.
func talking(t *testing.T, line string) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			fmt.Fprintf(conn, "%s\r\n", line)
			_, _ = bufio.NewReader(conn).ReadString('\n')
			conn.Close()
		}
	}()
	t.Cleanup(func() { listener.Close(); <-done })
	return listener.Addr().(*net.TCPAddr).Port
}

func TestASecretThatAServerRepeatsIsNotInTheAnswerOfATest(t *testing.T) {
	echo := &scripted{answers: map[string]string{"MAIL": "550 you signed in with " + mailPassword}}
	m := &MailServer{Host: "localhost", Security: migration.Cleartext, AllowCleartext: true, From: "mailhaul@example.org", Dial: echo.dial, Timeout: 2 * time.Second, Password: secret.New(mailPassword), User: ""}
	m.Password = secret.Text{}
	err := m.Probe(t.Context(), "olga@example.org", happened)
	if err == nil || !strings.Contains(err.Error(), "you signed in with") {
		t.Fatalf("got %v", err)
	}
	if text := withoutSecret(err, secret.New(mailPassword)).Error(); strings.Contains(text, "c4nary") {
		t.Errorf("kept: %s", text)
	}
}

// TestAChangeOfTheMailServerCountsForTheNextMail: nobody starts the server again.
func TestAChangeOfTheMailServerCountsForTheNextMail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, first, second := &desk{}, &scripted{}, &scripted{}
		batch := batchOf(1)
		type answer struct {
			server *MailServer
			err    error
		}
		var now atomic.Pointer[answer]
		now.Store(&answer{})
		s, err := New(Options{Store: d, Reports: oneReport{&batch}, Mail: func(context.Context) (*MailServer, error) { return now.Load().server, now.Load().err }})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		through := func(server *scripted) *MailServer {
			return &MailServer{Host: "localhost", Security: migration.Cleartext, AllowCleartext: true, From: "mailhaul@example.org", Dial: server.dial}
		}
		sent := func(server *scripted) int { return strings.Count(strings.Join(server.heard, "\n"), "\nDATA") }
		d.put(noticesOf("synced")[0])
		pass := func(d time.Duration) { time.Sleep(d); synctest.Wait() }
		pass(10 * time.Second)
		if !strings.Contains(d.notices[0].Trouble, "no mail server") {
			t.Errorf("without one: %q", d.notices[0].Trouble)
		}
		now.Store(&answer{err: errors.New("opening the password: it was sealed with another key")})
		pass(time.Minute)
		if !strings.Contains(d.notices[0].Trouble, "another key") {
			t.Errorf("with one that can't be had: %q", d.notices[0].Trouble)
		}
		now.Store(&answer{server: through(first)})
		pass(3 * time.Minute)
		now.Store(&answer{server: through(second)})
		d.put(noticesOf("synced")[0])
		pass(6 * time.Second)
		if sent(first) != 1 || sent(second) != 1 {
			t.Errorf("the first has sent %d, the second %d", sent(first), sent(second))
		}
		cancel()
		<-done
	})
}
