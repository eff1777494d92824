package fidelitytest

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/bench/mailgen"
	"github.com/mailhaul/mailhaul/rigs/courierrig"
	"github.com/mailhaul/mailhaul/rigs/cyrusrig"
	"github.com/mailhaul/mailhaul/rigs/dovecotrig"
	"github.com/mailhaul/mailhaul/rigs/rig"
)

// system is a kind of server, with what it does to mail that is put into it. Whatever
// is not said here it has to keep bit for bit.
type system struct {
	name  string
	start func(*testing.T) *rig.Mail
	// separator and prefix are those of its folders.
	separator, prefix string
	// subscribesINBOX: the server subscribes everybody to the INBOX; subscribesNew:
	// and whoever makes a folder to that.
	subscribesINBOX, subscribesNew bool
	// forgetsSubscriptions: of two connections that subscribe at once, one may be in
	// vain, because the server rewrites its list without a lock.
	forgetsSubscriptions bool
	// makesLevels: the levels above a new folder become folders, too.
	makesLevels bool
	// refusesInNames are the characters that it takes in no folder's name.
	refusesInNames string
	rules          []rule
}

// rule is an exception that a system makes from keeping what it gets.
type rule struct {
	what, why string
	// applies tells whether a message is one of them.
	applies func(mailgen.Message) bool
	// mends is the repair after which it is taken; nil where there is none.
	mends func([]byte) []byte
	// keeps is what becomes of it; nil means that it is refused.
	keeps func(mailgen.Message) mailgen.Message
}

var dovecot = system{
	name:      "Dovecot",
	start:     func(t *testing.T) *rig.Mail { return dovecotrig.StartT(t, dovecotrig.Options{}).Mail },
	separator: "/",
	rules: []rule{
		{what: "line ends other than CRLF", why: "Dovecot keeps line ends as LF and serves CRLF, as RFC 3501 wants of messages",
			applies: bodyHas("\n"), keeps: bodyBy(func(body []byte) []byte {
				body = bytes.ReplaceAll(body, []byte("\r\r\n"), []byte("\n"))
				return bytes.ReplaceAll(bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
			})},
		{what: "NUL", why: "RFC 9051 section 4.3 has no NUL outside literal8; Dovecot serves it as 0x80",
			applies: bodyHas("\x00"), keeps: bodyBy(func(body []byte) []byte { return bytes.ReplaceAll(body, []byte{0}, []byte{0x80}) })},
		{what: "a date in the future", why: "Dovecot stores the present instead",
			applies: func(m mailgen.Message) bool { return m.Date.After(time.Now()) }, keeps: present},
	},
}

var cyrus = system{
	name:            "Cyrus",
	start:           func(t *testing.T) *rig.Mail { return cyrusrig.StartT(t, cyrusrig.Options{}).Mail },
	separator:       "/",
	subscribesINBOX: true,
	makesLevels:     true,
	refusesInNames:  "!\"%;<>\\^`{|}",
	rules: []rule{
		{what: "bare LF", why: "Cyrus refuses it, as RFC 5322 section 2.3 forbids it", applies: func(m mailgen.Message) bool {
			return bytes.Count(m.Body, []byte("\n")) > bytes.Count(m.Body, []byte("\r\n"))
		}, mends: func(body []byte) []byte {
			return bytes.ReplaceAll(bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
		}},
		{what: "NUL", why: "Cyrus refuses it in a plain literal, as RFC 9051 section 4.3 forbids it", applies: bodyHas("\x00"), mends: func(body []byte) []byte {
			return bytes.ReplaceAll(body, []byte("\x00"), nil)
		}},
		{what: "a header that is none", why: "Cyrus refuses a header line without a colon, as RFC 5322 section 2.2 wants one",
			applies: func(m mailgen.Message) bool {
				head, _ := parts(m.Body)
				for line := range bytes.Lines(head) {
					if !bytes.ContainsAny(line[:1], " \t") && !bytes.Contains(line, []byte(":")) {
						return true
					}
				}
				return false
			}},
		{what: "8-bit bytes in a header", why: "Cyrus writes X for them (munge8bit), as RFC 5322 section 2.2 knows none",
			applies: func(m mailgen.Message) bool {
				head, _ := parts(m.Body)
				return bytes.ContainsFunc(head, func(r rune) bool { return r >= 0x80 })
			},
			keeps: bodyBy(func(body []byte) []byte {
				head, rest := parts(body)
				head = bytes.Clone(head)
				for i, b := range head {
					if b >= 0x80 {
						head[i] = 'X'
					}
				}
				return append(head, rest...)
			})},
	},
}

var courier = system{
	name:                 "Courier",
	start:                func(t *testing.T) *rig.Mail { return courierrig.StartT(t, courierrig.Options{}).Mail },
	separator:            ".",
	prefix:               "INBOX.",
	subscribesINBOX:      true,
	subscribesNew:        true,
	forgetsSubscriptions: true,
	refusesInNames:       "\U0001F600",
	rules: []rule{
		{what: "line ends other than CRLF, also at the end", why: "Courier takes every CR away, keeps lines by LF and serves CRLF after each",
			applies: func(mailgen.Message) bool { return true }, keeps: bodyBy(func(body []byte) []byte {
				body = bytes.ReplaceAll(body, []byte("\r"), nil)
				if !bytes.HasSuffix(body, []byte("\n")) {
					body = append(body, '\n')
				}
				return bytes.ReplaceAll(body, []byte("\n"), []byte("\r\n"))
			})},
	},
}

func bodyHas(part string) func(mailgen.Message) bool {
	return func(m mailgen.Message) bool { return bytes.Contains(m.Body, []byte(part)) }
}

func bodyBy(change func([]byte) []byte) func(mailgen.Message) mailgen.Message {
	return func(m mailgen.Message) mailgen.Message {
		m.Body = change(m.Body)
		return m
	}
}

// present stands for the time of the test, whatever that is.
func present(m mailgen.Message) mailgen.Message {
	m.Date = time.Unix(0, 0)
	return m
}

// parts are the header with its line ends and the rest of a message.
func parts(body []byte) (head, rest []byte) {
	if bytes.HasPrefix(body, []byte("\r\n")) {
		return nil, body
	}
	if at := bytes.Index(body, []byte("\r\n\r\n")); at >= 0 {
		return body[:at+2], body[at+2:]
	}
	return body, nil
}

// put is what a system makes of a message: what it keeps, and whether it refuses it.
func (s system) put(m mailgen.Message) (kept mailgen.Message, refused bool) {
	for _, r := range s.rules {
		switch {
		case !r.applies(m):
		case r.keeps == nil:
			return m, true
		default:
			m = r.keeps(m)
		}
	}
	return m, false
}

// mended is what a message becomes on its way to a system that refuses it as it is, and
// whether that helps.
func (s system) mended(m mailgen.Message) (kept mailgen.Message, helps bool) {
	for _, r := range s.rules {
		if r.mends != nil && r.applies(m) {
			m.Body = r.mends(m.Body)
			if kept, refused := s.put(m); !refused {
				return kept, true
			}
		}
	}
	return m, false
}

// refusesName tells whether a folder can have no such name.
func (s system) refusesName(name string) bool { return strings.ContainsAny(name, s.refusesInNames) }

// plainName is the name that a folder gets whose own is refused.
func (s system) plainName(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(s.refusesInNames, r) {
			return '_'
		}
		return r
	}, name)
}

// place is the name, with "/" between levels, that a folder has by the namespace: where
// all are below INBOX, one that is below INBOX elsewhere is beside the others.
func (s system) place(name string) string {
	if s.prefix != "" {
		return strings.TrimPrefix(name, "INBOX/")
	}
	return name
}

// raw is the decoded name as the server lists it.
func (s system) raw(name string) string {
	if name == "INBOX" {
		return name
	}
	return s.prefix + strings.ReplaceAll(name, "/", s.separator)
}
