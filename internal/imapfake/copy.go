package imapfake

import (
	"fmt"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// doCopy is COPY, MOVE (RFC 6851) and their UID forms. All messages are copied
// or none.
func (s *session) doCopy(p *parser) (string, error) {
	set, err := p.numbers()
	if err != nil {
		return "", err
	}
	name, err := p.folder()
	if err != nil {
		return "", err
	}
	if err := p.end(); err != nil {
		return "", err
	}
	move := s.command == "MOVE" || s.command == "UID MOVE"
	if move && s.sel.readOnly {
		return "", no("[READ-ONLY] Mailbox is read-only")
	}
	if s.sel.owner != s.user {
		return "", no("[NOPERM] Permission denied")
	}
	code, err := s.copyTo(set, name, move)
	if err != nil {
		return "", err
	}
	if move && code != "" {
		s.write("* OK ", code, "Moved UIDs.\r\n")
		code = ""
	}
	return code + s.command + " completed.", nil
}

func (s *session) copyTo(set numberSet, name string, move bool) (code string, err error) {
	s.user.mu.Lock()
	defer s.user.mu.Unlock()
	list, _, ok := s.sel.resolve(set, s.byUIDs())
	if !ok {
		return "", bad("Error in IMAP command %s: Invalid messageset", s.command)
	}
	target := s.user.get(name)
	if target == nil {
		return "", no("[TRYCREATE] Mailbox doesn't exist: %s", name)
	}
	var bytes int64
	for _, it := range list {
		bytes += it.message.content.size
	}
	if s.user.quota > 0 && !move && s.user.bytes()+bytes > s.user.quota {
		return "", s.full()
	}
	var from, to migration.UIDSet
	var moved []*message
	for _, it := range list {
		from.Add(it.message.uid)
		to.Add(s.user.file(target, it.message))
		moved = append(moved, it.message)
	}
	if move {
		s.user.take(s.sel.folder, moved)
	}
	if !s.p.has("UIDPLUS") || s.p.Append.NoUID || from.Empty() {
		return "", nil
	}
	return fmt.Sprintf("[COPYUID %d %s %s] ", target.validity, from, to), nil
}

// doExpunge is EXPUNGE (RFC 3501 section 6.4.3).
func (s *session) doExpunge(p *parser) (string, error) {
	if err := p.end(); err != nil {
		return "", err
	}
	return s.expunge(nil)
}

// doUIDExpunge is UID EXPUNGE (RFC 4315 section 2.1).
func (s *session) doUIDExpunge(p *parser) (string, error) {
	set, err := p.numbers()
	if err != nil {
		return "", err
	}
	if err := p.end(); err != nil {
		return "", err
	}
	return s.expunge(set)
}

func (s *session) expunge(set numberSet) (string, error) {
	if s.sel.readOnly {
		return "", no("[READ-ONLY] Mailbox is read-only")
	}
	s.sel.owner.mu.Lock()
	s.sel.owner.take(s.sel.folder, s.sel.deleted(set))
	s.sel.owner.mu.Unlock()
	return "EXPUNGE completed.", nil
}

// deleted are the messages marked \Deleted, of those in the set; nil is all.
func (s *selection) deleted(set numberSet) []*message {
	var list []*message
	if set != nil {
		set = set.normal(s.max(true))
	}
	for _, m := range s.folder.messages {
		if hasFold(m.flags, `\Deleted`) && (set == nil || set.contains(uint32(m.uid))) {
			list = append(list, m)
		}
	}
	return list
}
