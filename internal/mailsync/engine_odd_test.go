package mailsync

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Several workers wait for a folder to be free. The one that finds it refused
// must have told before the next takes it up.
func TestFolderThatIsRefusedIsToldOnceHoweverManyWait(t *testing.T) {
	play(t, 0, func(t *theatre) {
		for i := range 3 {
			t.deliver("Refused", i)
		}
		for i := range 300 {
			t.deliver("Work", i)
		}
		t.job.Connections = 4
		t.to.before = func(op operation) error {
			time.Sleep(time.Millisecond)
			if op.kind == opOpen && op.folder == "Refused" {
				return faultOf(migration.OneFolder, migration.CodeFolderRefused)
			}
			return nil
		}
		summary := t.run()
		t.expectCounts(summary, 300, 0, 3, 0)
		if summary.FoldersFailed != 1 || codes(summary.Findings) != migration.CodeFolderRefused {
			t.Errorf("%d folders failed, findings %+v", summary.FoldersFailed, summary.Findings)
		}
	})
}

// A folder that can neither be counted nor opened is not taken for an empty one: it counts
// as many messages left out as it had in an earlier pass, else as one.
func TestFolderThatNobodyCanCountIsNotTakenForEmpty(t *testing.T) {
	for _, listStatus := range []bool{true, false} {
		play(t, 0, func(t *theatre) {
			t.from.profile.ListStatus = listStatus
			for i := range 3 {
				t.deliver("INBOX", i)
			}
			inbox := t.from.box("INBOX")
			inbox.sealed = true
			t.expectLeft(t.run(), 1)
			inbox.sealed = false
			t.expectCounts(t.run(), 3, 0, 0, 0)
			inbox.sealed = true
			t.expectLeft(t.run(), 3)
		})
	}
}

// An INBOX always exists (RFC 3501 section 5.1): one that the server says is not there is
// one that nobody could look into. Neither is a folder empty that had messages.
func TestFolderThatIsSaidToBeMissingIsNotTakenForEmpty(t *testing.T) {
	for _, folder := range []string{"INBOX", "Work"} {
		play(t, 0, func(t *theatre) {
			for i := range 3 {
				t.deliver(folder, i)
			}
			t.expectCounts(t.run(), 3, 0, 0, 0)
			for i := range 3 {
				t.deliver(folder, 10+i)
			}
			t.from.box(folder).sealed = true
			t.from.before = func(op operation) error {
				if op.kind == opOpen && op.folder == folder {
					return faultOf(migration.OneFolder, migration.CodeFolderMissing)
				}
				return nil
			}
			t.expectLeft(t.run(), 3)
		})
	}
}

// What is left of an INBOX that nobody could look into is told beside the counts, since they
// stand for what is known of it only.
func TestAPassTellsWhatNobodyCouldLookInto(t *testing.T) {
	for folder, want := range map[string]struct{ sealed, refused migration.Unread }{
		"INBOX": {migration.InboxUnread, migration.InboxUnread}, "Work": {migration.FolderUncounted, migration.AllRead},
	} {
		play(t, 1, func(t *theatre) {
			t.deliver("Work", 1)
			box, refused := t.from.box(folder), false
			t.from.before = func(op operation) error {
				if refused && op.kind == opOpen && op.folder == folder {
					return faultOf(migration.OneFolder, migration.CodeFolderRefused)
				}
				return nil
			}
			for _, c := range []struct {
				sealed, refused bool
				want            migration.Unread
			}{{sealed: true, want: want.sealed}, {refused: true, want: want.refused}, {want: migration.AllRead}, {sealed: true, want: want.sealed}} {
				box.sealed, refused = c.sealed, c.refused
				if got := t.run().Unread; got != c.want {
					t.Errorf("%s, %+v: %v", folder, c, got)
				}
			}
		})
	}
}

// A source that lists no INBOX hides it, whatever else it lists.
func TestASourceThatListsNoInboxIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		root             string
		exclude, include []migration.FolderRule
		known            bool // by an earlier pass
		refused          bool
	}{
		"all folders":               {refused: true},
		"all folders, seen before":  {known: true, refused: true},
		"rules leave the INBOX out": {exclude: []migration.FolderRule{ruleOf("INBOX")}},
		"rules take another folder": {include: []migration.FolderRule{ruleOf("Sent")}},
		"another root":              {root: "Sent"},
	} {
		play(t, 3, func(t *theatre) {
			t.deliver("Sent", 9)
			if c.known {
				t.run()
			}
			t.from.remove(t.from.box("INBOX"))
			t.job.SourceRoot, t.job.Exclude, t.job.Include = c.root, c.exclude, c.include
			_, err := Run(t.Context(), t.job)
			if fault := migration.FaultOf(err); (fault != nil) != c.refused || c.refused && (fault.Class != migration.OneMailbox || fault.Code != migration.CodeNotConnected || fault.Remedy == "") {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

// Below a root nobody knows whether there is an INBOX, before there was one.
func TestAnInboxThatIsGoneFromItsRootIsRefused(t *testing.T) {
	play(t, 0, func(t *theatre) {
		t.job.SourceRoot = "users/anna"
		t.deliver("users/anna/Sent", 1)
		t.run()
		t.deliver("users/anna/INBOX", 2)
		t.run()
		t.from.remove(t.from.box("users/anna/INBOX"))
		if _, err := Run(t.Context(), t.job); migration.CodeOf(err) != migration.CodeNotConnected {
			t.Errorf("%v", err)
		}
	})
}

// expectLeft expects that one folder was given up and counts so many messages left out.
func (t *theatre) expectLeft(summary Summary, n int) {
	t.Helper()
	if summary.FoldersFailed != 1 || summary.Messages.Skipped != n || len(summary.Findings) != 1 || summary.Findings[0].Count != n {
		t.Errorf("%d folders failed, %+v, findings %+v, want %d left out", summary.FoldersFailed, summary.Messages, summary.Findings, n)
	}
}

// Whatever write the process dies at, mail that the target had keeps the flags
// the person gave it there.
func TestRecognisedMailKeepsItsFlagsWheneverTheProcessDies(t *testing.T) {
	for n := range 8 {
		play(t, 5, func(t *theatre) {
			here, there := t.from.box("INBOX"), t.to.box("INBOX")
			for _, l := range here.letters {
				here.setFlags(l, migration.Flags{`\Seen`})
				t.to.put(there, l.body, l.date, `\Flagged`)
			}
			var mu sync.Mutex
			writes := 0
			t.ledger.after = func(string) error {
				mu.Lock()
				defer mu.Unlock()
				if writes++; writes > n {
					return faultOf(migration.Stop, migration.CodeLedger)
				}
				return nil
			}
			_, _ = Run(t.Context(), t.job)
			t.ledger.after = nil
			t.run()
			for _, l := range there.letters {
				if !l.flags.Equal(migration.Flags{`\Flagged`}) {
					t.Errorf("dead after write %d: target %d has %v", n+1, l.uid, l.flags)
				}
			}
		})
	}
}

// The same for a source folder that was rebuilt.
func TestRebuiltSourceFolderLeavesFlagsAloneWheneverTheProcessDies(t *testing.T) {
	for n := range 5 {
		play(t, 0, func(t *theatre) {
			for i := range 5 {
				t.deliver("INBOX", i, `\Seen`)
			}
			t.run()
			there := t.to.box("INBOX")
			there.setFlags(there.letters[1], nil) // a person has it unread again
			t.from.box("INBOX").rebuild()
			var mu sync.Mutex
			writes := 0
			t.ledger.after = func(string) error {
				mu.Lock()
				defer mu.Unlock()
				if writes++; writes > n {
					return faultOf(migration.Stop, migration.CodeLedger)
				}
				return nil
			}
			_, _ = Run(t.Context(), t.job)
			t.ledger.after = nil
			t.run()
			if got := there.letters[1].flags; len(got) > 0 {
				t.Errorf("dead after write %d: the person's message has %v", n+1, got)
			}
		})
	}
}

// A server whose index was rebuilt counts its mod-sequences from the start: what
// changed must be found by comparing all flags.
func TestFlagsAreCarriedWhenModSequencesStartAgain(t *testing.T) {
	play(t, 20, func(t *theatre) {
		t.run()
		b := t.from.box("INBOX")
		b.setFlags(b.letters[3], migration.Flags{`\Flagged`})
		for _, l := range b.letters {
			l.modSeq = 1
		}
		b.modSeq = 5
		t.run()
		t.expectSame("INBOX")
		b.setFlags(b.letters[4], migration.Flags{`\Seen`})
		t.run()
		t.expectSame("INBOX")
	})
}

// A message that was given up is tried again, and the process dies before the
// answer is written. A pass that leaves such messages alone has to look for it.
func TestGivenUpMessageInDoubtIsLookedFor(t *testing.T) {
	play(t, 10, func(t *theatre) {
		t.to.fate = func(c *command) fate {
			if c.members[0].message.Key == 4 {
				return fate{cut: true, lost: true}
			}
			return fate{}
		}
		t.run()
		t.run()
		t.to.fate = nil
		t.job.RetrySkipped = true
		t.ledger.before = func(what string) error {
			if what == "settle" {
				return faultOf(migration.Stop, migration.CodeLedger)
			}
			return nil
		}
		if _, err := Run(t.Context(), t.job); migration.CodeOf(err) != migration.CodeLedger {
			t.Fatalf("the pass ended with %v", err)
		}
		t.ledger.before, t.job.RetrySkipped = nil, false
		t.expectCounts(t.run(), 1, 9, 0, 0)
		t.job.RetrySkipped = true
		t.expectCounts(t.run(), 0, 10, 0, 0)
		t.expectSame("INBOX")
	})
}

func TestGivenUpMessageThatIsGoneIsNotToldAnyMore(t *testing.T) {
	for _, condStore := range []bool{true, false} {
		play(t, 10, func(t *theatre) {
			t.from.profile.CondStore = condStore
			t.to.fate = func(c *command) fate {
				if c.members[0].message.Key == 4 {
					return fate{refused: faultOf(migration.OneMessage, migration.CodeRejected)}
				}
				return fate{}
			}
			t.expectCounts(t.run(), 9, 0, 1, 0)
			t.expectCounts(t.run(), 0, 9, 1, 0)
			t.expectCounts(t.run(), 0, 9, 1, 0)
			t.from.box("INBOX").remove(4)
			for n := range 3 {
				summary := t.run()
				t.expectCounts(summary, 0, 9, 0, 0)
				if len(summary.Findings) > 0 {
					t.Errorf("condstore %v, pass %d: findings %+v", condStore, n, summary.Findings)
				}
			}
		})
	}
}

// A server restored from a backup counts its UIDs on from there without a new
// UIDVALIDITY: new messages have the numbers of others that were copied.
func TestNumbersGivenTwiceAreNotTakenForCopied(t *testing.T) {
	for _, condStore := range []bool{true, false} {
		play(t, 10, func(t *theatre) {
			t.from.profile.CondStore = condStore
			t.run()
			b := t.from.box("INBOX")
			b.letters, b.next = b.letters[:8], 9 // 9 and 10 are lost
			t.run()
			t.deliver("INBOX", 20)
			t.deliver("INBOX", 21)
			t.deliver("INBOX", 22)
			t.run()
			for _, l := range b.letters {
				if !slices.ContainsFunc(t.to.box("INBOX").letters, func(c *letter) bool { return c.body == l.body }) {
					t.Errorf("condstore %v: source %d is missing at the target", condStore, l.uid)
				}
			}
			if n := len(t.to.box("INBOX").letters); n != 13 {
				t.Errorf("condstore %v: the target holds %d letters", condStore, n)
			}
		})
	}
}

// Names that the target refuses are made plain, and may then be the same.
func TestNamesMadePlainDoNotMeet(t *testing.T) {
	play(t, 0, func(t *theatre) {
		for i, name := range []string{"A*B", "A?B", "A_B"} {
			t.deliver(name, i)
		}
		t.to.before = func(op operation) error {
			if op.kind == opOpen && strings.ContainsAny(op.folder, "*?") {
				return faultOf(migration.OneFolder, migration.CodeFolderRefused)
			}
			return nil
		}
		for _, connections := range []int{1, 3} {
			t.job.Connections = connections
			t.run()
			targets := map[string]bool{}
			for _, record := range t.ledger.state.folders {
				if targets[record.Target] {
					t.Errorf("two folders go to %q", record.Target)
				}
				targets[record.Target] = true
			}
		}
	})
}

func TestNamesAreMadePlainWhereTheTargetRefusesThem(t *testing.T) {
	play(t, 0, func(t *theatre) {
		wanted := map[string]string{
			"semi;colon": "semi_colon", "(a) {b} `c` !": "(a) _b_ _c_ _", "\U0001F600 fun": "_ fun", "\u65e5\u672c": "\u65e5\u672c",
		}
		for i, name := range slices.Sorted(maps.Keys(wanted)) {
			t.deliver(name, i)
		}
		t.to.before = func(op operation) error {
			if op.kind == opOpen && strings.ContainsAny(op.folder, ";{}`!\U0001F600") {
				return faultOf(migration.OneFolder, migration.CodeFolderRefused)
			}
			return nil
		}
		summary := t.run()
		for _, name := range wanted {
			if b := t.to.box(name); b == nil || len(b.letters) != 1 {
				t.Errorf("the target has no %q with its letter", name)
			}
		}
		if n := strings.Count(codes(summary.Findings), migration.CodeFolderRenamed); n != 3 {
			t.Errorf("%d folders are told to be renamed, want 3: %+v", n, summary.Findings)
		}
	})
}

func TestSubscriptionsSurviveWhereTheTargetHasTheFolder(t *testing.T) {
	play(t, 0, func(t *theatre) {
		for i, name := range []string{"There", "Plain", "Deleted"} {
			t.deliver(name, i)
			t.from.box(name).subscribed = name != "Plain"
		}
		t.to.make("There")
		t.to.make("Plain")
		t.run()
		t.to.boxes = slices.DeleteFunc(t.to.boxes, func(b *box) bool { return b.name == "Deleted" })
		t.deliver("Deleted", 9)
		t.run()
		for _, name := range []string{"There", "Plain", "Deleted"} {
			if b := t.to.box(name); b.subscribed != t.from.box(name).subscribed {
				t.Errorf("%s: subscribed is %v", name, b.subscribed)
			}
		}
	})
}

// Folders that the target does not tell apart by case are kept apart.
func TestFoldersThatTheTargetTakesForOneAreKeptApart(t *testing.T) {
	play(t, 0, func(t *theatre) {
		t.deliver("Work", 1)
		t.deliver("work", 2)
		t.to.foldCase = true
		summary := t.run()
		if len(t.to.boxes) != 3 || codes(summary.Findings) != migration.CodeFolderRenamed {
			t.Errorf("the target has %d folders, findings %+v", len(t.to.boxes), summary.Findings)
		}
		t.expectCounts(t.run(), 0, 2, 0, 0)
	})
}

// A folder that this very pass has made is rebuilt while messages are in doubt: it
// is not one that a person has deleted.
func TestFolderMadeAndRebuiltInOnePassIsRecognised(t *testing.T) {
	play(t, 0, func(t *theatre) {
		for i := range 400 {
			t.deliver("Work", i)
		}
		t.to.wreck = func(commands []*command) (int, int, time.Duration) { return len(commands), 0, 0 }
		fail := failOnce(opFlush, 3, lostFault())
		t.to.before = func(op operation) error {
			err := fail(op)
			if b := t.to.box("Work"); err != nil && b != nil {
				time.AfterFunc(10*time.Second, func() { // no goroutine that outlives a quick pass
					t.to.mu.Lock()
					defer t.to.mu.Unlock()
					b.rebuild()
				})
			}
			return err
		}
		summary := t.run()
		t.expectSame("Work")
		if len(summary.Findings) > 0 {
			t.Errorf("findings %+v", summary.Findings)
		}
	})
}

// The source lists a message and does not describe it.
func TestMessageCopiedWithoutItsFlagsIsTold(t *testing.T) {
	play(t, 5, func(t *theatre) {
		t.from.mute = []migration.UID{3}
		summary := t.run()
		t.expectCounts(summary, 5, 0, 0, 0)
		if codes(summary.Findings) != migration.CodeDateUnknown+" "+migration.CodeFlagsUnknown {
			t.Errorf("findings %+v", summary.Findings)
		}
	})
}
