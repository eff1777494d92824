package imapfake

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestAppend(t *testing.T) {
	t.Run("keeps bytes, date and flags", func(t *testing.T) {
		_, m, c := connect(t, Options{})
		raw := "A: b\n\r\n\x00\xff\r\rno end"
		c.send("a APPEND INBOX (\\seen $Forwarded) \" 3-Feb-2020 04:05:06 +0100\" {" + fmt.Sprint(len(raw)) + "}\r\n")
		equals(t, c.read(), "+ OK")
		c.send(raw + "\r\n")
		equals(t, c.tagged("a")[0], "OK [APPENDUID 1700000001 1] APPEND completed.")
		got := m.Messages("INBOX")[0]
		equals(t, string(got.Raw), raw)
		equals(t, got.Date.Format(time.RFC3339), epoch.Format(time.RFC3339))
		equals(t, strings.Join(got.Flags, " "), `\Seen $Forwarded`)
		equals(t, got.Sum, Sum([]byte(raw)))
	})
	t.Run("of a literal8", func(t *testing.T) {
		_, m, c := connect(t, Options{})
		c.ok("APPEND INBOX ~{3+}\r\n\x00\x01\x02")
		equals(t, string(m.Messages("INBOX")[0].Raw), "\x00\x01\x02")
	})
	t.Run("to a missing folder says TRYCREATE before the literal", func(t *testing.T) {
		_, _, c := connect(t, Options{})
		contains(t, c.no("APPEND nowhere {3}"), "[TRYCREATE]")
		contains(t, c.no("APPEND nowhere {3+}\r\nabc"), "[TRYCREATE]")
		c.ok("NOOP")
	})
	t.Run("refuses nonsense", func(t *testing.T) {
		_, m, c := connect(t, Options{})
		c.bad("APPEND INBOX (\\Seen")
		c.bad("APPEND INBOX \"31-Feb-2020 00:00:00 +0000\" {3+}\r\nabc")
		c.bad("APPEND INBOX {3+}\r\nabcd")
		c.no("APPEND INBOX {0+}\r\n")
		equals(t, m.Len("INBOX"), 0)
	})
	t.Run("tells of EXISTS in the open folder, Courier does not", func(t *testing.T) {
		_, _, c := connect(t, Options{})
		c.ok("SELECT INBOX")
		contains(t, c.ok("APPEND INBOX {1+}\r\nx"), "* 1 EXISTS")
		_, _, c = connect(t, Options{Personality: Courier()})
		c.ok("SELECT INBOX")
		c.send("a APPEND INBOX {1}\r\n")
		c.read()
		c.send("x\r\n")
		lacks(t, strings.Join(c.tagged("a"), "\n"), "EXISTS")
	})
	t.Run("into a discarding target keeps hash, size and header", func(t *testing.T) {
		_, m, c := connect(t, Options{DiscardBodies: true, KeepHeader: 100})
		raw := "Message-ID: <1>\r\n\r\n" + strings.Repeat("body", 1000)
		c.ok("APPEND INBOX {%d+}\r\n%s", len(raw), raw)
		got := m.Messages("INBOX")[0]
		equals(t, got.Sum, Sum([]byte(raw)))
		equals(t, got.Size, int64(len(raw)))
		equals(t, got.Raw == nil, true)
		c.ok("SELECT INBOX")
		contains(t, c.ok("FETCH 1 (BODY.PEEK[HEADER.FIELDS (message-id)] BODY.PEEK[])"), "Message-ID: <1>\r\n", "BODY[] NIL")
	})
}

func TestMultiAppend(t *testing.T) {
	t.Run("is answered with a range", func(t *testing.T) {
		_, m, c := connect(t, Options{})
		contains(t, c.ok("APPEND INBOX (\\Seen) {1+}\r\na \" 3-Feb-2020 04:05:06 +0100\" {1+}\r\nb {1+}\r\nc"), "[APPENDUID 1700000001 1:3]")
		equals(t, m.Len("INBOX"), 3)
	})
	t.Run("is all or nothing", func(t *testing.T) {
		personality := Generic()
		personality.Append.NUL = "NO contains NUL"
		_, m, c := connect(t, Options{Personality: personality})
		contains(t, c.no("APPEND INBOX {1+}\r\na {1+}\r\n\x00 {1+}\r\nc"), "NUL")
		equals(t, m.Len("INBOX"), 0)
		c.send("x APPEND INBOX {1+}\r\na {100+}\r\nhalf")
		_ = c.conn.Close()
		equals(t, m.Len("INBOX"), 0)
	})
	t.Run("needs the capability", func(t *testing.T) {
		_, m, c := connect(t, Options{Personality: ExchangeOnline()})
		c.bad("APPEND INBOX {1+}\r\na {1+}\r\nb")
		equals(t, m.Len("INBOX"), 0)
	})
}

func TestLiteralRules(t *testing.T) {
	t.Run("LITERAL- ends at 4096 bytes", func(t *testing.T) {
		_, _, c := connect(t, Options{Personality: Gmail()})
		c.ok("APPEND INBOX {4096+}\r\n%s", strings.Repeat("x", 4096))
		c.send("a APPEND INBOX {4097+}\r\n")
		contains(t, c.tagged("a")[0], "BAD")
	})
	t.Run("without LITERAL+ the bytes are taken for commands", func(t *testing.T) {
		_, m, c := connect(t, Options{Personality: Courier()})
		c.send("a APPEND INBOX {3+}\r\nabc\r\nb NOOP\r\n")
		contains(t, c.tagged("a")[0], "BAD")
		lines := c.tagged("b")
		contains(t, lines[0], "* BAD")
		equals(t, m.Len("INBOX"), 0)
	})
}

func TestRefusedMessages(t *testing.T) {
	exchange := ExchangeOnline()
	exchange.Limits.Throttle = nil
	exchange.Append.Limit = 50000
	cyrus := Cyrus()
	long := "A: b\r\n\r\n" + strings.Repeat("x", 10501) + "\r\n"
	fine := "A: b\r\n\r\n" + strings.Repeat("x", 10500) + "\r\n"
	for _, c := range []struct {
		name        string
		personality Personality
		raw, want   string
	}{
		{"Exchange and a long line", exchange, long, "BAD Command Argument Error. 11"},
		{"Exchange and a line that is long enough", exchange, fine, "OK"},
		{"Exchange and a large message", exchange, strings.Repeat("12345\r\n", 10000), "NO Maximum size of appendable message"},
		{"Cyrus and NUL", cyrus, "A: b\r\n\r\n\x00\r\n", "NO Message contains NUL"},
		{"Cyrus and a bare LF", cyrus, "A: b\r\n\r\nx\n\r\n", "NO Message contains bare newlines"},
		{"Cyrus and an 8-bit header", cyrus, "A: \xe4\r\n\r\n\r\n", "NO Message contains non-ASCII"},
		{"Cyrus and an 8-bit body", cyrus, "A: b\r\n\r\n\xe4\r\n", "OK"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, cl := connect(t, Options{Personality: c.personality})
			lines := cl.do("APPEND INBOX {%d+}\r\n%s", len(c.raw), c.raw)
			contains(t, lines[len(lines)-1], c.want)
			cl.ok("NOOP")
		})
	}
	t.Run("Gmail and NUL end in BYE", func(t *testing.T) {
		_, _, cl := connect(t, Options{Personality: Gmail()})
		cl.send("a APPEND INBOX {1+}\r\n\x00\r\n")
		equals(t, cl.closed(), "* BYE Invalid character in literal\r\n")
	})
	t.Run("Exchange and a keyword", func(t *testing.T) {
		_, _, cl := connect(t, Options{Personality: exchange})
		contains(t, cl.bad("APPEND INBOX ($Forwarded) {1+}\r\nx"), "Error. 11")
		contains(t, cl.ok("SELECT INBOX"), `[PERMANENTFLAGS (\Seen \Answered \Flagged \Deleted \Draft $MDNSent)]`)
	})
	t.Run("a full mailbox", func(t *testing.T) {
		_, m, cl := connect(t, Options{})
		m.SetQuota(3)
		cl.ok("APPEND INBOX {3+}\r\nabc")
		contains(t, cl.no("APPEND INBOX {1+}\r\na"), "[OVERQUOTA]")
	})
}

func TestCommitPoint(t *testing.T) {
	for _, c := range []struct {
		name        string
		personality Personality
		cut         string
		want        int
	}{
		{"Dovecot stores nothing before the last byte", Dovecot(), "ab", 0},
		{"Courier stores nothing before the last byte", Courier(), "ab", 0},
		{"Dovecot stores nothing before the final CRLF", Dovecot(), "abc", 0},
		{"Courier stores with the last byte", Courier(), "abc", 1},
		{"Dovecot stores with the final CRLF", Dovecot(), "abc\r\n", 1},
		{"Courier stores one with the final CRLF", Courier(), "abc\r\n", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, m, cl := connect(t, Options{Personality: c.personality})
			cl.send("a APPEND INBOX {3}\r\n")
			cl.read()
			cl.send(c.cut)
			_ = cl.conn.Close()
			eventually(t, "the end", func() bool { return s.Counts().Open == 0 })
			equals(t, m.Len("INBOX"), c.want)
		})
	}
	t.Run("pipelined appends of a client that leaves are stored", func(t *testing.T) {
		s, m, cl := connect(t, Options{})
		var all bytes.Buffer
		for i := range 10 {
			fmt.Fprintf(&all, "a%d APPEND INBOX {3+}\r\nabc\r\n", i)
		}
		cl.send(all.String())
		_ = cl.conn.Close()
		eventually(t, "the end", func() bool { return s.Counts().Open == 0 })
		equals(t, m.Len("INBOX"), 10)
	})
}

func TestGmailMergesDuplicates(t *testing.T) {
	_, m, c := connect(t, Options{Personality: Gmail()})
	contains(t, c.ok("APPEND INBOX {3+}\r\nabc"), "1700000001 1]")
	contains(t, c.ok("APPEND INBOX {3+}\r\nabc"), "1700000001 2]")
	equals(t, m.Len("INBOX"), 1)
	contains(t, c.ok("APPEND INBOX {3+}\r\nxyz"), "1700000001 3]")
}

func TestThrottle(t *testing.T) {
	personality := ExchangeOnline()
	personality.Limits.Throttle = &Throttle{
		Commands: []string{"APPEND"}, Burst: 2, PerSecond: 0, Backoff: time.Hour, ByeAfter: 2,
		Answer: "NO Request is throttled. Suggested Backoff Time: %d milliseconds",
	}
	_, _, c := connect(t, Options{Personality: personality})
	c.ok("APPEND INBOX {1+}\r\nx")
	c.ok("APPEND INBOX {1+}\r\nx")
	contains(t, c.no("APPEND INBOX {1+}\r\nx"), "Backoff Time: 3600000 milliseconds")
	c.ok("NOOP")
	c.no("APPEND INBOX {1+}\r\nx")
	contains(t, c.closed(), "* BYE Connection closed. 14")
}
