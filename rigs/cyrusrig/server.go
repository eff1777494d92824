package cyrusrig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/rigs/rig"
)

// Options describes one server. The zero value separates levels by "/" and has
// every folder beside INBOX.
type Options struct {
	// Dir is the directory to make; empty means a new temporary one.
	Dir string
	// Separator is the hierarchy separator: "/" (unixhierarchysep), the default,
	// or ".", with which a name cannot hold a dot.
	Separator string
	// BelowINBOX has every folder below INBOX (altnamespace: no), as Cyrus 2 had.
	BelowINBOX bool
	// Password is every user's password; empty means rig.DefaultPassword.
	Password string
	// Extra is appended to imapd.conf as it stands.
	Extra string
}

// withDefaults fills the empty fields and refuses what Cyrus would refuse.
func (o Options) withDefaults() (Options, error) {
	if o.Separator == "" {
		o.Separator = "/"
	}
	if o.Password == "" {
		o.Password = rig.DefaultPassword
	}
	if o.Separator != "/" && o.Separator != "." {
		return o, fmt.Errorf("separator %q is neither a slash nor a dot", o.Separator)
	}
	return o, rig.CheckPassword(o.Password)
}

// Server is one running Cyrus.
type Server struct{ *rig.Mail }

const tree = rig.Tree("cyrus")

// Missing says what this machine lacks to run the rig, or "" when it can.
func Missing() string { return tree.Missing() }

// Start starts a server and waits until it answers. The server outlives ctx,
// which only bounds the start; call Stop.
func Start(ctx context.Context, o Options) (*Server, error) { return start(ctx, o, false) }

// StartT starts a server for a test and stops it at the test's end. Where it
// cannot run the test is skipped or fails, as rig.Require says.
func StartT(t testing.TB, o Options) *Server {
	t.Helper()
	return rig.StartT(t, "Cyrus", Missing, Start, o)
}

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
	m, err := rig.NewMail(o.Dir, "cyrusrig", o.Password, "")
	if err != nil {
		return nil, err
	}
	s := &Server{m}
	if err := errors.Join(rig.Reachable(s.File("")), s.prepare(o)); err != nil {
		return nil, errors.Join(fmt.Errorf("make the server's files: %w", err), os.RemoveAll(s.File("")))
	}
	err = s.Launch(ctx, rig.MailLaunch{Command: s.command, Marks: []string{s.File("imapd.conf")}, Detached: detached})
	if err != nil {
		return nil, fmt.Errorf("start cyrus: %w", err)
	}
	return s, nil
}

// prepare makes what does not depend on the ports, and gives it to the user the
// server runs as.
func (s *Server) prepare(o Options) error {
	for _, sub := range []string{"mail", "state/db", "state/socket", "state/proc", "state/log", "state/user", "state/quota", "state/lock"} {
		if err := os.MkdirAll(s.File(sub), 0o755); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{"imapd.conf": s.config(o), "nobody.db": ""} {
		if err := os.WriteFile(s.File(name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	id, err := rig.IDs("mail")
	if err != nil {
		return err
	}
	return filepath.WalkDir(s.File(""), func(path string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, int(id.Uid), int(id.Gid)))
	})
}

// config is imapd.conf. Everybody's password comes out of a query that reads no
// table, because Cyrus has no other way to let anybody in.
func (s *Server) config(o Options) string {
	yes := map[bool]string{true: "yes", false: "no"}
	return strings.Join([]string{
		"configdirectory: " + s.File("state"),
		"defaultpartition: default",
		"partition-default: " + s.File("mail"),
		"cyrus_user: mail",
		"cyrus_group: mail",
		"servername: rig-" + s.Token,
		"admins: " + rig.Admin,
		"proxyservers: " + rig.Admin,
		"unixhierarchysep: " + yes[o.Separator == "/"],
		"altnamespace: " + yes[!o.BelowINBOX],
		"virtdomains: userid", // or else an @ in a user name makes him a stranger
		"defaultdomain: internal",
		"autocreate_quota: 0", // an INBOX at the first sign-in, without a quota
		"allowplaintext: yes",
		"sasl_mech_list: PLAIN",
		"sasl_pwcheck_method: auxprop",
		"sasl_auxprop_plugin: sql",
		"sasl_sql_engine: sqlite3",
		"sasl_sql_database: " + s.File("nobody.db"),
		fmt.Sprintf("sasl_sql_select: SELECT CASE '%%u' WHEN '%s' THEN '%s' ELSE '%s' END", rig.Admin, rig.AdminPassword, o.Password),
		"tls_server_cert: " + s.File("server.pem"),
		"tls_server_key: " + s.File("server.key"),
		o.Extra, "",
	}, "\n")
}

// command writes cyrus.conf and gives the master process.
func (s *Server) command(port, tlsPort int) (*exec.Cmd, error) {
	program := func(name string) string { return tree.Path("usr/lib/cyrus/bin/"+name) + " -C " + s.File("imapd.conf") }
	text := fmt.Sprintf(`START {
	recover cmd="%[1]s -r"
}
SERVICES {
	imap cmd="%[2]s" listen="127.0.0.1:%[3]d" prefork=2
	imaps cmd="%[2]s -s" listen="127.0.0.1:%[4]d" prefork=1
}
`, program("ctl_cyrusdb"), program("imapd"), port, tlsPort)
	if err := os.WriteFile(s.File("cyrus.conf"), []byte(text), 0o644); err != nil {
		return nil, fmt.Errorf("write cyrus.conf: %w", err)
	}
	cmd := exec.Command(tree.Path("usr/lib/cyrus/bin/master"), "-C", s.File("imapd.conf"), "-M", s.File("cyrus.conf"), "-p", s.File("master.pid"))
	cmd.Env = tree.Environment()
	plugins, err := filepath.Glob(tree.Path("usr/lib/*-linux-gnu*/sasl2"))
	if err != nil || len(plugins) != 1 {
		return nil, fmt.Errorf("there are %d folders of SASL plugins in %s, want 1", len(plugins), tree.Path("usr/lib"))
	}
	cmd.Env = append(cmd.Env, "SASL_PATH="+plugins[0])
	return cmd, nil
}
