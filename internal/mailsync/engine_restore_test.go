package mailsync

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// restoreLater copies ten letters with a backup of the target made after the
// first seven of them, and restores it.
func restoreLater(t *theatre) *box {
	for i := range 7 {
		t.deliver("INBOX", i)
	}
	t.run()
	there := t.to.box("INBOX")
	there.remove(2) // a person deletes one
	kept := there.backup()
	for i := range 3 {
		t.deliver("INBOX", 7+i)
	}
	t.run()
	there.restore(kept)
	return there
}

func TestWhatARestoreOfTheTargetTookAwayIsCopiedAgain(t *testing.T) {
	play(t, 0, func(t *theatre) {
		there := restoreLater(t)
		t.deliver("INBOX", 10)
		summary := t.run()
		t.expectCounts(summary, 4, 7, 0, 0)
		if codes(summary.Findings) != migration.CodeRestored || summary.Findings[0].Count != 3 {
			t.Errorf("findings %+v", summary.Findings)
		}
		if len(there.letters) != 10 || slices.ContainsFunc(there.letters, func(l *letter) bool { return l.body == t.from.box("INBOX").letters[1].body }) {
			t.Errorf("the target holds %v", contents(there))
		}
		t.deliver("INBOX", 11)
		if again := t.run(); len(again.Findings) > 0 || again.Messages.Copied != 1 {
			t.Errorf("again: %+v", again)
		}
	})
}

// Mail that came after the restore has the numbers of copies on record.
func TestMailUnderTheNumbersOfLostCopiesIsNotTakenForThem(t *testing.T) {
	play(t, 0, func(t *theatre) {
		there := restoreLater(t)
		for range 2 {
			t.to.put(there, "Subject: other\r\n\r\nnew\r\n", time.Unix(2_000_000_000, 0))
		}
		here := t.from.box("INBOX")
		here.setFlags(here.letters[8], migration.Flags{`\Flagged`})
		summary := t.run()
		if codes(summary.Findings) != migration.CodeRestored || len(there.letters) != 11 {
			t.Errorf("the target holds %v, findings %+v", contents(there), summary.Findings)
		}
		for _, l := range there.letters {
			if foreign := strings.Contains(l.body, "other"); foreign && len(l.flags) > 0 {
				t.Errorf("somebody else's message has the flags %v", l.flags)
			}
		}
	})
}

func TestRestoreOfTheTargetSurvivesACrash(t *testing.T) {
	for n := range 4 {
		play(t, 0, func(t *theatre) {
			there := restoreLater(t)
			t.deliver("INBOX", 10)
			writes := 0
			t.ledger.after = func(string) error {
				if writes++; writes > n {
					return faultOf(migration.Stop, migration.CodeLedger)
				}
				return nil
			}
			_, _ = Run(t.Context(), t.job)
			t.ledger.after = nil
			time.Sleep(time.Hour)
			t.run()
			if len(there.letters) != 10 {
				t.Errorf("dead after write %d: the target holds %v", n+1, contents(there))
			}
		})
	}
}

// A target that changes what it stores must not have all copied again because
// nothing is equal by bytes.
func TestRestoreOfATargetThatRewritesIsLeftToAPerson(t *testing.T) {
	play(t, 0, func(t *theatre) {
		t.to.landed = func(_ *box, l *letter) { l.body = "X-Stored: yes\r\n" + l.body }
		there := restoreLater(t)
		t.deliver("INBOX", 10)
		summary := t.run()
		if codes(summary.Findings) != migration.CodeUIDValidity || len(there.letters) != 6 {
			t.Errorf("the target holds %v, findings %+v", contents(there), summary.Findings)
		}
	})
}

// A target that does not tell its UIDNEXT seems to go back when the newest copy is
// deleted.
func TestDeletedNewestCopyIsNoRestore(t *testing.T) {
	play(t, 5, func(t *theatre) {
		t.to.hidesNext = true
		t.run()
		there := t.to.box("INBOX")
		there.remove(5)
		t.deliver("INBOX", 9)
		if summary := t.run(); len(summary.Findings) > 0 || len(there.letters) != 5 {
			t.Errorf("the target holds %v, findings %+v", contents(there), summary.Findings)
		}
	})
}

// The source gives numbers anew before anybody has seen that they went back.
func TestMailUnderTheNumbersOfARestoredSourceIsCopied(t *testing.T) {
	for _, condStore := range []bool{true, false} {
		for came := range 4 {
			play(t, 7, func(t *theatre) {
				t.from.profile.CondStore = condStore
				here, there := t.from.box("INBOX"), t.to.box("INBOX")
				kept := here.backup()
				for i := range 3 {
					t.deliver("INBOX", 7+i)
				}
				here.setFlags(here.letters[0], migration.Flags{`\Seen`})
				t.run()
				here.restore(kept)
				for i := range came {
					t.deliver("INBOX", 20+i)
				}
				if came == 3 && !condStore {
					return // no counter tells that they are others
				}
				first := t.run()
				if told := codes(first.Findings); came < 3 && told != migration.CodeRestored {
					t.Errorf("condstore %v, %d came: findings %q", condStore, came, told)
				}
				t.run()
				for _, l := range here.letters {
					if !slices.ContainsFunc(there.letters, func(c *letter) bool { return c.body == l.body }) {
						t.Errorf("condstore %v, %d came: source %d is missing at the target", condStore, came, l.uid)
					}
				}
				if len(there.letters) != 10+came {
					t.Errorf("condstore %v, %d came: the target holds %v", condStore, came, contents(there))
				}
			})
		}
	}
}

// Dovecot counts changes from 1 again once its index files are lost; UIDs stay.
func TestLostIndexOfTheSourceBringsNothingBack(t *testing.T) {
	for _, left := range []int{0, 3, 7} {
		play(t, 7, func(t *theatre) {
			here, there := t.from.box("INBOX"), t.to.box("INBOX")
			here.modSeq = 100
			t.run()
			for len(there.letters) > left { // a person moves the newest away
				there.remove(there.letters[left].uid)
			}
			here.modSeq = 1
			for _, l := range here.letters {
				l.modSeq = 1
			}
			t.deliver("INBOX", 20)
			t.expectCounts(t.run(), 1, 7, 0, 0)
			if len(there.letters) != left+1 {
				t.Errorf("%d were left: the target holds %v", left, contents(there))
			}
		})
	}
}

// The pass that copied it ended before it could note what the source counted.
func TestNumberOfALostMessageIsFreeAgainAfterACrash(t *testing.T) {
	play(t, 5, func(t *theatre) {
		t.run()
		here := t.from.box("INBOX")
		kept := here.backup()
		t.deliver("INBOX", 6)
		t.ledger.after = func(what string) error {
			if what == "settle" {
				return faultOf(migration.Stop, migration.CodeLedger)
			}
			return nil
		}
		_, _ = Run(t.Context(), t.job)
		t.ledger.after = nil
		here.restore(kept)
		t.run()
		t.deliver("INBOX", 7)
		t.expectCounts(t.run(), 1, 5, 0, 0)
	})
}

// What came back from the dead was read by nobody when it went.
func TestMessageThatWentWhileItWasCopiedComesWhenItIsRestored(t *testing.T) {
	play(t, 5, func(t *theatre) {
		here := t.from.box("INBOX")
		kept := here.backup()
		t.from.before = func(op operation) error {
			if op.kind == opBody && op.uid == 3 {
				here.remove(3)
				return errNoBody
			}
			return nil
		}
		t.expectCounts(t.run(), 4, 0, 0, 1)
		t.from.before = nil
		here.restore(kept)
		t.expectCounts(t.run(), 1, 4, 0, 0)
	})
}

// What was in doubt when the process died may land once the folder is made again.
func TestDeletedFolderWaitsForWhatIsInDoubt(t *testing.T) {
	for _, late := range []time.Duration{50 * time.Second, 30 * time.Minute} {
		play(t, 0, func(t *theatre) {
			for i := range 3 {
				t.deliver("Work", i)
			}
			t.to.wreck = func(commands []*command) (int, int, time.Duration) { return 0, len(commands), late }
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
			t.to.remove(t.to.box("Work"))
			for range 3 {
				t.run()
				time.Sleep(time.Hour)
				t.to.tick()
				t.deliver("Work", 3)
				t.from.box("Work").remove(t.from.box("Work").letters[len(t.from.box("Work").letters)-1].uid)
			}
			t.run()
			t.expectSame("Work")
		})
	}
}

// The folder is made again, and the process dies before anything else.
func TestFolderMadeAgainIsNotTakenForARebuiltOne(t *testing.T) {
	for n := range 4 {
		play(t, 0, func(t *theatre) {
			t.deliver("Work", 1)
			t.deliver("Work", 2)
			t.run()
			t.to.remove(t.to.box("Work"))
			t.deliver("Work", 3)
			writes := 0
			t.ledger.before = func(string) error {
				if writes++; writes > n {
					return faultOf(migration.Stop, migration.CodeLedger)
				}
				return nil
			}
			_, _ = Run(t.Context(), t.job)
			t.ledger.before = nil
			time.Sleep(time.Hour)
			summary := t.run()
			if b := t.to.box("Work"); b == nil || len(b.letters) != 1 || slices.Contains(strings.Fields(codes(summary.Findings)), migration.CodeUIDValidity) {
				t.Errorf("dead before write %d: the target holds %v, findings %+v", n+1, contents(b), summary.Findings)
			}
		})
	}
}

// The numbers of both sides are new, and few of the source's happen to be on
// record.
func TestBothFoldersRebuiltWithGapsNeedNobodysLeave(t *testing.T) {
	play(t, 0, func(t *theatre) {
		here := t.from.box("INBOX")
		for i := range 10 {
			t.deliver("INBOX", i)
			here.next += 3
		}
		t.run()
		here.letters[9].date = time.Unix(5, 0) // as if it were new
		for i := range 3 {
			t.deliver("INBOX", 20+i)
		}
		slices.Reverse(here.letters)
		here.rebuild()
		t.to.box("INBOX").rebuild()
		if summary := t.run(); len(summary.Findings) > 0 || summary.Messages.Copied != 4 {
			t.Errorf("%+v, findings %+v", summary.Messages, summary.Findings)
		}
	})
}

// A message that was refused once is still owed when the target is rebuilt and the
// process dies.
func TestWhatIsOwedToARebuiltFolderSurvivesACrash(t *testing.T) {
	play(t, 5, func(t *theatre) {
		t.to.fate = func(c *command) fate {
			if c.members[0].message.Key == 3 {
				return fate{refused: faultOf(migration.OneMessage, migration.CodeRejected)}
			}
			return fate{}
		}
		t.expectCounts(t.run(), 4, 0, 1, 0)
		t.to.fate = nil
		t.to.box("INBOX").rebuild()
		t.ledger.after = func(what string) error {
			if what == "rematch" {
				return faultOf(migration.Stop, migration.CodeLedger)
			}
			return nil
		}
		_, _ = Run(t.Context(), t.job)
		t.ledger.after = nil
		t.deliver("INBOX", 9)
		t.run()
		t.expectSame("INBOX")
	})
}

// The target is restored while messages are in doubt.
func TestRestoreBeforeWhatIsInDoubtIsLookedForIsNoticed(t *testing.T) {
	play(t, 7, func(t *theatre) {
		t.run()
		there := t.to.box("INBOX")
		kept := there.backup()
		for i := range 3 {
			t.deliver("INBOX", 7+i)
		}
		t.run()
		for i := range 5 {
			t.deliver("INBOX", 10+i)
		}
		fail := failOnce(opFlush, 1, lostFault())
		t.to.before = func(op operation) error {
			err := fail(op)
			if err != nil {
				time.AfterFunc(10*time.Second, func() {
					t.to.mu.Lock()
					defer t.to.mu.Unlock()
					there.restore(kept)
				})
			}
			return err
		}
		if summary := t.run(); codes(summary.Findings) != migration.CodeRestored {
			t.Errorf("findings %+v", summary.Findings)
		}
		t.expectSame("INBOX")
	})
}

func TestLedgerBroughtBackFromABackupDoublesNothing(t *testing.T) {
	play(t, 0, func(t *theatre) {
		for i := range 3 {
			t.deliver("INBOX", i)
		}
		t.run()
		backup := t.ledger.state.clone()
		for i := range 4 {
			t.deliver("INBOX", 3+i)
		}
		t.run()
		t.ledger.state = backup
		t.deliver("INBOX", 7)
		t.expectCounts(t.run(), 1, 7, 0, 0)
		if there := t.to.box("INBOX"); len(there.letters) != 8 {
			t.Errorf("the target holds %v", contents(there))
		}
	})
}

// A copy that a person has moved away and back has a number that the ledger does
// not know. It must not pass for the copy of an equal message that is new.
func TestCopyMovedAwayAndBackIsNotThatOfAnEqualMessage(t *testing.T) {
	play(t, 0, func(t *theatre) {
		t.deliver("INBOX", 1)
		t.run()
		there := t.to.box("INBOX")
		moved := there.letters[0]
		there.remove(moved.uid)
		t.to.put(there, moved.body, moved.date)
		t.deliver("INBOX", 1)
		t.expectCounts(t.run(), 1, 1, 0, 0)
		if len(there.letters) != 2 {
			t.Errorf("the target holds %v", contents(there))
		}
	})
}
