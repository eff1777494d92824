package imapfake

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// doFetch is FETCH and UID FETCH (RFC 3501 section 6.4.5), with CHANGEDSINCE
// and VANISHED (RFC 7162 sections 3.1.4.1 and 3.2.6).
func (s *session) doFetch(p *parser) (string, error) {
	set, err := p.numbers()
	if err != nil {
		return "", err
	}
	if err := p.space(); err != nil {
		return "", err
	}
	items, err := readFetchItems(p)
	if err != nil {
		return "", err
	}
	var changedSince uint64
	var vanished bool
	if p.take(' ') {
		if changedSince, vanished, err = s.fetchModifiers(p); err != nil {
			return "", err
		}
		items.modSeq = true
	}
	if err := p.end(); err != nil {
		return "", err
	}
	items.uid = items.uid || s.byUIDs()
	s.sel.owner.mu.Lock()
	list, gone, ok := s.sel.resolve(set, s.byUIDs())
	earlier := migration.UIDSet{}
	if vanished {
		earlier = s.sel.folder.vanished(changedSince)
	}
	s.sel.owner.mu.Unlock()
	if !ok {
		return "", bad("Error in IMAP command %s: Invalid messageset", s.command)
	}
	if vanished {
		s.tellVanishedEarlier(set, earlier)
	}
	for _, it := range list {
		if err := s.fetchOne(it, items, changedSince); err != nil {
			return "", err
		}
	}
	if gone {
		return "[EXPUNGEISSUED] Some messages were already expunged.", nil
	}
	return "FETCH completed.", nil
}

func (s *session) fetchModifiers(p *parser) (changedSince uint64, vanished bool, err error) {
	fail := bad("Error in IMAP command %s: Unknown FETCH modifier", s.command)
	if !s.p.has("CONDSTORE") || p.want('(') != nil {
		return 0, false, fail
	}
	for !p.take(')') {
		p.take(' ')
		switch strings.ToUpper(p.word()) {
		case "CHANGEDSINCE":
			if p.space() != nil {
				return 0, false, fail
			}
			if changedSince, err = strconv.ParseUint(p.word(), 10, 63); err != nil {
				return 0, false, fail
			}
			s.condstore = true
		case "VANISHED":
			vanished = true
		default:
			return 0, false, fail
		}
	}
	if vanished && (!s.qresync || !s.byUIDs() || changedSince == 0) {
		return 0, false, bad("VANISHED needs QRESYNC, UID FETCH and CHANGEDSINCE")
	}
	return changedSince, vanished, nil
}

func (s *session) tellVanishedEarlier(set numberSet, earlier migration.UIDSet) {
	var asked migration.UIDSet
	for _, r := range set.normal(1<<32 - 1) {
		asked.AddRange(migration.UID(r.first), migration.UID(r.last))
	}
	if earlier = earlier.Intersect(asked); !earlier.Empty() {
		s.write("* VANISHED (EARLIER) ", earlier.String(), "\r\n")
	}
}

func (s *session) fetchOne(it item, items *fetchItems, changedSince uint64) error {
	flags, modSeq := s.state(it.message)
	if changedSince > 0 && modSeq <= changedSince {
		return nil
	}
	if err := s.daily(); err != nil {
		return err
	}
	s.event(BeforeMessage, it.message.content.size, it.message.uid)
	o := s.occasion()
	o.uid = it.message.uid
	var err error
	if act := s.server.faults.match(atMessage, o); act != nil {
		command := s.fault
		s.fault = act
		defer func() {
			if !errors.As(err, new(refusal)) {
				s.fault = command
			}
		}()
		if act.Kind == Omit || act.Kind == OmitBody && items.wantBody() {
			return nil
		}
		if err = s.faultBefore(); err != nil {
			return err
		}
	}
	asked := *items
	if items.seen && !s.sel.readOnly && !hasFold(flags, `\Seen`) {
		s.sel.owner.mu.Lock()
		s.sel.owner.mark(s.sel.folder, it.message, append([]string{`\Seen`}, it.message.flags...), s.sel)
		s.sel.owner.mu.Unlock()
		flags, modSeq = s.state(it.message)
		asked.flags = true
	}
	err = s.tellAttributes(it, &asked, flags, modSeq)
	return err
}

// tellAttributes writes one FETCH answer.
func (s *session) tellAttributes(it item, items *fetchItems, flags []string, modSeq uint64) error {
	b := append(s.scratch[:0], "* "...)
	b = strconv.AppendInt(b, int64(it.sequence), 10)
	b = append(b, " FETCH ("...)
	start := len(b)
	uidLast := s.p.Quirks.UIDLast || s.p.Quirks.UIDVaries && it.message.uid%2 == 0
	if items.uid && !uidLast {
		b = appendNumber(b, start, "UID ", uint64(it.message.uid))
	}
	if items.flags {
		b = append(separate(b, start), "FLAGS ("...)
		for i, flag := range flags {
			if i > 0 {
				b = append(b, ' ')
			}
			b = append(b, flag...)
		}
		b = append(b, ')')
	}
	if items.modSeq || items.flags && s.condstore {
		b = append(appendNumber(b, start, "MODSEQ (", modSeq), ')')
	}
	for i := range items.list {
		a := &items.list[i]
		if a.kind == bodyAttribute && s.fault != nil && s.fault.Kind == NoBody {
			continue
		}
		b = separate(b, start)
		if a.kind != bodyAttribute {
			b = s.appendAttribute(b, it.message, a)
			continue
		}
		b = append(append(b, a.label...), ' ')
		_, _ = s.line.out.Write(b)
		b, start = b[:0], -1
		if err := s.tellBody(it.message, a); err != nil {
			return err
		}
	}
	if items.uid && uidLast {
		b = appendNumber(b, start, "UID ", uint64(it.message.uid))
	}
	b = append(b, ")\r\n"...)
	_, _ = s.line.out.Write(b)
	s.scratch = b[:0]
	return nil
}

// separate puts a space between attributes. start is where the first begins, -1
// when it was written already.
func separate(b []byte, start int) []byte {
	if len(b) > start && (len(b) == 0 || b[len(b)-1] != ' ') {
		return append(b, ' ')
	}
	return b
}

func appendNumber(b []byte, start int, name string, n uint64) []byte {
	return strconv.AppendUint(append(separate(b, start), name...), n, 10)
}

func (s *session) appendAttribute(b []byte, m *message, a *attribute) []byte {
	switch a.kind {
	case dateAttribute:
		b = append(b, `INTERNALDATE "`...)
		b = m.date.AppendFormat(b, dateTime)
		return append(b, '"')
	case sizeAttribute:
		n := m.content.size
		if s.p.Quirks.SizePercent > 0 {
			n = n * int64(s.p.Quirks.SizePercent) / 100
		}
		return strconv.AppendInt(append(b, "RFC822.SIZE "...), n, 10)
	case envelopeAttribute:
		return append(append(b, "ENVELOPE "...), envelopeOf(m.content.header())...)
	case structureAttribute:
		return append(append(append(b, a.label...), ' '), structureOf(m.content)...)
	case labelAttribute:
		return s.appendLabels(b, m, a.label)
	}
	return b
}

// tellBody writes the literal of a body section.
func (s *session) tellBody(m *message, a *attribute) error {
	from, length, ok := a.open(m.content)
	if s.fault != nil {
		switch s.fault.Kind {
		case NilBody:
			ok = false
		case Substitute:
			from, length, ok = a.open(&content{raw: []byte(s.fault.Text), size: int64(len(s.fault.Text))})
		case WrongLiteral:
			s.write(fmt.Sprintf("{%d}\r\n", length+s.fault.N))
			return s.copyBody(from, length)
		case ShortLiteral:
			s.write(fmt.Sprintf("{%d}\r\n", length))
			if err := s.copyBody(from, min(length, s.fault.N)); err != nil {
				return err
			}
			return s.cut()
		}
	}
	if !ok {
		s.write("NIL")
		return nil
	}
	s.scratch = append(strconv.AppendInt(append(s.scratch[:0], '{'), length, 10), "}\r\n"...)
	_, _ = s.line.out.Write(s.scratch)
	return s.copyBody(from, length)
}

func (s *session) copyBody(from io.Reader, length int64) error {
	if s.line.broken {
		return errCut
	}
	n, err := io.CopyN(s.line.out, from, length)
	s.server.counts.literalsOut.Add(n)
	if err != nil {
		return fmt.Errorf("imapfake: message is shorter than its size: %w", err)
	}
	return nil
}

// open gives the bytes of a section; ok is false when there is no such part.
func (a *attribute) open(c *content) (from io.Reader, length int64, ok bool) {
	switch a.part.text {
	case "", "TEXT", "1":
		if c.discarded {
			return nil, 0, false
		}
		from, length = c.open(), c.size
		if a.part.text != "" {
			header := int64(len(c.header()))
			from, length = after(from, header), length-header
		}
	case "HEADER", "MIME", "1.MIME":
		text := c.header()
		from, length = bytes.NewReader(text), int64(len(text))
	case "HEADER.FIELDS", "HEADER.FIELDS.NOT":
		text := fields(c.header(), a.part.fields, a.part.text == "HEADER.FIELDS.NOT")
		from, length = bytes.NewReader(text), int64(len(text))
	default:
		return nil, 0, false
	}
	if a.count < 0 {
		return from, length, true
	}
	start := min(a.from, length)
	return after(from, start), min(a.count, length-start), true
}

func after(from io.Reader, skip int64) io.Reader {
	if seeker, ok := from.(io.Seeker); ok {
		_, _ = seeker.Seek(skip, io.SeekCurrent)
		return from
	}
	_, _ = io.CopyN(io.Discard, from, skip)
	return from
}
