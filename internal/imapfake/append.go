package imapfake

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// dateTime is the date-time of RFC 3501 section 9.
const dateTime = "_2-Jan-2006 15:04:05 -0700"

// incoming is one message of an APPEND.
type incoming struct {
	flags   []string
	date    time.Time
	content *content
}

// doAppend is APPEND (RFC 3501 section 6.3.11), of several messages with
// MULTIAPPEND (RFC 3502). Where the message is stored decides what a broken
// connection leaves; see AppendRules.CommitAtLiteral.
func (s *session) doAppend(p *parser) (string, error) {
	name, err := p.folder()
	if err != nil {
		return "", err
	}
	var list []incoming
	var uids migration.UIDSet
	var validity uint32
	for {
		one, err := s.receive(p, name)
		if err != nil {
			return "", err
		}
		list = append(list, s.remade(one))
		if s.p.Append.CommitAtLiteral {
			if uids, validity, err = s.commit(name, list); err != nil {
				return "", err
			}
		}
		if err := p.more(); err != nil {
			return "", err
		}
		if p.peek() != ' ' || !s.p.has("MULTIAPPEND") {
			break
		}
	}
	if err := p.end(); err != nil {
		return "", err
	}
	if !s.p.Append.CommitAtLiteral {
		if uids, validity, err = s.commit(name, list); err != nil {
			return "", err
		}
	}
	return s.appendUID(uids, validity) + "APPEND completed.", nil
}

// receive reads the flags, date and literal of one message. A refusal before
// the literal leaves it to skip; one behind it reads the line on first.
func (s *session) receive(p *parser, name string) (incoming, error) {
	var one incoming
	if err := p.space(); err != nil {
		return one, err
	}
	var refused error
	if p.peek() == '(' {
		flags, err := p.words()
		if err != nil {
			return one, err
		}
		if one.flags, refused = s.keepable(flags); p.space() != nil {
			return one, bad("Error in IMAP command APPEND: message literal missing")
		}
	}
	one.date = time.Now()
	if p.peek() == '"' {
		text, err := p.quoted()
		if err != nil {
			return one, err
		}
		if one.date, err = time.Parse(dateTime, text); err != nil || p.space() != nil {
			return one, bad("Invalid internal date.")
		}
	}
	l, err := p.announced()
	if err != nil {
		return one, err
	}
	if refused == nil {
		refused = s.acceptable(name, l.size)
	}
	if refused != nil {
		p.refuse(l)
		return one, refused
	}
	p.accept(l)
	s.event(LiteralStarted, l.size)
	arrival, err := s.readLiteral(&one, l.size)
	if err != nil {
		return one, err
	}
	s.event(Arrived, l.size)
	return one, s.inspect(p, name, &one, arrival)
}

// acceptable decides on a message by its size and folder alone.
func (s *session) acceptable(name string, size int64) error {
	s.user.mu.Lock()
	defer s.user.mu.Unlock()
	limit := cmp.Or(s.user.limit, s.p.Append.Limit)
	switch {
	case s.user.get(name) == nil:
		return no("[TRYCREATE] Mailbox doesn't exist: %s", name)
	case size == 0:
		return no("Can't save a zero byte message.")
	case limit > 0 && size > limit:
		if s.p.Append.TooLarge != "" {
			return refusal(s.p.Append.TooLarge)
		}
		return no("[TOOBIG] Message size exceeds the limit")
	case s.user.quota > 0 && s.user.bytes()+size > s.user.quota:
		return s.full()
	}
	return nil
}

// full refuses what does not fit into the quota.
func (s *session) full() error {
	if text := s.p.Append.Full; text != "" {
		return refusal(text)
	}
	return no("[OVERQUOTA] Quota exceeded (mailbox for user is full)")
}

// keepable takes out the flags that are not kept, or refuses them.
func (s *session) keepable(flags []string) ([]string, error) {
	var kept []string
	for _, flag := range flags {
		keyword := !strings.HasPrefix(flag, `\`)
		switch {
		case strings.EqualFold(flag, `\Recent`):
		case hasFold(s.p.Flags.Permanent, flag), keyword && hasFold(s.p.Flags.Permanent, `\*`):
			kept = append(kept, flag)
		case s.p.Flags.Refusal != "":
			return nil, refusal(s.p.Flags.Refusal)
		}
	}
	return kept, nil
}

// onlyIMAP are those of the flags of an APPEND that only IMAP shows.
func (r *FlagRules) onlyIMAP(flags []string) []string {
	var list []string
	for _, flag := range flags {
		if hasFold(r.OnlyIMAP, flag) {
			list = append(list, flag)
		}
	}
	return list
}

// readLiteral reads a message of size bytes, and not one more.
func (s *session) readLiteral(one *incoming, size int64) (*examiner, error) {
	limit := size
	cut := s.fault != nil && s.fault.Kind == CutLiteral
	if cut {
		limit = min(size, s.fault.N)
	}
	look := &examiner{}
	from := io.Reader(&literalReader{io.LimitReader(s.line.in, limit), &s.server.counts})
	if s.looksInside() {
		from = io.TeeReader(from, look)
	}
	c := &content{size: size}
	var err error
	if s.server.options.DiscardBodies {
		if s.buffer == nil {
			s.buffer = make([]byte, 32<<10)
		}
		err = c.digestFrom(from, limit, s.server.options.KeepHeader, s.buffer)
	} else {
		c.raw, err = readAll(from, limit)
	}
	one.content = c
	if err == nil && cut {
		err = s.cut()
	}
	return look, err
}

func (s *session) looksInside() bool {
	r := &s.p.Append
	return r.MaxLine > 0 || r.NUL != "" || r.BareLF != "" || r.EightBitHeader != "" || s.server.faults.has(atArrival)
}

// literalReader counts, so that bytes of broken literals count too.
type literalReader struct {
	from   io.Reader
	counts *counts
}

func (r *literalReader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	r.counts.literalsIn.Add(int64(n))
	return n, err
}

// readAll reads exactly size bytes. Above 64 MiB, memory grows with what has
// come, not with what was announced.
func readAll(from io.Reader, size int64) ([]byte, error) {
	raw := make([]byte, min(size, 64<<20))
	for at := 0; ; {
		n, err := io.ReadFull(from, raw[at:])
		at += n
		if err != nil || int64(at) == size {
			return raw[:at], err
		}
		more := make([]byte, min(size, 2*int64(len(raw))))
		copy(more, raw)
		raw = more
	}
}

// digestFrom keeps the hash of a message and the beginning of its header.
func (c *content) digestFrom(from io.Reader, size int64, keep int, buffer []byte) error {
	c.discarded = true
	sum := sha256.New()
	head := make([]byte, min(int64(keep), size))
	if _, err := io.ReadFull(from, head); err != nil {
		return err
	}
	sum.Write(head)
	c.head = bytes.Clone(head[:headerEnd(head)])
	n, err := io.CopyBuffer(sum, from, buffer)
	if err == nil && n+int64(len(head)) < size {
		err = io.ErrUnexpectedEOF
	}
	c.once.Do(func() { sum.Sum(c.digest[:0]) })
	return err
}

// inspect holds a message that has come against the personality's rules and
// the faults.
func (s *session) inspect(p *parser, name string, one *incoming, look *examiner) error {
	var refused error
	r := &s.p.Append
	switch {
	case !s.looksInside():
		return nil
	case look.nul && r.NUL != "":
		refused = refusal(r.NUL)
	case look.bareLF && r.BareLF != "":
		refused = refusal(r.BareLF)
	case look.eightBitHeader && r.EightBitHeader != "":
		refused = refusal(r.EightBitHeader)
	case r.MaxLine > 0 && look.longestLine() > int64(r.MaxLine):
		refused = refusal(r.LongLine)
	}
	arrival := Arrival{
		Folder: name, Size: one.content.size, Flags: one.flags, Raw: one.content.raw, Header: one.content.header(),
		HasNUL: look.nul, BareLF: look.bareLF, EightBitHeader: look.eightBitHeader, LongestLine: look.longestLine(),
	}
	o := s.occasion()
	o.arrival = &arrival
	if act := s.server.faults.match(atArrival, o); act != nil {
		s.fault = act
		if act.Kind == CutLiteral {
			return s.cut()
		}
		if err := s.faultBefore(); err != nil {
			refused = err
		}
	}
	if errors.As(refused, new(refusal)) {
		if err := p.more(); err != nil {
			return err
		}
	}
	return refused
}

// commit stores messages, all or none.
func (s *session) commit(name string, list []incoming) (uids migration.UIDSet, validity uint32, err error) {
	s.event(BeforeCommit, list[0].content.size)
	s.user.mu.Lock()
	f := s.user.get(name)
	if f == nil {
		s.user.mu.Unlock()
		return uids, 0, no("[TRYCREATE] Mailbox doesn't exist: %s", name)
	}
	next := f.uidNext
	for _, one := range list {
		switch {
		case s.fault != nil && s.fault.Kind == Lose:
			uids.Add(next)
			next++
		case s.user.originals == nil && s.p.Append.MergeDuplicates && f.holds(one.content):
			uids.Add(f.uidNext)
			f.uidNext++
		default:
			uid := s.user.put(f, one.content, one.date, one.flags)
			if only := s.p.Flags.onlyIMAP(one.flags); len(only) > 0 {
				f.messages[len(f.messages)-1].onlyIMAP = only
			}
			uids.Add(uid)
		}
	}
	validity = f.validity
	s.user.mu.Unlock()
	var told []migration.UID
	for uid := range uids.All() {
		told = append(told, uid)
	}
	s.event(AfterCommit, list[0].content.size, told...)
	return uids, validity, nil
}

func (f *folder) holds(c *content) bool {
	for _, m := range f.messages {
		if m.content.size == c.size && m.content.sum() == c.sum() {
			return true
		}
	}
	return false
}

// appendUID is the APPENDUID response code (RFC 4315 section 3), with its
// faults.
func (s *session) appendUID(uids migration.UIDSet, validity uint32) string {
	if !s.p.has("UIDPLUS") || s.p.Append.NoUID {
		return ""
	}
	if each := int64(s.p.Append.NoUIDEach); each > 0 && s.server.counts.appends.Add(1)%each == 0 {
		return ""
	}
	first, second := fmt.Sprint(validity), uids.String()
	if s.fault != nil {
		switch s.fault.Kind {
		case NoAppendUID:
			return ""
		case SwapAppendUID:
			first, second = second, first
		case OtherAppendUID:
			first = fmt.Sprint(validity + s.fault.UIDValidity)
			second = fmt.Sprint(int64(uids.Min()) + s.fault.N)
		}
	}
	return "[APPENDUID " + first + " " + second + "] "
}
