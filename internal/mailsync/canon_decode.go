package mailsync

import (
	"bytes"
	"mime"
	"strings"
	"unicode/utf8"
)

// token is a value that is one word, in lower case, without a comment or what else
// follows it. Bytes that no word can have do not count.
func token(value []byte) string {
	var word []byte
	for _, b := range value {
		switch {
		case b == ';' || b == '(' || isWhite(b) && len(word) > 0:
			return strings.ToLower(string(word))
		case b > ' ' && b < 0x7f:
			word = append(word, b)
		}
	}
	return strings.ToLower(string(word))
}

// splitParameters cuts a value at its semicolons outside of quotes (RFC 2045
// section 5.1). The first is what goes before the parameters.
func splitParameters(value []byte) [][]byte {
	var pieces [][]byte
	start, quoted := 0, false
	for i := 0; i < len(value); i++ {
		switch value[i] {
		case '\\':
			if quoted {
				i++
			}
		case '"':
			quoted = !quoted
		case ';':
			if !quoted {
				pieces = append(pieces, value[start:i])
				start = i + 1
			}
		}
	}
	return append(pieces, value[start:])
}

// parameter takes a parameter apart: its name in lower case, and its value without
// quotes and folding. ok is false without a name.
func parameter(text []byte) (name string, value []byte, ok bool) {
	before, after, found := bytes.Cut(text, []byte("="))
	name = strings.ToLower(string(bytes.Trim(before, " \t\n")))
	if !found || name == "" {
		return "", nil, false
	}
	after = bytes.ReplaceAll(bytes.Trim(after, " \t\n"), []byte("\n"), nil)
	if len(after) == 0 || after[0] != '"' {
		return name, after, true
	}
	for i := 1; i < len(after) && after[i] != '"'; i++ {
		if after[i] == '\\' && i+1 < len(after) {
			i++
		}
		value = append(value, after[i])
	}
	return name, value, true
}

// usableBoundary is the boundary among the parameters, empty without one that can
// delimit anything.
func usableBoundary(parameters [][]byte) string {
	for _, text := range parameters {
		name, value, _ := parameter(text)
		if name != "boundary" {
			continue
		}
		value = bytes.TrimRight(value, " \t")
		if len(value) > boundaryMost || has8Bit(value) {
			return ""
		}
		return string(value)
	}
	return ""
}

func has8Bit(text []byte) bool {
	for _, b := range text {
		if b >= utf8.RuneSelf {
			return true
		}
	}
	return false
}

// textOf reads raw bytes: what is UTF-8 as that, and each other byte as ISO-8859-1.
func textOf(raw []byte) string {
	if utf8.Valid(raw) {
		return string(raw)
	}
	var text strings.Builder
	for len(raw) > 0 {
		r, size := utf8.DecodeRune(raw)
		if r == utf8.RuneError && size == 1 {
			r = rune(raw[0])
		}
		text.WriteRune(r)
		raw = raw[size:]
	}
	return text.String()
}

// decodedWords decodes the encoded words of a value (RFC 2047), wherever they are.
// Those in charsets that are not known here stay.
func decodedWords(value string) string {
	var out strings.Builder
	for {
		start := strings.Index(value, "=?")
		if start < 0 {
			out.WriteString(value)
			return out.String()
		}
		out.WriteString(value[:start])
		value = value[start:]
		n := encodedWord(value)
		text, err := new(mime.WordDecoder).Decode(value[:n])
		if err != nil {
			text, n = "=?", 2
		}
		out.WriteString(text)
		value = value[n:]
	}
}

// encodedWord is the length of the encoded word that text, which begins with "=?",
// may begin with: "=?charset?encoding?content?=".
func encodedWord(text string) int {
	at := 2
	for range 2 {
		n := strings.IndexByte(text[at:], '?')
		if n < 0 {
			return at
		}
		at += n + 1
	}
	n := strings.Index(text[at:], "?=")
	if n < 0 {
		return at
	}
	return at + n + 2
}

// decoder undoes a transfer encoding (RFC 2045 section 6), piece by piece. It
// takes anything. emit gets the bytes; ended says that one is a line's end and not
// content that happens to be LF.
type decoder interface {
	decode(text []byte, emit func(b byte, ended bool))
	end(emit func(b byte, ended bool))
}

func decoderOf(encoding string) decoder {
	switch encoding {
	case "base64":
		return &base64Decoder{}
	case "quoted-printable":
		return &quotedDecoder{}
	}
	return identity8{}
}

// identity8 is the encoding 8bit, and every other that changes nothing.
type identity8 struct{}

func (identity8) decode(text []byte, emit func(byte, bool)) {
	for _, b := range text {
		emit(b, b == '\n')
	}
}

func (identity8) end(func(byte, bool)) {}

// base64Decoder ignores what is not of the alphabet.
type base64Decoder struct {
	bits  uint32
	count int // digits in bits
}

// base64Digit is the value of a digit; ok is false for what is none.
func base64Digit(b byte) (digit uint32, ok bool) {
	switch {
	case b >= 'A' && b <= 'Z':
		return uint32(b - 'A'), true
	case b >= 'a' && b <= 'z':
		return uint32(b-'a') + 26, true
	case b >= '0' && b <= '9':
		return uint32(b-'0') + 52, true
	case b == '+':
		return 62, true
	case b == '/':
		return 63, true
	}
	return 0, false
}

func (d *base64Decoder) decode(text []byte, emit func(byte, bool)) {
	for _, b := range text {
		digit, ok := base64Digit(b)
		if !ok {
			if b == '=' {
				d.end(emit)
			}
			continue
		}
		d.bits = d.bits<<6 | digit
		if d.count++; d.count == 4 {
			emit(byte(d.bits>>16), false)
			emit(byte(d.bits>>8), false)
			emit(byte(d.bits), false)
			d.count = 0
		}
	}
}

// end gives the bytes of a group that is not full.
func (d *base64Decoder) end(emit func(byte, bool)) {
	switch d.count {
	case 2:
		emit(byte(d.bits>>4), false)
	case 3:
		emit(byte(d.bits>>10), false)
		emit(byte(d.bits>>2), false)
	}
	d.count = 0
}

// blankMost is how much white space is held that may be at the end of a line.
const blankMost = 1 << 10

// quotedDecoder decodes quoted-printable (RFC 2045 section 6.7). White space at the
// end of a line goes, as rule 3 wants; "=" before what is no digit is itself.
type quotedDecoder struct {
	state quotedState
	digit byte
	blank []byte // white space that may be at the end of the line
}

type quotedState int

const (
	quotedText quotedState = iota
	quotedEquals
	quotedDigit
	quotedBreak // "=" and white space
)

func (d *quotedDecoder) decode(text []byte, emit func(byte, bool)) {
	for _, b := range text {
		d.take(b, emit)
	}
}

func (d *quotedDecoder) take(b byte, emit func(byte, bool)) {
	switch d.state {
	case quotedEquals:
		switch {
		case b == '\n':
			d.state = quotedText
			return
		case b == ' ' || b == '\t':
			d.state = quotedBreak
			d.hold(b, emit)
			return
		case hexDigit(b) >= 0:
			d.state, d.digit = quotedDigit, b
			return
		}
		d.literal(emit, '=')
	case quotedDigit:
		if low := hexDigit(b); low >= 0 {
			d.state = quotedText
			emit(byte(hexDigit(d.digit)<<4|low), false)
			return
		}
		d.literal(emit, '=', d.digit)
	case quotedBreak:
		switch {
		case b == '\n':
			d.state, d.blank = quotedText, d.blank[:0]
			return
		case (b == ' ' || b == '\t') && len(d.blank) < blankMost:
			d.hold(b, emit)
			return
		}
		d.literal(emit, '=')
	}
	d.plain(b, emit)
}

// plain takes a byte that is not part of what begins with "=".
func (d *quotedDecoder) plain(b byte, emit func(byte, bool)) {
	switch b {
	case ' ', '\t':
		d.hold(b, emit)
	case '\n':
		d.blank = d.blank[:0]
		emit('\n', true)
	case '=':
		d.release(emit)
		d.state = quotedEquals
	default:
		d.release(emit)
		emit(b, false)
	}
}

// literal gives bytes that looked like the start of a code.
func (d *quotedDecoder) literal(emit func(byte, bool), text ...byte) {
	d.state = quotedText
	for _, b := range text {
		emit(b, false)
	}
}

func (d *quotedDecoder) hold(b byte, emit func(byte, bool)) {
	if d.blank = append(d.blank, b); len(d.blank) > blankMost {
		d.release(emit)
	}
}

func (d *quotedDecoder) release(emit func(byte, bool)) {
	for _, b := range d.blank {
		emit(b, false)
	}
	d.blank = d.blank[:0]
}

func (d *quotedDecoder) end(emit func(byte, bool)) {
	if d.state == quotedDigit {
		d.literal(emit, '=', d.digit)
	}
	d.state, d.blank = quotedText, d.blank[:0]
}

func hexDigit(b byte) int {
	return strings.IndexByte("0123456789ABCDEF", upper(b))
}

func upper(b byte) byte {
	if b >= 'a' && b <= 'z' {
		return b - 'a' + 'A'
	}
	return b
}
