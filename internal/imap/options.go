package imap

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/imap/wire"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

// Options say how to reach a mailbox. The zero value of every field but
// Endpoint works.
type Options struct {
	// Endpoint is the server.
	Endpoint migration.Endpoint
	// Credential signs in. Without a user the session stays signed out, which
	// is enough to look at a server's greeting.
	Credential Credential
	// Timeouts bound the waits.
	Timeouts Timeouts
	// Limits bound what the server may send.
	Limits wire.Limits
	// Dial replaces the dialler, for tests and proxies. The default refuses
	// addresses that are no server's (see RefuseLoopback).
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Line wraps the connection below TLS, to count what it moves. Nil is none.
	Line func(net.Conn) net.Conn
	// RefuseLoopback refuses this machine's own addresses too: for a service
	// whose users choose the endpoints.
	RefuseLoopback bool
	// Root is where the wanted folders are, with "/" between levels, when the
	// sign-in sees more. Folders lists what is at or below it, too, where a
	// namespace is left out of other listings (RFC 3501 section 5.1.2).
	Root string
	// Unanswered is how many messages Append sends before the server has answered, until
	// it refuses one; 0 is what its make bears (migration.Traits).
	Unanswered int
	// Known is shared by the sessions of one account: what the first has been told the
	// next do not ask. Nil shares nothing.
	Known *Known
	// Compress uses COMPRESS=DEFLATE (RFC 4978) where it is offered.
	Compress bool
	// ClientID is sent by ID (RFC 2971) where it is offered. Nil sends the
	// name "mailhaul"; an empty map sends nothing.
	ClientID map[string]string
	// Trace receives one line for each command and response, without
	// credentials, literals and messages. Several goroutines call it, one at a time.
	Trace func(line string)
	// Steps is told of every step of Dial, with the error that ended it.
	Steps func(step Step, detail string, err error)
	// Explain gives a refusal, or the server's word for closing the line, a better
	// cause or remedy, when there is one. Its fault is its own to change. Nil
	// explains nothing.
	Explain func(*migration.Fault) *migration.Fault
	// Log receives what is odd but does no harm. Nil is silent.
	Log *slog.Logger
}

// Step is a stage of Dial.
type Step string

// The steps, in their order. StepFolders is for callers that list the folders
// after Dial; Dial itself does not report it.
const (
	StepResolve    Step = "resolve"
	StepConnect    Step = "connect"
	StepTLS        Step = "tls"
	StepGreeting   Step = "greeting"
	StepCapability Step = "capability"
	StepLogin      Step = "login"
	StepFolders    Step = "folders"
)

// Credential is how to sign in.
type Credential struct {
	// User is whose password or token it is; a master password is nobody's.
	User string
	// AuthorizeAs is whose mailbox to open, when it is not User's: the
	// authorisation identity of RFC 4616, or whom the administrator becomes.
	AuthorizeAs string
	// Password or Token, a bearer token (RFC 7628), is the secret. With both,
	// the token is used.
	Password, Token secret.Text
	// Mechanism is PLAIN, LOGIN (SASL), COMMAND (the LOGIN command), XOAUTH2,
	// OAUTHBEARER, PROXYAUTH (sign in as what the server offers, then become
	// AuthorizeAs) or X-MASTERAUTH. Empty chooses what the server offers.
	Mechanism string
}

// signsIn reports whether anybody signs in at all.
func (c Credential) signsIn() bool {
	return c.User != "" || c.Mechanism == migration.MechanismMasterAuth
}

// Timeouts bound waits. Zero fields take the defaults.
type Timeouts struct {
	// Dial is for name resolution, connecting and the TLS handshake: 30 s.
	Dial time.Duration
	// Greeting is for the server's first line: 30 s.
	Greeting time.Duration
	// Idle is how long the line may stand still while the server owes an
	// answer: 120 s.
	Idle time.Duration
	// Slow is the stretch over which an answer on its way must bring 1 KiB/s:
	// 60 s. Time in which the receiver was busy does not count.
	Slow time.Duration
}

// slowest is the least rate of an answer, in bytes per second.
const slowest = 1 << 10

func (t Timeouts) withDefaults() Timeouts {
	fill := func(field *time.Duration, value time.Duration) {
		if *field <= 0 {
			*field = value
		}
	}
	fill(&t.Dial, 30*time.Second)
	fill(&t.Greeting, 30*time.Second)
	fill(&t.Idle, 120*time.Second)
	fill(&t.Slow, 60*time.Second)
	return t
}

func (o Options) withDefaults() Options {
	o.Timeouts = o.Timeouts.withDefaults()
	o.Limits = o.Limits.WithDefaults()
	if o.ClientID == nil {
		o.ClientID = map[string]string{"name": "mailhaul"}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Steps == nil {
		o.Steps = func(Step, string, error) {}
	}
	return o
}

// scrubber knows every secret of the credential, and the password as it stands
// within quotes, which in base64 is another text.
func (c Credential) scrubber() *secret.Scrubber {
	password := c.Password.Reveal()
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(password)
	return secret.NewScrubber(password, quoted, c.Token.Reveal())
}
