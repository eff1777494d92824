package imapfake

import (
	"slices"
	"strings"
)

// reach finds the mailbox a folder name leads to, and its name there: the own
// one, or for an administrator one of the others'. It is nil when the name
// leads nowhere.
func (s *session) reach(name string) (m *Mailbox, inner string) {
	rest, ok := s.sharedName(name)
	if !ok {
		return s.user, name
	}
	delimiter := s.p.Names.Delimiter
	for _, other := range s.others() {
		below, found := strings.CutPrefix(rest, other.name)
		switch {
		case !found:
		case below == "":
			return other, "INBOX"
		case strings.HasPrefix(below, delimiter):
			return other, s.p.Names.Prefix + below[len(delimiter):]
		}
	}
	return nil, ""
}

// sharedName takes the prefix off the name of someone else's folder.
func (s *session) sharedName(name string) (rest string, ok bool) {
	if prefix := s.p.Admin.Shared; prefix != "" && s.admin != "" {
		return strings.CutPrefix(name, prefix)
	}
	return "", false
}

// others are the mailboxes an administrator may open, longer names first, so
// that anna.smith is not taken for a folder of anna.
func (s *session) others() []*Mailbox {
	var list []*Mailbox
	for _, m := range s.server.all() {
		if m != s.user && s.server.mayOpen(s.admin, m.name) {
			list = append(list, m)
		}
	}
	return list
}

// listOthers finds what a listing asks for among the folders of others.
func (s *session) listOthers(l *listing) []listed {
	prefix := s.p.Admin.Shared
	asked := slices.ContainsFunc(l.patterns, func(pattern string) bool { return strings.HasPrefix(pattern, prefix) })
	if prefix == "" || s.admin == "" || l.subscribed || s.p.Admin.SharedAlone && !asked {
		return nil
	}
	var found []listed
	others := s.others()
	for i := range others {
		m := others[len(others)-1-i] // in the order of names
		every := *l
		every.patterns = []string{"*"}
		m.mu.Lock()
		for _, one := range m.list(&every) {
			one.name = s.sharedAs(m, one.name)
			if l.fits(&s.p.Names, one.name) {
				found = append(found, one)
			}
		}
		m.mu.Unlock()
	}
	return found
}

// sharedAs is how an administrator sees someone's folder.
func (s *session) sharedAs(m *Mailbox, name string) string {
	if name == "INBOX" {
		return s.p.Admin.Shared + m.name
	}
	return s.p.Admin.Shared + m.name + s.p.Names.Delimiter + strings.TrimPrefix(name, s.p.Names.Prefix)
}

// onlyOwn refuses a change to someone else's folder.
func (s *session) onlyOwn(name string) error {
	if _, ok := s.sharedName(name); ok {
		return no("[NOPERM] Permission denied")
	}
	return nil
}

// openFolder finds a folder by its name and leaves its owner locked, unless
// there is none.
func (s *session) openFolder(name string) (owner *Mailbox, f *folder) {
	owner, inner := s.reach(name)
	if owner == nil {
		return nil, nil
	}
	owner.mu.Lock()
	if f = owner.get(inner); f == nil {
		owner.mu.Unlock()
	}
	return owner, f
}
