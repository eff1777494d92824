package rig

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// State is what a server's directory tells about it, for the command line. What a
// server does not have is empty.
type State struct {
	Dir      string `json:"dir"`
	Host     string `json:"host"`
	Port     int    `json:"port"`
	TLSPort  int    `json:"tlsPort,omitempty"`
	Password string `json:"password"`
	SPKIPin  string `json:"spkiPin,omitempty"`
	CAFile   string `json:"caFile,omitempty"`
	PID      int    `json:"pid"`
	// Marks and Soft are those of the server's Launch.
	Marks   []string       `json:"marks"`
	Soft    syscall.Signal `json:"soft"`
	Running bool           `json:"-"`
}

// Save writes what Status reads, for this process.
func (p *Process) Save(st State) error {
	st.Dir, st.PID, st.Marks, st.Soft = p.Dir, p.PID, p.marks, p.soft
	data, err := json.MarshalIndent(st, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(p.Dir, "rig.json"), data, 0o600)
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
	st.Running = marked(st.PID, st.Marks)
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
		if err := syscall.Kill(st.PID, st.Soft); err != nil {
			return fmt.Errorf("end process %d: %w", st.PID, err)
		}
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for marked(st.PID, st.Marks) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("process %d does not end: %w", st.PID, context.Cause(ctx))
		case <-tick.C:
		}
	}
	return os.RemoveAll(st.Dir)
}
