package courierrig

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/mailhaul/mailhaul/rigs/rig"
)

// Options describes one server.
type Options struct {
	// Dir is the directory to make; empty means a new temporary one.
	Dir string
	// Password is every user's password; empty means rig.DefaultPassword.
	Password string
	// Connections is the limit of connections of one address; 0 means 500.
	Connections int
}

// Server is one running Courier.
type Server struct{ *rig.Mail }

// What is in the directory of every server: its first process, the configuration of
// Courier's authentication, and the program that this asks.
var (
	//go:embed run.sh
	runScript []byte
	//go:embed authdaemonrc
	authdaemonrc []byte
	//go:embed authprog.sh
	authProg []byte
)

const tree = rig.Tree("courier")

// namespaces are those a server has of its own.
const namespaces = syscall.CLONE_NEWNS | syscall.CLONE_NEWPID

// Missing says what this machine lacks to run the rig, or "" when it can.
func Missing() string {
	if m := tree.Missing(); m != "" {
		return m
	}
	if err := secluded(); err != nil {
		return fmt.Sprintf("the Courier rig needs namespaces of its own, with the right to mount: %v", err)
	}
	return ""
}

// secluded tries whether namespaces can be made.
var secluded = sync.OnceValue(func() error {
	cmd := exec.Command("/bin/mount", "--make-rprivate", "/")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces}
	return cmd.Run()
})

// Start starts a server and waits until it answers. The server outlives ctx,
// which only bounds the start; call Stop.
func Start(ctx context.Context, o Options) (*Server, error) { return start(ctx, o, false) }

// StartT starts a server for a test and stops it at the test's end. Where it
// cannot run the test is skipped or fails, as rig.Require says.
func StartT(t testing.TB, o Options) *Server {
	t.Helper()
	return rig.StartT(t, "Courier", Missing, Start, o)
}

// StartDetached starts a server that lives on after this process, in o.Dir.
func StartDetached(ctx context.Context, o Options) (rig.State, error) {
	return rig.StartDetached(o.Dir, func() (*Server, error) { return start(ctx, o, true) })
}

func start(ctx context.Context, o Options, detached bool) (*Server, error) {
	if m := Missing(); m != "" {
		return nil, errors.New(m)
	}
	if o.Password == "" {
		o.Password = rig.DefaultPassword
	}
	if o.Connections == 0 {
		o.Connections = 500
	}
	if err := rig.CheckPassword(o.Password); err != nil {
		return nil, err
	}
	m, err := rig.NewMail(o.Dir, "courierrig", o.Password, "")
	if err != nil {
		return nil, err
	}
	s := &Server{m}
	if err := errors.Join(rig.Reachable(s.File("")), s.prepare()); err != nil {
		return nil, errors.Join(fmt.Errorf("make the server's files: %w", err), os.RemoveAll(s.File("")))
	}
	err = s.Launch(ctx, rig.MailLaunch{
		Command: func(port, tlsPort int) (*exec.Cmd, error) { return s.command(o, port, tlsPort) },
		Marks:   []string{s.File("run.sh")},
		// The first process of a namespace takes all others of it along.
		Soft:     syscall.SIGKILL,
		Detached: detached,
	})
	if err != nil {
		return nil, fmt.Errorf("start courier: %w", err)
	}
	return s, nil
}

// prepare makes the folders that are /etc and /run for the server, and its mail's.
func (s *Server) prepare() error {
	for _, sub := range []string{"etc/courier/shared", "run/courier/authdaemon", "mail"} {
		if err := os.MkdirAll(s.File(sub), 0o755); err != nil {
			return err
		}
	}
	both := []byte{}
	for _, name := range []string{"server.pem", "server.key"} {
		part, err := os.ReadFile(s.File(name))
		if err != nil {
			return err
		}
		both = append(both, part...)
	}
	id, err := rig.IDs("mail")
	if err != nil {
		return err
	}
	for name, more := range map[string]string{
		// Who speaks TLS for STARTTLS.
		"passwd": fmt.Sprintf("courier:x:%d:%d::/:/usr/sbin/nologin\n", id.Uid, id.Gid),
		"group":  "", "nsswitch.conf": "",
	} {
		data, err := os.ReadFile("/etc/" + name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(s.File("etc/"+name), append(data, more...), 0o644); err != nil {
			return err
		}
	}
	return errors.Join(
		os.WriteFile(s.File("both.pem"), both, 0o644),
		os.WriteFile(s.File("etc/courier/shared/index"), nil, 0o644),
		os.WriteFile(s.File("etc/courier/authdaemonrc"), authdaemonrc, 0o644),
		os.WriteFile(s.File("etc/courier/authProg"), authProg, 0o755),
		os.WriteFile(s.File("run.sh"), runScript, 0o755),
	)
}

// command gives the first process of the server's namespace.
func (s *Server) command(o Options, port, tlsPort int) (*exec.Cmd, error) {
	id, err := rig.IDs("mail")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("/bin/bash", s.File("run.sh"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces}
	// The word is a capability, so that the greeting holds it.
	capabilities := "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE X-RIG-" + strings.ToUpper(s.Token)
	cmd.Env = append(tree.Environment("/usr/lib/courier-authlib"),
		"RIG_DIR="+s.File(""), "RIG_TREE="+tree.Path(""), fmt.Sprintf("RIG_IDS=%d %d", id.Uid, id.Gid),
		"RIG_PASSWORD="+o.Password, "RIG_ADMIN="+rig.Admin, "RIG_ADMIN_PASSWORD="+rig.AdminPassword,
		fmt.Sprintf("RIG_PORT=%d", port), fmt.Sprintf("RIG_TLS_PORT=%d", tlsPort), fmt.Sprintf("RIG_CONNECTIONS=%d", o.Connections),
		"IMAP_CAPABILITY="+capabilities, "IMAP_CAPABILITY_TLS="+capabilities+" AUTH=PLAIN",
		// As Debian configures it.
		"IMAP_KEYWORDS=1", "IMAP_ACL=1", "IMAP_PROXY=0", "IMAP_IDLE_TIMEOUT=60", "IMAP_MAILBOX_SANITY_CHECK=1",
		"IMAP_DISABLETHREADSORT=0", "IMAP_CHECK_ALL_FOLDERS=0", "IMAP_OBSOLETE_CLIENT=0", "IMAP_USELOCKS=1",
		"IMAP_SHAREDINDEXFILE=/etc/courier/shared/index", "IMAP_ENHANCEDIDLE=0", "IMAP_TRASHFOLDERNAME=Trash", "IMAP_MOVE_EXPUNGE_TO_TRASH=0",
		"COURIERTLS="+tree.Path("usr/bin/couriertls"), "TLS_CERTFILE="+s.File("both.pem"), "TLS_VERIFYPEER=NONE",
		// Else two servers would share what tells them of changed files.
		"GAM_CLIENT_ID="+s.Token,
	)
	return cmd, nil
}
