package imapfake

import (
	"net"
	"os/exec"
	"strings"
	"testing"
)

// script drives the server with Python's imaplib, a client of other hands.
const script = `
import imaplib, sys, time
c = imaplib.IMAP4("127.0.0.1", int(sys.argv[1]))
def ok(r):
    assert r[0] in ("OK", "BYE"), r
    return r[1]
ok(c.login("u", "p"))
ok(c.create("a/b"))
ok(c.subscribe("a/b"))
print(ok(c.list()))
ok(c.append("a/b", r"(\Seen)", imaplib.Time2Internaldate(1580699106), b"Subject: hi\r\n\r\nbody\r\n"))
assert ok(c.select("a/b")) == [b"1"]
print(ok(c.uid("fetch", "1:*", "(FLAGS INTERNALDATE BODY.PEEK[])")))
ok(c.uid("store", "1", "+FLAGS", r"(\Flagged $work)"))
assert ok(c.uid("search", None, "KEYWORD", "$work")) == [b"1"], "search"
ok(c.copy("1", "INBOX"))
ok(c.uid("move", "1", "INBOX"))
ok(c.expunge())
print(ok(c.status("INBOX", "(MESSAGES UIDNEXT)")))
ok(c.rename("a/b", "c"))
ok(c.noop())
ok(c.close())
ok(c.delete("c"))
ok(c.logout())
`

// adminScript signs in as an administrator, in the way the second argument says,
// and reads the INBOX.
const adminScript = `
import hashlib, imaplib, sys
imaplib.Commands["X-MASTERAUTH"] = ("NONAUTH",)
imaplib.Commands["X-SETUSER"] = ("NONAUTH", "AUTH")
c = imaplib.IMAP4("127.0.0.1", int(sys.argv[1]))
def ok(r):
    assert r[0] in ("OK", "BYE"), r
    return r[1]
if sys.argv[2] == "authzid":
    ok(c.authenticate("PLAIN", lambda _: b"u\0root\0secret"))
elif sys.argv[2] == "proxyauth":
    ok(c.login("root", "secret"))
    ok(c.proxyauth("u"))
else:
    tag = c._command("X-MASTERAUTH")
    assert c._get_response() is None
    challenge = c.continuation_response
    c.send(hashlib.md5(challenge + b"secret").hexdigest().encode() + b"\r\n")
    ok(c._command_complete("X-MASTERAUTH", tag))
    ok(c._simple_command("X-SETUSER", '"u"'))
    c.state = "AUTH"
assert ok(c.select("INBOX")) == [b"1"]
print(ok(c.fetch("1", "(BODY.PEEK[])")))
ok(c.logout())
`

func TestPythonImaplibAsAnAdministrator(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed, so imaplib is not tried")
	}
	for _, c := range []struct {
		form        string
		personality Personality
	}{{"authzid", Cyrus()}, {"authzid", Zimbra()}, {"authzid", Dovecot()}, {"proxyauth", OracleMessaging()}, {"masterauth", Kerio()}} {
		t.Run(c.personality.Name, func(t *testing.T) {
			s := serve(t, Options{Personality: c.personality, Masters: map[string]string{"root": "secret"}})
			s.AddUser("u", "p").Deliver("INBOX", []byte("Subject: hi\r\n\r\nbody\r\n"), epoch)
			address, err := s.Listen()
			if err != nil {
				t.Fatal(err)
			}
			_, port, _ := net.SplitHostPort(address)
			out, err := exec.CommandContext(t.Context(), python, "-c", adminScript, port, c.form).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			contains(t, string(out), `Subject: hi\r\n\r\nbody\r\n`)
		})
	}
}

func TestPythonImaplib(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed, so imaplib is not tried")
	}
	for name, personality := range map[string]Personality{"generic": Generic(), "exchange": ExchangeOnline()} {
		t.Run(name, func(t *testing.T) {
			personality.Flags.Permanent = append(personality.Flags.Permanent, `\*`)
			s := serve(t, Options{Personality: personality})
			m := s.AddUser("u", "p")
			address, err := s.Listen()
			if err != nil {
				t.Fatal(err)
			}
			_, port, _ := net.SplitHostPort(address)
			out, err := exec.CommandContext(t.Context(), python, "-c", script, port).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			contains(t, string(out), `3-Feb-2020`, `Subject: hi\r\n\r\nbody\r\n`, "MESSAGES 2 UIDNEXT 3")
			equals(t, strings.Join(m.Messages("INBOX")[1].Flags, " "), `\Seen \Flagged $work`)
		})
	}
}
