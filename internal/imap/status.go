package imap

import (
	"strings"
	"unicode"

	"github.com/mailhaul/mailhaul/internal/imap/wire"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// statusResponse is OK, NO, BAD, BYE or PREAUTH, tagged or not (RFC 3501
// section 7.1).
type statusResponse struct {
	// status is the upper-case word.
	status string
	// code is the upper-case name of the response code, arguments what follows
	// it within the brackets.
	code, arguments string
	// text is for people.
	text string
}

// parseStatus reads what follows the status word.
func parseStatus(status, rest string) statusResponse {
	s := statusResponse{status: strings.ToUpper(status)}
	rest = strings.TrimLeft(rest, " ")
	s.text = rest
	if !strings.HasPrefix(rest, "[") {
		return s
	}
	quoted := false
	for i := 1; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == ']' && !quoted:
			code, arguments, _ := strings.Cut(rest[1:i], " ")
			s.code, s.arguments = strings.ToUpper(code), strings.TrimSpace(arguments)
			s.text = strings.TrimLeft(rest[i+1:], " ")
			return s
		}
	}
	return s
}

// textMost is how much of a server's text is kept, in characters, and heardMost
// how much of it is looked at, in bytes.
const (
	textMost  = 300
	heardMost = 16 << 10
)

// clean makes a server's text fit to be shown: without secrets, without control
// and format characters (whoever dropped these later would put a secret that was
// split by them together again), and not too long.
func (c *conn) clean(text string) string {
	text = c.heard(text)
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	runes := []rune(strings.TrimSpace(text))
	if len(runes) > textMost {
		return string(runes[:textMost]) + "..."
	}
	return string(runes)
}

// words splits a list of capabilities. Whoever lists a secret there does not get
// it shown.
func (c *conn) words(text string) []string {
	return strings.Fields(strings.ToUpper(c.heard(text)))
}

// heard is what is looked at of a server's text. Secrets go before it is cut,
// because half a secret would not be known again.
func (c *conn) heard(text string) string {
	text = c.scrub.Scrub(text)
	return text[:min(len(text), heardMost)]
}

// The untagged responses, as they are offered to the commands in the queue.
type (
	capabilityResponse capabilities
	enabledResponse    []string
	flagsResponse      []string
	existsResponse     uint32
	idResponse         map[string]string
	namespaceResponse  []migration.Namespace
	searchResponse     struct {
		uids *wire.Ranges
		// malformed is why there are none.
		malformed error
	}
	vanishedResponse struct {
		earlier bool
		uids    migration.UIDSet
	}
	listResponse struct {
		folder     migration.Folder
		subscribed bool // LSUB
		inbox      bool
	}
	folderStatusResponse struct {
		raw    string
		status migration.FolderStatus
	}
)
