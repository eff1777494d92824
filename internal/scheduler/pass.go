package scheduler

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// pass takes a claimed mailbox up, runs its pass and writes down what came of it.
// A claim that is stale does nothing.
func (s *Scheduler) pass(claim migration.Claim) {
	ctx, cancel := context.WithCancelCause(s.work)
	defer cancel(nil)
	p := &pass{claim: claim, cancel: cancel}
	task, err := s.begin(ctx, p)
	if err != nil {
		if !errors.Is(err, migration.ErrLeaseLost) && ctx.Err() == nil {
			s.log.Error("mailbox not taken up", "node", s.node.Name, "error", err)
		}
		return
	}
	defer nudge(s.freed) // when its place is free
	defer s.passes.remove(p)
	slice, stop := context.WithTimeoutCause(ctx, s.slice, errSlice)
	defer stop()
	log := s.log.With("batch", task.Batch.Name, "mailbox", task.Mailbox.Address, "pass", claim.Kind)
	log.Debug("pass begins")
	began := time.Now()
	r := s.run(slice, p, task)
	s.finish(p, task, &r)
	fields := []any{"took", time.Since(began).Round(time.Millisecond), "ended", r.ending, "copied", r.outcome.Counts.Copied}
	if r.outcome.Err != nil {
		fields = append(fields, "because", r.outcome.Err.Error())
	}
	log.Info("pass ended", fields...)
	s.observer.Pass(claim.Kind, string(r.ending), classOf(r.outcome.Err), time.Since(began))
	s.observer.Copied(int64(r.outcome.Counts.Copied), r.outcome.Bytes)
	s.dirty.add(task.Batch.ID)
}

// classOf is empty when nothing went wrong.
func classOf(err error) migration.Class {
	if err == nil {
		return ""
	}
	return migration.ClassOf(err)
}

// begin takes a mailbox up for this node, with all that its pass needs.
func (s *Scheduler) begin(ctx context.Context, p *pass) (Task, error) {
	defer s.given.taken(p.claim)
	defer s.passes.expect(p.claim)()
	within, cancel := context.WithTimeout(ctx, s.lease/2)
	defer cancel()
	p.transcript = newTranscript()
	task := Task{Kind: p.claim.Kind, Held: p.held, Nodes: int(s.nodes.Load()), Trace: p.transcript.line}
	asked := time.Now()
	err := s.store.Change(within, "taking a mailbox up", func(tx Tx) (err error) {
		if err := tx.Begin(p.claim, s.owner, s.lease); err != nil {
			return err
		}
		if task.Mailbox, err = tx.Held(p.claim.Mailbox, p.claim.Generation); err != nil {
			return err
		}
		if task.Batch, err = tx.BatchByID(task.Mailbox.Batch); err != nil {
			return err
		}
		if task.Source, err = tx.EndpointByID(task.Batch.Source); err != nil {
			return err
		}
		if task.Target, err = tx.EndpointByID(task.Batch.Target); err != nil {
			return err
		}
		task.AcceptRebuilt, err = toldOfRebuilt(tx, task.Mailbox)
		return err
	})
	if err != nil {
		return Task{}, err
	}
	p.until.set(asked.Add(s.held()))
	p.taken = time.Now()
	s.passes.add(p)
	return task, nil
}

// toldOfRebuilt reports whether an operator retries a mailbox that has a folder
// which waits for a person's word.
func toldOfRebuilt(tx Tx, m migration.MailboxRecord) (bool, error) {
	if !m.Retry {
		return false, nil
	}
	findings, err := tx.Findings(m.ID, 0, findingsMost)
	return slices.ContainsFunc(findings, func(f migration.FindingRecord) bool { return f.Code == migration.CodeUIDValidity }), err
}

// result is what a pass came to, with what followed.
type result struct {
	outcome   Outcome
	preflight *migration.PreflightResult
	ending    ending
	// transcript is what was said, nil when nothing was.
	transcript *migration.Transcript
}

func (s *Scheduler) run(ctx context.Context, p *pass, task Task) result {
	if task.Kind == migration.Preflight {
		return s.try(ctx, task)
	}
	before := task.Mailbox.Progress
	overall := func(now migration.MailboxProgress) migration.MailboxProgress {
		now.At = time.Now().UTC()
		now.Counts, now.Moved, now.MovedBytes = before.Counts, before.Moved+now.Messages, before.MovedBytes+now.Bytes
		return now
	}
	outcome := s.runner.Run(ctx, task, func(now migration.MailboxProgress) { s.copied.add(task.Batch.ID, p.note(overall(now))) })
	outcome.Progress = overall(outcome.Progress)
	s.copied.add(task.Batch.ID, p.end(outcome.Progress))
	if outcome.Err == nil {
		outcome.Progress.Counts = outcome.Counts
	}
	return result{outcome: outcome}
}

// try runs a preflight. One that was interrupted has no result.
func (s *Scheduler) try(ctx context.Context, task Task) result {
	found, unreachable := s.runner.Preflight(ctx, task)
	if ctx.Err() != nil {
		return result{outcome: Outcome{Err: &migration.Fault{Class: migration.Stop, Code: migration.CodeInterrupted, Doing: "trying the mailbox was interrupted", Err: context.Cause(ctx)}}}
	}
	found.At = time.Now().UTC()
	return result{preflight: &found, outcome: Outcome{Unreachable: unreachable}}
}

// finish writes down what a pass came to. While the database cannot be reached it
// tries again, as long as the mailbox is this node's.
func (s *Scheduler) finish(p *pass, task Task, r *result) {
	r.transcript = p.transcript.packed(task.Kind)
	for p.held() && endingOf(r.outcome.Err, 0) != taken {
		within, cancel := context.WithTimeout(context.Background(), s.lease/2)
		err := s.store.Change(within, "ending a pass", func(tx Tx) error { return s.end(tx, p, task, r) })
		cancel()
		switch {
		case err == nil:
			return
		case errors.Is(err, migration.ErrLeaseLost):
			r.ending = taken
			return
		case errors.Is(err, migration.ErrChanged):
			continue
		}
		s.log.Error("end of a pass not recorded", "mailbox", task.Mailbox.Address, "error", err)
		wait := time.NewTimer(time.Second)
		select {
		case <-wait.C:
		case <-s.work.Done(): // once more at once, then the lease runs out
			wait.Stop()
			p.until.set(time.Now())
		}
	}
	r.ending = taken
}

// end writes into the mailbox what follows, in one transaction.
func (s *Scheduler) end(tx Tx, p *pass, task Task, r *result) error {
	m, err := tx.Held(p.claim.Mailbox, p.claim.Generation)
	if err != nil {
		return err
	}
	if m.Facts.Intent == migration.Remove {
		r.ending = laidDown
		return s.remove(tx, m)
	}
	now := tx.Now()
	if p.claim.Kind == migration.Preflight {
		endTrial(&m, r, now)
	} else if err := s.endPass(tx, &m, p, r, now); err != nil {
		return err
	}
	layDown(&m, now)
	if err := s.noteReach(tx, m, task, r); err != nil {
		return err
	}
	if r.transcript != nil {
		if err := tx.SaveTranscript(m.ID, *r.transcript); err != nil {
			return err
		}
	}
	return tx.SaveMailbox(&m)
}

func (s *Scheduler) remove(tx Tx, m migration.MailboxRecord) error {
	return ignoring(tx.DeleteMailbox(m.ID), migration.ErrNotFound)
}

// layDown gives a mailbox free.
func layDown(m *migration.MailboxRecord, now time.Time) {
	m.Facts.Running, m.Facts.Begun = "", false
	m.Lease.Node, m.Lease.Until = "", time.Time{}
	if now.After(m.Since) {
		m.Worked += now.Sub(m.Since)
	}
	m.Since = now
}

// endTrial keeps the result of a preflight, or asks for another.
func endTrial(m *migration.MailboxRecord, r *result, now time.Time) {
	if r.preflight == nil {
		r.ending, m.Trial = laidDown, true
		return
	}
	r.ending = wentThrough
	m.Preflight = r.preflight
	for _, trouble := range []*migration.Trouble{m.Preflight.Trouble, m.Preflight.SourceTrouble, m.Preflight.TargetTrouble} {
		if trouble != nil {
			trouble.At = now
		}
	}
}

func (s *Scheduler) endPass(tx Tx, m *migration.MailboxRecord, p *pass, r *result, now time.Time) error {
	m.Progress = r.outcome.Progress
	m.Progress.Waiting, m.Progress.BytesPerSecond, m.Progress.MessagesPerSecond = "", 0, 0
	if r.outcome.Err == nil {
		m.Progress.Earliest = time.Time{}
	}
	p.mu.Lock()
	m.Stalled += p.stalled
	p.mu.Unlock()
	if m.Facts.Phase == migration.Initial && now.After(m.Since) {
		m.InitialWorked += now.Sub(m.Since)
	}
	if r.outcome.Err != nil {
		moved := r.outcome.Counts.Copied > 0 || r.outcome.Progress.Messages > 0
		r.ending = follow(m, r.outcome.Err, moved, now, chance())
		return nil
	}
	r.ending = wentThrough
	if err := saveFindings(tx, m, r.outcome); err != nil {
		return err
	}
	interval, err := tx.Interval(m.Batch) // it may have been changed meanwhile
	succeed(m, p.claim.Kind, interval, now)
	return err
}

// saveFindings replaces the findings of a mailbox by those of a whole pass. Where
// there are none and were none of lost messages, nothing has changed.
func saveFindings(tx Tx, m *migration.MailboxRecord, outcome Outcome) error {
	nothing := len(outcome.Findings) == 0 && m.Facts.Skipped == 0
	m.Facts.Skipped, m.Unread = outcome.Counts.Skipped, outcome.Unread
	if nothing {
		return nil
	}
	earlier, err := tx.Findings(m.ID, 0, findingsMost)
	if err != nil {
		return err
	}
	all := cut(merged(earlier, outcome.Findings), findingsMost)
	approved, err := tx.SaveFindings(m.ID, all)
	m.Facts.Approved, m.Minor = min(approved, m.Facts.Skipped), minor(all)
	return err
}

// cut keeps the first of many findings, and one that stands for all others, so that
// every message that was left out can be approved.
func cut(all []migration.FindingRecord, most int) []migration.FindingRecord {
	if len(all) <= most {
		return all
	}
	rest := migration.FindingRecord{Finding: migration.Finding{Code: migration.CodeFurther, Reason: "there are more findings than are kept; this one stands for all others",
		Remedy: "See to those that are listed, retry the mailbox, and look again."}}
	for _, f := range all[most-1:] {
		if f.Lost {
			rest.Lost = true
			rest.Count += max(1, f.Count)
		}
	}
	return append(all[:most-1:most-1], rest)
}

// findingsMost bounds what is kept of one mailbox.
const findingsMost = 10_000

// noteReach tells the breakers whether the endpoints could be reached.
func (s *Scheduler) noteReach(tx Tx, m migration.MailboxRecord, task Task, r *result) error {
	trouble := m.Trouble
	if r.preflight != nil {
		trouble = r.preflight.Trouble
	}
	switch {
	case r.outcome.Unreachable != 0 && trouble != nil:
		return s.unreached(tx, r.outcome.Unreachable, m, trouble)
	case r.ending == wentThrough && (r.preflight == nil || r.preflight.OK):
		return reached(tx, task.Source.ID, task.Target.ID)
	default:
		return nil
	}
}
