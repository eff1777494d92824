package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// watched is output that tells when a text has come.
type watched struct {
	mu   sync.Mutex
	text bytes.Buffer
	want string
	come chan struct{}
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.text.Write(p)
	if w.want != "" && strings.Contains(w.text.String(), w.want) {
		w.want = ""
		close(w.come)
	}
	return n, err
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

func runForDemo(t *testing.T, args ...string) (status int, out, errs string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var o, e bytes.Buffer
	status = Run(ctx, args, Streams{In: strings.NewReader(""), Out: &o, Err: &e})
	return status, o.String(), e.String()
}

// noFiles makes a place for temporary files and checks in the end that it is
// empty.
func noFiles(t *testing.T) {
	t.Helper()
	place := t.TempDir()
	t.Setenv("TMPDIR", place)
	t.Cleanup(func() {
		if entries, err := os.ReadDir(place); err != nil || len(entries) > 0 {
			t.Errorf("left behind: %v, %v", entries, err)
		}
	})
}

// commandsIn finds the commands that are printed to be tried, and the directory
// to go to.
func commandsIn(out string) (directory string, commands [][]string) {
	out = strings.ReplaceAll(out, "\\\n", " ")
	for line := range strings.Lines(out) {
		words := strings.Fields(line)
		if len(words) == 2 && words[0] == "cd" {
			directory = words[1]
		}
		if len(words) > 1 && words[0] == program() && strings.HasPrefix(line, "  ") {
			commands = append(commands, words[1:])
		}
	}
	return directory, commands
}

func TestDemoOnceCopiesAndComparesAndLeavesNothing(t *testing.T) {
	noFiles(t)
	status, out, errs := runForDemo(t, "demo", "--once")
	if status != exitDone || strings.Count(out, "read byte by byte), 0 differences") != 7 || !strings.Contains(out, "at the target, once each") {
		t.Errorf("exit status %d\n%s\n%s", status, out, errs)
	}
	if _, commands := commandsIn(out); len(commands) > 0 {
		t.Errorf("there is nothing to try after --once, but it prints %v", commands)
	}
}

func TestDemoPrintsCommandsThatWorkAndKeepsItsFiles(t *testing.T) {
	noFiles(t)
	kept := filepath.Join(t.TempDir(), "kept")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, errs := &watched{want: "for a browser:\n", come: make(chan struct{})}, &watched{}
	ended := make(chan int, 1)
	go func() {
		ended <- Run(ctx, []string{"demo", "--keep", kept}, Streams{In: strings.NewReader(""), Out: out, Err: errs})
	}()
	select {
	case <-out.come:
	case status := <-ended:
		t.Fatalf("exit status %d\n%s\n%s", status, out, errs)
	}
	for _, name := range []string{"MAILHAUL_SERVER", "MAILHAUL_TOKEN_FILE"} {
		_, value, _ := strings.Cut(out.String(), name+"=")
		t.Setenv(name, strings.Fields(value + " -")[0])
	}
	directory, commands := commandsIn(out.String())
	if directory != kept {
		t.Errorf("it says cd %s, want %s", directory, kept)
	}
	tryCommands(t, directory, commands)
	cancel()
	if status := <-ended; status != exitDone {
		t.Errorf("exit status %d after Ctrl-C, want 0", status)
	}
	checkKept(t, kept, out.String()+errs.String())
	if status, _, errs := runForDemo(t, "demo", "--once", "--keep", kept); status != exitUsage || !strings.Contains(errs, "not empty") {
		t.Errorf("a directory with files in it: exit status %d, %s", status, errs)
	}
}

// checkKept checks the files of a demo, and that none of its passwords was
// printed.
func checkKept(t *testing.T, kept, printed string) {
	t.Helper()
	if info, err := os.Stat(kept); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%s: %v, %v", kept, info, err)
	}
	for _, name := range []string{"mailboxes.csv", "broken.csv", "ca.pem", "ledger.db", "report.html", "server.log", "data/mailhaul.db"} {
		if _, err := os.Stat(filepath.Join(kept, name)); err != nil {
			t.Error(err)
		}
	}
	passwords, err := filepath.Glob(filepath.Join(kept, "*.password"))
	if err != nil || len(passwords) != 12 {
		t.Fatalf("%v, %v", passwords, err)
	}
	for _, path := range passwords {
		password, err := os.ReadFile(path)
		if err != nil || strings.Contains(printed, strings.TrimSpace(string(password))) {
			t.Errorf("%s was printed, or: %v", path, err)
		}
	}
}

// tryCommands runs every command as a person would, from the directory.
func tryCommands(t *testing.T, directory string, commands [][]string) {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chdir(directory); err != nil {
		t.Fatal(err)
	}
	defer os.Chdir(here)
	wanted := map[string]struct {
		status int
		text   string
	}{
		"batch show": {exitDone, "Synced"}, "mailbox list": {exitDone, "anna@ark.example"}, "mailbox sync": {exitDone, "anna@ark.example"}, "mailbox show": {exitDone, "228 messages"},
		"verify --csv": {exitDone, " 0 differences"}, "demo deliver": {exitDone, "in the INBOX of anna"}, "endpoint test old": {exitDone, "ok   greeting"},
		"endpoint test imaps": {exitDone, "ok   folders"}, "csv check": {exitUsage, "broken.csv: "}, "backup backup.db": {exitDone, "backup.db"}, "audit list": {exitDone, "batch.create"},
	}
	for _, args := range commands {
		name := args[0] + " " + args[1]
		if name == "endpoint test" {
			kind, _, _ := strings.Cut(args[2], ":")
			name += " " + kind
		}
		want, known := wanted[name]
		if !known {
			t.Errorf("this test does not know %v", args)
		}
		delete(wanted, name)
		status, out, errs := runForDemo(t, args...)
		// What was asked for takes its time; a person would look again.
		for deadline := time.Now().Add(time.Minute); name == "mailbox show" && !strings.Contains(out, want.text) && time.Now().Before(deadline); {
			status, out, errs = runForDemo(t, args...)
		}
		if status != want.status || !strings.Contains(out+errs, want.text) {
			t.Errorf("%v: exit status %d, want %d and %q\n%s\n%s", args, status, want.status, want.text, out, errs)
		}
	}
	if len(wanted) > 0 {
		t.Errorf("nothing was printed for %v", wanted)
	}
}

func TestDemoDeliversToThisComputerOnly(t *testing.T) {
	for address, want := range map[string]string{
		"imaps://anna@mail.example.org": "not on this computer",
		"imaps://127.0.0.1":             "user name is missing",
	} {
		if status, _, errs := runForDemo(t, "demo", "deliver", address); status != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("%s: exit status %d, %s", address, status, errs)
		}
	}
}

func TestDemoPathsAreQuotedForTheShell(t *testing.T) {
	for text, want := range map[string]string{"/tmp/x-1": "/tmp/x-1", "/tmp/a b": "'/tmp/a b'", "/tmp/it's": `'/tmp/it'\''s'`} {
		if got := quoted(text); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}
