package scheduler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Options say how a scheduler works. Store, Queue, Runner and Node.Name must be
// given.
type Options struct {
	Store  Store
	Queue  Queue
	Runner Runner
	// Node is this one; its name is unique among the nodes of a database.
	Node migration.Node
	// Slots is how many passes this node runs at a time. 0 is 200.
	Slots int
	// Lease is how long a mailbox stays a node's without being renewed. 0 is
	// 15 s.
	Lease time.Duration
	// Slice is how long a pass may take before others have their turn. 0 is 50
	// minutes.
	Slice time.Duration
	// KeepCompleted is how long the records of a completed batch stay just now; 0 is
	// for ever. Nil is 0.
	KeepCompleted func(tx Tx) (time.Duration, error)
	// Hold reports whether a batch whose time to complete has come has to wait; it is
	// asked once a minute. Nil holds none.
	Hold func(tx Tx, batch migration.BatchRecord) (bool, error)
	// Retain reports whether a completed batch stays although the time of its records is
	// over; it is asked once a minute. Nil retains none.
	Retain func(tx Tx, batch migration.BatchRecord) (bool, error)
	// Compose makes the notices of an event, to be written with the change that
	// tells of it. Nil tells nobody.
	Compose func(tx Tx, event Event) ([]migration.Notice, error)
	// Record writes into the audit log what the scheduler does by itself to an
	// object, such as "batch/pilot". Nil keeps no log.
	Record func(tx Tx, action, object string) error
	// Observer is told what happens. May be nil.
	Observer Observer
	// Log gets what is worth telling. Nil is silence.
	Log *slog.Logger
}

// Scheduler is one node's part of what the service does by itself.
type Scheduler struct {
	store  Store
	queue  queue
	runner Runner
	node   migration.Node
	// owner is the name that leases are taken with: that of this process alone,
	// whoever else has the node's name.
	owner    string
	slots    int
	lease    time.Duration
	slice    time.Duration
	keep     func(Tx) (time.Duration, error)
	hold     func(Tx, migration.BatchRecord) (bool, error)
	retain   func(Tx, migration.BatchRecord) (bool, error)
	compose  func(Tx, Event) ([]migration.Notice, error)
	record   func(tx Tx, action, object string) error
	observer Observer
	log      *slog.Logger

	passes passes
	// nodes is how many are alive.
	nodes atomic.Int64
	// woken by an operator's doing, freed by a pass that has ended.
	woken, freed chan struct{}
	given        given
	dirty        dirty
	holds        holds
	copied       copied

	// halt ends the loops, work the passes.
	halt    context.CancelFunc
	work    context.Context
	endWork context.CancelCauseFunc
	loops   sync.WaitGroup
}

// New makes a scheduler that does nothing before Start.
func New(o Options) (*Scheduler, error) {
	s := &Scheduler{
		store: o.Store, runner: o.Runner, node: o.Node, owner: fmt.Sprintf("%s#%08x", o.Node.Name, rand.Uint32()), keep: o.KeepCompleted, hold: o.Hold, retain: o.Retain, compose: o.Compose, record: o.Record, observer: o.Observer, log: o.Log,
		slots: cmp.Or(o.Slots, 200), lease: cmp.Or(o.Lease, 15*time.Second), slice: cmp.Or(o.Slice, 50*time.Minute),
		passes: passes{all: map[int64]*pass{}}, woken: make(chan struct{}, 1), freed: make(chan struct{}, 1),
		given: given{at: map[migration.Claim]time.Time{}}, dirty: dirty{batches: map[int64]bool{}}, holds: holds{since: map[int64]time.Time{}}, copied: copied{batches: map[int64]migration.Copied{}},
	}
	if o.Node.Name == "" {
		return nil, errors.New("the node needs a name")
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.observer == nil {
		s.observer = noObserver{}
	}
	if s.compose == nil {
		s.compose = func(Tx, Event) ([]migration.Notice, error) { return nil, nil }
	}
	if s.keep == nil {
		s.keep = func(Tx) (time.Duration, error) { return 0, nil }
	}
	if s.hold == nil {
		s.hold = func(Tx, migration.BatchRecord) (bool, error) { return false, nil }
	}
	if s.retain == nil {
		s.retain = func(Tx, migration.BatchRecord) (bool, error) { return false, nil }
	}
	if s.record == nil {
		s.record = func(Tx, string, string) error { return nil }
	}
	s.nodes.Store(1)
	s.work, s.endWork = context.WithCancelCause(context.Background())
	var err error
	s.queue, err = o.Queue.open(queueOptions{slots: s.slots, slice: s.slice, work: s.pass, log: s.log})
	return s, err
}

// The rhythm of a node.
const (
	dispatchEvery = time.Second
	// dispatchGap is the least time between two rounds, so that many passes that
	// end together cost one.
	dispatchGap = 100 * time.Millisecond
	// booksEvery is how often the books of a batch are kept in which something
	// happens: its mailboxes are counted for it.
	booksEvery  = time.Second
	sampleEvery = 2 * time.Second
	tendEvery   = 5 * time.Second
	reviewEvery = 30 * time.Second
	sweepEvery  = time.Hour
)

// Start begins to work, until Stop. The context ends the start alone.
func (s *Scheduler) Start(ctx context.Context) error {
	s.node.Started = time.Now()
	if err := s.store.Change(ctx, "entering the node", func(tx Tx) error { return tx.Beat(s.node) }); err != nil {
		return err
	}
	background, halt := context.WithCancel(context.WithoutCancel(ctx))
	if err := s.queue.start(background); err != nil {
		halt()
		return err
	}
	s.halt = halt
	s.every(background, s.lease/3, s.renew)
	s.every(background, sampleEvery, s.sample)
	s.every(background, booksEvery, s.tendDirty)
	s.every(background, tendEvery, s.tendDue)
	s.every(background, reviewEvery, s.review)
	s.every(background, sweepEvery, s.sweep)
	s.loops.Go(func() { s.dispatching(background) })
	return nil
}

// every does something now and then, until the context ends.
func (s *Scheduler) every(ctx context.Context, period time.Duration, do func(context.Context)) {
	s.loops.Go(func() {
		ticker := time.NewTicker(period)
		defer ticker.Stop()
		for {
			do(ctx)
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	})
}

// Wake has the scheduler look at once for what an operator wants: what is to be
// done, and what is to be halted.
func (s *Scheduler) Wake() { nudge(s.woken) }

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Stop gives out nothing more, ends the passes well and lays them down, due at
// once, for whoever goes on. What is not laid down when the context ends is taken
// over when its lease has run out.
func (s *Scheduler) Stop(ctx context.Context) error {
	if s.halt == nil {
		return nil
	}
	s.endWork(errStopping)
	err := s.queue.stop(ctx)
	s.halt()
	s.loops.Wait()
	s.sample(ctx) // what was copied last
	for _, p := range s.passes.list() {
		p.lose() // nothing may become final without a lease
	}
	dropped := s.store.Change(ctx, "leaving", func(tx Tx) error { return tx.DropNode(s.node.Name) })
	return errors.Join(err, dropped)
}

// given are the claims that this node has given out and nobody has taken up yet,
// as far as it knows: they hold a place.
type given struct {
	mu sync.Mutex
	at map[migration.Claim]time.Time
}

// givenFor is how long a claim that no worker of this node took up holds a place
// here: by then another node has.
const givenFor = 2 * time.Second

func (g *given) add(claims []migration.Claim) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range claims {
		g.at[c] = time.Now()
	}
}

func (g *given) taken(claim migration.Claim) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.at, claim)
}

func (g *given) len() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	for c, at := range g.at {
		if time.Since(at) > givenFor {
			delete(g.at, c)
		}
	}
	return len(g.at)
}

// dispatching gives out mailboxes, every second and when woken.
func (s *Scheduler) dispatching(ctx context.Context) {
	ticker := time.NewTicker(dispatchEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		s.dispatch(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(dispatchGap):
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-s.freed:
		case <-s.woken:
			s.renew(ctx)
			s.tendDue(ctx)
		}
	}
}

// dispatch claims as many mailboxes as this node has places free, and has River
// carry them to whoever takes them up first.
func (s *Scheduler) dispatch(ctx context.Context) {
	free := s.slots - s.passes.len() - s.given.len()
	if free <= 0 || s.work.Err() != nil {
		return
	}
	within, cancel := context.WithTimeout(ctx, s.lease/2)
	defer cancel()
	var claims []migration.Claim
	err := s.store.Change(within, "giving out mailboxes", func(tx Tx) (err error) {
		if claims, err = tx.Claims(free, s.lease); err != nil {
			return err
		}
		return s.queue.insert(within, tx, claims)
	})
	if err != nil {
		if ctx.Err() == nil {
			s.log.Error("mailboxes not given out", "node", s.node.Name, "error", err)
		}
		return
	}
	s.given.add(claims)
}

// chance is a random number from 0 to 1.
func chance() float64 { return rand.Float64() }
