package imapfake

import (
	"slices"
	"sync"
	"time"
)

// Tokens are the bearer tokens a server takes (Options.Tokens), with the time
// until which they are good and the mailboxes they open. The zero value has
// none. Its methods may be used at any time from any goroutine.
type Tokens struct {
	mu   sync.Mutex
	list map[string]*bearer
}

type bearer struct {
	expires time.Time
	users   []string
	used    int
}

// Issue makes a token good until a moment; zero is without end. Without users
// it is an application's, which opens every mailbox that admits it (see
// Mailbox.SetStanding); else it opens those of these users.
func (t *Tokens) Issue(token string, expires time.Time, users ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.list == nil {
		t.list = map[string]*bearer{}
	}
	t.list[token] = &bearer{expires: expires, users: users}
}

// Expire ends a token at once, for sessions that were opened with it too, where
// the personality cuts those (Limits.TokenExpired).
func (t *Tokens) Expire(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if b := t.list[token]; b != nil {
		b.expires = time.Unix(1, 0)
	}
}

// Used is how often a client has signed in with a token.
func (t *Tokens) Used(token string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if b := t.list[token]; b != nil {
		return b.used
	}
	return 0
}

func (b *bearer) good() bool {
	return b != nil && (b.expires.IsZero() || time.Now().Before(b.expires))
}

func (t *Tokens) good(token string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.list[token].good()
}

// use checks a token for a sign-in: whether it is good at all, and for a user.
func (t *Tokens) use(token, user string) (good, opens bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.list[token]
	if !b.good() {
		return false, false
	}
	b.used++
	return true, len(b.users) == 0 || slices.ContainsFunc(b.users, func(u string) bool { return hasFold([]string{u}, user) })
}

// signInByToken decides what a bearer token leads to.
func (s *Server) signInByToken(user, token string) entry {
	m := s.find(user)
	refused := entry{refusal: s.personality.LoginFailed}
	var good, opens bool
	switch {
	case s.options.Tokens != nil:
		good, opens = s.options.Tokens.use(token, user)
	case s.options.Token != nil:
		good = s.options.Token(user, token)
		opens = good
	default:
		good = m != nil && m.admits(token)
		opens = good
	}
	late := s.personality.Admin.NotConnected
	switch {
	case good && opens && m != nil:
		return entry{mailbox: m, token: token}
	case good && late != "":
		return entry{mailbox: s.nobody(user), notConnected: late, token: token}
	}
	return refused
}

// tokenExpired reports whether the session lives on a token that has expired,
// on a server that looks.
func (s *session) tokenExpired() bool {
	tokens := s.server.options.Tokens
	return s.p.Limits.TokenExpired != "" && tokens != nil && s.token != "" && !tokens.good(s.token)
}
