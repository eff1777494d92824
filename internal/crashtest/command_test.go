package crashtest

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// process is a mailhaul command under way, with what it has said.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
	exited         chan struct{}
}

// start runs a program whose passwords are in the environment.
func start(t *testing.T, name string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(name, args...), exited: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	p.cmd.Env = append(os.Environ(), "MAILHAUL_SOURCE_PASSWORD="+password, "MAILHAUL_TARGET_PASSWORD="+password)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.exited)
		_ = p.cmd.Wait()
	}()
	t.Cleanup(p.kill)
	return p
}

// kill ends it by SIGKILL and waits for it.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// within reports whether it ended by itself in time.
func (p *process) within(limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.exited:
		return true
	case <-timer.C:
		return false
	}
}

// status waits for the end and gives the exit status, -1 after a signal.
func (p *process) status(t *testing.T) int {
	t.Helper()
	if !p.within(passLimit) {
		p.kill()
		t.Fatalf("the command did not end in %v:\n%s", passLimit, p.stderr.String())
	}
	return p.cmd.ProcessState.ExitCode()
}

// totals is the part of the JSON summary the tests look at.
type totals struct {
	Total struct {
		Messages struct{ Source, Copied, Present, Skipped, Gone int }
	}
}

func (p *process) totals(t *testing.T) totals {
	t.Helper()
	var sums totals
	if err := json.Unmarshal(p.stdout.Bytes(), &sums); err != nil {
		t.Fatalf("the summary is no JSON: %v\n%s", err, p.stdout.String())
	}
	return sums
}

// finish runs a command to its end, which must be good, and gives its counts.
func finish(t *testing.T, name string, args ...string) totals {
	t.Helper()
	p := start(t, name, args...)
	if status := p.status(t); status != 0 {
		t.Fatalf("exit status %d:\n%s%s", status, p.stdout.String(), p.stderr.String())
	}
	sums := p.totals(t)
	if n := sums.Total.Messages; n.Source != n.Copied+n.Present+n.Skipped+n.Gone {
		t.Errorf("the counts do not add up: %+v", n)
	}
	return sums
}
