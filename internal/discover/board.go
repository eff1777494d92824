package discover

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// What one search takes in, whatever is answered.
const (
	candidatesMost = 24
	recordsMost    = 4 // of one answer
	evidenceMost   = 8 // of one candidate
	textMost       = 300
)

// board gathers what the questions find, and has every server that is named looked
// at, once.
type board struct {
	options       Options
	local, domain string
	settle        func()
	// work are all questions and looks; who runs in it may add to it.
	work sync.WaitGroup

	mu         sync.Mutex
	candidates []*Candidate
	settling   *time.Timer
	provider   *provider
	// providerWeight is that of the evidence for it.
	providerWeight int
	// answers: the name server has answered once; deaf says what was wrong when it did
	// not.
	answers bool
	deaf    string
	notes   []string
	asked   []Asked
}

func newBoard(options Options, local, domain string, settle func()) *board {
	return &board{options: options, local: local, domain: domain, settle: settle}
}

// proposal is a server that somebody names.
type proposal struct {
	host     string
	port     int
	security migration.Security
	evidence Evidence
	// user is how one would sign in, with the placeholders of autoconfig; may be
	// empty.
	user string
}

// proposeHost proposes a host of which only the name is known, with both kinds of
// TLS.
func (b *board) proposeHost(ctx context.Context, host string, evidence Evidence) {
	b.propose(ctx, proposal{host: host, port: 993, security: migration.Implicit, evidence: evidence})
	b.propose(ctx, proposal{host: host, port: 143, security: migration.StartTLS, evidence: evidence})
}

// propose takes a proposal in, and has the server looked at when it is a new one. It
// reports whether it was fit to be taken: a host's name, a port, and TLS.
func (b *board) propose(ctx context.Context, p proposal) bool {
	host, ok := hostName(p.host)
	if !ok || p.port < 1 || p.port > 65535 || p.security != migration.Implicit && p.security != migration.StartTLS {
		return false
	}
	endpoint := migration.Endpoint{Host: host, Port: p.port, Security: p.security}
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.find(endpoint)
	if c == nil {
		if len(b.candidates) >= candidatesMost {
			return false
		}
		c = &Candidate{Endpoint: endpoint}
		b.candidates = append(b.candidates, c)
		if b.options.Probe != nil {
			b.work.Go(func() { b.look(ctx, c) })
		}
	}
	p.evidence.Detail = clean(p.evidence.Detail)
	if len(c.Evidence) < evidenceMost && !slices.Contains(c.Evidence, p.evidence) {
		c.Evidence = append(c.Evidence, p.evidence)
	}
	if user := b.userName(p.user); user != "" && c.UserName == "" {
		c.UserName = user
	}
	b.settleIfGood(c)
	return true
}

// find is called with the lock held.
func (b *board) find(e migration.Endpoint) *Candidate {
	for _, c := range b.candidates {
		if c.Endpoint.Host == e.Host && c.Endpoint.Port == e.Port && c.Endpoint.Security == e.Security {
			return c
		}
	}
	return nil
}

// look has a server looked at.
func (b *board) look(ctx context.Context, c *Candidate) {
	seen := b.options.Probe(ctx, c.Endpoint)
	seen = seen.fitToShow()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !seen.Answered && errors.Is(context.Cause(ctx), errSettled) {
		return // it was not waited for, which tells nothing
	}
	c.Seen = &seen
	b.settleIfGood(c)
}

// settleIfGood is called with the lock held.
func (b *board) settleIfGood(c *Candidate) {
	if b.settling == nil && c.Answers() && c.Named() {
		b.settling = time.AfterFunc(settleTime, b.settle)
	}
}

func (b *board) stopSettling() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.settling != nil {
		b.settling.Stop()
	}
}

// note keeps a sentence about the domain.
func (b *board) note(sentence string) {
	sentence = clean(sentence)
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Contains(b.notes, sentence) {
		b.notes = append(b.notes, sentence)
	}
}

// answered keeps what came of a question.
func (b *board) answered(source Source, question, answer string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(b.asked, Asked{source, clean(question), clean(answer)})
}

// result judges everything that has come in. Nothing runs any more.
func (b *board) result() Result {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := Result{Domain: b.domain, Notes: b.notes, Asked: append(b.asked, b.usualNames()...)}
	if !b.answers {
		r.NameServer = b.deaf
	}
	slices.Sort(r.Notes)
	slices.SortFunc(r.Asked, func(a, b Asked) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Question, b.Question))
	})
	if b.provider != nil {
		r.Provider = &Provider{b.provider.name, b.provider.note, asOf}
	}
	for _, c := range b.candidates {
		b.judge(c)
		r.Candidates = append(r.Candidates, *c)
	}
	rank(r.Candidates)
	return r
}

// judge says what a candidate is, and how one would sign in.
func (b *board) judge(c *Candidate) {
	slices.SortStableFunc(c.Evidence, func(x, y Evidence) int {
		return cmp.Or(cmp.Compare(y.weight, x.weight), cmp.Compare(x.Detail, y.Detail))
	})
	if c.UserName == "" {
		c.UserName = b.local + "@" + b.domain
	}
	c.Confidence = c.confidence()
	b.judgeLogins(c)
	if c.onlyDNS() && !within(c.Endpoint.Host, b.domain) && !c.provided() {
		c.Notes = append(c.Notes, c.Endpoint.Host+" is outside of "+b.domain+", and only DNS names it: make sure that it is your provider's (RFC 6186 section 6).")
	}
}

// judgeLogins finds the forms that fit: the provider's, else the software's.
func (b *board) judgeLogins(c *Candidate) {
	logins, note := forms(), ""
	if c.Seen != nil && c.Seen.Answered {
		if s := recognise(*c.Seen); s != nil {
			c.Software, logins, note = s.name, s.logins, s.note
		}
	}
	if p := b.providerOf(c.Endpoint.Host); p != nil {
		logins, note = p.logins, p.note
	}
	c.addNote(note)
	if c.Seen != nil && c.Seen.Answered && !takesPasswords(c.Seen.Capabilities) && slices.Contains(logins, migration.LoginUser) {
		c.addNote("It announces no sign-in by password.")
	}
	for _, form := range logins {
		c.Logins = append(c.Logins, loginOf(form))
	}
}

// providerOf is the provider whose server a host is. Of several with one server, such
// as those of companies and of persons, the one that was found for the domain counts.
func (b *board) providerOf(host string) *provider {
	if b.provider != nil && b.provider.host == host {
		return b.provider
	}
	for i := range providers {
		if providers[i].host == host {
			return &providers[i]
		}
	}
	return nil
}

func (c *Candidate) addNote(sentence string) {
	if sentence != "" && !slices.Contains(c.Notes, sentence) {
		c.Notes = append(c.Notes, sentence)
	}
}

// userName fills the placeholders of autoconfig. A server that fills them itself has
// done it for the address it was asked with. It is empty for what no user is called.
func (b *board) userName(template string) string {
	switch strings.ToLower(template) {
	case "":
		return ""
	case postmaster:
		template = "%EMAILLOCALPART%"
	case postmaster + "@" + b.domain:
		template = "%EMAILADDRESS%"
	}
	user := strings.NewReplacer("%EMAILADDRESS%", b.local+"@"+b.domain, "%EMAILLOCALPART%", b.local, "%EMAILDOMAIN%", b.domain).Replace(template)
	if len(user) > 254 || clean(user) != user || strings.ContainsAny(user, " %") || !strings.Contains(user, b.local) {
		return ""
	}
	return user
}

// clean makes a stranger's text fit to be shown: one line, without control
// characters, and not too long.
func clean(text string) string {
	const looked = 4 << 10
	text = migration.SafeText(strings.ToValidUTF8(text[:min(len(text), looked)], "?"))
	runes := []rune(strings.TrimSpace(text))
	if len(runes) > textMost {
		return string(runes[:textMost]) + "..."
	}
	return string(runes)
}

// fitToShow cleans everything that comes from the server.
func (s Seen) fitToShow() Seen {
	s.Greeting, s.Trouble, s.Remedy = clean(s.Greeting), clean(s.Trouble), clean(s.Remedy)
	const most = 200
	var capabilities []string
	for _, word := range s.Capabilities[:min(len(s.Capabilities), most)] {
		capabilities = append(capabilities, clean(word))
	}
	s.Capabilities = capabilities
	var id map[string]string
	for _, key := range []string{"name", "version", "vendor", "support-url", "os"} {
		if value := clean(s.ID[key]); value != "" {
			if id == nil {
				id = map[string]string{}
			}
			id[key] = value
		}
	}
	s.ID = id
	return s
}
