package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/scheduler"
	"github.com/mailhaul/mailhaul/internal/store"
	"github.com/mailhaul/mailhaul/rigs/postgresrig"
)

// books makes the store the scheduler's.
type books struct{ *store.Store }

func (b books) Change(ctx context.Context, doing string, change func(scheduler.Tx) error) error {
	return b.Store.Change(ctx, doing, func(tx *store.Tx) error { return change(tx) })
}

// player is a runner whose passes are played by a test.
type player struct {
	run       func(ctx context.Context, task scheduler.Task) scheduler.Outcome
	preflight func(scheduler.Task) (migration.PreflightResult, int64)

	mu     sync.Mutex
	ran    map[string][]migration.PassKind
	forgot []string
}

func (p *player) Run(ctx context.Context, task scheduler.Task, progress func(migration.MailboxProgress)) scheduler.Outcome {
	p.mu.Lock()
	if p.ran == nil {
		p.ran = map[string][]migration.PassKind{}
	}
	p.ran[task.Mailbox.Address] = append(p.ran[task.Mailbox.Address], task.Kind)
	p.mu.Unlock()
	progress(migration.MailboxProgress{Messages: 1})
	return p.run(ctx, task)
}

func (p *player) Preflight(_ context.Context, task scheduler.Task) (migration.PreflightResult, int64) {
	return p.preflight(task)
}

func (p *player) Forget(_ context.Context, task scheduler.Task) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forgot = append(p.forgot, task.Mailbox.Address)
	return nil
}

func (p *player) passes(address string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return fmt.Sprint(p.ran[address])
}

func done(copied int) scheduler.Outcome {
	return scheduler.Outcome{Counts: migration.Counts{Source: copied, Copied: copied}, Bytes: int64(copied) * 100}
}

func untilHalted(ctx context.Context) scheduler.Outcome {
	<-ctx.Done()
	return scheduler.Outcome{Err: &migration.Fault{Class: migration.Stop, Code: migration.CodeInterrupted, Doing: "copying was interrupted"}}
}

// stage is a store with a batch, and schedulers that play it.
type stage struct {
	*testing.T
	store  *store.Store
	batch  string
	player *player
}

// playBoth plays on SQLite and on PostgreSQL.
func playBoth(t *testing.T, mailboxes int, limits migration.Limits, act func(s *stage)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		act(newStage(t, filepath.Join(t.TempDir(), "mailhaul.db"), mailboxes, limits))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		act(newStage(t, postgresrig.DatabaseT(t), mailboxes, limits))
	})
}

func newStage(t *testing.T, database string, mailboxes int, limits migration.Limits) *stage {
	t.Helper()
	s, err := store.Open(t.Context(), database, store.Options{Queue: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	st := &stage{T: t, store: s, batch: "pilot", player: &player{run: func(context.Context, scheduler.Task) scheduler.Outcome { return done(1) }}}
	st.change(func(tx *store.Tx) error {
		source := migration.EndpointRecord{Name: "old", Endpoint: migration.Endpoint{Host: "127.0.0.1", Port: 1}, Limits: limits}
		target := migration.EndpointRecord{Name: "new", Endpoint: migration.Endpoint{Host: "127.0.0.1", Port: 2}, Limits: limits}
		if err := tx.CreateEndpoint(&source); err != nil {
			return err
		}
		if err := tx.CreateEndpoint(&target); err != nil {
			return err
		}
		var rows []migration.MailboxRecord
		for n := range mailboxes {
			rows = append(rows, migration.MailboxRecord{Row: n + 2, Address: address(n), SourceUser: address(n), TargetUser: address(n), SourceSecret: []byte("sealed")})
		}
		return tx.CreateBatch(&migration.BatchRecord{Name: st.batch, Source: source.ID, Target: target.ID, Intent: migration.Hold, Key: []byte("wrapped"),
			Told: migration.BatchCreated, Options: migration.BatchOptions{Interval: 24 * time.Hour, Notify: []string{"boss@example.org"}}}, rows)
	})
	return st
}

func address(n int) string { return fmt.Sprintf("user%d@example.org", n) }

var roomy = migration.Limits{Migrations: 100, Incremental: 100}

func (s *stage) change(change func(*store.Tx) error) {
	s.Helper()
	err := migration.ErrChanged
	for errors.Is(err, migration.ErrChanged) { // the scheduler keeps its books meanwhile
		err = s.store.Change(s.Context(), "playing an operator", change)
	}
	if err != nil {
		s.Fatal(err)
	}
}

// play starts a node.
func (s *stage) play(name string, change func(*scheduler.Options)) *scheduler.Scheduler {
	s.Helper()
	queue := scheduler.SQLite(s.store.DB())
	if pool := s.store.Pool(); pool != nil {
		queue = scheduler.PostgreSQL(pool)
	}
	o := scheduler.Options{Store: books{s.store}, Queue: queue, Runner: s.player, Node: migration.Node{Name: name},
		Compose: func(_ scheduler.Tx, e scheduler.Event) ([]migration.Notice, error) {
			return []migration.Notice{{Mark: fmt.Sprint(e.Batch.Version, e.Kind), Batch: e.Batch.ID, BatchName: e.Batch.Name, Kind: e.Kind, Subject: string(e.State),
				Recipients: e.Batch.Options.Notify}}, nil
		}}
	if change != nil {
		change(&o)
	}
	node, err := scheduler.New(o)
	if err == nil {
		err = node.Start(s.Context())
	}
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		if err := node.Stop(context.WithoutCancel(s.Context())); err != nil {
			s.Errorf("stopping: %v", err)
		}
	})
	return node
}

func (s *stage) record() (b migration.BatchRecord) {
	s.Helper()
	s.change(func(tx *store.Tx) (err error) {
		b, err = tx.Batch(s.batch)
		return err
	})
	return b
}

func (s *stage) mailbox(n int) (m migration.MailboxRecord) {
	s.Helper()
	s.change(func(tx *store.Tx) error {
		b, err := tx.Batch(s.batch)
		if err != nil {
			return err
		}
		m, err = tx.Mailbox(b.ID, address(n))
		return err
	})
	return m
}

// want sets the intent of the batch, and does more in the same change.
func (s *stage) want(intent migration.Intent, more func(*store.Tx, int64) (int64, error)) {
	s.Helper()
	s.change(func(tx *store.Tx) error {
		b, err := tx.Batch(s.batch)
		if err != nil {
			return err
		}
		b.Intent = intent
		if err := tx.SaveBatch(&b); err != nil {
			return err
		}
		if more != nil {
			_, err = more(tx, b.ID)
		}
		return err
	})
}

// await waits until it is so.
func (s *stage) await(what string, so func() bool) {
	s.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-deadline:
			s.Fatalf("not within a minute: %s; the batch is %s: %+v", what, s.state(), s.record())
		}
	}
}

func (s *stage) state() migration.BatchState { return s.record().Facts(time.Now()).State() }

func (s *stage) awaitState(state migration.BatchState) {
	s.Helper()
	s.await("the batch is "+string(state), func() bool { return s.state() == state })
}

func (s *stage) notices() (kinds []string) {
	s.Helper()
	id := s.record().ID
	s.change(func(tx *store.Tx) error {
		kinds = nil
		all, err := tx.Notices(id, 100)
		for _, n := range all {
			kinds = append(kinds, n.Kind+":"+n.Subject)
		}
		return err
	})
	return kinds
}

func TestABatchLivesItsLife(t *testing.T) {
	playBoth(t, 20, roomy, func(s *stage) {
		node := s.play("a", nil)
		s.want(migration.Run, (*store.Tx).StartMailboxes)
		node.Wake()
		s.awaitState(migration.BatchSynced)
		s.await("it is told", func() bool { return fmt.Sprint(s.notices()) == "[synced:Synced]" })
		b := s.record()
		if b.Started.IsZero() || b.InitialDone.IsZero() || b.LastSynced.IsZero() {
			s.Errorf("its times are %v, %v, %v", b.Started, b.InitialDone, b.LastSynced)
		}
		for n := range 20 {
			m := s.mailbox(n)
			if m.Progress.Moved != 0 && m.Progress.Counts.Copied != 1 || m.Facts.Passes != 1 || m.Due.Before(time.Now()) || m.Lease.Node != "" {
				s.Errorf("%s is left as %+v", m.Address, m)
			}
		}
		s.want(migration.Run, (*store.Tx).SyncMailboxes)
		node.Wake()
		s.await("each has a second pass", func() bool { return s.mailbox(0).Facts.Passes == 2 && s.mailbox(19).Facts.Passes == 2 })
		s.awaitState(migration.BatchSynced)
		s.want(migration.Finish, (*store.Tx).FinishMailboxes)
		node.Wake()
		s.awaitState(migration.BatchCompleted)
		s.await("its key is wiped", func() bool { return len(s.record().Key) == 0 })
		if got := fmt.Sprint(s.notices()); got != "[completed:Completed synced:Synced]" {
			s.Errorf("people are told %s", got)
		}
		if m := s.mailbox(3); len(m.SourceSecret) > 0 || s.player.passes(m.Address) != "[initial incremental final]" {
			s.Errorf("its secret is %q, its passes %s", m.SourceSecret, s.player.passes(m.Address))
		}
		s.change(func(tx *store.Tx) error {
			b, err := tx.Batch(s.batch)
			if err != nil {
				return err
			}
			b.Intent, b.Options.Forget = migration.Remove, true
			return tx.SaveBatch(&b)
		})
		s.await("it is removed", func() bool {
			gone := false
			s.change(func(tx *store.Tx) error {
				all, err := tx.Batches()
				gone = len(all) == 0
				return err
			})
			return gone
		})
		if len(s.player.forgot) != 20 {
			s.Errorf("%d ledgers were forgotten", len(s.player.forgot))
		}
	})
}

// TestAnIntervalThatIsChangedDuringAPassCountsAfterIt: the pass knows the batch as it was
// when it began.
func TestAnIntervalThatIsChangedDuringAPassCountsAfterIt(t *testing.T) {
	playBoth(t, 1, roomy, func(s *stage) {
		const interval = 10 * time.Minute
		changed := make(chan struct{})
		s.player.run = func(ctx context.Context, _ scheduler.Task) scheduler.Outcome {
			select {
			case <-changed:
			case <-ctx.Done():
			}
			return done(1)
		}
		node := s.play("a", nil)
		s.want(migration.Run, (*store.Tx).StartMailboxes)
		node.Wake()
		s.await("its pass is under way", func() bool { return s.mailbox(0).Facts.Begun })
		s.change(func(tx *store.Tx) error {
			b, err := tx.Batch(s.batch)
			if err != nil {
				return err
			}
			b.Options.Interval = interval
			if _, err := tx.BringForward(b.ID, interval); err != nil {
				return err
			}
			return tx.SaveBatch(&b)
		})
		close(changed)
		s.awaitState(migration.BatchSynced)
		if m := s.mailbox(0); m.Due.After(time.Now().Add(interval)) {
			s.Errorf("its next pass is at %v", m.Due)
		}
	})
}

func TestStoppedPassesAreLaidDownAndResumed(t *testing.T) {
	playBoth(t, 4, roomy, func(s *stage) {
		s.player.run = func(ctx context.Context, _ scheduler.Task) scheduler.Outcome { return untilHalted(ctx) }
		node := s.play("a", func(o *scheduler.Options) { o.Lease = 1500 * time.Millisecond })
		s.want(migration.Run, (*store.Tx).StartMailboxes)
		node.Wake()
		s.await("all are under way", func() bool { return s.record().Counts.Running == 4 && s.mailbox(3).Facts.Begun })
		s.want(migration.Halt, nil)
		s.awaitState(migration.BatchStopped)
		m := s.mailbox(0)
		if m.Facts.State() != migration.MailboxStopped || m.Faults != 0 || m.Trouble != nil || m.Facts.Failed {
			s.Errorf("it is %s: %+v", m.Facts.State(), m)
		}
		s.player.mu.Lock()
		s.player.run = func(context.Context, scheduler.Task) scheduler.Outcome { return done(1) }
		s.player.mu.Unlock()
		s.want(migration.Run, (*store.Tx).StartMailboxes)
		node.Wake()
		s.awaitState(migration.BatchSynced)
	})
}

func TestANodeThatStopsLaysItsPassesDownForAnother(t *testing.T) {
	playBoth(t, 3, roomy, func(s *stage) {
		s.player.run = func(ctx context.Context, _ scheduler.Task) scheduler.Outcome { return untilHalted(ctx) }
		first := s.play("a", nil)
		s.want(migration.Run, (*store.Tx).StartMailboxes)
		first.Wake()
		s.await("all are under way", func() bool { return s.mailbox(0).Facts.Begun && s.mailbox(1).Facts.Begun && s.mailbox(2).Facts.Begun })
		if err := first.Stop(s.Context()); err != nil {
			s.Fatal(err)
		}
		for n := range 3 {
			if m := s.mailbox(n); m.Facts.Running != "" || m.Due.After(time.Now()) || m.Due.IsZero() || m.Faults != 0 {
				s.Errorf("%s is left as %+v", m.Address, m)
			}
		}
		s.player.run = func(context.Context, scheduler.Task) scheduler.Outcome { return done(1) }
		s.play("b", nil)
		s.awaitState(migration.BatchSynced)
	})
}

func TestALeaseThatNoPassHasIsLaidDown(t *testing.T) {
	playBoth(t, 2, roomy, func(s *stage) {
		node := s.play("a", nil)
		s.want(migration.Run, func(tx *store.Tx, batch int64) (int64, error) {
			n, err := tx.StartMailboxes(batch)
			if err != nil {
				return n, err
			}
			claims, err := tx.Claims(1, time.Minute)
			if err == nil { // as if the node had never heard of it
				err = tx.Begin(claims[0], node.Owner(), time.Minute)
			}
			return n, err
		})
		node.Wake()
		s.awaitState(migration.BatchSynced)
		if m := s.mailbox(0); s.player.passes(m.Address) != "[initial]" || m.Faults != 0 {
			s.Errorf("it is %+v after %s", m, s.player.passes(m.Address))
		}
	})
}

func TestTwoProcessesOfOneNameLeaveEachOtherTheirPasses(t *testing.T) {
	playBoth(t, 6, roomy, func(s *stage) {
		s.player.run = func(ctx context.Context, _ scheduler.Task) scheduler.Outcome {
			select {
			case <-ctx.Done():
				return untilHalted(ctx)
			case <-time.After(2500 * time.Millisecond): // two renewals
				return done(1)
			}
		}
		short := func(o *scheduler.Options) { o.Lease = 3 * time.Second }
		nodes := []*scheduler.Scheduler{s.play("a", short), s.play("a", short)}
		s.want(migration.Run, (*store.Tx).StartMailboxes)
		for _, node := range nodes {
			node.Wake()
		}
		s.awaitState(migration.BatchSynced)
		for n := range 6 {
			if m := s.mailbox(n); s.player.passes(m.Address) != "[initial]" {
				s.Errorf("%s had %s", m.Address, s.player.passes(m.Address))
			}
		}
	})
}

// awaitRemoved waits until there is no batch.
func (s *stage) awaitRemoved() {
	s.await("it is removed", func() (gone bool) {
		s.change(func(tx *store.Tx) error {
			all, err := tx.Batches()
			gone = len(all) == 0
			return err
		})
		return gone
	})
}

func TestACompletedBatchIsKeptAsLongAsIsSaid(t *testing.T) {
	playBoth(t, 2, roomy, func(s *stage) {
		node := s.play("a", func(o *scheduler.Options) { o.KeepCompleted = keeping(time.Hour) })
		s.want(migration.Finish, (*store.Tx).StartMailboxes)
		node.Wake()
		s.await("it is completed", func() bool { return !s.record().Completed.IsZero() })
		s.play("b", func(o *scheduler.Options) { o.KeepCompleted = keeping(time.Nanosecond) }) // it looks through all when it starts
		s.awaitRemoved()
	})
}

func TestACompletedBatchThatIsRetainedStaysLonger(t *testing.T) {
	playBoth(t, 2, roomy, func(s *stage) {
		var asked atomic.Int64
		node := s.play("a", func(o *scheduler.Options) { o.KeepCompleted = keeping(time.Hour) })
		s.want(migration.Finish, (*store.Tx).StartMailboxes)
		node.Wake()
		s.await("it is completed", func() bool { return !s.record().Completed.IsZero() })
		s.play("b", func(o *scheduler.Options) {
			o.KeepCompleted = keeping(time.Nanosecond)
			o.Retain = func(scheduler.Tx, migration.BatchRecord) (bool, error) { asked.Add(1); return true, nil }
		})
		s.await("it is asked whether it stays", func() bool { return asked.Load() > 0 })
		if b := s.record(); b.Intent != migration.Finish {
			s.Errorf("it is to %s", b.Intent)
		}
		s.play("c", func(o *scheduler.Options) { o.KeepCompleted = keeping(time.Nanosecond) })
		s.awaitRemoved()
	})
}

func TestABatchThatIsHeldDoesNotCompleteByItself(t *testing.T) {
	playBoth(t, 2, roomy, func(s *stage) {
		var asked, letGo atomic.Int64
		node := s.play("a", func(o *scheduler.Options) {
			o.Hold = func(scheduler.Tx, migration.BatchRecord) (bool, error) { asked.Add(1); return true, nil }
		})
		s.change(func(tx *store.Tx) error {
			b, err := tx.Batch(s.batch)
			if err != nil {
				return err
			}
			b.Options.CompleteAfter = tx.Now()
			return tx.SaveBatch(&b)
		})
		s.want(migration.Run, (*store.Tx).StartMailboxes)
		node.Wake()
		s.await("it is held", func() bool { return asked.Load() > 0 })
		s.awaitState(migration.BatchSynced)
		s.await("that it is synchronised is told", func() bool { return s.record().Told == migration.BatchSynced })
		if b := s.record(); b.Intent != migration.Run || asked.Load() != 1 {
			s.Errorf("%s, asked %d times", b.Intent, asked.Load())
		}
		s.play("b", func(o *scheduler.Options) {
			o.Hold = func(scheduler.Tx, migration.BatchRecord) (bool, error) { letGo.Add(1); return false, nil }
		})
		s.await("it is completed", func() bool { return !s.record().Completed.IsZero() })
		if letGo.Load() == 0 {
			s.Error("nobody was asked")
		}
	})
}

func TestAPassGoesOnInSlices(t *testing.T) {
	playBoth(t, 1, roomy, func(s *stage) {
		var mu sync.Mutex
		slices := 0
		s.player.run = func(ctx context.Context, _ scheduler.Task) scheduler.Outcome {
			mu.Lock()
			slices++
			last := slices == 3
			mu.Unlock()
			if last {
				return done(1)
			}
			return untilHalted(ctx)
		}
		node := s.play("a", func(o *scheduler.Options) { o.Slice = 100 * time.Millisecond })
		s.want(migration.Run, (*store.Tx).StartMailboxes)
		node.Wake()
		s.awaitState(migration.BatchSynced)
		if m := s.mailbox(0); slices != 3 || m.Facts.Passes != 1 {
			s.Errorf("it took %d slices and counts %d passes", slices, m.Facts.Passes)
		}
	})
}

func TestFaultsAreToldAndFailuresStay(t *testing.T) {
	playBoth(t, 3, roomy, func(s *stage) {
		until := time.Now().Add(time.Hour)
		s.player.run = func(_ context.Context, task scheduler.Task) scheduler.Outcome {
			fault := &migration.Fault{Doing: "appending", Remedy: "Wait."}
			switch task.Mailbox.Address {
			case address(0):
				fault.Class, fault.Code = migration.Login, migration.CodeLogin
			case address(1):
				fault.Class, fault.Code, fault.After = migration.Later, migration.CodeThrottled, time.Hour
			default:
				return done(1)
			}
			return scheduler.Outcome{Err: fault}
		}
		node := s.play("a", nil)
		s.want(migration.Run, (*store.Tx).StartMailboxes)
		node.Wake()
		s.await("each has had its pass", func() bool {
			return s.mailbox(0).Facts.Failed && s.mailbox(1).Trouble != nil && s.mailbox(2).Facts.Passes == 1
		})
		if m := s.mailbox(1); m.Faults != 0 || m.Due.Before(until) || m.Due.After(until.Add(time.Minute)) || !m.Trouble.Until.Equal(m.Due) {
			s.Errorf("a throttled mailbox is %+v, trouble %+v", m, m.Trouble)
		}
		if m := s.mailbox(0); m.Facts.State() != migration.MailboxFailed || m.Trouble.Code != migration.CodeLogin || m.Trouble.Remedy == "" {
			s.Errorf("one with a wrong password is %s, trouble %+v", m.Facts.State(), m.Trouble)
		}
	})
}

// An approval says nothing of mail that arrives later in an INBOX that nobody could open.
func TestWhatNobodyCouldLookIntoStaysUntilAPassCould(t *testing.T) {
	playBoth(t, 1, roomy, func(s *stage) {
		passes := 0
		s.player.run = func(context.Context, scheduler.Task) scheduler.Outcome {
			s.player.mu.Lock()
			defer s.player.mu.Unlock()
			o := done(1)
			if passes++; passes == 1 {
				o.Counts.Skipped, o.Unread = 1, migration.InboxUnread
				o.Findings = []migration.FindingRecord{{Finding: migration.Finding{Code: migration.CodeFolderRefused, Folder: "INBOX", Count: 1}, Lost: true}}
			}
			return o
		}
		node := s.play("a", nil)
		s.want(migration.Run, (*store.Tx).StartMailboxes)
		node.Wake()
		awaitPass := func(n int) migration.MailboxRecord {
			s.await("a pass", func() bool { m := s.mailbox(0); return m.Facts.Passes == n && m.Facts.Running == "" })
			return s.mailbox(0)
		}
		m := awaitPass(1)
		s.change(func(tx *store.Tx) error { _, err := tx.Approve(m.Batch, m.ID, "olga"); return err })
		if m := s.mailbox(0); m.Facts.Approved != 1 || m.Unread != migration.InboxUnread {
			s.Errorf("approved: %+v, unread %v", m.Facts, m.Unread)
		}
		s.change(func(tx *store.Tx) error { _, err := tx.SyncMailboxes(m.Batch); return err })
		node.Wake()
		if m := awaitPass(2); m.Unread != migration.AllRead {
			s.Errorf("after a pass that could: %v", m.Unread)
		}
	})
}

func TestARebuiltFolderIsTakenAsItIsOnlyByWhoWasToldOfIt(t *testing.T) {
	playBoth(t, 1, roomy, func(s *stage) {
		var accepted []bool
		s.player.run = func(_ context.Context, task scheduler.Task) scheduler.Outcome {
			s.player.mu.Lock()
			defer s.player.mu.Unlock()
			accepted = append(accepted, task.AcceptRebuilt)
			o := done(1)
			if len(accepted) > 1 {
				o.Counts.Skipped = 1
				o.Findings = []migration.FindingRecord{{Finding: migration.Finding{Code: migration.CodeUIDValidity, Folder: "INBOX"}, Lost: true}}
			}
			return o
		}
		node := s.play("a", nil)
		s.want(migration.Run, (*store.Tx).StartMailboxes)
		node.Wake()
		awaitPass := func(n int) {
			s.await("a pass", func() bool { m := s.mailbox(0); return m.Facts.Passes == n && m.Facts.Running == "" })
		}
		// A retry before it is told, an ordinary pass, and a retry by who knows.
		for n, retry := range []bool{true, false, true} {
			awaitPass(n + 1)
			s.change(func(tx *store.Tx) error {
				b, err := tx.Batch(s.batch)
				if err != nil {
					return err
				}
				m, err := tx.Mailbox(b.ID, address(0))
				if err != nil {
					return err
				}
				m.Due, m.Retry = time.Now(), retry
				return tx.SaveMailbox(&m)
			})
			node.Wake()
		}
		awaitPass(4)
		s.player.mu.Lock()
		defer s.player.mu.Unlock()
		if fmt.Sprint(accepted) != "[false false false true]" {
			s.Errorf("accepted in the passes: %v", accepted)
		}
	})
}

func TestAPreflightSaysWhatItFoundAndChangesNothingElse(t *testing.T) {
	playBoth(t, 3, roomy, func(s *stage) {
		s.player.preflight = func(task scheduler.Task) (migration.PreflightResult, int64) {
			if task.Mailbox.Address == address(1) {
				return migration.PreflightResult{Source: "sign-in", Target: "ok", Trouble: &migration.Trouble{Code: migration.CodeLogin}}, 0
			}
			return migration.PreflightResult{OK: true, Source: "ok", Target: "ok", Messages: 12}, 0
		}
		node := s.play("a", nil)
		s.change(func(tx *store.Tx) error {
			b, err := tx.Batch(s.batch)
			if err == nil {
				_, err = tx.TryMailboxes(b.ID)
			}
			return err
		})
		node.Wake()
		s.await("each is tried", func() bool {
			return s.mailbox(0).Preflight != nil && s.mailbox(1).Preflight != nil && s.mailbox(2).Preflight != nil
		})
		if m := s.mailbox(0); !m.Preflight.OK || m.Preflight.Messages != 12 || m.Facts.State() != migration.MailboxQueued || m.Trial {
			s.Errorf("a good one is %s, %+v", m.Facts.State(), m.Preflight)
		}
		if m := s.mailbox(1); m.Preflight.OK || m.Preflight.Source != "sign-in" || m.Facts.Failed {
			s.Errorf("a bad one is %s, %+v", m.Facts.State(), m.Preflight)
		}
		if state := s.state(); state != migration.BatchCreated {
			s.Errorf("the batch is %s", state)
		}
	})
}

func TestAnEndpointThatCannotBeReachedPutsTheOthersOff(t *testing.T) {
	playBoth(t, 30, migration.Limits{Migrations: 5, Incremental: 5}, func(s *stage) {
		target := s.record().Target
		s.player.run = func(context.Context, scheduler.Task) scheduler.Outcome {
			return scheduler.Outcome{Err: &migration.Fault{Class: migration.Again, Code: migration.CodeConnect, Doing: "connecting"}, Unreachable: target}
		}
		node := s.play("a", nil)
		s.want(migration.Run, (*store.Tx).StartMailboxes)
		node.Wake()
		s.await("the last one is put off", func() bool { return s.mailbox(29).Trouble != nil })
		s.await("nothing runs", func() bool { return s.record().Counts.Running == 0 })
		told := 0
		for n := range 30 {
			m := s.mailbox(n)
			if m.Due.Before(time.Now().Add(20 * time.Second)) {
				s.Errorf("%s is due %v", m.Address, m.Due)
			}
			if m.Faults == 0 && m.Trouble.Code == migration.CodeConnect && m.Trouble.Class == migration.Later {
				told++
			}
		}
		if told < 20 {
			s.Errorf("%d of those that waited say why", told)
		}
	})
}

// keeping keeps completed batches for as long, whenever it is asked.
func keeping(d time.Duration) func(scheduler.Tx) (time.Duration, error) {
	return func(scheduler.Tx) (time.Duration, error) { return d, nil }
}

func TestWhatPassesCopyAndSayIsOnRecord(t *testing.T) {
	playBoth(t, 3, roomy, func(s *stage) {
		s.player.run = func(_ context.Context, task scheduler.Task) scheduler.Outcome {
			task.Trace("source")("S: * OK " + task.Mailbox.Address)
			o := done(4)
			o.Progress = migration.MailboxProgress{Messages: 4, Bytes: 400}
			if task.Mailbox.Address == address(2) {
				o.Err = &migration.Fault{Class: migration.Login, Code: migration.CodeLogin, Doing: "signing in"}
			}
			return o
		}
		node := s.play("a", nil)
		s.want(migration.Run, (*store.Tx).StartMailboxes)
		s.await("the passes end", func() bool {
			return s.mailbox(0).Facts.Passes == 1 && s.mailbox(1).Facts.Passes == 1 && s.mailbox(2).Facts.Failed
		})
		if err := node.Stop(s.Context()); err != nil {
			s.Error(err)
		}
		batch := s.record().ID
		s.change(func(tx *store.Tx) error {
			now := migration.MinuteOf(tx.Now())
			copied, err := tx.Copied(batch, now-10, now+1, 20)
			if copied[0] != (migration.Copied{Messages: 12, Bytes: 1200}) {
				s.Errorf("copied %v", copied)
			}
			return err
		})
		for n := range 3 {
			m := s.mailbox(n)
			var transcripts []migration.Transcript
			s.change(func(tx *store.Tx) (err error) { transcripts, err = tx.Transcripts(m.ID); return err })
			if len(transcripts) != 1 || transcripts[0].Kind != migration.InitialPass || transcripts[0].At.IsZero() {
				s.Fatalf("%s: %+v", m.Address, transcripts)
			}
			if text, err := transcripts[0].Text(); err != nil || !strings.Contains(text, "source 1 S: * OK "+m.Address) {
				s.Errorf("%q, %v", text, err)
			}
			if measured := m.InitialWorked > 0 && m.InitialMessages == 4 && m.InitialBytes == 400; measured != (n < 2) {
				s.Errorf("%s: %v, %d, %d", m.Address, m.InitialWorked, m.InitialMessages, m.InitialBytes)
			}
		}
	})
}
