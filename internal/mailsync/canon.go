package mailsync

import (
	"crypto/sha256"
	"hash"
	"slices"
	"strings"
	"unicode"
)

// canonFields are the fields of a message's header that its canonical fingerprint
// covers. The last one stands for lines that are no fields.
var canonFields = []string{"message-id", "date", "from", "to", "cc", "subject", "in-reply-to", "references", ""}

// valueHeld is how many bytes of a value, without white space, are put into
// canonical form at once. A longer value is taken in pieces of this size.
const valueHeld = 32 << 10

// piece is how many bytes are worked on at once.
const piece = 16 << 10

// canonHash makes a fingerprint of a message that stays the same when a server
// keeps the message in a form of its own and makes its text anew, as Exchange
// does, and when it is repaired (mender). It covers:
//
//   - of the message's header the fields of canonFields, by name and for each name
//     in order, decoded (RFC 2047), without white space, quotes and backslashes;
//   - lines in any header that are no fields;
//   - which parts there are, in what order and nesting;
//   - of each part that has no parts its media type and its decoded content in
//     plain form: line ends to LF, none at the end, no NUL.
//
// Other fields, parameters, boundaries, encodings, preambles and epilogues do not
// count; the text of a multipart that has no part does. Messages in messages are
// parts without parts. It holds less than 512 KiB, whatever the message is.
type canonHash struct {
	ends    lineEnds
	clean   []byte
	walk    walker
	fields  []hash.Hash // as canonFields
	value   []byte      // of the field under way
	solid   int         // bytes of value that are not white space
	form    hash.Hash   // parts, their order and their nesting
	content contentHash
	add     func(b byte, ended bool) // to content
	decode  decoder
	outside hash.Hash // the text before the first part of a multipart
}

func newCanonHash() *canonHash {
	c := &canonHash{form: sha256.New(), outside: sha256.New()}
	for range canonFields {
		c.fields = append(c.fields, sha256.New())
	}
	c.add = c.content.add
	c.walk.to(c)
	return c
}

// Write takes the next bytes of the message. It never fails.
func (c *canonHash) Write(message []byte) (int, error) {
	for part := range slices.Chunk(message, piece) {
		c.clean = c.ends.feed(c.clean[:0], part)
		c.walk.write(c.clean)
	}
	return len(message), nil
}

// sum ends the message and gives its fingerprint. It is called once.
func (c *canonHash) sum() (sum [sha256.Size]byte) {
	c.walk.write(c.ends.finish(c.clean[:0]))
	c.walk.finish()
	whole := sha256.New()
	for i, name := range canonFields {
		_, _ = whole.Write(c.fields[i].Sum([]byte(name + ":")))
	}
	_, _ = whole.Write(c.form.Sum(nil))
	whole.Sum(sum[:0])
	return sum
}

// field takes a field of the message's header, or a line in any header that is
// none, because in a text without a header that is all there is.
func (c *canonHash) field(e *entity, f fieldPiece) {
	at := slices.Index(canonFields, f.name)
	if at < 0 || e.depth > 0 && f.name != "" {
		return
	}
	into := c.fields[at]
	if e.depth > 0 {
		into = c.form
	}
	if f.first {
		c.value, c.solid = c.value[:0], 0
		f.raw = f.raw[f.value:]
	}
	for _, b := range f.raw {
		if b != ' ' && b != '\t' && b != '\n' {
			c.value = append(c.value, b)
			c.solid++
		} else if n := len(c.value); n > 0 && c.value[n-1] != ' ' {
			c.value = append(c.value, ' ')
		}
		if c.solid == valueHeld {
			_, _ = into.Write(canonValue(c.value))
			c.value, c.solid = c.value[:0], 0
		}
	}
	if f.last {
		_, _ = into.Write(append(canonValue(c.value), '\n'))
	}
}

// canonValue is the canonical form of a field's value. White space goes before
// encoded words are decoded too, because folding may have come into one.
func canonValue(value []byte) []byte {
	drop := func(r rune) rune {
		if r == '"' || r == '\\' || r == 0 || unicode.IsSpace(r) {
			return -1
		}
		return r
	}
	solid := strings.ReplaceAll(strings.ReplaceAll(textOf(value), " ", ""), "\t", "")
	return []byte(strings.Map(drop, decodedWords(solid)))
}

func (c *canonHash) headerEnd(e *entity, _ bool) {
	if e.boundary != "" {
		_, _ = c.form.Write([]byte("("))
		c.outside.Reset()
		return
	}
	_, _ = c.form.Write([]byte("leaf " + e.mediaType + "\n"))
	c.decode = decoderOf(e.encoding)
	c.content.reset()
}

func (c *canonHash) body(_ *entity, text []byte) {
	c.decode.decode(text, c.add)
}

// around takes the text of a multipart outside its parts.
func (c *canonHash) around(e *entity, text []byte) {
	if e.parts > 0 || e.closed {
		return
	}
	for word := range fieldsOf(text) {
		_, _ = c.outside.Write(word)
	}
}

func (c *canonHash) delimiter([]byte, bool) {}

func (c *canonHash) end(e *entity) {
	switch {
	case e.boundary == "":
		c.decode.end(c.add)
		_, _ = c.form.Write(c.content.digest())
	case e.parts == 0:
		_, _ = c.form.Write(c.outside.Sum([]byte("text ")))
		fallthrough
	default:
		_, _ = c.form.Write([]byte(")"))
	}
}

// contentHash hashes the decoded content of a part in plain form.
type contentHash struct {
	sum      hash.Hash
	ends     lineEnds
	newlines int // not hashed yet, because they may be the last
	raw      []byte
	clean    []byte
	out      []byte
}

func (h *contentHash) reset() {
	if h.sum == nil {
		h.sum = sha256.New()
	}
	h.sum.Reset()
	h.ends, h.newlines, h.raw = lineEnds{}, 0, h.raw[:0]
}

// add takes one decoded byte.
func (h *contentHash) add(b byte, _ bool) {
	if h.raw = append(h.raw, b); len(h.raw) == piece {
		h.flush()
	}
}

func (h *contentHash) flush() {
	h.clean = h.ends.feed(h.clean[:0], h.raw)
	h.raw = h.raw[:0]
	h.hash()
}

func (h *contentHash) hash() {
	h.out = h.out[:0]
	for _, b := range h.clean {
		if b == '\n' {
			h.newlines++
			continue
		}
		for ; h.newlines > 0; h.newlines-- {
			if h.out = append(h.out, '\n'); len(h.out) >= piece {
				_, _ = h.sum.Write(h.out)
				h.out = h.out[:0]
			}
		}
		h.out = append(h.out, b)
	}
	_, _ = h.sum.Write(h.out)
}

func (h *contentHash) digest() []byte {
	h.flush()
	h.clean = h.ends.finish(h.clean[:0])
	h.hash()
	return h.sum.Sum(nil)
}
