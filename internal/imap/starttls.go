package imap

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	"github.com/mailhaul/mailhaul/internal/imap/wire"
	"github.com/mailhaul/mailhaul/internal/migration"
)

var errInjection = errors.New("bytes came with the answer to STARTTLS that TLS does not protect")

// startTLS is STARTTLS (RFC 3501 section 6.2.1). Before TLS is up, only the
// tagged answer to a tag that nobody could guess counts, and nothing that was
// said is kept.
func (o *opening) startTLS(ctx context.Context) error {
	if err := o.askTLS(ctx); err != nil {
		o.options.Steps(StepTLS, o.options.Endpoint.Host, err)
		return err
	}
	protected, err := handshake(ctx, o.options, o.net)
	if err != nil {
		return err
	}
	o.net, o.caps, o.greeting.code = protected, nil, ""
	in, out := o.meter.in.Load(), o.meter.out.Load()
	o.attach()
	o.meter.in.Store(in)
	o.meter.out.Store(out)
	return nil
}

// askTLS sends STARTTLS and reads the answer, the last word in clear text.
func (o *opening) askTLS(ctx context.Context) error {
	if err := o.refuseEarly(ctx); err != nil {
		return err
	}
	tag := rand.Text()[:16]
	line, _, _ := (&wire.Command{}).Raw(tag + " STARTTLS\r\n").Bytes()
	c := &conn{options: o.options, scrub: o.options.Credential.scrubber()}
	c.trace("C: " + tag + " STARTTLS")
	if _, err := o.meter.Write(line); err != nil {
		return o.fault(ctx, migration.CodeLost, err, "The connection broke; it is tried again.")
	}
	o.roundTrips++
	if err := o.awaitOK(ctx, tag); err != nil {
		return err
	}
	return o.refuseEarly(ctx)
}

// refuseEarly refuses bytes that are there before they could have been asked
// for.
func (o *opening) refuseEarly(ctx context.Context) error {
	if o.in.Buffered() == 0 {
		return nil
	}
	return o.fault(ctx, migration.CodePolicy, errInjection, "Somebody may be changing this connection: use an imaps:// address.")
}

// strayMost is how many lines may come before the tagged answer.
const strayMost = 20

// awaitOK reads to the tagged answer. A CAPABILITY answer may come before it;
// anything else ends the attempt.
func (o *opening) awaitOK(ctx context.Context, tag string) error {
	const remedy = "The server does not start TLS here: use an imaps:// address."
	for range strayMost {
		if err := o.in.Begin(); err != nil {
			return o.fault(ctx, migration.CodeLost, err, remedy)
		}
		line, err := o.in.Text()
		if err != nil {
			return o.fault(ctx, migration.CodeLost, err, remedy)
		}
		word, rest, _ := strings.Cut(line, " ")
		name, text, _ := strings.Cut(rest, " ")
		status := parseStatus(name, text)
		switch {
		case word == tag && status.status == "OK":
			return nil
		case word == "*" && strings.EqualFold(name, "CAPABILITY"):
			continue
		case word == tag:
			return o.fault(ctx, migration.CodePolicy, errors.New("the server refuses STARTTLS"), remedy)
		}
		return o.fault(ctx, migration.CodePolicy, errors.New("something else came instead of the answer to STARTTLS"), remedy)
	}
	return o.fault(ctx, migration.CodePolicy, errors.New("the server does not answer STARTTLS"), remedy)
}
