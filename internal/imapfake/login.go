package imapfake

import (
	"cmp"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

func (s *session) doLogin(p *parser) (string, error) {
	if err := p.space(); err != nil {
		return "", err
	}
	user, err := p.astring()
	if err != nil {
		return "", err
	}
	if err := p.space(); err != nil {
		return "", err
	}
	password, err := p.astring()
	if err != nil {
		return "", err
	}
	if err := p.end(); err != nil {
		return "", err
	}
	if s.p.RequireTLS && !s.line.tls {
		return "", no("[PRIVACYREQUIRED] Cleartext authentication disallowed on non-secure (SSL/TLS) connections.")
	}
	if hasFold(s.capabilities(), "LOGINDISABLED") {
		return "", s.turnAway(s.p.LoginFailed)
	}
	return s.welcome(s.server.authenticate(user, "", password))
}

// doAuthenticate is AUTHENTICATE (RFC 3501 section 6.2.2) with an initial
// response where SASL-IR is announced (RFC 4959).
func (s *session) doAuthenticate(p *parser) (string, error) {
	if err := p.space(); err != nil {
		return "", err
	}
	mechanism := strings.ToUpper(p.word())
	if !hasFold(s.capabilities(), "AUTH="+mechanism) {
		return "", no("Unsupported authentication mechanism.")
	}
	var initial *string
	if p.take(' ') {
		if !hasFold(s.capabilities(), "SASL-IR") {
			return "", bad("Initial response not supported")
		}
		text := p.word()
		initial = &text
	}
	if err := p.end(); err != nil {
		return "", err
	}
	if mechanism == "LOGIN" {
		return s.saslLogin(p, initial)
	}
	switch mechanism {
	case "PLAIN", "XOAUTH2", "OAUTHBEARER":
	default: // announced, for clients to choose from, and not spoken
		return "", s.turnAway(s.p.LoginFailed)
	}
	response, err := s.respond(p, initial, "")
	if err != nil {
		return "", err
	}
	if mechanism == "PLAIN" {
		parts := strings.Split(response, "\x00")
		if len(parts) != 3 {
			return "", bad("Invalid PLAIN response")
		}
		return s.welcome(s.server.authenticate(parts[1], parts[0], parts[2]))
	}
	return s.saslBearer(p, response)
}

func (s *session) saslLogin(p *parser, initial *string) (string, error) {
	user, err := s.respond(p, initial, "Username:")
	if err != nil {
		return "", err
	}
	password, err := s.respond(p, nil, "Password:")
	if err != nil {
		return "", err
	}
	return s.welcome(s.server.authenticate(user, "", password))
}

// saslBearer is XOAUTH2, and OAUTHBEARER of RFC 7628. A wrong token is told in
// a challenge, which the client answers with something before the NO.
func (s *session) saslBearer(p *parser, response string) (string, error) {
	var user, token string
	for field := range strings.SplitSeq(response, "\x01") {
		field = strings.TrimPrefix(field, "n,")
		for _, prefix := range []string{"user=", "a="} {
			if name, ok := strings.CutPrefix(field, prefix); ok {
				user = strings.TrimSuffix(name, ",")
			}
		}
		if len(field) > len("auth=Bearer ") && strings.EqualFold(field[:len("auth=Bearer ")], "auth=Bearer ") {
			token = field[len("auth=Bearer "):]
		}
	}
	user = strings.NewReplacer("=2C", ",", "=3D", "=").Replace(user)
	e := s.server.signInByToken(user, token)
	if e.mailbox != nil || s.p.Quirks.NoChallenge {
		return s.welcome(e)
	}
	if _, err := s.respond(p, nil, `{"status":"invalid_token","schemes":"bearer","scope":"imap"}`); err != nil {
		return "", err
	}
	return s.welcome(e)
}

// respond sends a challenge and reads the client's answer to it, or takes the
// initial response.
func (s *session) respond(p *parser, initial *string, challenge string) (string, error) {
	var text string
	switch {
	case initial == nil:
		s.write("+ ", base64.StdEncoding.EncodeToString([]byte(challenge)), "\r\n")
		if err := p.more(); err != nil {
			return "", err
		}
		text = string(p.text)
		p.at = len(p.text)
	case *initial != "=":
		text = *initial
	}
	if text == "*" {
		return "", bad("Authentication cancelled")
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", bad("Invalid base64 data in continued response")
	}
	return string(raw), nil
}

func (m *Mailbox) admits(password string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return equal(m.password, password)
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// welcome signs the session in, or refuses.
func (s *session) welcome(e entry) (string, error) {
	if e.mailbox == nil {
		return "", s.turnAway(e.refusal)
	}
	if err := s.signIn(e); err != nil {
		return "", err
	}
	if s.p.CapabilityAtLogin {
		return s.capabilityCode() + " Logged in", nil
	}
	return s.command + " completed.", nil
}

// turnAway is a personality's answer to someone who cannot sign in.
func (s *session) turnAway(answer string) error {
	return refusal(strings.ReplaceAll(answer, "$COMMAND", s.command))
}

func (s *session) signIn(e entry) error {
	m := e.mailbox
	m.mu.Lock()
	defer m.mu.Unlock()
	answer, late := s.refuses(m)
	if answer != "" && !late {
		return s.turnAway(answer)
	}
	if limit := cmp.Or(m.maxSessions, s.server.options.MaxConnections); limit > 0 && m.sessions >= limit {
		text := s.p.Limits.TooMany
		if strings.Contains(text, "%d") {
			text = fmt.Sprintf(text, limit)
		}
		return s.turnAway(text)
	}
	if s.p.Limits.Daily != nil && m.day.spent(s.p.Limits.Daily, time.Now()) {
		return no("%s", s.p.Limits.Daily.answer())
	}
	m.sessions++
	s.user, s.admin, s.notConnected, s.token = m, e.admin, cmp.Or(e.notConnected, answer), e.token
	return nil
}

// signOut ends a session's use of a mailbox, if there is one.
func (m *Mailbox) signOut() {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sessions--
}
