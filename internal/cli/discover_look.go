package cli

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net"

	"github.com/mailhaul/mailhaul/internal/discover"
	"github.com/mailhaul/mailhaul/internal/imap"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// looker looks at servers for discover, without signing in.
type looker struct {
	ca   []byte
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// look says what a server is. One whose certificate is not good is looked at once more,
// with its key for a pin, to learn its software: nothing is told to it that it could
// misuse.
func (l *looker) look(ctx context.Context, endpoint migration.Endpoint) discover.Seen {
	endpoint.CA = l.ca
	seen, err := l.greet(ctx, endpoint)
	if err == nil {
		seen.Trusted = true
		return seen
	}
	var verification *tls.CertificateVerificationError
	if errors.As(err, &verification) && len(verification.UnverifiedCertificates) > 0 {
		key := sha256.Sum256(verification.UnverifiedCertificates[0].RawSubjectPublicKeyInfo)
		endpoint.CA, endpoint.Pin = nil, base64.StdEncoding.EncodeToString(key[:])
		if again, errAgain := l.greet(ctx, endpoint); errAgain == nil {
			seen = again
		}
	}
	seen.Trouble, seen.Code = err.Error(), migration.CodeOf(err)
	if seen.Code == migration.CodeResolve || seen.Code == migration.CodeConnect {
		seen.Trouble = discover.Plain(err)
	}
	if fault := migration.FaultOf(err); fault != nil {
		seen.Remedy = fault.Remedy
	}
	if seen.Pin != "" {
		seen.Remedy += " (--pin is a flag of endpoint test and endpoint create.)"
	}
	return seen
}

// greet reads greeting, capabilities and ID of a server.
func (l *looker) greet(ctx context.Context, endpoint migration.Endpoint) (seen discover.Seen, err error) {
	steps := func(step imap.Step, detail string, err error) {
		if step == imap.StepGreeting && err == nil {
			seen.Greeting = detail
		}
	}
	session, err := imap.Dial(ctx, imap.Options{Endpoint: endpoint, Dial: l.dial, Steps: steps})
	if err != nil {
		return seen, err
	}
	defer session.Close()
	seen.Answered = true
	seen.Pin = session.Pin()
	seen.Capabilities = session.Profile().Capabilities
	seen.ID, err = session.Identity(ctx)
	if migration.ClassOf(err) != migration.Again { // it refuses to tell, which is its right
		err = nil
	}
	return seen, err
}
