package oracle_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/rigs/oracle"
)

// answers is what a strange server says to each command of the oracle.
func answers(command string) string {
	switch verb, _, _ := strings.Cut(command, " "); verb {
	case "CAPABILITY":
		return "* CAPABILITY IMAP4rev1\r\n"
	case "LIST":
		return "* LIST () \"/\" inbox\r\n* LIST (\\Noselect) NIL {8}\r\nno \"name\r\n" +
			"* LIST () \".\" {7}\r\na\\b{3}c\r\n* OK a word in between\r\n"
	case "LSUB":
		return "* LSUB () \"/\" gone\r\n* LSUB () \"/\" INBOX\r\n"
	case "EXAMINE":
		if strings.Contains(command, `"INBOX"`) {
			return "* 2 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 9] ok\r\n"
		}
		return "* 0 EXISTS\r\n* OK [UIDVALIDITY 8] ok\r\n"
	case "FETCH":
		return "* 1 FETCH (BODY[] {17}\r\nX-Churn: 1\r\n\r\n()\r FLAGS (\\Recent b A) UID 5 " +
			"INTERNALDATE \" 1-Jan-1970 01:00:00 +0100\" RFC822.SIZE 99)\r\n" +
			"* 7 EXPUNGE\r\n* 2 FETCH (UID 6 FLAGS () RFC822.SIZE 0 INTERNALDATE \"19-Jan-2038 03:14:08 +0000\" BODY[] \"\")\r\n" +
			"* 1 FETCH (FLAGS (b) UID 5)\r\n"
	}
	return ""
}

// strangeServer serves one connection and returns its port.
func strangeServer(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		fmt.Fprint(c, "* OK hello\r\n")
		lines := bufio.NewScanner(c)
		for lines.Scan() {
			tag, command, _ := strings.Cut(lines.Text(), " ")
			fmt.Fprintf(c, "%s%s OK done\r\n", answers(command), tag)
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

func TestOracleReadsAStrangeServer(t *testing.T) {
	if m := oracle.Missing(); m != "" {
		t.Skip(m)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s, err := oracle.Take(ctx, "127.0.0.1", strangeServer(t), `od"d`, "pass word")
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Folders) != 3 || s.Count() != 2 || len(s.OnlySubscribed) != 1 {
		t.Fatalf("the snapshot is %+v", s)
	}
	inbox, literal, closed := s.Folders[0], s.Folders[1], s.Folders[2]
	if inbox.Raw != "INBOX" || !inbox.Subscribed || inbox.UIDValidity != 7 || inbox.UIDNext != 9 {
		t.Errorf("INBOX is %+v", inbox)
	}
	if literal.Raw != `a\b{3}c` || literal.UIDValidity != 8 {
		t.Errorf("the folder named by a literal is %+v", literal)
	}
	if closed.Raw != `no "name` || closed.Selectable {
		t.Errorf("the folder that cannot be selected is %+v", closed)
	}
	first, second := inbox.Messages[0], inbox.Messages[1]
	if first.UID != 5 || first.Size != 17 || first.AnnouncedSize != 99 || first.Date != 0 || !first.Churn ||
		strings.Join(first.Flags, " ") != "A b" {
		t.Errorf("the first message is %+v", first)
	}
	if second.UID != 6 || second.Size != 0 || second.Date != 1<<31 || second.Churn {
		t.Errorf("the second message is %+v", second)
	}
}
