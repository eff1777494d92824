package onlinetest

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/mailhaul/mailhaul/bench/mailgen"
	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// maker is a make of server, with what it does to mail that is put into it. Whatever
// is not said here it has to keep bit for bit.
type maker struct {
	name        string
	personality imapfake.Personality
	// rewrites: what it stores is made anew, and judged by what it was given.
	rewrites bool
	// notSource: its folders are no places of messages, so that another test copies
	// from it.
	notSource bool
	// uses are the names of its folders of special use, of those it has.
	uses map[string]string
	// notMail are its folders that hold no mail; from there nothing is taken.
	notMail []string
	// refusesInNames are the characters that it takes in no name of a folder.
	refusesInNames string
	// trimsNames: names do not begin or end with a space. sameForms: names that
	// differ in their Unicode form or case alone are one.
	trimsNames, sameForms bool
	// shows are folders that show messages of others.
	shows []string
	rules []rule
}

// rule is an exception that a make, as a target, makes from keeping what it gets.
type rule struct {
	what, why string
	// applies tells whether a message is one of them: it arrives repaired, or not at
	// all, and there is a finding.
	applies func(mailgen.Message) bool
}

// exchangeRules are those of Exchange and Exchange Online. Two more are about flags:
// see noKeywords.
var exchangeRules = []rule{
	{"NUL", "Exchange refuses it", func(m mailgen.Message) bool { return bytes.Contains(m.Body, []byte{0}) }},
	{"a line of more than 10,500 bytes", "Exchange refuses it", hasLongLine(10500)},
	{"8-bit bytes in the header", "Exchange refuses them, as RFC 5322 section 2.2 knows none", hasEightBitHeader},
}

var cyrusRules = []rule{
	{"NUL", "Cyrus refuses it in a plain literal, as RFC 9051 section 4.3 forbids it", func(m mailgen.Message) bool { return bytes.Contains(m.Body, []byte{0}) }},
	{"bare LF", "Cyrus refuses it, as RFC 5322 section 2.3 forbids it", func(m mailgen.Message) bool {
		return bytes.Count(m.Body, []byte("\n")) > bytes.Count(m.Body, []byte("\r\n"))
	}},
	{"8-bit bytes in the header", "Cyrus refuses them, as RFC 5322 section 2.2 knows none", hasEightBitHeader},
}

var gmailRules = []rule{
	{"NUL", "Gmail ends the connection", func(m mailgen.Message) bool { return bytes.Contains(m.Body, []byte{0}) }},
}

// exchangeUses and the other names are those of folders of special use; usual are
// what they are called where the server does not care.
var (
	usual        = map[string]string{"Sent": "Sent", "Drafts": "Drafts", "Trash": "Trash", "Junk": "Junk", "Archive": "Archive"}
	exchangeUses = map[string]string{"Sent": "Sent Items", "Drafts": "Drafts", "Trash": "Deleted Items", "Junk": "Junk Email", "Archive": "Archive"}
	zimbraUses   = map[string]string{"Sent": "Sent", "Drafts": "Drafts", "Trash": "Trash", "Junk": "Junk"}
	gmailUses    = map[string]string{"Sent": "[Gmail]/Sent Mail", "Drafts": "[Gmail]/Drafts", "Trash": "[Gmail]/Trash", "Junk": "[Gmail]/Spam"}
)

var exchangeNotMail = []string{"Calendar", "Contacts", "Conversation History", "Journal", "Notes", "Outbox", "Tasks"}

// makers are all makes. Wildcards are refused in names by all of them.
func makers() []maker {
	const wild = "%*"
	exchange := func(name string, p imapfake.Personality) maker {
		return maker{name: name, personality: p, uses: exchangeUses, notMail: exchangeNotMail, refusesInNames: wild, trimsNames: true, sameForms: true, rules: exchangeRules}
	}
	rewriting := exchange("Exchange Online, rewriting", imapfake.ExchangeOnline())
	rewriting.personality.Append.Rewrite, rewriting.rewrites = imapfake.RewriteEncodings, true
	zimbra := maker{name: "Zimbra", personality: imapfake.Zimbra(), uses: zimbraUses, refusesInNames: wild}
	// Its address book and chats are no mail, and not shown to clients.
	zimbra.personality.Names.Folders = slices.DeleteFunc(slices.Clone(zimbra.personality.Names.Folders), func(f imapfake.FolderDefault) bool {
		return strings.HasSuffix(f.Name, "Contacts") || f.Name == "Chats"
	})
	return []maker{
		{name: "Generic", personality: imapfake.Generic(), refusesInNames: wild},
		{name: "Dovecot", personality: imapfake.Dovecot(), refusesInNames: wild},
		{name: "Cyrus", personality: imapfake.Cyrus(), refusesInNames: wild, rules: cyrusRules},
		{name: "Courier", personality: imapfake.Courier(), refusesInNames: wild},
		{name: "UW IMAP", personality: imapfake.UWIMAP(), refusesInNames: wild},
		zimbra,
		{name: "Mirapoint", personality: imapfake.Mirapoint(), refusesInNames: wild},
		{name: "Oracle", personality: imapfake.OracleMessaging(), refusesInNames: wild},
		{name: "Kerio", personality: imapfake.Kerio(), refusesInNames: wild},
		exchange("Exchange", imapfake.Exchange()),
		exchange("Exchange Online", imapfake.ExchangeOnline()),
		exchange("Exchange Online rev2", imapfake.ExchangeOnlineRev2()),
		rewriting,
		{name: "Gmail", personality: imapfake.Gmail(), notSource: true, uses: gmailUses, refusesInNames: wild + `^"\`,
			shows: []string{"[Gmail]/All Mail", "[Gmail]/Starred", "[Gmail]/Important"}, rules: gmailRules},
		{name: "Minimal", personality: imapfake.Minimal(), refusesInNames: wild},
	}
}

// noKeywords: the make keeps no keywords. Each folder that loses some has a finding.
func (m maker) noKeywords() bool { return !slices.Contains(m.personality.Flags.Permanent, `\*`) }

// mergesTwins: identical messages are one.
func (m maker) mergesTwins() bool { return m.personality.Append.MergeDuplicates }

// ruleFor is the rule that a message falls under, nil for none.
func (m maker) ruleFor(message mailgen.Message) *rule {
	for i := range m.rules {
		if m.rules[i].applies(message) {
			return &m.rules[i]
		}
	}
	return nil
}

// listed is the decoded name under which the server lists a path, which has "/"
// between its levels.
func (m maker) listed(path string) string {
	if path == "INBOX" {
		return path
	}
	return m.personality.Names.Prefix + strings.ReplaceAll(path, "/", m.personality.Names.Delimiter)
}

// raw is that name on the wire.
func (m maker) raw(path string) string { return encoded(m.listed(path)) }

// place is the path that a path of a source gets here. used is its special use, if
// it has one.
func (m maker) place(path, used string) string {
	if here, ok := m.uses[used]; ok {
		return here
	}
	if m.personality.Names.Prefix == "INBOX." {
		path = strings.TrimPrefix(path, "INBOX/") // everything is below INBOX
	}
	levels := strings.Split(path, "/")
	for i, level := range levels {
		if m.trimsNames {
			level = strings.TrimSpace(level)
		}
		levels[i] = level
	}
	if m.sameForms && path == composed {
		levels[0] += " (2)" // its twin has the name: it comes first
	}
	path = strings.Join(levels, "/")
	if !strings.ContainsAny(path, m.refusesInNames) {
		return path
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("\"%*\\.~&^#|<>?:!;{}`", r) || r > '\uffff' {
			return '_'
		}
		return r
	}, path)
}

// composed is a name of the awkward mail that has a twin in another Unicode form.
const composed = "Caf\u00e9"

// encoded is modified UTF-7 (RFC 3501 section 5.1.3).
func encoded(name string) string {
	alphabet := base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)
	var out strings.Builder
	var run []byte
	for _, r := range name + "\x00" {
		if r > 0x7e {
			for _, unit := range utf16.Encode([]rune{r}) {
				run = append(run, byte(unit>>8), byte(unit))
			}
			continue
		}
		if run != nil {
			out.WriteString("&" + alphabet.EncodeToString(run) + "-")
			run = nil
		}
		switch r {
		case 0:
		case '&':
			out.WriteString("&-")
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

func hasLongLine(most int) func(mailgen.Message) bool {
	return func(m mailgen.Message) bool {
		for line := range bytes.Lines(m.Body) {
			if len(bytes.TrimRight(line, "\r\n")) > most {
				return true
			}
		}
		return false
	}
}

// hasEightBitHeader looks as far as the first empty line, however lines end.
func hasEightBitHeader(m mailgen.Message) bool {
	for line := range bytes.Lines(m.Body) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return false
		}
		if slices.ContainsFunc(line, func(b byte) bool { return b >= 0x80 }) {
			return true
		}
	}
	return false
}

// systemFlags leaves keywords out.
func systemFlags(flags []string) []string {
	out := slices.DeleteFunc(slices.Clone(flags), func(flag string) bool { return !strings.HasPrefix(flag, `\`) })
	slices.Sort(out)
	return out
}

// keywordsOf are those that a finding has to tell of: $MDNSent says nothing of the
// mail, and is taken off without one.
func keywordsOf(m mailgen.Message) []string {
	return slices.DeleteFunc(slices.Clone(m.Flags), func(flag string) bool {
		return strings.HasPrefix(flag, `\`) || strings.EqualFold(flag, "$MDNSent")
	})
}

// toldCodes are those of findings about a message that did not arrive as it was.
var toldCodes = []string{migration.CodeRejected, migration.CodeTooLarge, migration.CodeLost, migration.CodeRepaired}
