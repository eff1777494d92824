package rig

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// stopLimit is how long a server may take to end before it is killed.
const stopLimit = 10 * time.Second

// Process is the main process of a server, with the directory the server lives in.
type Process struct {
	// Dir holds everything of the server; Stop removes it.
	Dir string
	// PID is the main process. Its children are in its process group, or end
	// with it.
	PID int

	marks      []string
	soft, hard syscall.Signal
	limit      time.Duration
	// reap waits for the main process to end; it may be called by many.
	reap     func()
	guard    *guard
	stopOnce sync.Once
	stopErr  error
}

// Launch says how a process is started and how it ends.
type Launch struct {
	// Dir is the server's directory, an absolute path.
	Dir string
	// Command is the main process. What it prints goes to a file in Dir.
	Command *exec.Cmd
	// Marks are texts of which each command line of the server holds one; the
	// first is in that of the main process. The kernel hands numbers of dead
	// processes and groups out again, so every process must show by its command
	// line, too, that it belongs to this server.
	Marks []string
	// Soft asks the server to end, Hard ends it; zero is SIGTERM and SIGKILL.
	Soft, Hard syscall.Signal
	// Limit is how long it may take to end before it is killed; zero is 10 s.
	Limit time.Duration
	// Detached lets the server live on when this process ends.
	Detached bool
}

// Start starts the process and a guard over it.
func (l Launch) Start() (*Process, error) {
	p := &Process{
		Dir: l.Dir, marks: l.Marks, limit: cmp.Or(l.Limit, stopLimit),
		soft: cmp.Or(l.Soft, syscall.SIGTERM), hard: cmp.Or(l.Hard, syscall.SIGKILL),
	}
	cmd := l.Command
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid, cmd.SysProcAttr.Setsid = !l.Detached, l.Detached
	// A file and not a buffer: with a buffer Wait waits for the last grandchild.
	talk, err := os.OpenFile(p.talkFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make the file for the server's output: %w", err)
	}
	defer talk.Close()
	cmd.Stdout, cmd.Stderr = talk, talk
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p.PID = cmd.Process.Pid
	p.reap = sync.OnceFunc(func() { _ = cmd.Wait() }) // The exit status says nothing that the output does not.
	if !l.Detached {
		if p.guard, err = newGuard(p); err != nil {
			p.End()
			return nil, err
		}
	}
	return p, nil
}

func (p *Process) talkFile() string { return filepath.Join(p.Dir, "output.log") }

// Running tells whether the main process is there still. Until End its number is
// nobody else's.
func (p *Process) Running() bool {
	state, _ := stat(p.PID)
	return state != "" && state != "Z"
}

// Output is the last 16 KiB of what the server printed.
func (p *Process) Output() string { return Tail(p.talkFile()) }

// Tail is the last 16 KiB of a file, or why it cannot be read.
func Tail(file string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	return string(data[max(0, len(data)-16<<10):])
}

// Stop ends the server, waits for it and removes its directory. Further calls
// return what the first returned.
func (p *Process) Stop() error {
	p.stopOnce.Do(func() {
		p.End()
		p.stopErr = os.RemoveAll(p.Dir)
	})
	return p.stopErr
}

// End asks the server's processes to end and, when they do not, kills them. The
// directory stays. It is called once.
func (p *Process) End() {
	p.guard.dismiss()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.reap()
	}()
	for _, signal := range []syscall.Signal{p.soft, p.hard, syscall.SIGKILL} {
		p.signal(signal)
		select {
		case <-ended:
		case <-time.After(p.limit):
		}
	}
	// What was killed takes a moment to be gone.
	for limit := time.Now().Add(p.limit); len(p.members()) > 0 && time.Now().Before(limit); {
		time.Sleep(time.Millisecond)
	}
}

// signal sends a signal to every process of the server.
func (p *Process) signal(sig syscall.Signal) {
	for _, pid := range p.members() {
		_ = syscall.Kill(pid, sig) // It may have ended by itself.
	}
}

// members are the live processes of the server's group.
func (p *Process) members() []int {
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil
	}
	var pids []int
	for _, folder := range folders {
		pid, err := strconv.Atoi(filepath.Base(folder))
		if err != nil {
			continue
		}
		state, group := stat(pid)
		if group == p.PID && state != "Z" && marked(pid, p.marks) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// stat gives the state and the group of a process, nothing when it is gone.
func stat(pid int) (state string, group int) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", 0
	}
	// The name in parentheses may hold spaces; after it come state, parent, group.
	line := string(data)
	fields := strings.Fields(line[strings.LastIndexByte(line, ')')+1:])
	if len(fields) < 3 {
		return "", 0
	}
	group, _ = strconv.Atoi(fields[2]) // the kernel writes a number
	return fields[0], group
}

// marked tells whether the command line of a process holds one of the marks. A
// zombie has none.
func marked(pid int, marks []string) bool {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && slices.ContainsFunc(marks, func(mark string) bool { return bytes.Contains(line, []byte(mark)) })
}

// Reachable is an error unless everybody may enter a directory and all above it, as a
// server must that changes users.
func Reachable(dir string) error {
	for up := dir; ; up = filepath.Dir(up) {
		info, err := os.Stat(up)
		if err != nil {
			return err
		}
		if info.Mode()&1 == 0 {
			return fmt.Errorf("the server could not reach %s as another user: only its owner may enter %s; choose another directory", dir, up)
		}
		if up == filepath.Dir(up) {
			return nil
		}
	}
}

// LookProgram finds a program in the path or in /usr/sbin, where a user's path
// does not lead.
func LookProgram(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/" + name)
}

// MakeDir makes the directory of a server, or a temporary one where none is
// named, and gives its absolute path. Everybody may read it, because servers
// change users.
func MakeDir(dir, name string) (string, error) {
	var err error
	if dir == "" {
		dir, err = os.MkdirTemp("", name+"-")
	} else if err = os.MkdirAll(filepath.Dir(dir), 0o755); err == nil {
		err = os.Mkdir(dir, 0o755)
	}
	if err != nil {
		return "", fmt.Errorf("make the server's directory: %w", err)
	}
	absolute, err := filepath.Abs(dir)
	if err == nil {
		err = os.Chmod(absolute, 0o755)
	}
	if err != nil {
		return "", errors.Join(fmt.Errorf("open the server's directory: %w", err), os.RemoveAll(dir))
	}
	return absolute, nil
}

// IDs are the numbers of a user of this machine.
func IDs(name string) (*syscall.Credential, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	uid, _ := strconv.Atoi(u.Uid) // a number on every Unix
	gid, _ := strconv.Atoi(u.Gid)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}
