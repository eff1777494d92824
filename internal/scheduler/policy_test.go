package scheduler

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func fault(class migration.Class, code string) *migration.Fault {
	return &migration.Fault{Class: class, Code: code, Doing: "playing a part", Remedy: "Do nothing."}
}

func later(after time.Duration) *migration.Fault {
	f := fault(migration.Later, migration.CodeThrottled)
	f.After = after
	return f
}

func TestWhatFollowsAFault(t *testing.T) {
	tests := []struct {
		name   string
		err    error
		faults int // before
		moved  bool
		want   ending
		after  time.Duration // with chance 0
		left   int           // faults then
	}{
		{"a passing trouble is tried again", fault(migration.Again, migration.CodeLost), 0, false, putOff, time.Minute, 1},
		{"the pause doubles", fault(migration.Again, migration.CodeLost), 3, false, putOff, 8 * time.Minute, 4},
		{"the pause has a bound", fault(migration.Again, migration.CodeLost), 8, false, putOff, 30 * time.Minute, 9},
		{"after ten in a row it is given up", fault(migration.Again, migration.CodeLost), 9, false, givenUp, 0, 10},
		{"one that came further begins to count anew", fault(migration.Again, migration.CodeLost), 9, true, putOff, time.Minute, 1},
		{"a pause is kept exactly and eats no try", later(89117 * time.Millisecond), 9, false, putOff, 89117 * time.Millisecond, 9},
		{"a pause of no length is five minutes", later(0), 9, false, putOff, 5 * time.Minute, 9},
		{"a wrong password is given up at once", fault(migration.Login, migration.CodeLogin), 0, false, givenUp, 0, 1},
		{"a full mailbox is given up at once", fault(migration.OneMailbox, migration.CodeQuota), 0, false, givenUp, 0, 1},
		{"what a policy forbids is given up at once", fault(migration.Stop, migration.CodePolicy), 0, false, givenUp, 0, 1},
		{"trouble of the ledger is tried again", fault(migration.Stop, migration.CodeLedger), 0, false, putOff, time.Minute, 1},
		{"an error without a class is tried again", errors.New("odd"), 0, false, putOff, time.Minute, 1},
		{"what was interrupted is due at once", fault(migration.Stop, migration.CodeInterrupted), 2, false, laidDown, 0, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := migration.MailboxRecord{Faults: test.faults}
			got := follow(&m, test.err, test.moved, noon, 0)
			if got != test.want || m.Faults != test.left || m.Facts.Failed != (test.want == givenUp) {
				t.Errorf("it is %s with %d faults, failed %v", got, m.Faults, m.Facts.Failed)
			}
			switch test.want {
			case givenUp:
				if !m.Due.IsZero() || m.Trouble == nil || !m.Trouble.Until.IsZero() {
					t.Errorf("due %v, trouble %+v", m.Due, m.Trouble)
				}
			case putOff:
				if m.Due != noon.Add(test.after) || m.Trouble == nil || m.Trouble.Until != m.Due || m.Trouble.Reason == "" {
					t.Errorf("due after %v, trouble %+v", m.Due.Sub(noon), m.Trouble)
				}
			default:
				if m.Due != noon || m.Trouble != nil {
					t.Errorf("due %v, trouble %+v", m.Due, m.Trouble)
				}
			}
		})
	}
}

func TestALostMailboxIsNotWrittenTo(t *testing.T) {
	for _, err := range []error{fmt.Errorf("ledger: %w", migration.ErrLeaseLost), fault(migration.Stop, migration.CodeLeaseLost)} {
		m := migration.MailboxRecord{Faults: 3}
		if got := follow(&m, err, true, noon, 0); got != taken || m.Faults != 3 || m.Trouble != nil {
			t.Errorf("%v: %s, %+v", err, got, m)
		}
	}
}

func TestACredentialThatCannotBeOpenedBreaksTheMailbox(t *testing.T) {
	m := migration.MailboxRecord{}
	follow(&m, fault(migration.Login, migration.CodeCredential), false, noon, 0)
	if m.Facts.State() != migration.MailboxCorrupted {
		t.Errorf("it is %s", m.Facts.State())
	}
}

func TestPausesAreLeftToChanceByHalf(t *testing.T) {
	for faults := 1; faults < faultsMost; faults++ {
		err := fault(migration.Again, migration.CodeLost)
		least, most := pauseAfter(err, faults, 0), pauseAfter(err, faults, 1)
		if least < time.Minute || most > time.Hour || most != 2*least {
			t.Errorf("after %d faults: from %v to %v", faults, least, most)
		}
	}
}

func TestAPassLeadsOn(t *testing.T) {
	facts := func(batch migration.Intent, phase migration.Phase) migration.MailboxRecord {
		return migration.MailboxRecord{Address: "anna@example.org", Faults: 4, Retry: true, Trouble: &migration.Trouble{}, SourceSecret: []byte("s"), TargetSecret: []byte("t"),
			Facts: migration.MailboxFacts{Batch: batch, Intent: migration.Run, Phase: phase, Failed: true}}
	}
	m := facts(migration.Run, migration.Initial)
	succeed(&m, migration.InitialPass, 24*time.Hour, noon)
	if m.Facts.State() != migration.MailboxSynced || m.InitialDone != noon || m.LastSynced != noon || m.Faults != 0 || m.Trouble != nil || m.Retry {
		t.Errorf("after the initial pass it is %s: %+v", m.Facts.State(), m)
	}
	if wait := m.Due.Sub(noon); wait <= 0 || wait > 24*time.Hour {
		t.Errorf("the next pass is after %v", wait)
	}
	m.Since = noon.Add(50 * time.Minute)
	succeed(&m, migration.IncrementalPass, 24*time.Hour, noon.Add(time.Hour))
	if m.SyncedFrom != noon.Add(50*time.Minute) {
		t.Errorf("it is in step since %v, and the pass began ten minutes before its end", m.SyncedFrom)
	}
	if m.Facts.State() != migration.MailboxIncrementalSynced || m.InitialDone != noon {
		t.Errorf("after an incremental pass it is %s: %+v", m.Facts.State(), m)
	}
	m = facts(migration.Finish, migration.Initial)
	succeed(&m, migration.InitialPass, 24*time.Hour, noon)
	if m.Due != noon {
		t.Errorf("the final pass is after %v", m.Due.Sub(noon))
	}
	succeed(&m, migration.FinalPass, 24*time.Hour, noon)
	if m.Facts.State() != migration.MailboxCompleted || !m.Due.IsZero() || m.SourceSecret != nil || m.TargetSecret != nil {
		t.Errorf("after the final pass it is %s: %+v", m.Facts.State(), m)
	}
}

// A week of passes of a thousand mailboxes, each of which takes a while.
func TestInAWeekEachMailboxHasOnePassADayAtItsOwnMinute(t *testing.T) {
	perHour := map[int]int{}
	for n := range 1000 {
		m := migration.MailboxRecord{Address: fmt.Sprintf("user%d@example.org", n), Facts: migration.MailboxFacts{Batch: migration.Run, Phase: migration.Incremental}}
		m.Due = ownMinute(m.Address, 24*time.Hour, noon)
		minute := m.Due.Hour()*60 + m.Due.Minute()
		perHour[m.Due.Hour()]++
		passes := 0
		for end := noon.AddDate(0, 0, 7); m.Due.Before(end); passes++ {
			if m.Due.Hour()*60+m.Due.Minute() != minute || m.Due.Second() != 0 {
				t.Fatalf("%s drifts to %v", m.Address, m.Due)
			}
			ended := m.Due.Add(time.Duration(n%90) * time.Minute) // late, or long
			succeed(&m, migration.IncrementalPass, 24*time.Hour, ended)
		}
		if passes != 7 {
			t.Errorf("%s had %d passes", m.Address, passes)
		}
	}
	for hour := range 24 {
		if perHour[hour] < 20 || perHour[hour] > 65 {
			t.Errorf("%d of 1000 mailboxes have their turn at %d o'clock", perHour[hour], hour)
		}
	}
}

func TestTheOwnMinuteFitsAnyInterval(t *testing.T) {
	for _, interval := range []time.Duration{5 * time.Minute, 17 * time.Minute, time.Hour, 0} {
		for n := range 50 {
			at := ownMinute(fmt.Sprint(n), interval, noon)
			if wait := at.Sub(noon); wait <= 0 || wait > max(interval, 0) && interval > 0 || wait > 24*time.Hour {
				t.Errorf("interval %v: the turn of %d is after %v", interval, n, wait)
			}
		}
	}
}

func TestFindingsToldOnceStay(t *testing.T) {
	renamed := migration.FindingRecord{Finding: migration.Finding{Code: migration.CodeFolderRenamed, Folder: "A"}}
	keyword := migration.FindingRecord{Finding: migration.Finding{Code: migration.CodeKeywordDropped, Folder: "A", Count: 1}}
	more := keyword
	more.Count = 2
	lost := migration.FindingRecord{Finding: migration.Finding{Code: migration.CodeRejected, Folder: "A", UID: 7}, Lost: true}
	got := merged([]migration.FindingRecord{renamed, keyword, lost}, []migration.FindingRecord{more})
	if !slices.Equal(got, []migration.FindingRecord{more, renamed}) {
		t.Errorf("they are %+v", got)
	}
	if n := minor(append(got, lost)); n != 2 {
		t.Errorf("%d lost no message", n)
	}
}

func TestFindingsThatAreCutStillStandForEveryMessage(t *testing.T) {
	var all []migration.FindingRecord
	for uid := range migration.UID(10) {
		all = append(all, migration.FindingRecord{Finding: migration.Finding{Code: migration.CodeRejected, UID: uid + 1}, Lost: true})
	}
	all[9].Count = 5
	if got := cut(all, 10); len(got) != 10 {
		t.Errorf("%d are left of ten", len(got))
	}
	got := cut(all, 4)
	if last := got[3]; len(got) != 4 || !last.Lost || last.Count != 11 || last.Code != migration.CodeFurther {
		t.Errorf("they are %+v", got)
	}
}

func TestABreakerOpensAfterFiveMailboxesAndThenAfterOneForLonger(t *testing.T) {
	var b breaker
	now := noon
	for n := range breakAfter - 1 {
		if first, again := b.fail(int64(n), now), b.fail(int64(n), now); first || again {
			t.Fatalf("it opens after %d mailboxes", n+1)
		}
	}
	for n, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
		if !b.fail(99, now) || b.Until != now.Add(want*time.Minute) || b.Breaks != n+1 {
			t.Fatalf("break %d is %+v", n, b)
		}
		if b.fail(7, now.Add(time.Second)) {
			t.Fatal("one that began before the pause makes another")
		}
		now = b.Until
	}
}

func TestBooksOfABatch(t *testing.T) {
	counts := func(total, synced, closed, failed, running, incremental, troubled int) migration.BatchCounts {
		return migration.BatchCounts{Total: total, Begun: total, Synced: synced, Closed: closed, Failed: failed, Running: running, IncrementalRunning: incremental, Troubled: troubled}
	}
	key := []byte("key")
	tests := []struct {
		name  string
		batch migration.BatchRecord
		want  string // events, then what is to be done
		told  migration.BatchState
	}{
		{"a batch that begins is no news", migration.BatchRecord{Intent: migration.Run, Told: migration.BatchCreated, Counts: counts(3, 1, 0, 0, 2, 0, 0)}, "[]", migration.BatchSyncing},
		{"the end of the initial copies is", migration.BatchRecord{Intent: migration.Run, Told: migration.BatchSyncing, Counts: counts(3, 3, 0, 0, 0, 0, 0)}, "[synced]", migration.BatchSynced},
		{"so is one with errors", migration.BatchRecord{Intent: migration.Run, Told: migration.BatchSyncing, Counts: counts(3, 2, 0, 1, 0, 0, 0)}, "[synced]", migration.BatchSyncedWithErrors},
		{"passes that bring what is new are not", migration.BatchRecord{Intent: migration.Run, Told: migration.BatchSynced, InitialDone: noon, Started: noon, Counts: counts(3, 3, 0, 0, 1, 1, 0)}, "[]", migration.BatchSynced},
		{"trouble after the initial copy is", migration.BatchRecord{Intent: migration.Run, Told: migration.BatchSynced, Counts: counts(3, 2, 0, 1, 0, 0, 0)}, "[synced]", migration.BatchSyncedWithErrors},
		{"its end is not", migration.BatchRecord{Intent: migration.Run, Told: migration.BatchSyncedWithErrors, Counts: counts(3, 3, 0, 0, 0, 0, 0)}, "[]", migration.BatchSynced},
		{"that all have failed is", migration.BatchRecord{Intent: migration.Run, Told: migration.BatchSyncing, Counts: counts(3, 0, 0, 3, 0, 0, 0)}, "[failed]", migration.BatchFailed},
		{"a completed batch loses its key", migration.BatchRecord{Intent: migration.Finish, Key: key, Told: migration.BatchCompleting, Counts: counts(3, 0, 3, 0, 0, 0, 0)}, "[completed] wiping", migration.BatchCompleted},
		{"one with failures keeps it", migration.BatchRecord{Intent: migration.Finish, Key: key, Told: migration.BatchCompleting, Counts: counts(3, 0, 2, 1, 0, 0, 0)}, "[completed]", migration.BatchCompletedWithErrors},
		{"it completes at its time", migration.BatchRecord{Intent: migration.Run, Told: migration.BatchSynced, Options: migration.BatchOptions{CompleteAfter: noon}, Counts: counts(3, 3, 0, 0, 0, 0, 0)}, "[] completing", migration.BatchSynced},
		{"also while one of its mailboxes is being synced", migration.BatchRecord{Intent: migration.Run, Told: migration.BatchSynced, Options: migration.BatchOptions{CompleteAfter: noon}, Counts: counts(3, 3, 0, 0, 1, 1, 0)}, "[] completing", migration.BatchSynced},
		{"the end of the initial copies is told also while a later pass runs", migration.BatchRecord{Intent: migration.Run, Told: migration.BatchSyncing, Counts: counts(3, 3, 0, 0, 1, 1, 0)}, "[synced]", migration.BatchSynced},
		{"but not before its initial copies", migration.BatchRecord{Intent: migration.Run, Told: migration.BatchSyncing, Options: migration.BatchOptions{CompleteAfter: noon}, Counts: counts(3, 2, 0, 0, 1, 0, 0)}, "[]", migration.BatchSyncing},
		{"nor with what nobody has approved", migration.BatchRecord{Intent: migration.Run, Told: migration.BatchSyncedWithErrors, Options: migration.BatchOptions{CompleteAfter: noon}, Counts: counts(3, 3, 0, 0, 0, 0, 1)}, "[]", migration.BatchSyncedWithErrors},
		{"a report is due at its time", migration.BatchRecord{Intent: migration.Run, Told: migration.BatchSyncing, Options: migration.BatchOptions{ReportInterval: time.Hour}, NextReport: noon, Counts: counts(3, 1, 0, 0, 1, 0, 0)}, "[report]", migration.BatchSyncing},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := test.batch
			s := next(&b, noon, false)
			got := fmt.Sprint(s.events)
			if s.completing {
				got += " completing"
			}
			if s.wiping {
				got += " wiping"
			}
			if got != test.want || b.Told != test.told {
				t.Errorf("it is %s, told %s; want %s, told %s", got, b.Told, test.want, test.told)
			}
			held := test.batch
			if s := next(&held, noon, true); s.completing || held.Intent != test.batch.Intent || held.Told != test.told {
				t.Errorf("held it is %+v, %s, told %s", s, held.Intent, held.Told)
			}
			if s.wiping != (b.Key == nil && test.batch.Key != nil) {
				t.Errorf("the key is %q", b.Key)
			}
			if again := next(&b, noon, false); len(again.events) > 0 || again.wiping || again.completing {
				t.Errorf("it is told twice: %+v", again)
			}
		})
	}
}

func TestReportsKeepTheirInterval(t *testing.T) {
	b := migration.BatchRecord{Intent: migration.Run, Counts: migration.BatchCounts{Total: 1, Begun: 1, Running: 1}, Options: migration.BatchOptions{ReportInterval: 24 * time.Hour}}
	next(&b, noon, false)
	if b.NextReport != noon.Add(24*time.Hour) {
		t.Errorf("the first report is due %v", b.NextReport)
	}
	b.Options.ReportInterval = time.Hour
	next(&b, noon, false)
	if b.NextReport != noon.Add(time.Hour) {
		t.Errorf("with a shorter interval it is due %v", b.NextReport)
	}
	b.Options.ReportInterval = 0
	next(&b, noon, false)
	if !b.NextReport.IsZero() {
		t.Errorf("without an interval it is due %v", b.NextReport)
	}
}
