package mailsync

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// crowd has letters in several folders go over few connections by many lines, whose
// commands take times of their own.
func crowd(t *testing.T, connections int, seed uint64, act func(t *theatre, folders []string)) {
	play(t, 40, func(t *theatre) {
		folders := []string{"INBOX"}
		for f := range 7 {
			name := fmt.Sprintf("Folder %d", f)
			folders = append(folders, name)
			for i := range 40 {
				t.deliver(name, 1000*(f+1)+i)
			}
		}
		rng, mu := rand.New(rand.NewPCG(seed, 1)), sync.Mutex{}
		t.to.before = func(op operation) error {
			if op.kind == opFolders {
				return nil // others wait for it on a mutex, which stops the clock
			}
			mu.Lock()
			wait := time.Duration(rng.IntN(50)) * time.Millisecond
			mu.Unlock()
			time.Sleep(wait)
			return nil
		}
		t.to.limit = connections
		t.job.Connections, t.job.TargetConnections = 4, connections
		act(t, folders)
	})
}

func TestLinesOnOneConnectionKeepToTheirFolders(t *testing.T) {
	for seed := range uint64(6) {
		crowd(t, 1+int(seed%2), seed, func(t *theatre, folders []string) {
			t.expectCounts(t.run(), 40*len(folders), 0, 0, 0)
			for round := range 3 {
				for n, name := range folders {
					for i, l := range t.from.box(name).letters {
						if (i+n+round)%4 == 0 {
							t.from.box(name).setFlags(l, append(l.flags, fmt.Sprintf("round%d", round)))
						}
					}
					t.deliver(name, 100_000+1000*n+round)
				}
				t.expectCounts(t.run(), len(folders), (40+round)*len(folders), 0, 0)
				for _, name := range folders {
					t.expectSame(name)
				}
			}
		})
	}
}

func TestLostConnectionsWithSeveralLinesLoseAndDoubleNothing(t *testing.T) {
	for seed := range uint64(8) {
		crowd(t, 1+int(seed%2), seed, func(t *theatre, folders []string) { losing(t, seed, folders) })
	}
}

// losing has the target lose its connections in one pass of a crowd, and not in the next.
func losing(t *theatre, seed uint64, folders []string) {
	slow, rng, mu := t.to.before, rand.New(rand.NewPCG(seed, 2)), sync.Mutex{}
	t.job.Settle = time.Second
	t.to.before = func(op operation) error {
		_ = slow(op)
		mu.Lock()
		defer mu.Unlock()
		if rng.IntN(60) == 0 {
			return lostFault()
		}
		return nil
	}
	t.run()
	t.to.before = slow
	t.run()
	for _, name := range folders {
		t.expectSame(name)
	}
	if len(t.to.sessions) > 0 {
		t.Errorf("%d connections are left open", len(t.to.sessions))
	}
}

// stub is a target of which only the life of the connection matters.
type stub struct {
	Target
	closed  chan struct{}
	leaving time.Duration // how long Close takes
}

func (s *stub) Close() error {
	time.Sleep(s.leaving)
	close(s.closed) // a second time it panics
	return nil
}

func (s *stub) Traffic() migration.Traffic { return migration.Traffic{RoundTrips: 1} }

func (s *stub) Create(context.Context, string) error { return nil }

func (s *stub) open() bool {
	select {
	case <-s.closed:
		return false
	default:
		return true
	}
}

// berths gives seats on stubs, and the stubs that were made.
func berths(most int) (*targets, func() []*stub) {
	var mu sync.Mutex
	var made []*stub
	all := &targets{most: func() int { return most }, dial: func(context.Context) (Target, error) {
		time.Sleep(time.Second)
		mu.Lock()
		defer mu.Unlock()
		made = append(made, &stub{closed: make(chan struct{})})
		return made[len(made)-1], nil
	}}
	return all, func() []*stub {
		mu.Lock()
		defer mu.Unlock()
		return made
	}
}

func seatsOf(t *testing.T, all *targets, n int) (seats []*seat) {
	t.Helper()
	var taken sync.WaitGroup
	var mu sync.Mutex
	for range n {
		taken.Go(func() {
			target, err := all.take(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			seats = append(seats, target)
		})
	}
	taken.Wait()
	return seats
}

func TestSeatsAreSpreadOverTheConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, made := berths(2)
		seats := seatsOf(t, all, 4)
		on := map[*sharedTarget]int{}
		for _, s := range seats {
			on[s.sharedTarget]++
		}
		if len(made()) != 2 || len(on) != 2 || on[seats[0].sharedTarget] != 2 {
			t.Errorf("4 seats are on %d connections: %v", len(made()), on)
		}
		var cost migration.Traffic
		for _, s := range seats {
			_ = s.Close()
			_ = s.Close()
			cost.Add(s.Traffic())
			cost.Add(s.Traffic())
		}
		if made()[0].open() || made()[1].open() || len(all.shared) > 0 {
			t.Error("a connection is left open")
		}
		if cost.RoundTrips != 2 {
			t.Errorf("two connections with a round trip each have cost %+v", cost)
		}
	})
}

func TestAWornConnectionEndsWithWhatIsUnderWayAndMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, made := berths(1)
		seats := seatsOf(t, all, 2)
		worn := &migration.Fault{Class: migration.Again, Code: migration.CodeWorn}
		under := make(chan struct{})
		go func() { _ = seats[1].do(t.Context(), func() error { <-under; return nil }) }()
		synctest.Wait()
		if err := seats[0].do(t.Context(), func() error { return worn }); migration.CodeOf(err) != migration.CodeWorn {
			t.Errorf("the seat was told %v", err)
		}
		_ = seats[0].Close()
		if err := seats[1].Create(t.Context(), "x"); migration.CodeOf(err) != migration.CodeWorn {
			t.Errorf("a worn connection takes up more: %v", err)
		}
		next := make(chan Target)
		go func() {
			target, _ := all.take(t.Context())
			next <- target
		}()
		synctest.Wait()
		if !made()[0].open() || len(made()) > 1 {
			t.Error("it ended with a command under way, or another was made beside it")
		}
		close(under)
		if s := (<-next).(*seat); s.sharedTarget == seats[0].sharedTarget || made()[0].open() {
			t.Error("the worn connection goes on")
		}
	})
}

func TestADeadConnectionEndsForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, made := berths(1)
		seats := seatsOf(t, all, 2)
		_ = seats[0].do(t.Context(), func() error { return lostFault() })
		_ = seats[0].Close()
		if made()[0].open() {
			t.Error("a dead connection stays open")
		}
		if again := seatsOf(t, all, 1); again[0].sharedTarget == seats[1].sharedTarget {
			t.Error("a seat was given on a dead connection")
		}
		_ = seats[1].Close()
	})
}

func TestWhoWaitsForASeatStopsWithHisContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, _ := berths(1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		go seatsOf(t, all, 1)
		synctest.Wait()
		if _, err := all.take(ctx); err == nil || !strings.Contains(err.Error(), "deadline") {
			t.Errorf("%v", err)
		}
		time.Sleep(time.Minute)
	})
}

func TestAConnectionThatIsBeingClosedStillCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, made := berths(1)
		first := seatsOf(t, all, 1)[0]
		first.Target.(*stub).leaving = time.Minute
		go func() { _ = first.Close() }()
		synctest.Wait()
		begun := time.Now()
		if len(seatsOf(t, all, 1)) != 1 || len(made()) != 2 || time.Since(begun) < time.Minute {
			t.Errorf("another connection was made %v after the first began to leave", time.Since(begun))
		}
	})
}

func TestALineTooManyIsTurnedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, _ := berths(1)
		seatsOf(t, all, seatsEach)
		if _, err := all.take(t.Context()); migration.CodeOf(err) != migration.CodeTooManyConns {
			t.Errorf("the third line on one connection was told %v", err)
		}
	})
}

func TestASeatAloneHasNobodyBesideIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, _ := berths(1)
		seats := seatsOf(t, all, 2)
		var told []string
		var mu sync.Mutex
		tell := func(what string) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, what)
		}
		go func() {
			_ = seats[1].do(t.Context(), func() error { time.Sleep(time.Second); tell("other before"); return nil })
			_ = seats[1].do(t.Context(), func() error { tell("other after"); return nil })
		}()
		synctest.Wait()
		giveBack, err := aloneOn(t.Context(), seats[0])
		if err != nil {
			t.Fatal(err)
		}
		_ = seats[0].do(t.Context(), func() error { time.Sleep(time.Second); tell("alone"); return nil })
		giveBack()
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if got := strings.Join(told, ", "); got != "other before, alone, other after" {
			t.Error(got)
		}
	})
}
