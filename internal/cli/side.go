package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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
	name         string // "source" or "target"
	url          string
	passwordFile string
	caFile       string
	pin          string
	compress     bool
}

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

func (f *sideFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.url, f.name, "", "`URL` of the "+f.name+" server")
	flags.StringVar(&f.passwordFile, f.name+"-password-file", "", "`FILE` whose first line is the "+f.name+" password")
	flags.StringVar(&f.caFile, f.name+"-ca", "", "PEM `FILE` with the certificate authorities of the "+f.name+", instead of the system's")
	flags.StringVar(&f.pin, f.name+"-pin", "", "base64 SHA-256 of the "+f.name+"'s public key, trusted whoever signed it")
	flags.BoolVar(&f.compress, f.name+"-compress", false, "compress the line to the "+f.name+" where it can (for slow lines)")
}

// endpoint checks the flags and gives the server and the user.
func (f *sideFlags) endpoint(allowCleartext bool) (migration.Endpoint, string, error) {
	if f.url == "" {
		return migration.Endpoint{}, "", usageError("--%s is missing: the address of the %s, such as imaps://anna@mail.example.org", f.name, f.name)
	}
	endpoint, user, err := migration.ParseURL(f.url)
	if err != nil {
		return endpoint, "", usageError("--%s: %w", f.name, err)
	}
	if endpoint.Security == migration.Cleartext && !allowCleartext {
		return endpoint, "", usageError("--%s: %s would send the password and all mail in clear text; use imaps:// or imap://, or say --allow-cleartext if the line is safe", f.name, endpoint.Address())
	}
	endpoint.AllowCleartext, endpoint.Pin = allowCleartext, strings.TrimPrefix(f.pin, "sha256/")
	if f.caFile != "" {
		if endpoint.CA, err = os.ReadFile(f.caFile); err != nil {
			return endpoint, "", usageError("--%s-ca: %w", f.name, err)
		}
	}
	return endpoint, user, nil
}

// password gets the secret of the side, asking for it if there is a terminal.
func (f *sideFlags) password(streams Streams, user string) (secret.Text, error) {
	if f.passwordFile != "" {
		return readPasswordFile(f.name, f.passwordFile)
	}
	if value := os.Getenv(f.passwordVariable()); value != "" {
		return secret.New(value), nil
	}
	if file, ok := streams.In.(*os.File); ok && isTerminal(file) {
		fmt.Fprintf(streams.Err, "Password of %s at the %s: ", user, f.name)
		typed, err := term.ReadPassword(int(file.Fd()))
		fmt.Fprintln(streams.Err)
		return secret.New(string(typed)), err
	}
	return secret.Text{}, usageError("no password for the %s: give --%s-password-file or set %s", f.name, f.name, f.passwordVariable())
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

func readPasswordFile(side, path string) (secret.Text, error) {
	file, err := os.Open(path)
	if err != nil {
		return secret.Text{}, usageError("--%s-password-file: %w", side, err)
	}
	defer file.Close()
	line, err := bufio.NewReader(io.LimitReader(file, maxPassword)).ReadBytes('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return secret.Text{}, usageError("--%s-password-file: %w", side, err)
	}
	// Windows editors begin a UTF-8 file with a mark that is no part of it.
	line = bytes.TrimRight(bytes.TrimPrefix(line, []byte("\ufeff")), "\r\n")
	if len(line) == 0 {
		return secret.Text{}, usageError("--%s-password-file: the first line of %s is empty", side, path)
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
}

// identity names the account in the ledger.
func (a account) identity() string { return a.user + "@" + a.endpoint.Address() }

func (a account) dial(ctx context.Context) (*imap.Session, error) {
	return imap.Dial(ctx, imap.Options{Endpoint: a.endpoint, Compress: a.compress, Trace: a.trace,
		Credential: imap.Credential{User: a.user, Password: a.password}})
}

// source dials the account as a source.
func (a account) source(ctx context.Context) (mailsync.Session, error) {
	session, err := a.dial(ctx)
	if err != nil {
		return nil, err
	}
	return session, nil
}

// target dials the account as a target.
func (a account) target(ctx context.Context) (mailsync.Target, error) {
	session, err := a.dial(ctx)
	if err != nil {
		return nil, err
	}
	return targetSession{session}, nil
}

// targetSession gives a session the interface of the engine's target.
type targetSession struct{ *imap.Session }

var _ mailsync.Target = targetSession{}

func (s targetSession) Appender(rawName string, options migration.AppendOptions, done func(migration.AppendResult)) mailsync.Appender {
	return s.Session.Appender(rawName, options, done)
}
