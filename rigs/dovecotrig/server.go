package dovecotrig

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	startLimit = 20 * time.Second
	stopLimit  = 10 * time.Second
	portTries  = 5
)

// errPortTaken says that another process was faster with a chosen port.
var errPortTaken = errors.New("port taken")

// Server is one running Dovecot.
type Server struct {
	// Dir holds everything of this server; Stop removes it.
	Dir string
	// Host is 127.0.0.1. Port speaks plain IMAP with STARTTLS, TLSPort IMAP
	// over TLS.
	Host    string
	Port    int
	TLSPort int
	// Password is every user's password.
	Password string
	// CAPEM is the certificate of the authority that signed the server's.
	CAPEM []byte
	// SPKIPin is the base64 SHA-256 of the server key's SubjectPublicKeyInfo.
	SPKIPin string
	// PID is the master process.
	PID int

	exited   <-chan struct{}
	guard    *guard
	stopOnce sync.Once
	stopErr  error
}

// Missing says what this machine lacks to run the rig, or "" when it can.
func Missing() string {
	if os.Geteuid() != 0 {
		return "the Dovecot rig needs root, because Dovecot changes users"
	}
	for _, program := range []string{"dovecot", "doveadm"} {
		if _, err := lookProgram(program); err != nil {
			return program + " is not installed: install dovecot-core and dovecot-imapd"
		}
	}
	return ""
}

// lookProgram finds a program in the path or in /usr/sbin, where a user's path
// does not lead.
func lookProgram(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/" + name)
}

// Start starts a server and waits until it answers. The server outlives ctx,
// which only bounds the start; call Stop.
func Start(ctx context.Context, o Options) (*Server, error) { return start(ctx, o, false) }

// start starts a server; a detached one lives on when this process ends.
func start(ctx context.Context, o Options, detached bool) (*Server, error) {
	if m := Missing(); m != "" {
		return nil, errors.New(m)
	}
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	s, err := prepare(o)
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		err = s.launch(ctx, o, detached)
		if err == nil {
			return s, nil
		}
		if !errors.Is(err, errPortTaken) || try == portTries {
			err = fmt.Errorf("start dovecot: %w\n%s", err, s.Log())
			return nil, errors.Join(err, os.RemoveAll(s.Dir))
		}
	}
}

// prepare makes the directory and all files that do not depend on the ports.
func prepare(o Options) (*Server, error) {
	dir := o.Dir
	var err error
	if dir == "" {
		dir, err = os.MkdirTemp("", "dovecotrig-")
	} else if err = os.MkdirAll(filepath.Dir(dir), 0o755); err == nil {
		err = os.Mkdir(dir, 0o755)
	}
	if err != nil {
		return nil, fmt.Errorf("make the server's directory: %w", err)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, fmt.Errorf("find the server's directory: %w", err)
	}
	c, err := newCerts()
	if err != nil {
		return nil, err
	}
	s := &Server{Dir: dir, Host: "127.0.0.1", Password: o.Password, CAPEM: c.caPEM, SPKIPin: c.pin}
	files := map[string][]byte{
		"ca.pem":       c.caPEM,
		"server.pem":   c.certPEM,
		"server.key":   c.keyPEM,
		"master-users": []byte(MasterUser + ":{PLAIN}" + MasterPassword + "\n"),
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return nil, fmt.Errorf("write the server's files: %w", err)
		}
	}
	for _, sub := range []string{"run", "state", "mail"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, fmt.Errorf("make the server's directories: %w", err)
		}
	}
	// The mail processes run as another user and pass through this directory.
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, fmt.Errorf("open the server's directory: %w", err)
	}
	if err := os.Chmod(filepath.Join(dir, "mail"), 0o1777); err != nil {
		return nil, fmt.Errorf("open the mail directory: %w", err)
	}
	return s, nil
}

// launch picks ports, starts the master process and waits for its greeting.
func (s *Server) launch(ctx context.Context, o Options, detached bool) error {
	ports, err := freePorts(2)
	if err != nil {
		return err
	}
	s.Port, s.TLSPort = ports[0], ports[1]
	err = os.WriteFile(s.configFile(), []byte(config(s.Dir, o, s.Port, s.TLSPort)), 0o644)
	if err != nil {
		return fmt.Errorf("write dovecot.conf: %w", err)
	}
	program, err := lookProgram("dovecot")
	if err != nil {
		return err
	}
	cmd := exec.Command(program, "-F", "-c", s.configFile())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: !detached, Setsid: detached}
	// A file and not a buffer: with a buffer Wait waits for the last grandchild.
	talk, err := os.Create(filepath.Join(s.Dir, "stderr.log"))
	if err != nil {
		return fmt.Errorf("make the file for standard error: %w", err)
	}
	defer talk.Close()
	cmd.Stderr = talk
	if err := cmd.Start(); err != nil {
		return err
	}
	s.PID = cmd.Process.Pid
	exited := make(chan struct{})
	s.exited = exited
	go func() {
		defer close(exited)
		_ = cmd.Wait() // The exit status says nothing that the log does not.
	}()
	if err := s.awaitGreeting(ctx); err != nil {
		s.end()
		if strings.Contains(s.Log(), "Address already in use") {
			return errors.Join(errPortTaken, os.Truncate(s.logFile(), 0))
		}
		said, _ := os.ReadFile(talk.Name())
		return fmt.Errorf("%w: %s", err, said)
	}
	if !detached {
		s.guard, err = newGuard(s.PID, s.Dir)
	}
	return errors.Join(err, s.saveState())
}

// freePorts returns n ports that are free at this moment.
func freePorts(n int) ([]int, error) {
	ports := make([]int, 0, n)
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// awaitGreeting waits until the plain port answers "* OK" as IMAP servers do.
func (s *Server) awaitGreeting(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if greets(ctx, s.Addr(), greeting(s.Dir)) {
			return nil
		}
		select {
		case <-s.exited:
			return errors.New("dovecot ended at once")
		case <-ctx.Done():
			return fmt.Errorf("wait for the greeting: %w", context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// greeting is what the server in dir says first. It names the directory, because
// on a port that was taken meanwhile another server would answer.
func greeting(dir string) string { return "Dovecot ready (" + filepath.Base(dir) + ")." }

// greets tells whether addr sends an IMAP greeting with the wanted text.
func greets(ctx context.Context, addr, want string) bool {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return false
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return false
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	return err == nil && strings.HasPrefix(line, "* OK") && strings.Contains(line, want)
}

// Addr is the address of the plain port.
func (s *Server) Addr() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// TLSAddr is the address of the TLS port.
func (s *Server) TLSAddr() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.TLSPort)) }

func (s *Server) configFile() string { return filepath.Join(s.Dir, "dovecot.conf") }
func (s *Server) logFile() string    { return filepath.Join(s.Dir, "dovecot.log") }

// Log returns the last 16 KiB of the server's log.
func (s *Server) Log() string {
	data, err := os.ReadFile(s.logFile())
	if err != nil {
		return err.Error()
	}
	return string(data[max(0, len(data)-16<<10):])
}

// Doveadm runs doveadm with this server's configuration and returns its
// standard output.
func (s *Server) Doveadm(ctx context.Context, args ...string) (string, error) {
	program, err := lookProgram("doveadm")
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, program, append([]string{"-c", s.configFile()}, args...)...)
	cmd.WaitDelay = 5 * time.Second
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("doveadm %s: %w: %s", strings.Join(args, " "), err, talk.String())
	}
	return out.String(), nil
}

// Stop ends the server, waits for it and removes its directory. Further calls
// return what the first returned.
func (s *Server) Stop() error {
	s.stopOnce.Do(func() {
		s.guard.dismiss()
		s.end()
		s.stopErr = os.RemoveAll(s.Dir)
	})
	return s.stopErr
}

// end asks the server's processes to end and, when they do not, kills them.
func (s *Server) end() {
	s.signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(stopLimit):
	}
	s.signal(syscall.SIGKILL)
	select {
	case <-s.exited:
	case <-time.After(stopLimit):
	}
}
