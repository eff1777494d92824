package rig

import (
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"syscall"
)

// guard is a small shell that waits on a pipe. When this process dies, even by
// SIGKILL, the pipe closes and the shell ends the server and removes its files.
type guard struct {
	pipe io.WriteCloser
	cmd  *exec.Cmd
}

// guardScript gets the server's process, its directory, what its command line
// holds, and the number of the signal that asks it to end.
const guardScript = `
read -r word && exit
grep -qF -- "$3" "/proc/$1/cmdline" || exit
kill -s "$4" -- "-$1"
for try in 1 2 3 4 5 6 7 8 9; do
	[ -e "/proc/$1" ] || break
	sleep 0.5
done
kill -s KILL -- "-$1"
rm -rf -- "$2"
`

// newGuard watches over the process group of the server and its directory.
func newGuard(p *Process) (*guard, error) {
	cmd := exec.Command("/bin/sh", "-c", guardScript, "guard", strconv.Itoa(p.PID), p.Dir, p.marks[0], strconv.Itoa(int(p.soft)))
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
