package mailsync

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// The fields whose values have a form: lists of addresses, MIME parameters, and
// single words.
var (
	addressFields = []string{"from", "sender", "reply-to", "to", "cc", "bcc",
		"resent-from", "resent-sender", "resent-reply-to", "resent-to", "resent-cc", "resent-bcc", "disposition-notification-to"}
	parameterFields = []string{"content-type", "content-disposition"}
	wordFields      = []string{"content-transfer-encoding", "mime-version"}
)

// asciiField gives a field, or a piece of one, without bytes above 127. They go into
// encoded words (RFC 2047): UTF-8 where they are that, else ISO-8859-1. In lists of
// addresses only names and comments are encoded as far as they are told apart, and
// parameters get the form of RFC 2231. Where nothing of that can be, as in a media
// type, the bytes go.
func asciiField(f fieldPiece) []byte {
	w := &wordWriter{}
	value := f.raw
	if f.first {
		w.raw(value[:f.value])
		value = value[f.value:]
	}
	value, ended := bytes.CutSuffix(value, lineEnd)
	switch {
	case slices.Contains(addressFields, f.name):
		w.addresses(value)
	case slices.Contains(parameterFields, f.name) && f.first && f.last:
		w.parameters(value)
	case slices.Contains(wordFields, f.name):
		w.raw(without8Bit(value))
	default:
		w.text(value)
		// A line that is no field must not become one, as a word before " :" would.
		if name, _ := fieldName(w.out); f.name == "" && f.first && name != "" {
			w.out = w.out[:0]
			w.mixed(value)
		}
	}
	if ended {
		w.raw(lineEnd)
	}
	return w.out
}

func without8Bit(text []byte) []byte {
	return slices.DeleteFunc(slices.Clone(text), func(b byte) bool { return b >= utf8.RuneSelf })
}

// wordMost is the longest encoded word (RFC 2047 section 2), and the length of lines
// that have one.
const wordMost = 75

// wordWriter writes values, some of whose words are encoded.
type wordWriter struct{ out []byte }

func (w *wordWriter) raw(text []byte) { w.out = append(w.out, text...) }

// column is how long the line under way is.
func (w *wordWriter) column() int { return len(w.out) - 1 - bytes.LastIndexByte(w.out, '\n') }

// text writes text whose words with bytes above 127 are encoded, with the white
// space between them, because readers leave that out. Encoded words stay.
func (w *wordWriter) text(value []byte) {
	for len(value) > 0 {
		n, white := nextWord(value)
		if white || !has8Bit(value[:n]) {
			w.raw(value[:n])
			value = value[n:]
			continue
		}
		for end := n; end < len(value); {
			gap, _ := nextWord(value[end:])
			if end += gap; end == len(value) {
				break
			}
			word, _ := nextWord(value[end:])
			if !has8Bit(value[end : end+word]) {
				break
			}
			end += word
			n = end
		}
		w.mixed(value[:n])
		value = value[n:]
	}
}

// nextWord is the length of the word or of the white space at the start of text.
func nextWord(text []byte) (n int, white bool) {
	white = isWhite(text[0])
	for n < len(text) && isWhite(text[n]) == white {
		n++
	}
	return n, white
}

// mixed encodes text but for the encoded words in it.
func (w *wordWriter) mixed(text []byte) {
	for len(text) > 0 {
		start := bytes.Index(text, []byte("=?"))
		for start >= 0 && !isEncodedWord(text[start:]) {
			next := bytes.Index(text[start+2:], []byte("=?"))
			if next < 0 {
				start = next
				break
			}
			start += next + 2
		}
		if start < 0 {
			w.encode(text)
			return
		}
		n := encodedWord(string(text[start:]))
		w.encode(text[:start])
		w.apart()
		w.raw(text[start : start+n])
		if text = text[start+n:]; len(text) > 0 {
			w.raw([]byte(" "))
		}
	}
}

// isEncodedWord reports whether text begins with an encoded word in ASCII.
func isEncodedWord(text []byte) bool {
	word := text[:encodedWord(string(text))]
	return bytes.HasSuffix(word, []byte("?=")) && bytes.Count(word, []byte("?")) == 4 && !has8Bit(word) && !bytes.ContainsAny(word, " \t\n")
}

// encode puts text into encoded words of one charset each.
func (w *wordWriter) encode(text []byte) {
	text = bytes.ReplaceAll(text, lineEnd, nil)
	for len(text) > 0 {
		n, unicode := oneCharset(text)
		w.words(text[:n], unicode)
		text = text[n:]
	}
}

// oneCharset is the length of the text at the start that is all UTF-8, or that has
// none but ASCII.
func oneCharset(text []byte) (n int, unicode bool) {
	decided := false
	for n < len(text) {
		r, size := utf8.DecodeRune(text[n:])
		if r >= utf8.RuneSelf {
			valid := r != utf8.RuneError || size > 1
			if decided && valid != unicode {
				return n, unicode
			}
			decided, unicode = true, valid
		}
		n += size
	}
	return n, unicode
}

// words writes encoded words, whole characters in each (RFC 2047 section 5).
func (w *wordWriter) words(text []byte, unicode bool) {
	start := "=?iso-8859-1?q?"
	if unicode {
		start = "=?utf-8?q?"
	}
	word := []byte(start)
	for len(text) > 0 {
		size := 1
		if unicode {
			_, size = utf8.DecodeRune(text)
		}
		var coded []byte
		for _, b := range text[:size] {
			coded = appendQ(coded, b)
		}
		if len(word)+len(coded)+2 > wordMost {
			w.word(word)
			word = append(word[:0], start...)
		}
		word = append(word, coded...)
		text = text[size:]
	}
	w.word(word)
}

// appendQ appends a byte in the encoding "Q" as it may be in a phrase (RFC 2047
// section 5, rule 3).
func appendQ(out []byte, b byte) []byte {
	switch {
	case b == ' ':
		return append(out, '_')
	case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9':
		return append(out, b)
	}
	return appendCoded(out, '=', b)
}

// word writes an encoded word, on a line of its own where the line is too long.
func (w *wordWriter) word(word []byte) {
	w.apart()
	if column := w.column(); column+len(word)+2 > wordMost+1 && column > 1 {
		if last := len(w.out) - 1; w.out[last] == ' ' || w.out[last] == '\t' {
			w.out = append(w.out[:last], '\n', w.out[last])
		}
	}
	w.raw(word)
	w.raw([]byte("?="))
}

// apart writes a space behind an encoded word or a quoted one, because another must
// not touch it.
func (w *wordWriter) apart() {
	if n := len(w.out); n > 0 && !isWhite(w.out[n-1]) && !strings.ContainsRune("(<,;:@", rune(w.out[n-1])) {
		w.raw([]byte(" "))
	}
}

// addresses writes a list of addresses (RFC 5322 section 3.4).
func (w *wordWriter) addresses(value []byte) {
	for len(value) > 0 {
		n := addressPiece(value)
		one := value[:n]
		value = value[n:]
		switch {
		case !has8Bit(one):
			w.raw(one)
			continue
		case one[0] == '"':
			w.encode(unquoted(bytes.TrimSuffix(one[1:], []byte(`"`))))
		case one[0] == '(':
			inner, closing := ended(one[1:], ')')
			w.raw([]byte("("))
			w.encode(unquoted(inner))
			w.raw(closing)
		case one[0] == '<':
			inner, closing := ended(one[1:], '>')
			w.raw([]byte("<"))
			w.address(inner)
			w.raw(closing)
			continue
		default:
			w.text(one)
			continue
		}
		if len(value) > 0 && !isWhite(value[0]) && value[0] != ',' && value[0] != ')' {
			w.raw([]byte(" "))
		}
	}
}

// ended divides text before the character that ends it, if that is there.
func ended(text []byte, end byte) (inner, closing []byte) {
	if n := len(text); n > 0 && text[n-1] == end {
		return text[:n-1], text[n-1:]
	}
	return text, nil
}

// address writes an address whose local part or domain has bytes above 127. No form
// for that exists without SMTPUTF8 (RFC 6532), so an encoded word stands there.
func (w *wordWriter) address(text []byte) {
	for i, half := range bytes.Split(text, []byte("@")) {
		if i > 0 {
			w.raw([]byte("@"))
		}
		w.text(half)
	}
}

// addressPiece is the length of the quoted string, comment, address in angle
// brackets or other text at the start of value.
func addressPiece(value []byte) int {
	closing, depth := map[byte]byte{'"': '"', '(': ')', '<': '>'}[value[0]], 0
	for i := 0; i < len(value); i++ {
		switch b := value[i]; {
		case closing == 0 && (b == '"' || b == '(' || b == '<'):
			return i
		case closing == 0 && (b == ',' || b == ';' || b == ':'):
			return i + 1
		case closing == 0:
		case b == '\\':
			i++
		case b == closing && i > 0 && depth <= 1:
			return i + 1
		case b == closing && i > 0:
			depth--
		case b == '(' && closing == ')':
			depth++
		}
	}
	return len(value)
}

// unquoted is text without the backslashes that quote characters.
func unquoted(text []byte) []byte {
	var out []byte
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) {
			i++
		}
		out = append(out, text[i])
	}
	return out
}
