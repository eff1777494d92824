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
