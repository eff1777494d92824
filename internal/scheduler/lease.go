package scheduler

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// The causes for which a pass is ended from outside.
var (
	errLost     = errors.New("another node has taken the mailbox over")
	errHalted   = errors.New("it is to be stopped")
	errSlice    = errors.New("others have their turn")
	errStopping = errors.New("this node is stopping")
)

// pass is a mailbox that this node works on.
type pass struct {
	claim  migration.Claim
	cancel context.CancelCauseFunc
	// taken is when it was known to be ours.
	taken time.Time
	until deadline
	// transcript takes what is said on its lines.
	transcript *transcript

	mu sync.Mutex
	// progress is the last that was told, saved whether it is in the store.
	progress migration.MailboxProgress
	saved    bool
	told     time.Time
	moved    time.Time
	stalled  time.Duration
	// counted is what of the progress was counted as copied.
	counted migration.Copied
}

// deadline is a moment by two clocks: the one that is never set, and the one
// that goes on while the machine sleeps.
type deadline struct{ at atomic.Pointer[time.Time] }

func (d *deadline) set(at time.Time) { d.at.Store(&at) }

func (d *deadline) passed() bool {
	at, now := *d.at.Load(), time.Now()
	return !now.Before(at) || !now.Round(0).Before(at.Round(0))
}

// held reports whether the mailbox is still this node's.
func (p *pass) held() bool { return !p.until.passed() }

// lose makes a pass know at once that the mailbox is another's.
func (p *pass) lose() {
	p.until.set(time.Now())
	p.cancel(errLost)
}

// passes are those under way on this node.
type passes struct {
	mu  sync.Mutex
	all map[int64]*pass
	// coming are claims that are being taken up.
	coming map[migration.Claim]bool
}

// expect notes that a claim is being taken up, until the result is called.
func (s *passes) expect(claim migration.Claim) (over func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.coming == nil {
		s.coming = map[migration.Claim]bool{}
	}
	s.coming[claim] = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.coming, claim)
	}
}

// orphans are the leases of this node that no pass of it has: it had lost them by
// its own clock, or never learnt that it got them. Renewed, they would be nobody's
// for ever.
func (s *passes) orphans(leased []migration.Leased) []migration.Leased {
	s.mu.Lock()
	defer s.mu.Unlock()
	coming := map[migration.Leased]bool{}
	for c := range s.coming {
		coming[migration.Leased{Mailbox: c.Mailbox, Generation: c.Generation}] = true
	}
	return slices.DeleteFunc(slices.Clone(leased), func(l migration.Leased) bool {
		p := s.all[l.Mailbox]
		return p != nil && p.claim.Generation == l.Generation || coming[migration.Leased{Mailbox: l.Mailbox, Generation: l.Generation}]
	})
}

// add takes a pass in. An older one of the mailbox is lost: this node itself has
// taken it over.
func (s *passes) add(p *pass) {
	s.mu.Lock()
	old := s.all[p.claim.Mailbox]
	s.all[p.claim.Mailbox] = p
	s.mu.Unlock()
	if old != nil {
		old.lose()
	}
}

func (s *passes) remove(p *pass) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all[p.claim.Mailbox] == p {
		delete(s.all, p.claim.Mailbox)
	}
}

func (s *passes) list() []*pass {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*pass, 0, len(s.all))
	for _, p := range s.all {
		list = append(list, p)
	}
	return list
}

func (s *passes) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all)
}

// renewed takes the answer to a renewal that was asked for at a time.
func (s *passes) renewed(asked time.Time, leased []migration.Leased, lasts time.Duration) {
	answer := map[int64]migration.Leased{}
	for _, l := range leased {
		answer[l.Mailbox] = l
	}
	for _, p := range s.list() {
		l, has := answer[p.claim.Mailbox]
		switch {
		case has && l.Generation == p.claim.Generation:
			if p.held() { // what has lapsed once stays so
				p.until.set(asked.Add(lasts))
			}
			if l.Halt {
				p.cancel(errHalted)
			}
		case p.taken.Before(asked):
			p.lose()
		}
	}
}

// lapse ends the passes whose lease could not be renewed in time.
func (s *passes) lapse() {
	for _, p := range s.list() {
		if !p.held() {
			p.lose()
		}
	}
}

// renew prolongs the leases of this node.
func (s *Scheduler) renew(ctx context.Context) {
	s.passes.lapse()
	asked := time.Now()
	within, cancel := context.WithTimeout(ctx, s.lease/2)
	defer cancel()
	var leased []migration.Leased
	err := s.store.Change(within, "renewing the leases", func(tx Tx) (err error) {
		if err := tx.Beat(s.node); err != nil {
			return err
		}
		leased, err = tx.Renew(s.owner, s.lease)
		return err
	})
	if err != nil {
		if ctx.Err() == nil {
			s.log.Error("leases not renewed", "node", s.node.Name, "error", err)
		}
		s.passes.lapse()
		return
	}
	s.passes.renewed(asked, leased, s.held())
	for _, l := range s.passes.orphans(leased) {
		s.release(ctx, l)
	}
}

// release lays a mailbox down, due at once, that this node has no pass for. One
// that has ended well meanwhile is not leased any more.
func (s *Scheduler) release(ctx context.Context, l migration.Leased) {
	within, cancel := context.WithTimeout(ctx, s.lease/2)
	defer cancel()
	err := s.store.Change(within, "laying a mailbox down", func(tx Tx) error {
		m, err := tx.Held(l.Mailbox, l.Generation)
		if err != nil {
			return err
		}
		m.Trial = m.Trial || m.Facts.Running == migration.Preflight
		m.Due = tx.Now()
		layDown(&m, tx.Now())
		return tx.SaveMailbox(&m)
	})
	switch {
	case err == nil:
		nudge(s.freed)
	case !errors.Is(err, migration.ErrLeaseLost) && ctx.Err() == nil:
		s.log.Warn("mailbox not laid down", "node", s.node.Name, "error", err) // the next renewal finds it again
	}
}

// held is how long a lease counts on this node: it is lost a margin before its
// end, 3 s of 15, for clocks that go at different paces and bytes on their way.
func (s *Scheduler) held() time.Duration { return s.lease - s.lease/5 }

// note takes the progress of a pass, counts the time in which it stands still, and
// gives what was copied since the last time.
func (p *pass) note(progress migration.MailboxProgress) migration.Copied {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	still := progress.Messages == p.progress.Messages && progress.Bytes == p.progress.Bytes && progress.Folders == p.progress.Folders
	if p.moved.IsZero() || !still {
		p.moved = now
	}
	if still && (progress.Waiting != "" || now.Sub(p.moved) > patience) && !p.told.IsZero() {
		p.stalled += now.Sub(p.told)
	}
	p.progress, p.saved, p.told = progress, false, now
	return p.gained(progress)
}

// end gives what was copied up to the last progress of a pass.
func (p *pass) end(last migration.MailboxProgress) migration.Copied {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gained(last)
}

// patience is how long a pass may not move before it counts as stalled.
const patience = 30 * time.Second

// unsaved gives the progress if it is not in the store yet.
func (p *pass) unsaved() (migration.MailboxProgress, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.saved || p.told.IsZero() {
		return migration.MailboxProgress{}, false
	}
	p.saved = true
	return p.progress, true
}

// sample writes the progress of all passes down, and what they have copied.
func (s *Scheduler) sample(ctx context.Context) {
	progress := map[*pass]migration.MailboxProgress{}
	for _, p := range s.passes.list() {
		if now, fresh := p.unsaved(); fresh && p.held() {
			progress[p] = now
		}
	}
	copied := s.copied.take()
	if len(progress)+len(copied) == 0 {
		return
	}
	within, cancel := context.WithTimeout(ctx, s.lease/2)
	defer cancel()
	err := s.store.Change(within, "recording the progress", func(tx Tx) error {
		for p, now := range progress {
			err := tx.SaveProgress(p.claim.Mailbox, p.claim.Generation, now)
			if ignoring(err, migration.ErrLeaseLost) != nil {
				return err
			}
		}
		return saveCopied(tx, copied)
	})
	if err != nil {
		for batch, sum := range copied {
			s.copied.add(batch, sum)
		}
	}
	if err != nil && ctx.Err() == nil {
		s.log.Warn("progress not recorded", "node", s.node.Name, "error", err)
	}
}
