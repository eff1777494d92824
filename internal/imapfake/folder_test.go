package imapfake

import (
	"slices"
	"strings"
	"testing"
)

func TestNamePatterns(t *testing.T) {
	rules := &NameRules{Delimiter: "/"}
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "a/b", true}, {"%", "a/b", false}, {"%", "a", true}, {"a/%", "a/b", true}, {"a/%", "a/b/c", false},
		{"a*c", "a/b/c", true}, {"%/c", "a/b/c", false}, {"*/c", "a/b/c", true}, {"inbox", "INBOX", true},
		{"INBOX*", "INBOX/x", true}, {"%%", "ab", true}, {"*%", "a/b", true}, {"a%b*d", "axb/cd", true}, {"", "a", false},
		{"%x*y", "axb/y", true}, {"*a%b", "a/ab", true}, {"*a%b", "aa/b", false},
	} {
		if got := rules.matches(c.pattern, c.name); got != c.want {
			t.Errorf("%q matches %q: %v", c.pattern, c.name, got)
		}
	}
}

func TestFolders(t *testing.T) {
	t.Run("CREATE makes parents, INBOX has no case", func(t *testing.T) {
		_, m, c := connect(t, Options{})
		c.ok("CREATE a/b/c")
		c.no("CREATE a")
		c.no("CREATE inbox")
		c.ok("CREATE inbox/below/")
		equals(t, strings.Join(m.Folders(), " "), "INBOX INBOX/below a a/b a/b/c")
	})
	t.Run("DELETE leaves a parent as \\Noselect", func(t *testing.T) {
		_, _, c := connect(t, Options{})
		c.ok("CREATE a/b")
		c.ok("DELETE a")
		contains(t, c.ok(`LIST "" a`), `(\Noselect \HasChildren) "/" "a"`)
		c.no("SELECT a")
		c.no("DELETE a")
		c.ok("DELETE a/b")
		c.ok("DELETE a")
		c.no("DELETE inbox")
	})
	t.Run("RENAME takes children along and empties INBOX", func(t *testing.T) {
		_, m, c := connect(t, Options{})
		c.ok("CREATE a/b")
		m.Deliver("a/b", []byte("x"), epoch)
		validity := m.UIDValidity("a/b")
		c.ok("RENAME a z/y")
		equals(t, strings.Join(m.Folders(), " "), "INBOX z z/y z/y/b")
		equals(t, m.UIDValidity("z/y/b"), validity)
		m.Deliver("INBOX", []byte("x"), epoch)
		c.ok("RENAME INBOX old")
		equals(t, m.Len("INBOX"), 0)
		equals(t, m.Len("old"), 1)
		c.no("RENAME old z")
		c.no("RENAME z z/a")
	})
	t.Run("a folder made anew has a new UIDVALIDITY", func(t *testing.T) {
		_, m, c := connect(t, Options{})
		c.ok("CREATE a")
		before := m.UIDValidity("a")
		c.ok("DELETE a")
		c.ok("CREATE a")
		if m.UIDValidity("a") <= before {
			t.Error("UIDVALIDITY did not grow")
		}
	})
	t.Run("a deleted folder says BYE to who has it open", func(t *testing.T) {
		_, m, c := connect(t, Options{})
		c.ok("CREATE a")
		c.ok("SELECT a")
		if err := m.Delete("a"); err != nil {
			t.Fatal(err)
		}
		c.send("x NOOP\r\n")
		contains(t, c.closed(), "* BYE Selected mailbox was deleted")
	})
}

func TestList(t *testing.T) {
	_, m, c := connect(t, Options{})
	m.Create("Sent")
	m.Create("a/b")
	if err := m.SetSpecialUse("Sent", `\Sent`); err != nil {
		t.Fatal(err)
	}
	c.ok("SUBSCRIBE a/b")
	c.ok("SUBSCRIBE gone")
	m.Deliver("a/b", []byte("12345"), epoch)
	equals(t, c.do(`LIST "" ""`)[0], `* LIST (\Noselect) "/" ""`)
	equals(t, strings.Join(c.do(`LIST "" "%%"`), "|"),
		`* LIST (\HasNoChildren) "/" "INBOX"|* LIST (\HasNoChildren \Sent) "/" "Sent"|* LIST (\HasChildren) "/" "a"|OK LIST completed.`)
	equals(t, strings.Join(c.do(`LSUB "" "*"`), "|"), `* LSUB (\HasNoChildren) "/" "a/b"|* LSUB () "/" "gone"|OK LSUB completed.`)
	contains(t, c.ok(`LIST (SUBSCRIBED) "" "*"`), `(\HasNoChildren \Subscribed) "/" "a/b"`, `(\NonExistent \Subscribed) "/" "gone"`)
	contains(t, c.ok(`LIST (SPECIAL-USE) "" "*"`), `"Sent"`)
	got := c.ok(`LIST "a/" (%% x) RETURN (SUBSCRIBED CHILDREN SPECIAL-USE STATUS (MESSAGES UIDNEXT SIZE))`)
	contains(t, got, `* LIST (\HasNoChildren \Subscribed) "/" "a/b"`, `* STATUS "a/b" (MESSAGES 1 UIDNEXT 2 SIZE 5)`)
	c.bad(`LIST "" "*" RETURN (FROB)`)
	c.ok("UNSUBSCRIBE gone")
	equals(t, strings.Join(m.Subscribed(), " "), "a/b")
}

func TestStatus(t *testing.T) {
	personality := Generic()
	personality.Append.Limit = 1000
	_, m, c := connect(t, Options{Personality: personality})
	m.Deliver("INBOX", []byte("123"), epoch, `\Seen`)
	m.Deliver("INBOX", []byte("1234"), epoch)
	contains(t, c.ok("STATUS inbox (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ SIZE APPENDLIMIT)"),
		`* STATUS "INBOX" (MESSAGES 2 RECENT 2 UIDNEXT 3 UIDVALIDITY 1700000001 UNSEEN 1 HIGHESTMODSEQ 3 SIZE 7 APPENDLIMIT 1000)`)
	c.no("STATUS nowhere (MESSAGES)")
	c.bad("STATUS INBOX (FROB)")
	contains(t, c.ok("CAPABILITY"), "APPENDLIMIT=1000")
}

func TestPersonalitiesOfNames(t *testing.T) {
	t.Run("Exchange has no case and reserved names", func(t *testing.T) {
		_, m, c := connect(t, Options{Personality: ExchangeOnline()})
		c.no("CREATE %q", "sent items")
		contains(t, c.no("CREATE files"), "Folder name is reserved")
		c.ok("SELECT %q", "drafts")
		equals(t, slices.Contains(m.Folders(), "Junk Email"), true)
	})
	t.Run("Courier keeps all below INBOX.", func(t *testing.T) {
		_, m, c := connect(t, Options{Personality: Courier()})
		c.no("CREATE Sent")
		c.ok("CREATE INBOX.Sent.2020")
		equals(t, strings.Join(m.Folders(), " "), "INBOX INBOX.Sent.2020")
	})
	t.Run("Dovecot refuses names that are not modified UTF-7", func(t *testing.T) {
		_, _, c := connect(t, Options{Personality: Dovecot()})
		c.no("CREATE &broken")
		c.no("CREATE %q", "&AGE-")
		c.ok("CREATE Entw&APw-rfe")
		c.ok("CREATE R&-D")
		c.no("CREATE a/b")
	})
	t.Run("Gmail has special folders", func(t *testing.T) {
		_, _, c := connect(t, Options{Personality: Gmail()})
		contains(t, c.ok(`LIST "" "*"`), `(\Noselect \HasChildren) "/" "[Gmail]"`, `(\HasNoChildren \All) "/" "[Gmail]/All Mail"`)
		contains(t, c.ok("CAPABILITY"), "APPENDLIMIT=35651584")
	})
	t.Run("Minimal knows RFC 3501 only", func(t *testing.T) {
		_, _, c := connect(t, Options{Personality: Minimal()})
		c.bad("NAMESPACE")
		c.bad("UNSELECT")
		c.bad("UID MOVE 1 INBOX")
		got := c.ok("SELECT INBOX")
		lacks(t, got, "MODSEQ")
		contains(t, got, "UIDNEXT")
		c.bad("UID EXPUNGE 1")
	})
}
