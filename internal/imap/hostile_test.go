package imap_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/mailhaul/mailhaul/internal/imap"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

// slowConn gives what it receives one byte at a time.
type slowConn struct {
	net.Conn
	in io.Reader
}

func (c slowConn) Read(p []byte) (int, error) { return c.in.Read(p) }

func TestAnswersMayComeByteByByte(t *testing.T) {
	s := connect(t, greeted("CONDSTORE")+
		"C LIST \"\" \"*\"\nC LSUB \"\" \"*\"\nW "+fmt.Sprintf("%q", "* list (\\Sent) nil {3}\r\na b\r\n$2 ok\r\n$3 OK\n")+
		"\nC SELECT \"a b\" (CONDSTORE)\nS * 2 exists\nS * ok [uidnext 9] x\nS * OK [UIDVALIDITY 3] x\nS $T ok [read-only] x\n"+
		"C UID FETCH 1:2 (UID BODY.PEEK[])\nW "+fmt.Sprintf("%q", "*  1  fetch  (uid 1  body[] ~{3}\nabc  flags (\\seen) )\r\n* 2 FETCH (BODY[]<0> {2}\r\nde UID 2)\r\n$T  Ok  done\n")+
		"\nC UID SEARCH ALL\nS * SEARCH\nS $T OK",
		func(o *imap.Options) {
			dial := o.Dial
			o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := dial(ctx, network, address)
				return slowConn{conn, iotest.OneByteReader(conn)}, err
			}
		})
	folders, err := s.Folders(t.Context())
	if err != nil || len(folders) != 1 || folders[0].Name != "a b" || folders[0].Use != "Sent" {
		t.Fatal(folders, err)
	}
	status, err := s.Open(t.Context(), migration.Open{Folder: "a b"})
	if err != nil || status.UIDNext != 9 || status.Messages != 2 || status.UIDValidity != 3 || !status.ReadOnly {
		t.Errorf("%+v %v", status, err)
	}
	got, err := bodies(t.Context(), s, migration.UIDsFrom(1, 2))
	if err != nil || got[1] != "abc" || got[2] != "de" {
		t.Error(got, err)
	}
	if _, err := s.UIDs(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestRefusedFolderNameIsNotSent(t *testing.T) {
	// The next thing the server hears is a command, not the refused literal.
	s := connect(t, greeted("")+"C APPEND {3}\nS $T NO no such folder\nC UID SEARCH ALL\nS * SEARCH\nS $T OK", nil)
	var c collected
	a := s.Appender("\xe9\xff!", migration.AppendOptions{}, c.add)
	if err := a.Append(t.Context(), migration.AppendMessage{Key: 1, Size: 1}, strings.NewReader("a")); err != nil {
		t.Error(err)
	}
	if got := c.text(); got != "1=0:message/message-rejected:false" {
		t.Error(got)
	}
	if _, err := s.UIDs(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestEmptyMessageSharesNoCommand(t *testing.T) {
	s := connect(t, greeted("LITERAL+ MULTIAPPEND")+"C APPEND T {1+}\nL a\nC APPEND T {0+}\nL \nC APPEND T {1+}\nL b\nS $2 OK\nS $3 OK\nS $4 OK", nil)
	if got := appendAll(t, s, false, "a", "", "b"); strings.Count(got, ":ok:") != 3 {
		t.Error(got)
	}
}

func TestMessageBeyondAppendLimitIsNotSent(t *testing.T) {
	s := connect(t, greeted("LITERAL+ APPENDLIMIT=3")+"C APPEND T {3+}\nL abc\nS $T OK", nil)
	if got := appendAll(t, s, false, "abcd", "abc"); got != "1=0:message/too-large:false 2=0:ok:false" {
		t.Error(got)
	}
}

func TestBrokenMultiAppendIsNotTriedForEver(t *testing.T) {
	group := "C APPEND T {1+}\nL a {1+}\nL b\nS $T BAD unknown argument\n"
	s := connect(t, greeted("LITERAL+ MULTIAPPEND")+group+group+"C APPEND T {1+}\nL a\nC APPEND T {1+}\nL b\nS $4 OK\nS $5 OK", nil)
	for i, want := range []string{"group-refused", "group-refused", "ok"} {
		if got := appendAll(t, s, false, "a", "b"); strings.Count(got, want) != 2 {
			t.Errorf("round %d: %s", i, got)
		}
	}
}

func TestStrangeAttributesCostNoMessage(t *testing.T) {
	s := connect(t, greeted("CONDSTORE")+"C UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE MODSEQ)\n"+
		"S * 1 FETCH (UID 1 FLAGS NIL INTERNALDATE NIL RFC822.SIZE NIL MODSEQ NIL)\n"+
		"S * 2 FETCH (UID 2 FLAGS (\\Seen) INTERNALDATE \"31-Feb-2020 00:00:00 +0000\" RFC822.SIZE -1 MODSEQ 5)\nS $T OK", nil)
	var got []string
	err := s.Messages(t.Context(), migration.Query{Flags: true, Date: true, Size: true, Each: func(m migration.Message) error {
		got = append(got, fmt.Sprint(m.UID, m.Flags, m.Size, m.ModSeq, m.Date.IsZero()))
		return nil
	}})
	if want := `[1 [] -1 0 true 2 [\Seen] -1 5 true]`; err != nil || fmt.Sprint(got) != want {
		t.Errorf("%v %v, want %s", got, err, want)
	}
}

func TestMalformedSearchIsNoEmptyFolder(t *testing.T) {
	for _, answer := range []string{"* SEARCH 1 2 99999999999 4", "* SEARCH 1 2 x", "* SEARCH 0", "* ESEARCH (TAG \"x\") UID ALL 1:*"} {
		t.Run(answer, func(t *testing.T) {
			s := connect(t, greeted("")+"C UID SEARCH ALL\nS "+answer+"\nS $T OK\nC UID SEARCH ALL\nS * SEARCH 1\nS * SEARCH 2 (MODSEQ 9)\nS $T OK", nil)
			_, err := s.UIDs(t.Context())
			wantFault(t, err, migration.OneFolder, migration.CodeServerBug)
			uids, err := s.UIDs(t.Context())
			if err != nil || uids.String() != "1:2" {
				t.Error("the session did not survive:", uids, err)
			}
		})
	}
}

func TestInboxHasNoCase(t *testing.T) {
	s := connect(t, greeted("LIST-STATUS LIST-EXTENDED")+"C LIST \"\" \"*\" RETURN (SUBSCRIBED STATUS (MESSAGES UIDNEXT UIDVALIDITY))\n"+
		"S * LIST () \"/\" Inbox\nS * STATUS INBOX (MESSAGES 4)\nS * LIST () \"/\" INBOX\nS $T OK", nil)
	folders, err := s.Folders(t.Context())
	if err != nil || len(folders) != 1 || folders[0].Raw != "Inbox" || folders[0].Status == nil || folders[0].Status.Messages != 4 {
		t.Errorf("%+v %v", folders, err)
	}
}

func TestHugeMessageIsOnlyItsOwnTrouble(t *testing.T) {
	// The message's own result comes first, and then the line ends: what was
	// announced cannot be read past in any sensible time.
	for _, size := range []string{"4294967296", "9223372036854775807", "99999999999999999999999"} {
		t.Run(size, func(t *testing.T) {
			s := connect(t, greeted("")+"C UID FETCH 1:2 (UID BODY.PEEK[])\nS * 1 FETCH (UID 1 BODY[] {"+size+"}", nil)
			var inside error
			err := s.Bodies(t.Context(), migration.UIDsFrom(1, 2), func(b migration.Body) error {
				_, inside = io.ReadAll(b.Reader)
				return nil
			})
			wantFault(t, inside, migration.OneMessage, migration.CodeTooLarge)
			wantFault(t, err, migration.Again, migration.CodeServerBug)
		})
	}
}

// zeros gives n zero bytes.
func zeros(n int64) io.Reader { return io.LimitReader(zero{}, n) }

type zero struct{}

func (zero) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestLargeMessagesAreStreamed(t *testing.T) {
	const size = 200 << 20
	for name, answer := range map[string]string{
		"in order":              "* 1 FETCH (UID 1 BODY[] {%d}",
		"amid malformed things": "* 1 FETCH (UID 1 FLAGS oops) BODY[] {%d}",
		"unasked":               "* 1 FETCH (UID 1 RFC822.TEXT {%d}",
	} {
		t.Run(name, func(t *testing.T) {
			s := connect(t, greeted("")+fmt.Sprintf("C UID FETCH 1 (UID BODY.PEEK[])\nS "+answer+"\nZ %d\nW \")\\r\\n$T OK\\r\\n\"", size, size), nil)
			var read int64
			err := s.Bodies(t.Context(), migration.NewUIDSet(1), func(b migration.Body) error {
				n, err := io.Copy(io.Discard, b.Reader)
				read = n
				return err
			})
			if err != nil || name == "in order" && read != size {
				t.Error(read, err)
			}
		})
	}
}

func TestNobodyElsesMailboxIsOpened(t *testing.T) {
	for _, mechanism := range []string{"LOGIN", "COMMAND"} {
		_, script, err := dialScript(discard{t}, "S * OK [CAPABILITY IMAP4rev1 AUTH=LOGIN] x", func(o *imap.Options) {
			o.Credential = imap.Credential{User: "admin", AuthorizeAs: "anna", Password: secret.New("p"), Mechanism: mechanism}
		})
		wantFault(t, err, migration.Login, migration.CodeLogin)
		_ = script.conn.Close()
		<-script.done
	}
}

func TestSecretAcrossACutIsNotShown(t *testing.T) {
	token := strings.Repeat("0123456789abcdef", 200)
	var lines []string
	_, script, err := dialScript(t, "S * OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] x\nC AUTHENTICATE XOAUTH2\nS $T NO "+strings.Repeat(token, 15), func(o *imap.Options) {
		o.Credential = imap.Credential{User: "u", Token: secret.New(token)}
		o.Trace = func(line string) { lines = append(lines, line) }
	})
	wantFault(t, err, migration.Login, migration.CodeLogin)
	if all := strings.Join(lines, "\n") + err.Error(); strings.Contains(all, token[:16]) {
		t.Errorf("%.3000s", all)
	}
	<-script.done
}

// brokenPipe refuses to write once broken, and goes on reading.
type brokenPipe struct {
	net.Conn
	broken *atomic.Bool
}

func (c brokenPipe) Write(p []byte) (int, error) {
	if c.broken.Load() {
		return 0, errors.New("broken pipe")
	}
	return c.Conn.Write(p)
}

func TestLastWordsAreHeardAfterABrokenWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		s, script, err := dialScript(t, greeted(""), func(o *imap.Options) {
			dial := o.Dial
			o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := dial(ctx, network, address)
				return brokenPipe{conn, &broken}, err
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		broken.Store(true)
		go func() {
			time.Sleep(50 * time.Millisecond)
			_, _ = io.WriteString(script.conn, "* BYE Request is throttled. Suggested Backoff Time: 299961 milliseconds\r\n")
			_ = script.conn.Close()
		}()
		_, err = s.UIDs(t.Context())
		wantFault(t, err, migration.Later, migration.CodeThrottled)
		_ = s.Close()
		<-script.done
	})
}

func TestByeWithoutAnEndIsTheReasonToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := connect(t, greeted("")+"C UID SEARCH ALL\nS * BYE Request is throttled. Suggested Backoff Time: 299961 milliseconds", nil)
		_, err := s.UIDs(t.Context())
		wantFault(t, err, migration.Later, migration.CodeThrottled)
	})
}

func TestUnaskedBodyIsNotTakenForTheOneAskedFor(t *testing.T) {
	s := connect(t, greeted("")+"C UID FETCH 1 (UID BODY.PEEK[])\nW "+
		fmt.Sprintf("%q", "* 9 FETCH (BODY[] {2}\r\nzz UID 7)\r\n* 1 FETCH (BODY[] {1}\r\nb UID 1)\r\n$T OK\r\n"), nil)
	got, err := bodies(t.Context(), s, migration.NewUIDSet(1))
	if err != nil || len(got) != 1 || got[1] != "b" {
		t.Error(got, err)
	}
}

func TestBareNamesMayHoldSpaces(t *testing.T) {
	s := connect(t, greeted("LIST-STATUS")+"C LIST \"\" \"*\" RETURN (SUBSCRIBED STATUS (MESSAGES UIDNEXT UIDVALIDITY))\n"+
		"S * LIST () \"/\" Sent\nS * LIST () \"/\" Sent  Items (\"CHILDINFO\" (\"SUBSCRIBED\"))\nS * LIST () NIL a b c\nS * STATUS Sent  Items (MESSAGES 3)\nS $T OK", nil)
	folders, err := s.Folders(t.Context())
	if err != nil || len(folders) != 3 || folders[1].Raw != "Sent  Items" || folders[1].Status == nil || folders[2].Raw != "a b c" {
		t.Errorf("%+v %v", folders, err)
	}
}

func TestTraceShowsNoBodyThatStraysOutOfItsLiteral(t *testing.T) {
	var lines []string
	s := connect(t, greeted("")+"C UID FETCH 1 (UID BODY.PEEK[])\nW "+
		fmt.Sprintf("%q", "* 1 FETCH (UID 1 BODY[] {3}\r\nDear Anna,\r\nthe private matter of ours\r\n)\r\n$T OK\r\n"), func(o *imap.Options) {
		o.Trace = func(line string) { lines = append(lines, line) }
	})
	_, _ = bodies(t.Context(), s, migration.NewUIDSet(1))
	_ = s.Close()
	if all := strings.Join(lines, "\n"); strings.Contains(all, "private") {
		t.Error(all)
	}
}

func TestMessageAnnouncedTooShortIsNeverWhole(t *testing.T) {
	for _, rest := range []string{"def", "\r\nnext line", ")x", "\r\n"} {
		t.Run(rest, func(t *testing.T) {
			s := connect(t, greeted("")+"C UID FETCH 1 (UID BODY.PEEK[])\nW "+fmt.Sprintf("%q", "* 1 FETCH (UID 1 BODY[] {3}\r\nabc"+rest+")\r\n$T OK\r\n"), nil)
			var inside error
			err := s.Bodies(t.Context(), migration.NewUIDSet(1), func(b migration.Body) error {
				_, inside = io.ReadAll(b.Reader)
				return nil
			})
			if inside == nil {
				t.Error("it was taken for whole")
			}
			wantFault(t, err, migration.Again, migration.CodeServerBug)
		})
	}
}

func TestFlagsToldApartAreKept(t *testing.T) {
	s := connect(t, greeted("")+"C UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)\n"+
		"S * 1 FETCH (UID 1 FLAGS (\\Seen))\nS * 1 FETCH (UID 1 INTERNALDATE \"01-Jan-2020 00:00:00 +0000\" RFC822.SIZE 3)\nS $T OK", nil)
	var got []string
	err := s.Messages(t.Context(), migration.Query{Flags: true, Date: true, Size: true, Each: func(m migration.Message) error {
		got = append(got, fmt.Sprint(m.UID, m.Flags, m.Size))
		return nil
	}})
	if err != nil || fmt.Sprint(got) != `[1 [\Seen] 3]` {
		t.Error(got, err)
	}
}
