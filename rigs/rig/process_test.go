package rig

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program is a server of sorts: a shell with a child, which both are stubborn when
// asked to be.
const program = `
[ "$2" = stubborn ] && trap '' TERM
/bin/sh -c "while :; do sleep 0.05; done # $1" &
echo ready
wait
[ "$2" = stubborn ] && wait
`

func launch(t *testing.T, l Launch, words ...string) *Process {
	t.Helper()
	dir, err := MakeDir(filepath.Join(t.TempDir(), "server"), "")
	if err != nil {
		t.Fatal(err)
	}
	l.Dir, l.Marks = dir, []string{dir}
	l.Command = exec.Command("/bin/sh", append([]string{"-c", program, "server", dir}, words...)...)
	p, err := l.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Stop() })
	until(t, "the server is ready", func() bool { return strings.Contains(p.Output(), "ready") && len(p.members()) >= 2 })
	return p
}

// until waits for something to come true.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(20 * time.Second)
	for !holds() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("not in 20 s: %s", what)
		}
	}
}

func TestStopEndsEverything(t *testing.T) {
	p := launch(t, Launch{})
	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(p.Dir); !os.IsNotExist(err) {
		t.Errorf("the directory is still there: %v", err)
	}
	if left := p.members(); len(left) > 0 || p.Running() {
		t.Errorf("processes are left: %v", left)
	}
	if err := p.Stop(); err != nil {
		t.Errorf("a second stop: %v", err)
	}
}

func TestAServerThatDoesNotObeyIsKilled(t *testing.T) {
	p := launch(t, Launch{Limit: 100 * time.Millisecond}, "stubborn")
	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	if left := p.members(); len(left) > 0 || p.Running() {
		t.Errorf("processes are left: %v", left)
	}
}

func TestAServerEndsWithTheProcessThatStartedIt(t *testing.T) {
	p := launch(t, Launch{})
	go p.reap()                                  // It is our child still, so we reap it.
	if err := p.guard.pipe.Close(); err != nil { // As the kernel does for the dead.
		t.Fatal(err)
	}
	until(t, "the server has ended", func() bool { return len(p.members()) == 0 })
	until(t, "the directory is removed", func() bool {
		_, err := os.Stat(p.Dir)
		return os.IsNotExist(err)
	})
}

func TestOnlyMarkedProcessesAreTheServers(t *testing.T) {
	p := launch(t, Launch{})
	stranger := &Process{PID: p.PID, marks: []string{"another mark"}}
	if pids := stranger.members(); len(pids) > 0 {
		t.Errorf("%v are taken for a stranger's", pids)
	}
}

func TestADetachedServerIsFoundAndStopped(t *testing.T) {
	p := launch(t, Launch{Detached: true})
	if err := p.Save(State{Port: 7, Password: "secret"}); err != nil {
		t.Fatal(err)
	}
	st, err := Status(p.Dir)
	if err != nil || !st.Running || st.Port != 7 || st.PID != p.PID || st.Dir != p.Dir {
		t.Fatalf("status is %+v, %v", st, err)
	}
	var reaping sync.WaitGroup
	reaping.Go(p.reap) // It is our child, so we reap it.
	if err := StopDetached(t.Context(), p.Dir); err != nil {
		t.Fatal(err)
	}
	if _, err := Status(p.Dir); err == nil {
		t.Error("the stopped server still has a status")
	}
	reaping.Wait()
	for _, pid := range p.members() {
		_ = syscall.Kill(pid, syscall.SIGKILL) // This server does not end its child.
	}
}

func TestACommandLineThatIsWrongStartsNothing(t *testing.T) {
	c := Command{Name: "some", Flags: func(f *flag.FlagSet) { f.Bool("fast", false, "be fast") }}
	for _, args := range [][]string{nil, {"start"}, {"start", "-fast"}, {"start", "dir", "-slow"}, {"begin", "dir"}} {
		var out bytes.Buffer
		if err := c.Run(t.Context(), args, &out); err == nil || errors.Is(err, flag.ErrHelp) {
			t.Errorf("%q: %v", args, err)
		}
	}
	var out bytes.Buffer
	if err := c.Run(t.Context(), []string{"--help"}, &out); !errors.Is(err, flag.ErrHelp) || !strings.Contains(out.String(), "be fast") {
		t.Errorf("help is %q, %v", out.String(), err)
	}
}

func TestAStateIsShownWithoutWhatItLacks(t *testing.T) {
	dir := t.TempDir()
	p := &Process{Dir: dir, PID: os.Getpid(), marks: []string{"no such mark"}}
	for _, st := range []State{{Port: 7}, {Port: 7, TLSPort: 8, CAFile: "ca"}} {
		if err := p.Save(st); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := (Command{Name: "some"}).Run(t.Context(), []string{"status", dir}, &out); err != nil {
			t.Fatal(err)
		}
		for _, line := range []string{"port=7", "running=false", "pid=" + strconv.Itoa(os.Getpid())} {
			if !strings.Contains(out.String(), line) {
				t.Errorf("no %q in %q", line, out.String())
			}
		}
		if got := strings.Contains(out.String(), "tls_port="); got != (st.TLSPort != 0) {
			t.Errorf("%q", out.String())
		}
	}
}

func TestADirectoryThatOthersCannotEnterIsRefused(t *testing.T) {
	dir, err := os.MkdirTemp("", "rig-") // its mode is 0700
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	inner := filepath.Join(dir, "inner")
	if err := os.Mkdir(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	if Reachable(inner) == nil {
		t.Error("it is reachable")
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Reachable(inner); err != nil {
		t.Error(err)
	}
}

func TestAPasswordThatBreaksAConfigurationIsRefused(t *testing.T) {
	for _, password := range []string{"with space", "a'b", `a"b`, "a#b", "a\nb", `a\b`} {
		if CheckPassword(password) == nil {
			t.Errorf("%q is accepted", password)
		}
	}
}
