package imapfake

import (
	"slices"
	"strings"
)

// listing is a LIST command (RFC 3501 section 6.3.8, RFC 5258).
type listing struct {
	patterns []string
	// Selection: only the subscribed, only those with a special use.
	subscribed, specialUse, recursive bool
	// Return options.
	tellSubscribed, tellChildren, tellUse bool
	status                                []string
	// extended says the command used the syntax of RFC 5258.
	extended bool
}

// listed is one answer of a listing.
type listed struct {
	name       string
	attributes []string
	counters   *counters
}

func (s *session) doList(p *parser) (string, error) {
	l, err := s.readList(p)
	if err != nil {
		return "", err
	}
	if len(l.patterns) == 1 && l.patterns[0] == "" {
		s.tellListed("LIST", listed{attributes: []string{`\Noselect`}})
		return "LIST completed.", nil
	}
	s.user.mu.Lock()
	found := s.user.list(l)
	s.user.mu.Unlock()
	for _, one := range append(found, s.listOthers(l)...) {
		s.tellListed("LIST", one)
		if one.counters != nil {
			s.tellStatus(one.name, l.status, *one.counters)
		}
	}
	return "LIST completed.", nil
}

// doLsub is LSUB (RFC 3501 section 6.3.9).
func (s *session) doLsub(p *parser) (string, error) {
	l, err := s.readList(p)
	if err != nil {
		return "", err
	}
	if l.extended {
		return "", bad("Error in IMAP command LSUB: unexpected arguments")
	}
	s.user.mu.Lock()
	l.subscribed = true
	found := s.user.list(l)
	s.user.mu.Unlock()
	for _, one := range found {
		one.attributes = slices.DeleteFunc(one.attributes, func(a string) bool { return a == `\NonExistent` })
		s.tellListed("LSUB", one)
	}
	return "LSUB completed.", nil
}

func (s *session) tellListed(kind string, one listed) {
	delimiter := "NIL"
	if s.p.Names.Delimiter != "" {
		delimiter = quote(s.p.Names.Delimiter)
	}
	s.write("* ", kind, " (", strings.Join(one.attributes, " "), ") ", delimiter, " ", quote(one.name), "\r\n")
}

func (s *session) readList(p *parser) (*listing, error) {
	l := &listing{tellUse: s.p.has("SPECIAL-USE"), tellChildren: s.p.has("CHILDREN")}
	if err := p.space(); err != nil {
		return nil, err
	}
	extended := s.p.has("LIST-EXTENDED") || s.p.has("LIST-STATUS") || s.p.has("SPECIAL-USE")
	if extended && p.peek() == '(' {
		if err := l.readSelection(p); err != nil {
			return nil, err
		}
	}
	reference, err := p.astring()
	if err != nil {
		return nil, err
	}
	if err := p.space(); err != nil {
		return nil, err
	}
	if err := l.readPatterns(p, reference, extended); err != nil {
		return nil, err
	}
	if extended && p.take(' ') {
		if err := l.readReturn(p); err != nil {
			return nil, err
		}
	}
	return l, p.end()
}

func (l *listing) readSelection(p *parser) error {
	l.extended = true
	options, err := p.words()
	if err != nil {
		return err
	}
	for _, option := range options {
		switch strings.ToUpper(option) {
		case "SUBSCRIBED":
			l.subscribed, l.tellSubscribed = true, true
		case "SPECIAL-USE":
			l.specialUse, l.tellUse = true, true
		case "RECURSIVEMATCH":
			l.recursive = true
		case "REMOTE":
		default:
			return bad("Error in IMAP command LIST: unknown selection option %s", option)
		}
	}
	return p.space()
}

func (l *listing) readPatterns(p *parser, reference string, extended bool) error {
	if !extended || !p.take('(') {
		pattern, err := p.astring()
		l.patterns = []string{reference + pattern}
		if pattern == "" {
			l.patterns = []string{""}
		}
		return err
	}
	l.extended = true
	for !p.take(')') {
		p.take(' ')
		pattern, err := p.astring()
		if err != nil {
			return err
		}
		l.patterns = append(l.patterns, reference+pattern)
	}
	return nil
}

func (l *listing) readReturn(p *parser) error {
	l.extended = true
	if !strings.EqualFold(p.word(), "RETURN") || p.space() != nil || p.want('(') != nil {
		return bad("Error in IMAP command LIST: unexpected arguments")
	}
	for !p.take(')') {
		p.take(' ')
		switch option := strings.ToUpper(p.word()); option {
		case "SUBSCRIBED":
			l.tellSubscribed = true
		case "CHILDREN":
			l.tellChildren = true
		case "SPECIAL-USE":
			l.tellUse = true
		case "STATUS":
			if !p.s.p.has("LIST-STATUS") || p.space() != nil {
				return bad("Error in IMAP command LIST: STATUS is not known")
			}
			items, err := p.s.statusItems(p)
			if err != nil {
				return err
			}
			l.status = items
		default:
			return bad("Error in IMAP command LIST: unknown return option %s", option)
		}
	}
	return nil
}

// list finds what a listing asks for; the lock is held.
func (m *Mailbox) list(l *listing) []listed {
	var found []listed
	parents := map[string]bool{}
	for _, f := range m.sorted() {
		for _, parent := range m.rules.parents(f.name) {
			parents[m.rules.key(parent)] = true
		}
	}
	for _, f := range m.sorted() {
		key := m.rules.key(f.name)
		_, subscribed := m.subs[key]
		if f.hidden || !l.fits(m.rules, f.name) || l.subscribed && !subscribed || l.specialUse && f.use == "" {
			continue
		}
		one := listed{name: f.name, attributes: l.attributes(f, parents[key], subscribed)}
		if l.status != nil && !f.noSelect {
			c := f.counters()
			one.counters = &c
		}
		found = append(found, one)
	}
	if l.subscribed {
		found = append(found, m.listAbsent(l)...)
	}
	return found
}

// listAbsent are the subscribed names without a folder.
func (m *Mailbox) listAbsent(l *listing) []listed {
	var found []listed
	for key, name := range m.subs {
		if m.folders[key] == nil && l.fits(m.rules, name) {
			one := listed{name: name, attributes: []string{`\NonExistent`}}
			if l.tellSubscribed {
				one.attributes = append(one.attributes, `\Subscribed`)
			}
			found = append(found, one)
		}
	}
	slices.SortFunc(found, func(a, b listed) int { return strings.Compare(a.name, b.name) })
	return found
}

func (l *listing) fits(rules *NameRules, name string) bool {
	return slices.ContainsFunc(l.patterns, func(pattern string) bool { return rules.matches(pattern, name) })
}

func (l *listing) attributes(f *folder, hasChildren, subscribed bool) []string {
	attributes := []string{}
	if f.noSelect {
		attributes = append(attributes, `\Noselect`)
	}
	if l.tellChildren {
		if hasChildren {
			attributes = append(attributes, `\HasChildren`)
		} else {
			attributes = append(attributes, `\HasNoChildren`)
		}
	}
	if l.tellUse && f.use != "" {
		attributes = append(attributes, f.use)
	}
	if l.tellSubscribed && subscribed {
		attributes = append(attributes, `\Subscribed`)
	}
	return attributes
}
