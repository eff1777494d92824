package control

import (
	"slices"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// This file says how far other batches make up for mailboxes that are completed: no pass of
// theirs follows, but another one may have brought along what arrived since.

// heirs are the mailboxes that make up for completed ones: those of the same address, source
// and target.
type heirs struct {
	now time.Time
	// switched is when the records were moved, zero where that is not known.
	switched time.Time
	batches  map[string]migration.BatchRecord
	ends     map[int64]migration.EndpointRecord
	of       map[string][]migration.MailboxInStep
}

// heirsOf collects those of some mailboxes among all that each goes through.
func heirsOf(tx Tx, switched time.Time, some []migration.MailboxInStep, each func(func(migration.MailboxInStep)) error) (*heirs, error) {
	h := &heirs{now: tx.Now(), switched: switched, batches: map[string]migration.BatchRecord{}, ends: map[int64]migration.EndpointRecord{}, of: map[string][]migration.MailboxInStep{}}
	batches, err := tx.Batches()
	if err != nil {
		return nil, err
	}
	for _, b := range batches {
		h.batches[b.Name] = b
	}
	endpoints, err := tx.Endpoints()
	if err != nil {
		return nil, err
	}
	for _, e := range endpoints {
		h.ends[e.ID] = e
	}
	for _, m := range some {
		h.of[h.pair(m)] = nil
	}
	return h, each(h.collect)
}

// pair is the same for mailboxes of one address, source and target.
func (h *heirs) pair(m migration.MailboxInStep) string {
	return strings.Join([]string{lower(m.Address), mailboxAt(h.ends[m.Source], m.SourceUser, m.UserRoot), mailboxAt(h.ends[m.Target], m.TargetUser, "")}, "\x00")
}

// collect takes a mailbox that is an heir of one that is wanted.
func (h *heirs) collect(m migration.MailboxInStep) {
	pair := h.pair(m)
	if found, wanted := h.of[pair]; wanted {
		h.of[pair] = append(found, m)
	}
}

// madeUp is until when a completed mailbox, which is one of its heirs, and the others have
// brought along all that it was to bring and what arrived since; zero when that is not so.
func (h *heirs) madeUp(m migration.MailboxInStep) (until time.Time) {
	b := h.batches[m.Batch]
	reach := b.Options.ReceivedFrom
	switch late := beginsLate(b, h.switched) != ""; {
	case late: // what is noted may have begun as late
		reach = time.Time{}
	case m.MadeUp.After(reach) && !m.MadeUp.After(h.now):
		reach, until = m.MadeUp, m.MadeUp
	}
	all := slices.Clone(h.of[h.pair(m)])
	slices.SortStableFunc(all, func(a, b migration.MailboxInStep) int { return h.until(a).Compare(h.until(b)) })
	for _, heir := range all { // each may go on where the one before has ended
		if h.goesOn(heir, b.Options, reach) {
			reach = h.until(heir)
			until = reach
		}
	}
	return until
}

// until is until when the passes of a mailbox have brought along what arrived.
func (h *heirs) until(m migration.MailboxInStep) time.Time {
	if end := h.batches[m.Batch].Options.ReceivedBefore; !end.IsZero() && end.Before(m.SyncedFrom) {
		return end
	}
	return m.SyncedFrom
}

// goesOn reports whether an heir has brought along what arrived after a moment in all
// folders that a batch of those options has.
func (h *heirs) goesOn(heir migration.MailboxInStep, o migration.BatchOptions, after time.Time) bool {
	its := h.batches[heir.Batch].Options
	return lackOf(heir) == "" && !heir.SyncedFrom.After(h.now) && h.until(heir).After(after) && !its.ReceivedFrom.After(after) &&
		!its.LeavesOutInbox() && its.TakesFoldersOf(o)
}

// HandOver writes into completed mailboxes until when those of a batch make up for them,
// before these are deleted.
func HandOver(tx Tx, b migration.BatchRecord) error { return handOver(tx, b.Name, "") }

// handOver does so for the mailbox of an address, for all of the batch without one.
func handOver(tx Tx, batch, address string) error {
	var leaving []migration.MailboxInStep
	closed := false
	err := tx.MailboxesInStep(address, func(m migration.MailboxInStep) {
		if m.Batch == batch {
			leaving = append(leaving, m)
		} else {
			closed = closed || m.Phase == migration.Closed
		}
	})
	if err != nil || !closed {
		return err
	}
	h, err := heirsOf(tx, time.Time{}, leaving, func(each func(migration.MailboxInStep)) error { return tx.MailboxesInStep(address, each) })
	if err != nil {
		return err
	}
	return h.note(tx, batch)
}

// note writes into the completed mailboxes that were collected until when others make up for
// them, but for those of a batch that is deleted.
func (h *heirs) note(tx Tx, deleted string) error {
	for _, all := range h.of {
		for _, m := range all {
			if m.Phase != migration.Closed || m.Batch == deleted {
				continue
			}
			if until := h.madeUp(m); until.After(m.MadeUp) {
				if err := tx.MakeUp(m.ID, until); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
