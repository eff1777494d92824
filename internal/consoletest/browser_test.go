package consoletest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/rigs/rig"
)

const (
	chromium = "/usr/bin/chromium"
	scripts  = "../../web/e2e"
	// scriptLimit bounds a script as a whole; its steps have limits of their own.
	scriptLimit = 8 * time.Minute
)

// missing says what this machine lacks to show the console, or "" when it can.
func missing() string {
	for file, remedy := range map[string]string{
		chromium: "install Debian's chromium", "../../web/node_modules/playwright-core": "run npm ci in web",
		"../../web/node_modules/axe-core": "run npm ci in web", "../web/dist/index.html": "run scripts/build-console",
	} {
		if _, err := os.Stat(file); err != nil {
			return fmt.Sprintf("%s is missing: %s", filepath.Clean(file), remedy)
		}
	}
	if _, err := exec.LookPath("node"); err != nil {
		return "node is missing: install Node 20.19 or newer"
	}
	return ""
}

// answers are what a script may ask for, by name.
type answers map[string]func(details json.RawMessage) (any, error)

// line is what a script prints.
type line struct {
	Step         string
	Milliseconds int
	Note, Found  string
	Ask          string
	Details      json.RawMessage
	Failed       string
	Error        string
	Pictures     []string
	Log          []string
	Done         bool
}

// play runs a script with what is given to it, and answers what it asks. The test
// fails with what the script finds.
func play(t *testing.T, script string, given map[string]any, a answers) {
	t.Helper()
	dir, err := os.MkdirTemp("", "consoletest-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !t.Failed() { // else the pictures stay
			_ = os.RemoveAll(dir)
		}
	})
	whole := maps.Clone(given)
	whole["dir"], whole["chromium"] = dir, chromium
	ctx, cancel := context.WithTimeout(t.Context(), scriptLimit)
	defer cancel()
	command := exec.CommandContext(ctx, "node", filepath.Join(scripts, script))
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) } // so that it ends its browser
	command.WaitDelay = 15 * time.Second
	var errs strings.Builder
	command.Stderr = &errs
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	p := &playing{t: t, in: json.NewEncoder(in), answers: a}
	_ = p.in.Encode(whole) // when it has ended its standard error says why
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		p.hear(lines.Bytes())
	}
	_ = in.Close()
	if err := command.Wait(); err != nil && !p.failed || !p.done && !p.failed {
		t.Fatalf("%s has ended early: %v %v\n%s", script, err, context.Cause(ctx), errs.String())
	}
}

// playing is a script that runs.
type playing struct {
	t            *testing.T
	in           *json.Encoder
	answers      answers
	done, failed bool
}

func (p *playing) hear(text []byte) {
	p.t.Helper()
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		p.t.Errorf("the script prints %q", text)
		return
	}
	switch {
	case l.Ask != "":
		p.answer(l)
	case l.Step != "":
		p.t.Logf("%6d ms  %s", l.Milliseconds, l.Step)
	case l.Note != "":
		p.t.Log(l.Note)
	case l.Found != "":
		p.t.Error(l.Found)
	case l.Failed != "":
		p.failed = true
		p.t.Errorf("%s: %s\npictures:\n  %s\nlog:\n  %s", l.Failed, l.Error, strings.Join(l.Pictures, "\n  "), strings.Join(l.Log, "\n  "))
	case l.Done:
		p.done = true
	}
}

func (p *playing) answer(l line) {
	p.t.Helper()
	act, known := p.answers[l.Ask]
	if !known {
		_ = p.in.Encode(map[string]any{"error": "the test knows no such thing"})
		return
	}
	answer, err := act(l.Details)
	if err != nil {
		_ = p.in.Encode(map[string]any{"error": err.Error()})
		return
	}
	_ = p.in.Encode(map[string]any{"answer": answer})
}

// require ends a test that this machine cannot run.
func require(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("browsers are not started with -short")
	}
	rig.Require(t, missing)
}
