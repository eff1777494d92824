package imapfake

import (
	"io"
	"net"
	"testing"
)

// fuzzed are servers of different makes, with one user.
func fuzzed(kind byte) Options {
	masters := map[string]string{"root": "secret"}
	switch kind % 4 {
	case 1:
		return Options{Personality: OracleMessaging(), Masters: masters}
	case 2:
		return Options{Personality: Kerio(), Masters: masters}
	case 3:
		p := ExchangeOnline()
		p.Append.Rewrite = RewriteEncodings
		return Options{Personality: p, Preauth: "u"}
	}
	return Options{Preauth: "u"}
}

// FuzzCommands sends anything and asks that the server ends with its client,
// without a panic and without a hang.
func FuzzCommands(f *testing.F) {
	for _, text := range []string{
		"a SELECT INBOX\r\nb UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (A B)]<0.10>)\r\n",
		"a APPEND INBOX (\\Seen) \" 1-Jan-2020 00:00:00 +0000\" {3+}\r\nabc {2+}\r\nxx\r\n",
		"a LIST (SUBSCRIBED) \"\" (% *) RETURN (STATUS (MESSAGES))\r\n", "a ENABLE QRESYNC\r\nb SELECT INBOX (QRESYNC (1 2 3:4 (1 2)))\r\n",
		"a EXAMINE INBOX\r\nb SEARCH RETURN (ALL) OR (SEEN) NOT UID 1:* HEADER A {1+}\r\nb\r\n", "a ID (\"a\" NIL)\r\n",
		"a SELECT INBOX\r\nb STORE 1:2 (UNCHANGEDSINCE 5) -FLAGS.SILENT (\\Seen)\r\nc UID MOVE 1 INBOX\r\nd EXPUNGE\r\ne FETCH 1 FULL\r\n",
		"a RENAME INBOX &AGE-\r\nb CREATE x/y (USE (\\Sent))\r\nc COMPRESS DEFLATE\r\n", "a AUTHENTICATE PLAIN =\r\n", "a IDLE\r\nDONE\r\n",
	} {
		f.Add(byte(0), []byte(text))
	}
	f.Add(byte(1), []byte("a LOGIN root secret\r\nb LIST \"\" *\r\nc SELECT user/u\r\nd COPY 1 INBOX\r\ne PROXYAUTH u\r\nf SELECT INBOX\r\n"))
	f.Add(byte(2), []byte("a X-MASTERAUTH\r\n0123\r\nb X-SETUSER \"u\"\r\nc LOGIN u p\r\n"))
	f.Add(byte(3), []byte("a APPEND INBOX {54+}\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n--x--\r\n\r\nb CREATE \"x \"\r\nc SELECT INBOX\r\n"))
	f.Fuzz(func(t *testing.T, kind byte, talk []byte) {
		s := New(fuzzed(kind))
		m := s.AddUser("u", "p")
		m.Deliver("INBOX", []byte(letter), epoch, "work")
		m.Deliver("INBOX", []byte("x"), epoch)
		near, far := net.Pipe()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			s.Serve(far)
		}()
		drained := make(chan struct{})
		go func() {
			defer close(drained)
			_, _ = io.Copy(io.Discard, near)
		}()
		_, _ = near.Write(talk)
		_ = near.Close()
		<-ended
		<-drained
		s.Close()
	})
}
