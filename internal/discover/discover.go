package discover

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Options say how to look. The zero value works, and looks at no server.
type Options struct {
	// Resolver answers questions of DNS; nil is the system's.
	Resolver Resolver
	// Dial connects for HTTPS; nil is a plain dialler. It decides which addresses
	// may be reached.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Roots replace the system's certificate authorities for HTTPS.
	Roots *x509.CertPool
	// Probe looks at a server; nil looks at none, and then the usual names, which
	// nothing speaks for, are not proposed either.
	Probe Prober
	// Directory asks Thunderbird's public database of providers too, which tells a
	// third party the domain.
	Directory bool
	// Timeout is for everything together; 0 is 15 s.
	Timeout time.Duration
}

// Resolver is what is asked of DNS; *net.Resolver is one. Names are absolute, with a
// dot at the end, so that no search list is tried.
type Resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (cname string, addrs []*net.SRV, err error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupCNAME(ctx context.Context, host string) (string, error)
}

var _ Resolver = (*net.Resolver)(nil)

// Prober looks at a server without signing in. It ends with its context, and several
// run at the same time.
type Prober func(ctx context.Context, endpoint migration.Endpoint) Seen

// Seen is what a look at a server has shown. Its texts are a stranger's.
type Seen struct {
	// Answered: an IMAP server has greeted, and TLS was up. Trusted: its certificate
	// was verified.
	Answered bool `json:"answered"`
	Trusted  bool `json:"trusted"`
	// Pin is that of the key the server has shown, as migration.Endpoint has it.
	Pin string `json:"pin,omitempty"`
	// Greeting is the text of its first line.
	Greeting string `json:"greeting,omitempty"`
	// ID is its answer to ID (RFC 2971), with keys in lower case.
	ID map[string]string `json:"id,omitempty"`
	// Capabilities are those before the sign-in, in upper case.
	Capabilities []string `json:"capabilities,omitempty"`
	// Trouble is why it did not answer or is not trusted, Code its kind as that of a
	// fault, and Remedy what to do.
	Trouble string `json:"trouble,omitempty"`
	Code    string `json:"code,omitempty"`
	Remedy  string `json:"remedy,omitempty"`
}

// Source is where a piece of evidence comes from.
type Source string

// The sources of evidence.
const (
	// FromSRV: an SRV record of the domain.
	FromSRV Source = "srv"
	// FromAutoconfig: an autoconfig file of the domain, or of its MX's.
	FromAutoconfig Source = "autoconfig"
	// FromDirectory: Thunderbird's public database.
	FromDirectory Source = "directory"
	// FromAutodiscover: the domain's Autodiscover service.
	FromAutodiscover Source = "autodiscover"
	// FromProvider: the table of known providers.
	FromProvider Source = "provider"
	// FromMX: a host that takes the domain's mail.
	FromMX Source = "mx"
	// FromName: one of the names servers usually have.
	FromName Source = "name"
)

// Evidence is why a server is proposed.
type Evidence struct {
	Source Source `json:"source"`
	Detail string `json:"detail"`
	weight int
}

// Confidence says how sure a proposal is.
type Confidence string

// The kinds of confidence.
const (
	// Sure: the domain or the table of providers names it, it answers, and its
	// certificate is good.
	Sure Confidence = "sure"
	// Likely: it is named but was not seen to answer, or it answers with a good
	// certificate but is only a usual name.
	Likely Confidence = "likely"
	// Guess: neither.
	Guess Confidence = "guess"
)

// Candidate is a server that may be the one.
type Candidate struct {
	Endpoint   migration.Endpoint
	Confidence Confidence
	Evidence   []Evidence
	// UserName is how this address would sign in with a password of its own.
	UserName string
	// Seen is nil when it was not looked at, or not to the end.
	Seen *Seen
	// Software is empty when it was not recognised.
	Software string
	// Logins are the forms of signing in that fit, the one to begin with first. None
	// means that mailhaul has none for this server; a note says why.
	Logins []Login
	// Notes are sentences for people.
	Notes []string
}

// Answers reports whether the server was seen to answer with a good certificate.
func (c Candidate) Answers() bool { return c.Seen != nil && c.Seen.Answered && c.Seen.Trusted }

// Named reports whether more than a usual name speaks for the server.
func (c Candidate) Named() bool { return c.weight() >= named }

// Provider is who keeps the domain's mail, as the table of known providers has it.
type Provider struct {
	Name string `json:"name"`
	// Note is what one must know there, true at AsOf (year and month).
	Note string `json:"note,omitempty"`
	AsOf string `json:"asOf"`
}

// Asked is a question that was asked, and what came of it.
type Asked struct {
	Source   Source `json:"source"`
	Question string `json:"question"`
	// Answer says what was found, or why nothing was.
	Answer string `json:"answer"`
}

// Result is what was found.
type Result struct {
	// Domain is that of the address, in ASCII.
	Domain   string
	Provider *Provider
	// Candidates are the proposals, best first.
	Candidates []Candidate
	// NameServer says what is wrong with the name server when it has answered nothing.
	NameServer string
	// Notes are sentences about the domain.
	Notes []string
	// Asked are the questions in the order of their texts.
	Asked []Asked
}

const defaultTimeout = 15 * time.Second

// settleTime is how long the others are waited for once a server that was named has
// answered with a good certificate.
const settleTime = 2 * time.Second

var errSettled = errors.New("a better server has answered")

// Find looks for the mail server of an address. The error is one of the address, or
// the context's.
func Find(ctx context.Context, address string, options Options) (Result, error) {
	local, domain, err := migration.ParseAddress(address)
	if err != nil {
		return Result{}, err
	}
	if options.Resolver == nil {
		options.Resolver = net.DefaultResolver
	}
	if options.Timeout <= 0 {
		options.Timeout = defaultTimeout
	}
	limited, cancel := context.WithTimeout(ctx, options.Timeout)
	defer cancel()
	settling, settle := context.WithCancelCause(limited)
	defer settle(nil)
	b := newBoard(options, local, domain, func() { settle(errSettled) })
	b.askAll(settling)
	b.work.Wait()
	b.stopSettling()
	if err := context.Cause(ctx); err != nil {
		return Result{}, err
	}
	return b.result(), nil
}

// askAll begins every question. Those about names nobody has spoken for come first,
// so that no answer can crowd them out.
func (b *board) askAll(ctx context.Context) {
	web := newWeb(ctx, b.options)
	b.guess(ctx)
	b.knownDomain(ctx)
	b.askDNS(ctx, web)
	b.askAutoconfig(ctx, web)
	b.askAutodiscover(ctx, web)
	if b.options.Directory {
		b.askDirectory(ctx, web)
	}
}

// guess proposes the usual names.
func (b *board) guess(ctx context.Context) {
	if b.options.Probe == nil {
		return
	}
	for _, usual := range []struct {
		prefix string
		weight int
	}{{"imap.", weightIMAPName}, {"mail.", weightMailName}, {"", weightBareName}} {
		b.proposeHost(ctx, usual.prefix+b.domain, Evidence{FromName, "a usual name", usual.weight})
	}
}
