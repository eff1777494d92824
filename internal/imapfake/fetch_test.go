package imapfake

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
)

const letter = "Subject: one\r\n two\r\nFrom: \"A, B\" <a@b.c>\r\nMessage-ID: <x@y>\r\nSubject2: n\r\n\r\nbody\r\nend"

func TestFetch(t *testing.T) {
	_, m, c := connect(t, Options{})
	m.Deliver("INBOX", []byte(letter), epoch, `\Flagged`, "work")
	m.Deliver("INBOX", []byte("\r\nonly a body"), epoch)
	m.Deliver("INBOX", []byte("Only: a header"), epoch)
	c.ok("EXAMINE INBOX")
	header := letter[:strings.Index(letter, "body")]
	for _, f := range []struct{ items, want string }{
		{"FLAGS", `* 1 FETCH (FLAGS (\Flagged work \Recent))`},
		{"(INTERNALDATE RFC822.SIZE)", fmt.Sprintf(`* 1 FETCH (INTERNALDATE " 3-Feb-2020 04:05:06 +0100" RFC822.SIZE %d)`, len(letter))},
		{"BODY.PEEK[]", fmt.Sprintf("* 1 FETCH (BODY[] {%d}\r\n%s)", len(letter), letter)},
		{"RFC822", fmt.Sprintf("* 1 FETCH (RFC822 {%d}\r\n%s)", len(letter), letter)},
		{"BODY[HEADER]", fmt.Sprintf("* 1 FETCH (BODY[HEADER] {%d}\r\n%s)", len(header), header)},
		{"BODY[TEXT]", "* 1 FETCH (BODY[TEXT] {9}\r\nbody\r\nend)"},
		{"BODY[HEADER.FIELDS (subject \"Message-Id\")]", "* 1 FETCH (BODY[HEADER.FIELDS (subject Message-Id)] {41}\r\nSubject: one\r\n two\r\nMessage-ID: <x@y>\r\n\r\n)"},
		{"BODY[HEADER.FIELDS.NOT (subject From Message-ID)]", "* 1 FETCH (BODY[HEADER.FIELDS.NOT (subject From Message-ID)] {15}\r\nSubject2: n\r\n\r\n)"},
		{"BODY[]<2.4>", "* 1 FETCH (BODY[]<2> {4}\r\nbjec)"},
		{"BODY[TEXT]<7.100>", "* 1 FETCH (BODY[TEXT]<7> {2}\r\nnd)"},
		{"BODY[]<1000.100>", "* 1 FETCH (BODY[]<1000> {0}\r\n)"},
		{"BINARY.PEEK[]<0.3>", "* 1 FETCH (BINARY[]<0> {3}\r\nSub)"},
		{"ENVELOPE", `* 1 FETCH (ENVELOPE (NIL "one two" (("A, B" NIL "a" "b.c")) (("A, B" NIL "a" "b.c")) (("A, B" NIL "a" "b.c")) NIL NIL NIL NIL "<x@y>"))`},
	} {
		equals(t, c.do("FETCH 1 %s", f.items)[0], f.want)
	}
	equals(t, c.do("FETCH 2 BODY[HEADER]")[0], "* 2 FETCH (BODY[HEADER] {2}\r\n\r\n)")
	equals(t, c.do("FETCH 3 (BODY[TEXT] UID)")[0], "* 3 FETCH (UID 3 BODY[TEXT] {0}\r\n)")
	contains(t, c.ok("FETCH 1 FULL"), "ENVELOPE", "INTERNALDATE", "BODY (")
}

func TestFetchSets(t *testing.T) {
	_, m, c := connect(t, Options{})
	for range 6 {
		m.Deliver("INBOX", []byte("x"), epoch)
	}
	if err := m.Expunge("INBOX", 2, 4); err != nil {
		t.Fatal(err)
	}
	c.ok("SELECT INBOX")
	for _, f := range []struct{ command, want string }{
		{"FETCH 1:*", "1 3 5 6"}, {"FETCH *:3,1", "1 5 6"}, {"FETCH 4,1:2,2", "1 3 6"}, {"UID FETCH 2:4", "3"},
		{"UID FETCH 100:*", "6"}, {"UID FETCH 4", ""}, {"UID FETCH 7:8", ""}, {"UID FETCH *", "6"},
	} {
		var uids []string
		for _, text := range c.do("%s (UID)", f.command) {
			var seq, uid int
			if n, _ := fmt.Sscanf(text, "* %d FETCH (UID %d)", &seq, &uid); n == 2 {
				uids = append(uids, fmt.Sprint(uid))
			}
		}
		if got := strings.Join(uids, " "); got != f.want {
			t.Errorf("%s: got %s, want %s", f.command, got, f.want)
		}
	}
}

func TestFetchQuirks(t *testing.T) {
	personality := Generic()
	personality.Quirks = Quirks{UIDLast: true, SizePercent: 200}
	_, m, c := connect(t, Options{Personality: personality})
	m.Deliver("INBOX", []byte("abc"), epoch)
	c.ok("SELECT INBOX")
	equals(t, c.do("UID FETCH 1 (RFC822.SIZE BODY.PEEK[])")[0], "* 1 FETCH (RFC822.SIZE 6 BODY[] {3}\r\nabc UID 1)")
}

func TestGeneratedMessages(t *testing.T) {
	_, m, c := connect(t, Options{})
	const size = 5 << 20
	text := append([]byte("Subject: big\r\n\r\n"), bytes.Repeat([]byte("x"), size)...)[:size]
	m.DeliverGenerated("INBOX", size, func() io.Reader { return struct{ io.Reader }{bytes.NewReader(text)} }, epoch)
	c.ok("SELECT INBOX")
	contains(t, c.do("FETCH 1 BODY.PEEK[]")[0], string(text))
	equals(t, c.do("FETCH 1 BODY.PEEK[HEADER]")[0], "* 1 FETCH (BODY[HEADER] {16}\r\nSubject: big\r\n\r\n)")
	equals(t, c.do("FETCH 1 BODY.PEEK[TEXT]<0.3>")[0], "* 1 FETCH (BODY[TEXT]<0> {3}\r\nxxx)")
	equals(t, m.Messages("INBOX")[0].Sum, Sum(text))
}

func TestReadingMarksAsSeen(t *testing.T) {
	_, m, c := connect(t, Options{})
	m.Deliver("INBOX", []byte("abc"), epoch)
	c.ok("SELECT INBOX")
	contains(t, c.ok("FETCH 1 BODY[]"), `FLAGS (\Seen \Recent) BODY[]`)
	equals(t, strings.Join(m.Messages("INBOX")[0].Flags, " "), `\Seen`)
}

func TestStore(t *testing.T) {
	_, m, c := connect(t, Options{})
	m.Deliver("INBOX", []byte("a"), epoch)
	m.Deliver("INBOX", []byte("b"), epoch)
	c.ok("SELECT INBOX")
	contains(t, c.ok(`STORE 1:2 +FLAGS (\Seen work)`), `* 1 FETCH (FLAGS (\Seen work \Recent))`, `* 2 FETCH`)
	contains(t, c.ok(`UID STORE 1 -FLAGS \seen`), `* 1 FETCH (UID 1 FLAGS (work \Recent))`)
	equals(t, c.ok(`STORE 2 FLAGS.SILENT (\Draft)`), "OK STORE completed.")
	equals(t, strings.Join(m.Messages("INBOX")[1].Flags, " "), `\Draft`)
	c.bad("STORE 3 FLAGS ()")
	c.ok("UID STORE 3 FLAGS ()")
	c.ok("EXAMINE INBOX")
	c.no(`STORE 1 FLAGS ()`)
}

func TestConditionalStore(t *testing.T) {
	_, m, c := connect(t, Options{})
	m.Deliver("INBOX", []byte("a"), epoch)
	m.Deliver("INBOX", []byte("b"), epoch)
	contains(t, c.ok("SELECT INBOX (CONDSTORE)"), "[HIGHESTMODSEQ 3]")
	contains(t, c.ok(`UID STORE 1:2 (UNCHANGEDSINCE 2) +FLAGS.SILENT (\Seen)`), "* 1 FETCH (UID 1 MODSEQ (4))", "[MODIFIED 2]")
	equals(t, c.do("FETCH 1:* FLAGS (CHANGEDSINCE 3)")[0], `* 1 FETCH (FLAGS (\Seen \Recent) MODSEQ (4))`)
	equals(t, c.do("SEARCH MODSEQ 4")[0], "* SEARCH 1 (MODSEQ 4)")
	c.bad("UID FETCH 1:* FLAGS (CHANGEDSINCE 1 VANISHED)")
}

func TestQuickResync(t *testing.T) {
	_, m, c := connect(t, Options{})
	for range 5 {
		m.Deliver("INBOX", []byte("a"), epoch)
	}
	c.ok("ENABLE QRESYNC")
	c.ok("SELECT INBOX")
	if err := m.Expunge("INBOX", 2, 3); err != nil {
		t.Fatal(err)
	}
	contains(t, c.ok("NOOP"), "* VANISHED 2:3")
	contains(t, c.ok("UID FETCH 1:2 FLAGS (CHANGEDSINCE 6 VANISHED)"), "* VANISHED (EARLIER) 2")
	if err := m.SetFlags("INBOX", 5, `\Seen`); err != nil {
		t.Fatal(err)
	}
	got := c.ok("SELECT INBOX (QRESYNC (1700000001 6 1:10))")
	contains(t, got, "[CLOSED]", "* VANISHED (EARLIER) 2:3", `* 3 FETCH (UID 5 FLAGS (\Seen) MODSEQ (8))`)
	lacks(t, c.ok("SELECT INBOX (QRESYNC (99 6))"), "VANISHED")
}

func TestExpungeOfOthersWaits(t *testing.T) {
	s, m, c := connect(t, Options{})
	for range 3 {
		m.Deliver("INBOX", []byte("a"), epoch)
	}
	c.ok("SELECT INBOX")
	other := dial(t, s)
	other.ok("LOGIN u p")
	other.ok("SELECT INBOX")
	other.ok(`STORE 1 +FLAGS (\Deleted)`)
	contains(t, other.ok("EXPUNGE"), "* 1 EXPUNGE")
	got := c.ok("FETCH 1:3 UID")
	lacks(t, got, "* 1 FETCH (UID 1)", "EXPUNGE\n")
	contains(t, got, "* 2 FETCH (UID 2)", "* 3 FETCH (UID 3)", "[EXPUNGEISSUED]")
	lacks(t, c.ok("SEARCH ALL"), "EXPUNGE")
	m.Deliver("INBOX", []byte("a"), epoch)
	contains(t, c.ok("STORE 2 +FLAGS.SILENT (x)"), "* 4 EXISTS")
	got = c.ok("NOOP")
	contains(t, got, "* 1 EXPUNGE")
	lacks(t, got, "EXISTS")
	contains(t, c.ok("FETCH 3 UID"), "* 3 FETCH (UID 4)")
	contains(t, other.ok("NOOP"), "* 3 EXISTS", "* 1 FETCH (FLAGS (x))")
}

func TestExpungingManyAtOnce(t *testing.T) {
	_, m, c := connect(t, Options{})
	for range 100 {
		m.Deliver("INBOX", []byte("a"), epoch)
	}
	c.ok("SELECT INBOX")
	c.ok(`UID STORE 11:90 +FLAGS.SILENT (\Deleted)`)
	equals(t, strings.Count(c.ok("UID EXPUNGE 1:60"), "* 11 EXPUNGE"), 50)
	equals(t, m.Len("INBOX"), 50)
	c.ok("CLOSE")
	equals(t, m.Len("INBOX"), 20)
}

func TestCopyAndMove(t *testing.T) {
	_, m, c := connect(t, Options{})
	m.Deliver("INBOX", []byte("a"), epoch, `\Seen`, "work")
	m.Deliver("INBOX", []byte("b"), epoch)
	c.ok("CREATE to")
	validity := m.UIDValidity("to")
	c.ok("SELECT INBOX")
	contains(t, c.no("COPY 1 nowhere"), "[TRYCREATE]")
	contains(t, c.ok("UID COPY 1:2 to"), fmt.Sprintf("OK [COPYUID %d 1:2 1:2]", validity))
	got := m.Messages("to")[0]
	equals(t, strings.Join(got.Flags, " "), `\Seen work`)
	equals(t, got.Date.Equal(epoch), true)
	contains(t, c.ok("MOVE 1 to"), fmt.Sprintf("* OK [COPYUID %d 1 3]", validity), "* 1 EXPUNGE\nOK")
	equals(t, m.Len("INBOX"), 1)
	equals(t, m.Len("to"), 3)
	contains(t, c.ok("COPY 1 INBOX"), "* 2 EXISTS")
}

func TestSearch(t *testing.T) {
	_, m, c := connect(t, Options{})
	m.Deliver("INBOX", []byte("Subject: Hello\r\nDate: Mon, 3 Feb 2020 04:05:06 +0100\r\n\r\nworld"), epoch, `\Seen`)
	m.Deliver("INBOX", []byte("Message-ID: <two@x>\r\n\r\nlonger text than the other one"), epoch.AddDate(0, 1, 0), "work")
	m.Deliver("INBOX", []byte("x"), epoch.AddDate(1, 0, 0), `\Deleted`)
	if err := m.Expunge("INBOX", 3); err != nil {
		t.Fatal(err)
	}
	m.Deliver("INBOX", []byte("x"), epoch.AddDate(1, 0, 0), `\Deleted`)
	c.ok("SELECT INBOX")
	for query, want := range map[string]string{
		"ALL": " 1 2 3", "SEEN": " 1", "UNSEEN": " 2 3", "NOT SEEN": " 2 3", "OR SEEN DELETED": " 1 3",
		"KEYWORD work": " 2", "UNKEYWORD work UNDELETED": " 1", "SINCE 3-Mar-2020": " 2 3", "BEFORE 4-Feb-2020": " 1",
		"ON 3-Feb-2020": " 1", "HEADER Message-ID <two": " 2", "HEADER Subject \"\"": " 1", "SUBJECT hello": " 1",
		"BODY WORLD": " 1", "TEXT two@": " 2", "LARGER 20 (NOT SEEN)": " 2", "2:*": " 2 3", "UID 4": " 3", "SENTON 3-Feb-2020": " 1",
		"CHARSET UTF-8 SEEN": " 1", "NEW": " 2 3", "OLD": "", "OR (SEEN) (UID 4 DELETED)": " 1 3",
	} {
		if got := c.do("SEARCH %s", query)[0]; got != "* SEARCH"+want {
			t.Errorf("%s: got %q, want%s", query, got, want)
		}
	}
	equals(t, c.do("UID SEARCH DELETED")[0], "* SEARCH 4")
	contains(t, c.ok("UID SEARCH RETURN (ALL COUNT MIN MAX) ALL"), "UID COUNT 3 MIN 1 MAX 4 ALL 1:2,4")
	contains(t, c.ok("SEARCH RETURN () UID 99"), "* ESEARCH (TAG ")
}

func TestRenumberedFolderSaysBye(t *testing.T) {
	_, m, c := connect(t, Options{})
	m.Deliver("INBOX", []byte("a"), epoch)
	m.Deliver("INBOX", []byte("b"), epoch)
	if err := m.Expunge("INBOX", 1); err != nil {
		t.Fatal(err)
	}
	c.ok("SELECT INBOX")
	if err := m.SetUIDValidity("INBOX", 42); err != nil {
		t.Fatal(err)
	}
	c.send("x NOOP\r\n")
	contains(t, c.closed(), "* BYE Mailbox UIDVALIDITY changed")
	equals(t, m.Messages("INBOX")[0].UID, 1)
	equals(t, m.UIDValidity("INBOX"), 42)
}

func TestSelectAnswers(t *testing.T) {
	_, m, c := connect(t, Options{})
	m.Deliver("INBOX", []byte("a"), epoch, `\Seen`)
	m.Deliver("INBOX", []byte("a"), epoch)
	got := c.ok("SELECT INBOX")
	contains(t, got, "* 2 EXISTS", "* 2 RECENT", "[UNSEEN 2]", "[UIDVALIDITY 1700000001]", "[UIDNEXT 3]", "[HIGHESTMODSEQ 3]", "[READ-WRITE]",
		`[PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft \*)]`)
	got = c.ok("EXAMINE INBOX")
	contains(t, got, "* 0 RECENT", "[READ-ONLY]", "[PERMANENTFLAGS ()]")
	c.ok("UNSELECT")
	c.bad("CHECK")
	_, _, c = connect(t, Options{Personality: Courier()})
	lacks(t, c.ok("SELECT INBOX"), "UIDNEXT", "MODSEQ")
}
