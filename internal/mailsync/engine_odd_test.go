package mailsync

import (
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
