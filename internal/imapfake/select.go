package imapfake

import (
	"fmt"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// resync is the QRESYNC parameter of SELECT (RFC 7162 section 3.2.5).
type resync struct {
	validity uint32
	modSeq   uint64
	known    numberSet
}

// doSelect is SELECT and EXAMINE (RFC 3501 section 6.3.1).
func (s *session) doSelect(p *parser) (string, error) {
	name, err := p.folder()
	if err != nil {
		return "", err
	}
	var since *resync
	if p.take(' ') {
		if since, err = s.selectParameters(p); err != nil {
			return "", err
		}
	}
	if err := p.end(); err != nil {
		return "", err
	}
	if s.sel != nil {
		s.leave()
		if s.qresync {
			s.write("* OK [CLOSED] Previous mailbox closed.\r\n")
		}
	}
	readOnly := s.command == "EXAMINE"
	owner, f := s.openFolder(name)
	if f == nil {
		return "", no("[NONEXISTENT] Mailbox doesn't exist: %s", name)
	}
	c := f.counters()
	s.sel = f.selectBy(readOnly)
	s.sel.owner = owner
	recent := s.sel.recentCount()
	var vanished migration.UIDSet
	if since != nil && since.validity == f.validity {
		vanished = f.vanished(since.modSeq)
	}
	owner.mu.Unlock()
	s.tellSelected(c, recent)
	if since != nil && since.validity == c.validity {
		s.tellResync(since, vanished)
	}
	if readOnly {
		return "[READ-ONLY] EXAMINE completed.", nil
	}
	return "[READ-WRITE] SELECT completed.", nil
}

func (s *session) selectParameters(p *parser) (*resync, error) {
	var since *resync
	if err := p.want('('); err != nil {
		return nil, err
	}
	for !p.take(')') {
		p.take(' ')
		name := strings.ToUpper(p.word())
		switch {
		case name == "CONDSTORE" && s.p.has("CONDSTORE"):
			s.condstore = true
		case name == "QRESYNC" && s.qresync:
			var err error
			if since, err = readResync(p); err != nil {
				return nil, err
			}
		default:
			return nil, bad("Unknown SELECT parameter %s", name)
		}
	}
	return since, nil
}

// readResync reads (uidvalidity modseq [known-uids [seq-match-data]]); the last
// is read over.
func readResync(p *parser) (*resync, error) {
	fail := bad("Invalid QRESYNC parameters")
	if p.space() != nil || p.want('(') != nil {
		return nil, fail
	}
	r := &resync{}
	if _, err := fmt.Sscan(p.word(), &r.validity); err != nil || p.space() != nil {
		return nil, fail
	}
	if _, err := fmt.Sscan(p.word(), &r.modSeq); err != nil {
		return nil, fail
	}
	for p.take(' ') {
		if p.peek() == '(' {
			if _, err := p.words(); err != nil {
				return nil, err
			}
			continue
		}
		set, ok := parseNumberSet(p.word())
		if !ok {
			return nil, fail
		}
		r.known = set.normal(1<<32 - 1)
	}
	if p.want(')') != nil {
		return nil, fail
	}
	return r, nil
}

func (s *session) tellSelected(c counters, recent int) {
	permanent, ok := s.p.Flags.Permanent, "* OK "
	if s.p.Quirks.BareCodes {
		ok = "* "
	}
	if s.sel.readOnly {
		permanent = nil
	}
	var known []string
	for _, flag := range s.p.Flags.Permanent {
		if flag != `\*` {
			known = append(known, flag)
		}
	}
	s.write("* FLAGS (", strings.Join(known, " "), ")\r\n")
	s.write(ok, "[PERMANENTFLAGS (", strings.Join(permanent, " "), ")] Flags permitted.\r\n")
	s.write(fmt.Sprintf("* %d EXISTS\r\n* %d RECENT\r\n", c.messages, recent))
	if c.firstUnseen > 0 {
		s.write(ok, fmt.Sprintf("[UNSEEN %d] First unseen.\r\n", c.firstUnseen))
	}
	s.write(ok, fmt.Sprintf("[UIDVALIDITY %d] UIDs valid\r\n", c.validity))
	if !s.p.Quirks.NoUIDNext {
		s.write(ok, fmt.Sprintf("[UIDNEXT %d] Predicted next UID\r\n", c.uidNext))
	}
	if s.p.Quirks.UIDNotSticky {
		s.write("* NO [UIDNOTSTICKY] Non-persistent UIDs\r\n")
	}
	if s.p.has("CONDSTORE") {
		if s.p.Quirks.NoModSeq {
			s.write(ok, "[NOMODSEQ] No permanent mod-sequences\r\n")
		} else {
			s.write(ok, fmt.Sprintf("[HIGHESTMODSEQ %d] Highest\r\n", c.modSeq))
		}
	}
}

// tellResync sends what was expunged and what was changed since the client was
// here last.
func (s *session) tellResync(since *resync, vanished migration.UIDSet) {
	if since.known != nil {
		var known migration.UIDSet
		for _, r := range since.known {
			known.AddRange(migration.UID(r.first), migration.UID(r.last))
		}
		vanished = vanished.Intersect(known)
	}
	if !vanished.Empty() {
		s.write("* VANISHED (EARLIER) ", vanished.String(), "\r\n")
	}
	items := fetchItems{uid: true, flags: true, modSeq: true}
	for i, m := range s.sel.view {
		if since.known != nil && !since.known.contains(uint32(m.uid)) {
			continue
		}
		if flags, modSeq := s.state(m); modSeq > since.modSeq {
			_ = s.tellAttributes(item{i + 1, m}, &items, flags, modSeq) // a dead line shows at the answer
		}
	}
}

// state is what can change of a message.
func (s *session) state(m *message) (flags []string, modSeq uint64) {
	s.sel.owner.mu.Lock()
	defer s.sel.owner.mu.Unlock()
	return s.sel.flagsOf(m), m.modSeq
}

// doClose is CLOSE: it expunges without telling (RFC 3501 section 6.4.2).
func (s *session) doClose(p *parser) (string, error) {
	if err := p.end(); err != nil {
		return "", err
	}
	if !s.sel.readOnly {
		s.sel.owner.mu.Lock()
		s.sel.owner.take(s.sel.folder, s.sel.deleted(nil))
		s.sel.owner.mu.Unlock()
	}
	s.leave()
	return "CLOSE completed.", nil
}

// doUnselect is UNSELECT of RFC 3691.
func (s *session) doUnselect(p *parser) (string, error) {
	if err := p.end(); err != nil {
		return "", err
	}
	s.leave()
	return "UNSELECT completed.", nil
}
