package mailsync

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// loseAt has the lease end at the n-th operation of a kind on a server.
func loseAt(t *theatre, s *server, on kind, n int64) {
	var held atomic.Bool
	held.Store(true)
	t.job.Held = held.Load
	var seen atomic.Int64
	s.before = func(op operation) error {
		if op.kind == on && seen.Add(1) == n {
			held.Store(false)
		}
		return nil
	}
}

func TestNoLastByteLeavesOnceTheLeaseIsLost(t *testing.T) {
	play(t, 300, func(t *theatre) {
		loseAt(t, t.from, opBody, 150)
		summary, err := Run(t.Context(), t.job)
		if migration.ClassOf(err) != migration.Stop || migration.CodeOf(err) != migration.CodeLeaseLost {
			t.Fatalf("the pass ended with %v", err)
		}
		there := len(t.to.box("INBOX").letters)
		if there >= 150 || there < summary.Messages.Copied {
			t.Errorf("%d letters are at the target, the summary says %+v", there, summary.Messages)
		}
		t.job.Held = nil
		t.run()
		t.run()
		t.expectSame("INBOX")
	})
}

func TestTheLedgerIsNotTouchedOnceTheLeaseIsLost(t *testing.T) {
	play(t, 1, func(t *theatre) {
		loseAt(t, t.from, opBody, 1)
		if _, err := Run(t.Context(), t.job); migration.CodeOf(err) != migration.CodeLeaseLost {
			t.Fatalf("the pass ended with %v", err)
		}
		for _, e := range t.ledger.state.entries {
			if len(e.intents) != 1 {
				t.Errorf("the intent was taken back: %+v", e.intents)
			}
		}
	})
}

func TestFlagsAreNotCarriedOnceTheLeaseIsLost(t *testing.T) {
	play(t, 3, func(t *theatre) {
		t.run()
		b := t.from.box("INBOX")
		b.setFlags(b.letters[0], migration.Flags{`\Seen`})
		t.job.Held = func() bool { return false }
		if _, err := Run(t.Context(), t.job); migration.CodeOf(err) != migration.CodeLeaseLost {
			t.Fatalf("the pass ended with %v", err)
		}
		if flags := t.to.box("INBOX").letters[0].flags; len(flags) != 0 {
			t.Errorf("the copy has the flags %v", flags)
		}
	})
}

func TestALongPauseEndsThePassAndAShortOneDoesNot(t *testing.T) {
	pause := func(after time.Duration) error {
		fault := faultOf(migration.Later, migration.CodeThrottled)
		fault.After = after
		return fault
	}
	play(t, 10, func(t *theatre) {
		t.job.LongestPause = time.Minute
		t.to.before = failOnce(opAppend, 3, pause(time.Minute))
		started := time.Now()
		t.expectCounts(t.run(), 10, 0, 0, 0)
		if took := time.Since(started); took < time.Minute {
			t.Errorf("a pause of a minute took %v", took)
		}
	})
	play(t, 10, func(t *theatre) {
		t.job.LongestPause = time.Minute
		t.to.before = failOnce(opAppend, 3, pause(time.Minute+1))
		started := time.Now()
		_, err := Run(t.Context(), t.job)
		if fault := migration.FaultOf(err); fault == nil || fault.Class != migration.Later || fault.After != time.Minute+1 || time.Since(started) > 30*time.Second {
			t.Errorf("the pass ended with %v after %v", err, time.Since(started))
		}
		t.job.LongestPause = 0
		t.run()
		t.expectSame("INBOX")
	})
}

func TestAPauseIsKeptByAllConnectionsOfTheMailboxAndExactly(t *testing.T) {
	play(t, 3000, func(t *theatre) {
		t.job.Connections = 3
		fault := faultOf(migration.Later, migration.CodeThrottled)
		fault.After = 90 * time.Second
		var mu sync.Mutex
		var refused, last time.Time
		var gap time.Duration
		refuse := failOnce(opAppend, 1000, fault)
		t.to.before = func(op operation) error {
			if op.kind == opAppend {
				time.Sleep(10 * time.Millisecond)
				mu.Lock()
				defer mu.Unlock()
				if !last.IsZero() {
					gap = max(gap, time.Since(last))
				}
				last = time.Now()
			}
			err := refuse(op)
			if err != nil {
				refused = time.Now()
			}
			return err
		}
		t.expectCounts(t.run(), 3000, 0, 0, 0)
		if refused.IsZero() || gap < 80*time.Second || gap > 91*time.Second {
			t.Errorf("asked for a pause of 90s, the longest between two messages was %v", gap)
		}
		t.expectSame("INBOX")
	})
}
