package dovecotrig

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// State is what a server's directory tells about it, for the command line.
type State struct {
	Dir      string `json:"dir"`
	Host     string `json:"host"`
	Port     int    `json:"port"`
	TLSPort  int    `json:"tlsPort"`
	Password string `json:"password"`
	SPKIPin  string `json:"spkiPin"`
	CAFile   string `json:"caFile"`
	PID      int    `json:"pid"`
	Running  bool   `json:"-"`
}

// StartDetached starts a server that lives on after this process, in o.Dir.
func StartDetached(ctx context.Context, o Options) (State, error) {
	if o.Dir == "" {
		return State{}, errors.New("a detached server needs a directory")
	}
	s, err := start(ctx, o, true)
	if err != nil {
		return State{}, err
	}
	return Status(s.Dir)
}

// Status reads the state of the server in dir.
func Status(dir string) (State, error) {
	data, err := os.ReadFile(filepath.Join(dir, "rig.json"))
	if err != nil {
		return State{}, fmt.Errorf("read the server's state: %w", err)
	}
	var st State
	if err := json.Unmarshal(data, &st); err != nil {
		return State{}, fmt.Errorf("read the server's state: %w", err)
	}
	st.Running = st.alive()
	return st, nil
}

// StopDetached ends the server in dir, waits for it and removes dir.
func StopDetached(ctx context.Context, dir string) error {
	st, err := Status(dir)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	if st.Running {
		if err := syscall.Kill(st.PID, syscall.SIGTERM); err != nil {
			return fmt.Errorf("end process %d: %w", st.PID, err)
		}
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for st.alive() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("process %d does not end: %w", st.PID, context.Cause(ctx))
		case <-tick.C:
		}
	}
	return os.RemoveAll(st.Dir)
}

// alive tells whether the process with the state's number is this server and
// not a stranger that got the number later.
func (st State) alive() bool {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", st.PID))
	return err == nil && strings.Contains(string(line), filepath.Join(st.Dir, "dovecot.conf"))
}

// saveState writes what Status reads.
func (s *Server) saveState() error {
	data, err := json.MarshalIndent(State{
		Dir: s.Dir, Host: s.Host, Port: s.Port, TLSPort: s.TLSPort, Password: s.Password,
		SPKIPin: s.SPKIPin, CAFile: filepath.Join(s.Dir, "ca.pem"), PID: s.PID,
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.Dir, "rig.json"), data, 0o644)
}
