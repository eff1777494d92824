package mailsync

import (
	"sync"
	"testing"
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
