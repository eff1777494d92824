package migration

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// csvSource reads the bytes of an upload: at most MaxCSVBytes and one more,
// counted, and hashed when there is a key.
type csvSource struct {
	r      io.Reader
	digest hash.Hash // nil without a key
	bytes  int64
	ended  bool // the end of the upload was seen
	cut    bool // the upload broke off (io.ErrUnexpectedEOF)
	tooBig bool
	err    error // any other error of r
}

func newCSVSource(r io.Reader, key []byte) *csvSource {
	s := &csvSource{r: r}
	if len(key) > 0 {
		s.digest = hmac.New(sha256.New, key)
	}
	return s
}

// Read ends with io.EOF in every case; what ended it is in the fields.
func (s *csvSource) Read(p []byte) (int, error) {
	left := int64(MaxCSVBytes) + 1 - s.bytes
	if s.ended || s.err != nil || left <= 0 {
		return 0, io.EOF
	}
	n, err := s.r.Read(p[:min(int64(len(p)), left)])
	s.bytes += int64(n)
	s.tooBig = s.bytes > MaxCSVBytes
	if s.digest != nil {
		s.digest.Write(p[:n])
	}
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, io.ErrUnexpectedEOF):
		s.cut, s.ended = true, true
	case errors.Is(err, io.EOF):
		s.ended = true
	default:
		s.err = err
	}
	return n, io.EOF
}

// sum is the hash of the whole upload, empty when there is none.
func (s *csvSource) sum() string {
	if s.digest == nil || !s.ended || s.cut || s.tooBig {
		return ""
	}
	return hex.EncodeToString(s.digest.Sum(nil))
}

// sniffed is how much of a file is looked at to tell what it is.
const sniffed = 1024

// text tells from the first bytes what the upload is, and gives it as UTF-8
// without a byte order mark. Nil when it is not text; the problem says why.
func (s *csvSource) text() (*bufio.Reader, []Problem) {
	raw := bufio.NewReaderSize(s, 4*sniffed)
	start, _ := raw.Peek(sniffed)
	if kind := archiveKind(start); kind != "" {
		return nil, []Problem{{Code: CSVArchive, Text: "The file is " + kind + ", not CSV."}}
	}
	var notes []Problem
	switch {
	case bytes.HasPrefix(start, []byte("\xff\xfe\x00\x00")), bytes.HasPrefix(start, []byte("\x00\x00\xfe\xff")), looksLikeUTF16(start):
		return nil, []Problem{{Code: CSVUTF16}}
	case bytes.HasPrefix(start, []byte("\xff\xfe")), bytes.HasPrefix(start, []byte("\xfe\xff")):
		_, _ = raw.Discard(2)
		raw = bufio.NewReaderSize(&utf16Reader{r: raw, bigEndian: start[0] == 0xfe}, 4*sniffed)
		notes = append(notes, Problem{Code: CSVUTF16Read})
	case bytes.HasPrefix(start, []byte("\ufeff")):
		_, _ = raw.Discard(3)
		notes = append(notes, Problem{Code: CSVByteOrderMark})
	}
	start, _ = raw.Peek(sniffed)
	if kind := markupKind(start); kind != "" {
		return nil, []Problem{{Code: CSVMarkup, Text: "The file is " + kind + ", not CSV."}}
	}
	return raw, notes
}

// archiveKind knows the first bytes of what is uploaded by mistake.
func archiveKind(start []byte) string {
	has := func(magic string) bool { return bytes.HasPrefix(start, []byte(magic)) }
	switch {
	case has("PK\x03\x04") && (bytes.Contains(start, []byte("[Content_Types].xml")) || bytes.Contains(start, []byte("xl/"))):
		return "an Excel workbook (.xlsx)"
	case has("PK\x03\x04"), has("PK\x05\x06"):
		return "a ZIP archive"
	case has("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
		return "an Excel workbook (.xls)"
	case has("\x1f\x8b"):
		return "a gzip archive"
	case has("7z\xbc\xaf\x27\x1c"), has("Rar!\x1a\x07"), has("\xfd7zXZ\x00"), has("\x28\xb5\x2f\xfd"):
		return "an archive"
	case has("%PDF-"):
		return "a PDF document"
	}
	return ""
}

// markupKind tells HTML, XML and JSON by their first character: no header row
// starts with it.
func markupKind(start []byte) string {
	start = bytes.TrimLeftFunc(start, unicode.IsSpace)
	switch {
	case bytes.HasPrefix(start, []byte("<")):
		return "HTML or XML"
	case bytes.HasPrefix(start, []byte("{")), bytes.HasPrefix(start, []byte("[")):
		return "JSON"
	}
	return ""
}

// looksLikeUTF16 sees UTF-16 without a byte order mark: in text that is mostly
// ASCII every second byte is NUL.
func looksLikeUTF16(start []byte) bool {
	if len(start) < 4 || bytes.HasPrefix(start, []byte("\xff\xfe")) || bytes.HasPrefix(start, []byte("\xfe\xff")) {
		return false
	}
	var nul [2]int
	for i, c := range start {
		if c == 0 {
			nul[i%2]++
		}
	}
	pairs := len(start) / 2
	few, many := min(nul[0], nul[1]), max(nul[0], nul[1])
	return many*10 >= pairs*7 && few*10 <= pairs
}

// utf16Reader turns UTF-16 into UTF-8. Half a pair becomes the byte 0xFF, which
// is never valid, so that it is reported and not replaced in silence.
type utf16Reader struct {
	r         *bufio.Reader
	bigEndian bool
	out       []byte
	held      rune // a unit read ahead of its turn, -1 when none
	primed    bool
}

// Read implements io.Reader.
func (u *utf16Reader) Read(p []byte) (int, error) {
	if !u.primed {
		u.held, u.primed = -1, true
	}
	for len(u.out) < len(p) {
		r, ok := u.next()
		if !ok {
			break
		}
		if r < 0 {
			u.out = append(u.out, 0xff)
			continue
		}
		u.out = utf8.AppendRune(u.out, r)
	}
	n := copy(p, u.out)
	u.out = append(u.out[:0], u.out[n:]...)
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// next gives a character, or -1 for what is none; false at the end.
func (u *utf16Reader) next() (rune, bool) {
	first, ok := u.unit()
	if !ok || !utf16.IsSurrogate(first) {
		return first, ok
	}
	second, ok := u.unit()
	if !ok {
		return -1, true
	}
	if r := utf16.DecodeRune(first, second); r != unicode.ReplacementChar {
		return r, true
	}
	u.held = second
	return -1, true
}

// unit reads two bytes; half a unit at the end is -1.
func (u *utf16Reader) unit() (rune, bool) {
	if u.held != -1 {
		held := u.held
		u.held = -1
		return held, true
	}
	a, err := u.r.ReadByte()
	if err != nil {
		return 0, false
	}
	b, err := u.r.ReadByte()
	if err != nil {
		return -1, true
	}
	if u.bigEndian {
		return rune(a)<<8 | rune(b), true
	}
	return rune(b)<<8 | rune(a), true
}
