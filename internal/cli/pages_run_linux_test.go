package cli

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/rigs/effort"
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
func TestThePagesCanBeTyped(t *testing.T) {
	t.Parallel()
	typePages(t)
}

func TestLongThePagesCanBeTyped(t *testing.T) {
	effort.NeedLong(t)
	t.Parallel()
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

// guide is a page whose commands are typed, and what it takes for granted.
type guide struct {
	page string
	// long: only with MAILHAUL_LONG=1, since all of them take a minute.
	long bool
	// files are the names of the migration files of the page, in its order; empty for
	// those that it only shows.
	files []string
	// first are commands that somebody has typed who comes to a line of the page.
	first map[string][]string
	// status are the commands that end with another exit status than 0.
	status map[string]int
	// answers are to what commands ask.
	answers map[string]string
}

// A server that runs, its operator and the endpoints of both ends.
func serverAndEndpoints() []string {
	return []string{"mailhaul serve", "mailhaul operator setup anna", "mailhaul endpoint create old imaps://imap.old.example.org", "mailhaul endpoint create new imaps://imap.new.example.org"}
}

// copied are the commands of a batch up to its first copies.
func copied(batch, file string) []string {
	return []string{"mailhaul batch create " + file + " --source old --target new --name " + batch + " --start", "mailhaul batch watch " + batch}
}

// readme is the page that make test types, too.
const readme = "README.md"

// guides are the pages with commands.
func guides() []guide {
	server, create := serverAndEndpoints()[:2], "mailhaul endpoint create "
	withPilot := slices.Concat(serverAndEndpoints(), copied("pilot", "pilot.csv"))
	pilots := slices.Concat(copied("pilot-night", "night.csv"), copied("pilot-day", "day.csv"))
	sizes := []string{"mailhaul survey --csv everybody.csv --source imaps://old.example.org --output survey.csv"}
	return []guide{
		{page: readme, files: []string{"mailboxes.csv", ""}},
		{page: "docs/quickstart.md", files: []string{"mailboxes.csv"}, // nobody has moved the records yet, and completing asks
			status:  map[string]int{"mailhaul cutover check example.org": exitSkipped},
			answers: map[string]string{"mailhaul batch complete mailboxes": "mailboxes"}},
		{page: "docs/cutover.md", first: map[string][]string{"mailhaul cutover plan contoso.com": server},
			status: map[string]int{"mailhaul cutover check contoso.com": exitSkipped}},
		{page: "docs/cmdlets.md", long: true, first: map[string][]string{"mailhaul endpoint list": server}},
		{page: "docs/install.md", long: true, first: map[string][]string{"mailhaul health": server}},
		{page: "docs/reports.md", long: true},
		{page: "docs/security.md", long: true, first: map[string][]string{"mailhaul keys rotate": server}},
		{page: "docs/handover.md", long: true, first: map[string][]string{
			"mailhaul mailbox handover pilot anna@example.org": withPilot,
			mailOwners + " --dry-run":                          {smtpSet},
		}, answers: map[string]string{mailOwners: "pilot"}},
		{page: "docs/operations.md", long: true},
		{page: "docs/imapsync.md", long: true},
		{page: "docs/estimate.md", long: true, first: map[string][]string{
			"mailhaul batch create everybody.csv --source old --target new --name pilot --first 20 --start": serverAndEndpoints(),
			"mailhaul batch estimate pilot-night --compare pilot-day":                                       pilots,
		}, status: map[string]int{"mailhaul batch create everybody.csv --source old --target new --name rest --skip-bad": exitUsage}}, // the pilot has them all by then
		{page: "docs/office365.md", long: true, files: []string{"pilot.csv", "", ""}, first: map[string][]string{
			create + "cloud --type office365 --tenant contoso.onmicrosoft.com --client-id CLIENT-ID --certificate-file app.pem":      server,
			create + "cloud --type office365 --tenant contoso.onmicrosoft.com --client-id CLIENT-ID --client-secret-file secret.txt": {"mailhaul endpoint delete cloud"}, // the page says: one of
		}},
		{page: "docs/google.md", long: true, files: []string{"pilot.csv", "accounts.csv"}, first: map[string][]string{
			create + "gmail --type gmail --service-account-file key.json": server,
			create + "gmail imaps://imap.gmail.com":                       {"mailhaul batch delete pilot --yes", "mailhaul endpoint delete gmail"}, // another reader
		}},
		{page: "docs/cli.md", long: true, first: map[string][]string{
			"mailhaul batch create pilot.csv --source old --target new --check-only":                                    serverAndEndpoints(),
			"mailhaul batch estimate pilot --mailboxes 5000 --within 8h":                                                slices.Concat(sizes, pilots),
			create + "old imaps://imap.old.example.org":                                                                 {"mailhaul batch delete pilot --yes", "mailhaul batch delete pilot-day --yes", "mailhaul batch delete pilot-night --yes", "mailhaul endpoint delete old"},
			create + "old imaps://imap.old.example.org --login master --admin-user admin --admin-password-file pw":      {"mailhaul endpoint delete old"},
			create + "new --type office365 --tenant contoso.onmicrosoft.com --client-id ID --client-secret-file secret": {"mailhaul endpoint delete new"},
		}},
	}
}

const (
	mailOwners = `mailhaul batch handover pilot --contact "The IT desk, room 7, phone 1234"`
	// smtpSet is the command of docs/operations.md that names the mail server.
	smtpSet = "mailhaul setting set --smtp-host mail.example.org --smtp-user mailhaul --smtp-from mailhaul@example.org"
)

// Every page with commands is among those that are typed; none of its commands is left out.
func TestEveryPageWithCommandsIsTyped(t *testing.T) {
	known := map[string]guide{}
	for _, g := range guides() {
		known[g.page] = g
	}
	inBlocks := linesInBlocks(t)
	for _, path := range pages(t) {
		name := strings.TrimPrefix(path, "../../")
		commands := map[string]bool{}
		for _, line := range everyLine(readPage(t, path), inBlocks) {
			commands[line.text] = line.command() != nil
		}
		has := slices.Contains(slices.Collect(maps.Values(commands)), true)
		if g, typed := known[name]; has != typed {
			t.Errorf("%s: has commands %v, is typed %v", name, has, typed)
		} else {
			for _, line := range slices.Concat(slices.Collect(maps.Keys(g.first)), slices.Collect(maps.Keys(g.status)), slices.Collect(maps.Keys(g.answers))) {
				if !commands[line] {
					t.Errorf("%s has no command %q", name, line)
				}
			}
		}
	}
}

// TestPagesInside runs within the network of its own.
func TestPagesInside(t *testing.T) {
	if os.Getenv(insideVariable) == "" {
		t.Skip("runs within the network of TestThePagesCanBeTyped")
	}
	w := newPageWorld(t)
	for _, g := range guides() {
		if !g.long && !effort.Quick() || g.page == readme || effort.Long() {
			t.Run(g.page, func(t *testing.T) { w.run(t, g) })
		}
	}
}

// pageReader is somebody who types a page's commands, with a home of his own.
type pageReader struct {
	*testing.T
	guide
	home, token string
	env         []string
	stop        func() // the server
}

func (w *pageWorld) reader(t *testing.T, g guide) *pageReader {
	t.Helper()
	home := t.TempDir()
	r := &pageReader{T: t, guide: g, home: home, stop: func() {}, env: []string{
		"HOME=" + home, "PATH=" + filepath.Join(home, "bin") + ":" + os.Getenv("PATH"), "SSL_CERT_FILE=" + w.caFile, "LANG=C.UTF-8", "GORACE=atexit_sleep_ms=0", "TMPDIR=" + t.TempDir(),
		"MAILHAUL_SOURCE_PASSWORD=old-secret", "MAILHAUL_TARGET_PASSWORD=new-secret", "MAILHAUL_SERVER_PASSWORD=old-secret", "MAILHAUL_PASSWORD=correct horse battery staple", "MAILHAUL_ADMIN_PASSWORD=new-secret", "MAILHAUL_SMTP_PASSWORD=" + mailCanary,
	}}
	for name, text := range w.files(t) {
		r.keep(name, text)
	}
	for i, text := range fileOfAPage.FindAllString(readPage(t, "../../"+g.page), -1) {
		if i < len(g.files) && g.files[i] != "" {
			r.keep(g.files[i], strings.ReplaceAll(text, "    ", ""))
		}
	}
	return r
}

// files are what the pages speak of and do not show.
func (w *pageWorld) files(t *testing.T) map[string]string {
	header := "EmailAddress,UserName,Password,TargetPassword\n"
	some := func(from, to int) (file string) {
		for n := from; n < to; n++ {
			file += fmt.Sprintf("user%d@example.org,user%d,old-secret,new-secret\n", n, n)
		}
		return header + file
	}
	few := header + "anna@example.org,anna,old-secret,new-secret\nben@example.org,ben,old-secret,new-secret\n"
	return map[string]string{
		"bin/mailhaul": "#!/bin/sh\n" + actVariable + "=1 exec " + quoted(w.executable) + " '-test.run=^TestActAsMailhaul$' -- \"$@\"\n",
		"pilot.csv":    few, "mailboxes.csv": few, "everybody.csv": some(0, 22), "night.csv": some(22, 28), "day.csv": some(28, 34),
		"pw": "new-secret\n", "p1": "old-secret\n", "p2": "new-secret\n", "secret": "cl13nt-c4nary\n", "secret.txt": "cl13nt-c4nary\n", "app-password": "abcd efgh ijkl mnop\n",
		"key.json": w.tokens.serviceAccount(t), "company-ca.pem": string(w.ca.PEM()), "mailhaul.conf": "listen = 127.0.0.1:8765\n",
		"sync.sh":   "imapsync --host1 old.example.org --user1 anna --password1 old-secret --host2 new.example.org --user2 anna --password2 new-secret --automap\n",
		"file.txt":  "old.example.org;anna;old-secret;new.example.org;anna@example.org;new-secret;\n",
		"users.txt": "anna;old-secret;anna;new-secret\n",
	}
}

func (r *pageReader) keep(name, text string) {
	r.Helper()
	path := filepath.Join(r.home, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		r.Fatal(err)
	}
}

// run types all commands of a page, those within its sentences too.
func (w *pageWorld) run(t *testing.T, g guide) {
	w.serve(t)
	r := w.reader(t, g)
	for _, line := range everyLine(readPage(t, "../../"+g.page), linesInBlocks(t)) {
		for _, earlier := range g.first[line.text] {
			r.typeIn(typed{line.line, earlier})
		}
		if line.command() != nil || ofAShell.MatchString(line.text) {
			r.typeIn(line)
		}
	}
}

// ofAShell are the commands of pages that are not ours, and are there on every machine.
var ofAShell = regexp.MustCompile(`^(openssl|cat|umask) `)

// shell is a command line of the page, ready to run. What stands for something else in
// it, or is a file of the machine, is replaced.
func (r *pageReader) shell(ctx context.Context, line string) *exec.Cmd {
	line = strings.NewReplacer("--client-id CLIENT-ID", "--client-id "+clientID, "--client-id ID", "--client-id "+clientID, "/etc/mailhaul.conf", "mailhaul.conf").Replace(line)
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

// typeIn types a line. Commands that run until they are stopped are: the demo at once, a
// server when the page is done or has another.
func (r *pageReader) typeIn(line typed) {
	r.Helper()
	switch words := line.command(); {
	case r.Failed():
	case len(words) > 0 && words[0] == "serve" && !slices.Contains(words, "--check-config"):
		r.startServer(line)
	case slices.Equal(words, []string{"demo"}):
		_, stop := r.start(line, "until Ctrl-C")
		stop()
	default:
		r.complete(line)
	}
}

// complete runs a command to its end. An estimate needs mailboxes that were copied, and
// deleting an endpoint waits for batches that are being deleted, so that a person would
// type it again.
func (r *pageReader) complete(line typed) {
	r.Helper()
	want, deadline := r.status[line.text], time.Now().Add(5*time.Minute)
	for {
		ctx, cancel := context.WithDeadline(r.Context(), deadline)
		command := r.shell(ctx, line.text)
		if answer, asked := r.answers[line.text]; asked {
			person, program := terminal(r.T)
			if _, err := person.WriteString(answer + "\n"); err != nil {
				r.Fatal(err)
			}
			command.Stdin = program
		}
		out, err := command.CombinedOutput()
		cancel()
		if err != nil && typedAgain.MatchString(line.text) && time.Now().Before(deadline) {
			continue
		}
		if command.ProcessState == nil || command.ProcessState.ExitCode() != want {
			r.Errorf("line %d: %s: %v\n%s", line.line, line.text, err, out)
		}
		return
	}
}

var typedAgain = regexp.MustCompile(` (batch estimate|endpoint delete) `)

// start starts a command that runs until it is stopped, and waits for a text of it.
func (r *pageReader) start(line typed, want string) (said string, stop func()) {
	r.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	command := r.shell(ctx, "exec "+line.text)
	out := &watched{want: want, come: make(chan struct{})}
	command.Stdout, command.Stderr = out, &watched{}
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 40 * time.Second
	if err := command.Start(); err != nil {
		r.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		cancel()
		_ = command.Wait()
	})
	r.Cleanup(stop)
	select {
	case <-out.come:
	case <-time.After(2 * time.Minute):
		r.Fatalf("line %d: %s: no %q within 2 minutes\n%s%s", line.line, line.text, want, out, command.Stderr)
	}
	return out.String(), stop
}

// startServer starts a server in the place of the one that runs, and takes the setup token
// of a new one.
func (r *pageReader) startServer(line typed) {
	r.Helper()
	r.stop()
	if r.token != "" {
		_, r.stop = r.start(line, "mailhaul serves at")
		return
	}
	var said string
	said, r.stop = r.start(line, "mailhaul operator setup")
	r.token = regexp.MustCompile(`(?m)^  (\S+)$`).FindStringSubmatch(said)[1]
}
