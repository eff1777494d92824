package mailsync

import (
	"bytes"
	"encoding/base64"
)

// encoder makes the encoded text of a body anew, in short lines.
type encoder interface {
	add(text []byte)
	// end gives the rest; open says that the last line has no line end.
	end() (open bool)
}

// encoderOf takes text in one transfer encoding and puts it out in another.
func encoderOf(from, to string, put func([]byte)) encoder {
	switch {
	case from == "base64":
		return &base64Lines{put: put}
	case to == "base64":
		return &base64Encoder{lines: base64Lines{put: put}}
	}
	q := &quotedEncoder{from: decoderOf(from), put: put}
	q.emit = q.take
	return q
}

// base64Width and quotedWidth are the longest lines of RFC 2045 sections 6.8 and
// 6.7, the second without the "=" of a soft line end.
const (
	base64Width = 76
	quotedWidth = 75
)

// base64Lines breaks base64 anew. What is not of the alphabet goes.
type base64Lines struct {
	put  func([]byte)
	line []byte
}

func (l *base64Lines) add(text []byte) {
	for _, b := range text {
		if _, ok := base64Digit(b); !ok && b != '=' {
			continue
		}
		if len(l.line) == base64Width {
			l.put(append(l.line, '\n'))
			l.line = l.line[:0]
		}
		l.line = append(l.line, b)
	}
}

func (l *base64Lines) end() bool {
	l.put(l.line)
	return len(l.line) > 0
}

// base64Encoder encodes lines, whose ends are CRLF.
type base64Encoder struct {
	lines base64Lines
	group []byte // of fewer than 3 bytes
	text  []byte
}

func (e *base64Encoder) add(text []byte) {
	e.group = append(e.group, bytes.ReplaceAll(text, lineEnd, []byte("\r\n"))...)
	n := len(e.group) / 3 * 3
	e.text = base64.StdEncoding.AppendEncode(e.text[:0], e.group[:n])
	e.lines.add(e.text)
	e.group = e.group[:copy(e.group, e.group[n:])]
}

func (e *base64Encoder) end() bool {
	e.lines.add(base64.StdEncoding.AppendEncode(nil, e.group))
	return e.lines.end()
}

// quotedEncoder encodes as quoted-printable. A "-" at the start of a line is
// encoded, so that no line looks like a delimiter.
type quotedEncoder struct {
	from  decoder
	emit  func(b byte, ended bool)
	put   func([]byte)
	line  []byte
	blank byte // white space that may be at the end of the line, or 0
}

func (e *quotedEncoder) add(text []byte) { e.from.decode(text, e.emit) }

func (e *quotedEncoder) end() bool {
	e.from.end(e.emit)
	e.release(true)
	e.put(e.line)
	return len(e.line) > 0
}

func (e *quotedEncoder) take(b byte, ended bool) {
	e.release(ended)
	switch {
	case ended:
		e.put(append(e.line, '\n'))
		e.line = e.line[:0]
	case b == ' ' || b == '\t':
		e.blank = b
	default:
		e.write(b, b <= ' ' || b >= 0x7f || b == '=')
	}
}

// release writes the white space that is held.
func (e *quotedEncoder) release(last bool) {
	if e.blank != 0 {
		e.write(e.blank, last)
		e.blank = 0
	}
}

func (e *quotedEncoder) write(b byte, coded bool) {
	if len(e.line)+3 > quotedWidth {
		e.put(append(e.line, '=', '\n'))
		e.line = e.line[:0]
	}
	if coded || b == '-' && len(e.line) == 0 {
		e.line = appendCoded(e.line, '=', b)
		return
	}
	e.line = append(e.line, b)
}

// appendCoded appends a byte as a mark and two digits.
func appendCoded(out []byte, mark, b byte) []byte {
	const digits = "0123456789ABCDEF"
	return append(out, mark, digits[b>>4], digits[b&15])
}

// lastResort is how much of a line stays together when nothing in it can be broken.
const lastResort = 900

// fieldFolder gives a field with its lines folded to lineLimit (RFC 5322 section 2.2.3):
// at white space, else behind a semicolon or comma, else anywhere.
type fieldFolder struct {
	out   func([]byte)
	line  []byte
	after int  // nothing before this is broken
	mime  bool // a comma may be within a parameter
}

func (f *fieldFolder) begin(name string, value int) {
	f.line, f.after = f.line[:0], value
	f.mime = name == "content-type" || name == "content-disposition"
}

func (f *fieldFolder) add(text []byte) {
	for _, b := range text {
		f.line = append(f.line, b)
		switch {
		case b == '\n':
			f.end()
		case len(f.line) > lineLimit:
			f.cut()
		}
	}
}

func (f *fieldFolder) end() {
	f.out(f.line)
	f.line, f.after = f.line[:0], 0
}

func (f *fieldFolder) cut() {
	at, white := f.place()
	f.out(f.line[:at])
	f.out(lineEnd)
	rest := bytes.Clone(f.line[at:])
	f.line, f.after = f.line[:0], 0
	if !white {
		f.line = append(f.line, ' ')
	}
	f.line = append(f.line, rest...)
}

// place is where the line is cut; white says that white space follows. Both lines
// have more than white space, or readers would take one for the header's end.
func (f *fieldFolder) place() (at int, white bool) {
	solid := bytes.IndexFunc(f.line, func(r rune) bool { return r != ' ' && r != '\t' })
	more := false
	for at = lineLimit; at > solid && at >= max(f.after, 1) && solid >= 0; at-- {
		if !isWhite(f.line[at]) {
			more = true
		} else if more {
			return at, true
		}
	}
	for at = lineLimit; at > f.after && at > 1; at-- {
		if b := f.line[at-1]; b == ';' || b == ',' && !f.mime {
			return at, isWhite(f.line[at])
		}
	}
	for at = lineLimit; at > lastResort; at-- {
		if f.line[at]&0xc0 != 0x80 { // not within a character
			return at, isWhite(f.line[at])
		}
	}
	return lineLimit, false
}
