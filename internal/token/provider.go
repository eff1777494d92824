package token

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

const (
	// holdersMost is how many tokens are kept; of more, those not asked for
	// longest go. Far more mailboxes than are worked on at a time.
	holdersMost = 2000
	// failedPause is how long a failure is the answer for everybody.
	failedPause = 10 * time.Second
	// refusedPause is the least age of a token that is exchanged because a
	// server refused it.
	refusedPause = time.Minute
	// fetchMost is how long all tries for one token may take.
	fetchMost = 2 * time.Minute
	// earlyMost is when the next token is asked for, before the end of a long one.
	earlyMost = 5 * time.Minute
	// marginMost is how long before its end a token is no longer given out: a
	// sign-in takes time, and clocks differ.
	marginMost = 30 * time.Second
)

// Options are for both kinds of provider. The zero value is what is recommended.
type Options struct {
	// Dial connects to the authority; nil is a plain dialler.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Roots replace the system's certificate authorities.
	Roots *x509.CertPool
	// Hosts are further hosts, without port, that may be an authority. Whatever
	// is here gets the credential.
	Hosts []string
	// Transport sends the requests instead of all that, for tests.
	Transport http.RoundTripper
	// Timeout is for one request; 0 is 30 s.
	Timeout time.Duration
}

// grant is one way to get tokens.
type grant interface {
	// address is where the form goes.
	address() string
	// holder says whose token serves a user: that of all, or his own.
	holder(user string) string
	// form is what is sent for the holder's token.
	form(holder string, now time.Time) (url.Values, error)
	// doing says what is being done, for faults.
	doing(holder string) string
	// meaning explains a refusal.
	meaning(r refusal) meaning
	// lacking reports whether the token is good for nothing yet, because an
	// administrator's step is missing: it is not kept for long.
	lacking(token secret.Text) bool
}

var (
	_ grant = (*entraGrant)(nil)
	_ grant = (*googleGrant)(nil)
)

// Provider gives bearer tokens for the mailboxes of one endpoint. It is safe for
// many goroutines, and has none of its own but for requests under way.
type Provider struct {
	grant grant
	asker *asker

	mutex   sync.Mutex
	holders map[string]*held
	pause   time.Time        // until when the authority wants to be left alone
	paused  *migration.Fault // why
}

// held is what is known of one token.
type held struct {
	token secret.Text
	// Taken is when it came, renew from when on the next is asked for, and end
	// until when it is given out.
	taken, renew, end time.Time
	fetch             *fetch // under way
	failed            *migration.Fault
	retry             time.Time // from when on it may be asked again after a failure
	used              time.Time
}

// fetch is a request that several may wait for. Its fields are set when done is
// closed.
type fetch struct {
	done  chan struct{}
	token secret.Text
	fault *migration.Fault
}

func newProvider(g grant, options Options) *Provider {
	return &Provider{grant: g, asker: newAsker(g, options), holders: map[string]*held{}}
}

// Token gives the token to sign in with to the mailbox of a user. It waits only when
// there is none that is still good. Its error is a *migration.Fault: of class Login
// when an administrator has to do something, Later when the authority asks for a
// pause, Again when it cannot be reached, with code interrupted when ctx ends.
func (p *Provider) Token(ctx context.Context, user string) (secret.Text, error) {
	holder := p.grant.holder(user)
	token, waitFor, fault := p.look(ctx, holder)
	if fault != nil {
		return secret.Text{}, fault
	}
	if waitFor == nil {
		return token, nil
	}
	select {
	case <-waitFor.done:
		if waitFor.fault != nil {
			own := *waitFor.fault
			return secret.Text{}, &own
		}
		return waitFor.token, nil
	case <-ctx.Done():
		return secret.Text{}, &migration.Fault{Class: migration.Again, Code: migration.CodeInterrupted, Doing: p.grant.doing(holder), Err: context.Cause(ctx)}
	}
}

// look gives a token, or a request to wait for, or the failure of a moment ago.
func (p *Provider) look(ctx context.Context, holder string) (secret.Text, *fetch, *migration.Fault) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	now := time.Now()
	h := p.of(holder, now)
	good := !h.token.Empty() && now.Before(h.end)
	if good && now.Before(h.renew) {
		return h.token, nil, nil
	}
	failed, until := h.failed, h.retry
	if now.Before(p.pause) {
		failed, until = p.paused, p.pause
	}
	if h.fetch == nil && !now.Before(until) {
		h.fetch = &fetch{done: make(chan struct{})}
		go p.run(context.WithoutCancel(ctx), holder, h, h.fetch)
	}
	switch {
	case good:
		return h.token, nil, nil
	case h.fetch != nil:
		return secret.Text{}, h.fetch, nil
	}
	own := *failed
	if own.After > 0 {
		own.After = until.Sub(now)
	}
	return secret.Text{}, nil, &own
}

// of finds or makes the record of a holder, and makes room for it.
func (p *Provider) of(holder string, now time.Time) *held {
	h := p.holders[holder]
	if h == nil {
		if len(p.holders) >= holdersMost {
			p.dropOldest()
		}
		h = &held{}
		p.holders[holder] = h
	}
	h.used = now
	return h
}

// dropOldest forgets the token that nobody has asked for longest. Who waits for it
// still gets it.
func (p *Provider) dropOldest() {
	oldest := ""
	for name, h := range p.holders {
		if first := p.holders[oldest]; first == nil || h.used.Before(first.used) {
			oldest = name
		}
	}
	delete(p.holders, oldest)
}

// run asks the authority and records the answer. ctx does not end with whoever asked
// first, since others may wait too.
func (p *Provider) run(ctx context.Context, holder string, h *held, f *fetch) {
	ctx, cancel := context.WithTimeout(ctx, fetchMost)
	defer cancel()
	answer, fault := p.asker.ask(ctx, holder)
	p.mutex.Lock()
	defer p.mutex.Unlock()
	now := time.Now()
	h.fetch = nil
	if fault != nil {
		h.failed, h.retry = fault, now.Add(max(failedPause, fault.After))
		if fault.Class == migration.Later && fault.After > 0 {
			p.pause, p.paused = h.retry, fault
		}
		f.fault = fault
	} else {
		h.keep(answer, now, p.grant.lacking(answer.token))
		f.token = answer.token
	}
	close(f.done)
}

// keep records a token and when it is to be followed by the next.
func (h *held) keep(a answer, now time.Time, lacking bool) {
	h.failed, h.retry = nil, time.Time{}
	h.token, h.taken = a.token, now
	life := a.life
	if lacking {
		life = min(life, refusedPause)
	}
	h.end = now.Add(life - min(marginMost, life/10))
	h.renew = now.Add(min(life*8/10, max(life-earlyMost, life/2)))
}

// Refused says that a server did not take a token. It reports whether Token now gives
// another one, so that signing in once more makes sense; it does not where the token
// is less than a minute old, since a server that refuses a new token refuses it for a
// reason that another one does not remove.
func (p *Provider) Refused(token secret.Text) bool {
	if token.Empty() {
		return false
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, h := range p.holders {
		if h.token != token {
			continue
		}
		if time.Since(h.taken) < refusedPause {
			return false
		}
		h.token, h.end = secret.Text{}, time.Time{}
	}
	return true
}
