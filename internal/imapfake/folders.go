package imapfake

import (
	"fmt"
	"strings"
)

// doCreate is CREATE (RFC 3501 section 6.3.3), with USE of RFC 6154 section 3.
func (s *session) doCreate(p *parser) (string, error) {
	name, err := p.folder()
	if err != nil {
		return "", err
	}
	use := ""
	if p.take(' ') {
		if use, err = s.createUse(p); err != nil {
			return "", err
		}
	}
	if err := p.end(); err != nil {
		return "", err
	}
	if err := s.onlyOwn(name); err != nil {
		return "", err
	}
	if text := s.p.Names.refusal(name); text != "" {
		return "", refusal(text)
	}
	s.user.mu.Lock()
	defer s.user.mu.Unlock()
	if s.user.get(name) != nil {
		return "", no("[ALREADYEXISTS] Mailbox already exists")
	}
	s.user.make(name).use = use
	return "CREATE completed.", nil
}

func (s *session) createUse(p *parser) (string, error) {
	if !s.p.has("CREATE-SPECIAL-USE") || p.want('(') != nil || !strings.EqualFold(p.word(), "USE") || p.space() != nil {
		return "", bad("Unknown CREATE parameters")
	}
	uses, err := p.words()
	if err != nil || len(uses) != 1 {
		return "", no("[USEATTR] One special use only")
	}
	return uses[0], p.want(')')
}

// doDelete is DELETE (RFC 3501 section 6.3.4).
func (s *session) doDelete(p *parser) (string, error) {
	name, err := p.folder()
	if err != nil {
		return "", err
	}
	if err := p.end(); err != nil {
		return "", err
	}
	if name == "INBOX" {
		return "", no("[CANNOT] INBOX can't be deleted.")
	}
	s.user.mu.Lock()
	defer s.user.mu.Unlock()
	f := s.user.folders[s.p.Names.key(name)]
	if f == nil {
		return "", no("[NONEXISTENT] Mailbox doesn't exist: %s", name)
	}
	if f.noSelect && len(s.user.children(f)) > 0 {
		return "", no("Mailbox has children")
	}
	s.user.delete(f)
	return "DELETE completed.", nil
}

// doRename is RENAME (RFC 3501 section 6.3.5).
func (s *session) doRename(p *parser) (string, error) {
	from, err := p.folder()
	if err != nil {
		return "", err
	}
	to, err := p.folder()
	if err != nil {
		return "", err
	}
	if err := p.end(); err != nil {
		return "", err
	}
	if err := s.onlyOwn(to); err != nil {
		return "", err
	}
	if text := s.p.Names.refusal(to); text != "" {
		return "", refusal(text)
	}
	s.user.mu.Lock()
	defer s.user.mu.Unlock()
	f := s.user.folders[s.p.Names.key(from)]
	if f == nil {
		return "", no("[NONEXISTENT] Mailbox doesn't exist: %s", from)
	}
	if s.user.folders[s.p.Names.key(to)] != nil {
		return "", no("[ALREADYEXISTS] Mailbox already exists")
	}
	if s.p.Names.Delimiter != "" && strings.HasPrefix(to, from+s.p.Names.Delimiter) && from != "INBOX" {
		return "", no("[CANNOT] Can't rename a mailbox to its own child")
	}
	s.user.rename(f, to)
	return "RENAME completed.", nil
}

// doSubscribe is SUBSCRIBE and UNSUBSCRIBE (RFC 3501 sections 6.3.6, 6.3.7). A
// name need not exist.
func (s *session) doSubscribe(p *parser) (string, error) {
	name, err := p.folder()
	if err != nil {
		return "", err
	}
	if err := p.end(); err != nil {
		return "", err
	}
	if s.command == "SUBSCRIBE" {
		s.user.Subscribe(name)
	} else {
		s.user.Unsubscribe(name)
	}
	return s.command + " completed.", nil
}

// doStatus is STATUS (RFC 3501 section 6.3.10).
func (s *session) doStatus(p *parser) (string, error) {
	name, err := p.folder()
	if err != nil {
		return "", err
	}
	if err := p.space(); err != nil {
		return "", err
	}
	items, err := s.statusItems(p)
	if err != nil {
		return "", err
	}
	if err := p.end(); err != nil {
		return "", err
	}
	owner, f := s.openFolder(name)
	if f == nil {
		return "", no("[NONEXISTENT] Mailbox doesn't exist: %s", name)
	}
	c := f.counters()
	owner.mu.Unlock()
	s.tellStatus(name, items, c)
	return "STATUS completed.", nil
}

// statusItems reads and checks the items of STATUS: those of RFC 3501, SIZE and
// DELETED of RFC 8438 and RFC 9051, HIGHESTMODSEQ of RFC 7162, APPENDLIMIT of
// RFC 7889.
func (s *session) statusItems(p *parser) ([]string, error) {
	items, err := p.words()
	if err != nil {
		return nil, err
	}
	for i, name := range items {
		items[i] = strings.ToUpper(name)
		known := false
		switch items[i] {
		case "MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN":
			known = true
		case "SIZE", "DELETED":
			known = s.p.has("STATUS=SIZE")
		case "APPENDLIMIT":
			known = s.p.has("APPENDLIMIT")
		case "HIGHESTMODSEQ":
			known = s.p.has("CONDSTORE")
			s.condstore = s.condstore || known
		}
		if !known {
			return nil, bad("Error in IMAP command STATUS: Unknown status item %s", name)
		}
	}
	return items, nil
}

func (s *session) tellStatus(name string, items []string, c counters) {
	s.write("* STATUS ", quote(name), " (")
	for i, it := range items {
		if i > 0 {
			s.write(" ")
		}
		var value string
		switch it {
		case "MESSAGES":
			value = fmt.Sprint(c.messages)
		case "RECENT":
			value = fmt.Sprint(c.recent)
		case "UIDNEXT":
			value = fmt.Sprint(c.uidNext)
		case "UIDVALIDITY":
			value = fmt.Sprint(c.validity)
		case "UNSEEN":
			value = fmt.Sprint(c.unseen)
		case "SIZE":
			value = fmt.Sprint(c.size)
		case "DELETED":
			value = fmt.Sprint(c.deleted)
		case "HIGHESTMODSEQ":
			value = fmt.Sprint(c.modSeq)
			if s.p.Quirks.NoModSeq {
				value = "0"
			}
		case "APPENDLIMIT":
			value = "NIL"
			if s.p.Append.Limit > 0 {
				value = fmt.Sprint(s.p.Append.Limit)
			}
		}
		s.write(it, " ", value)
	}
	s.write(")\r\n")
}
