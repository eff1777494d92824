package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// timeProgram is GNU time. The kernel counts as a process's greatest memory also
// what its parent had when it was started, and this process holds the mail; so a
// small program starts the contender.
const timeProgram = "/usr/bin/time"

// measure runs a program in dir, with its home there, and tells what it needed.
// The memory is unknown where GNU time is not installed.
func measure(ctx context.Context, dir string, argv []string) (usage, error) {
	memory := filepath.Join(dir, "memory.kb")
	if _, err := os.Stat(timeProgram); err == nil {
		argv = append([]string{timeProgram, "-q", "-o", memory, "-f", "%M"}, argv...)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_STATE_HOME="+dir)
	// A group of its own, so that a cancelled run takes its children along.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	begun := time.Now()
	err := cmd.Run()
	u := usage{wall: time.Since(begun), roundTrips: roundTrips(out.Bytes())}
	if cmd.ProcessState != nil {
		u.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	if text, readErr := os.ReadFile(memory); readErr == nil {
		kb, parseErr := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if parseErr == nil {
			u.rss = kb << 10
		}
	}
	if err != nil {
		return u, fmt.Errorf("%w\n%s%s", err, tail(out.Bytes()), tail(talk.Bytes()))
	}
	return u, nil
}

// tail is the end of what a program said.
func tail(b []byte) []byte { return b[max(0, len(b)-2000):] }
