package dovecotrig

import (
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"syscall"
)

// guard is a small shell that waits on a pipe. When this process dies, even by
// SIGKILL, the pipe closes and the shell ends the server.
type guard struct {
	pipe io.WriteCloser
	cmd  *exec.Cmd
}

// newGuard watches over the process group of pid.
func newGuard(pid int) (*guard, error) {
	cmd := exec.Command("/bin/sh", "-c", `read -r word || kill -TERM "$1"`, "guard", strconv.Itoa(pid))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("make the guard's pipe: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the guard: %w", err)
	}
	return &guard{pipe: pipe, cmd: cmd}, nil
}

// dismiss sends the guard home without harm to the server.
func (g *guard) dismiss() {
	if g == nil {
		return
	}
	_, _ = io.WriteString(g.pipe, "home\n")
	_ = g.pipe.Close()
	_ = g.cmd.Wait()
}
