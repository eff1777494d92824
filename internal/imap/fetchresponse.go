package imap

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/mailhaul/mailhaul/internal/imap/wire"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// heldMost is how much of a body is held while its UID is not known yet. A
// larger one is asked for again, alone.
const heldMost = 1 << 20

// headerMost is how much of a message's header fields is kept.
const headerMost = 64 << 10

// gapsMost is how many gaps the UIDs of a listed folder may have.
const gapsMost = 600_000

// item is one FETCH response while it is being read.
type item struct {
	message migration.Message
	// told are the attributes that came.
	flags, date, size, header bool
	extra                     map[string]string
	// guess is the UID that a body was delivered under before the server told.
	guess migration.UID
	// held is a body whose UID is not known yet; skipped is true when it was
	// too large for that.
	held    []byte
	isHeld  bool
	skipped bool
	// taker is the command that took the body.
	taker *fetching
}

// fetch reads one FETCH response (RFC 3501 section 7.4.2). The attributes come
// in any order, and what nobody asked for is skipped.
func (r *receiver) fetch() error {
	it := &item{message: migration.Message{Size: -1}}
	if err := r.in.Spaces(); err != nil {
		return err
	}
	err := r.items(func() error {
		word, err := r.in.Name()
		if err != nil {
			return err
		}
		name := strings.ToUpper(string(word))
		section, err := r.in.Section()
		if err != nil {
			return err
		}
		kind := strings.ToUpper(string(section))
		if err := r.in.Spaces(); err != nil {
			return err
		}
		return r.attribute(it, name, kind)
	})
	if err != nil {
		return err
	}
	if err := r.in.End(); err != nil {
		return err
	}
	if err := r.route(it); err != nil {
		return err
	}
	if it.taker != nil {
		it.taker.ended()
	}
	return nil
}

// attribute reads one attribute's value.
func (r *receiver) attribute(it *item, name, section string) error {
	switch {
	case name == "UID":
		n, _, err := r.number()
		if err != nil {
			return err
		}
		it.message.UID = uidOf(n)
		if it.guess != 0 && it.guess != it.message.UID {
			return &migration.Fault{Class: migration.Again, Code: migration.CodeServerBug,
				Doing: "reading a message", Err: errors.New("the server told the message's UID too late, and it is another's")}
		}
		return nil
	case name == "FLAGS":
		if b, err := r.in.Peek(); err != nil || b != '(' {
			return firstOf(err, r.in.Skip()) // NIL tells nothing
		}
		flags, err := r.flagNames()
		it.flags, it.message.Flags = true, withoutRecent(flags)
		return err
	case name == "INTERNALDATE":
		text, _, err := r.in.String()
		if err != nil {
			return err
		}
		it.date = true
		it.message.Date, _ = wire.ParseDate(string(text))
		return nil
	case name == "RFC822.SIZE":
		n, told, err := r.number()
		if told {
			it.size, it.message.Size = true, int64(min(n, 1<<62))
		}
		return err
	case name == "MODSEQ":
		return r.modSeq(it)
	case name == "BODY" && strings.HasPrefix(section, "[HEADER"):
		text, _, err := r.in.Prefix(headerMost)
		it.header, it.message.Header = true, bytes.Clone(text)
		return err
	case name == "BODY" && (section == "[]" || section == "[]<0>"), name == "RFC822":
		return r.body(it)
	case extraAttributes[name]:
		return r.extra(it, name)
	}
	return r.in.Skip()
}

// modSeq reads MODSEQ (RFC 7162 section 3.1.4.1), with or without its
// parentheses.
func (r *receiver) modSeq(it *item) error {
	one := func() error {
		n, told, err := r.number()
		if told {
			it.message.ModSeq = n
		}
		return err
	}
	if b, err := r.in.Peek(); err != nil || b != '(' {
		return firstOf(err, one())
	}
	return r.items(one)
}

// number reads a number. Anything else, such as NIL, is skipped and counts as
// not told: one odd attribute must not cost the message.
func (r *receiver) number() (n uint64, told bool, err error) {
	b, err := r.in.Peek()
	if err != nil {
		return 0, false, err
	}
	if b < '0' || b > '9' {
		return 0, false, r.in.Skip()
	}
	n, err = r.in.Number()
	return n, err == nil, err
}

// extraAttributes are those that Attributes can ask for.
var extraAttributes = map[string]bool{
	"EMAILID": true, "THREADID": true, "X-GM-MSGID": true, "X-GM-THRID": true, "X-GM-LABELS": true,
}

// extra reads an attribute into text: its strings, one a line.
func (r *receiver) extra(it *item, name string) error {
	var values []string
	add := func() error {
		text, null, err := r.in.String()
		if err == nil && !null {
			values = append(values, string(text))
		}
		return err
	}
	b, err := r.in.Peek()
	if err != nil {
		return err
	}
	if b == '(' {
		err = r.items(add)
	} else {
		err = add()
	}
	if it.extra == nil {
		it.extra = map[string]string{}
	}
	it.extra[name] = strings.Join(values, "\n")
	return err
}

// withoutRecent drops \Recent, which belongs to the server.
func withoutRecent(flags migration.Flags) migration.Flags {
	kept := flags[:0]
	for _, flag := range flags {
		if !strings.EqualFold(flag, migration.FlagRecent) {
			kept = append(kept, flag)
		}
	}
	return kept
}

// body reads BODY[]: a literal, a quoted string, or NIL for a message that
// cannot be had.
func (r *receiver) body(it *item) error {
	literal, isLiteral, err := r.in.Literal(math.MaxInt64) // bodyLiteral judges
	if err != nil {
		return err
	}
	if isLiteral {
		return r.bodyLiteral(it, literal.InList())
	}
	quoted, err := r.in.Peek()
	if err != nil {
		return err
	}
	text, null, err := r.in.String()
	if err != nil || null {
		return err
	}
	if quoted != '"' {
		// An atom, such as a literal's head that is none, is no message.
		return &wire.SyntaxError{Want: "a message"}
	}
	it.held, it.isHeld = bytes.Clone(text), true
	return nil
}

func (r *receiver) bodyLiteral(it *item, literal *wire.Literal) error {
	uid := it.message.UID
	if uid == 0 && literal.Size() > heldMost {
		uid = r.conn.soleBody()
		it.guess = uid
	}
	var target *fetching
	if uid != 0 {
		target = r.conn.wanting(uid, true)
	}
	body := migration.Body{UID: uid, Size: literal.Size(), Reader: r.bounded(literal)}
	switch most := r.in.Limits().Skipped; {
	case literal.Size() > most:
		// The message gets its own fault before the line ends, or it would
		// be asked for again and end every line after this one.
		if target != nil {
			_ = target.deliver(body, nil)
		}
		return &wire.LimitError{What: "message", Limit: most}
	case target != nil:
		it.taker = target
		return target.deliver(body, literal)
	case uid != 0:
		return literal.Drain()
	}
	if literal.Size() > heldMost {
		it.skipped = true
		return literal.Drain()
	}
	r.held = slices.Grow(r.held[:0], int(literal.Size()))[:literal.Size()]
	if _, err := io.ReadFull(literal, r.held); err != nil {
		return err
	}
	it.held, it.isHeld = r.held, true
	return nil
}

// bounded is the literal's reader, or for a message above the limit one that
// gives a fault of that message instead of its bytes, which are read past.
func (r *receiver) bounded(literal *wire.Literal) io.Reader {
	most := r.in.Limits().Message
	if literal.Size() <= most {
		return literal
	}
	return failingReader{&migration.Fault{Class: migration.OneMessage, Code: migration.CodeTooLarge, Doing: "reading a message from " + r.conn.options.Endpoint.Host,
		Err: fmt.Errorf("it has %d bytes, and %d is the limit", literal.Size(), most), Remedy: "Save this message by other means: it is larger than any that is moved."}}
}

// failingReader gives an error and nothing else.
type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

// route gives what was read to the oldest command that asked for it.
func (r *receiver) route(it *item) error {
	uid := it.message.UID
	if uid == 0 {
		return r.count()
	}
	if it.isHeld || it.skipped {
		target := r.conn.wanting(uid, true)
		switch {
		case target == nil:
			return r.count()
		case it.skipped:
			target.redo.Add(uid)
			return nil
		}
		it.taker = target
		reader := bytes.NewReader(it.held)
		return target.deliver(migration.Body{UID: uid, Size: int64(len(it.held)), Reader: reader}, nil)
	}
	for i := 0; ; i++ {
		cmd := r.conn.queued(i)
		if cmd == nil {
			return r.count()
		}
		f := cmd.fetch
		if f == nil || f.bodies || !f.wants(uid) {
			continue
		}
		if f.answeredBy(it) {
			f.give(it)
			if f.got.RangeCount() > gapsMost {
				return &wire.LimitError{What: "number of gaps between the UIDs of a folder", Limit: gapsMost}
			}
			return nil
		}
		f.remember(it)
	}
}
