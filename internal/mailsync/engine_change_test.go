package mailsync

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

func TestFlagsChangedAtTheSourceAreCarried(t *testing.T) {
	for _, condStore := range []bool{true, false} {
		play(t, 5, func(t *theatre) {
			t.from.profile.CondStore = condStore
			t.run()
			here, there := t.from.box("INBOX"), t.to.box("INBOX")
			there.setFlags(there.letters[0], migration.Flags{"$Mine"})
			there.setFlags(there.letters[1], migration.Flags{"$Mine"})
			here.setFlags(here.letters[0], migration.Flags{`\Seen`, "$Work"})
			t.expectCounts(t.run(), 0, 5, 0, 0)
			here.setFlags(here.letters[0], migration.Flags{"$Work"})
			t.run()
			if got := there.letters[0].flags; !got.Equal(migration.Flags{"$Mine", "$Work"}) {
				t.Errorf("condstore %v: the first has %v", condStore, got)
			}
			if got := there.letters[1].flags; !got.Equal(migration.Flags{"$Mine"}) {
				t.Errorf("condstore %v: the second has %v", condStore, got)
			}
		})
	}
}

func TestFlagsTheTargetDoesNotKeepAreTold(t *testing.T) {
	play(t, 0, func(t *theatre) {
		t.to.permanent = []string{`\Seen`}
		t.deliver("INBOX", 1, `\Seen`, "$Work")
		summary := t.run()
		if got := t.to.box("INBOX").letters[0].flags; !got.Equal(migration.Flags{`\Seen`}) || codes(summary.Findings) != migration.CodeKeywordDropped {
			t.Errorf("copied with %v, findings %+v", got, summary.Findings)
		}
	})
}

func TestMessagesWithoutADateAreTold(t *testing.T) {
	play(t, 3, func(t *theatre) {
		t.deliver("INBOX", 9).date = time.Time{}
		summary := t.run()
		t.expectCounts(summary, 4, 0, 0, 0)
		if codes(summary.Findings) != migration.CodeDateUnknown || summary.Findings[0].Count != 1 {
			t.Errorf("findings %+v", summary.Findings)
		}
		if again := t.run(); len(again.Findings) > 0 {
			t.Errorf("told again: %+v", again.Findings)
		}
	})
}

// Flags that change while a message is in doubt are carried once it is found.
func TestFlagsChangedWhileInDoubtAreCarried(t *testing.T) {
	for _, lost := range []bool{false, true} {
		play(t, 3, func(t *theatre) {
			// The process dies just when the answers are lost.
			t.to.fate = func(*command) fate { return fate{cut: true, lost: lost} }
			t.ledger.before = func(what string) error {
				if what == "settle" {
					return faultOf(migration.Stop, migration.CodeLedger)
				}
				return nil
			}
			if _, err := Run(t.Context(), t.job); migration.CodeOf(err) != migration.CodeLedger {
				t.Fatalf("the pass ended with %v", err)
			}
			t.to.fate, t.ledger.before = nil, nil
			here := t.from.box("INBOX")
			here.setFlags(here.letters[0], migration.Flags{`\Flagged`})
			t.run()
			t.run()
			t.expectSame("INBOX")
			here.setFlags(here.letters[0], nil)
			t.run()
			t.expectSame("INBOX")
		})
	}
}

func TestWhatAPersonDeletedIsNotBroughtBack(t *testing.T) {
	play(t, 5, func(t *theatre) {
		t.run()
		t.to.box("INBOX").remove(2)
		t.deliver("INBOX", 9)
		t.expectCounts(t.run(), 1, 5, 0, 0)
		if n := len(t.to.box("INBOX").letters); n != 5 {
			t.Errorf("the target holds %d letters", n)
		}
	})
}

func TestFolderDeletedAtTheTargetStaysEmptyOfOldMail(t *testing.T) {
	play(t, 0, func(t *theatre) {
		t.deliver("Work", 1)
		t.deliver("Work", 2)
		t.run()
		t.to.boxes = slices.DeleteFunc(t.to.boxes, func(b *box) bool { return b.name == "Work" })
		t.deliver("Work", 3)
		summary := t.run()
		if b := t.to.box("Work"); b == nil || len(b.letters) != 1 || !strings.Contains(b.letters[0].body, "letter 3") {
			t.Errorf("the target holds %v", contents(b))
		}
		if codes(summary.Findings) != migration.CodeFolderMissing {
			t.Errorf("findings %+v", summary.Findings)
		}
		again := t.run()
		if len(again.Findings) > 0 || again.Messages.Copied > 0 {
			t.Errorf("again: %+v", again)
		}
		if departed := t.ledger.state.folders[len(t.ledger.state.folders)-1].Departed; departed.String() != "1:2" {
			t.Errorf("departed are %v", departed)
		}
	})
}

// A message that the last pass left out still has to come.
func TestWhatWasOwedToADeletedFolderIsNotForgotten(t *testing.T) {
	play(t, 0, func(t *theatre) {
		for i := range 5 {
			t.deliver("Work", i)
		}
		t.to.fate = func(c *command) fate {
			if c.members[0].message.Key == 3 {
				return fate{refused: faultOf(migration.OneMessage, migration.CodeRejected)}
			}
			return fate{}
		}
		t.run()
		t.to.fate = nil
		t.to.boxes = slices.DeleteFunc(t.to.boxes, func(b *box) bool { return b.name == "Work" })
		t.deliver("Work", 9)
		t.run()
		t.run()
		if n := len(t.to.box("Work").letters); n != 2 {
			t.Errorf("holds %v", contents(t.to.box("Work")))
		}
	})
}

func TestRebuiltTargetFolderIsRecognised(t *testing.T) {
	play(t, 10, func(t *theatre) {
		t.run()
		t.to.box("INBOX").remove(4)
		t.to.box("INBOX").rebuild()
		t.deliver("INBOX", 11)
		t.expectCounts(t.run(), 1, 10, 0, 0)
		if n := len(t.to.box("INBOX").letters); n != 10 {
			t.Errorf("the target holds %d letters", n)
		}
		t.expectCounts(t.run(), 0, 11, 0, 0)
	})
}

func TestRebuiltSourceFolderIsRecognised(t *testing.T) {
	play(t, 10, func(t *theatre) {
		t.run()
		t.from.box("INBOX").remove(4)
		t.from.box("INBOX").rebuild()
		t.deliver("INBOX", 11)
		t.expectCounts(t.run(), 1, 9, 0, 0)
		if n := len(t.to.box("INBOX").letters); n != 11 {
			t.Errorf("the target holds %d letters", n)
		}
		t.expectCounts(t.run(), 0, 10, 0, 0)
	})
}

func TestBothFoldersRebuiltAreRecognised(t *testing.T) {
	play(t, 10, func(t *theatre) {
		t.run()
		t.from.box("INBOX").remove(1)
		t.from.box("INBOX").rebuild()
		t.to.box("INBOX").rebuild()
		t.deliver("INBOX", 11)
		t.expectCounts(t.run(), 1, 9, 0, 0)
		if n := len(t.to.box("INBOX").letters); n != 11 {
			t.Errorf("the target holds %d letters", n)
		}
	})
}

func TestRebuiltFolderWithTooLittleIsLeftAlone(t *testing.T) {
	play(t, 10, func(t *theatre) {
		t.run()
		b := t.to.box("INBOX")
		for _, uid := range []migration.UID{1, 2, 3} {
			b.remove(uid)
		}
		b.rebuild()
		t.deliver("INBOX", 11)
		summary := t.run()
		if codes(summary.Findings) != migration.CodeUIDValidity || len(b.letters) != 7 || summary.Messages.Copied != 0 {
			t.Errorf("%+v, findings %+v", summary.Messages, summary.Findings)
		}
		t.job.AcceptRebuilt = true
		t.expectCounts(t.run(), 1, 10, 0, 0)
		if len(b.letters) != 8 {
			t.Errorf("the target holds %d letters", len(b.letters))
		}
	})
}

// What was in doubt when the process died may still land. A rebuilt folder must
// not shorten the wait, and what is in doubt must not take an equal copy.
func TestRebuiltFolderWaitsForWhatIsInDoubt(t *testing.T) {
	play(t, 3, func(t *theatre) {
		t.to.wreck = func(commands []*command) (int, int, time.Duration) { return 0, len(commands), 50 * time.Second }
		t.from.before = failOnce(opBodies, 1, nil)
		t.ledger.before = func(what string) error {
			if what == "settle" {
				return faultOf(migration.Stop, migration.CodeLedger)
			}
			return nil
		}
		t.to.before = failOnce(opFlush, 1, lostFault())
		if _, err := Run(t.Context(), t.job); migration.CodeOf(err) != migration.CodeLedger {
			t.Fatalf("the pass ended with %v", err)
		}
		t.to.wreck, t.to.before, t.ledger.before = nil, nil, nil
		t.to.box("INBOX").rebuild()
		t.run()
		time.Sleep(time.Hour)
		t.run()
		t.expectSame("INBOX")
	})
}

func TestSourceRebuiltBetweenTwoMessagesIsNotMixedUp(t *testing.T) {
	play(t, 6, func(t *theatre) {
		// All go alone, and the folder is renumbered before the third does.
		t.to.group = 6
		alone := 0
		t.to.fate = func(c *command) fate {
			if len(c.members) > 1 {
				return fate{refused: faultOf(migration.OneMessage, migration.CodeRejected)}
			}
			if alone++; alone == 3 {
				t.from.box("INBOX").letters = t.from.box("INBOX").letters[1:]
				t.from.box("INBOX").rebuild()
			}
			return fate{}
		}
		if summary := t.run(); codes(summary.Findings) != migration.CodeUIDValidity {
			t.Errorf("findings %+v", summary.Findings)
		}
		t.to.fate = nil
		t.job.AcceptRebuilt = true
		t.expectCounts(t.run(), 3, 2, 0, 0)
		for source, target := range t.ledger.state.entries[1].pairs {
			here, there := t.from.box("INBOX").find(source), t.to.box("INBOX").find(target)
			if here == nil || there == nil || here.body != there.body {
				t.Errorf("source %d is paired with target %d: %+v and %+v", source, target, here, there)
			}
		}
	})
}

func TestLateDuplicateIsRemovedAndTold(t *testing.T) {
	for _, uidPlus := range []bool{true, false} {
		play(t, 5, func(t *theatre) {
			t.to.profile.UIDPlus = uidPlus
			t.to.wreck = func(commands []*command) (int, int, time.Duration) { return 0, len(commands), 30 * time.Minute }
			t.to.before = failOnce(opFlush, 1, lostFault())
			t.expectCounts(t.run(), 5, 0, 0, 0)
			time.Sleep(time.Hour)
			t.to.before, t.to.wreck = nil, nil
			b := t.to.box("INBOX")
			t.to.mu.Lock()
			t.to.tick()
			twin := t.to.put(b, b.letters[0].body, time.Unix(1, 0)) // by another way, at its own time
			t.to.mu.Unlock()
			summary := t.run()
			if len(summary.Findings) != 1 || summary.Findings[0].Code != migration.CodeLateDuplicate || summary.Findings[0].Count != 5 {
				t.Errorf("uidplus %v: findings %+v", uidPlus, summary.Findings)
			}
			want := map[bool]int{true: 6, false: 11}[uidPlus]
			if len(b.letters) != want || b.find(twin.uid) == nil {
				t.Errorf("uidplus %v: the target holds %d letters", uidPlus, len(b.letters))
			}
			if again := t.run(); len(again.Findings) > 0 {
				t.Errorf("uidplus %v: told again: %+v", uidPlus, again.Findings)
			}
		})
	}
}

func TestMailThatIsThereAlreadyIsRecognised(t *testing.T) {
	play(t, 5, func(t *theatre) {
		b := t.to.box("INBOX")
		for _, l := range t.from.box("INBOX").letters[:3] {
			t.to.put(b, strings.ReplaceAll(l.body, "\r\n", "\n"), l.date, `\Flagged`)
		}
		t.expectCounts(t.run(), 2, 3, 0, 0)
		if len(b.letters) != 5 || !b.letters[0].flags.Equal(migration.Flags{`\Flagged`}) {
			t.Errorf("the target holds %v", contents(b))
		}
	})
}

func TestTargetWithoutUIDPlusIsSearched(t *testing.T) {
	play(t, 30, func(t *theatre) {
		t.to.profile.UIDPlus = false
		started := time.Now()
		t.expectCounts(t.run(), 30, 0, 0, 0)
		if took := time.Since(started); took > time.Second {
			t.Errorf("took %v although every message was answered", took)
		}
		t.expectSame("INBOX")
		t.expectCounts(t.run(), 0, 30, 0, 0)
	})
}

// A message that a person moves out and back has a new number and is nobody's
// copy on record. When an equal message is watched, the audit must not take it
// for a late duplicate.
func TestPersonsMoveOutAndBackIsNotALateDuplicate(t *testing.T) {
	play(t, 0, func(t *theatre) {
		for range 2 {
			t.deliver("INBOX", 7) // two equal messages
		}
		t.to.before = failOnce(opFlush, 1, lostFault())
		t.run() // both were in doubt, both are watched
		b := t.to.box("INBOX")
		l := b.letters[0]
		b.remove(l.uid)
		t.to.put(b, l.body, l.date)
		t.run()
		if len(b.letters) != 2 {
			t.Errorf("the person's copy was removed: %v", contents(b))
		}
	})
}

// A message that was answered with OK is stored, even if it cannot be found
// again because the target changes what it stores.
func TestStoredMessageIsNotSentAgainBecauseTheTargetRewrites(t *testing.T) {
	play(t, 1, func(t *theatre) {
		t.to.profile.UIDPlus = false
		t.to.landed = func(_ *box, l *letter) { l.body = "X-Stored: yes\r\n" + l.body }
		summary := t.run()
		if n := len(t.to.box("INBOX").letters); n != 1 {
			t.Errorf("the target holds it %d times; %+v, findings %+v", n, summary.Messages, summary.Findings)
		}
		t.expectCounts(summary, 1, 0, 0, 0)
		t.expectCounts(t.run(), 0, 1, 0, 0)
	})
}

// A source that gives no INTERNALDATE leaves nothing to tell copies by but bytes.
func TestMessageWithoutADateIsFoundAgain(t *testing.T) {
	play(t, 0, func(t *theatre) {
		l := t.deliver("INBOX", 1)
		l.date = time.Time{}
		t.to.landed = func(_ *box, l *letter) { l.date = time.Now() }
		t.to.wreck = func(commands []*command) (int, int, time.Duration) { return len(commands), 0, 0 }
		t.to.before = failOnce(opFlush, 1, lostFault())
		t.run()
		if n := len(t.to.box("INBOX").letters); n != 1 {
			t.Errorf("holds %d", n)
		}
	})
}
