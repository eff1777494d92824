package mailsync

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// broad is a crowd whose target leaves few messages unanswered on a connection.
func broad(t *testing.T, connections int, seed uint64, act func(t *theatre, folders []string)) {
	crowd(t, connections, seed, func(t *theatre, folders []string) {
		t.to.profile.Traits.Unanswered = 2
		act(t, folders)
	})
}

func TestSpareConnectionsAreMadeWhereTheTargetBearsThem(t *testing.T) {
	for _, test := range []struct{ bears, dialled int }{{8, 8}, {6, 6}, {4, 4}, {2, 2}} {
		broad(t, test.bears, 1, func(t *theatre, folders []string) {
			t.expectCounts(t.run(), 40*len(folders), 0, 0, 0)
			if t.to.dials != test.dialled {
				t.Errorf("of %d connections %d were made, want %d", test.bears, t.to.dials, test.dialled)
			}
			if len(t.to.sessions) > 0 {
				t.Errorf("%d connections are left open", len(t.to.sessions))
			}
			for _, name := range folders {
				t.expectSame(name)
			}
		})
	}
}

func TestASpareConnectionThatIsRefusedIsDoneWithout(t *testing.T) {
	for _, curt := range []bool{false, true} { // Exchange says no more than that the sign-in failed
		broad(t, 8, 1, func(t *theatre, folders []string) {
			t.to.limit, t.to.curt = 4, curt
			var told strings.Builder
			t.job.Log = slog.New(slog.NewTextHandler(&told, nil))
			t.expectCounts(t.run(), 40*len(folders), 0, 0, 0)
			if strings.Contains(told.String(), "going on with fewer") {
				t.Errorf("a line was given up for spare connections:\n%s", &told)
			}
			for _, name := range folders {
				t.expectSame(name)
			}
		})
	}
}

func TestLostConnectionsOfWideLinesLoseAndDoubleNothing(t *testing.T) {
	for seed := range uint64(8) {
		broad(t, 8, seed, func(t *theatre, folders []string) { losing(t, seed, folders) })
	}
}

// flagged is a broad crowd with some messages that are flagged, for a target that takes
// that by STORE alone.
func flagged(t *testing.T, connections int, seed uint64, act func(t *theatre, folders []string)) {
	broad(t, connections, seed, func(t *theatre, folders []string) {
		t.to.profile.Traits.FlaggedByStore = true
		for n, name := range folders {
			for _, l := range t.from.box(name).letters[:1+n%3] {
				t.from.box(name).setFlags(l, append(l.flags, migration.FlagFlagged))
			}
		}
		act(t, folders)
	})
}

func TestAFolderIsFinishedOverASpareConnection(t *testing.T) {
	flagged(t, 2, 1, func(t *theatre, folders []string) {
		t.job.Connections = 1
		slow, opened := t.to.before, atomic.Int64{}
		t.to.before = func(op operation) error {
			if op.kind == opOpen {
				opened.Add(1)
			}
			return slow(op)
		}
		t.expectCounts(t.run(), 40*len(folders), 0, 0, 0)
		for _, name := range folders {
			t.expectSame(name)
		}
		// Each folder once to fill it, and all but the last once more beside the next.
		if got, want := opened.Load(), int64(2*len(folders)-1); got != want {
			t.Errorf("folders were opened %d times, want %d", got, want)
		}
	})
}

func TestASpareConnectionThatFailsAtFinishingIsDoneWithout(t *testing.T) {
	for _, fault := range []error{lostFault(), &migration.Fault{Class: migration.OneFolder, Code: migration.CodeFolderRefused}} {
		flagged(t, 8, 1, func(t *theatre, folders []string) {
			slow, mu, failed := t.to.before, sync.Mutex{}, 0
			t.to.before = func(op operation) error {
				_ = slow(op)
				mu.Lock()
				defer mu.Unlock()
				if op.kind == opStore && failed < 2 {
					failed++
					return fault
				}
				return nil
			}
			t.expectCounts(t.run(), 40*len(folders), 0, 0, 0)
			for _, name := range folders {
				t.expectSame(name)
			}
			if failed != 2 {
				t.Errorf("%d flags were not stored, want 2", failed)
			}
		})
	}
}

func TestLostConnectionsLeaveNoFlagBehind(t *testing.T) {
	for seed := range uint64(8) {
		flagged(t, 8, seed, func(t *theatre, folders []string) { losing(t, seed, folders) })
	}
}

// Finishing takes longer than the next folder, so that several of a line are finished at once.
func TestFoldersFinishedAtOnceKeepTheirFlagsApart(t *testing.T) {
	for _, spares := range []int{1, 4} {
		flagged(t, 1+spares, 1, func(t *theatre, folders []string) {
			t.job.Connections = 1
			slow := t.to.before
			t.to.before = func(op operation) error {
				_ = slow(op)
				if op.kind == opStore {
					time.Sleep(2 * time.Second)
				}
				return nil
			}
			t.expectCounts(t.run(), 40*len(folders), 0, 0, 0)
			for _, name := range folders {
				t.expectSame(name)
			}
		})
	}
}

func TestFlagsOfManySmallFoldersKeepToThem(t *testing.T) {
	for seed := range uint64(4) {
		broad(t, 8, seed, func(t *theatre, _ []string) {
			t.to.profile.Traits.FlaggedByStore = true
			var small []string
			for n := range 60 {
				small = append(small, fmt.Sprintf("Small %02d", n))
				t.deliver(small[n], 500_000+1000*n, migration.FlagFlagged)
				t.deliver(small[n], 500_000+1000*n+1)
			}
			for round := range 2 {
				t.run()
				for n, name := range small {
					t.expectSame(name)
					l := t.from.box(name).letters[n%2]
					t.from.box(name).setFlags(l, append(l.flags, migration.FlagSeen, fmt.Sprintf("round%d", round)))
				}
				for n := range 60 {
					t.deliver("INBOX", 200_000+1000*round+n)
				}
			}
		})
	}
}

func TestAnEndLeavesNoSpareConnection(t *testing.T) {
	for _, end := range []func(*theatre) error{
		func(t *theatre) error { _, err := Preview(t.Context(), t.job); return err },
		func(t *theatre) error {
			_, err := Verify(t.Context(), t.job, Sample{}, func(Difference) {})
			return err
		},
	} {
		broad(t, 8, 1, func(t *theatre, _ []string) {
			if err := end(t); err != nil {
				t.Error(err)
			}
			if to, from := len(t.to.sessions), len(t.from.sessions); to+from > 0 {
				t.Errorf("%d connections to the target and %d to the source are left", to, from)
			}
		})
	}
}

// pipe is a target that counts the messages that it is given.
type pipe struct {
	stub
	taken int
	fails error
}

func (p *pipe) Appender(string, migration.AppendOptions, func(migration.AppendResult)) Appender {
	return p
}

func (p *pipe) Append(context.Context, migration.AppendMessage, io.Reader) error {
	p.taken++
	return p.fails
}

func (p *pipe) Flush(context.Context) error { return nil }

// two is a wide on a pipe that has messages unanswered, and on a spare one.
func two() (w *wide, own, beside *pipe) {
	of := &targets{count: func(migration.Traffic) {}}
	on := func(p *pipe) *seat {
		p.closed = make(chan struct{})
		s := &sharedTarget{Target: p, of: of, floor: make(chan struct{}, 1)}
		of.shared = append(of.shared, s)
		return s.sit(p == beside)
	}
	own, beside = &pipe{}, &pipe{}
	mine := on(own)
	w = &wide{Target: mine, of: of, own: &branch{target: mine, unanswered: &atomic.Int64{}}, spares: map[*spare]*branch{}}
	w.own.unanswered.Store(5)
	of.spares = []*spare{{keeper: on(beside)}}
	return w, own, beside
}

// What somebody else has alone on a spare connection holds up nothing: a message that
// waits within a body keeps all other bodies of its source back.
func TestNoMessageWaitsForASpareConnection(t *testing.T) {
	w, own, beside := two()
	other := &seat{sharedTarget: w.of.spares[0].keeper.sharedTarget}
	giveBack, err := other.takeAlone(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	appender := w.Appender("A", migration.AppendOptions{}, nil)
	for _, want := range []struct{ own, beside int }{{1, 0}, {1, 1}} {
		if err := appender.Append(t.Context(), migration.AppendMessage{}, nil); err != nil {
			t.Fatal(err)
		}
		if own.taken != want.own || beside.taken != want.beside {
			t.Errorf("%d and %d messages, want %+v", own.taken, beside.taken, want)
		}
		giveBack()
	}
}

func TestASpareConnectionThatHasFailedGetsNoMore(t *testing.T) {
	w, own, beside := two()
	beside.fails = lostFault()
	for _, want := range []struct{ own, beside int }{{0, 1}, {1, 1}} {
		appender := w.Appender("A", migration.AppendOptions{}, nil)
		_ = appender.Append(t.Context(), migration.AppendMessage{}, nil)
		_ = appender.Flush(t.Context())
		if own.taken != want.own || beside.taken != want.beside {
			t.Errorf("%d and %d messages, want %+v", own.taken, beside.taken, want)
		}
	}
	if err := w.Close(); err != nil || beside.open() || own.open() {
		t.Errorf("%v, open: %v and %v", err, own.open(), beside.open())
	}
}

// One that is worn ends once what it has under way is answered.
func TestAWornSpareConnectionIsDropped(t *testing.T) {
	w, own, beside := two()
	appender := w.Appender("A", migration.AppendOptions{}, nil)
	_ = appender.Append(t.Context(), migration.AppendMessage{}, nil)
	worn := &migration.Fault{Class: migration.Again, Code: migration.CodeWorn}
	beside.fails = worn
	if err := appender.Append(t.Context(), migration.AppendMessage{}, nil); !errors.Is(err, worn) || !beside.open() {
		t.Errorf("%v, open: %v", err, beside.open())
	}
	_ = appender.Flush(t.Context())
	if _ = w.Appender("A", migration.AppendOptions{}, nil).Append(t.Context(), migration.AppendMessage{}, nil); own.taken != 1 || beside.open() {
		t.Errorf("%d messages, open: %v", own.taken, beside.open())
	}
}

// A line that was refused a connection sits on a spare one, and a fault of its own ends that.
func TestASpareConnectionThatALineHasEndedIsDropped(t *testing.T) {
	w, _, beside := two()
	w.of.mu.Lock()
	line := w.of.spares[0].keeper.sit(false)
	w.of.mu.Unlock()
	_ = line.do(t.Context(), func() error { return lostFault() })
	_ = line.Close()
	_ = w.Appender("A", migration.AppendOptions{}, nil).Append(t.Context(), migration.AppendMessage{}, nil)
	if beside.taken > 0 || beside.open() || len(w.of.spares) > 0 {
		t.Errorf("%d messages on it, open: %v, %d spare", beside.taken, beside.open(), len(w.of.spares))
	}
}

// What has failed is given to no line, and makes room for another.
func TestASpareConnectionThatHasBrokenIsNobodysAnyMore(t *testing.T) {
	w, _, beside := two()
	s, own := w.of.beside()
	err := own.do(t.Context(), func() error { return lostFault() })
	w.of.lose(s, err)
	if found, _ := w.of.emptiest(); beside.open() || len(w.of.shared) != 1 || found.Target == Target(beside) {
		t.Errorf("open: %v, %d connections, %v", beside.open(), len(w.of.shared), found)
	}
	w.of.leave(own)
}

// A message may take as long as its source likes. No other waits for it.
func TestNoMessageWaitsBehindOneThatIsUnderWay(t *testing.T) {
	w, own, beside := two()
	w.of.spares[0].sending.Store(true)
	if err := w.Appender("A", migration.AppendOptions{}, nil).Append(t.Context(), migration.AppendMessage{}, nil); err != nil || own.taken != 1 || beside.taken != 0 {
		t.Errorf("%v, %d and %d messages", err, own.taken, beside.taken)
	}
}

// A window waits for who has its connection alone before it asks for bodies.
func TestAWindowWaitsBeforeItAsksForBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _, _ := two()
		other := &seat{sharedTarget: w.own.target.sharedTarget}
		giveBack, err := other.takeAlone(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		begun := make(chan error, 1)
		go func() { begun <- begin(t.Context(), w.Appender("A", migration.AppendOptions{}, nil)) }()
		synctest.Wait()
		if len(begun) > 0 {
			t.Error("it does not wait")
		}
		giveBack()
		if err := <-begun; err != nil {
			t.Error(err)
		}
	})
}

// sparing are targets for which spare connections are dialled.
func sparing(dial func(context.Context) (Target, error)) *targets {
	of := &targets{dial: dial, most: func() int { return 2 }, lines: 1, fills: 1, heed: func(error) {}}
	of.work, of.giveUp = context.WithCancel(context.Background())
	return of
}

// A pass that ends does not wait until a spare connection is there.
func TestAPassThatEndsGivesUpDialling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		of := sparing(func(ctx context.Context) (Target, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		of.expect(10)
		of.close()
		of.expect(20) // which comes too late
		if of.dialSpares != 0 {
			t.Errorf("%d are being dialled", of.dialSpares)
		}
	})
}

func TestSpareConnectionsThatFailAreNotDialledWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dials := atomic.Int64{}
		of := sparing(func(context.Context) (Target, error) {
			dials.Add(1)
			return nil, lostFault()
		})
		for range 100 {
			of.expect(1000)
			synctest.Wait()
		}
		of.close()
		if dials.Load() != 1 {
			t.Errorf("%d dials, want 1", dials.Load())
		}
	})
	w, _, _ := two()
	w.of.most, w.of.lines, w.of.fills, w.of.work = func() int { return 2 }, 1, 1, t.Context()
	w.of.dial = func(context.Context) (Target, error) { return &pipe{stub: stub{closed: make(chan struct{})}}, nil }
	made := 1
	for range 100 {
		if s, own := w.of.beside(); own != nil {
			w.of.lose(s, lostFault())
			w.of.leave(own)
		}
		w.of.expect(1000)
		w.of.ahead.Wait()
		made += len(w.of.spares)
	}
	if made != lossesMost {
		t.Errorf("%d spare connections were made that failed, want %d", made, lossesMost)
	}
}

// A pause that the target asks for as it is dialled for a spare connection counts for all.
func TestAPauseToldToASpareConnectionIsHeeded(t *testing.T) {
	pause := &migration.Fault{Class: migration.Later, Code: migration.CodeThrottled, After: time.Minute}
	of := sparing(func(context.Context) (Target, error) { return nil, pause })
	heeded := make(chan error, 1)
	of.heed = func(err error) { heeded <- err }
	of.expect(10)
	if err := <-heeded; !errors.Is(err, pause) {
		t.Errorf("heeded %v", err)
	}
	of.close()
}
