package onlinetest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailhaul/mailhaul/bench/mailgen"
	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// sizeLimit is that of the target in the test of odd messages; hugeSize is more.
const (
	sizeLimit = 1 << 20
	hugeSize  = sizeLimit + 300<<10
)

// odd is the awkward mail and more that Exchange Online refuses, for one reason, for
// several at once, and just not.
func odd() mailgen.Corpus {
	corpus := mailgen.Awkward(23, mailgen.AwkwardOptions{NUL: true, Huge: hugeSize})
	add := func(name, raw string) {
		corpus.Messages = append(corpus.Messages, mailgen.Message{
			Folder: "Team Notes", Body: []byte(strings.ReplaceAll(raw, "$HEAD", "Message-ID: <"+name+"@example.org>\r\nSubject: "+name+"\r\n")),
			Date: time.Date(2018, 2, 1, 0, 0, len(corpus.Messages), 0, time.UTC), Flags: []string{`\Flagged`, "$Label1"},
		})
	}
	long := strings.Repeat("word ", 4000)
	add("the longest line", "$HEAD\r\n"+strings.Repeat("z", 10500)+"\r\n")
	add("one byte more", "$HEAD\r\n"+strings.Repeat("z", 10501)+"\r\n")
	add("a long line without an end", "$HEAD\r\n"+strings.Repeat("z", 10501))
	add("long words", "$HEAD\r\n"+long+"\r\n")
	add("a long field of words", "X-Words: "+long+"\r\n$HEAD\r\nx\r\n")
	add("many references", "References:"+strings.Repeat(" <0123456789abcdef@example.org>", 500)+"\r\n$HEAD\r\nx\r\n")
	add("everything at once", "To: J\xc3\xb6rg <a@example.org>\r\nX-Old: M\xfcller\r\n$HEAD\r\nnul \x00 and\n"+long+"\r\r\nend")
	add("NUL in the header", "X-Nul: a\x00b\r\n$HEAD\r\nx\r\n")
	add("latin 1 in an address", "From: \"M\xfcller, J\xf6rg\" <mueller@example.org>\r\n$HEAD\r\nx\r\n")
	add("8 bits without a name", "caf\xe9\r\n$HEAD\r\nx\r\n")
	add("quoted-printable that is long", "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\nMIME-Version: 1.0\r\n$HEAD\r\n"+strings.Repeat("=C3=A4 ", 2000)+"\r\n")
	add("base64 in one line", "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\nMIME-Version: 1.0\r\n$HEAD\r\n"+strings.Repeat("QUJD", 3000)+"\r\n")
	add("8-bit text that is long", "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\nMIME-Version: 1.0\r\n$HEAD\r\n"+strings.Repeat("ä ", 6000)+"\r\n")
	add("only a long line", strings.Repeat("y", 20000))
	add("only NUL", "\x00\x00\x00")
	add("nothing", "")
	return corpus
}

// online is Exchange Online as a target.
func online(how imapfake.Rewriting) maker {
	m := makers()[slices.IndexFunc(makers(), func(m maker) bool { return m.name == "Exchange Online" })]
	m.personality.Append.Rewrite, m.rewrites = how, how != imapfake.AsSent
	m.rules = append(slices.Clone(m.rules),
		rule{"more bytes than the mailbox takes", "the administrator sets the limit", func(m mailgen.Message) bool { return len(m.Body) > sizeLimit }},
		rule{"no byte", "no server takes it", func(m mailgen.Message) bool { return len(m.Body) == 0 }})
	return m
}

func TestOddMessagesArriveOrAreTold(t *testing.T) {
	t.Parallel()
	corpus := odd()
	for _, how := range []imapfake.Rewriting{imapfake.AsSent, imapfake.RewriteHeaders, imapfake.RewriteEncodings} {
		t.Run(fmt.Sprintf("rewriting %q", how), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newTwoHosts(t, makers()[0], online(how), corpus)
				p.target.box.SetMessageLimit(sizeLimit)
				p.copy(ledgerOf(t, openStore(t), user))
				p.judge()
				p.expectOnlyTheHopelessLeft()
			})
		})
	}
}

// expectOnlyTheHopelessLeft expects that all are at the target but one that is too large
// and those with nothing in them, and that the finding of a repair says what was changed.
func (p *twoHosts) expectOnlyTheHopelessLeft() {
	p.Helper()
	var left []string
	repaired := 0
	for _, f := range p.summary.Findings {
		switch f.Code {
		case migration.CodeRejected, migration.CodeTooLarge:
			left = append(left, fmt.Sprintf("%s, %d bytes", f.Code, f.Size))
		case migration.CodeRepaired:
			repaired++
			p.expectReason(f)
		}
	}
	slices.Sort(left)
	if len(left) != 3 || left[0] != migration.CodeRejected+", 0 bytes" || left[1] != migration.CodeRejected+", 3 bytes" || !strings.HasPrefix(left[2], migration.CodeTooLarge) {
		p.Errorf("left out are %v", left)
	}
	if n := p.refusedAsTheyAre() - 1; repaired != n { // of nothing but NUL nothing is left
		p.Errorf("%d messages were repaired, of %d that Exchange Online does not take as they are and that have something in them", repaired, n)
	}
}

// refusedAsTheyAre are the messages under a rule about their bytes.
func (p *twoHosts) refusedAsTheyAre() (n int) {
	for _, messages := range p.messages {
		for _, m := range messages {
			if (maker{rules: exchangeRules}).ruleFor(m) != nil {
				n++
			}
		}
	}
	return n
}

// expectReason expects the reason to name each change that the message needed.
func (p *twoHosts) expectReason(f migration.Finding) {
	p.Helper()
	for _, messages := range p.messages {
		m, ok := messages[f.UID]
		if !ok {
			continue
		}
		reason := strings.ToLower(f.Reason)
		if bytes.Contains(m.Body, []byte{0}) && !strings.Contains(reason, "nul") {
			p.Errorf("NUL was taken out, but the reason is %q", f.Reason)
		}
		if hasLongLine(10500)(m) && !strings.Contains(reason, "line") {
			p.Errorf("lines were broken, but the reason is %q", f.Reason)
		}
		if hasEightBitHeader(m) && !strings.Contains(reason, "header") {
			p.Errorf("the header was encoded, but the reason is %q", f.Reason)
		}
	}
}
