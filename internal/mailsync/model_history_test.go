package mailsync

import (
	"context"
	"fmt"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// between passes, with nothing of ours running.
func (w *world) between(n uint64) {
	d := w.dice(5, n)
	pause := time.Duration(d.below(int(time.Minute)))
	if w.late && w.audited {
		pause += worldLatest // the second look comes a day later
	}
	time.Sleep(pause)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.to.tick()
	w.crashed, w.audited = false, false
	for range d.pick(0, 1, 3) {
		w.somethingHappens(&d)
	}
	there := w.there()
	if w.quiet() && there.next >= w.targetKnown() {
		for range d.pick(0, 0, 2) {
			// Equal in everything, but older than whatever is tried next.
			l := w.deliver(w.to, there, d.below(12), &d)
			w.note("target: a twin delivered", int(l.uid), 0, "")
		}
	}
	if w.rebuilds && d.chance(400) {
		there.rebuild()
		w.rebuilt = true
		w.note("target: rebuilt", len(there.letters), 0, "")
	}
	if w.restores && d.chance(300) {
		w.restoreTarget()
	}
	if w.restores && d.chance(200) {
		w.restoreSource()
	}
	if w.kept.source && w.kept.target {
		w.renumbered = true // nothing is sure but bytes
		clear(w.removed)
	}
	if w.deletes && d.chance(300) {
		w.deleteFolder()
	}
	if d.chance(300) {
		w.backUp()
	}
	if w.renumber && d.chance(300) {
		w.inbox.rebuild()
		w.renumbered = true
		clear(w.sent)
		w.note("source: rebuilt", len(w.inbox.letters), 0, "")
	}
}

// quiet reports whether nothing is in doubt or watched.
func (w *world) quiet() bool {
	e := w.entry()
	return len(e.intents) == 0 && len(e.marks) == 0 && len(w.to.late) == 0
}

func (w *world) run(accept bool) (Summary, error) {
	job := Job{Source: w.from.source, Target: w.to.target, Ledger: w.ledger, Connections: w.lanes, TargetConnections: w.shared, Settle: worldSettle,
		AcceptRebuilt: accept, RetrySkipped: accept, Exclude: w.exclude}
	w.plant(&job)
	return Run(context.Background(), job)
}

// history runs the world to its end and returns what went wrong.
func (w *world) history() []string {
	for n := range w.passes {
		summary, err := w.run(false)
		switch class := migration.ClassOf(err); {
		case err == nil, class == migration.Stop, class == migration.Again, class == migration.Later:
		default:
			w.violate("pass %d: %v", n, err)
		}
		w.audited = w.audited || err == nil
		if err == nil && !summary.Messages.AddUp() {
			w.violate("pass %d: %+v does not add up", n, summary.Messages)
		}
		w.note("pass ended", n, summary.Messages.Copied, fmt.Sprint(err))
		w.between(uint64(n))
	}
	w.calm = true
	d := w.dice(6)
	w.deliverAtSource(&d) // so that the target is looked at
	for n := range 3 {
		time.Sleep(worldLatest)
		summary, err := w.run(true)
		if err != nil {
			w.violate("calm pass %d: %v", n, err)
		}
		w.note("calm pass ended", n, summary.Messages.Copied, "")
		if n == 2 {
			w.checkSummary(summary)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.to.tick()
	w.check()
	return w.violations
}

func (w *world) checkSummary(s Summary) {
	switch m := s.Messages; {
	case !m.AddUp():
		w.violate("the counts %+v do not add up", m)
	case m.Copied != 0:
		w.violate("a pass with nothing to do copied %d messages", m.Copied)
	case m.Source != len(w.inbox.letters):
		w.violate("the source holds %d messages, the summary says %+v", len(w.inbox.letters), m)
	case m.Skipped != 0 && w.mutant == sound:
		w.violate("%d messages are left out: %+v", m.Skipped, s.Findings)
	}
}
