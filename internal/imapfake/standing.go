package imapfake

// Standing is how a mailbox stands with those whose password or token is right.
type Standing string

// The standings. Where the personality has AdminRules.NotConnected, as
// Exchange, all but Ready sign in and are told at the first command that needs
// the mailbox; else signing in is refused.
const (
	// Ready is the usual one.
	Ready Standing = ""
	// NoAccess: who signs in has no right on it, or has it no longer.
	NoAccess Standing = "no access"
	// Unlicensed: the account has no mailbox.
	Unlicensed Standing = "unlicensed"
	// Disabled: IMAP is switched off for it. AdminRules.Disabled tells of it
	// where that is set.
	Disabled Standing = "disabled"
	// Deleted: the mailbox was deleted.
	Deleted Standing = "deleted"
)

// SetStanding changes how a mailbox stands. Sessions meet it at their next
// command.
func (m *Mailbox) SetStanding(standing Standing) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.standing = standing
}

// SetMessageLimit is the largest message of this mailbox in bytes, in the place
// of AppendRules.Limit; zero is that one again.
func (m *Mailbox) SetMessageLimit(bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.limit = bytes
}

// SetMaxConnections is how many connections this mailbox takes, in the place of
// Options.MaxConnections; zero is that one again.
func (m *Mailbox) SetMaxConnections(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.maxSessions = n
}

// refuses is the answer to someone who signs in to a mailbox that is not ready,
// empty when he may; late says that it comes only with the first command that
// needs the mailbox. The lock is held.
func (s *session) refuses(m *Mailbox) (answer string, late bool) {
	rules := &s.p.Admin
	switch {
	case m.standing == Ready:
		return "", false
	case m.standing == Disabled && rules.Disabled != "":
		return rules.Disabled, false
	case rules.NotConnected != "":
		return rules.NotConnected, true
	case m.standing == NoAccess:
		return s.server.or(rules.NoRight), false
	}
	return s.p.LoginFailed, false
}

// disconnected is the answer to a command that needs a mailbox which is not, or
// no longer, at the session's disposal; empty when it is.
func (s *session) disconnected() string {
	if s.notConnected != "" {
		return s.notConnected
	}
	s.user.mu.Lock()
	defer s.user.mu.Unlock()
	answer, late := s.refuses(s.user)
	if answer != "" && !late {
		return "NO [UNAVAILABLE] Mailbox is not available"
	}
	return answer
}
