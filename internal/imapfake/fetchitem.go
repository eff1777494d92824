package imapfake

import (
	"fmt"
	"slices"
	"strings"
)

// fetchItems is what a FETCH asks for (RFC 3501 section 6.4.5).
type fetchItems struct {
	uid, flags, modSeq bool
	// seen: a body is asked for without PEEK.
	seen bool
	list []attribute
}

type attributeKind int

const (
	dateAttribute attributeKind = iota
	sizeAttribute
	envelopeAttribute
	structureAttribute
	bodyAttribute
	labelAttribute
)

// attribute is one item beside UID, FLAGS and MODSEQ.
type attribute struct {
	kind attributeKind
	// label is how the answer names it.
	label string
	part  section
	// from and count are the partial <from.count>; count is -1 for all.
	from, count int64
}

// section is a part of the message.
type section struct {
	// text is "", "HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT", "TEXT",
	// "MIME" or a part number.
	text   string
	fields []string
}

func (f *fetchItems) wantBody() bool {
	return slices.ContainsFunc(f.list, func(a attribute) bool { return a.kind == bodyAttribute })
}

func readFetchItems(p *parser) (*fetchItems, error) {
	f := &fetchItems{}
	if !p.take('(') {
		name := p.name()
		switch name {
		case "ALL", "FAST", "FULL":
			f.macro(name)
			return f, nil
		}
		return f, f.add(p, name)
	}
	for {
		if err := f.add(p, p.name()); err != nil {
			return nil, err
		}
		if p.take(')') {
			return f, nil
		}
		if err := p.space(); err != nil {
			return nil, err
		}
	}
}

// name reads up to a space, parenthesis or bracket.
func (p *parser) name() string {
	from := p.at
	for p.at < len(p.text) && !strings.ContainsRune(" ()[<", rune(p.text[p.at])) {
		p.at++
	}
	return strings.ToUpper(string(p.text[from:p.at]))
}

func (f *fetchItems) macro(name string) {
	f.flags = true
	f.list = append(f.list, attribute{kind: dateAttribute}, attribute{kind: sizeAttribute})
	if name != "FAST" {
		f.list = append(f.list, attribute{kind: envelopeAttribute})
	}
	if name == "FULL" {
		f.list = append(f.list, attribute{kind: structureAttribute, label: "BODY"})
	}
}

func (f *fetchItems) add(p *parser, name string) error {
	a := attribute{count: -1}
	switch name {
	case "UID":
		f.uid = true
		return nil
	case "FLAGS":
		f.flags = true
		return nil
	case "MODSEQ":
		if !p.s.p.has("CONDSTORE") {
			return bad("Error in IMAP command %s: Unknown parameter MODSEQ", p.s.command)
		}
		f.modSeq, p.s.condstore = true, true
		return nil
	case "INTERNALDATE":
		a.kind = dateAttribute
	case "RFC822.SIZE":
		a.kind = sizeAttribute
	case "ENVELOPE":
		a.kind = envelopeAttribute
	case "BODYSTRUCTURE":
		a.kind, a.label = structureAttribute, name
	case "X-GM-MSGID", "X-GM-THRID", "X-GM-LABELS":
		if !p.s.p.has(labelExtension) {
			return bad("Error in IMAP command %s: Unknown parameter %.40s", p.s.command, name)
		}
		a.kind, a.label = labelAttribute, name
	case "RFC822", "RFC822.TEXT", "RFC822.HEADER":
		a.kind, a.label = bodyAttribute, name
		a.part.text = strings.TrimPrefix(strings.TrimPrefix(name, "RFC822"), ".")
		f.seen = f.seen || name != "RFC822.HEADER"
	case "BODY", "BODY.PEEK", "BINARY", "BINARY.PEEK":
		if p.peek() != '[' && name == "BODY" {
			a.kind, a.label = structureAttribute, name
			break
		}
		f.seen = f.seen || !strings.HasSuffix(name, ".PEEK")
		if err := a.readSection(p, strings.TrimSuffix(name, ".PEEK")); err != nil {
			return err
		}
	default:
		return bad("Error in IMAP command %s: Unknown parameter %.40s", p.s.command, name)
	}
	f.list = append(f.list, a)
	return nil
}

// readSection reads [section] and <from.count> behind BODY.
func (a *attribute) readSection(p *parser, label string) error {
	fail := bad("Error in IMAP command %s: Invalid %s section", p.s.command, label)
	if label == "BINARY" && !p.s.p.has("BINARY") || !p.take('[') {
		return fail
	}
	from := p.at
	for p.at < len(p.text) && !strings.ContainsRune(" ]", rune(p.text[p.at])) {
		p.at++
	}
	a.kind, a.part.text = bodyAttribute, strings.ToUpper(string(p.text[from:p.at]))
	label += "[" + a.part.text
	switch a.part.text {
	case "HEADER.FIELDS", "HEADER.FIELDS.NOT":
		if p.space() != nil || p.want('(') != nil {
			return fail
		}
		for !p.take(')') {
			p.take(' ')
			name, err := p.astring()
			if err != nil {
				return err
			}
			a.part.fields = append(a.part.fields, name)
		}
		label += " (" + strings.Join(a.part.fields, " ") + ")"
	case "", "HEADER", "TEXT", "MIME":
	default:
		if strings.Trim(a.part.text, "0123456789.HEADRTXMI") != "" {
			return fail
		}
	}
	if !p.take(']') {
		return fail
	}
	a.label = label + "]"
	if p.take('<') {
		end := strings.IndexByte(string(p.rest()), '>')
		if end < 0 {
			return fail
		}
		if _, err := fmt.Sscanf(string(p.rest()[:end]), "%d.%d", &a.from, &a.count); err != nil || a.from < 0 || a.count <= 0 {
			return fail
		}
		p.at += end + 1
		a.label += fmt.Sprintf("<%d>", a.from)
	}
	return nil
}
