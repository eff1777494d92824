package imapfake

import (
	"crypto/md5" //nolint:gosec // Kerio's protocol
	"fmt"
	"strings"
	"testing"
)

// staff serves anna and ben, and an administrator who may open anna's mailbox
// and carl's, who is not there.
func staff(t *testing.T, p Personality) (*Server, *client) {
	t.Helper()
	s := serve(t, Options{
		Personality: p, Masters: map[string]string{"root": "secret"}, Domain: "example.com",
		MayOpen: func(_, user string) bool { return user != "ben@example.com" },
	})
	for _, name := range []string{"anna@example.com", "ben@example.com"} {
		s.AddUser(name, "own").Deliver("INBOX", []byte("To: "+name+"\r\n\r\n"), epoch)
	}
	return s, dial(t, s)
}

// adminForm is a way of an administrator to sign in; the commands have %s for
// the user, his alias for aliases, and the password.
type adminForm struct {
	name    string
	command func(user, password string) string
}

func plain(authzid, user, password string) string {
	return "AUTHENTICATE PLAIN " + b64(authzid+"\x00"+user+"\x00"+password)
}

func alias(user string) string { before, _, _ := strings.Cut(user, "@"); return before }

var adminForms = []adminForm{
	{"star", func(u, p string) string { return `LOGIN "` + u + `*root" ` + p }},
	{"plain star", func(u, p string) string { return plain("", u+"*root", p) }},
	{"authzid", func(u, p string) string { return plain(u, "root", p) }},
	{"slashes", func(u, p string) string { return `LOGIN "example.com/root/` + alias(u) + `" ` + p }},
	{"backslashes", func(u, p string) string { return `LOGIN "example.com\\root\\` + alias(u) + `" ` + p }},
	{"plain backslashes", func(u, p string) string { return plain("", `example.com\root\`+u, p) }},
	{"at", func(u, p string) string { return `LOGIN root@example.com/` + alias(u) + ` ` + p }},
	{"other domain", func(u, p string) string { return `LOGIN "example.org/root/` + alias(u) + `" ` + p }},
	{"marks", func(u, p string) string { return `LOGIN "#` + u + `#root#" ` + p }},
}

func TestEachMakeTakesItsOwnFormsOfAnAdministrator(t *testing.T) {
	for _, c := range []struct {
		make  string
		p     Personality
		takes string
		// the answers: to a wrong password, an unknown user, a missing right
		password, user, right string
	}{
		{"generic", Generic(), "star, plain star, authzid", "NO [AUTHENTICATIONFAILED]", "NO [AUTHENTICATIONFAILED]", "NO [AUTHENTICATIONFAILED]"},
		{"dovecot", Dovecot(), "star, plain star, authzid", "NO [AUTHENTICATIONFAILED]", "NO [AUTHORIZATIONFAILED]", "NO [AUTHORIZATIONFAILED]"},
		{"uw", UWIMAP(), "star, plain star, authzid", "NO LOGIN failed", "NO LOGIN failed", "NO LOGIN failed"},
		{"cyrus", Cyrus(), "authzid", "NO authentication failure", "OK", "NO authorization failure"},
		{"zimbra", Zimbra(), "authzid", "NO AUTHENTICATE failed", "NO AUTHENTICATE failed", "NO AUTHENTICATE failed"},
		{"exchange", Exchange(), "slashes, backslashes, plain backslashes, at", "NO LOGIN failed.", "OK", "OK"},
		{"mirapoint", Mirapoint(), "marks", "NO Login failed: auth", "NO Login failed: no such user", "NO Login failed: permission"},
		{"courier", Courier(), "", "", "", ""},
		{"oracle", OracleMessaging(), "", "", "", ""},
		{"kerio", Kerio(), "", "", "", ""},
		{"exchange online", ExchangeOnline(), "", "", "", ""},
		{"gmail", Gmail(), "", "", "", ""},
		{"minimal", Minimal(), "", "", "", ""},
	} {
		t.Run(c.make, func(t *testing.T) {
			withIR := c.p
			withIR.Before = append([]string{"SASL-IR"}, c.p.Before...)
			takes := strings.Split(c.takes, ", ")
			for _, form := range adminForms {
				_, cl := staff(t, withIR)
				if !hasFold(takes, form.name) {
					cl.no("%s", form.command("anna@example.com", "secret"))
					continue
				}
				cl.ok("%s", form.command("anna@example.com", "secret"))
				cl.ok("SELECT INBOX")
				contains(t, cl.ok("FETCH 1 BODY.PEEK[HEADER]"), "To: anna@")
			}
			if c.takes == "" {
				return
			}
			first := adminForms[0]
			for _, form := range adminForms {
				if form.name == takes[0] {
					first = form
				}
			}
			for want, command := range map[string]string{
				"password " + c.password: first.command("anna@example.com", "wrong"),
				"user " + c.user:         first.command("carl@example.com", "secret"),
				"right " + c.right:       first.command("ben@example.com", "secret"),
			} {
				_, cl := staff(t, withIR)
				lines := cl.do("%s", command)
				what, answer, _ := strings.Cut(want, " ")
				if !strings.HasPrefix(lines[len(lines)-1], answer) {
					t.Errorf("%s: got %q, want %q", what, lines, answer)
				}
			}
		})
	}
}

func TestTheSeparatorCanBeAnother(t *testing.T) {
	p := Dovecot()
	p.Admin.Names = []string{"{user}%{admin}"}
	_, c := staff(t, p)
	c.no("%s", "LOGIN anna@example.com*root secret")
	c.ok("%s", "LOGIN anna@example.com%root secret")
	contains(t, c.ok("SELECT INBOX"), "* 1 EXISTS")
}

func TestExchangeTellsLateThatThereIsNoMailbox(t *testing.T) {
	for _, user := range []string{"ben", "carl"} {
		_, c := staff(t, Exchange())
		c.ok(`LOGIN example.com/root/%s secret`, user)
		contains(t, c.ok("CAPABILITY"), "UNSELECT")
		c.ok("NOOP")
		for _, command := range []string{"NAMESPACE", `LIST "" "*"`, "SELECT INBOX", "EXAMINE INBOX"} {
			equals(t, c.bad("%s", command), notConnected)
		}
	}
	t.Run("and takes users by domain and alias, and no other domain", func(t *testing.T) {
		_, c := staff(t, Exchange())
		equals(t, c.no(`LOGIN "example.org\\anna" own`), "NO LOGIN failed.")
		equals(t, c.no("AUTHENTICATE NTLM"), "NO AUTHENTICATE failed.")
		c.ok(`LOGIN "example.com\\ANNA" own`)
		c.ok("SELECT INBOX")
	})
}

func TestCyrusSignsInForNobody(t *testing.T) {
	_, c := staff(t, Cyrus())
	c.ok("%s", plain("carl@example.com", "root", "secret"))
	lacks(t, c.ok(`LIST "" "*"`), "INBOX")
	c.no("SELECT INBOX")
}

func TestProxyAuth(t *testing.T) {
	_, c := staff(t, OracleMessaging())
	c.bad("PROXYAUTH anna@example.com")
	contains(t, c.no("LOGIN root wrong"), "[AUTHENTICATIONFAILED]")
	c.ok("LOGIN root secret")
	contains(t, c.no("PROXYAUTH carl@example.com"), "No such user")
	contains(t, c.no("PROXYAUTH ben@example.com"), "Permission denied")
	contains(t, c.ok("SELECT INBOX"), "* 0 EXISTS")
	c.ok(`PROXYAUTH "anna@example.com"`)
	c.bad("FETCH 1 FLAGS")
	contains(t, c.ok("SELECT INBOX"), "* 1 EXISTS")
	contains(t, c.no("PROXYAUTH ben@example.com"), "Permission denied")
	lacks(t, c.ok(`LIST "" "*"`), "user/")
	t.Run("is not for ordinary users and other makes", func(t *testing.T) {
		_, c := staff(t, OracleMessaging())
		c.ok("LOGIN ben@example.com own")
		contains(t, c.no("PROXYAUTH anna@example.com"), "Permission denied")
		_, c = staff(t, Dovecot())
		c.ok("LOGIN ben@example.com own")
		c.bad("PROXYAUTH anna@example.com")
	})
	t.Run("counts connections where they are", func(t *testing.T) {
		s := serve(t, Options{Personality: OracleMessaging(), Masters: map[string]string{"root": "secret"}, MaxConnections: 1})
		s.AddUser("anna", "own")
		first, second := dial(t, s), dial(t, s)
		first.ok("LOGIN root secret")
		first.ok("PROXYAUTH anna")
		second.ok("LOGIN root secret")
		contains(t, second.no("PROXYAUTH anna"), "Too many connections (1)")
		second.ok("SELECT INBOX")
	})
}

func TestMasterAuth(t *testing.T) {
	master := func(c *client, password string) string {
		c.t.Helper()
		c.send("m X-MASTERAUTH\r\n")
		challenge, ok := strings.CutPrefix(c.read(), "+ ")
		equals(t, ok, true)
		c.send(fmt.Sprintf("%x\r\n", md5.Sum([]byte(challenge+password)))) //nolint:gosec // Kerio's protocol
		return c.tagged("m")[0]
	}
	_, c := staff(t, Kerio())
	c.bad(`X-SETUSER "anna@example.com"`)
	contains(t, master(c, "wrong"), "NO X-MASTERAUTH")
	c.bad(`X-SETUSER "anna@example.com"`)
	contains(t, master(c, "secret"), "OK X-MASTERAUTH")
	c.bad("SELECT INBOX")
	contains(t, c.no(`X-SETUSER "carl@example.com"`), "doesn't exist")
	contains(t, c.no(`X-SETUSER "ben@example.com"`), "Access denied")
	c.ok(`X-SETUSER "anna@example.com"`)
	contains(t, c.ok("SELECT INBOX"), "* 1 EXISTS")
	c.bad("X-MASTERAUTH")
	_, c = staff(t, Generic())
	c.bad("X-MASTERAUTH")
	_, c = staff(t, Kerio())
	c.ok("LOGIN anna own")
	c.bad(`X-SETUSER "ben@example.com"`)
}

func TestAnAdministratorSeesTheFoldersOfOthers(t *testing.T) {
	for _, c := range []struct {
		make                              string
		p                                 Personality
		inbox, sent, hidden, own, pattern string
	}{
		{"courier", Courier(), "#shared.anna", "#shared.anna.Sent", "#shared.ben", "INBOX.Sent", "#shared.anna*"},
		{"oracle", OracleMessaging(), "user/anna", "user/anna/Sent", "user/ben", "Sent", "user/anna*"},
	} {
		t.Run(c.make, func(t *testing.T) {
			s := serve(t, Options{
				Personality: c.p, Masters: map[string]string{"root": "secret"},
				MayOpen: func(_, user string) bool { return user != "ben" },
			})
			for _, name := range []string{"anna", "ben", "anna.smith"} {
				m := s.AddUser(name, "own")
				m.Deliver("INBOX", []byte("To: "+name+"\r\n\r\n"), epoch)
				m.Deliver(c.own, []byte("From: "+name+"\r\n\r\n"), epoch)
			}
			cl := dial(t, s)
			cl.ok("LOGIN root secret")
			everything := `LIST "" "*"`
			if c.p.Admin.SharedAlone {
				lacks(t, cl.ok("%s", everything), c.inbox)
				everything = `LIST "" "` + c.p.Admin.Shared + `*"`
			}
			for _, command := range []string{everything, `LIST "" "` + c.pattern + `"`, `LIST "` + c.inbox + `" "*"`} {
				got := cl.ok("%s", command)
				contains(t, got, `"`+c.inbox+`"`, `"`+c.sent+`"`)
				lacks(t, got, c.hidden)
			}
			contains(t, cl.ok("SELECT %s", c.inbox), "* 1 EXISTS")
			contains(t, cl.ok("UID FETCH 1 BODY.PEEK[]"), "To: anna\r\n")
			contains(t, cl.ok("EXAMINE %s", c.sent), "[READ-ONLY]")
			contains(t, cl.ok("UID FETCH 1 BODY.PEEK[]"), "From: anna\r\n")
			contains(t, cl.ok("SEARCH ALL"), "* SEARCH 1")
			contains(t, cl.ok("STATUS %s (MESSAGES UIDVALIDITY)", c.sent), "MESSAGES 1")
			s.User("anna").Deliver(c.own, []byte("x"), epoch)
			contains(t, cl.ok("NOOP"), "* 2 EXISTS")
			cl.no("COPY 1 INBOX")
			cl.no("SELECT %s", c.hidden)
			cl.no("STATUS %s (MESSAGES)", c.hidden)
			cl.no("CREATE %s", c.sent+"x")
			cl.send("a APPEND " + c.sent + " {1}\r\n")
			contains(t, cl.tagged("a")[0], "NO")
			contains(t, cl.ok("SELECT INBOX"), "* 0 EXISTS")

			own := dial(t, s)
			own.ok("LOGIN anna own")
			lacks(t, own.ok(`LIST "" "*"`), c.hidden, c.inbox)
			own.no("SELECT %s", c.inbox)
		})
	}
	t.Run("of names that hold the delimiter, too", func(t *testing.T) {
		s := serve(t, Options{Personality: Courier(), Masters: map[string]string{"root": "secret"}})
		s.AddUser("anna", "own").Create("INBOX.smith")
		s.AddUser("anna.smith", "own").Deliver("INBOX", []byte("x"), epoch)
		cl := dial(t, s)
		cl.ok("LOGIN root secret")
		contains(t, cl.ok("SELECT #shared.anna.smith"), "* 1 EXISTS")
	})
	t.Run("only when asked, where LIST is like that", func(t *testing.T) {
		s := serve(t, Options{Personality: Courier(), Masters: map[string]string{"root": "secret"}})
		s.AddUser("anna", "own")
		cl := dial(t, s)
		cl.ok("LOGIN root secret")
		lacks(t, cl.ok(`LIST "" "*"`), "#shared")
		contains(t, cl.ok(`LIST "" "#shared.*"`), `"#shared.anna"`)
	})
}
