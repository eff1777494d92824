package imapfake

import (
	"bufio"
	"errors"
	"io"
	"strconv"
	"strings"
)

// parser reads one command. text is the line at hand; when an argument is a
// literal, the rest of the command follows on another line (RFC 3501 section
// 4.3).
type parser struct {
	s    *session
	text []byte
	at   int
}

var errLongLine = errors.New("imapfake: command line too long")

// read waits for the next line.
func (s *session) read() (*parser, error) {
	p := &parser{s: s}
	return p, p.more()
}

func (p *parser) more() error {
	s := p.s
	limit := s.p.Limits.Line
	if limit == 0 {
		limit = 1 << 20
	}
	s.text, p.at = s.text[:0], 0
	for {
		part, err := s.line.in.ReadSlice('\n')
		s.text = append(s.text, part...)
		if len(s.text) > limit {
			s.write("* BYE Too long command line\r\n")
			return errLongLine
		}
		if err == nil {
			break
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
	n := len(s.text) - 1
	if n > 0 && s.text[n-1] == '\r' {
		n--
	}
	p.text = s.text[:n]
	return nil
}

// begin reads the tag and the name of the command.
func (p *parser) begin() (tag, name string, ok bool) {
	tag = p.word()
	if tag == "" || strings.ContainsAny(tag, "+*%{\"\\\x00") || p.space() != nil {
		return "", "", false
	}
	name = strings.ToUpper(p.word())
	if name == "UID" && p.space() == nil {
		name += " " + strings.ToUpper(p.word())
	}
	return tag, name, name != ""
}

// peek is the next byte, zero at the end of the line.
func (p *parser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *parser) rest() []byte { return p.text[p.at:] }

func (p *parser) take(c byte) bool {
	if p.peek() != c || p.at == len(p.text) {
		return false
	}
	p.at++
	return true
}

func (p *parser) space() error { return p.want(' ') }

func (p *parser) want(c byte) error {
	if !p.take(c) {
		return bad("Error in IMAP command %s: expected %q", p.s.command, c)
	}
	return nil
}

func (p *parser) end() error {
	if p.at < len(p.text) {
		return bad("Error in IMAP command %s: unexpected arguments", p.s.command)
	}
	return nil
}

// word is everything up to a space or parenthesis.
func (p *parser) word() string {
	from := p.at
	for p.at < len(p.text) && !strings.ContainsRune(" ()", rune(p.text[p.at])) {
		p.at++
	}
	return string(p.text[from:p.at])
}

// astring is an atom, a quoted string or a literal (RFC 3501 section 9).
func (p *parser) astring() (string, error) {
	switch p.peek() {
	case '"':
		return p.quoted()
	case '{':
		return p.literal()
	}
	if word := p.word(); word != "" {
		return word, nil
	}
	return "", bad("Error in IMAP command %s: missing argument", p.s.command)
}

func (p *parser) quoted() (string, error) {
	var out strings.Builder
	for p.at++; p.at < len(p.text); p.at++ {
		c := p.text[p.at]
		switch {
		case c == '"':
			p.at++
			return out.String(), nil
		case c == '\\' && p.at+1 < len(p.text):
			p.at++
			c = p.text[p.at]
		}
		out.WriteByte(c)
	}
	return "", bad("Error in IMAP command %s: missing '\"'", p.s.command)
}

func (p *parser) literal() (string, error) {
	const most = 64 << 10
	l, err := p.announced()
	if err != nil {
		return "", err
	}
	if l.size > most {
		return "", bad("[TOOBIG] literal too large")
	}
	p.accept(l)
	text := make([]byte, l.size)
	n, err := io.ReadFull(p.s.line.in, text)
	p.s.server.counts.literalsIn.Add(int64(n))
	if err != nil {
		return "", err
	}
	return string(text), p.more()
}

// literalSize is an announced literal. from is where it starts in the line.
type literalSize struct {
	size   int64
	noSync bool
	binary bool
	from   int
}

// announced reads {n}, {n+}, ~{n} or ~{n+} at the end of the line (RFC 7888,
// RFC 3516 section 4.4).
func (p *parser) announced() (literalSize, error) {
	l := literalSize{from: p.at}
	fail := bad("Error in IMAP command %s: invalid literal", p.s.command)
	l.binary = p.take('~')
	rest := string(p.rest())
	if !strings.HasPrefix(rest, "{") || !strings.HasSuffix(rest, "}") || l.binary && !p.s.p.has("BINARY") {
		return l, fail
	}
	digits := rest[1 : len(rest)-1]
	digits, l.noSync = strings.CutSuffix(digits, "+")
	n, err := strconv.ParseUint(digits, 10, 62)
	if err != nil || l.noSync && int64(n) > p.s.p.noSyncLimit() {
		return l, fail
	}
	l.size = int64(n)
	p.at = len(p.text)
	return l, nil
}

// accept lets the client send a literal it waits with.
func (p *parser) accept(l literalSize) {
	if !l.noSync {
		p.s.write("+ OK\r\n")
	}
}

// refuse puts an announced literal back, so that skip gets over it.
func (p *parser) refuse(l literalSize) { p.at = l.from }

// skip gets over the rest of a command that was not read to its end: what a
// client sends without waiting comes anyway.
func (p *parser) skip() error {
	for {
		i := strings.LastIndexByte(string(p.rest()), '{')
		if i < 0 {
			return nil
		}
		p.at += i
		l, err := p.announced()
		if err != nil || !l.noSync {
			return nil //nolint:nilerr // no literal comes, so there is nothing to skip
		}
		n, err := io.CopyN(io.Discard, p.s.line.in, l.size)
		p.s.server.counts.literalsIn.Add(n)
		if err != nil {
			return err
		}
		if err := p.more(); err != nil {
			return err
		}
	}
}

// words reads a parenthesised list of words.
func (p *parser) words() ([]string, error) {
	if err := p.want('('); err != nil {
		return nil, err
	}
	var list []string
	for !p.take(')') {
		if len(list) > 0 {
			if err := p.space(); err != nil {
				return nil, err
			}
		}
		word := p.word()
		if word == "" {
			return nil, bad("Error in IMAP command %s: malformed list", p.s.command)
		}
		list = append(list, word)
	}
	return list, nil
}

// folder reads a space and a folder name.
func (p *parser) folder() (string, error) {
	if err := p.space(); err != nil {
		return "", err
	}
	name, err := p.astring()
	if err != nil {
		return "", err
	}
	name = p.s.p.Names.canonical(name)
	p.s.folderName = name
	return name, nil
}

// numbers reads a space and a sequence set.
func (p *parser) numbers() (numberSet, error) {
	if err := p.space(); err != nil {
		return nil, err
	}
	set, ok := parseNumberSet(p.word())
	if !ok {
		return nil, bad("Error in IMAP command %s: invalid messageset", p.s.command)
	}
	return set, nil
}

// quote writes a string as a client can read it: quoted, or as a literal when
// it must be (RFC 3501 section 4.3).
func quote(text string) string {
	if strings.ContainsAny(text, "\r\n\x00") || strings.ContainsFunc(text, func(r rune) bool { return r > 0x7e }) {
		return "{" + strconv.Itoa(len(text)) + "}\r\n" + text
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
