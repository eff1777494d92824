package mailsync

import (
	"bytes"
	"io"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// What Exchange says in the place of a message that it cannot convert, and how far
// down and how large such a message is.
var substituteText = []byte("Retrieval using the IMAP4 protocol failed for the following message")

const (
	substituteWithin = 4 << 10
	substituteMost   = 64 << 10
)

// genuine is the body of a message, unless a source that serves a message of its own
// in the place of one it cannot convert has done so: reading that is a fault of the
// message, before its first byte.
func (p *pass) genuine(body migration.Body) io.Reader {
	traits := p.sourceTraits.Load()
	if traits == nil || !traits.Substitutes || body.Size > substituteMost {
		return body.Reader
	}
	return &genuine{body: body.Reader}
}

type genuine struct {
	body   io.Reader
	looked bool
}

func (g *genuine) Read(p []byte) (int, error) {
	if !g.looked {
		g.looked = true
		start := make([]byte, substituteWithin)
		n, err := io.ReadFull(g.body, start)
		if bytes.Contains(start[:n], substituteText) {
			return 0, &migration.Fault{Class: migration.OneMessage, Code: migration.CodeSubstitute,
				Doing:  "reading the message: the source cannot convert it, and gave a message of its own in its place",
				Remedy: "Open the message in the old mailbox with Outlook or in the browser, and save or forward it; it is damaged for IMAP."}
		}
		rest := g.body
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			rest = failing{err}
		}
		g.body = io.MultiReader(bytes.NewReader(start[:n]), rest)
	}
	return g.body.Read(p)
}

// failing fails.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
