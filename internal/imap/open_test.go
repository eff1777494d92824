package imap_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/internal/imap"
	"github.com/mailhaul/mailhaul/internal/migration"
)

func TestUnselectRemovesNothing(t *testing.T) {
	tests := []struct {
		name, capabilities, script string
		readOnly                   bool
	}{
		{"UNSELECT", "UNSELECT", "C SELECT A\nS $T OK [READ-WRITE] x\nC UNSELECT\nS $T OK", false},
		{"CLOSE after EXAMINE", "", "C EXAMINE A\nS $T OK [READ-ONLY] x\nC CLOSE\nS $T OK", true},
		{"SELECT is made EXAMINE before CLOSE", "", "C SELECT A\nS $T OK [READ-WRITE] x\nC EXAMINE A\nS $T OK [READ-ONLY] x\nC CLOSE\nS $T OK", false},
		{"no CLOSE when the folder stays writable", "", "C SELECT A\nS $T OK [READ-WRITE] x\nC EXAMINE A\nS $T OK x", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			script := strings.ReplaceAll(test.script, "S $T OK [READ", "S * OK [UIDNEXT 1] x\nS $T OK [READ")
			script = strings.ReplaceAll(script, "C EXAMINE A\nS $T OK x", "C EXAMINE A\nS * OK [UIDNEXT 1] x\nS $T OK x")
			s := connect(t, greeted(test.capabilities)+script, nil)
			if err := s.Unselect(t.Context()); err != nil {
				t.Error("with nothing open:", err)
			}
			if _, err := s.Open(t.Context(), migration.Open{Folder: "A", ReadOnly: test.readOnly}); err != nil {
				t.Fatal(err)
			}
			if err := s.Unselect(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSizeAndIDOfFolders(t *testing.T) {
	s := connect(t, greeted("LIST-STATUS LIST-EXTENDED STATUS=SIZE OBJECTID")+
		"C LIST \"\" \"*\" RETURN (SUBSCRIBED STATUS (MESSAGES UIDNEXT UIDVALIDITY MAILBOXID SIZE))\n"+
		"S * LIST () \"/\" A\nS * STATUS A (MESSAGES 2 SIZE 5000000000 MAILBOXID (F1))\nS $T OK\n"+
		"C STATUS A (MESSAGES UIDNEXT UIDVALIDITY MAILBOXID SIZE)\nS * STATUS A (SIZE 7)\nS $T OK\n"+
		"C SELECT A\nS * OK [MAILBOXID (F2)] x\nS * OK [UIDNEXT 3] x\nS $T OK", nil)
	folders, err := s.Folders(t.Context())
	if err != nil || len(folders) != 1 || folders[0].Status.Size != 5_000_000_000 || folders[0].ID != "F1" {
		t.Errorf("%+v %v", folders, err)
	}
	statuses, err := s.Status(t.Context(), []string{"A"})
	if err != nil || statuses[0].Size != 7 {
		t.Error(statuses, err)
	}
	if status, err := s.Open(t.Context(), migration.Open{Folder: "A"}); err != nil || status.ID != "F2" {
		t.Errorf("%+v %v", status, err)
	}
}

func TestMissingUIDNextIsAskedForInTheSameBurst(t *testing.T) {
	s := connect(t, greeted("")+"C SELECT A\nS * 1 EXISTS\nS $T OK\nC STATUS A (UIDNEXT)\nS * STATUS A (UIDNEXT 8)\nS $T OK\n"+
		"C STATUS B (UIDNEXT)\nC SELECT B\nS * STATUS B (UIDNEXT 9)\nS $4 OK\nS $5 OK\n"+
		"C STATUS C (UIDNEXT)\nC SELECT C\nS $6 NO no status\nS $7 OK", nil)
	for folder, want := range map[string]migration.UID{"A": 8} {
		status, err := s.Open(t.Context(), migration.Open{Folder: folder})
		if err != nil || status.UIDNext != want {
			t.Errorf("%s: %+v %v", folder, status, err)
		}
	}
	before := s.Traffic().RoundTrips
	if status, err := s.Open(t.Context(), migration.Open{Folder: "B"}); err != nil || status.UIDNext != 9 {
		t.Errorf("%+v %v", status, err)
	}
	if trips := s.Traffic().RoundTrips - before; trips != 1 {
		t.Error(trips, "round trips")
	}
	if status, err := s.Open(t.Context(), migration.Open{Folder: "C"}); err != nil || status.UIDNext != 0 {
		t.Errorf("%+v %v", status, err)
	}
}

// changes collects what an opening tells.
type changes struct{ flags, listed, gone []string }

func (c *changes) open(raw string) migration.Open {
	return migration.Open{Folder: raw, ReadOnly: true,
		Query: &migration.Query{From: 10, Flags: true, ChangedSince: 5,
			Each:     func(m migration.Message) error { c.listed = append(c.listed, fmt.Sprint(m.UID)); return nil },
			Vanished: func(uids migration.UIDSet) { c.gone = append(c.gone, uids.String()) }},
		Since: &migration.KnownState{UIDValidity: 7, ModSeq: 5, UIDs: migration.UIDsFrom(1, 9),
			Each: func(m migration.Message) error {
				c.flags = append(c.flags, fmt.Sprint(m.UID, m.Flags, m.ModSeq))
				return nil
			}}}
}

func TestOpeningTellsWhatHasChanged(t *testing.T) {
	s := connect(t, greeted("CONDSTORE QRESYNC ENABLE")+
		"C ENABLE QRESYNC\nC EXAMINE A (QRESYNC (7 5 1:9))\nC UID FETCH 10:* (UID FLAGS MODSEQ) (CHANGEDSINCE 5 VANISHED)\n"+
		"S * ENABLED QRESYNC\nS $2 OK\nS * 3 EXISTS\nS * OK [UIDVALIDITY 7] x\nS * OK [UIDNEXT 12] x\nS * OK [HIGHESTMODSEQ 9] x\nS * VANISHED (EARLIER) 2:3\n"+
		"S * 1 FETCH (UID 4 FLAGS (\\Seen) MODSEQ (8))\nS * 2 FETCH (UID 11 FLAGS () MODSEQ (8))\nS $3 OK\nS * 2 FETCH (UID 11 FLAGS () MODSEQ (8))\nS $4 OK\n"+
		"C EXAMINE B (QRESYNC (7 5 1:9))\nC UID FETCH 10:* (UID FLAGS MODSEQ) (CHANGEDSINCE 5 VANISHED)\n"+
		"S * VANISHED 1\nS * 1 FETCH (UID 5 FLAGS (old))\nS * OK [CLOSED] x\nS * OK [UIDVALIDITY 8] x\nS * OK [UIDNEXT 1] x\nS * OK [HIGHESTMODSEQ 9] x\nS $5 OK\nS $6 OK", nil)
	var c changes
	status, err := s.Open(t.Context(), c.open("A"))
	if err != nil || !status.Resynced || fmt.Sprint(c) != `{[4 [\Seen] 8] [11] [2:3]}` {
		t.Errorf("%+v %v %v", status, c, err)
	}
	c = changes{}
	status, err = s.Open(t.Context(), c.open("B"))
	if err != nil || status.Resynced || len(c.flags) > 0 {
		t.Errorf("news of the folder before, or of another UIDVALIDITY, were believed: %+v %v %v", status, c, err)
	}
}

func TestRefusedResyncIsDoneWithout(t *testing.T) {
	for name, answer := range map[string]string{"BAD": "S $2 BAD unknown", "OK without ENABLED": "S * ENABLED\nS $2 OK"} {
		t.Run(name, func(t *testing.T) {
			s := connect(t, greeted("CONDSTORE QRESYNC ENABLE")+
				"C ENABLE QRESYNC\nC EXAMINE A (QRESYNC (7 5 1:9))\nC UID FETCH 10:* (UID FLAGS MODSEQ) (CHANGEDSINCE 5 VANISHED)\n"+
				answer+"\nS $3 BAD QRESYNC is not enabled\nS $4 BAD no folder is open\n"+
				"C EXAMINE A (CONDSTORE)\nC UID FETCH 10:* (UID FLAGS MODSEQ) (CHANGEDSINCE 5)\nS * OK [UIDNEXT 12] x\nS $5 OK\nS * 1 FETCH (UID 11 FLAGS () MODSEQ (8))\nS $6 OK", nil)
			var c changes
			status, err := s.Open(t.Context(), c.open("A"))
			if err != nil || status.Resynced || fmt.Sprint(c) != "{[] [11] []}" {
				t.Errorf("%+v %v %v", status, c, err)
			}
		})
	}
}

func TestOversizeMessageIsItsOwnFault(t *testing.T) {
	small := func(o *imap.Options) { o.Limits.Message = 10 }
	source := connect(t, greeted("")+"C UID FETCH 1:3 (UID BODY.PEEK[])\nW "+
		fmt.Sprintf("%q", "* 1 FETCH (UID 1 BODY[] {3}\r\nabc)\r\n* 2 FETCH (UID 2 BODY[] {200000}\r\n"+strings.Repeat("x", 200000)+")\r\n* 3 FETCH (UID 3 BODY[] {3}\r\ndef)\r\n$T OK\r\n"), small)
	target := connect(t, greeted("LITERAL+ MULTIAPPEND")+"C APPEND T {3+}\nL abc\nC APPEND T {3+}\nL def\nS $2 OK\nS $3 OK", nil)
	var c collected
	a := target.Appender("T", migration.AppendOptions{}, c.add)
	err := source.Bodies(t.Context(), migration.UIDsFrom(1, 3), func(b migration.Body) error {
		return a.Append(t.Context(), migration.AppendMessage{Key: b.UID, Size: b.Size}, b.Reader)
	})
	if err != nil {
		t.Error(err)
	}
	if err := a.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if got := c.text(); got != "2=0:message/too-large:false 1=0:ok:false 3=0:ok:false" {
		t.Error(got)
	}
}

func TestStrangeFolderNames(t *testing.T) {
	long := strings.Repeat("n", 2000)
	s := connect(t, greeted("")+"C LIST \"\" \"*\"\nC LSUB \"\" \"*\"\nW "+fmt.Sprintf("%q",
		"* LIST () \"/\" \"q\\\"\\\\\"\r\n* LIST () \"\\\\\" {3}\r\n\xe9\xff!\r\n* LIST () {2}\r\n\r\n {6}\r\na\r\nb*c\r\n* LIST () NIL {3}\r\nx\x00y\r\n* LIST () \"/\" "+long+"\r\n* LIST () \"/\" {0}\r\n\r\n$2 OK\r\n$3 OK\r\n")+
		"\nC SELECT \"q\\\"\\\\\"\nS $T NO no\nC SELECT {3}\nS + go\nR 3\nL \nS $T NO no\nC SELECT {6}\nS + go\nR 6\nL \nS $T NO no\nC STATUS \"q\\\"\\\\\" (MESSAGES UIDNEXT UIDVALIDITY)\nS $T NO no", nil)
	folders, err := s.Folders(t.Context())
	if err != nil || len(folders) != 6 {
		t.Fatalf("%+v %v", folders, err)
	}
	for i, name := range []string{`q"\`, "\uFFFD!", "a\uFFFD\uFFFDb*c", "x\uFFFDy"} {
		if folders[i].Name != name {
			t.Errorf("folder %d is %q, want %q", i, folders[i].Name, name)
		}
	}
	if folders[2].Delimiter != 0 || folders[1].Delimiter != '\\' {
		t.Error("delimiters", folders[1].Delimiter, folders[2].Delimiter)
	}
	for i, remedy := range []string{"", "", "", "Rename this folder", "Rename this folder"} {
		_, err := s.Open(t.Context(), migration.Open{Folder: folders[i].Raw})
		wantFault(t, err, migration.OneFolder, migration.CodeFolderRefused)
		if !strings.Contains(migration.FaultOf(err).Remedy, remedy) {
			t.Error(err)
		}
	}
	if statuses, err := s.Status(t.Context(), []string{folders[3].Raw, folders[0].Raw}); err != nil || len(statuses) != 2 {
		t.Error(statuses, err)
	}
}

func TestStrayGoAheadIsNotKeptForTheNextLiteral(t *testing.T) {
	s := connect(t, greeted("")+"C APPEND T {2}\nW \"+ go\\r\\n+ go\\r\\n\"\nR 2\nL \nS $T OK\nC APPEND T {3}\nS $T NO [TOOBIG] no", nil)
	if got := appendAll(t, s, true, "ab", "cde"); got != "1=0:ok:false 2=0:message/too-large:false" {
		t.Error(got)
	}
}

func TestSignInThatNeverEndsIsEnded(t *testing.T) {
	_, script, err := dialScript(discard{t}, "S * OK [CAPABILITY IMAP4rev1 AUTH=LOGIN LOGINDISABLED] x\nC AUTHENTICATE LOGIN\n"+strings.Repeat("S +\n", 100000), nil)
	wantFault(t, err, migration.Again, migration.CodeServerBug)
	<-script.done
}

// A server that announces CONDSTORE and does not have it is asked without.
func TestRefusedCondStoreIsDoneWithout(t *testing.T) {
	s := connect(t, greeted("CONDSTORE")+"C EXAMINE A (CONDSTORE)\nC UID FETCH 5:* (UID FLAGS MODSEQ)\nS $2 BAD parse error\nS $3 BAD no folder is open\n"+
		"C EXAMINE A\nC UID FETCH 5:* (UID FLAGS)\nS * 1 EXISTS\nS * OK [UIDNEXT 6] x\nS $4 OK\nS * 1 FETCH (UID 5 FLAGS ())\nS $5 OK\n"+
		"C UID FETCH 1:4 (UID FLAGS)\nS * 1 FETCH (UID 4 FLAGS ())\nS $T OK", nil)
	var seen []migration.UID
	each := func(m migration.Message) error { seen = append(seen, m.UID); return nil }
	status, err := s.Open(t.Context(), migration.Open{Folder: "A", ReadOnly: true, Query: &migration.Query{From: 5, Flags: true, Each: each}})
	if err != nil || status.UIDNext != 6 || s.Profile().CondStore {
		t.Errorf("%+v %v", status, err)
	}
	err = s.Messages(t.Context(), migration.Query{UIDs: migration.UIDsFrom(1, 4), Flags: true, ChangedSince: 7, Each: each})
	if err != nil || fmt.Sprint(seen) != "[5 4]" {
		t.Error(seen, err)
	}
}

func TestRefusedChangedSinceIsAskedForWithout(t *testing.T) {
	s := connect(t, greeted("CONDSTORE")+"C EXAMINE A (CONDSTORE)\nS * OK [UIDNEXT 6] x\nS $T OK\n"+
		"C UID FETCH 1:4 (UID FLAGS MODSEQ) (CHANGEDSINCE 7)\nS $T BAD parse error\nC UID FETCH 1:4 (UID FLAGS)\nS * 1 FETCH (UID 4 FLAGS ())\nS $T OK", nil)
	if _, err := s.Open(t.Context(), migration.Open{Folder: "A", ReadOnly: true}); err != nil {
		t.Fatal(err)
	}
	seen := 0
	err := s.Messages(t.Context(), migration.Query{UIDs: migration.UIDsFrom(1, 4), Flags: true, ChangedSince: 7, Each: func(migration.Message) error { seen++; return nil }})
	if err != nil || seen != 1 || s.Profile().CondStore {
		t.Error(seen, err)
	}
}

// A name that the server cannot read is no proof against CONDSTORE.
func TestBadFolderNameDoesNotEndCondStore(t *testing.T) {
	s := connect(t, greeted("CONDSTORE")+"C EXAMINE A (CONDSTORE)\nS $T BAD what\nC EXAMINE A\nS $T BAD what\nC EXAMINE B (CONDSTORE)\nS * OK [UIDNEXT 6] x\nS $T OK", nil)
	if _, err := s.Open(t.Context(), migration.Open{Folder: "A", ReadOnly: true}); migration.CodeOf(err) != migration.CodeFolderRefused {
		t.Error(err)
	}
	if _, err := s.Open(t.Context(), migration.Open{Folder: "B", ReadOnly: true}); err != nil {
		t.Error(err)
	}
}
