package control

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/cutover"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// This file counts the mailboxes of a domain that is watched.

// mostBehind is how many mailboxes are named that are not in step.
const mostBehind = 100

// tally counts the mailboxes of a domain by the clock of its move.
type tally struct {
	clock cutover.Clock
	now   time.Time
	// without are the batches that leave out new mail, and why.
	without map[string]string
	facts   cutover.Mailboxes
	// beforeSwitch and beforeEnd are those that are not in step since then.
	beforeSwitch, beforeEnd []cutover.Behind
}

// mailboxFacts counts the mailboxes of a domain by the clock of its move: those of the
// batches that are named, and those of the batch that is asked for.
func mailboxFacts(tx Tx, record migration.CutoverRecord, clock cutover.Clock, batch string) (facts cutover.Mailboxes, concerned bool, err error) {
	batches, err := tx.Batches()
	if err != nil {
		return facts, false, err
	}
	t := tally{clock: clock, now: tx.Now(), without: withoutNewMail(batches, clock)}
	t.facts.Gone = deletedOf(record.Batches, batches)
	var closed []migration.MailboxInStep
	err = tx.MailboxesOf(record.Domain, func(m migration.MailboxInStep) {
		asked := m.Batch == batch
		concerned = concerned || asked
		switch {
		case len(record.Batches) > 0 && !asked && !amongBatches(record.Batches, m.Batch):
		case m.Phase == migration.Closed && (t.lackOf(m) != "" || !between(clock.SafeAt, m.SyncedFrom, t.now)):
			closed = append(closed, m)
		default:
			t.count(m, m.SyncedFrom, t.lackOf(m))
		}
	})
	if err == nil && len(closed) > 0 {
		err = t.countClosed(tx, record.Domain, closed)
	}
	return t.total(), concerned, err
}

// count takes a mailbox in whose last whole pass began then.
func (t *tally) count(m migration.MailboxInStep, began time.Time, lacks string) {
	t.facts.Total++
	if !m.LastSynced.IsZero() {
		t.facts.Synced++
	}
	if m.Phase == migration.Closed {
		t.facts.Completed++
	}
	whole := lacks == ""
	if !whole {
		t.facts.Lacking++
	}
	behind := cutover.Behind{Batch: m.Batch, EmailAddress: m.Address, SyncedAt: began, Lacks: lacks}
	if whole && m.Phase == migration.Closed {
		behind.Lacks = closedAlready
	}
	if whole && between(t.clock.SwitchedAt, began, t.now) {
		t.facts.SyncedAfterSwitch++
	} else if len(t.beforeSwitch) < mostBehind {
		t.beforeSwitch = append(t.beforeSwitch, behind)
	}
	if whole && between(t.clock.SafeAt, began, t.now) {
		t.facts.SyncedAfterWait++
	} else if len(t.beforeEnd) < mostBehind {
		t.beforeEnd = append(t.beforeEnd, behind)
	}
}

// closedAlready is the way out for a mailbox that is completed, and behind.
const closedAlready = "its batch is completed and makes no more passes; make a new batch for it with the same endpoints, and synchronise that"

// countClosed takes in mailboxes that are completed and behind, which others may have made
// up for.
func (t *tally) countClosed(tx Tx, domain string, closed []migration.MailboxInStep) error {
	h, err := heirsOf(tx, t.clock.SwitchedAt, closed, func(each func(migration.MailboxInStep)) error { return tx.MailboxesOf(domain, each) })
	if err != nil {
		return err
	}
	for _, m := range closed {
		if until := h.madeUp(m); between(t.clock.SwitchedAt, until, t.now) {
			t.count(m, until, "")
		} else {
			t.count(m, m.SyncedFrom, t.lackOf(m))
		}
	}
	return nil
}

// lackOf is what a mailbox lacks by its batch or by itself, empty for nothing.
func (t *tally) lackOf(m migration.MailboxInStep) string {
	return cmp.Or(t.without[m.Batch], lackOf(m))
}

// total are the facts, with those that are behind.
func (t *tally) total() cutover.Mailboxes {
	t.facts.Behind = orEmpty(t.beforeSwitch)
	if len(t.beforeSwitch) == 0 {
		t.facts.Behind = orEmpty(t.beforeEnd)
	}
	return t.facts
}

// RemovalWaits reports whether a completed batch stays although the time of its records is
// over: a mailbox of it is behind in a domain that is watched, and without the record the
// domain would look as if every mailbox were in step.
func RemovalWaits(tx Tx, b migration.BatchRecord) (bool, error) {
	records, err := tx.Cutovers()
	for _, record := range records {
		watch, err := watchOf(record)
		if err != nil {
			return false, err
		}
		record.Batches = []string{b.Name}
		facts, _, err := mailboxFacts(tx, record, watch.Clock(), b.Name)
		if err != nil || facts.SyncedAfterWait < facts.Total {
			return err == nil, err
		}
	}
	return false, err
}

// clockSlack is how far the clocks of nodes may differ.
const clockSlack = time.Minute

// longAgo is since when a clock may be right where nobody has looked before.
const longAgo = 365 * 24 * time.Hour

// redate puts right when passes began where that is yet to come, since a clock ran ahead: it
// would count once that time has passed. The clock was set right after the last look, which
// has found nothing.
func (s *Service) redate(tx Tx, record migration.CutoverRecord) error {
	now := tx.Now()
	since := min(max(now.Sub(record.Looked), CutoverEvery), longAgo)
	n, err := tx.RedateMailboxes(record.Domain, now.Add(clockSlack), since)
	if err != nil || n == 0 {
		return err
	}
	return s.Record(tx, "mailhaul", "cutover.redate", "cutover/"+record.Domain, map[string]any{"mailboxes": n})
}

// withoutNewMail are the batches that leave out what arrives before the wait is over, and
// why: a pass of theirs brings nothing along.
func withoutNewMail(all []migration.BatchRecord, clock cutover.Clock) map[string]string {
	without := map[string]string{}
	for _, b := range all {
		late := beginsLate(b, clock.SwitchedAt)
		switch end := b.Options.ReceivedBefore; {
		case !end.IsZero() && (clock.SafeAt.IsZero() || end.Before(clock.SafeAt)):
			without[b.Name] = "the batch leaves out new mail"
		case b.Options.LeavesOutInbox():
			without[b.Name] = "the batch leaves out the INBOX"
		case late != "":
			without[b.Name] = late
		}
	}
	return without
}

// beginsLate says what new mail a batch leaves out at its beginning, empty for none: old mail
// is what had arrived before the batch was made, and before the records were moved.
func beginsLate(b migration.BatchRecord, switched time.Time) string {
	switch begin := b.Options.ReceivedFrom; {
	case begin.After(b.Created):
		return "the batch leaves out mail that arrived after it was made"
	case !switched.IsZero() && begin.After(switched):
		return "the batch leaves out mail that arrived after the switch"
	}
	return ""
}

// lackOf is what a mailbox lacks whenever its last pass began, empty for nothing. A pass
// goes through although folders were given up, or messages left out. Who approves that the
// INBOX is left out knows nothing of the mail that arrives there later.
func lackOf(m migration.MailboxInStep) string {
	switch left := m.Skipped - m.Approved; {
	case m.Unread == migration.InboxUnread:
		return "its INBOX could not be copied in the last pass, whatever was approved"
	case left > 0 && m.Unread == migration.FolderUncounted:
		return "an unknown number of messages was left out and not approved"
	case left == 1:
		return "1 message was left out and not approved"
	case left > 1:
		return fmt.Sprintf("%d messages were left out and not approved", left)
	case m.Failed:
		return "its last pass failed"
	}
	return ""
}

// deletedOf are the batches among those that are named that are not there any more.
func deletedOf(named []string, all []migration.BatchRecord) (gone []string) {
	for _, name := range named {
		if !slices.ContainsFunc(all, func(b migration.BatchRecord) bool { return strings.EqualFold(b.Name, name) }) {
			gone = append(gone, migration.SafeText(name))
		}
	}
	return gone
}

// between reports whether a pass began once a moment had come; never while it has not. One
// that a clock running ahead has dated in the time to come does not count.
func between(moment, began, now time.Time) bool {
	return !moment.IsZero() && !began.Before(moment) && !began.After(now)
}
