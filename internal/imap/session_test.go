package imap_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailhaul/mailhaul/internal/imap"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

func TestFetchIsRead(t *testing.T) {
	tests := []struct {
		name, answer string
		want         map[migration.UID]string
		class        migration.Class
	}{
		{"attributes come before and after the literal",
			"* 1 FETCH (UID 1 BODY[] {3}\r\nabc FLAGS (\\Seen))\r\n* 2 FETCH (FLAGS () BODY[] {2}\r\nde UID 2)\r\n$T OK done\r\n",
			map[migration.UID]string{1: "abc", 2: "de"}, ""},
		{"a body may be a quoted string, or NIL for one that cannot be had",
			"* 1 FETCH (UID 1 BODY[] \"q\\\"x\")\r\n* 2 FETCH (UID 2 BODY[] NIL)\r\n* 3 FETCH (BODY[] \"\" UID 3)\r\n$T OK done\r\n",
			map[migration.UID]string{1: `q"x`, 3: ""}, ""},
		{"what nobody asked for is skipped",
			"* 9 FETCH (UID 9 BODY[] {2}\r\nzz)\r\n* 4 FETCH (FLAGS (\\Seen))\r\n* 1 FETCH (BODYSTRUCTURE ((\"a\" {3}\r\nx)(  NIL) 5) ENVELOPE (NIL NIL) UID 1 BODY[] {1}\r\nb)\r\n$T OK done\r\n",
			map[migration.UID]string{1: "b"}, ""},
		{"flags that change meanwhile are not taken for the message",
			"* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n* 1 FETCH (UID 1 BODY[] {1}\r\nb)\r\n$T OK done\r\n",
			map[migration.UID]string{1: "b"}, ""},
		{"unknown and malformed responses do no harm",
			"* WHAT {5}\r\n)\r\n(( \"\r\n* 1 FETCH UID 1\r\n* LIST ( \"\r\n* XY \"{3\r\n* 1 FETCH (UID 1 BODY[] {1}\r\nb)\r\n+ huh\r\nstray OK\r\n$T OK done\r\n",
			map[migration.UID]string{1: "b"}, ""},
		{"what was delivered before a NO stays delivered",
			"* 1 FETCH (UID 1 BODY[] {1}\r\nb)\r\n$T NO some messages could not be read\r\n",
			map[migration.UID]string{1: "b"}, migration.OneMessage},
		{"each message is delivered once",
			"* 1 FETCH (UID 1 BODY[] {1}\r\nb)\r\n* 1 FETCH (UID 1 BODY[] {1}\r\nc)\r\n$T OK done\r\n",
			map[migration.UID]string{1: "b"}, ""},
		{"an atom is no message", "* 1 FETCH (UID 1 BODY[] {-5})\r\n* 2 FETCH (UID 2 BODY[] atom)\r\n* 3 FETCH (UID 3 BODY[] nil)\r\n$T OK done\r\n", map[migration.UID]string{}, ""},
		{"OK without data is no message", "$T OK done\r\n", map[migration.UID]string{}, ""},
		{"throttling is obeyed in BAD too", "$T BAD Request is throttled. Suggested Backoff Time: 89117 milliseconds\r\n", map[migration.UID]string{}, migration.Later},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := connect(t, greeted("")+"C UID FETCH 1:3 (UID BODY.PEEK[])\nW "+fmt.Sprintf("%q", test.answer), nil)
			got, err := bodies(t.Context(), s, migration.UIDsFrom(1, 3))
			if fmt.Sprint(got) != fmt.Sprint(test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
			if test.class == "" && err != nil || test.class != "" && (err == nil || migration.ClassOf(err) != test.class) {
				t.Errorf("got %v, want class %q", err, test.class)
			}
		})
	}
}

// Dovecot answers no command before it has done what it was sent behind it. The bodies are
// there nevertheless.
func TestBodiesAreThereBeforeTheirCommandIsAnswered(t *testing.T) {
	s := connect(t, greeted("")+
		"C UID FETCH 1:2 (UID BODY.PEEK[])\nW "+fmt.Sprintf("%q", "* 1 FETCH (UID 1 BODY[] {3}\r\nabc)\r\n* 2 FETCH (BODY[] {2}\r\nde UID 2)\r\n")+
		"\nC UID SEARCH ALL\nS $2 OK fetched\nS * SEARCH 1 2\nS $T OK", nil)
	got, err := bodies(t.Context(), s, migration.UIDsFrom(1, 2))
	if err != nil || got[1] != "abc" || got[2] != "de" {
		t.Error(got, err)
	}
	if uids, err := s.UIDs(t.Context()); err != nil || uids.Len() != 2 {
		t.Error(uids, err)
	}
}

// What comes between the last body and the answer is of the folder that is left.
func TestNewsOfTheOldFolderIsNotTakenForThatOfTheNext(t *testing.T) {
	s := connect(t, greeted("")+"C UID FETCH 1 (UID BODY.PEEK[])\nW "+fmt.Sprintf("%q", "* 1 FETCH (UID 1 BODY[] {3}\r\nabc)\r\n")+
		"\nS * 3 FETCH (UID 7 FLAGS (\\Seen))\nS $T OK fetched\nC SELECT B\nC UID FETCH 1:* (UID FLAGS)\nS * 1 EXISTS\nS * OK [UIDVALIDITY 4] x\n"+
		"S * OK [UIDNEXT 9] x\nS $3 OK x\nS * 1 FETCH (UID 7 FLAGS (\\Flagged))\nS $4 OK", nil)
	if _, err := bodies(t.Context(), s, migration.NewUIDSet(1)); err != nil {
		t.Fatal(err)
	}
	var told []migration.Flags
	_, err := s.Open(t.Context(), migration.Open{Folder: "B", Query: &migration.Query{Flags: true, Each: func(m migration.Message) error {
		told = append(told, m.Flags)
		return nil
	}}})
	if err != nil || len(told) != 1 || !told[0].Has(migration.FlagFlagged) {
		t.Error(told, err)
	}
}

// Of those that the server leaves out its answer tells.
func TestBodiesThatDoNotComeAreWaitedForUntilTheAnswer(t *testing.T) {
	s := connect(t, greeted("")+"C UID FETCH 1:2 (UID BODY.PEEK[])\nW "+fmt.Sprintf("%q", "* 1 FETCH (UID 1 BODY[] {3}\r\nabc)\r\n$T NO [EXPUNGEISSUED] some are gone\r\n"), nil)
	if got, err := bodies(t.Context(), s, migration.UIDsFrom(1, 2)); err == nil || got[1] != "abc" || len(got) != 1 {
		t.Error(got, err)
	}
}

func TestLargeBodyBeforeItsUIDIsAskedForAgainAlone(t *testing.T) {
	big := strings.Repeat("x", 1<<20+1)
	s := connect(t, greeted("")+
		"C UID FETCH 1:2 (UID BODY.PEEK[])\nW "+fmt.Sprintf("%q", fmt.Sprintf("* 1 FETCH (BODY[] {%d}\r\n%s UID 1)\r\n* 2 FETCH (UID 2 BODY[] {1}\r\nb)\r\n$T OK\r\n", len(big), big))+
		"\nC UID FETCH 1 (UID BODY.PEEK[])\nW "+fmt.Sprintf("%q", fmt.Sprintf("* 1 FETCH (BODY[] {%d}\r\n%s UID 1)\r\n$T OK\r\n", len(big), big)), nil)
	got, err := bodies(t.Context(), s, migration.UIDsFrom(1, 2))
	if err != nil || got[1] != big || got[2] != "b" {
		t.Error(err, len(got[1]), got[2])
	}
}

func TestShortLiteralIsNeverAWholeMessage(t *testing.T) {
	s := connect(t, greeted("")+"C UID FETCH 1 (UID BODY.PEEK[])\nW \"* 1 FETCH (UID 1 BODY[] {10}\\r\\nabc\"\nX", nil)
	var inside error
	err := s.Bodies(t.Context(), migration.NewUIDSet(1), func(b migration.Body) error {
		_, inside = io.ReadAll(b.Reader)
		return inside
	})
	if !errors.Is(inside, io.ErrUnexpectedEOF) {
		t.Error("the reader said", inside)
	}
	wantFault(t, err, migration.Again, migration.CodeLost)
	_, err = s.UIDs(t.Context())
	wantFault(t, err, migration.Again, migration.CodeLost)
}

func TestUnreadBodyIsDrainedAndCallbackErrorEndsTheCall(t *testing.T) {
	s := connect(t, greeted("")+"C UID FETCH 1:2 (UID BODY.PEEK[])\nW "+fmt.Sprintf("%q", "* 1 FETCH (UID 1 BODY[] {3}\r\nabc)\r\n* 2 FETCH (UID 2 BODY[] {3}\r\nabc)\r\n$T OK\r\n")+
		"\nC UID SEARCH ALL\nS * SEARCH 3 1 2 7\nS $T OK", nil)
	stop, calls := errors.New("stop"), 0
	err := s.Bodies(t.Context(), migration.UIDsFrom(1, 2), func(migration.Body) error { calls++; return stop })
	if !errors.Is(err, stop) || calls != 1 {
		t.Error(err, calls)
	}
	uids, err := s.UIDs(t.Context())
	if err != nil || uids.String() != "1:3,7" {
		t.Error(uids, err)
	}
}

func TestOpenSendsOneBurst(t *testing.T) {
	s := connect(t, greeted("CONDSTORE")+
		"C CREATE A\nC SUBSCRIBE A\nC SELECT A (CONDSTORE)\nC UID FETCH 5:* (UID FLAGS INTERNALDATE RFC822.SIZE MODSEQ)\n"+
		"S $2 NO [ALREADYEXISTS] there\nS $3 OK\nS * 4 EXISTS\nS * OK [UIDVALIDITY 7] ok\nS * OK [UIDNEXT 6] ok\nS * OK [PERMANENTFLAGS (\\Seen \\*)] ok\nS * OK [HIGHESTMODSEQ 99] ok\nS $4 OK [READ-WRITE] done\n"+
		"S * 4 FETCH (UID 4 FLAGS () INTERNALDATE \"01-Jan-2020 00:00:00 +0000\" RFC822.SIZE 1 MODSEQ (9))\n"+
		"S * 5 FETCH (MODSEQ (12) UID 5 FLAGS (\\Seen \\Recent $X) INTERNALDATE \" 1-Feb-2020 01:02:03 +0130\" RFC822.SIZE 77)\nS $5 OK", nil)
	var got []migration.Message
	status, err := s.Open(t.Context(), migration.Open{Folder: "A", Create: true, Subscribe: true,
		Query: &migration.Query{From: 5, Flags: true, Date: true, Size: true, Each: func(m migration.Message) error { got = append(got, m); return nil }}})
	if err != nil || status.UIDValidity != 7 || status.UIDNext != 6 || status.Messages != 4 || status.HighestModSeq != 99 || !status.Keeps("kw") || status.ReadOnly {
		t.Errorf("%+v %v", status, err)
	}
	if len(got) != 1 || got[0].UID != 5 || got[0].ModSeq != 12 || got[0].Size != 77 || len(got[0].Flags) != 2 || got[0].Date.Format(time.RFC3339) != "2020-02-01T01:02:03+01:30" {
		t.Errorf("%+v", got)
	}
	if trips := s.Traffic().RoundTrips; trips != 2 {
		t.Errorf("%d round trips for sign-in and opening, want 2", trips)
	}
}

func TestFoldersWithoutExtensionsComeInOneBurst(t *testing.T) {
	s := connect(t, greeted("NAMESPACE ID")+
		"C ID (\"name\" \"mailhaul\")\nC LIST \"\" \"*\"\nC LSUB \"\" \"*\"\nC NAMESPACE\nS * ID (\"name\" \"Cyrus\" \"version\" NIL)\nS $2 OK\n"+
		"S * LIST (\\HasNoChildren) \"/\" inbox\nS * LIST (\\Noselect) \"/\" \"Other Users\"\nW \"* LIST () \\\"/\\\" {13}\\r\\nOther Users/x\\r\\n\"\nS * LIST (\\Sent) NIL \"R&D\"\nS $3 OK\n"+
		"S * LSUB () \"/\" inbox\nS $4 OK\nS * NAMESPACE ((\"\" \"/\")) ((\"Other Users/\" \"/\")) NIL\nS $5 OK", nil)
	folders, err := s.Folders(t.Context())
	if err != nil || len(folders) != 4 {
		t.Fatal(folders, err)
	}
	if f := folders[0]; !f.IsInbox() || !f.Subscribed || f.Raw != "inbox" || f.Delimiter != '/' {
		t.Errorf("%+v", f)
	}
	if f := folders[1]; f.Selectable || f.Space != migration.OtherUsers {
		t.Errorf("%+v", f)
	}
	if f := folders[3]; f.Use != "Sent" || f.Name != "R&D" || f.Raw != "R&D" || f.Delimiter != 0 || f.Space != migration.Personal {
		t.Errorf("%+v", f)
	}
}

func TestARootInANamespaceApartIsListed(t *testing.T) {
	const namespaces = "NAMESPACE ((\"INBOX.\" \".\")) NIL ((\"#shared.\" \".\")(\"shared.\" \".\"))"
	for _, test := range []struct{ root, pattern, listed string }{
		{"#shared/anna", "#shared.anna*", ""},
		{"/#shared/anna/", "#shared.anna*", ""},
		{"#shared", "#shared*", ""},
		{"#shared/J\u00f6rg", "#shared.J&APY-rg*", ""},
		{"#shared/J&APY-rg", "#shared.J*", ""},
		{"#sharedanna", "", ""},
		{"shared/anna", "", ""},
		{"", "", ""},
		{"#shared/anna", "", "#shared.anna"}, // LIST left it out nowhere
	} {
		script := greeted("NAMESPACE") + "C LIST \"\" \"*\"\nC LSUB \"\" \"*\"\nC NAMESPACE\nS * LIST () \".\" INBOX\n"
		want := 1
		if test.listed != "" {
			script += "S * LIST () \".\" " + test.listed + "\n"
			want++
		}
		script += "S $2 OK\nS $3 OK\nS * " + namespaces + "\nS $4 OK\n"
		if test.pattern != "" {
			script += "C LIST \"\" \"" + test.pattern + "\"\nC LSUB \"\" \"" + test.pattern + "\"\nS * LIST () \".\" #shared.anna\nS $5 OK\nS $6 OK\n"
			want++
		}
		s := connect(t, script, func(o *imap.Options) { o.Root = test.root })
		folders, err := s.Folders(t.Context())
		if err != nil || len(folders) != want || want == 2 && folders[1].Space != migration.Shared {
			t.Errorf("root %q: %+v, %v", test.root, folders, err)
		}
	}
}

func TestTwoCallsOverlap(t *testing.T) {
	// The second command comes before the first has any answer.
	s := connect(t, greeted("")+"C UID FETCH 1 (UID BODY.PEEK[])\nC UID FETCH 2 (UID BODY.PEEK[])\n"+
		"W "+fmt.Sprintf("%q", "* 2 FETCH (UID 2 BODY[] {1}\r\nb)\r\n* 1 FETCH (UID 1 BODY[] {1}\r\na)\r\n$3 OK\r\n$2 OK\r\n"), nil)
	first := make(chan error, 1)
	sent := make(chan struct{})
	go func() {
		close(sent)
		got, err := bodies(t.Context(), s, migration.NewUIDSet(1))
		if got[1] != "a" {
			err = fmt.Errorf("got %v, %w", got, err)
		}
		first <- err
	}()
	<-sent
	for s.Traffic().RoundTrips < 2 { // the first call is on its way
		time.Sleep(time.Millisecond)
	}
	got, err := bodies(t.Context(), s, migration.NewUIDSet(2))
	if err != nil || got[2] != "b" {
		t.Error(got, err)
	}
	if err := <-first; err != nil {
		t.Error(err)
	}
}

func TestCancelFreesBlockedCalls(t *testing.T) {
	s := connect(t, greeted("")+"C UID FETCH 1 (UID BODY.PEEK[])\nW \"* 1 FETCH (UID 1 BODY[] {10}\\r\\nabc\"", nil)
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Bodies(ctx, migration.NewUIDSet(1), func(b migration.Body) error {
		if _, err := io.ReadFull(b.Reader, make([]byte, 3)); err != nil {
			return err
		}
		cancel()
		_, err := io.ReadAll(b.Reader)
		return err
	})
	wantFault(t, err, migration.Again, migration.CodeInterrupted)
	if !errors.Is(err, context.Canceled) {
		t.Error("the cause is lost:", err)
	}
}

func TestSilenceEndsTheLine(t *testing.T) {
	tests := []struct {
		name, script string
		took         time.Duration
	}{
		{"no answer at all", "C UID SEARCH ALL", 120 * time.Second},
		{"half an answer", "C UID SEARCH ALL\nW \"* SEARCH 1 2\"", 120 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := connect(t, greeted("")+test.script, nil)
				time.Sleep(time.Hour) // an idle session may stand still
				start := time.Now()
				_, err := s.UIDs(t.Context())
				wantFault(t, err, migration.Again, migration.CodeTimeout)
				if took := time.Since(start); took < test.took || took > test.took+30*time.Second {
					t.Error("it took", took)
				}
			})
		})
	}
}

func TestSlowReceiverIsNoTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := connect(t, greeted("")+"C UID FETCH 1 (UID BODY.PEEK[])\nW "+fmt.Sprintf("%q", "* 1 FETCH (UID 1 BODY[] {3}\r\nabc)\r\n$T OK\r\n"), nil)
		err := s.Bodies(t.Context(), migration.NewUIDSet(1), func(b migration.Body) error {
			time.Sleep(time.Hour)
			_, err := io.ReadAll(b.Reader)
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestSlowLorisEndsTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, script, err := dialScript(t, greeted("")+"C UID FETCH 1 (UID BODY.PEEK[])\nW \"* 1 FETCH (UID 1 BODY[] {100000}\\r\\n\"", nil)
		if err != nil {
			t.Fatal(err)
		}
		dripping := make(chan struct{})
		go func() {
			defer close(dripping)
			for {
				time.Sleep(10 * time.Second)
				if _, err := script.conn.Write([]byte("x")); err != nil {
					return
				}
			}
		}()
		start := time.Now()
		_, err = bodies(t.Context(), s, migration.NewUIDSet(1))
		wantFault(t, err, migration.Again, migration.CodeTimeout)
		if took := time.Since(start); took > 3*time.Minute {
			t.Error("it took", took)
		}
		_ = s.Close()
		<-script.done
		<-dripping
	})
}

func TestByeIsTheReasonOfTheLoss(t *testing.T) {
	s := connect(t, greeted("")+"C UID SEARCH ALL\nS * BYE Connection limit reached\nX", nil)
	_, err := s.UIDs(t.Context())
	wantFault(t, err, migration.Later, migration.CodeTooManyConns)
}

func TestPauseHoldsForEveryCallUntilItIsOver(t *testing.T) {
	tests := []struct {
		name, script string
		code         string
		pause        time.Duration
	}{
		{"of a stated length", "S $T NO Request is throttled. Suggested Backoff Time: 90000 milliseconds\nS * BYE enough\nX", migration.CodeThrottled, 90 * time.Second},
		{"of no stated length", "S * BYE Connection limit reached\nX", migration.CodeTooManyConns, 5 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := connect(t, greeted("")+"C UID SEARCH ALL\n"+test.script, nil)
				_, err := s.UIDs(t.Context())
				wantFault(t, err, migration.Later, test.code)
				synctest.Wait() // the line has ended
				time.Sleep(test.pause - time.Second)
				_, err = s.UIDs(t.Context())
				wantFault(t, err, migration.Later, test.code)
				if after := migration.FaultOf(err).After; after > 2*time.Second {
					t.Error("the rest of the pause is", after)
				}
				var c collected
				_ = s.Appender("T", migration.AppendOptions{}, c.add).Append(t.Context(), migration.AppendMessage{Key: 1, Size: 1}, strings.NewReader("x"))
				if got := c.text(); got != "1=0:later/"+test.code+":false" {
					t.Error(got)
				}
				time.Sleep(time.Second)
				_, err = s.UIDs(t.Context())
				wantFault(t, err, migration.Again, migration.CodeLost)
			})
		})
	}
}

func TestLimitsEndTheLine(t *testing.T) {
	tests := map[string]string{
		"nesting":                        "* 1 FETCH (BODYSTRUCTURE " + strings.Repeat("(", 100),
		"literal":                        "* 1 FETCH (FLAGS ({1000000}\r\n",
		"message":                        "* 1 FETCH (UID 1 BODY[] {9223372036854775807}\r\n",
		"overflow":                       "* 1 FETCH (UID 1 BODY[] {99999999999999999999999}\r\n",
		"line":                           "* XYZ " + strings.Repeat("a", 70000) + "\r\n",
		"literals that nobody asked for": strings.Repeat("* LIST () {60000}\r\n"+strings.Repeat("a", 60000)+" {60000}\r\n"+strings.Repeat("a", 60000), 1),
	}
	for name, answer := range tests {
		t.Run(name, func(t *testing.T) {
			client := greeted("") + "C UID FETCH 1 (UID BODY.PEEK[])\nW " + fmt.Sprintf("%q", answer)
			if name == "literals that nobody asked for" {
				client += "\nX"
			}
			s, script, err := dialScript(discard{t}, client, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err = bodies(t.Context(), s, migration.NewUIDSet(1))
			if migration.ClassOf(err) != migration.Again || err == nil {
				t.Error(err)
			}
			_ = s.Close()
			_ = script.conn.Close()
			<-script.done
		})
	}
}

// discard is for scripts whose peer may leave early.
type discard struct{ testing.TB }

func (discard) Errorf(string, ...any) {}

func TestNothingShowsTheSecret(t *testing.T) {
	var lines []string
	s, script, err := dialScript(t, "S * OK hello\nC CAPABILITY\nS * CAPABILITY IMAP4rev1\nS $T OK\nC LOGIN \"canary-user\" \"canary-s3cret\"\nS $T NO no such user canary-user with password canary-s3cret \x1b[31m", func(o *imap.Options) {
		o.Trace = func(line string) { lines = append(lines, line) }
	})
	if s != nil {
		t.Fatal("signed in")
	}
	wantFault(t, err, migration.Login, migration.CodeLogin)
	fault := migration.FaultOf(err)
	all := strings.Join(lines, "\n") + fmt.Sprintf("%+v %#v %s", fault, fault, err)
	if strings.Contains(all, canaryPassword) || strings.ContainsRune(fault.Text, 0x1b) {
		t.Error(all)
	}
	<-script.done
}

func TestSignIn(t *testing.T) {
	token := func(o *imap.Options) { o.Credential = imap.Credential{User: "u", Token: secret.New("tok")} }
	tests := []struct {
		name, script string
		change       func(*imap.Options)
		class        migration.Class
		code         string
	}{
		{"PLAIN without SASL-IR", "S * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] x\nC AUTHENTICATE PLAIN\nS +\nL AGNhbmFyeS11c2VyAGNhbmFyeS1zM2NyZXQ=\nS * CAPABILITY IMAP4rev1 UIDPLUS\nS $T OK", nil, "", ""},
		{"capabilities are asked for again when the server does not tell", "S * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] x\nC AUTHENTICATE PLAIN AGNhbmFyeS11c2VyAGNhbmFyeS1zM2NyZXQ=\nS $T OK\nC CAPABILITY\nS * CAPABILITY IMAP4rev1\nS $T OK", nil, "", ""},
		{"SASL LOGIN", "S * OK [CAPABILITY IMAP4rev1 AUTH=LOGIN LOGINDISABLED] x\nC AUTHENTICATE LOGIN\nS + VXNlcm5hbWU6\nL Y2FuYXJ5LXVzZXI=\nS + UGFzc3dvcmQ6\nL Y2FuYXJ5LXMzY3JldA==\nS $T OK [CAPABILITY IMAP4rev1] x", nil, "", ""},
		{"LOGINDISABLED is respected", "S * OK [CAPABILITY IMAP4rev1 LOGINDISABLED] x", nil, migration.Login, migration.CodeLogin},
		{"an XOAUTH2 error is answered with an empty line", "S * OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR] x\nC AUTHENTICATE XOAUTH2 dXNlcj11AWF1dGg9QmVhcmVyIHRvawEB\nS + eyJzdGF0dXMiOiI0MDEifQ==\nL \nS $T NO [AUTHENTICATIONFAILED] no", token, migration.Login, migration.CodeLogin},
		{"no mailbox behind the account", "S * OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR] x\nC AUTHENTICATE XOAUTH2 dXNlcj11AWF1dGg9QmVhcmVyIHRvawEB\nS $T OK\nC CAPABILITY\nS $T BAD User is authenticated but not connected.", token, migration.OneMailbox, migration.CodeNotConnected},
		{"too many connections is no wrong password", "S * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] x\nC AUTHENTICATE PLAIN AGNhbmFyeS11c2VyAGNhbmFyeS1zM2NyZXQ=\nS $T NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)", nil, migration.Later, migration.CodeTooManyConns},
		{"a password that needs a literal", "S * OK [CAPABILITY IMAP4rev1] x\nC LOGIN \"u\" {3}\nS + go\nR 3\nL \nS $T OK [CAPABILITY IMAP4rev1] x",
			func(o *imap.Options) { o.Credential = imap.Credential{User: "u", Password: secret.New("pä")} }, "", ""},
		{"an authorisation identity", "S * OK [CAPABILITY IMAP4rev1 SASL-IR] x\nC AUTHENTICATE PLAIN YW5uYQBhZG1pbgBw\nS $T OK [CAPABILITY IMAP4rev1] x",
			func(o *imap.Options) {
				o.Credential = imap.Credential{User: "admin", AuthorizeAs: "anna", Password: secret.New("p")}
			}, "", ""},
		{"a greeting that turns away", "S * BYE too many connections", nil, migration.Later, migration.CodeTooManyConns},
		{"no IMAP server", "S 220 mail ESMTP", nil, migration.Again, migration.CodeGreeting},
		{"somebody signed in already", "S * PREAUTH hi", nil, migration.Login, migration.CodePolicy},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, script, err := dialScript(t, test.script, test.change)
			if test.code == "" && err != nil {
				t.Error(err)
			} else if test.code != "" {
				wantFault(t, err, test.class, test.code)
			}
			_ = script.conn.Close()
			if s != nil {
				_ = s.Close()
			}
			<-script.done
		})
	}
}

// A call that waits until it is alone on the line does not wait for another that
// never ends when its own context has.
func TestCancelFreesACallThatWaitsToBeAlone(t *testing.T) {
	big := strings.Repeat("x", 1<<20+1)
	s := connect(t, greeted("")+"C UID FETCH 9 (UID BODY.PEEK[])\nW \"* 9 FETCH (UID 9 BODY[] {1}\\r\\na)\\r\\n\"\n"+
		"C UID FETCH 1:2 (UID BODY.PEEK[])\nW "+fmt.Sprintf("%q", fmt.Sprintf("* 1 FETCH (BODY[] {%d}\r\n%s UID 1)\r\n* 2 FETCH (UID 2 BODY[] {1}\r\nb)\r\n$T OK\r\n", len(big), big)), nil)
	stuck, begun := make(chan error), make(chan struct{})
	first, end := context.WithCancel(t.Context())
	go func() {
		stuck <- s.Bodies(first, migration.NewUIDSet(9), func(migration.Body) error { close(begun); return nil })
	}()
	<-begun
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Bodies(ctx, migration.UIDsFrom(1, 2), func(b migration.Body) error {
		if b.UID == 2 {
			cancel()
		}
		return nil
	})
	wantFault(t, err, migration.Again, migration.CodeInterrupted)
	end()
	<-stuck
}

func TestTheServersNameIsAskedForOnRequest(t *testing.T) {
	tests := []struct {
		capabilities, answer string
		want                 string
		class                migration.Class
	}{
		{"ID", "C ID NIL\nS * ID (\"NAME\" \"Cyrus\x1b IMAPD\" \"version\" NIL)\nS $T OK", "map[name:Cyrus  IMAPD version:]", ""},
		{"ID", "C ID NIL\nS * ID NIL\nS $T OK", "map[]", ""},
		{"ID", "C ID NIL\nS $T NO not for you", "map[]", migration.OneMailbox},
		{"IDLE", "", "map[]", ""},
	}
	for _, test := range tests {
		// The sign-in would say our name first; a nameless client says nothing.
		s := connect(t, greeted(test.capabilities)+test.answer, func(o *imap.Options) { o.ClientID = map[string]string{} })
		got, err := s.Identity(t.Context())
		if fmt.Sprint(got) != test.want || test.class == "" && err != nil || test.class != "" && migration.ClassOf(err) != test.class {
			t.Errorf("%s: got %v, %v, want %s", test.answer, got, err, test.want)
		}
	}
}

// TestAFolderIsLeftBeforeItIsDeleted if it is the open one, and only then.
func TestAFolderIsLeftBeforeItIsDeleted(t *testing.T) {
	s := connect(t, greeted("UNSELECT")+
		"C SELECT A\nS * 0 EXISTS\nS * OK [UIDVALIDITY 7] ok\nS * OK [UIDNEXT 1] ok\nS $T OK [READ-WRITE] done\n"+
		"C DELETE B\nS $T OK\nC UNSELECT\nS $T OK\nC DELETE A\nS $T NO not this one", nil)
	if _, err := s.Open(t.Context(), migration.Open{Folder: "A"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), "B"); err != nil {
		t.Error(err)
	}
	if err := s.Delete(t.Context(), "A"); migration.CodeOf(err) != migration.CodeFolderRefused {
		t.Error(err)
	}
}
