package dovecotrig

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// members returns the live processes of the server. The kernel hands numbers of
// dead processes and groups out again, so every process must show by its command
// line, too, that it belongs to this server.
func (s *Server) members() []int {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil
	}
	var pids []int
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue // It ended meanwhile.
		}
		// The name in parentheses may hold spaces; after it come state, parent, group.
		line := string(data)
		fields := strings.Fields(line[strings.LastIndexByte(line, ')')+1:])
		if len(fields) < 3 || fields[2] != strconv.Itoa(s.PID) || fields[0] == "Z" {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err == nil && s.owns(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// owns tells whether a process is the master or a child of this server.
func (s *Server) owns(pid int) bool {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return false
	}
	return bytes.Contains(line, []byte(s.configFile())) || bytes.HasPrefix(line, []byte("dovecot-"+instance(s.Port)+"/"))
}

// signal sends a signal to every process of the server.
func (s *Server) signal(sig syscall.Signal) {
	for _, pid := range s.members() {
		_ = syscall.Kill(pid, sig) // It may have ended by itself.
	}
}

// instance is the name that a server's processes carry.
func instance(port int) string { return fmt.Sprintf("rig-%d", port) }
