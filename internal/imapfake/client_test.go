package imapfake

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// client is a raw IMAP client that shows every byte.
type client struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
	tags int
}

var epoch = time.Date(2020, 2, 3, 4, 5, 6, 0, time.FixedZone("", 3600))

func serve(t testing.TB, options Options) *Server {
	t.Helper()
	s := New(options)
	t.Cleanup(s.Close)
	return s
}

// connect serves one user, "u" with password "p", and signs in.
func connect(t testing.TB, options Options) (*Server, *Mailbox, *client) {
	t.Helper()
	s := serve(t, options)
	m := s.AddUser("u", "p")
	c := dial(t, s)
	c.ok("LOGIN u p")
	return s, m, c
}

func dial(t testing.TB, s *Server) *client {
	t.Helper()
	address, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	c := over(t, conn)
	c.read()
	return c
}

func over(t testing.TB, conn net.Conn) *client {
	t.Cleanup(func() { _ = conn.Close() })
	return &client{t: t, conn: conn, in: bufio.NewReader(conn)}
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Fatalf("sending %.60q: %v", text, err)
	}
}

var literalAtEnd = regexp.MustCompile(`\{(\d+)\}\r\n$`)

// line reads one answer with its literals, without the final CRLF.
func (c *client) line() (string, error) {
	var all strings.Builder
	for {
		text, err := c.in.ReadString('\n')
		all.WriteString(text)
		if err != nil {
			return all.String(), err
		}
		found := literalAtEnd.FindStringSubmatch(text)
		if found == nil {
			return strings.TrimSuffix(all.String(), "\r\n"), nil
		}
		n, _ := strconv.Atoi(found[1])
		literal := make([]byte, n)
		got, err := io.ReadFull(c.in, literal)
		all.Write(literal[:got])
		if err != nil {
			return all.String(), err
		}
	}
}

func (c *client) read() string {
	c.t.Helper()
	text, err := c.line()
	if err != nil {
		c.t.Fatalf("reading: %v after %q", err, text)
	}
	return text
}

// tagged reads up to the answer of a tag; the last line is it, without the tag.
func (c *client) tagged(tag string) []string {
	c.t.Helper()
	var lines []string
	for {
		text := c.read()
		if rest, ok := strings.CutPrefix(text, tag+" "); ok {
			return append(lines, rest)
		}
		lines = append(lines, text)
	}
}

func (c *client) do(format string, a ...any) []string {
	c.t.Helper()
	c.tags++
	tag := fmt.Sprintf("t%d", c.tags)
	c.send(tag + " " + fmt.Sprintf(format, a...) + "\r\n")
	return c.tagged(tag)
}

// ok, no and bad do a command and check its answer; they return all lines as
// one text.
func (c *client) ok(format string, a ...any) string { c.t.Helper(); return c.want("OK", format, a...) }
func (c *client) no(format string, a ...any) string { c.t.Helper(); return c.want("NO", format, a...) }
func (c *client) bad(format string, a ...any) string {
	c.t.Helper()
	return c.want("BAD", format, a...)
}

func (c *client) want(status, format string, a ...any) string {
	c.t.Helper()
	lines := c.do(format, a...)
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, status+" ") {
		c.t.Fatalf("%.80q: got %q, want %s", fmt.Sprintf(format, a...), lines, status)
	}
	return strings.Join(lines, "\n")
}

// closed checks that the line ends, and returns what came before.
func (c *client) closed() string {
	c.t.Helper()
	rest, _ := io.ReadAll(c.in)
	return string(rest)
}

func contains(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q lacks %q", text, part)
		}
	}
}

func lacks(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(text, part) {
			t.Errorf("%q has %q", text, part)
		}
	}
}

func equals[T comparable](t testing.TB, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// eventually waits for what another connection's goroutine is about to do.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for range 5000 {
		if done() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("%s did not happen", what)
}

func dialRaw(t testing.TB, address string) *client {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return over(t, conn)
}
