package mailsync

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// theatre is a source with letters, an empty target and a ledger, in a bubble in
// which waiting costs no time.
type theatre struct {
	*testing.T
	from, to *server
	ledger   *memLedger
	job      Job
}

func play(t *testing.T, letters int, act func(t *theatre)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &theatre{T: t, from: newServer(), to: newServer(), ledger: newLedger()}
		for i := range letters {
			s.deliver("INBOX", i)
		}
		s.job = Job{Source: s.from.source, Target: s.to.target, Ledger: s.ledger, Settle: time.Minute, Connections: 1}
		act(s)
	})
}

// deliver puts the n-th letter into a source folder; each is different.
func (t *theatre) deliver(folder string, n int, flags ...string) *letter {
	b := t.from.box(folder)
	if b == nil {
		b = t.from.make(folder)
	}
	return t.from.put(b, fmt.Sprintf("Subject: %d\r\n\r\nletter %d\r\n", n, n), time.Unix(1_000_000_000+int64(n), 0), flags...)
}

// run makes a pass that has to succeed.
func (t *theatre) run() Summary {
	t.Helper()
	summary, err := Run(t.Context(), t.job)
	if err != nil {
		t.Fatalf("the pass ended with %v", err)
	}
	if !summary.Messages.AddUp() {
		t.Errorf("%+v does not add up", summary.Messages)
	}
	return summary
}

func (t *theatre) expectCounts(s Summary, copied, present, skipped, gone int) {
	t.Helper()
	want := migration.Counts{Source: copied + present + skipped + gone, Copied: copied, Present: present, Skipped: skipped, Gone: gone}
	if s.Messages != want {
		t.Errorf("the pass did %+v, want %+v; findings %+v", s.Messages, want, s.Findings)
	}
}

// expectSame compares a folder on both sides: the same letters, each once.
func (t *theatre) expectSame(folder string) {
	t.Helper()
	here, there := contents(t.from.box(folder)), contents(t.to.box(folder))
	if !slices.Equal(here, there) {
		t.Errorf("%s holds at the source\n%s\nand at the target\n%s", folder, strings.Join(here, "\n"), strings.Join(there, "\n"))
	}
}

func contents(b *box) []string {
	if b == nil {
		return []string{"no folder"}
	}
	var out []string
	for _, l := range b.letters {
		flags := slices.Sorted(slices.Values(l.flags))
		out = append(out, fmt.Sprintf("%q %d %v", l.body, l.date.Unix(), flags))
	}
	slices.Sort(out)
	return out
}

func codes(findings []migration.Finding) string {
	var out []string
	for _, f := range findings {
		out = append(out, f.Code)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func faultOf(class migration.Class, code string) *migration.Fault {
	return &migration.Fault{Class: class, Code: code, Doing: "playing a part"}
}

// failOnce gives the fault at the n-th operation of a kind.
func failOnce(on kind, n int64, err error) func(operation) error {
	var seen atomic.Int64
	return func(op operation) error {
		if op.kind == on && seen.Add(1) == n {
			return err
		}
		return nil
	}
}

func TestCopiesEverythingOnceAndThenNothing(t *testing.T) {
	play(t, 200, func(t *theatre) {
		for i := range 150 {
			t.deliver("Work/Old", i, `\Seen`, "$Work")
		}
		t.job.Connections = 3
		t.to.group = 10
		t.expectCounts(t.run(), 350, 0, 0, 0)
		t.expectSame("INBOX")
		t.expectSame("Work/Old")
		dials := t.to.dials
		t.expectCounts(t.run(), 0, 350, 0, 0)
		if t.to.dials > dials+1 {
			t.Errorf("a pass with nothing to do dialled the target %d times", t.to.dials-dials)
		}
	})
}

func TestStopsCleanlyAndGoesOn(t *testing.T) {
	play(t, 300, func(t *theatre) {
		ctx, cancel := context.WithCancel(t.Context())
		t.from.before = func(op operation) error {
			if op.kind == opBody && op.uid == 200 {
				cancel()
			}
			time.Sleep(time.Millisecond)
			return nil
		}
		started := time.Now()
		summary, err := Run(ctx, t.job)
		if migration.CodeOf(err) != migration.CodeInterrupted || migration.ClassOf(err) != migration.Stop {
			t.Errorf("the pass ended with %v", err)
		}
		if took := time.Since(started); took > 10*time.Second {
			t.Errorf("stopping took %v", took)
		}
		if n := len(t.to.box("INBOX").letters); n == 0 || n > 280 || n != summary.Messages.Copied {
			t.Errorf("%d letters are at the target, the summary says %+v", n, summary.Messages)
		}
		for _, e := range t.ledger.state.entries {
			if len(e.intents) > 0 {
				t.Errorf("in doubt: %+v", e.intents)
			}
		}
		t.run()
		t.expectSame("INBOX")
	})
}

func TestStopsAfterTheGrace(t *testing.T) {
	play(t, 10, func(t *theatre) {
		ctx, cancel := context.WithCancel(t.Context())
		t.to.before = func(op operation) error {
			if op.kind == opFlush {
				cancel()
				time.Sleep(30 * time.Second) // the target hangs
			}
			return nil
		}
		t.job.Grace = 5 * time.Second
		if _, err := Run(ctx, t.job); migration.CodeOf(err) != migration.CodeInterrupted {
			t.Errorf("the pass ended with %v", err)
		}
		t.to.before = nil
		t.run()
		t.expectSame("INBOX")
	})
}

func TestFullMailboxEndsThePass(t *testing.T) {
	play(t, 20, func(t *theatre) {
		full := true
		t.to.fate = func(c *command) fate {
			if full && c.members[0].message.Key == 10 {
				return fate{refused: faultOf(migration.OneMailbox, migration.CodeQuota)}
			}
			return fate{}
		}
		started := time.Now()
		_, err := Run(t.Context(), t.job)
		if migration.CodeOf(err) != migration.CodeQuota || time.Since(started) > time.Second {
			t.Errorf("after %v the pass ended with %v", time.Since(started), err)
		}
		full = false
		t.run()
		t.expectSame("INBOX")
	})
}

func TestThrottlingWaitsAsLongAsTheServerSays(t *testing.T) {
	play(t, 5, func(t *theatre) {
		later := &migration.Fault{Class: migration.Later, Code: migration.CodeThrottled, After: 299961 * time.Millisecond}
		t.to.before = failOnce(opOpen, 1, later)
		started := time.Now()
		t.run()
		if took := time.Since(started).Round(time.Millisecond); took != later.After {
			t.Errorf("waited %v, the server said %v", took, later.After)
		}
		t.expectSame("INBOX")
	})
}

func TestThrottlingDoesNotEatTheBudget(t *testing.T) {
	play(t, 5, func(t *theatre) {
		throttles := 10
		t.to.before = func(op operation) error {
			if throttles--; op.kind == opOpen && throttles > 0 {
				return &migration.Fault{Class: migration.Later, Code: migration.CodeThrottled, After: time.Second}
			} else if op.kind == opOpen && throttles == 0 {
				return lostFault()
			}
			return nil
		}
		throttles++ // the dial
		t.job.Tries = 3
		t.run()
		t.expectSame("INBOX")
	})
}

func TestGivesUpAfterTheTries(t *testing.T) {
	play(t, 5, func(t *theatre) {
		opens := 0
		t.to.before = func(op operation) error {
			if op.kind == opOpen {
				opens++
				return lostFault()
			}
			return nil
		}
		t.job.Tries = 4
		if _, err := Run(t.Context(), t.job); migration.CodeOf(err) != migration.CodeLost || opens != 5 {
			t.Errorf("after %d tries the pass ended with %v", opens, err)
		}
	})
}

func TestLineThatBreaksWhileListingIsMadeAnew(t *testing.T) {
	for _, side := range []string{"source", "target"} {
		play(t, 3, func(t *theatre) {
			if side == "source" {
				t.from.before = failOnce(opFolders, 1, lostFault())
			} else {
				t.to.before = failOnce(opFolders, 1, lostFault())
			}
			t.run()
			t.expectSame("INBOX")
		})
	}
}

func TestGoesOnWithFewerConnections(t *testing.T) {
	play(t, 500, func(t *theatre) {
		t.job.Connections = 4
		t.to.limit = 2
		t.expectCounts(t.run(), 500, 0, 0, 0)
		t.expectSame("INBOX")
	})
}

func TestWrongPasswordEndsThePassAtOnce(t *testing.T) {
	play(t, 5, func(t *theatre) {
		t.to.before = func(op operation) error { return faultOf(migration.Login, migration.CodeLogin) }
		started := time.Now()
		if _, err := Run(t.Context(), t.job); migration.CodeOf(err) != migration.CodeLogin || time.Since(started) > 0 {
			t.Errorf("after %v the pass ended with %v", time.Since(started), err)
		}
	})
}

func TestOfARefusedGroupOnlyTheBadOneIsLeftOut(t *testing.T) {
	play(t, 50, func(t *theatre) {
		t.to.group = 10
		t.to.fate = func(c *command) fate {
			if slices.ContainsFunc(c.members, func(m *member) bool { return m.message.Key == 33 }) {
				return fate{refused: faultOf(migration.OneMessage, migration.CodeRejected)}
			}
			return fate{}
		}
		summary := t.run()
		t.expectCounts(summary, 49, 0, 1, 0)
		if len(summary.Findings) != 1 || summary.Findings[0].UID != 33 || summary.Findings[0].Code != migration.CodeRejected || !strings.Contains(summary.Findings[0].Subject, "32") {
			t.Errorf("findings %+v", summary.Findings)
		}
		t.to.fate = nil
		t.expectCounts(t.run(), 1, 49, 0, 0)
		t.expectSame("INBOX")
	})
}

func TestMessageRefusedForAKeywordGoesWithoutIt(t *testing.T) {
	play(t, 0, func(t *theatre) {
		t.deliver("INBOX", 1, `\Seen`, "$Odd")
		t.to.fate = func(c *command) fate {
			if slices.Contains(c.members[0].message.Flags, "$Odd") {
				return fate{refused: faultOf(migration.OneMessage, migration.CodeRejected)}
			}
			return fate{}
		}
		summary := t.run()
		t.expectCounts(summary, 1, 0, 0, 0)
		if got := t.to.box("INBOX").letters[0].flags; !got.Equal(migration.Flags{`\Seen`}) || codes(summary.Findings) != migration.CodeKeywordDropped {
			t.Errorf("copied with %v, findings %+v", got, summary.Findings)
		}
	})
}

func TestMessageThatBreaksTheLineIsIsolated(t *testing.T) {
	play(t, 40, func(t *theatre) {
		attempts := 0
		t.to.fate = func(c *command) fate {
			if c.members[0].message.Key == 20 {
				attempts++
				return fate{cut: true, lost: true}
			}
			return fate{}
		}
		first := t.run()
		t.expectCounts(first, 39, 0, 1, 0)
		if len(first.Findings) != 1 || first.Findings[0].UID != 20 || first.Findings[0].Code != migration.CodeLost || attempts > 4 {
			t.Errorf("%d attempts, findings %+v", attempts, first.Findings)
		}
		t.expectCounts(t.run(), 0, 39, 1, 0)
		attempts = 0
		third := t.run()
		t.expectCounts(third, 0, 39, 1, 0)
		if attempts > 0 || len(third.Findings) != 1 || third.Findings[0].UID != 20 {
			t.Errorf("given up, but tried %d times; findings %+v", attempts, third.Findings)
		}
		t.to.fate = nil
		t.job.RetrySkipped = true
		t.expectCounts(t.run(), 1, 39, 0, 0)
		t.expectSame("INBOX")
	})
}

func TestMessageTheSourceDoesNotDeliver(t *testing.T) {
	play(t, 10, func(t *theatre) {
		asked := map[migration.UID]int{}
		t.from.before = func(op operation) error {
			if op.kind != opBody || op.uid != 3 && op.uid != 5 && op.uid != 7 {
				return nil
			}
			asked[op.uid]++
			switch {
			case op.uid == 3:
				t.from.mu.Lock()
				t.from.box("INBOX").remove(3) // expunged just now
				t.from.mu.Unlock()
			case op.uid == 7 && asked[7] > 1:
				return nil // a whim
			}
			return errNoBody
		}
		summary := t.run()
		t.expectCounts(summary, 8, 0, 1, 1)
		if len(summary.Findings) != 1 || summary.Findings[0].UID != 5 || summary.Findings[0].Code != migration.CodeUnreadable || asked[5] < 2 {
			t.Errorf("asked %v, findings %+v", asked, summary.Findings)
		}
		t.from.before = nil
		t.expectCounts(t.run(), 1, 8, 0, 0)
		t.expectSame("INBOX")
	})
}

func TestMessageAtWhichTheSourceHangsUpStopsNothingElse(t *testing.T) {
	play(t, 300, func(t *theatre) {
		t.from.before = func(op operation) error {
			if op.kind == opBody && op.uid == 150 {
				return lostFault()
			}
			return nil
		}
		summary := t.run()
		t.expectCounts(summary, 299, 0, 1, 0)
		if len(summary.Findings) != 1 || summary.Findings[0].UID != 150 || summary.Findings[0].Code != migration.CodeUnreadable || summary.Findings[0].Remedy == "" {
			t.Errorf("findings %+v", summary.Findings)
		}
		t.from.before = nil
		t.expectCounts(t.run(), 1, 299, 0, 0)
		t.expectSame("INBOX")
	})
}

func TestHalfAMessageIsNeverStored(t *testing.T) {
	play(t, 10, func(t *theatre) {
		t.from.before = failOnce(opBody, 4, errHalfBody)
		t.expectCounts(t.run(), 10, 0, 0, 0)
		t.expectSame("INBOX")
	})
}

func TestNothingIsSentWhenTheLedgerCannotBeWritten(t *testing.T) {
	for n := range 12 {
		play(t, 100, func(t *theatre) {
			var mu sync.Mutex
			var writes int
			var failed time.Time
			t.ledger.before = func(string) error {
				mu.Lock()
				defer mu.Unlock()
				if writes++; writes <= n {
					return nil
				}
				failed = time.Now()
				return faultOf(migration.Stop, migration.CodeLedger)
			}
			t.to.received = func(m migration.AppendMessage) {
				mu.Lock()
				defer mu.Unlock()
				if !failed.IsZero() && time.Since(failed) > 0 {
					t.Errorf("message %d was sent after write %d had failed", m.Key, n)
				}
			}
			t.from.before = func(op operation) error {
				time.Sleep(time.Millisecond)
				return nil
			}
			if _, err := Run(t.Context(), t.job); err != nil && migration.ClassOf(err) != migration.Stop {
				t.Errorf("write %d: %v", n, err)
			}
			t.ledger.before, t.to.received = nil, nil
			t.run()
			t.expectSame("INBOX")
		})
	}
}

func TestSpecialNamesOfTheInboxAreOneFolder(t *testing.T) {
	play(t, 5, func(t *theatre) {
		t.to.box("INBOX").name = "Inbox"
		t.expectCounts(t.run(), 5, 0, 0, 0)
		t.deliver("INBOX", 9)
		summary := t.run()
		t.expectCounts(summary, 1, 5, 0, 0)
		if len(summary.Findings) > 0 || len(t.to.boxes) != 1 {
			t.Errorf("findings %+v, %d folders", summary.Findings, len(t.to.boxes))
		}
	})
}

func TestMessagesThatTheFirstListLeavesOutAreNotForgotten(t *testing.T) {
	play(t, 10, func(t *theatre) {
		t.from.box("INBOX").hidden = []migration.UID{4}
		first := t.run()
		second := t.run()
		if len(t.to.box("INBOX").letters) == 10 || len(first.Findings)+len(second.Findings) > 0 {
			return
		}
		t.Errorf("message 4 was left out in silence: %+v", second.Messages)
	})
}

func TestNewMessageLeftOutOfTheListIsNotForgottenBesideAnExpungedOne(t *testing.T) {
	play(t, 10, func(t *theatre) {
		t.run()
		here := t.from.box("INBOX")
		here.remove(2)
		l := t.deliver("INBOX", 11)
		here.hidden = []migration.UID{l.uid}
		t.run()
		here.hidden = nil
		t.run()
		if n := len(t.to.box("INBOX").letters); n != 11 {
			t.Errorf("holds %d", n)
		}
	})
}

func TestCountsAddUpWhenAFolderIsGivenUp(t *testing.T) {
	for seed := range 20 {
		play(t, 400, func(t *theatre) {
			t.job.Connections = 3
			var mu sync.Mutex
			d, n := dice{uint64(seed)}, 0
			t.to.before = func(op operation) error {
				mu.Lock()
				n++
				refused, nap := n == 100, time.Duration(d.below(5e6))
				mu.Unlock()
				time.Sleep(nap)
				if refused {
					return faultOf(migration.OneFolder, migration.CodeFolderRefused)
				}
				return nil
			}
			summary, err := Run(t.Context(), t.job)
			if err != nil || !summary.Messages.AddUp() {
				t.Errorf("%+v, %v", summary.Messages, err)
			}
		})
	}
}
