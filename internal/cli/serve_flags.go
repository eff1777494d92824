package cli

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/notify"
)

// serveFlags are the settings of a server. Each is a flag, an environment
// variable and a line of the settings file.
type serveFlags struct {
	config      string
	checkConfig bool

	dataDir    string
	database   string
	keyFile    string
	keyCommand string
	node       string

	listen         string
	tlsCert        string
	tlsKey         string
	trustedProxies []string

	slots         int
	drain         time.Duration
	keepCompleted time.Duration
	// keepFixed: it was given, and can't be set while the server runs.
	keepFixed     bool
	allowLoopback bool
	refusePrivate bool
	allowNetworks []string
	tokenHosts    []string
	resolvers     []string

	smtp     smtpFlags
	webhook  webhookFlags
	logLevel string
}

type smtpFlags struct {
	host, security, user, passwordFile, from, caFile string
	port                                             int
}

type webhookFlags struct{ url, secretFile string }

const (
	defaultListen = "127.0.0.1:8765"
	defaultSlots  = 200
	defaultDrain  = 30 * time.Second
)

func (f *serveFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.config, "config", "", "`FILE` with settings, one \"name = value\" a line")
	flags.BoolVar(&f.checkConfig, "check-config", false, "say whether the settings are right, and end")
	flags.StringVar(&f.dataDir, "data-dir", "", "`DIR` of the database (default: $STATE_DIRECTORY, else mailhaul/server where state is kept)")
	flags.StringVar(&f.database, "database", "", "`URL` of a PostgreSQL database, postgres://...; without it SQLite in the data directory")
	flags.StringVar(&f.keyFile, "key-file", "", "`FILE` with the key that passwords are sealed with; made at the first start, outside the data directory")
	flags.StringVar(&f.keyCommand, "key-command", "", "`COMMAND` that prints the key, instead of a file")
	flags.StringVar(&f.node, "node", "", "`NAME` of this process among the nodes of a database (default: the host's name)")
	flags.StringVar(&f.listen, "listen", defaultListen, "`ADDRESS` to listen at, host:port")
	flags.StringVar(&f.tlsCert, "tls-cert", "", "PEM `FILE` with the server's certificate and its chain")
	flags.StringVar(&f.tlsKey, "tls-key", "", "PEM `FILE` with the certificate's key")
	flags.StringSliceVar(&f.trustedProxies, "trusted-proxy", nil, "`ADDRESS` or network of a proxy that does TLS in front")
	flags.IntVar(&f.slots, "slots", defaultSlots, "how many mailboxes this process works on at a time at most")
	flags.DurationVar(&f.drain, "drain", defaultDrain, "how long work under way may take to lay itself down when the server is stopped")
	flags.DurationVar(&f.keepCompleted, "keep-completed", 0, "how long the records of a batch stay that completed without errors, such as 2160h for 90 days; 0: until they are deleted (default: that of mailhaul setting set, else 0)")
	flags.BoolVar(&f.allowLoopback, "allow-loopback", false, "let endpoints be on this computer")
	flags.BoolVar(&f.refusePrivate, "refuse-private", false, "refuse endpoints in private networks")
	flags.StringSliceVar(&f.tokenHosts, "token-host", nil, "`HOST` that may give bearer tokens or be Microsoft Graph, beside those of Microsoft and Google (several)")
	flags.StringSliceVar(&f.allowNetworks, "allow-network", nil, "`NETWORK` that endpoints may be in, and in no other (several)")
	flags.StringSliceVar(&f.resolvers, "dns", nil, "`ADDRESS` of a resolver that cut-overs are looked up with, such as 192.0.2.53 (several; default: those of the system)")
	flags.StringVar(&f.smtp.host, "smtp-host", "", "`HOST` of the mail server that reports go through; without it, that of mailhaul setting set, if there is one")
	flags.IntVar(&f.smtp.port, "smtp-port", 0, "its port (default: 587, or 465 for implicit)")
	flags.StringVar(&f.smtp.security, "smtp-security", "starttls", "starttls, implicit or none")
	flags.StringVar(&f.smtp.user, "smtp-user", "", "user name at the mail server")
	flags.StringVar(&f.smtp.passwordFile, "smtp-password-file", "", "`FILE` whose first line is the password at the mail server")
	flags.StringVar(&f.smtp.from, "smtp-from", "", "`ADDRESS` that reports come from")
	flags.StringVar(&f.smtp.caFile, "smtp-ca", "", "PEM `FILE` with the authorities of the mail server, instead of the system's")
	flags.StringVar(&f.webhook.url, "webhook-url", "", "`URL` that is told of what reports tell")
	flags.StringVar(&f.webhook.secretFile, "webhook-secret-file", "", "`FILE` whose first line is the key that signs it")
	flags.StringVar(&f.logLevel, "log-level", "info", "debug, info, warn or error")
}

// noSecretOnTheLine refuses a password where every user of the computer sees it.
func (f *serveFlags) noSecretOnTheLine() error {
	// An address that is none is refused later, by complete.
	if database, err := url.Parse(f.database); err == nil && hasPassword(database) {
		return usageError("--database: the password would show in the process list; put the URL into MAILHAUL_DATABASE or the settings file")
	}
	return nil
}

func hasPassword(u *url.URL) bool {
	_, has := u.User.Password()
	return has
}

// complete fills in what is left out and checks that the settings fit together.
// All mistakes are told at once, and once they are mended, all that cannot be used.
func (f *serveFlags) complete() error {
	var wrong []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	if err := f.defaults(); err != nil {
		return usageError("%w", err)
	}
	database, err := url.Parse(f.database)
	check(f.database == "" || err == nil && (database.Scheme == "postgres" || database.Scheme == "postgresql"), "database: want a URL such as postgres://mailhaul@db.example.org/mailhaul")
	check((f.tlsCert == "") == (f.tlsKey == ""), "tls-cert and tls-key go together")
	if err := f.checkListen(); err != nil {
		wrong = append(wrong, err)
	}
	for name, networks := range map[string][]string{"trusted-proxy": f.trustedProxies, "allow-network": f.allowNetworks} {
		_, err := prefixes(networks)
		check(err == nil, "%s: %w", name, err)
	}
	check(f.slots >= 1, "slots: must be at least 1")
	check(f.drain > 0, "drain: must be more than 0")
	check(f.keepCompleted >= 0, "keep-completed: must not be negative")
	check(f.keyFile == "" || !within(f.dataDir, f.keyFile), "key-file: must lie outside data-dir, or a backup of that would open every password")
	check(f.keyFile == "" || f.keyCommand == "", "key-file and key-command exclude each other")
	check(f.smtp.host == "" || f.smtp.from != "", "smtp-from: the address that reports come from is missing")
	check(slices.Contains([]string{"starttls", "implicit", "none"}, f.smtp.security), "smtp-security: want starttls, implicit or none")
	_, err = f.level()
	check(err == nil, "log-level: want debug, info, warn or error")
	for _, file := range []struct{ name, path string }{{"tls-cert", f.tlsCert}, {"tls-key", f.tlsKey}, {"smtp-password-file", f.smtp.passwordFile},
		{"smtp-ca", f.smtp.caFile}, {"webhook-secret-file", f.webhook.secretFile}} {
		if file.path != "" {
			_, err := os.Stat(file.path)
			check(!errors.Is(err, fs.ErrNotExist), "%s: there is no file %s", file.name, file.path)
		}
	}
	if len(wrong) == 0 {
		wrong = f.unusable()
	}
	if err := errors.Join(wrong...); err != nil {
		return usageError("%w", err)
	}
	return nil
}

// unusable is what the server would refuse once it starts, of settings that fit
// together. Nobody is asked for anything, and nothing is made.
func (f *serveFlags) unusable() []error {
	_, dns := f.looker(control.DialPolicy{})
	_, webhook := f.hook(control.DialPolicy{})
	_, mail := f.fixed()
	_, certificate := f.certificate()
	return []error{dns, webhook, mail, certificate, f.checkKeyCommand()}
}

// checkKeyCommand looks whether there is such a program.
func (f *serveFlags) checkKeyCommand() error {
	words := strings.Fields(f.keyCommand)
	if len(words) == 0 {
		return nil
	}
	if _, err := exec.LookPath(words[0]); err != nil {
		return fmt.Errorf("key-command: %w", err)
	}
	return nil
}

// hook is the webhook that is told; nil is none.
func (f *serveFlags) hook(policy control.DialPolicy) (hook *notify.Hook, err error) {
	if f.webhook.url == "" {
		return nil, nil
	}
	hook = &notify.Hook{URL: f.webhook.url, Dial: policy.Dial}
	if f.webhook.secretFile != "" {
		if hook.Secret, err = readPasswordFile("webhook-secret-file", f.webhook.secretFile); err != nil {
			return nil, err
		}
	}
	if err := hook.Check(); err != nil {
		return nil, usageError("webhook-url: %w", err)
	}
	return hook, nil
}

// certificate is the server's own; without one it is empty.
func (f *serveFlags) certificate() (certificate tls.Certificate, err error) {
	if f.tlsCert == "" {
		return certificate, nil
	}
	if certificate, err = tls.LoadX509KeyPair(f.tlsCert, f.tlsKey); err != nil {
		return certificate, usageError("tls-cert and tls-key: %w", err)
	}
	return certificate, nil
}

func (f *serveFlags) defaults() error {
	if f.dataDir == "" {
		f.dataDir = os.Getenv("STATE_DIRECTORY")
	}
	if f.dataDir == "" {
		state, err := stateDirectory()
		if err != nil {
			return fmt.Errorf("data-dir: no place for it: %w", err)
		}
		f.dataDir = filepath.Join(state, "server")
	}
	if f.node == "" {
		f.node, _ = os.Hostname()
		f.node = cmp.Or(f.node, "mailhaul")
	}
	if f.smtp.port == 0 {
		f.smtp.port = 587
		if f.smtp.security == "implicit" {
			f.smtp.port = 465
		}
	}
	return nil
}

// checkListen refuses to take passwords over a line in clear text.
func (f *serveFlags) checkListen() error {
	host, port, err := net.SplitHostPort(f.listen)
	if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil {
		return fmt.Errorf("listen: want host:port, such as %s", defaultListen)
	}
	if f.tlsCert == "" && len(f.trustedProxies) == 0 && host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return fmt.Errorf("listen: %s can be reached from other computers, in clear text; give tls-cert and tls-key, or name the trusted-proxy that does TLS in front", f.listen)
	}
	return nil
}

// within reports whether a file lies in a directory, as far as their names tell.
func within(directory, file string) bool {
	relative, err := filepath.Rel(directory, file)
	return err == nil && filepath.IsLocal(relative)
}

// secure reports whether clients reach the server by TLS.
func (f *serveFlags) secure() bool { return f.tlsCert != "" || len(f.trustedProxies) > 0 }

func (f *serveFlags) level() (level slog.Level, err error) {
	return level, level.UnmarshalText([]byte(f.logLevel))
}

// prefixes reads networks; an address is a network of one.
func prefixes(texts []string) (list []netip.Prefix, err error) {
	for _, text := range texts {
		prefix, err := netip.ParsePrefix(text)
		if address, single := netip.ParseAddr(text); single == nil {
			prefix, err = netip.PrefixFrom(address, address.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%q is no address or network, such as 10.0.0.0/8", text)
		}
		list = append(list, prefix)
	}
	return list, nil
}
