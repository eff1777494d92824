package scheduler

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// dirty are the batches in which something has happened.
type dirty struct {
	mu      sync.Mutex
	batches map[int64]bool
}

func (d *dirty) add(batch int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.batches[batch] = true
}

func (d *dirty) take() []int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	var ids []int64
	for id := range d.batches {
		ids = append(ids, id)
	}
	clear(d.batches)
	slices.Sort(ids)
	return ids
}

// holdFor is how long a batch is held, or retained, before it is asked anew whether it has
// to be: that may look through many mailboxes.
const holdFor = time.Minute

// holds are the batches that were held or retained, and when.
type holds struct {
	mu    sync.Mutex
	since map[int64]time.Time
}

func (h *holds) begin(batch int64, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.since[batch] = now
}

func (h *holds) last(batch int64, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	since, found := h.since[batch]
	if found && now.Sub(since) >= holdFor {
		delete(h.since, batch)
		found = false
	}
	return found
}

// step is what is to be done about a batch at a time.
type step struct {
	// events are to be told, completing begins the final passes, wiping drops
	// the key.
	events     []string
	completing bool
	wiping     bool
	changed    bool
}

// next brings the record of a batch up to date and says what follows; one that is held
// does not complete by itself. It is pure: whoever saves the record does the rest in the
// same transaction.
func next(b *migration.BatchRecord, now time.Time, held bool) (s step) {
	state := settled(b.Facts(now))
	synced := isSynced(state)
	set := func(at *time.Time, when bool) {
		if when && at.IsZero() {
			*at, s.changed = now, true
		}
	}
	set(&b.Started, b.Counts.Begun > 0)
	set(&b.InitialDone, synced && b.Counts.Total > 0)
	set(&b.Completed, state == migration.BatchCompleted)
	if !held && completes(*b, now) {
		b.Intent, s.completing, s.changed = migration.Finish, true, true
		return s
	}
	s.reporting(b, state, now)
	if c := b.Counts; b.Intent == migration.Finish && c.Total > 0 && c.Closed == c.Total && c.Running == 0 && len(b.Key) > 0 {
		b.Key, s.wiping, s.changed = nil, true, true
	}
	return s
}

// completes reports whether a batch completes by itself, unless it is held.
func completes(b migration.BatchRecord, now time.Time) bool {
	return b.CompletionDue(now) && isSynced(settled(b.Facts(now))) && b.Counts.Troubled == 0
}

func isSynced(state migration.BatchState) bool {
	return state == migration.BatchSynced || state == migration.BatchSyncedWithErrors
}

// settled is the state without the passes that bring what is new: they are no news,
// and in a large batch one is always under way.
func settled(f migration.BatchFacts) migration.BatchState {
	if f.State() == migration.BatchIncrementalSyncing {
		f.Counts.IncrementalRunning = 0
	}
	return f.State()
}

// reporting notes what people are to be told.
func (s *step) reporting(b *migration.BatchRecord, state migration.BatchState, now time.Time) {
	if state != b.Told {
		if kind := newsOf(b.Told, state); kind != "" {
			s.events = append(s.events, kind)
		}
		b.Told, s.changed = state, true
	}
	interval := b.Options.ReportInterval
	active := interval > 0 && b.Counts.Begun > 0 && (b.Intent == migration.Run || b.Intent == migration.Finish) &&
		state != migration.BatchCompleted && state != migration.BatchCompletedWithErrors && state != migration.BatchFailed
	switch {
	case !active && !b.NextReport.IsZero():
		b.NextReport, s.changed = time.Time{}, true
	case active && (b.NextReport.IsZero() || b.NextReport.After(now.Add(interval))):
		b.NextReport, s.changed = now.Add(interval), true
	case active && !now.Before(b.NextReport):
		s.events = append(s.events, Report)
		b.NextReport, s.changed = now.Add(interval), true
	}
}

// newsOf is the kind of event when the state of a batch changes, empty for none.
func newsOf(told, state migration.BatchState) string {
	switch state {
	case migration.BatchSynced:
		if told == migration.BatchSyncedWithErrors {
			return "" // what was wrong is mended
		}
		return Synced
	case migration.BatchSyncedWithErrors:
		return Synced
	case migration.BatchCompleted, migration.BatchCompletedWithErrors:
		return Completed
	case migration.BatchFailed:
		return Failed
	default:
		return ""
	}
}

// tendDirty sees to the batches in which something has happened.
func (s *Scheduler) tendDirty(ctx context.Context) {
	for _, id := range s.dirty.take() {
		s.tend(ctx, id)
	}
}

// tendDue sees to the batches whose time has come.
func (s *Scheduler) tendDue(ctx context.Context) {
	s.tendAll(ctx, "looking for batches that are due", Tx.BatchesDue)
}

// review sees to all batches: something may have happened on a node that is no
// more. It counts the nodes, too.
func (s *Scheduler) review(ctx context.Context) {
	s.tendAll(ctx, "looking through the batches", Tx.Batches)
	s.removeMailboxes(ctx)
	s.countNodes(ctx)
	if s.store.ScrubOwed() {
		s.scrub(ctx)
	}
}

func (s *Scheduler) tendAll(ctx context.Context, doing string, which func(Tx) ([]migration.BatchRecord, error)) {
	var found []migration.BatchRecord
	err := s.store.Change(ctx, doing, func(tx Tx) (err error) {
		found, err = which(tx)
		return err
	})
	if err != nil && ctx.Err() == nil {
		s.log.Error("batches not looked through", "node", s.node.Name, "error", err)
	}
	for _, b := range found {
		if b.Intent == migration.Remove {
			s.removeBatch(ctx, b)
		} else {
			s.tend(ctx, b.ID)
		}
	}
}

// tend brings a batch up to date. Another node or an operator may do so at the
// same time: then it is looked at again later.
func (s *Scheduler) tend(ctx context.Context, id int64) {
	wiped := false
	err := s.store.Change(ctx, "keeping the books of a batch", func(tx Tx) error {
		wiped = false
		b, err := tx.BatchByID(id)
		if err != nil {
			return err
		}
		now := tx.Now()
		if b.Intent == migration.Remove {
			return nil
		}
		expired, err := s.expired(tx, b)
		if err != nil {
			return err
		}
		if expired {
			b.Intent = migration.Remove
			if err := s.record(tx, "batch.expire", "batch/"+b.Name); err != nil {
				return err
			}
			return tx.SaveBatch(&b)
		}
		held, err := s.mustWait(tx, b)
		if err != nil {
			return err
		}
		todo := next(&b, now, held)
		if !todo.changed {
			return nil
		}
		wiped = todo.wiping
		return s.carryOut(tx, &b, todo)
	})
	switch {
	case errors.Is(err, migration.ErrChanged):
		s.dirty.add(id)
	case errors.Is(err, migration.ErrNotFound), ctx.Err() != nil:
	case err != nil:
		s.log.Error("books of a batch not kept", "error", err)
		s.dirty.add(id)
	case wiped:
		s.scrub(ctx)
	}
}

// mustWait reports whether a batch that would complete by itself is held.
func (s *Scheduler) mustWait(tx Tx, b migration.BatchRecord) (bool, error) {
	if !completes(b, tx.Now()) {
		return false, nil
	}
	return s.withheld(tx, b, s.hold)
}

// withheld asks whether something is kept from a batch, once in holdFor where it is.
func (s *Scheduler) withheld(tx Tx, b migration.BatchRecord, ask func(Tx, migration.BatchRecord) (bool, error)) (held bool, err error) {
	now := tx.Now()
	if s.holds.last(b.ID, now) {
		return true, nil
	}
	if held, err = ask(tx, b); held {
		s.holds.begin(b.ID, now)
	}
	return held, err
}

// expired reports whether the records of a batch have stayed as long as those of a
// completed one do, and are not needed.
func (s *Scheduler) expired(tx Tx, b migration.BatchRecord) (bool, error) {
	if b.Completed.IsZero() {
		return false, nil
	}
	keep, err := s.keep(tx)
	if err != nil || keep <= 0 || !tx.Now().After(b.Completed.Add(keep)) {
		return false, err
	}
	retained, err := s.withheld(tx, b, s.retain)
	return !retained && err == nil, err
}

func (s *Scheduler) carryOut(tx Tx, b *migration.BatchRecord, todo step) error {
	for _, kind := range todo.events {
		if err := s.tell(tx, Event{Kind: kind, At: tx.Now(), Batch: *b, State: b.Facts(tx.Now()).State()}); err != nil {
			return err
		}
	}
	if todo.completing {
		if _, err := tx.FinishMailboxes(b.ID); err != nil {
			return err
		}
		if err := s.record(tx, "batch.complete", "batch/"+b.Name); err != nil {
			return err
		}
	}
	if todo.wiping {
		if err := tx.WipeSecrets(b.ID); err != nil {
			return err
		}
		if err := s.record(tx, "batch.wipe", "batch/"+b.Name); err != nil {
			return err
		}
	}
	return tx.SaveBatch(b)
}

// tell records what people are told, in the change that it is part of.
func (s *Scheduler) tell(tx Tx, event Event) error {
	notices, err := s.compose(tx, event)
	if err != nil {
		return err
	}
	for _, n := range notices {
		if err := tx.Notify(n); err != nil {
			return err
		}
	}
	return nil
}

func (s *Scheduler) scrub(ctx context.Context) {
	if err := s.store.Scrub(ctx); err != nil && ctx.Err() == nil {
		s.log.Error("what was wiped may still be on the disk", "error", err)
	}
}

// removeBatch removes the records of a batch once nothing of it runs.
func (s *Scheduler) removeBatch(ctx context.Context, b migration.BatchRecord) {
	if b.Counts.Running > 0 {
		return
	}
	if b.Options.Forget {
		if err := s.forget(ctx, b); err != nil {
			s.log.Error("ledgers of a batch not forgotten", "batch", b.Name, "error", err)
			return
		}
	}
	err := s.store.Change(ctx, "removing a batch", func(tx Tx) error {
		now, err := tx.BatchByID(b.ID)
		if err != nil || now.Intent != migration.Remove || now.Counts.Running > 0 {
			return ignoring(err, migration.ErrNotFound)
		}
		if err := s.record(tx, "batch.removed", "batch/"+b.Name); err != nil {
			return err
		}
		return tx.DeleteBatch(b.ID)
	})
	if err != nil {
		s.log.Error("batch not removed", "batch", b.Name, "error", err)
		return
	}
	s.log.Info("batch removed", "batch", b.Name)
	s.scrub(ctx)
}

// forget drops the ledgers of a batch's mailboxes.
func (s *Scheduler) forget(ctx context.Context, b migration.BatchRecord) error {
	const page = 500
	var source, target migration.EndpointRecord
	var found []migration.MailboxRecord
	for after := int64(0); ; after = found[len(found)-1].ID {
		err := s.store.Change(ctx, "listing the mailboxes of a batch", func(tx Tx) (err error) {
			if source, err = tx.EndpointByID(b.Source); err != nil {
				return err
			}
			if target, err = tx.EndpointByID(b.Target); err != nil {
				return err
			}
			found, err = tx.Mailboxes(migration.MailboxFilter{Batch: b.ID, After: after, Limit: page})
			return err
		})
		if err != nil || len(found) == 0 {
			return err
		}
		for _, m := range found {
			if err := s.runner.Forget(ctx, Task{Mailbox: m, Batch: b, Source: source, Target: target}); err != nil {
				return err
			}
		}
	}
}

// removeMailboxes removes those that were to go while a node worked on them that
// is no more.
func (s *Scheduler) removeMailboxes(ctx context.Context) {
	removed := 0
	err := s.store.Change(ctx, "removing mailboxes", func(tx Tx) error {
		found, err := tx.RemovingMailboxes(1000)
		if err != nil {
			return err
		}
		removed = len(found)
		for _, m := range found {
			if err := s.remove(tx, m); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		s.log.Error("mailboxes not removed", "error", err)
	}
	if err == nil && removed > 0 {
		s.scrub(ctx)
	}
}

// countNodes counts the nodes that are alive, for their shares of the ceilings.
func (s *Scheduler) countNodes(ctx context.Context) {
	alive := int64(0)
	err := s.store.Change(ctx, "counting the nodes", func(tx Tx) error {
		alive = 0
		all, err := tx.Nodes()
		for _, n := range all {
			if tx.Now().Sub(n.Beat) < 2*s.lease {
				alive++
			}
		}
		return err
	})
	if err == nil {
		s.nodes.Store(max(alive, 1))
	}
}

// How long what is of no more use stays.
const (
	answersFor  = 24 * time.Hour
	sessionsFor = 12 * time.Hour
	idleFor     = 30 * time.Minute
	nodesFor    = 24 * time.Hour
	noticesFor  = 90 * 24 * time.Hour
	tokensFor   = 90 * 24 * time.Hour
)

// sweep forgets what is of no more use.
func (s *Scheduler) sweep(ctx context.Context) {
	err := s.store.Change(ctx, "sweeping", func(tx Tx) error {
		now := tx.Now()
		if err := tx.DropAnswers(now.Add(-answersFor)); err != nil {
			return err
		}
		if err := tx.DropSessions(now.Add(-sessionsFor), now.Add(-idleFor)); err != nil {
			return err
		}
		if err := tx.DropNotices(now.Add(-noticesFor)); err != nil {
			return err
		}
		if err := tx.DropTokens(now.Add(-tokensFor)); err != nil {
			return err
		}
		if err := tx.DropCopied(now.Add(-migration.CopiedFor)); err != nil {
			return err
		}
		all, err := tx.Nodes()
		if err != nil {
			return err
		}
		for _, n := range all {
			if now.Sub(n.Beat) > nodesFor {
				if err := tx.DropNode(n.Name); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		s.log.Warn("not swept", "error", err)
	}
}
