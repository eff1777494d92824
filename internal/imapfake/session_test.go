package imapfake

import (
	"crypto/tls"
	"encoding/base64"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestSigningIn(t *testing.T) {
	options := Options{Masters: map[string]string{"root": "secret"}}
	for name, command := range map[string]string{
		"LOGIN takes quoted strings":           `LOGIN "u" "p\"q"`,
		"LOGIN takes a master behind a star":   `LOGIN u*root secret`,
		"PLAIN with an initial response":       "AUTHENTICATE PLAIN " + b64("\x00u\x00p\"q"),
		"PLAIN with an authorisation identity": "AUTHENTICATE PLAIN " + b64("u\x00root\x00secret"),
		"XOAUTH2":                              "AUTHENTICATE XOAUTH2 " + b64("user=u\x01auth=Bearer p\"q\x01\x01"),
		"OAUTHBEARER":                          "AUTHENTICATE OAUTHBEARER " + b64("n,a=u,\x01host=h\x01auth=Bearer p\"q\x01\x01"),
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, options)
			s.AddUser("u", `p"q`)
			c := dial(t, s)
			contains(t, c.ok("%s", command), "[CAPABILITY IMAP4rev1", "MULTIAPPEND")
			c.ok("SELECT inbox")
		})
	}
	for name, command := range map[string]string{
		"wrong password":                  `LOGIN u x`,
		"unknown user":                    `LOGIN x p`,
		"a user who is no master":         "AUTHENTICATE PLAIN " + b64("u\x00other\x00p"),
		"a master with a wrong password":  "LOGIN u*root wrong",
		"a master for nobody":             "LOGIN nobody*root secret",
		"a mechanism that is not offered": "AUTHENTICATE CRAM-MD5",
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			s := serve(t, options)
			s.AddUser("u", "p")
			s.AddUser("other", "p")
			c := dial(t, s)
			c.no("%s", command)
			c.bad("SELECT INBOX")
		})
	}
}

func TestAuthenticateDialogues(t *testing.T) {
	s := serve(t, Options{})
	s.AddUser("u", "p")
	c := dial(t, s)
	c.send("a AUTHENTICATE XOAUTH2 " + b64("user=u\x01auth=Bearer no\x01\x01") + "\r\n")
	contains(t, c.read(), "+ ")
	c.send("\r\n")
	contains(t, c.tagged("a")[0], "NO")
	c.send("b AUTHENTICATE PLAIN\r\n")
	equals(t, c.read(), "+ ")
	c.send("*\r\n")
	contains(t, c.tagged("b")[0], "BAD")
	c.send("c AUTHENTICATE LOGIN\r\n")
	equals(t, c.read(), "+ "+b64("Username:"))
	c.send(b64("u") + "\r\n")
	equals(t, c.read(), "+ "+b64("Password:"))
	c.send(b64("p") + "\r\n")
	contains(t, c.tagged("c")[0], "OK")
	c.send("d LOGIN {1}\r\n")
	contains(t, c.tagged("d")[0], "BAD")
}

func TestLoginTakesLiterals(t *testing.T) {
	s := serve(t, Options{})
	s.AddUser("u", "p")
	c := dial(t, s)
	c.send("a LOGIN {1}\r\n")
	equals(t, c.read(), "+ OK")
	c.send("u {1+}\r\np\r\n")
	contains(t, c.tagged("a")[0], "OK")
}

func TestTLS(t *testing.T) {
	ca, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := ca.Issue("localhost", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	personality := Generic()
	personality.RequireTLS = true
	canary := []byte("kanarienvogel")
	s := serve(t, Options{
		Personality: personality, TLS: &tls.Config{Certificates: []tls.Certificate{certificate}},
		Record: RecordOptions{Keep: true, Canaries: [][]byte{canary, []byte("unseen")}},
	})
	s.AddUser("u", string(canary))
	trust := &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost"}

	t.Run("STARTTLS drops what was sent in the clear behind it", func(t *testing.T) {
		c := dial(t, s)
		contains(t, c.ok("CAPABILITY"), "STARTTLS", "LOGINDISABLED")
		c.no("LOGIN u p")
		c.send("x STARTTLS\r\ny NOOP\r\n")
		contains(t, c.tagged("x")[0], "OK")
		c = over(t, tls.Client(c.conn, trust))
		got := c.ok("CAPABILITY")
		lacks(t, got, "STARTTLS", "LOGINDISABLED", "y OK")
		c.ok("LOGIN u %s", canary)
	})
	t.Run("implicit TLS", func(t *testing.T) {
		address, err := s.ListenTLS(certificate)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := tls.Dial("tcp", address, trust)
		if err != nil {
			t.Fatal(err)
		}
		c := over(t, conn)
		c.read()
		c.ok("LOGIN u %s", canary)
		c.ok("LOGOUT")
		equals(t, c.closed(), "")
	})
	t.Run("a canary is seen in plain text and not on the wire", func(t *testing.T) {
		wire, plain := s.Saw(canary)
		equals(t, wire, 0)
		equals(t, plain, 2)
		wire, plain = s.Saw([]byte("unseen"))
		equals(t, wire+plain, 0)
	})
	t.Run("transcripts hold both layers", func(t *testing.T) {
		first := s.Recorded()[0]
		contains(t, string(first.Received), "x STARTTLS\r\n")
		lacks(t, string(first.Received), string(canary))
		contains(t, string(first.PlainReceived), "LOGIN u "+string(canary))
		contains(t, string(first.PlainSent), "Logged in")
	})
}

func TestCompressedSession(t *testing.T) {
	_, m, c := connect(t, Options{})
	m.Deliver("INBOX", []byte("A: b\r\n\r\n"+strings.Repeat("x", 100000)), epoch)
	c.ok("COMPRESS DEFLATE")
	c = over(t, deflated(c.conn))
	c.ok("SELECT INBOX")
	contains(t, c.ok("FETCH 1 BODY.PEEK[]"), strings.Repeat("x", 100000))
	c.no("COMPRESS DEFLATE")
	c.ok("LOGOUT")
}

func TestPipelinedCommandsAreAnsweredInOrder(t *testing.T) {
	_, m, c := connect(t, Options{})
	c.send("a CREATE one\r\nb APPEND one {3+}\r\nabc\r\nc APPEND one {4+}\r\nabcd\r\nd SELECT one\r\ne UID FETCH 1:* RFC822.SIZE\r\n")
	for _, tag := range []string{"a", "b", "c", "d"} {
		lines := c.tagged(tag)
		contains(t, lines[len(lines)-1], "OK")
	}
	got := strings.Join(c.tagged("e"), "\n")
	contains(t, got, "* 1 FETCH (UID 1 RFC822.SIZE 3)\n* 2 FETCH (UID 2 RFC822.SIZE 4)")
	equals(t, m.Len("one"), 2)
}

func TestMistakes(t *testing.T) {
	_, _, c := connect(t, Options{})
	c.bad("FROB")
	c.bad("FETCH 1 FLAGS")
	c.bad("SELECT")
	c.bad("SELECT INBOX extra")
	c.bad("LOGIN u p")
	c.send("\r\n")
	contains(t, c.read(), "* BAD")
	c.send("x FROB {5+}\r\nhello {2+}\r\nab\r\n")
	contains(t, c.tagged("x")[0], "BAD")
	c.ok("SELECT INBOX")
	c.bad("FETCH 1 FLAGS")
	c.bad("FETCH x FLAGS")
	c.bad("UID FETCH 1 (FLAGS")
	c.bad("UID FETCH 1 BODY[")
	c.bad("UID FETCH 1 NONSENSE")
	c.bad("SEARCH NONSENSE")
	c.bad("SEARCH %s", strings.Repeat("(", 1000))
	c.ok("NOOP")
}

func TestTooManyConnections(t *testing.T) {
	s, _, c := connect(t, Options{MaxConnections: 1})
	contains(t, dial(t, s).no("LOGIN u p"), "[LIMIT]", "mail_max_userip_connections=1")
	c.ok("LOGOUT")
	eventually(t, "signing out", func() bool { return s.Counts().Open == 1 })
	dial(t, s).ok("LOGIN u p")
	equals(t, s.Counts().MaxOpen, 2)
	equals(t, s.Counts().Commands["LOGIN"], 3)
}

func TestErrorsBeforeBye(t *testing.T) {
	_, _, c := connect(t, Options{Personality: ExchangeOnline()})
	for range 9 {
		c.bad("FROB")
	}
	contains(t, c.bad("FROB"), "BAD")
	contains(t, c.closed(), "* BYE Connection closed. 14")
}

func TestRunsInABubbleOverAPipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		s.AddUser("u", "p").Deliver("INBOX", []byte("x"), epoch)
		near, far := net.Pipe()
		var running sync.WaitGroup
		running.Go(func() { s.Serve(far) })
		c := over(t, near)
		c.read()
		c.ok("LOGIN u p")
		c.ok("SELECT INBOX")
		c.send("i IDLE\r\n")
		equals(t, c.read(), "+ idling")
		synctest.Wait()
		s.Close()
		running.Wait()
	})
}

func TestIdle(t *testing.T) {
	_, m, c := connect(t, Options{})
	c.ok("SELECT INBOX")
	c.send("i IDLE\r\n")
	equals(t, c.read(), "+ idling")
	m.Deliver("INBOX", []byte("x"), epoch)
	equals(t, c.read(), "* 1 EXISTS")
	c.read()
	if err := m.SetFlags("INBOX", 1, `\Seen`); err != nil {
		t.Fatal(err)
	}
	contains(t, c.read(), `* 1 FETCH (FLAGS (\Seen \Recent))`)
	if err := m.Expunge("INBOX", 1); err != nil {
		t.Fatal(err)
	}
	equals(t, c.read(), "* 1 EXPUNGE")
	c.send("DONE\r\n")
	contains(t, c.tagged("i")[0], "OK")
}

func TestNamespaceAndID(t *testing.T) {
	_, _, c := connect(t, Options{Personality: Courier()})
	contains(t, c.ok("NAMESPACE"), `* NAMESPACE (("INBOX." "."))`)
	c.bad("ID NIL")
	_, _, c = connect(t, Options{})
	contains(t, c.ok(`ID ("name" "x" "version" NIL)`), `* ID ("name" "imapfake")`)
	contains(t, c.ok("ENABLE QRESYNC FROB"), "* ENABLED QRESYNC")
	contains(t, c.ok(`GETQUOTAROOT INBOX`), `* QUOTAROOT "INBOX" ""`)
}
