package imapfake

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Message is a copy of what a folder holds of one message. Raw is shared with
// the server and must not be changed; it is nil for generated and discarded
// messages.
type Message struct {
	UID    migration.UID
	Raw    []byte
	Size   int64
	Sum    [sha256.Size]byte
	Date   time.Time
	Flags  []string
	ModSeq uint64
	// Outlook are the flags that others than IMAP clients see; see
	// FlagRules.OnlyIMAP.
	Outlook []string
	// Appended are the bytes as the client sent them, where the server made
	// the message anew (AppendRules.Rewrite), and Raw where it did not.
	Appended []byte
}

// message is one message in one folder. uid, date and content never change;
// the rest is guarded by the mailbox, and flags are replaced, never modified.
type message struct {
	uid     migration.UID
	date    time.Time
	content *content
	flags   []string
	modSeq  uint64
	dead    bool
	// onlyIMAP are those of flags that only IMAP shows. A STORE replaces
	// them.
	onlyIMAP []string
	// original is what the message is a view of, on a server with labels.
	original *original
}

func (m *message) copy() Message {
	appended := m.content.appended
	if appended == nil {
		appended = m.content.raw
	}
	return Message{
		UID: m.uid, Raw: m.content.raw, Size: m.content.size, Sum: m.content.sum(),
		Date: m.date, Flags: slices.Clone(m.flags), ModSeq: m.modSeq, Appended: appended,
		Outlook: slices.DeleteFunc(slices.Clone(m.flags), func(flag string) bool { return hasFold(m.onlyIMAP, flag) }),
	}
}

// content is the bytes of a message, shared by its copies: held, generated, or
// gone but for their size and hash.
type content struct {
	raw      []byte
	generate func() io.Reader
	// appended is what a message was made of, nil when that is raw.
	appended []byte
	// head is what Options.KeepHeader kept of a discarded message.
	head      []byte
	discarded bool
	size      int64
	once      sync.Once
	digest    [sha256.Size]byte
}

func (c *content) sum() [sha256.Size]byte {
	c.once.Do(func() {
		if c.discarded {
			return
		}
		hash := sha256.New()
		_, _ = io.Copy(hash, c.open())
		hash.Sum(c.digest[:0])
	})
	return c.digest
}

// open reads the message from its start. What was discarded reads as its kept
// header.
func (c *content) open() io.Reader {
	switch {
	case c.generate != nil:
		return io.LimitReader(c.generate(), c.size)
	case c.discarded:
		return bytes.NewReader(c.head)
	}
	return bytes.NewReader(c.raw)
}

// header is everything up to and including the empty line.
func (c *content) header() []byte {
	if c.generate == nil {
		text := c.raw
		if c.discarded {
			text = c.head
		}
		return text[:headerEnd(text)]
	}
	const most = 1 << 20
	var header []byte
	in := bufio.NewReader(io.LimitReader(c.open(), most))
	for {
		line, err := in.ReadSlice('\n')
		header = append(header, line...)
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) || len(bytes.TrimRight(line, "\r\n")) == 0 {
			return header
		}
	}
}

// headerEnd is the offset behind the empty line that ends the header, the whole
// length when there is none (RFC 5322 section 2.1).
func headerEnd(text []byte) int {
	at := 0
	for at < len(text) {
		i := bytes.IndexByte(text[at:], '\n')
		if i < 0 {
			return len(text)
		}
		line := text[at : at+i]
		at += i + 1
		if len(line) == 0 || len(line) == 1 && line[0] == '\r' {
			return at
		}
	}
	return at
}

// fields filters a header by field names (BODY[HEADER.FIELDS (...)] and its
// NOT, RFC 3501 section 6.4.5), keeps their bytes, and ends with an empty line.
func fields(header []byte, names []string, not bool) []byte {
	var out []byte
	keep := false
	for line := range bytes.Lines(header) {
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			break
		}
		if line[0] != ' ' && line[0] != '\t' {
			name, _, _ := bytes.Cut(line, []byte(":"))
			keep = hasFold(names, strings.TrimRight(string(name), " \t")) != not
		}
		if keep {
			out = append(out, line...)
		}
	}
	return append(out, "\r\n"...)
}

// fieldValues gives the unfolded values of a header field.
func fieldValues(header []byte, name string) []string {
	var values []string
	var inside bool
	for line := range bytes.Lines(header) {
		text := strings.TrimRight(string(line), "\r\n")
		if text == "" {
			break
		}
		if text[0] == ' ' || text[0] == '\t' {
			if inside {
				values[len(values)-1] += text
			}
			continue
		}
		have, value, found := strings.Cut(text, ":")
		inside = found && strings.EqualFold(strings.TrimRight(have, " \t"), name)
		if inside {
			values = append(values, strings.TrimSpace(value))
		}
	}
	return values
}

// cleanFlags gives a flag list its stored form: no \Recent, nothing twice, and
// system flags in their usual spelling.
func cleanFlags(flags []string) []string {
	var out []string
	for _, flag := range flags {
		for _, system := range systemFlags(`\Recent`) {
			if strings.EqualFold(flag, system) {
				flag = system
			}
		}
		if flag != `\Recent` && !hasFold(out, flag) {
			out = append(out, flag)
		}
	}
	return out
}
