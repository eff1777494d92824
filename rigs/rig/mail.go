package rig

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	startLimit = 30 * time.Second
	portTries  = 5
)

// DefaultPassword is every user's password unless the options say another one.
const DefaultPassword = "rig-password"

// Admin is who may sign in for others, with AdminPassword; each rig says how.
const (
	Admin         = "admin"
	AdminPassword = "rig-master-password"
)

// CheckPassword refuses a password that a configuration file cannot hold.
func CheckPassword(password string) error {
	if strings.ContainsAny(password, " \t\r\n\"'#$\\") {
		return errors.New("the password holds a character the configuration cannot")
	}
	return nil
}

// Mail is a server that speaks IMAP.
type Mail struct {
	*Process
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
	// Token is a word that only this server knows and shows.
	Token string

	dir, logFile string
}

// NewMail makes the directory of a server that is not started yet, with ca.pem,
// server.pem and server.key in it. A server that writes a log of its own names it.
func NewMail(dir, name, password, logFile string) (*Mail, error) {
	c, err := newCerts()
	if err != nil {
		return nil, err
	}
	if dir, err = MakeDir(dir, name); err != nil {
		return nil, err
	}
	m := &Mail{Host: "127.0.0.1", Password: password, CAPEM: c.caPEM, SPKIPin: c.pin, Token: strings.ToLower(rand.Text()[:10]),
		dir: dir, logFile: logFile}
	for name, data := range map[string][]byte{"ca.pem": c.caPEM, "server.pem": c.certPEM, "server.key": c.keyPEM} {
		if err := os.WriteFile(m.File(name), data, 0o644); err != nil {
			return nil, errors.Join(fmt.Errorf("write the server's files: %w", err), os.RemoveAll(dir))
		}
	}
	return m, nil
}

// File is the path of a file in the server's directory.
func (m *Mail) File(name string) string { return filepath.Join(m.dir, name) }

// MailLaunch says how a server that speaks IMAP is started.
type MailLaunch struct {
	// Command writes what depends on the ports, and gives the main process.
	Command func(port, tlsPort int) (*exec.Cmd, error)
	// Marks, Soft and Detached are as in Launch.
	Marks    []string
	Soft     syscall.Signal
	Detached bool
}

// errPortTaken says that another process was faster with a chosen port.
var errPortTaken = errors.New("port taken")

// Launch starts the server on free ports, again when somebody else takes one of
// them first, and waits until it answers. Without success the directory is
// removed.
func (m *Mail) Launch(ctx context.Context, l MailLaunch) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for try := 1; ; try++ {
		err := m.try(ctx, l)
		if err == nil {
			return nil
		}
		if !errors.Is(err, errPortTaken) || try == portTries {
			if m.Process != nil {
				err = fmt.Errorf("%w\n%s", err, m.Log())
			}
			return errors.Join(err, os.RemoveAll(m.dir))
		}
	}
}

// try starts the server once.
func (m *Mail) try(ctx context.Context, l MailLaunch) error {
	ports, err := FreePorts(2)
	if err != nil {
		return err
	}
	m.Port, m.TLSPort = ports[0], ports[1]
	cmd, err := l.Command(m.Port, m.TLSPort)
	if err != nil {
		return err
	}
	m.Process, err = Launch{Dir: m.dir, Command: cmd, Marks: l.Marks, Soft: l.Soft, Detached: l.Detached}.Start()
	if err != nil {
		return err
	}
	if err = m.await(ctx); err == nil {
		err = m.awaitTLS(ctx)
	}
	if err != nil {
		m.End()
		if strings.Contains(m.Log(), "Address already in use") {
			err = errPortTaken
		}
		return errors.Join(err, os.Truncate(m.talkFile(), 0))
	}
	return m.Save(m.state())
}

// State is what the server's directory tells about it.
func (m *Mail) State() (State, error) { return Status(m.dir) }

// StartDetached starts a server that lives on after this process, in dir.
func StartDetached[S interface{ State() (State, error) }](dir string, start func() (S, error)) (State, error) {
	if dir == "" {
		return State{}, errors.New("a detached server needs a directory")
	}
	s, err := start()
	if err != nil {
		return State{}, err
	}
	return s.State()
}

func (m *Mail) state() State {
	return State{Host: m.Host, Port: m.Port, TLSPort: m.TLSPort, Password: m.Password, SPKIPin: m.SPKIPin, CAFile: m.File("ca.pem")}
}

// FreePorts returns n ports of loopback that are free at this moment.
func FreePorts(n int) ([]int, error) {
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

// await waits until the plain port greets with the server's word.
func (m *Mail) await(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if said := greetingOf(ctx, m.Addr()); strings.Contains(strings.ToLower(said), m.Token) {
			return nil
		} else if strings.HasPrefix(said, "* ") {
			return errPortTaken
		}
		if !m.Running() {
			return errors.New("the server ended at once")
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the greeting: %w", context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// greetingOf is the first line that addr sends, empty for none.
func greetingOf(ctx context.Context, addr string) string {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return ""
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return ""
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return ""
	}
	return line
}

// clientTLS trusts the server's authority only.
func (m *Mail) clientTLS() *tls.Config {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(m.CAPEM)
	return &tls.Config{RootCAs: roots, ServerName: "localhost"}
}

// awaitTLS waits until the TLS port shows a certificate of this server's authority.
func (m *Mail) awaitTLS(ctx context.Context) error {
	d := tls.Dialer{NetDialer: &net.Dialer{Timeout: 5 * time.Second}, Config: m.clientTLS()}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := d.DialContext(ctx, "tcp", m.TLSAddr())
		if err == nil {
			return conn.Close()
		}
		var stranger *tls.CertificateVerificationError
		if errors.As(err, &stranger) {
			return errPortTaken
		}
		if !m.Running() {
			return errors.New("the server ended at once")
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the TLS port: %w: %w", context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}

// Addr is the address of the plain port.
func (m *Mail) Addr() string { return net.JoinHostPort(m.Host, strconv.Itoa(m.Port)) }

// TLSAddr is the address of the TLS port.
func (m *Mail) TLSAddr() string { return net.JoinHostPort(m.Host, strconv.Itoa(m.TLSPort)) }

// Log is the end of the server's log and of what it printed.
func (m *Mail) Log() string {
	said := strings.TrimSpace(m.Output())
	if m.logFile == "" {
		return said
	}
	return strings.TrimSpace(Tail(m.File(m.logFile)) + "\n" + said)
}

// Run runs a program and gives its standard output.
func Run(ctx context.Context, cmd *exec.Cmd) (string, error) {
	cmd.WaitDelay = 5 * time.Second
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, talk.String())
	}
	return out.String(), nil
}
