// Package postgresrig starts throw-away PostgreSQL servers on loopback for tests
// and benches.
//
// Each cluster lives in a directory of its own and has one user, with a password
// made for the occasion. Nothing of the system's PostgreSQL is read or written.
// Start returns when the server answers; Stop ends it and removes the directory;
// when the test process dies by any means, the server ends too. Its disk is not
// synced unless Options.Durable says so.
//
// Root starts it as the user postgres, because PostgreSQL refuses to run as root;
// anybody else starts it as himself. Missing says what is absent.
package postgresrig

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/mailhaul/mailhaul/rigs/rig"
)

const (
	startLimit = 30 * time.Second
	portTries  = 5
	owner      = "mailhaul"
	account    = "postgres" // of the machine, where root starts it
)

// Options are how a cluster is made.
type Options struct {
	// Dir is where it lives; empty is a new temporary directory.
	Dir string
	// Durable syncs to disk, as production does.
	Durable bool
}

// Server is a running cluster.
type Server struct {
	*rig.Process
	Port     int
	Password string

	dir string
}

// Missing says what this machine lacks to run the rig, or "" when it can.
func Missing() string {
	if _, err := program("postgres"); err != nil {
		return "PostgreSQL is not installed: install postgresql"
	}
	if os.Geteuid() == 0 {
		if _, err := rig.IDs(account); err != nil {
			return "there is no user " + account + " to run PostgreSQL as"
		}
	}
	return ""
}

// program finds a program of the server, which Debian keeps out of the path.
func program(name string) (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err == nil && len(found) > 0 {
		return slices.Max(found), nil
	}
	return exec.LookPath(name)
}

// Start makes a cluster and starts it. It outlives ctx, which only bounds the
// start; call Stop.
func Start(ctx context.Context, o Options) (*Server, error) { return start(ctx, o, false) }

// StartDetached starts a cluster that lives on after this process, in o.Dir.
func StartDetached(ctx context.Context, o Options) (rig.State, error) {
	if o.Dir == "" {
		return rig.State{}, errors.New("a detached cluster needs a directory")
	}
	s, err := start(ctx, o, true)
	if err != nil {
		return rig.State{}, err
	}
	return rig.Status(s.dir)
}

func start(ctx context.Context, o Options, detached bool) (*Server, error) {
	if m := Missing(); m != "" {
		return nil, errors.New(m)
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	dir, err := directory(o.Dir)
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, Password: rand.Text()}
	if err := s.initialise(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	for range portTries {
		if err = s.launch(ctx, o.Durable, detached); err == nil {
			return s, nil
		}
	}
	return nil, errors.Join(err, os.RemoveAll(dir))
}

// directory makes the directory, for the user the server runs as.
func directory(dir string) (string, error) {
	var err error
	if dir == "" {
		dir, err = os.MkdirTemp("", "postgres-rig-")
	} else if dir, err = filepath.Abs(dir); err == nil {
		err = os.Mkdir(dir, 0o700)
	}
	if err == nil && os.Geteuid() == 0 {
		var id *syscall.Credential
		if id, err = rig.IDs(account); err == nil {
			err = os.Chown(dir, int(id.Uid), int(id.Gid))
		}
	}
	return dir, err
}

// command is a program of the server, as the user it runs as.
func (s *Server) command(ctx context.Context, name string, args ...string) (*exec.Cmd, error) {
	path, err := program(name)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Credential, err = rig.IDs(account)
	}
	return cmd, err
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) initialise(ctx context.Context) error {
	secret := filepath.Join(s.dir, "password")
	if err := os.WriteFile(secret, []byte(s.Password+"\n"), 0o644); err != nil {
		return err
	}
	cmd, err := s.command(ctx, "initdb", "-D", s.data(), "-U", owner, "-A", "scram-sha-256", "--pwfile="+secret, "-E", "UTF8", "--locale=C", "-N", "--no-instructions")
	if err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	return os.Remove(secret)
}

// launch starts the server on a free port and waits until it answers.
func (s *Server) launch(ctx context.Context, durable, detached bool) error {
	ports, err := rig.FreePorts(1)
	if err != nil {
		return err
	}
	sync := "off"
	if durable {
		sync = "on"
	}
	cmd, err := s.command(context.WithoutCancel(ctx), "postgres", "-D", s.data(), "-c", "listen_addresses=127.0.0.1", "-c", "port="+strconv.Itoa(ports[0]),
		"-c", "unix_socket_directories=", "-c", "fsync="+sync, "-c", "max_connections=200", "-c", "logging_collector=off")
	if err != nil {
		return err
	}
	s.Port = ports[0]
	// SIGINT ends it at once but well, SIGQUIT as a crash would.
	s.Process, err = rig.Launch{Dir: s.dir, Command: cmd, Marks: []string{s.data()}, Soft: syscall.SIGINT, Hard: syscall.SIGQUIT, Detached: detached}.Start()
	if err != nil {
		return err
	}
	if err := s.await(ctx); err != nil {
		s.End()
		return fmt.Errorf("%w: %s", err, s.Log())
	}
	return s.Save(rig.State{Host: "127.0.0.1", Port: s.Port, Password: s.Password})
}

// await waits until the postmaster's own file says that it is ready.
func (s *Server) await(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		text, _ := os.ReadFile(filepath.Join(s.data(), "postmaster.pid")) // not there at first
		if lines := strings.Split(string(text), "\n"); len(lines) > 7 && strings.TrimSpace(lines[7]) == "ready" && strings.TrimSpace(lines[0]) == strconv.Itoa(s.PID) {
			return nil
		}
		if !s.Running() {
			return errors.New("postgres ended at once")
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("postgres does not get ready: %w", context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// URL is the address of a database of the cluster, with the password.
func (s *Server) URL(database string) string {
	return URL(rig.State{Port: s.Port, Password: s.Password}, database)
}

// URL is the address of a database of a detached cluster, with the password.
func URL(st rig.State, database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(owner, st.Password), Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(st.Port)), Path: database}
	return u.String()
}

// Log is the end of the server's log.
func (s *Server) Log() string { return s.Output() }
