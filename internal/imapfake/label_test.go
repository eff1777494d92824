package imapfake

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// gmailWith is a mailbox with labels and a client that has signed in to it.
func gmailWith(t *testing.T, change func(*Personality)) (*Mailbox, *client) {
	t.Helper()
	p := Gmail()
	if change != nil {
		change(&p)
	}
	_, m, c := connect(t, Options{Personality: p})
	return m, c
}

func TestFoldersOfGmailAreViewsOfOneStore(t *testing.T) {
	m, c := gmailWith(t, nil)
	if err := m.SetUIDNext("[Gmail]/All Mail", 500); err != nil {
		t.Fatal(err)
	}
	id := m.DeliverLabelled([]byte("A: 1\r\n\r\n"), time.Unix(1e9, 0), []string{LabelInbox, LabelStarred, "Work/New York"})
	m.DeliverLabelled([]byte("A: 2\r\n\r\n"), time.Unix(1e9, 0), nil)
	m.DeliverLabelled([]byte("A: 3\r\n\r\n"), time.Unix(1e9, 0), []string{LabelSpam})
	for name, want := range map[string]int{"INBOX": 1, "Work/New York": 1, "Work": 0, "[Gmail]/Starred": 1, "[Gmail]/All Mail": 2, "[Gmail]/Spam": 1, "[Gmail]/Trash": 0} {
		equals(t, m.Len(name), want)
	}
	c.ok(`EXAMINE "[Gmail]/All Mail"`)
	contains(t, c.ok("UID FETCH 500 (X-GM-MSGID X-GM-LABELS FLAGS)"), fmt.Sprintf("X-GM-MSGID %d ", id), `(\Flagged`, `X-GM-LABELS ("Work/New York" "\\Inbox" "\\Starred")`)
	contains(t, c.ok("UID FETCH 501 (X-GM-THRID X-GM-LABELS)"), "X-GM-LABELS ()")
	contains(t, c.ok("UID SEARCH X-GM-LABELS %q", `Work/New York`), "500")
	c.ok("SELECT INBOX")
	contains(t, c.ok("UID FETCH 1 (X-GM-MSGID X-GM-LABELS)"), fmt.Sprintf("X-GM-MSGID %d ", id), `X-GM-LABELS ("Work/New York" "\\Starred")`)
}

func TestFlagsAndLabelsOfGmailAreThoseOfTheMessage(t *testing.T) {
	m, c := gmailWith(t, nil)
	m.DeliverLabelled([]byte("A: 1\r\n\r\n"), time.Unix(1e9, 0), []string{LabelInbox, "Work"})
	before := c.ok(`STATUS "[Gmail]/All Mail" (HIGHESTMODSEQ)`)
	c.ok("SELECT INBOX")
	c.ok(`UID STORE 1 +FLAGS (\Flagged \Seen)`)
	equals(t, m.Len("[Gmail]/Starred"), 1)
	equals(t, strings.Join(m.Messages("Work")[0].Flags, " "), `\Seen \Flagged`)
	contains(t, c.ok(`UID STORE 1 +X-GM-LABELS (Private "\\Important")`), `Private`)
	equals(t, m.Len("Private"), 1)
	equals(t, m.Len("[Gmail]/Important"), 1)
	c.ok(`UID STORE 1 +FLAGS (\Deleted)`)
	c.ok("EXPUNGE")
	equals(t, m.Len("INBOX"), 0)
	equals(t, m.Len("[Gmail]/All Mail"), 1)
	lacks(t, c.ok(`STATUS "[Gmail]/All Mail" (HIGHESTMODSEQ)`), before[strings.Index(before, "HIGHESTMODSEQ"):strings.Index(before, ")")+1])
	c.ok("SELECT Work")
	c.ok(`UID MOVE 1 "[Gmail]/Trash"`)
	equals(t, fmt.Sprint(m.Letters()[0].Labels), `[\Starred \Trash]`)
	for _, name := range []string{"Work", "Private", "[Gmail]/All Mail", "[Gmail]/Starred"} {
		equals(t, m.Len(name), 0)
	}
	c.ok(`SELECT "[Gmail]/Trash"`)
	c.ok("UID MOVE 1 INBOX")
	equals(t, fmt.Sprint(m.Letters()[0].Labels), `[\Inbox \Starred]`)
	equals(t, m.Len("[Gmail]/All Mail"), 1)
}

func TestGmailGivesAnIdenticalMessageOneMoreLabel(t *testing.T) {
	m, c := gmailWith(t, nil)
	c.ok("CREATE Work")
	c.ok("APPEND INBOX {3+}\r\nabc")
	c.ok("APPEND Work {3+}\r\nabc")
	equals(t, len(m.Letters()), 1)
	equals(t, m.Len("Work"), 1)
	c.ok("DELETE Work")
	equals(t, fmt.Sprint(m.Letters()[0].Labels), `[\Inbox]`)
}

func TestGmailShowsOnlyWhatItIsTold(t *testing.T) {
	m, c := gmailWith(t, func(p *Personality) { p.Limits.FolderMessages = 10 })
	for i := range 15 {
		m.DeliverLabelled(fmt.Appendf(nil, "A: %d\r\n\r\n", i), time.Unix(1e9, 0), []string{LabelInbox})
	}
	contains(t, c.ok("EXAMINE INBOX"), "* 10 EXISTS", "UIDNEXT 16")
	contains(t, c.ok("UID SEARCH ALL"), "SEARCH 6 7")
	m.Hide("[Gmail]/All Mail", true)
	lacks(t, c.ok(`LIST "" "*"`), "All Mail")
	c.no(`EXAMINE "[Gmail]/All Mail"`)
	m.Hide("[Gmail]/All Mail", false)
	contains(t, c.ok(`EXAMINE "[Gmail]/All Mail"`), "* 10 EXISTS")
}

func TestGmailSpeaksTheLanguageOfItsUser(t *testing.T) {
	for language, want := range map[string]string{"de": `\All) "/" "[Google Mail]/Alle Nachrichten"`, "fr": `\Sent) "/" "[Gmail]/Messages envoy&AOk-s"`, "en-GB": `\Trash) "/" "[Google Mail]/Bin"`} {
		_, _, c := connect(t, Options{Personality: GmailIn(language)})
		contains(t, c.ok(`LIST "" "*"`), want, `(\HasNoChildren) "/"`)
	}
}

func TestGmailEndsTheDayOfWhoMovesTooMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Gmail()
		p.Limits.Daily = &Daily{Down: 20_000}
		s := New(Options{Personality: p})
		defer s.Close()
		m := s.AddUser("anna", "secret")
		m.DeliverLabelled([]byte("A: 1\r\n\r\n"+strings.Repeat("x", 15_000)), time.Now(), nil)
		day := &m.day
		c := pipeTo(t, s)
		c.ok("LOGIN anna secret")
		c.ok(`EXAMINE "[Gmail]/All Mail"`)
		c.ok("UID FETCH 1 BODY.PEEK[]")
		c.ok("UID FETCH 1 BODY.PEEK[]")
		contains(t, c.no("NOOP"), "[OVERQUOTA] Account exceeded command or bandwidth limits")
		contains(t, c.closed(), "* BYE [OVERQUOTA]")
		c = pipeTo(t, s)
		contains(t, c.no("LOGIN anna secret"), "[OVERQUOTA]")
		time.Sleep(24 * time.Hour)
		c.ok("LOGIN anna secret")
		equals(t, day.down < 20_000, true)
		_ = c.conn.Close()
	})
}

// pipeTo is a client whose line is a pipe, for a bubble of testing/synctest.
func pipeTo(t *testing.T, s *Server) *client {
	t.Helper()
	near, far := net.Pipe()
	go s.Serve(far)
	c := over(t, near)
	c.read()
	return c
}
