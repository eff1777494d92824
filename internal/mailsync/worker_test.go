package mailsync

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// TestAFolderThatSettlesJustNowIsNotForgotten has a worker ask for something to do
// while the only folder settles: in the very moment between two looks at the clock,
// too. Nobody else would wake it.
func TestAFolderThatSettlesJustNowIsNotForgotten(t *testing.T) {
	const rounds, limit = 5_000, time.Minute
	stopping := make(chan struct{})
	p := &pass{Job: &Job{}, stopping: stopping}
	p.changed = sync.NewCond(&p.mu)
	watchdog := time.AfterFunc(limit, func() {
		close(stopping)
		p.wake()
	})
	defer watchdog.Stop()
	for i := range rounds {
		f := &folder{stage: ready, doubt: []migration.Message{{UID: 1}}}
		p.folders = []*folder{f}
		f.settled = time.Now().Add(time.Duration(i % 1000))
		if got, todo := p.next(nil); got != f || todo != resolveTask {
			t.Fatalf("in round %d the worker slept until it was stopped: task %v", i, todo)
		}
	}
}

// TestAPauseEndsWithTheWork: a worker that waits to try again has nothing to wait for when
// others have done the rest, or the pass has failed.
func TestAPauseEndsWithTheWork(t *testing.T) {
	for name, end := range map[string]func(*pass){
		"others have done the rest": func(p *pass) { p.folders[0].stage = done },
		"the pass has failed":       func(p *pass) { p.failure = migration.ErrNotFound },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, release := newPass(t.Context(), &Job{})
				defer release()
				f := &folder{stage: ready}
				p.folders = []*folder{f}
				begun := time.Now()
				p.pause(time.Second, "testing")
				if took := time.Since(begun); took != time.Second {
					t.Errorf("a pause of 1 s took %v", took)
				}
				go func() {
					synctest.Wait()
					p.mu.Lock()
					end(p)
					p.mu.Unlock()
					p.wake()
				}()
				begun = time.Now()
				p.pause(15*time.Minute, "testing")
				if took := time.Since(begun); took != 0 {
					t.Errorf("it waited %v for nothing", took)
				}
			})
		})
	}
}
