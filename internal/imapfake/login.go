package imapfake

import (
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
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
		if !s.p.has("SASL-IR") {
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
	m := s.server.User(user)
	check := s.server.options.Token
	if m != nil && (check != nil && check(user, token) || check == nil && m.admits(token)) {
		return s.welcome(m)
	}
	if _, err := s.respond(p, nil, `{"status":"invalid_token","schemes":"bearer","scope":"imap"}`); err != nil {
		return "", err
	}
	return s.welcome(nil)
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

// authenticate finds the mailbox someone may use, nil if none. acting is the
// authorisation identity.
func (s *Server) authenticate(user, acting, password string) *Mailbox {
	if i := strings.LastIndexByte(user, '*'); i > 0 && acting == "" {
		if _, ok := s.options.Masters[user[i+1:]]; ok {
			user, acting = user[i+1:], user[:i]
		}
	}
	if acting == "" || acting == user {
		if m := s.User(user); m != nil && m.admits(password) {
			return m
		}
		return nil
	}
	if secret, ok := s.options.Masters[user]; ok && equal(secret, password) {
		return s.User(acting)
	}
	return nil
}

func (m *Mailbox) admits(password string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return equal(m.password, password)
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// welcome signs the session in to a mailbox; nil was a wrong password.
func (s *session) welcome(m *Mailbox) (string, error) {
	if m == nil {
		return "", refusal(s.p.LoginFailed)
	}
	if err := s.signIn(m); err != nil {
		return "", err
	}
	if s.p.CapabilityAtLogin {
		return s.capabilityCode() + " Logged in", nil
	}
	return s.command + " completed.", nil
}

func (s *session) signIn(m *Mailbox) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if limit := s.server.options.MaxConnections; limit > 0 && m.sessions >= limit {
		text := s.p.Limits.TooMany
		if strings.Contains(text, "%d") {
			text = fmt.Sprintf(text, limit)
		}
		return refusal(text)
	}
	m.sessions++
	s.user = m
	return nil
}
