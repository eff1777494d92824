package imapfake

import (
	"crypto/md5" //nolint:gosec // the protocol of X-MASTERAUTH is made of it
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
)

// doProxyAuth is PROXYAUTH of Sun's servers: an administrator who has signed in
// goes on as someone else. It is in no RFC.
func (s *session) doProxyAuth(p *parser) (string, error) {
	user, err := s.onlyName(p)
	if err != nil {
		return "", err
	}
	rules := &s.p.Admin
	if s.admin == "" {
		return "", s.turnAway(s.server.or(rules.NoRight))
	}
	return s.goOnAs(s.server.open(s.admin, user), "PROXYAUTH")
}

// doMasterAuth is X-MASTERAUTH of Kerio: the client proves with MD5 of a
// challenge and the master password, in hexadecimal, that it knows the latter.
func (s *session) doMasterAuth(p *parser) (string, error) {
	if err := p.end(); err != nil {
		return "", err
	}
	nonce := make([]byte, 8)
	_, _ = rand.Read(nonce) // it never fails
	challenge := fmt.Sprintf("<%d.%x@imapfake>", s.line.number, nonce)
	s.write("+ ", challenge, "\r\n")
	if err := p.more(); err != nil {
		return "", err
	}
	response := string(p.text)
	p.at = len(p.text)
	for _, admin := range slices.Sorted(maps.Keys(s.server.options.Masters)) {
		sum := md5.Sum([]byte(challenge + s.server.options.Masters[admin])) //nolint:gosec // see above
		if equal(hex.EncodeToString(sum[:]), response) {
			s.admin = admin
			return "X-MASTERAUTH completed", nil
		}
	}
	return "", s.turnAway(s.server.or(s.p.Admin.WrongAdmin))
}

// doSetUser is X-SETUSER of Kerio, after X-MASTERAUTH.
func (s *session) doSetUser(p *parser) (string, error) {
	user, err := s.onlyName(p)
	if err != nil {
		return "", err
	}
	if s.admin == "" {
		return "", bad("X-SETUSER is only valid after X-MASTERAUTH")
	}
	admin := s.admin
	text, err := s.goOnAs(s.server.open(admin, user), "X-SETUSER")
	s.admin = admin // another user may follow
	return text, err
}

// onlyName reads a space, one name and the end.
func (s *session) onlyName(p *parser) (string, error) {
	if err := p.space(); err != nil {
		return "", err
	}
	name, err := p.astring()
	if err != nil {
		return "", err
	}
	return name, p.end()
}

// goOnAs leaves the mailbox signed in to, if any, for another one.
func (s *session) goOnAs(e entry, command string) (string, error) {
	if e.mailbox == nil {
		return "", s.turnAway(e.refusal)
	}
	s.leave()
	before := s.user
	if err := s.signIn(e); err != nil {
		return "", err
	}
	before.signOut()
	return command + " completed", nil
}
