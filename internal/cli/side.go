package cli

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/mailhaul/mailhaul/internal/imap"
	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

// sideFlags say how to reach one side.
type sideFlags struct {
	name         string // "source", "target" or "server"
	url          string
	passwordFile string
	caFile       string
	pin          string
	compress     bool
	dayBudget    string
	// defaultFolders are texts such as "Sent=Gesendet".
	defaultFolders []string
}

const folderHelp = `
Names of folders in --include and --exclude have / between their levels and no
case, and mean all below them too: Work/Old and Work/Old/* are the same, and a *
elsewhere is a plain character. A name as --dry-run shows it, such as INBOX.Work,
means the same. #SentItems#, #DeletedItems#, #Drafts#,
#JunkEmail#, #Archive# and #Inbox# name such a folder in whatever language;
\#Notes\# is one really called #Notes#.
`

const addressHelp = `
Addresses:
  imaps://user@host[:993]       TLS from the first byte
  imap://user@host[:143]        TLS by STARTTLS, which is required
  imap+plain://user@host:port   no protection; only with --allow-cleartext
  An @ in the user name may be written %40.

Passwords come from --source-password-file and --target-password-file, else from
the environment variables MAILHAUL_SOURCE_PASSWORD and MAILHAUL_TARGET_PASSWORD,
else they are asked for. They are never arguments.
`

// flag spells one of the side's flags; those of a command with one side have no
// prefix.
func (f *sideFlags) flag(what string) string {
	if f.name == "server" {
		return "--" + what
	}
	return "--" + f.name + "-" + what
}

// address is what the URL is called.
func (f *sideFlags) address() string {
	if f.name == "server" {
		return "URL"
	}
	return "--" + f.name
}

func (f *sideFlags) register(flags *pflag.FlagSet) {
	f.registerLook(flags)
	flags.StringVar(&f.dayBudget, f.name+"-day-budget", "", fmt.Sprintf(dayBudgetHelp, f.name))
}

// registerLook are the flags of whoever only looks at the side.
func (f *sideFlags) registerLook(flags *pflag.FlagSet) {
	flags.StringVar(&f.url, f.name, "", "`URL` of the "+f.name+" server")
	flags.StringVar(&f.passwordFile, f.name+"-password-file", "", "`FILE` whose first line is the "+f.name+" password")
	flags.StringVar(&f.caFile, f.name+"-ca", "", "PEM `FILE` with the certificate authorities of the "+f.name+", instead of the system's")
	flags.StringVar(&f.pin, f.name+"-pin", "", "base64 SHA-256 of the "+f.name+"'s public key, trusted whoever signed it")
	flags.StringArrayVar(&f.defaultFolders, f.name+"-default-folder", nil, defaultFolderHelp)
	flags.BoolVar(&f.compress, f.name+"-compress", false, "compress the line to the "+f.name+" where it can (for slow lines)")
}

// endpoint checks the flags and gives the server and the user.
func (f *sideFlags) endpoint(allowCleartext bool) (migration.Endpoint, string, error) {
	if f.url == "" {
		return migration.Endpoint{}, "", usageError("--%s is missing: the address of the %s, such as imaps://anna@mail.example.org", f.name, f.name)
	}
	endpoint, user, err := migration.ParseURL(f.url)
	if err != nil {
		return endpoint, "", usageError("%s: %w", f.address(), err)
	}
	if endpoint.Security == migration.Cleartext && !allowCleartext {
		return endpoint, "", usageError("%s: %s would send the password and all mail in clear text; use imaps:// or imap://, or say --allow-cleartext if the line is safe", f.address(), endpoint.Address())
	}
	endpoint.AllowCleartext, endpoint.Pin = allowCleartext, strings.TrimPrefix(f.pin, "sha256/")
	if pin, err := base64.StdEncoding.DecodeString(endpoint.Pin); f.pin != "" && (err != nil || len(pin) != sha256.Size) {
		return endpoint, "", usageError("%s: want the base64 of a SHA-256, 44 characters that end in =; endpoint test shows it", f.flag("pin"))
	}
	if f.caFile != "" {
		if endpoint.CA, err = os.ReadFile(f.caFile); err != nil {
			return endpoint, "", usageError("%s: %w", f.flag("ca"), err)
		}
		if !x509.NewCertPool().AppendCertsFromPEM(endpoint.CA) {
			return endpoint, "", usageError("%s: %s holds no certificate in PEM form", f.flag("ca"), f.caFile)
		}
	}
	return endpoint, user, nil
}

// defaults reads the default folders of the side.
func (f *sideFlags) defaults() (mailsync.Defaults, error) {
	given, err := migration.ParseDefaultFolders(f.defaultFolders)
	var named migration.DefaultFolders
	if err == nil {
		named, err = named.With(given)
	}
	if err != nil {
		return mailsync.Defaults{}, usageError("%s: %w", f.flag("default-folder"), err)
	}
	return mailsync.Defaults{Named: named}, nil
}

// password gets the secret of the side, asking for it if there is a terminal.
func (f *sideFlags) password(ctx context.Context, streams Streams, user string) (secret.Text, error) {
	if f.passwordFile != "" {
		return readPasswordFile(f.flag("password-file"), f.passwordFile)
	}
	if value := os.Getenv(f.passwordVariable()); value != "" {
		return secret.New(value), nil
	}
	if file, ok := streams.In.(*os.File); ok && isTerminal(file) {
		return askPassword(ctx, streams.Err, int(file.Fd()), fmt.Sprintf("%s at the %s", migration.SafeText(user), f.name))
	}
	return secret.Text{}, usageError("no password for the %s: give %s or set %s", f.name, f.flag("password-file"), f.passwordVariable())
}

// askPassword asks at a terminal. When the context ends, the terminal is put
// back as it was; what is still read from it ends with the process.
func askPassword(ctx context.Context, out io.Writer, terminal int, whose string) (secret.Text, error) {
	before, err := term.GetState(terminal)
	if err != nil {
		return secret.Text{}, fmt.Errorf("asking for the password: %w", err)
	}
	fmt.Fprintf(out, "Password of %s: ", whose)
	defer fmt.Fprintln(out)
	var typed []byte
	read := make(chan error, 1)
	go func() {
		var err error
		typed, err = term.ReadPassword(terminal)
		read <- err
	}()
	select {
	case err := <-read:
		if err == nil && len(typed) == 0 {
			return secret.Text{}, usageError("the password of %s is empty", whose)
		}
		return secret.New(string(typed)), err
	case <-ctx.Done():
		_ = term.Restore(terminal, before)
		return secret.Text{}, &migration.Fault{Class: migration.Stop, Code: migration.CodeInterrupted, Doing: "interrupted before anything was done"}
	}
}

func (f *sideFlags) passwordVariable() string {
	return "MAILHAUL_" + strings.ToUpper(f.name) + "_PASSWORD"
}

// hasPassword reports whether a password is given without asking.
func (f *sideFlags) hasPassword() bool {
	return os.Getenv(f.passwordVariable()) != "" || f.passwordFile != ""
}

// maxPassword bounds a password file.
const maxPassword = 64 << 10

func readPasswordFile(flag, path string) (secret.Text, error) {
	file, err := os.Open(path)
	if err != nil {
		return secret.Text{}, usageError("%s: %w", flag, err)
	}
	defer file.Close()
	line, err := bufio.NewReader(io.LimitReader(file, maxPassword)).ReadBytes('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return secret.Text{}, usageError("%s: %w", flag, err)
	}
	// Windows editors begin a UTF-8 file with a mark that is no part of it.
	line = bytes.TrimRight(bytes.TrimPrefix(line, []byte("\ufeff")), "\r\n")
	if len(line) == 0 {
		return secret.Text{}, usageError("%s: the first line of %s is empty", flag, path)
	}
	return secret.New(string(line)), nil
}

// account is a mailbox on a server, with all that is needed to sign in.
type account struct {
	endpoint migration.Endpoint
	user     string
	password secret.Text
	compress bool
	trace    func(string)
	// root is where the person's folders are, when the sign-in sees more.
	root string
	// unanswered is how many messages it is sent before it answers, 0 for the usual.
	unanswered int
	// allowance is the account's day's budget, nil for none.
	allowance *allowance
	// known is what its sessions share; nil for nothing.
	known *imap.Known
}

// identity names the mailbox in the ledger: one sign-in with two roots is two. Of
// the root it has a digest only: where columns were shifted, it is a password.
func (a account) identity() string {
	identity := a.user + "@" + a.endpoint.Address()
	if root := strings.Trim(a.root, "/"); root != "" {
		digest := sha256.Sum256([]byte(identity + "\x00" + root))
		identity += fmt.Sprintf("/%x", digest[:16])
	}
	return identity
}

// sameAs reports whether two accounts are one, as far as their names tell.
func (a account) sameAs(b account) bool {
	ports := map[int]bool{143: true, 993: true} // one server with and without STARTTLS
	return strings.EqualFold(a.user, b.user) && plainHost(a.endpoint.Host) == plainHost(b.endpoint.Host) &&
		(a.endpoint.Port == b.endpoint.Port || ports[a.endpoint.Port] && ports[b.endpoint.Port])
}

// plainHost gives one name to what is written in several ways.
func plainHost(host string) string {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	ip := net.ParseIP(host)
	switch {
	case host == "localhost", host == "127.0.0.1", ip != nil && ip.Equal(net.IPv6loopback):
		return "localhost"
	case ip != nil:
		return ip.String()
	}
	return host
}

func (a account) dial(ctx context.Context) (*imap.Session, error) {
	if err := a.allowance.check(); err != nil {
		return nil, err
	}
	return imap.Dial(ctx, imap.Options{Endpoint: a.endpoint, Root: a.root, Compress: a.compress, Unanswered: a.unanswered, Known: a.known, Trace: a.trace, Line: a.allowance.counted,
		Credential: imap.Credential{User: a.user, Password: a.password}})
}

// source dials the account as a source.
func (a account) source(ctx context.Context) (mailsync.Session, error) {
	session, err := a.dial(ctx)
	if err != nil {
		return nil, naming("source", err)
	}
	return a.allowance.source(session), nil
}

// target dials the account as a target.
func (a account) target(ctx context.Context) (mailsync.Target, error) {
	session, err := a.dial(ctx)
	if err != nil {
		return nil, naming("target", err)
	}
	return a.allowance.target(targetSession{session}), nil
}

// naming spells the flags in the remedy of a fault as they are called for a side.
func naming(side string, err error) error {
	if fault := migration.FaultOf(err); fault != nil {
		fault.Remedy = strings.NewReplacer("--pin ", "--"+side+"-pin ", "--ca ", "--"+side+"-ca ").Replace(fault.Remedy)
	}
	return err
}

// targetSession gives a session the interface of the engine's target.
type targetSession struct{ *imap.Session }

var _ mailsync.Bench = targetSession{}

func (s targetSession) Appender(rawName string, options migration.AppendOptions, done func(migration.AppendResult)) mailsync.Appender {
	return s.Session.Appender(rawName, options, done)
}
