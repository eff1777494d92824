package imapfake

import (
	"regexp"
	"slices"
	"strings"
)

// AdminRules are the ways in which an administrator (Options.Masters) opens
// someone else's mailbox on one make of server. What is not set does not work
// there.
type AdminRules struct {
	// Names are the forms of a user name in LOGIN and PLAIN that tell who
	// signs in and for whom: "{user}*{admin}". The first that fits counts.
	// {domain} is held against Options.Domain. A form without {admin} is
	// the user himself: "{domain}\{user}".
	Names []string
	// AnyCase finds users in any case. Aliases does, and finds them by what
	// is before the @ of their names when that is one user only.
	AnyCase, Aliases bool
	// Authzid takes the authorisation identity of PLAIN (RFC 4616).
	Authzid bool
	// ProxyAuth has the command PROXYAUTH for administrators who signed in
	// as themselves.
	ProxyAuth bool
	// MasterAuth has the commands X-MASTERAUTH and X-SETUSER.
	MasterAuth bool
	// Shared is what the names of other people's folders begin with for an
	// administrator who signed in as himself, empty when he does not see
	// them: with "user/" the INBOX of anna is user/anna, and her folder Sent
	// is user/anna/Sent. They can be listed and read.
	Shared string
	// SharedAlone shows those folders only to a LIST whose pattern begins
	// with Shared.
	SharedAlone bool
	// WrongAdmin answers an unknown administrator or a wrong password,
	// NoUser an unknown user, NoRight an administrator who may not open that
	// mailbox (Options.MayOpen). Each is a tagged answer; empty is
	// Personality.LoginFailed.
	WrongAdmin, NoUser, NoRight string
	// NotConnected signs in for an unknown user or without the right, and is
	// the answer to every command that needs the mailbox.
	NotConnected string
	// LatePassword does so for a wrong password of a user who is there, too.
	LatePassword bool
	// Disabled answers the sign-in to a mailbox with IMAP switched off;
	// empty treats it as one without the right.
	Disabled string
	// NobodySignsIn signs in for an unknown user, to a mailbox without any
	// folder.
	NobodySignsIn bool
}

// entry is what signing in leads to: a mailbox, or a refusal.
type entry struct {
	mailbox *Mailbox
	// admin is the name of an administrator who signed in as himself and may
	// open others' mailboxes, empty for everyone else.
	admin string
	// notConnected answers what needs the mailbox.
	notConnected string
	// token is the bearer token that opened it.
	token   string
	refusal string
}

// nameForm is an entry of AdminRules.Names, ready for use.
type nameForm struct{ pattern *regexp.Regexp }

var placeholder = regexp.MustCompile(`\{(user|admin|domain)\}`)

// compileForms makes patterns of forms. A part of a name holds none of the
// characters that separate the parts, so that the forms can be told apart.
func compileForms(forms []string) []nameForm {
	var list []nameForm
	for _, form := range forms {
		between := placeholder.ReplaceAllLiteralString(form, "")
		part := "[^" + regexp.QuoteMeta(between) + "]+"
		var pattern strings.Builder
		at := 0
		for _, m := range placeholder.FindAllStringSubmatchIndex(form, -1) {
			pattern.WriteString(regexp.QuoteMeta(form[at:m[0]]) + "(?P<" + form[m[2]:m[3]] + ">" + part + ")")
			at = m[1]
		}
		pattern.WriteString(regexp.QuoteMeta(form[at:]))
		list = append(list, nameForm{regexp.MustCompile("^" + pattern.String() + "$")})
	}
	return list
}

// split takes a user name apart, or reports that it has not this form.
func (f nameForm) split(name string) (parts map[string]string, ok bool) {
	found := f.pattern.FindStringSubmatch(name)
	if found == nil {
		return nil, false
	}
	parts = map[string]string{}
	for i, part := range f.pattern.SubexpNames() {
		parts[part] = found[i]
	}
	return parts, true
}

// authenticate decides who may sign in where. acting is the authorisation
// identity of PLAIN.
func (s *Server) authenticate(user, acting, password string) entry {
	rules, refused := &s.personality.Admin, entry{refusal: s.personality.LoginFailed}
	if s.personality.NoPasswords {
		return refused
	}
	admin := ""
	if acting != "" && acting != user {
		if !rules.Authzid {
			return refused
		}
		admin, user = user, acting
	} else {
		i := slices.IndexFunc(s.forms, func(f nameForm) bool { _, ok := f.split(user); return ok })
		if i >= 0 {
			parts, _ := s.forms[i].split(user)
			domain, told := parts["domain"]
			if told && s.options.Domain != "" && !strings.EqualFold(domain, s.options.Domain) {
				return refused
			}
			admin, user = parts["admin"], parts["user"]
		}
	}
	if admin == "" {
		return s.signInAs(user, password)
	}
	if secret, ok := s.options.Masters[admin]; !ok || !equal(secret, password) {
		return entry{refusal: s.or(rules.WrongAdmin)}
	}
	return s.open(admin, user)
}

// signInAs is a user, or an administrator, signing in as himself.
func (s *Server) signInAs(user, password string) entry {
	rules := &s.personality.Admin
	if secret, ok := s.options.Masters[user]; ok && equal(secret, password) && (rules.ProxyAuth || rules.Shared != "") {
		return entry{mailbox: s.AddUser(user, password), admin: user}
	}
	m := s.find(user)
	if m != nil && m.admits(password) {
		return entry{mailbox: m}
	}
	if m != nil && rules.LatePassword && rules.NotConnected != "" {
		return entry{mailbox: s.nobody(user), notConnected: rules.NotConnected}
	}
	return entry{refusal: s.personality.LoginFailed}
}

// open gives an administrator, whose password was right, someone's mailbox.
func (s *Server) open(admin, user string) entry {
	rules := &s.personality.Admin
	m := s.find(user)
	switch {
	case m == nil && rules.NobodySignsIn:
		return entry{mailbox: s.nobody(user)}
	case m != nil && s.mayOpen(admin, m.name):
		return entry{mailbox: m}
	case rules.NotConnected != "":
		return entry{mailbox: s.nobody(user), notConnected: rules.NotConnected}
	case m == nil:
		return entry{refusal: s.or(rules.NoUser)}
	}
	return entry{refusal: s.or(rules.NoRight)}
}

func (s *Server) mayOpen(admin, user string) bool {
	return s.options.MayOpen == nil || s.options.MayOpen(admin, user)
}

func (s *Server) or(answer string) string {
	if answer == "" {
		return s.personality.LoginFailed
	}
	return answer
}

// nobody is a mailbox that is not there, without a folder.
func (s *Server) nobody(name string) *Mailbox {
	m := newMailbox(name, "", &s.options)
	clear(m.folders)
	return m
}

// find finds the user a name stands for, nil if there is none.
func (s *Server) find(name string) *Mailbox {
	rules := &s.personality.Admin
	if m := s.User(name); m != nil || !rules.AnyCase && !rules.Aliases {
		return m
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*Mailbox
	for have, m := range s.users {
		if strings.EqualFold(have, name) {
			return m
		}
		if alias, _, _ := strings.Cut(have, "@"); rules.Aliases && strings.EqualFold(alias, name) {
			found = append(found, m)
		}
	}
	if len(found) == 1 {
		return found[0]
	}
	return nil
}
