package imapfake

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"mime/quotedprintable"
	"regexp"
	"slices"
	"strings"
)

// Rewriting is how far a server makes messages anew that it keeps in a form of
// its own, as Exchange does. Whatever it does, these stay: the values of header
// fields but for white space, Message-ID byte for byte, the parts of the body
// with their decoded content, and everything inside multipart/signed, in parts
// that are messages, and in messages whose header has lines that are no fields.
type Rewriting string

// The ways to rewrite.
const (
	// AsSent keeps bytes.
	AsSent Rewriting = ""
	// RewriteHeaders orders and folds the header fields anew, changes
	// boundaries, and drops what is before the first part and behind the last.
	RewriteHeaders Rewriting = "headers"
	// RewriteEncodings also encodes text that is not encoded as
	// quoted-printable, and breaks base64 into lines of 76.
	RewriteEncodings Rewriting = "encodings"
)

// nestedMost is how deep parts of parts are rewritten.
const nestedMost = 20

// remade makes an arriving message anew, where the personality does so.
func (s *session) remade(one incoming) incoming {
	how := s.p.Append.Rewrite
	if how == AsSent || one.content.discarded || one.content.raw == nil {
		return one
	}
	raw := rewriteMessage(one.content.raw, how, s.p.Append.Added)
	one.content = &content{raw: raw, size: int64(len(raw)), appended: one.content.raw}
	return one
}

// rewriteMessage makes a message anew. added are header fields it gets.
func rewriteMessage(raw []byte, how Rewriting, added []string) []byte {
	e, ok := readEntity(raw)
	if !ok {
		return raw
	}
	e.rewrite(how, 0)
	for _, field := range added {
		name, _, _ := strings.Cut(field, ":")
		if e.field(name) == nil {
			e.fields = append(e.fields, &headerField{name: name, value: field})
		}
	}
	slices.SortStableFunc(e.fields, func(a, b *headerField) int { return a.rank() - b.rank() })
	return e.bytes()
}

// entity is a message or a part of one, taken apart.
type entity struct {
	fields []*headerField
	// body is what follows the empty line; ended says there was one.
	body  []byte
	ended bool
}

// headerField is a field of a header, unfolded: "Name: value".
type headerField struct{ name, value string }

var fieldStart = regexp.MustCompile(`^([!-9;-~]+)[ \t]*:`)

// readEntity takes an entity apart; not when its header has lines that are no
// fields.
func readEntity(raw []byte) (*entity, bool) {
	end := headerEnd(raw)
	e := &entity{body: raw[end:]}
	for line := range bytes.Lines(raw[:end]) {
		text := strings.TrimRight(string(line), "\r\n")
		switch found := fieldStart.FindStringSubmatch(text); {
		case text == "":
			e.ended = true
		case (text[0] == ' ' || text[0] == '\t') && len(e.fields) > 0:
			last := e.fields[len(e.fields)-1]
			last.value += " " + strings.TrimLeft(text, " \t")
		case found != nil:
			e.fields = append(e.fields, &headerField{name: found[1], value: text})
		default:
			return nil, false
		}
	}
	return e, len(e.fields) > 0 && e.ended
}

func (e *entity) field(name string) *headerField {
	i := slices.IndexFunc(e.fields, func(f *headerField) bool { return strings.EqualFold(f.name, name) })
	if i < 0 {
		return nil
	}
	return e.fields[i]
}

// content gives a field's value in lower case, empty when it is not there.
func (e *entity) content(name string) string {
	f := e.field(name)
	if f == nil {
		return ""
	}
	_, value, _ := strings.Cut(f.value, ":")
	return strings.ToLower(strings.TrimSpace(value))
}

// rank is where Exchange puts a field: trace, people, subject, date, identity,
// all others as they were, MIME.
func (f *headerField) rank() int {
	order := []string{"received", "from", "to", "cc", "bcc", "subject", "thread-topic", "thread-index", "date", "message-id", "references", "in-reply-to"}
	mime := []string{"content-type", "content-transfer-encoding", "content-disposition", "mime-version"}
	name := strings.ToLower(f.name)
	if i := slices.Index(order, name); i >= 0 {
		return i
	}
	if i := slices.Index(mime, name); i >= 0 {
		return len(order) + 1 + i
	}
	return len(order)
}

// folded is the field in lines of at most 76 where its spaces allow it. Runs of
// white space stay, and so does Message-ID.
func (f *headerField) folded() string {
	const width = 76
	if strings.EqualFold(f.name, "Message-ID") || strings.Contains(f.value, "  ") {
		return f.value + "\r\n"
	}
	var out strings.Builder
	column := 0
	for i, word := range strings.Split(f.value, " ") {
		switch {
		case i == 0:
		case i > 1 && column+1+len(word) > width && word != "":
			out.WriteString("\r\n\t")
			column = 1
		default:
			out.WriteByte(' ')
			column++
		}
		out.WriteString(word)
		column += len(word)
	}
	return out.String() + "\r\n"
}

func (e *entity) bytes() []byte {
	var out bytes.Buffer
	for _, f := range e.fields {
		out.WriteString(f.folded())
	}
	out.WriteString("\r\n")
	out.Write(e.body)
	return out.Bytes()
}

// rewrite makes the body anew, and what the header says of it.
func (e *entity) rewrite(how Rewriting, depth int) {
	kind := e.content("Content-Type")
	switch {
	case depth > nestedMost, strings.HasPrefix(kind, "multipart/signed"), strings.HasPrefix(kind, "message/"):
	case strings.HasPrefix(kind, "multipart/"):
		e.rewriteParts(how, depth)
	case how == RewriteEncodings && (kind != "" || depth == 0): // what a part without a type is depends on where it is
		e.encode(kind)
	}
}

var boundaryParameter = regexp.MustCompile(`(?i)(;\s*boundary\s*=\s*)("[^"\\]*"|[^\s;"]+)`)

// rewriteParts gives a multipart another boundary and rewrites its parts (RFC
// 2046 section 5.1). One that is not well-formed stays.
func (e *entity) rewriteParts(how Rewriting, depth int) {
	header := e.field("Content-Type")
	at := boundaryParameter.FindStringSubmatchIndex(header.value)
	if at == nil {
		return
	}
	old := strings.Trim(header.value[at[4]:at[5]], `"`)
	parts, ok := splitParts(e.body, old)
	if !ok {
		return
	}
	fresh := fmt.Sprintf("_%03d_%X_", depth, sha256.Sum256(append([]byte(old), e.body...)))[:40]
	var body bytes.Buffer
	for _, raw := range parts {
		body.WriteString("--" + fresh + "\r\n")
		if part, ok := readEntity(raw); ok {
			part.rewrite(how, depth+1)
			raw = part.bytes()
		}
		body.Write(raw)
		body.WriteString("\r\n")
	}
	body.WriteString("--" + fresh + "--\r\n")
	header.value = header.value[:at[4]] + `"` + fresh + `"` + header.value[at[5]:]
	e.body = body.Bytes()
}

// splitParts cuts a body at its delimiter lines. Each part is without the CRLF
// that belongs to the delimiter behind it. ok is false without a last one.
func splitParts(body []byte, boundary string) (parts [][]byte, ok bool) {
	if boundary == "" {
		return nil, false
	}
	start, at := -1, 0
	for line := range bytes.Lines(body) {
		text := strings.TrimRight(string(line), " \t\r\n")
		if text == "--"+boundary || text == "--"+boundary+"--" {
			if start >= 0 {
				parts = append(parts, withoutLineEnd(body[start:at]))
			}
			start = at + len(line)
			if strings.HasSuffix(text, boundary+"--") {
				return parts, len(parts) > 0
			}
		}
		at += len(line)
	}
	return nil, false
}

func withoutLineEnd(text []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
}

// encode gives a part without parts the transfer encoding that Exchange would
// choose (RFC 2045 section 6).
func (e *entity) encode(kind string) {
	switch e.content("Content-Transfer-Encoding") {
	case "", "7bit", "8bit":
		if kind != "" && !strings.HasPrefix(kind, "text/") || !onlyCRLF(e.body) {
			return
		}
		var out bytes.Buffer
		w := quotedprintable.NewWriter(&out)
		_, _ = w.Write(e.body) // a Buffer takes everything
		_ = w.Close()
		e.body = out.Bytes()
		e.set("Content-Transfer-Encoding", "quoted-printable")
		if kind == "" {
			e.set("Content-Type", "text/plain")
			e.set("MIME-Version", "1.0")
		}
	case "base64":
		text := bytes.NewReader(e.body)
		plain, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, text))
		if err != nil {
			return
		}
		var out bytes.Buffer
		for encoded := base64.StdEncoding.EncodeToString(plain); encoded != ""; {
			n := min(76, len(encoded))
			out.WriteString(encoded[:n] + "\r\n")
			encoded = encoded[n:]
		}
		e.body = out.Bytes()
	}
}

// onlyCRLF reports whether every line ends in CRLF, and no CR is elsewhere.
func onlyCRLF(text []byte) bool {
	pairs := bytes.Count(text, []byte("\r\n"))
	return bytes.Count(text, []byte("\n")) == pairs && bytes.Count(text, []byte("\r")) == pairs
}

func (e *entity) set(name, value string) {
	if f := e.field(name); f != nil {
		f.value = f.name + ": " + value
		return
	}
	e.fields = append(e.fields, &headerField{name: name, value: name + ": " + value})
}
