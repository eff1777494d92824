package onlinetest

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// field is a field of a header, unfolded; a line that is no field has no name.
type field struct{ name, value string }

// parted are the fields of a header and the body. Lines end as they like.
func parted(raw []byte) (fields []field, body []byte) {
	for len(raw) > 0 {
		line, rest := cutLine(raw)
		raw = rest
		text := string(line)
		switch name, value, found := strings.Cut(text, ":"); {
		case text == "":
			return fields, raw
		case (text[0] == ' ' || text[0] == '\t') && len(fields) > 0:
			fields[len(fields)-1].value += text
		case found && fieldName.MatchString(name):
			fields = append(fields, field{name, value})
		default:
			fields = append(fields, field{"", text})
		}
	}
	return fields, nil
}

var fieldName = regexp.MustCompile(`^[!-9;-~]+[ \t]*$`)

// cutLine takes off a line that ends in CRLF, in CR or in LF.
func cutLine(raw []byte) (line, rest []byte) {
	at := bytes.IndexAny(raw, "\r\n")
	if at < 0 {
		return raw, nil
	}
	if bytes.HasPrefix(raw[at:], []byte("\r\n")) {
		return raw[:at], raw[at+2:]
	}
	return raw[:at], raw[at+1:]
}

// mayBeAdded are the fields that a repair may add, or may give another value, because
// it encodes the body.
var mayBeAdded = []string{"mime-version", "content-type", "content-transfer-encoding"}

// keepsMeaning is an error unless a repaired message says what the original says: the
// same fields in the same order with the same values, and the same body, once both
// are decoded (RFC 2045, RFC 2047) and without regard to NUL, line ends and white
// space. Bytes in a header that are no UTF-8 may be read in any charset.
func keepsMeaning(raw, fixed []byte) error {
	was, body := parted(raw)
	is, fixedBody := parted(fixed)
	encoding, fixedEncoding := encodingOf(was), encodingOf(is)
	was, is = withoutCoding(was), withoutCoding(is)
	for i := range max(len(was), len(is)) {
		switch {
		case i >= len(is):
			return fmt.Errorf("the field %q: %.60q is missing", was[i].name, was[i].value)
		case i >= len(was):
			return fmt.Errorf("the field %q: %.60q was added", is[i].name, is[i].value)
		case !strings.EqualFold(meaning(was[i].name), meaning(is[i].name)) || !sameText(was[i].value, is[i].value):
			return fmt.Errorf("the field %q: %.60q became %q: %.60q", was[i].name, was[i].value, is[i].name, is[i].value)
		}
	}
	before, after := meaning(decoded(body, encoding)), meaning(decoded(fixedBody, fixedEncoding))
	if before != after {
		at := 0
		for at < min(len(before), len(after)) && before[at] == after[at] {
			at++
		}
		return fmt.Errorf("the body differs from byte %d of %d on: %.40q became %.40q", at, len(before), before[at:], after[at:])
	}
	return nil
}

func encodingOf(fields []field) string {
	for _, f := range fields {
		if strings.EqualFold(strings.TrimSpace(f.name), "Content-Transfer-Encoding") {
			return strings.ToLower(strings.TrimSpace(f.value))
		}
	}
	return ""
}

func withoutCoding(fields []field) []field {
	return slices.DeleteFunc(slices.Clone(fields), func(f field) bool {
		return slices.Contains(mayBeAdded, strings.ToLower(strings.TrimSpace(f.name)))
	})
}

// decoded is a body without its transfer encoding; as it is, where that is broken.
func decoded(body []byte, encoding string) string {
	var plain []byte
	var err error
	switch encoding {
	case "quoted-printable":
		const longest = 1 << 20 // the reader takes no longer line than its buffer
		plain, err = io.ReadAll(quotedprintable.NewReader(bufio.NewReaderSize(bytes.NewReader(body), longest)))
	case "base64":
		plain, err = io.ReadAll(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(body)))
	default:
		return string(body)
	}
	if err != nil {
		return string(body)
	}
	return string(plain)
}

// meaning is text without white space and NUL.
func meaning(text string) string {
	return strings.Map(func(r rune) rune {
		if r == 0 || r == ' ' || r == '\t' || r == '\r' || r == '\n' {
			return -1
		}
		return r
	}, text)
}

// sameText compares values of fields.
func sameText(before, after string) bool {
	words := mime.WordDecoder{CharsetReader: func(_ string, in io.Reader) (io.Reader, error) { return in, nil }}
	for _, text := range []*string{&before, &after} {
		// Encoded words decode one by one: no spaces between them are kept.
		if plain, err := words.DecodeHeader(strings.ReplaceAll(*text, "\r\n", "")); err == nil {
			*text = plain
		}
	}
	if meaning(before) == meaning(after) {
		return true
	}
	if strings.ContainsFunc(before, func(r rune) bool { return r > unicode.MaxASCII }) {
		// Encoded words do not stand within quotes (RFC 2047 section 5).
		before, after = strings.ReplaceAll(before, `"`, ""), strings.ReplaceAll(after, `"`, "")
	}
	return meaning(before) == meaning(after) || !utf8.ValidString(before) && asciiOf(before) == asciiOf(after)
}

// asciiOf leaves out what is not printable ASCII, and what stands for it.
func asciiOf(text string) string {
	return strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII || r == '?' || r == '_' {
			return -1
		}
		return r
	}, meaning(text))
}

func TestTheOracleOfRepairs(t *testing.T) {
	const head = "Message-ID: <a@b>\r\n"
	for _, test := range []struct {
		name, raw, fixed string
		good             bool
	}{
		{"nothing", head + "\r\nx\r\n", head + "\r\nx\r\n", true},
		{"line ends", "A: b\nC: d\n\none\ntwo\r", "A: b\r\nC: d\r\n\r\none\r\ntwo\r\n", true},
		{"NUL", head + "\r\na\x00b", head + "\r\nab", true},
		{"folded", head + "X: " + strings.Repeat("y", 30) + "\r\n\r\n", head + "X: " + strings.Repeat("y", 20) + "\r\n " + strings.Repeat("y", 10) + "\r\n\r\n", true},
		{"encoded words", "Subject: utf-8 ä日\r\n\r\nx", "Subject: =?utf-8?q?utf-8_=C3=A4=E6=97=A5?=\r\n\r\nx", true},
		{"latin 1", "Subject: a \xe4 b\r\n\r\nx", "Subject: a =?iso-8859-1?q?=E4?= b\r\n\r\nx", true},
		{"quotes around what is encoded", "From: \"M\xfcller, J\" <a@b>\r\n\r\n", "From: =?iso-8859-1?q?M=FCller=2C_J?= <a@b>\r\n\r\n", true},
		{"quotes in UTF-8", "From: \"Müller, J\" <a@b>\r\n\r\n", "From: =?utf-8?q?M=C3=BCller=2C_J?= <a@b>\r\n\r\n", true},
		{"quotes lost", "From: \"A, J\" <a@b>\r\n\r\n", "From: A, J <a@b>\r\n\r\n", false},
		{"encoded body", head + "\r\nlong=ä line\r\n", head + "MIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nlong=3D=C3=A4=\r\n line\r\n", true},
		{"base64", head + "\r\nab", head + "Content-Transfer-Encoding: base64\r\n\r\nYWI=\r\n", true},
		{"a field lost", head + "X: y\r\n\r\nx", head + "\r\nx", false},
		{"a field added", head + "\r\nx", head + "X: y\r\n\r\nx", false},
		{"a field changed", "Subject: ä\r\n\r\nx", "Subject: ?\r\n\r\nx", false},
		{"ASCII lost", "Subject: a \xe4 b\r\n\r\nx", "Subject: a \r\n\r\nx", false},
		{"fields swapped", "A: b\r\nC: d\r\n\r\n", "C: d\r\nA: b\r\n\r\n", false},
		{"body cut", head + "\r\nxy\r\n", head + "\r\nx\r\n", false},
		{"encoded, not told", head + "\r\na=b\r\n", head + "\r\na=3Db\r\n", false},
		{"a byte lost with NUL", head + "\r\na\x00b", head + "\r\na", false},
	} {
		if err := keepsMeaning([]byte(test.raw), []byte(test.fixed)); (err == nil) != test.good {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}
