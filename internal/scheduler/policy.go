package scheduler

import (
	"errors"
	"hash/fnv"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// The rules of what follows a pass.
const (
	// faultsMost is how many passes in a row may fail before a mailbox is given
	// up. With the pauses between them that is about five hours.
	faultsMost = 10
	// The pause after a fault doubles from the shortest to the longest; half of
	// it is left to chance.
	shortestPause = 2 * time.Minute
	longestPause  = time.Hour
	// unnamedPause is for a server that asks for a pause and not for how long.
	unnamedPause = 5 * time.Minute
	// defaultInterval is the time between passes where the batch says none.
	defaultInterval = 24 * time.Hour
)

// ending is how a pass has ended, as far as what follows depends on it.
type ending string

const (
	wentThrough ending = "done"
	// laidDown: it was interrupted, and goes on where it stopped.
	laidDown ending = "interrupted"
	// putOff: it is tried again by itself.
	putOff ending = "again"
	// givenUp: an operator has to do something.
	givenUp ending = "failed"
	// taken: the mailbox is another node's now, and nothing may be written.
	taken ending = "lost"
)

// endingOf judges a pass. faults is how many have failed in a row, this one
// included.
func endingOf(err error, faults int) ending {
	class, code := migration.ClassOf(err), migration.CodeOf(err)
	switch {
	case err == nil:
		return wentThrough
	case errors.Is(err, migration.ErrLeaseLost) || code == migration.CodeLeaseLost:
		return taken
	case code == migration.CodeInterrupted:
		return laidDown
	case class == migration.Later:
		return putOff
	case class == migration.Login, class == migration.OneMailbox, code == migration.CodePolicy:
		return givenUp
	case faults >= faultsMost:
		return givenUp
	default:
		return putOff
	}
}

// follow writes into the record what follows a pass that did not go through.
// chance is from 0 to 1.
func follow(m *migration.MailboxRecord, err error, moved bool, now time.Time, chance float64) ending {
	faults := m.Faults
	if moved {
		faults = 0 // it has come further than the last time
	}
	eats := migration.ClassOf(err) != migration.Later
	if eats {
		faults++
	}
	end := endingOf(err, faults)
	switch end {
	case laidDown:
		m.Due, m.Trouble = now, nil
		if moved {
			m.Faults = 0
		}
	case putOff:
		m.Faults = faults
		m.Due = now.Add(pauseAfter(err, faults, chance))
		m.Trouble = troubleOf(err, now, m.Due)
	case givenUp:
		m.Faults = faults
		m.Facts.Broken = migration.CodeOf(err) == migration.CodeCredential
		m.Facts.Failed, m.Due = true, time.Time{}
		m.Trouble = troubleOf(err, now, time.Time{})
	}
	return end
}

// succeed writes into the record what follows a pass that went through. interval
// is the time between passes.
func succeed(m *migration.MailboxRecord, kind migration.PassKind, interval time.Duration, now time.Time) {
	f := &m.Facts
	f.Passes++
	f.Failed, m.Faults, m.Trouble, m.Retry, m.LastSynced = false, 0, nil, false, now
	m.SyncedFrom = m.Since // of the last slice, which has looked at every folder anew
	switch {
	case kind == migration.FinalPass:
		f.Phase, m.Due = migration.Closed, time.Time{}
		m.SourceSecret, m.TargetSecret = nil, nil
		return
	case f.Phase == migration.Initial:
		f.Phase, m.InitialDone = migration.Incremental, now
		m.InitialMessages, m.InitialBytes = m.Progress.Moved, m.Progress.MovedBytes
	}
	if f.Batch == migration.Finish {
		m.Due = now
	} else {
		m.Due = ownMinute(m.Address, interval, now)
	}
}

// pauseAfter is how long to wait after a fault: exactly as long as the server
// says, if it does.
func pauseAfter(err error, faults int, chance float64) time.Duration {
	if fault := migration.FaultOf(err); fault != nil && fault.Class == migration.Later {
		if fault.After > 0 {
			return fault.After
		}
		return unnamedPause
	}
	bound := longestPause
	if n := faults - 1; n < 10 {
		bound = min(shortestPause<<max(n, 0), longestPause)
	}
	return bound/2 + time.Duration(chance*float64(bound/2))
}

// ownMinute is the next time, after now, at which a mailbox has its turn: the same
// minute of every interval, so that the mailboxes of a batch are spread over it
// and none drifts.
func ownMinute(address string, interval time.Duration, now time.Time) time.Time {
	if interval <= 0 {
		interval = defaultInterval
	}
	sum := fnv.New64a()
	sum.Write([]byte(address))
	minutes := max(int64(interval/time.Minute), 1)
	offset := time.Duration(int64(sum.Sum64()%uint64(minutes))) * time.Minute
	turn := now.Truncate(interval).Add(offset)
	for !turn.After(now) {
		turn = turn.Add(interval)
	}
	return turn
}

// troubleOf is an error in the words of a mailbox.
func troubleOf(err error, now, until time.Time) *migration.Trouble {
	t := &migration.Trouble{At: now, Class: migration.ClassOf(err), Code: migration.CodeOf(err), Reason: err.Error(), Until: until}
	if fault := migration.FaultOf(err); fault != nil {
		t.Remedy = fault.Remedy
	}
	return t
}

// merged are the findings of a mailbox after a pass: those of the pass, and the
// earlier ones that lost no message. These are told once, when the engine comes
// across them.
func merged(earlier, now []migration.FindingRecord) []migration.FindingRecord {
	type mark struct {
		code, folder string
		uid          migration.UID
	}
	all := append([]migration.FindingRecord{}, now...)
	known := map[mark]bool{}
	for _, f := range now {
		known[mark{f.Code, f.Folder, f.UID}] = true
	}
	for _, f := range earlier {
		if !f.Lost && !known[mark{f.Code, f.Folder, f.UID}] {
			all = append(all, f)
		}
	}
	return all
}

// minor counts the findings that lost no message.
func minor(findings []migration.FindingRecord) int {
	n := 0
	for _, f := range findings {
		if !f.Lost {
			n++
		}
	}
	return n
}
