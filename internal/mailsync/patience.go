package mailsync

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// lasting does something and, when the line breaks, does it again on a new one.
func (p *pass) lasting(l *line, needTarget bool, do func() error) error {
	err := do()
	if err == nil || migration.ClassOf(err) != migration.Again {
		return err
	}
	return p.retry(l, err, func() error {
		if err := l.dial(p.work, needTarget); err != nil {
			return err
		}
		return do()
	})
}

// retry does something again after a pause, as the class of the error asks, until
// it succeeds or fails for good.
func (p *pass) retry(l *line, err error, do func() error) error {
	for n := 0; err != nil; {
		l.dropDead(err)
		wait, ok := p.patience(err, n)
		if !ok {
			return err
		}
		p.log().Info("waiting", "for", wait.Round(time.Second), "because", err.Error())
		p.pause(wait, err.Error())
		if p.stoppedNow() {
			return err
		}
		if !told(err) {
			n++
		}
		err = do()
	}
	return nil
}

// pause waits for the duration, or until the pass is to stop or others have done all that
// there was.
func (p *pass) pause(d time.Duration, why string) {
	p.Progress.Waiting.Store(why)
	defer p.Progress.Waiting.Store("")
	until := time.Now().Add(d)
	alarm := time.AfterFunc(d, p.wake)
	defer alarm.Stop()
	unhook := context.AfterFunc(p.work, p.wake)
	defer unhook()
	p.mu.Lock()
	defer p.mu.Unlock()
	for time.Now().Before(until) && p.work.Err() == nil && !p.stopped() && (len(p.folders) == 0 || !p.finished()) {
		p.changed.Wait()
	}
}

// backOff is the pause before the n-th try: full jitter below a doubling bound
// from 2 s to 15 min.
func backOff(n int) time.Duration {
	bound := min(2*time.Second<<min(n, 10), 15*time.Minute)
	return time.Duration(rand.Int64N(int64(bound)))
}

// wornTries is how often in a row a connection may be worn without a message copied,
// before that is taken for a trouble like others.
const wornTries = 3

// patience says how long to wait after the n-th fault in a row, and whether to
// try again at all.
func (p *pass) patience(err error, n int) (time.Duration, bool) {
	fault := migration.FaultOf(err)
	if migration.CodeOf(err) == migration.CodeWorn && n < wornTries {
		return 0, true
	}
	switch migration.ClassOf(err) {
	case migration.Later:
		if fault.After > 0 {
			return fault.After, p.LongestPause == 0 || fault.After <= p.LongestPause
		}
		return backOff(max(n, 3)), n < p.tries()
	case migration.Again:
		return backOff(n), n < p.tries()
	default:
		return 0, false
	}
}

// told reports whether the server said how long to wait, which costs no try.
func told(err error) bool {
	return migration.ClassOf(err) == migration.Later && migration.FaultOf(err).After > 0
}

// heed takes a server's word about a pause at once, for all connections: those
// that went on asking would make it longer.
//
// A word counts once and from when it was said, however many find it in their way.
func (p *pass) heed(err error) {
	if err == nil || !told(err) || !p.news(migration.FaultOf(err)) {
		return
	}
	until := time.Now().Add(migration.FaultOf(err).After)
	var side *sideFault
	if asSide(err, &side) && side.target {
		p.Pace.paused(p.traits().Rate, until)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if until.After(p.quietUntil) {
		p.quietUntil = until
	}
	if p.endSpell != nil && side != nil && side.target {
		p.endSpell(err)
	}
}

// news reports whether a fault was not heeded yet.
func (p *pass) news(fault *migration.Fault) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.heeded == nil {
		p.heeded = map[*migration.Fault]bool{}
	}
	known := p.heeded[fault]
	p.heeded[fault] = true
	return !known
}

// newSpell is a context that ends when the target asks for a pause, with that fault as
// the cause. In a pause it has ended.
func (p *pass) newSpell() context.Context {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.spell == nil || p.spell.Err() != nil && !time.Now().Before(p.quietUntil) {
		p.spell, p.endSpell = context.WithCancelCause(p.work)
	}
	return p.spell
}

// quietFor is how long the pause lasts.
func (p *pass) quietFor() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(time.Until(p.quietUntil), 0)
}

// settleTime is how long the target may still be finishing what was cut off.
func (p *pass) settleTime() time.Duration {
	if p.Settle > 0 {
		return p.Settle
	}
	return min(max(4*p.latency.percentile99(), 5*time.Second), 2*time.Minute)
}

// latencies keeps the slowest answers to APPEND, to know how long a target may
// take to finish what was under way.
type latencies struct {
	mu   sync.Mutex
	seen []time.Duration
}

func (l *latencies) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	const keep = 1000
	if len(l.seen) == keep {
		l.seen = l.seen[:0]
	}
	l.seen = append(l.seen, d)
}

func (l *latencies) percentile99() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.seen) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(l.seen))
	return sorted[len(sorted)*99/100]
}
