package imapfake

import (
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

func faulty(t *testing.T, rules ...Rule) (*Server, *Mailbox, *client) {
	t.Helper()
	s, m, c := connect(t, Options{})
	m.Deliver("INBOX", []byte("message one"), epoch)
	m.Deliver("INBOX", []byte("message two"), epoch)
	c.ok("SELECT INBOX")
	s.SetFaults(rules...)
	return s, m, c
}

func TestFaultsOfCommands(t *testing.T) {
	t.Run("Close comes before the command", func(t *testing.T) {
		_, m, c := faulty(t, Rule{Command: "CREATE", Nth: 2, Do: Action{Kind: Close}})
		c.ok("CREATE a")
		c.send("x CREATE b\r\n")
		equals(t, c.closed(), "")
		equals(t, len(m.Folders()), 2)
	})
	t.Run("a reset is seen as one", func(t *testing.T) {
		_, _, c := faulty(t, Rule{Command: "NOOP", Do: Action{Kind: Close, Reset: true}})
		c.send("x NOOP\r\n")
		_, err := c.line()
		equals(t, errors.Is(err, syscall.ECONNRESET), true)
	})
	t.Run("CloseUnanswered carries it out", func(t *testing.T) {
		_, m, c := faulty(t, Rule{Command: "CREATE", Do: Action{Kind: CloseUnanswered}})
		c.send("x CREATE a\r\n")
		equals(t, c.closed(), "")
		equals(t, len(m.Folders()), 2)
	})
	t.Run("CloseAnswered answers", func(t *testing.T) {
		_, _, c := faulty(t, Rule{Command: "NOOP", Do: Action{Kind: CloseAnswered}})
		c.send("x NOOP\r\ny NOOP\r\n")
		equals(t, c.closed(), "x OK NOOP completed.\r\n")
	})
	t.Run("CutAnswer ends within the answer", func(t *testing.T) {
		_, _, c := faulty(t, Rule{Command: "NOOP", Nth: 2, Do: Action{Kind: CutAnswer, N: 4}})
		c.send("x NOOP\r\ny NOOP\r\n")
		equals(t, c.closed(), "x OK NOOP completed.\r\ny OK")
	})
	t.Run("DropAnswer leaves the line up", func(t *testing.T) {
		_, m, c := faulty(t, Rule{Command: "APPEND", First: 1, Do: Action{Kind: DropAnswer}})
		c.send("x APPEND INBOX {1+}\r\na\r\n")
		got := c.ok("NOOP")
		lacks(t, got, "x OK")
		equals(t, m.Len("INBOX"), 3)
	})
	t.Run("Answer does nothing else", func(t *testing.T) {
		_, m, c := faulty(t,
			Rule{Command: "CREATE", Folder: "a", Do: Action{Kind: Answer, Text: "NO [LIMIT] enough"}},
			Rule{Command: "CREATE", Folder: "b", Do: Action{Kind: Answer, Text: "OK done"}},
			Rule{Command: "NOOP", Do: Action{Kind: Answer, Text: "BYE going down"}})
		equals(t, c.no("CREATE a"), "NO [LIMIT] enough")
		equals(t, c.ok("CREATE b"), "OK done")
		equals(t, len(m.Folders()), 1)
		c.ok("CREATE c")
		c.send("x NOOP\r\n")
		equals(t, c.closed(), "* BYE going down\r\n")
	})
	t.Run("AnswerAfter lies about what was done", func(t *testing.T) {
		_, m, c := faulty(t, Rule{Command: "APPEND", Do: Action{Kind: AnswerAfter, Text: "NO sorry"}})
		c.no("APPEND INBOX {1+}\r\na")
		equals(t, m.Len("INBOX"), 3)
	})
	t.Run("Send sends what it is given", func(t *testing.T) {
		_, _, c := faulty(t,
			Rule{Command: "NOOP", Nth: 1, Do: Action{Kind: Send, Text: "* gibberish\r\n"}},
			Rule{Command: "CHECK", Do: Action{Kind: SendBefore, From: func() io.Reader { return strings.NewReader("* before\r\n") }}},
			Rule{Command: "CHECK", Do: Action{Kind: SendAfter, Text: "* after\r\n"}})
		c.send("x NOOP\r\n")
		equals(t, c.read(), "* gibberish")
		equals(t, c.ok("CHECK"), "* before\nOK CHECK completed.")
		c.ok("NOOP")
	})
	t.Run("Stall answers nothing more", func(t *testing.T) {
		s, _, c := faulty(t, Rule{Command: "NOOP", Do: Action{Kind: Stall}})
		c.send("x NOOP\r\ny CHECK\r\n")
		go s.Close()
		equals(t, c.closed(), "")
	})
	t.Run("Wait waits", func(t *testing.T) {
		until := make(chan struct{})
		_, m, c := faulty(t, Rule{Command: "CREATE", Do: Action{Kind: Wait, Until: until}})
		c.send("x CREATE a\r\n")
		equals(t, len(m.Folders()), 1)
		close(until)
		contains(t, c.tagged("x")[0], "OK")
	})
	t.Run("WaitAnswer carries it out before it waits", func(t *testing.T) {
		until := make(chan struct{})
		_, m, c := faulty(t, Rule{Command: "CREATE", Do: Action{Kind: WaitAnswer, Until: until}})
		c.send("x CREATE a\r\n")
		eventually(t, "the folder", func() bool { return len(m.Folders()) == 2 })
		close(until)
		contains(t, c.tagged("x")[0], "OK")
	})
	t.Run("Deaf ends with the server", func(t *testing.T) {
		s, _, c := faulty(t, Rule{Command: "NOOP", Do: Action{Kind: Deaf}})
		c.send("x NOOP\r\n")
		go s.Close()
		equals(t, c.closed(), "")
	})
	t.Run("Renumber changes UIDVALIDITY before the folder is opened", func(t *testing.T) {
		_, m, c := faulty(t, Rule{Command: "SELECT", Do: Action{Kind: Renumber}})
		validity := m.UIDValidity("INBOX")
		c.ok("UNSELECT")
		c.ok("SELECT INBOX")
		equals(t, m.UIDValidity("INBOX"), validity+1)
	})
	t.Run("rules of another connection do nothing", func(t *testing.T) {
		_, _, c := faulty(t, Rule{Conn: 2, Do: Action{Kind: Close}}, Rule{User: "x", Do: Action{Kind: Close}})
		c.ok("NOOP")
	})
}

func TestFaultsOfGreetings(t *testing.T) {
	s := serve(t, Options{Faults: []Rule{
		{Command: "GREETING", Conn: 1, Do: Action{Kind: Answer, Text: "BYE too busy"}},
		{Command: "GREETING", Conn: 2, Do: Action{Kind: Send, Text: "HTTP/1.1 400 Bad Request\r\n"}},
	}})
	address, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	equals(t, dialRaw(t, address).closed(), "* BYE too busy\r\n")
	equals(t, dialRaw(t, address).read(), "HTTP/1.1 400 Bad Request")
	contains(t, dialRaw(t, address).read(), "* OK [CAPABILITY")
}

func TestFaultsOfAppend(t *testing.T) {
	t.Run("CutLiteral", func(t *testing.T) {
		for n, want := range map[int64]int{0: 0, 2: 0, 3: 0, 10: 0} {
			s, m, c := connect(t, Options{Faults: []Rule{{Command: "APPEND", Do: Action{Kind: CutLiteral, N: n}}}})
			c.send("x APPEND INBOX {3+}\r\nabc\r\n")
			equals(t, c.closed(), "")
			_ = c.conn.Close()
			eventually(t, "the end", func() bool { return s.Counts().Open == 0 })
			equals(t, m.Len("INBOX"), want)
			equals(t, s.Counts().LiteralsIn, min(n, 3))
		}
	})
	t.Run("APPENDUID can be missing, swapped or another", func(t *testing.T) {
		_, _, c := faulty(t,
			Rule{Command: "APPEND", Nth: 1, Do: Action{Kind: NoAppendUID}},
			Rule{Command: "APPEND", Nth: 2, Do: Action{Kind: SwapAppendUID}},
			Rule{Command: "APPEND", Nth: 3, Do: Action{Kind: OtherAppendUID, N: -1, UIDValidity: 1}})
		contains(t, c.ok("APPEND INBOX {1+}\r\na"), "OK APPEND")
		contains(t, c.ok("APPEND INBOX {1+}\r\na"), "[APPENDUID 4 1700000001]")
		contains(t, c.ok("APPEND INBOX {1+}\r\na"), "[APPENDUID 1700000002 4]")
		contains(t, c.ok("APPEND INBOX {1+}\r\na"), "[APPENDUID 1700000001 6]")
	})
	t.Run("Lose stores nothing", func(t *testing.T) {
		_, m, c := faulty(t, Rule{Command: "APPEND", Do: Action{Kind: Lose}})
		contains(t, c.ok("APPEND INBOX {1+}\r\na"), "[APPENDUID 1700000001 3]")
		equals(t, m.Len("INBOX"), 2)
	})
	t.Run("a message can be the reason", func(t *testing.T) {
		_, m, c := faulty(t,
			Rule{Message: func(a Arrival) bool { return a.HasNUL }, Do: Action{Kind: Answer, Text: "NO contains NUL"}},
			Rule{Message: func(a Arrival) bool { return a.Size > 5 }, Do: Action{Kind: CloseUnanswered}})
		c.ok("APPEND INBOX {2+}\r\nab")
		contains(t, c.no("APPEND INBOX {2+}\r\na\x00"), "contains NUL")
		contains(t, c.no("APPEND INBOX {2+}\r\nok {2+}\r\na\x00"), "contains NUL")
		equals(t, m.Len("INBOX"), 3)
		c.send("x APPEND INBOX {6+}\r\nabcdef\r\n")
		lacks(t, c.closed(), "x ")
		equals(t, m.Len("INBOX"), 4)
	})
}

func TestFaultsOfFetch(t *testing.T) {
	for _, f := range []struct {
		name string
		do   Action
		want string
	}{
		{"Omit", Action{Kind: Omit}, "* 2 FETCH (UID 2 BODY[] {11}\r\nmessage two)\r\nx OK FETCH completed.\r\n"},
		{"NoBody", Action{Kind: NoBody}, "* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 2 BODY[] {11}\r\nmessage two)\r\nx OK FETCH completed.\r\n"},
		{"NilBody", Action{Kind: NilBody}, "* 1 FETCH (UID 1 BODY[] NIL)\r\n* 2 FETCH (UID 2 BODY[] {11}\r\nmessage two)\r\nx OK FETCH completed.\r\n"},
		{"Substitute", Action{Kind: Substitute, Text: "oops"}, "* 1 FETCH (UID 1 BODY[] {4}\r\noops)\r\n* 2 FETCH (UID 2 BODY[] {11}\r\nmessage two)\r\nx OK FETCH completed.\r\n"},
		{"ShortLiteral", Action{Kind: ShortLiteral, N: 4}, "* 1 FETCH (UID 1 BODY[] {11}\r\nmess"},
		{"WrongLiteral", Action{Kind: WrongLiteral, N: -2}, "* 1 FETCH (UID 1 BODY[] {9}\r\nmessage one)\r\n* 2 FETCH (UID 2 BODY[] {11}\r\nmessage two)\r\nx OK FETCH completed.\r\n"},
		{"Close", Action{Kind: Close}, ""},
		{"Answer", Action{Kind: Answer, Text: "NO [LIMIT] Rate limit hit"}, "x NO [LIMIT] Rate limit hit\r\n"},
		{"Send", Action{Kind: Send, Text: "* 1 FETCH (((((\r\n"}, "* 1 FETCH (((((\r\n"},
	} {
		t.Run(f.name, func(t *testing.T) {
			_, _, c := faulty(t, Rule{UID: 1, Do: f.do})
			c.send("x UID FETCH 1:2 BODY.PEEK[]\r\ny LOGOUT\r\n")
			got := strings.Split(c.closed(), "* BYE")[0]
			equals(t, got, f.want)
		})
	}
}

func TestCutsAtEveryByte(t *testing.T) {
	talk := "a LOGIN u p\r\nb APPEND INBOX {3+}\r\nabc\r\nc LOGOUT\r\n"
	commit := int64(strings.Index(talk, "c LOGOUT"))
	for n := int64(0); n <= int64(len(talk)); n++ {
		s := New(Options{Faults: []Rule{{Do: Action{Kind: CutIn, N: n, Reset: n%2 == 1}}}})
		m := s.AddUser("u", "p")
		address, err := s.Listen()
		if err != nil {
			t.Fatal(err)
		}
		c := dialRaw(t, address)
		_, _ = io.WriteString(c.conn, talk)
		c.closed()
		s.Close()
		want := 0
		if n >= commit {
			want = 1
		}
		if got := m.Len("INBOX"); got != want {
			t.Errorf("cut after %d bytes: %d messages, want %d", n, got, want)
		}
		equals(t, s.Counts().In, min(n, int64(len(talk))))
	}
	for n := int64(0); n < 60; n++ {
		s := New(Options{Faults: []Rule{{Do: Action{Kind: CutOut, N: n}}}})
		address, err := s.Listen()
		if err != nil {
			t.Fatal(err)
		}
		c := dialRaw(t, address)
		equals(t, int64(len(c.closed())), n)
		s.Close()
	}
}

func TestHook(t *testing.T) {
	var points []string
	var m *Mailbox
	var busy atomic.Bool
	s := serve(t, Options{Hook: func(e Event) {
		if busy.Swap(true) {
			t.Error("two events at one time")
		}
		defer busy.Store(false)
		if e.Command == "APPEND" || e.Command == "UID FETCH" {
			points = append(points, string(e.Point))
		}
		if e.Point == BeforeCommit {
			m.Deliver("INBOX", []byte("in between"), epoch)
		}
		if e.Point == AfterCommit {
			equals(t, e.UIDs[0], 2)
			equals(t, e.Folder, "INBOX")
			equals(t, e.Size, 3)
		}
	}})
	m = s.AddUser("u", "p")
	c := dial(t, s)
	c.ok("LOGIN u p")
	contains(t, c.ok("APPEND INBOX {3+}\r\nabc"), "1700000001 2]")
	c.ok("SELECT INBOX")
	c.ok("UID FETCH 1 FLAGS")
	equals(t, strings.Join(points, ", "), "command read, literal started, arrived, before commit, after commit, before answer, after answer, "+
		"command read, before message, before answer, after answer")
}

func TestLateCommit(t *testing.T) {
	release := make(chan struct{})
	s, m, c := connect(t, Options{Hook: func(e Event) {
		if e.Point == BeforeCommit {
			<-release
		}
	}})
	c.send("x APPEND INBOX {1+}\r\na\r\n")
	_ = c.conn.Close()
	equals(t, m.Len("INBOX"), 0)
	close(release)
	eventually(t, "the late message", func() bool { return m.Len("INBOX") == 1 })
	s.Disconnect(true)
}
