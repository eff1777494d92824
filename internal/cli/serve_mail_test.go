package cli

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/api"
	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/imapfake"
)

// mailCanary is the password at the mail server.
const mailCanary = "M4il-c4nary-of-settings"

// postOffice is a mail server that takes mail over TLS from who knows the password.
type postOffice struct {
	port int
	ca   *imapfake.CA
	// startTLS: TLS begins with the command of that name, nil for at once.
	startTLS *tls.Config

	mu    sync.Mutex
	mails []string
}

func newPostOffice(t *testing.T) *postOffice {
	t.Helper()
	ca, err := imapfake.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := ca.Issue("localhost")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		t.Fatal(err)
	}
	p := &postOffice{port: listener.Addr().(*net.TCPAddr).Port, ca: ca}
	p.serveAll(t, listener)
	return p
}

func (p *postOffice) serveAll(t *testing.T, listener net.Listener) {
	var lines sync.WaitGroup
	lines.Go(func() {
		for {
			line, err := listener.Accept()
			if err != nil {
				return
			}
			lines.Go(func() { p.serve(line) })
		}
	})
	t.Cleanup(func() { listener.Close(); lines.Wait() })
}

func (p *postOffice) serve(line net.Conn) {
	defer line.Close()
	_ = line.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprint(line, "220 ready\r\n")
	in, open := bufio.NewScanner(line), p.startTLS != nil
	for in.Scan() {
		word, rest, _ := strings.Cut(in.Text(), " ")
		switch strings.ToUpper(word) {
		case "EHLO":
			if open {
				fmt.Fprint(line, "250-localhost\r\n250 STARTTLS\r\n")
				continue
			}
			fmt.Fprint(line, "250-localhost\r\n250 AUTH PLAIN\r\n")
		case "STARTTLS":
			fmt.Fprint(line, "220 go on\r\n")
			line, open = tls.Server(line, p.startTLS), false
			in = bufio.NewScanner(line)
		case "AUTH":
			plain, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(rest, "PLAIN "))
			if string(plain) == "\x00mailhaul\x00"+mailCanary {
				fmt.Fprint(line, "235 OK\r\n")
			} else {
				fmt.Fprintf(line, "535 not with %s\r\n", plain)
			}
		case "DATA":
			fmt.Fprint(line, "354 go on\r\n")
			var text strings.Builder
			for in.Scan() && in.Text() != "." {
				fmt.Fprintln(&text, in.Text())
			}
			p.mu.Lock()
			p.mails = append(p.mails, text.String())
			p.mu.Unlock()
			fmt.Fprint(line, "250 OK\r\n")
		case "QUIT":
			fmt.Fprint(line, "221 bye\r\n")
			return
		default:
			fmt.Fprint(line, "250 OK\r\n")
		}
	}
}

// about counts the mails with a text.
func (p *postOffice) about(text string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, mail := range p.mails {
		if strings.Contains(mail, text) {
			n++
		}
	}
	return n
}

// eventually looks again and again until it is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(time.Minute); !so(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
}

// TestAMailServerThatIsSetWhileTheServerRunsGetsTheReports: also those of a batch that
// was made before.
func TestAMailServerThatIsSetWhileTheServerRunsGetsTheReports(t *testing.T) {
	t.Parallel()
	post, source := newPostOffice(t), imapfake.New(imapfake.Options{})
	t.Cleanup(source.Close)
	source.AddUser("anna", "another")
	at, err := source.Listen()
	if err != nil {
		t.Fatal(err)
	}
	s := serveTLS(t, "--allow-loopback")
	s.run("setting", "show").want(t, exitDone, "none: no mail is sent", "until they are deleted")
	s.run("setting", "test-mail", "olga@example.org").want(t, exitUsage, "There is no mail server", "Set one first")
	for _, name := range []string{"old", "new"} {
		s.run("endpoint", "create", name, "imap+plain://"+at, "--allow-cleartext", "--skip-verification").want(t, exitDone)
	}
	file := s.keep("pilot.csv", "EmailAddress,UserName,Password,TargetPassword\nanna@example.org,anna,not-that-one,neither\n")
	s.run("batch", "create", file, "--source", "old", "--target", "new", "--notify", "team@example.org").want(t, exitDone)

	set := []string{"setting", "set", "--smtp-host", "localhost", "--smtp-port", strconv.Itoa(post.port), "--smtp-security", "implicit", "--smtp-from", "mailhaul@example.org",
		"--smtp-ca", s.keep("ca.pem", string(post.ca.PEM())), "--smtp-user", "mailhaul", "--smtp-password-file"}
	s.run(append(set, s.keep("wrong", "wr0ng-c4nary\n"))...).want(t, exitDone, "localhost", "kept", "authorities of its own")
	refused := s.run("setting", "test-mail", "olga@example.org")
	refused.want(t, exitLogin, "status 535", "what to do: Check the user name and the password")
	s.run("setting", "set", "--smtp-port", "25").want(t, exitUsage, "smtp.password: must be given again")
	s.run(append(set, s.keep("right", mailCanary+"\n"))...).want(t, exitDone)
	s.run("setting", "test-mail", "olga@example.org").want(t, exitDone, "has taken the mail to olga@example.org")
	if post.about("Subject: Test of mailhaul's mail server") != 1 {
		t.Error("the test mail did not arrive")
	}

	s.run("batch", "start", "pilot").want(t, exitDone)
	eventually(t, "a report", func() bool { return post.about(`"pilot" has failed`) == 1 })
	s.run("setting", "set", "--keep-completed", "2160h", "--smtp-host", "").want(t, exitDone, "no mail is sent", "2160h0m0s")
	s.run("setting", "set").want(t, exitUsage, "nothing to change")
	for name, text := range map[string]string{"log": s.log.String(), "refusal": refused.out + refused.err, "audit log": s.run("audit", "list").out} {
		if strings.Contains(text, "c4nary") || text == "" {
			t.Errorf("the %s has a password, or is empty: %s", name, text)
		}
	}
}

func TestAMailServerOfTheSettingsIsReachedAsThePolicyAllows(t *testing.T) {
	post := newPostOffice(t)
	s := serveTLS(t)
	s.run("setting", "set", "--smtp-host", "localhost", "--smtp-port", strconv.Itoa(post.port), "--smtp-security", "implicit", "--smtp-from", "mailhaul@example.org").want(t, exitDone)
	s.run("setting", "test-mail", "olga@example.org").want(t, exitConnection, "this machine", "--allow-loopback")
}

func TestWhatTheServerWasStartedWithIsShownAndStays(t *testing.T) {
	post := newPostOffice(t)
	dir := t.TempDir()
	ca, password := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "password")
	for path, text := range map[string]string{ca: string(post.ca.PEM()), password: mailCanary + "\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := serveTLS(t, "--smtp-host", "localhost", "--smtp-port", strconv.Itoa(post.port), "--smtp-security", "implicit", "--smtp-from", "mailhaul@example.org",
		"--smtp-ca", ca, "--smtp-user", "mailhaul", "--smtp-password-file", password, "--keep-completed", "48h")
	s.run("setting", "show").want(t, exitDone, "localhost (the server was started with it)", "48h0m0s (the server was started with it)")
	s.run("setting", "set", "--smtp-from", "b@example.org").want(t, exitUsage, "was started with a mail server")
	s.run("setting", "set", "--keep-completed", "0").want(t, exitUsage, "was started with keep-completed")
	// It may be on this machine: whoever starts the server says so.
	s.run("setting", "test-mail", "olga@example.org").want(t, exitDone, "has taken the mail")
}

// codeOf is the code that an app shows for a secret.
func codeOf(t *testing.T, text string) control.Password {
	t.Helper()
	key, err := base32.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha1.New, key)
	_ = binary.Write(mac, binary.BigEndian, time.Now().Unix()/30)
	sum := mac.Sum(nil)
	number := binary.BigEndian.Uint32(sum[sum[19]&15:]) & (1<<31 - 1)
	return control.Password(fmt.Sprintf("%06d", number%1_000_000))
}

// as gives a client with the session of an operator.
func (s *tlsServer) as(name string, password control.Password) *api.Client {
	s.Helper()
	ca, err := os.ReadFile(s.trusting[3])
	if err != nil {
		s.Fatal(err)
	}
	client, err := api.NewClient(api.ClientOptions{Server: s.url, CA: ca})
	if err == nil {
		_, err = client.SignIn(s.Context(), name, password, "")
	}
	if err != nil {
		s.Fatal(err)
	}
	return client
}

func TestAPasswordAndACodeSignIn(t *testing.T) {
	t.Parallel()
	s := serveTLS(t)
	password, token := s.keep("password", "olga's password\n"), filepath.Join(t.TempDir(), "token")
	s.run("operator", "create", "olga", "--password-file", password).want(t, exitDone)
	olga := s.as("olga", "olga's password")
	begun, err := olga.BeginTOTP(t.Context(), "olga's password")
	if err != nil {
		t.Fatal(err)
	}
	recovery, err := olga.ConfirmTOTP(t.Context(), codeOf(t, string(begun.Secret)))
	if err != nil || len(recovery.Codes) != 10 {
		t.Fatal(recovery, err)
	}
	login := []string{"login", "olga", "--password-file", password}
	as := func(args ...string) output {
		return execute(t, append(args, append(s.trusting[:4:4], "--token-file", token)...)...)
	}
	as(login...).want(t, exitUsage, "the code of the app", "--code-file", "MAILHAUL_CODE")
	as(append(login, "--code-file", s.keep("code", "wrong-code\n"))...).want(t, exitLogin, "The code is wrong")
	as(append(login, "--code-file", s.keep("code", string(recovery.Codes[0])+"\n"))...).want(t, exitDone, "signed in as olga")
	// Its token is asked for no code, and lists the session that the browser has.
	sessions, err := olga.Sessions(t.Context())
	if err != nil || len(sessions) != 1 || !sessions[0].Current {
		t.Fatal(sessions, err)
	}
	as("session", "list").want(t, exitDone, sessions[0].ID, "127.0.0.1")
	s.run("operator", "list").want(t, exitDone, "second factor", "code")
	change := []string{"operator", "password", "--old-password-file", password, "--password-file", s.keep("new", "olga's other password\n")}
	as(append(change, "--code-file", s.keep("code", string(recovery.Codes[1])+"\n"))...).want(t, exitDone, "password of olga was changed", "mailhaul login olga")
	as("session", "list").want(t, exitLogin)
	login[3] = s.keep("new", "olga's other password\n")
	s.run("operator", "set", "olga", "--reset-totp").want(t, exitDone)
	olga = s.as("olga", "olga's other password")
	if sessions, err = olga.Sessions(t.Context()); err != nil || len(sessions) != 1 {
		t.Fatal(sessions, err)
	}
	as(login...).want(t, exitDone, "signed in as olga")
	as("session", "end", sessions[0].ID).want(t, exitDone)
	as("session", "end", sessions[0].ID).want(t, exitUsage, "There is no session")
	if strings.Contains(s.log.String(), string(begun.Secret)) || strings.Contains(s.log.String(), string(recovery.Codes[0])) {
		t.Error("the log has a secret")
	}
}
