package cli

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/imapfake"
)

// The variables that make a test binary something else: mailhaul itself, or the test of the
// pages within a network of its own.
const (
	actVariable    = "MAILHAUL_TEST_ACT"
	insideVariable = "MAILHAUL_TEST_PAGES"
)

// TestActAsMailhaul is mailhaul, when the test binary is started as such.
func TestActAsMailhaul(t *testing.T) {
	if os.Getenv(actVariable) == "" {
		t.Skip("runs as mailhaul for the test of the pages")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(Run(ctx, flag.Args(), Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})) //nolint:gocritic // it ends here
}

// TestThePagesCanBeTyped types every command of the guides as it stands, in a network of
// its own where their servers have their names: what a reader does works. It needs
// namespaces of Linux.
func TestThePagesCanBeTyped(t *testing.T) { typePages(t) }

func TestLongThePagesCanBeTyped(t *testing.T) {
	if os.Getenv("MAILHAUL_LONG") != "1" {
		t.Skip("all guides are typed with MAILHAUL_LONG=1")
	}
	typePages(t)
}

func typePages(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs a server for each page")
	}
	unshare := []string{"unshare", "--net", "--mount"}
	if os.Getuid() != 0 {
		unshare = append(unshare, "--user", "--map-root-user")
	}
	if out, err := exec.CommandContext(t.Context(), unshare[0], append(unshare[1:], "ip", "link", "set", "lo", "up")...).CombinedOutput(); err != nil {
		if os.Getenv("MAILHAUL_REQUIRE_RIGS") != "" {
			t.Fatalf("a network of its own: %v\n%s", err, out)
		}
		t.Skipf("there is no network of its own to be had here: %v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 14*time.Minute)
	defer cancel()
	inside := exec.CommandContext(ctx, unshare[0], append(unshare[1:], os.Args[0], "-test.run=^TestPagesInside$", "-test.v", "-test.timeout=14m")...)
	inside.Env = append(os.Environ(), insideVariable+"=1")
	out, err := inside.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestPagesInside")) {
		t.Errorf("%v\n%s", err, out)
	}
}

// guides are the pages whose commands are typed, in the order of the page.
var guides = []string{"README.md", "docs/quickstart.md", "docs/operations.md", "docs/imapsync.md"}

// notTyped are commands of the guides that cannot be run here, with the reason.
var notTyped = map[string]string{
	"mailhaul setting test-mail anna@example.org": "needs a mail server; TestAMailServerThatIsSetWhileTheServerRunsGetsTheReports has one",
}

// notGuides are the other pages with commands, with the reason why they are not typed.
var notGuides = map[string]string{
	"docs/estimate.md":  "tells of days of copying; the tests of estimates have them",
	"docs/handover.md":  "needs a mailbox that was copied; the tests of hand-overs have one",
	"docs/cutover.md":   "needs the servers of a domain's zone; the tests of cutover play them",
	"docs/cli.md":       "has the examples of the commands, which are in the guides as well",
	"docs/office365.md": "needs a tenant of Microsoft; the API tests and onlinetest play it",
	"docs/google.md":    "needs a Workspace of Google; the tests of token play it",
}

func TestEveryPageIsTypedOrExcused(t *testing.T) {
	known := map[string]bool{}
	for _, page := range guides {
		known[page] = true
	}
	for page := range notGuides {
		known[page] = true
	}
	for _, path := range pages(t) {
		name := strings.TrimPrefix(path, "../../")
		has := false
		for _, line := range typedLines(readPage(t, path)) {
			has = has || line.command() != nil
		}
		if has != known[name] {
			t.Errorf("%s: has commands %v, is in a list %v", name, has, known[name])
		}
	}
}

// TestPagesInside runs within the network of its own.
func TestPagesInside(t *testing.T) {
	if os.Getenv(insideVariable) == "" {
		t.Skip("runs within the network of TestThePagesCanBeTyped")
	}
	w, typed := newPageWorld(t), guides
	if os.Getenv("MAILHAUL_LONG") != "1" {
		typed = guides[:2] // all of them take a minute
	}
	for _, page := range typed {
		t.Run(page, func(t *testing.T) { w.run(t, page) })
	}
	t.Run("docs/office365.md", func(t *testing.T) {
		r := w.reader(t)
		for _, line := range typedLines(readPage(t, "../../docs/office365.md")) {
			if regexp.MustCompile(`^(openssl|cat|umask) `).MatchString(line.text) {
				r.typeIn(line)
			}
		}
		if pem, err := os.ReadFile(filepath.Join(r.home, "app.pem")); err != nil || bytes.Count(pem, []byte("BEGIN")) != 2 {
			t.Errorf("app.pem: %v", err)
		}
	})
}

// The addresses of the servers of the pages (RFC 5737).
const (
	oldAddress  = "192.0.2.1"
	newAddress  = "192.0.2.2"
	mailAddress = "192.0.2.3"
)

// pageWorld is what the pages speak of: names, servers, an authority of certificates.
type pageWorld struct {
	caFile     string
	ca         *imapfake.CA
	executable string
}

func newPageWorld(t *testing.T) *pageWorld {
	t.Helper()
	dir := t.TempDir()
	w := &pageWorld{caFile: filepath.Join(dir, "ca.pem")}
	var err error
	if w.executable, err = os.Executable(); err != nil {
		t.Fatal(err)
	}
	if w.ca, err = imapfake.NewCA(); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"ca.pem":      string(w.ca.PEM()),
		"hosts":       "127.0.0.1 localhost\n" + oldAddress + " old.example.org imap.old.example.org\n" + newAddress + " new.example.org imap.new.example.org\n" + mailAddress + " mail.example.org\n",
		"resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, command := range [][]string{
		{"ip", "link", "set", "lo", "up"}, {"ip", "address", "add", oldAddress + "/32", "dev", "lo"}, {"ip", "address", "add", newAddress + "/32", "dev", "lo"}, {"ip", "address", "add", mailAddress + "/32", "dev", "lo"},
		{"mount", "--bind", filepath.Join(dir, "hosts"), "/etc/hosts"}, {"mount", "--bind", filepath.Join(dir, "resolv.conf"), "/etc/resolv.conf"},
	} {
		if out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", command, err, out)
		}
	}
	names := zone{}
	names.add("A", "imap.old.example.org", 192, 0, 2, 1)
	names.srv("_imaps._tcp.example.org", "imap.old.example.org", 993)
	names.serveAt(t, "127.0.0.1:53")
	return w
}

// pageReader is somebody who types a page's commands, with a home of his own.
type pageReader struct {
	*testing.T
	home, token string
	env         []string
}

func (w *pageWorld) reader(t *testing.T) *pageReader {
	t.Helper()
	home := t.TempDir()
	r := &pageReader{T: t, home: home, env: []string{
		"HOME=" + home, "PATH=" + filepath.Join(home, "bin") + ":" + os.Getenv("PATH"), "SSL_CERT_FILE=" + w.caFile, "LANG=C.UTF-8", "TMPDIR=" + t.TempDir(),
		"MAILHAUL_SOURCE_PASSWORD=old-secret", "MAILHAUL_TARGET_PASSWORD=new-secret", "MAILHAUL_SERVER_PASSWORD=old-secret", "MAILHAUL_PASSWORD=correct horse battery staple", "MAILHAUL_SMTP_PASSWORD=mail-secret",
	}}
	header := "EmailAddress,UserName,Password,TargetPassword\n"
	everybody := header
	for n := range 22 {
		everybody += fmt.Sprintf("user%d@example.org,user%d,old-secret,new-secret\n", n, n)
	}
	few := header + "anna@example.org,anna,old-secret,new-secret\nben@example.org,ben,old-secret,new-secret\n"
	for name, text := range map[string]string{
		"bin/mailhaul": "#!/bin/sh\n" + actVariable + "=1 exec " + quoted(w.executable) + " '-test.run=^TestActAsMailhaul$' -- \"$@\"\n",
		"pilot.csv":    few, "mailboxes.csv": few, "everybody.csv": everybody, "pw": "new-secret\n",
		"sync.sh":   "imapsync --host1 old.example.org --user1 anna --password1 old-secret --host2 new.example.org --user2 anna --password2 new-secret --automap\n",
		"file.txt":  "old.example.org;anna;old-secret;new.example.org;anna@example.org;new-secret;\n",
		"users.txt": "anna;old-secret;anna;new-secret\n",
	} {
		path := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// run types all commands of a page.
func (w *pageWorld) run(t *testing.T, page string) {
	w.serve(t, oldAddress, "old-secret", []string{"old.example.org", "imap.old.example.org"}, []string{"anna", "ben", "user%d"}, 3)
	w.serve(t, newAddress, "new-secret", []string{"new.example.org", "imap.new.example.org"}, []string{"anna", "anna@example.org", "ben@example.org", "test@example.org", "user%d@example.org"}, 0)
	r := w.reader(t)
	typedAny := false
	for _, line := range typedLines(readPage(t, "../../"+page)) {
		words := line.command()
		if _, excused := notTyped[line.text]; words == nil || excused || t.Failed() {
			continue
		}
		typedAny = true
		if words[0] == "serve" {
			r.startServer(line)
			continue
		}
		r.typeIn(line)
	}
	if !typedAny {
		t.Error("no command was typed")
	}
}

// serve has a mail server at port 993 of an address.
func (w *pageWorld) serve(t *testing.T, address, password string, names, users []string, letters int) {
	t.Helper()
	certificate, err := w.ca.Issue(names...)
	if err != nil {
		t.Fatal(err)
	}
	server := imapfake.New(imapfake.Options{})
	t.Cleanup(server.Close)
	for _, user := range users {
		for n := range 22 {
			name := user
			if strings.Contains(user, "%d") {
				name = fmt.Sprintf(user, n)
			} else if n > 0 {
				break
			}
			box := server.AddUser(name, password)
			for i := range letters {
				box.Deliver("INBOX", fmt.Appendf(nil, "Subject: letter %d\r\n\r\nto %s\r\n", i, name), time.Unix(1_700_000_000+int64(i), 0))
			}
		}
	}
	real, err := server.ListenTLS(certificate)
	if err != nil {
		t.Fatal(err)
	}
	forward(t, net.JoinHostPort(address, "993"), real)
}

// forward hands connections on.
func forward(t *testing.T, from, to string) {
	t.Helper()
	listener, err := net.Listen("tcp", from)
	if err != nil {
		t.Fatal(err)
	}
	var lines sync.WaitGroup
	lines.Go(func() {
		for {
			line, err := listener.Accept()
			if err != nil {
				return
			}
			lines.Go(func() {
				defer line.Close()
				onward, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer onward.Close()
				back := make(chan struct{})
				go func() {
					_, _ = io.Copy(line, onward)
					line.Close()
					close(back)
				}()
				_, _ = io.Copy(onward, line)
				onward.Close()
				<-back
			})
		}
	})
	t.Cleanup(func() { listener.Close() })
}

// shell is a command line of the page, ready to run.
func (r *pageReader) shell(ctx context.Context, line string) *exec.Cmd {
	command := exec.CommandContext(ctx, "sh", "-c", line)
	command.Dir, command.Env = r.home, r.env
	if strings.Contains(line, "endpoint test imaps://anna@new.") {
		command.Env = append(command.Env, "MAILHAUL_SERVER_PASSWORD=new-secret")
	}
	if r.token != "" {
		command.Env = append(command.Env, "MAILHAUL_SETUP_TOKEN="+r.token)
	}
	return command
}

// typeIn types a line and wants it to succeed. An estimate needs mailboxes that were
// copied, so that a person would look again.
func (r *pageReader) typeIn(line typed) {
	r.Helper()
	deadline := time.Now().Add(5 * time.Minute)
	for {
		ctx, cancel := context.WithDeadline(r.Context(), deadline)
		out, err := r.shell(ctx, line.text).CombinedOutput()
		cancel()
		if err != nil && strings.Contains(line.text, " batch estimate ") && time.Now().Before(deadline) {
			continue
		}
		if err != nil {
			r.Errorf("line %d: %s: %v\n%s", line.line, line.text, err, out)
		}
		return
	}
}

// startServer starts a server that runs until the page is done, and takes its setup
// token.
func (r *pageReader) startServer(line typed) {
	r.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	command := r.shell(ctx, "exec "+line.text)
	out := &watched{want: "mailhaul operator setup", come: make(chan struct{})}
	command.Stdout, command.Stderr = out, &watched{}
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 40 * time.Second
	if err := command.Start(); err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() {
		cancel()
		_ = command.Wait()
	})
	select {
	case <-out.come:
	case <-time.After(2 * time.Minute):
		r.Fatalf("line %d: %s: no setup token within 2 minutes\n%s%s", line.line, line.text, out, command.Stderr)
	}
	r.token = regexp.MustCompile(`(?m)^  (\S+)$`).FindStringSubmatch(out.String())[1]
}
