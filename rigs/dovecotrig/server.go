package dovecotrig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/mailhaul/mailhaul/rigs/rig"
)

// Server is one running Dovecot.
type Server struct{ *rig.Mail }

// Missing says what this machine lacks to run the rig, or "" when it can.
func Missing() string {
	if os.Geteuid() != 0 {
		return "the Dovecot rig needs root, because Dovecot changes users"
	}
	for _, program := range []string{"dovecot", "doveadm"} {
		if _, err := rig.LookProgram(program); err != nil {
			return program + " is not installed: install dovecot-core and dovecot-imapd"
		}
	}
	return ""
}

// Start starts a server and waits until it answers. The server outlives ctx,
// which only bounds the start; call Stop.
func Start(ctx context.Context, o Options) (*Server, error) { return start(ctx, o, false) }

// StartDetached starts a server that lives on after this process, in o.Dir.
func StartDetached(ctx context.Context, o Options) (rig.State, error) {
	return rig.StartDetached(o.Dir, func() (*Server, error) { return start(ctx, o, true) })
}

func start(ctx context.Context, o Options, detached bool) (*Server, error) {
	if m := Missing(); m != "" {
		return nil, errors.New(m)
	}
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s, err := prepare(o)
	if err != nil {
		return nil, err
	}
	err = s.Launch(ctx, rig.MailLaunch{
		Command:  func(port, tlsPort int) (*exec.Cmd, error) { return s.command(o, port, tlsPort) },
		Marks:    []string{s.configFile(), "dovecot-" + instance(s.Mail) + "/"},
		Detached: detached,
	})
	if err != nil {
		return nil, fmt.Errorf("start dovecot: %w", err)
	}
	return s, nil
}

// prepare makes the directory and all files that do not depend on the ports.
func prepare(o Options) (*Server, error) {
	m, err := rig.NewMail(o.Dir, "dovecotrig", o.Password, "dovecot.log")
	if err != nil {
		return nil, err
	}
	err = os.WriteFile(m.File("master-users"), []byte(MasterUser+":{PLAIN}"+MasterPassword+"\n"), 0o644)
	for _, sub := range []string{"run", "state", "mail"} {
		err = errors.Join(err, os.Mkdir(m.File(sub), 0o755))
	}
	err = errors.Join(err, os.Chmod(m.File("mail"), 0o1777))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make the server's files: %w", err), os.RemoveAll(m.File("")))
	}
	return &Server{m}, nil
}

// command writes the configuration and gives the master process.
func (s *Server) command(o Options, port, tlsPort int) (*exec.Cmd, error) {
	if err := os.WriteFile(s.configFile(), []byte(config(s.Mail, o, port, tlsPort)), 0o644); err != nil {
		return nil, fmt.Errorf("write dovecot.conf: %w", err)
	}
	program, err := rig.LookProgram("dovecot")
	if err != nil {
		return nil, err
	}
	return exec.Command(program, "-F", "-c", s.configFile()), nil
}

func (s *Server) configFile() string { return s.File("dovecot.conf") }

// Doveadm runs doveadm with this server's configuration and returns its
// standard output.
func (s *Server) Doveadm(ctx context.Context, args ...string) (string, error) {
	program, err := rig.LookProgram("doveadm")
	if err != nil {
		return "", err
	}
	out, err := rig.Run(ctx, exec.CommandContext(ctx, program, append([]string{"-c", s.configFile()}, args...)...))
	if err != nil {
		return out, fmt.Errorf("doveadm %s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}
