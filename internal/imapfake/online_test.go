package imapfake

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func xoauth2(user, token string) string {
	return "AUTHENTICATE XOAUTH2 " + b64("user="+user+"\x01auth=Bearer "+token+"\x01\x01")
}

// tenant serves anna and ben at Exchange Online, to an application's token.
func tenant(t testing.TB, p Personality) (*Server, *Mailbox, *Tokens) {
	t.Helper()
	tokens := &Tokens{}
	tokens.Issue("app", time.Time{})
	s := serve(t, Options{Personality: p, Tokens: tokens})
	s.AddUser("ben@example.com", "own")
	return s, s.AddUser("anna@example.com", "own"), tokens
}

func TestTokensOpenMailboxesUntilTheyExpire(t *testing.T) {
	s, _, tokens := tenant(t, ExchangeOnline())
	tokens.Issue("old", time.Now().Add(-time.Second))
	tokens.Issue("hers", time.Now().Add(time.Hour), "anna@example.com")
	c := dial(t, s)
	for _, token := range []string{"unknown", "old"} {
		equals(t, c.no("%s", xoauth2("anna@example.com", token)), "NO AUTHENTICATE failed.")
	}
	equals(t, c.ok("%s", xoauth2("Anna@Example.com", "hers")), "OK AUTHENTICATE completed.")
	c.ok("SELECT INBOX")
	c = dial(t, s)
	c.ok("%s", xoauth2("ben@example.com", "hers"))
	equals(t, c.bad("SELECT INBOX"), notConnected)
	equals(t, tokens.Used("hers"), 2)
	equals(t, tokens.Used("old"), 0)

	t.Run("a session whose token is expired is cut at its next command", func(t *testing.T) {
		c := dial(t, s)
		c.ok("%s", xoauth2("anna@example.com", "app"))
		c.ok("SELECT INBOX")
		tokens.Expire("app")
		c.send("x APPEND INBOX {3+}\r\nabc\r\n")
		equals(t, c.closed(), "* BYE Session invalidated - AccessTokenExpired\r\n")
		equals(t, s.User("anna@example.com").Len("INBOX"), 0)
	})
	t.Run("other makes let it be", func(t *testing.T) {
		s, _, tokens := tenant(t, Gmail())
		c := dial(t, s)
		c.ok("%s", xoauth2("anna@example.com", "app"))
		tokens.Expire("app")
		c.ok("SELECT INBOX")
		tokens.Issue("hers", time.Time{}, "anna@example.com")
		c = dial(t, s)
		c.send("x " + xoauth2("ben@example.com", "hers") + "\r\n")
		contains(t, c.read(), "+ ")
		c.send("\r\n")
		contains(t, c.tagged("x")[0], "NO [AUTHENTICATIONFAILED]")
	})
}

func TestTokensExpireWithTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := &Tokens{}
		tokens.Issue("app", time.Now().Add(time.Hour))
		s := New(Options{Personality: ExchangeOnline(), Tokens: tokens})
		s.AddUser("u", "own")
		near, far := net.Pipe()
		var running sync.WaitGroup
		running.Go(func() { s.Serve(far) })
		c := over(t, near)
		c.read()
		c.ok("%s", xoauth2("u", "app"))
		time.Sleep(time.Hour - time.Second)
		c.ok("SELECT INBOX")
		time.Sleep(time.Second)
		c.send("a NOOP\r\n")
		contains(t, c.read(), "* BYE Session invalidated")
		s.Close()
		running.Wait()
	})
}

func TestAMailboxThatIsNotReady(t *testing.T) {
	for _, standing := range []Standing{NoAccess, Unlicensed, Disabled, Deleted} {
		t.Run(string(standing), func(t *testing.T) {
			s, m, _ := tenant(t, ExchangeOnline())
			before, after := dial(t, s), dial(t, s)
			before.ok("%s", xoauth2("anna@example.com", "app"))
			before.ok("SELECT INBOX")
			m.SetStanding(standing)
			after.ok("%s", xoauth2("anna@example.com", "app"))
			after.ok("CAPABILITY")
			for _, command := range []string{"NAMESPACE", `LIST "" "*"`, "SELECT INBOX", "STATUS INBOX (MESSAGES)"} {
				equals(t, after.bad("%s", command), notConnected)
			}
			equals(t, before.bad("FETCH 1:* FLAGS"), notConnected)
			equals(t, before.bad("APPEND INBOX {1+}\r\nx"), notConnected)
			equals(t, m.Len("INBOX"), 0)
			m.SetStanding(Ready)
			before.ok("APPEND INBOX {1+}\r\nx")
		})
	}
	t.Run("a mailbox that never was", func(t *testing.T) {
		s, _, _ := tenant(t, ExchangeOnline())
		c := dial(t, s)
		c.ok("%s", xoauth2("nobody@example.com", "app"))
		for range 10 {
			equals(t, c.bad("NAMESPACE"), notConnected)
		}
		contains(t, c.closed(), "* BYE Connection closed. 14")
		equals(t, s.Counts().MostErrors, 10)
	})
	t.Run("with an answer of its own for IMAP that is off", func(t *testing.T) {
		p := ExchangeOnline()
		p.Admin.Disabled = "NO $COMMAND failed."
		s, m, _ := tenant(t, p)
		m.SetStanding(Disabled)
		equals(t, dial(t, s).no("%s", xoauth2("anna@example.com", "app")), "NO AUTHENTICATE failed.")
		equals(t, dial(t, s).no("LOGIN anna@example.com own"), "NO LOGIN failed.")
	})
	t.Run("on another make", func(t *testing.T) {
		s, m, c := connect(t, Options{Personality: Dovecot()})
		m.SetStanding(Deleted)
		contains(t, dial(t, s).no("LOGIN u p"), "[AUTHENTICATIONFAILED]")
		contains(t, c.no("SELECT INBOX"), "[UNAVAILABLE]")
	})
	t.Run("a wrong password that shows late", func(t *testing.T) {
		p := Exchange()
		p.Admin.LatePassword = true
		_, c := staff(t, p)
		c.ok("LOGIN anna wrong")
		equals(t, c.bad("SELECT INBOX"), notConnected)
	})
}

func TestTheNewerExchangeOnline(t *testing.T) {
	s, _, _ := tenant(t, ExchangeOnlineRev2())
	address, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	c := dialRaw(t, address)
	contains(t, c.read(), "* OK Microsoft Exchange IMAP4 service ready. ", "(tcpproxy/15.21.")
	before := c.ok("CAPABILITY")
	contains(t, before, " LOGINDISABLED ", "AUTH=XOAUTH2")
	lacks(t, before, "AUTH=PLAIN", "rev2")
	equals(t, c.no("LOGIN anna@example.com own"), "NO LOGIN failed.")
	c.ok("%s", xoauth2("anna@example.com", "app"))
	contains(t, c.ok("CAPABILITY"), " ENABLE IMAP4rev2 ", " BACKENDAUTHENTICATE BACKENDAUTHENTICATE-IR ")
	c.ok("SELECT INBOX")
	contains(t, c.ok("UID SEARCH ALL"), "* SEARCH")
	equals(t, c.bad("UID SEARCH RETURN (ALL) ALL"), badArgument)
	equals(t, s.Counts().Commands["ENABLE"], 0)
	contains(t, c.ok("ENABLE IMAP4rev2"), "* ENABLED IMAP4rev2")
	equals(t, c.bad("UID SEARCH ALL"), badArgument)
	equals(t, s.Counts().Commands["ENABLE"], 1)
	c = dial(t, s)
	c.no("%s", plain("", "anna@example.com", "own"))
}

func TestWhatExchangeOnlineHasNot(t *testing.T) {
	_, _, c := connect(t, Options{Personality: ExchangeOnline()})
	lacks(t, c.ok("CAPABILITY"), "SPECIAL-USE", "MULTIAPPEND", "CONDSTORE", "QRESYNC", "ESEARCH", "APPENDLIMIT", "COMPRESS", "LIST-", "ENABLE")
	lacks(t, c.ok(`LIST "" "*"`), `\Sent`, `\Trash`)
	equals(t, c.bad("ENABLE CONDSTORE"), "BAD Command Error. 12")
	equals(t, c.bad("FETCH 1 FLAGS"), "BAD Command received in Invalid state.")
	equals(t, c.bad("LOGIN u p"), "BAD Command received in Invalid state.")
	equals(t, c.bad("SELECT INBOX extra"), badArgument)
	equals(t, c.no("SELECT Nowhere"), "NO Mailbox doesn't exist: Nowhere")
	contains(t, c.no("APPEND Nowhere {1+}\r\nx"), "NO [TRYCREATE]")
}

func TestFolderNamesOfExchangeOnline(t *testing.T) {
	_, m, c := connect(t, Options{Personality: ExchangeOnline()})
	contains(t, c.ok(`LIST "" "*"`), `"Calendar"`, `"Conversation History"`, `"Outbox"`, `"Junk Email"`)
	equals(t, c.no("CREATE Files"), "NO Folder name is reserved")
	equals(t, c.no("CREATE fILES"), "NO Folder name is reserved")
	c.ok("CREATE Files_renamed")
	equals(t, c.no(`CREATE "deleted items"`), "NO Mailbox already exists")
	c.ok(`SELECT "DRAFTS"`)
	equals(t, c.bad(`CREATE "Work "`), badArgument)
	equals(t, c.bad(`CREATE "Work /Old"`), badArgument)
	equals(t, c.bad(`RENAME Files_renamed "Files "`), badArgument)
	c.ok(`CREATE " Work/Old stuff"`)
	equals(t, slices.Contains(m.Folders(), " Work/Old stuff"), true)
}

func TestLanguagesOfMailboxes(t *testing.T) {
	if n := len(Languages()); n < 15 {
		t.Fatalf("%d languages", n)
	}
	s := serve(t, Options{Personality: ExchangeOnline()})
	for _, language := range Languages() {
		names := DefaultFolders(language)
		equals(t, len(names), len(exchangeFolders))
		m := s.AddUser(language, "p")
		if err := m.SetLanguage(language); err != nil {
			t.Fatal(err)
		}
		c := dial(t, s)
		c.ok("LOGIN %s p", language)
		for english, name := range names {
			if english != name {
				c.no("SELECT %q", english)
			}
			if decoded, ok := decodeUTF7(encodeUTF7(name)); !ok || decoded != name {
				t.Errorf("%q became %q", name, decoded)
			}
			c.ok("SELECT %s", quote(encodeUTF7(name)))
		}
		equals(t, len(m.Folders()), len(exchangeFolders)+1)
	}
	m := s.User("de-DE")
	m.Deliver("Gesendete Elemente", []byte("x"), epoch)
	if err := m.SetLanguage("fr-FR"); err != nil {
		t.Fatal(err)
	}
	equals(t, m.Len("&AMk-l&AOk-ments envoy&AOk-s"), 1)
	if err := m.SetLanguage("tlh"); err == nil || !strings.Contains(err.Error(), "de-DE") {
		t.Errorf("got %v", err)
	}
	m.Create("Archief")
	if err := m.SetLanguage("nl-NL"); err == nil {
		t.Error("a folder was replaced")
	}
}

func TestFlagsThatOutlookDoesNotSee(t *testing.T) {
	_, m, c := connect(t, Options{Personality: ExchangeOnline()})
	c.ok("APPEND INBOX (\\Flagged \\Seen $MDNSent) {1+}\r\nx")
	c.ok("SELECT INBOX")
	contains(t, c.ok("FETCH 1 FLAGS"), `\Flagged \Seen $MDNSent`)
	outlook := func() string { return strings.Join(m.Messages("INBOX")[0].Outlook, " ") }
	equals(t, outlook(), `\Seen $MDNSent`)
	c.ok("UID STORE 1 +FLAGS (\\Answered)")
	equals(t, outlook(), `\Seen $MDNSent \Answered`)
	c.ok("UID STORE 1 +FLAGS.SILENT (\\Flagged)")
	equals(t, outlook(), `\Flagged \Seen $MDNSent \Answered`)
	equals(t, c.bad("APPEND INBOX ($Forwarded) {1+}\r\nx"), badArgument)
	equals(t, c.bad("UID STORE 1 +FLAGS ($Forwarded)"), badArgument)
	_, m, c = connect(t, Options{})
	c.ok("APPEND INBOX (\\Flagged) {1+}\r\nx")
	equals(t, strings.Join(m.Messages("INBOX")[0].Outlook, " "), `\Flagged`)
}

func TestMessagesThatExchangeOnlineRefuses(t *testing.T) {
	_, m, c := connect(t, Options{Personality: ExchangeOnline()})
	for name, raw := range map[string]string{
		"NUL":           "A: b\r\n\r\n\x00\r\n",
		"8-bit header":  "Subject: \xe4\r\n\r\n\r\n",
		"a long line":   "A: b\r\n\r\n" + strings.Repeat("x", 10501),
		"a long header": "A: " + strings.Repeat("x", 10500) + "\r\n\r\n",
	} {
		if got := c.bad("APPEND INBOX {%d+}\r\n%s", len(raw), raw); got != badArgument {
			t.Errorf("%s: %q", name, got)
		}
	}
	c.ok("APPEND INBOX {10+}\r\nA: b\r\n\r\n\xc3\xa4")
	m.SetMessageLimit(35)
	equals(t, c.no("APPEND INBOX {36+}\r\n%s", strings.Repeat("x", 36)), "NO Maximum size of appendable message has been exceeded")
	c.ok("APPEND INBOX {35+}\r\n%s", strings.Repeat("x", 35))
	m.SetQuota(46)
	equals(t, c.no("APPEND INBOX {2+}\r\nxx"), "NO The mailbox has exceeded its storage quota.")
	c.ok("APPEND INBOX {1+}\r\nx")
}

func TestAppendUIDThatIsSometimesAbsent(t *testing.T) {
	p := ExchangeOnline()
	p.Append.NoUIDEach = 3
	_, m, c := connect(t, Options{Personality: p})
	var told []bool
	for range 6 {
		told = append(told, strings.Contains(c.ok("APPEND INBOX {1+}\r\nx"), "APPENDUID"))
	}
	equals(t, fmt.Sprint(told), "[true true false true true false]")
	equals(t, m.Len("INBOX"), 6)
}

func TestMessagesThatExchangeCannotGive(t *testing.T) {
	s, m, c := connect(t, Options{Personality: ExchangeOnline()})
	for range 3 {
		m.Deliver("INBOX", []byte("Message-ID: <1@x>\r\n\r\nbody\r\n"), epoch)
	}
	s.SetFaults(Unretrievable("INBOX", 2), Rule{Folder: "INBOX", UID: 3, Do: Action{Kind: OmitBody}})
	c.ok("SELECT INBOX")
	got := c.ok("UID FETCH 2 (BODY.PEEK[HEADER.FIELDS (SUBJECT MESSAGE-ID)] BODY.PEEK[])")
	contains(t, got, "Subject: Retrieval using the IMAP4 protocol failed for the following message: 2\r\n", "couldn't retrieve the following message")
	lacks(t, got, "Message-ID")
	contains(t, c.ok("UID FETCH 3 (FLAGS RFC822.SIZE)"), "* 3 FETCH")
	equals(t, c.ok("UID FETCH 3 (FLAGS BODY.PEEK[])"), "OK FETCH completed.")
	contains(t, c.ok("UID FETCH 1 BODY.PEEK[]"), "body")
}

func TestMostConnectionsOfAMailbox(t *testing.T) {
	s, m, _ := tenant(t, ExchangeOnline())
	m.SetMaxConnections(1)
	dial(t, s).ok("%s", xoauth2("anna@example.com", "app"))
	equals(t, dial(t, s).no("%s", xoauth2("anna@example.com", "app")), "NO AUTHENTICATE failed.")
	dial(t, s).ok("%s", xoauth2("ben@example.com", "app"))
}

func TestThrottlingByBADAndBYE(t *testing.T) {
	for _, c := range []struct{ answer, want string }{
		{"BAD", "BAD Request is throttled. Suggested Backoff Time: 3600000 milliseconds"},
		{"BYE", "* BYE Request is throttled. Suggested Backoff Time: 3600000 milliseconds"},
	} {
		p := ExchangeOnline()
		p.Limits.Throttle = &Throttle{Commands: []string{"SELECT"}, Burst: 1, Backoff: time.Hour,
			Answer: c.answer + " Request is throttled. Suggested Backoff Time: %d milliseconds"}
		s, _, cl := connect(t, Options{Personality: p})
		cl.ok("SELECT INBOX")
		cl.send("x SELECT INBOX\r\n")
		contains(t, cl.read(), c.want)
		if c.answer == "BYE" {
			equals(t, cl.closed(), "")
			continue
		}
		equals(t, s.Counts().MostErrors, 1)
	}
}

func TestOddFormsOfExchangesAnswers(t *testing.T) {
	p := ExchangeOnline()
	p.Quirks.BareCodes, p.Quirks.UIDVaries = true, true
	_, m, c := connect(t, Options{Personality: p})
	m.Deliver("INBOX", []byte("x"), epoch)
	m.Deliver("INBOX", []byte("x"), epoch)
	got := c.ok("SELECT INBOX")
	contains(t, got, "* [UIDNEXT 3]", "* [UIDVALIDITY ", "* [PERMANENTFLAGS (")
	lacks(t, got, "* OK [")
	contains(t, c.ok("UID FETCH 1:2 (UID FLAGS)"), "* 1 FETCH (UID 1 FLAGS (\\Recent))", "* 2 FETCH (FLAGS (\\Recent) UID 2)")
}
