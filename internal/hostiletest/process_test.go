package hostiletest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/imapfake"
)

// A process that is stopped in the middle of a copy is looked at from outside,
// and made to print all its goroutines.
func TestRunningProcessShowsNoPassword(t *testing.T) {
	reached, goOn := make(chan struct{}), make(chan struct{})
	defer close(goOn)
	s := newStage(t, nil, []imapfake.Rule{{Command: "APPEND", First: 1, Do: imapfake.Action{Kind: imapfake.Wait, Until: goOn}}})
	program := built.path(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	process := exec.CommandContext(ctx, program, s.copying()...)
	process.Env = []string{"HOME=" + s.dir, "TMPDIR=" + s.dir, "GOTRACEBACK=all"}
	var stdout, stderr bytes.Buffer
	process.Stdout, process.Stderr = &stdout, &stderr
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(reached)
		look := time.NewTicker(5 * time.Millisecond)
		defer look.Stop()
		for ; ctx.Err() == nil; <-look.C {
			if trace, _ := os.ReadFile(filepath.Join(s.dir, "trace")); bytes.Contains(trace, []byte("APPEND")) {
				return
			}
		}
	}()
	<-reached
	for _, name := range []string{"cmdline", "environ", "comm", "status", "maps"} {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", process.Process.Pid, name))
		if err != nil {
			t.Error(err)
		}
		s.scan("/proc/PID/"+name, data)
	}
	if err := process.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Error(err)
	}
	_ = process.Wait()
	if !bytes.Contains(stderr.Bytes(), []byte("goroutine ")) {
		t.Errorf("no goroutines were printed: %s", stderr.Bytes())
	}
	s.scan("stdout", stdout.Bytes())
	s.scan("goroutines on stderr", stderr.Bytes())
	s.scanFiles()
	s.told("/proc/PID/cmdline", "/proc/PID/environ", "goroutines on stderr", "ledger.db", "ledger.db-wal", "ledger.db.lock", "trace")
}
