package mailsync

import (
	"context"
	"sync"
	"time"
)

// Pace keeps to what a target was found to bear. It sends as fast as it can until the
// target asks for a pause; from then on it sends at the rate that such targets bear
// (migration.Traits.Rate), slower with every further pause, and faster again with time.
// Given to a later pass over the same mailbox it goes on as it was. The zero value has
// learned nothing. It is safe for many goroutines.
type Pace struct {
	mu sync.Mutex
	// rate is in messages a second, 0 for any.
	rate float64
	// until is the end of the pause that was asked for last, next when the next message
	// may go, and raised when the rate last changed.
	until, next, raised time.Time
	// longest is the longest pause: more is tried after as long without one, so that
	// trying costs no more than half of the time.
	longest time.Duration
}

const (
	slowest    = 0.25 // messages a second
	raiseEvery = 10 * time.Second
	raiseBy    = 1.25
)

// Rate is how many messages a second it sends at most, 0 for as many as come.
func (p *Pace) Rate() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rate
}

// paused notes that the target has asked for a pause until a time. Several answers
// that ask for the same one count once, and the last of them says how long.
func (p *Pace) paused(first float64, until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	same := time.Now().Before(p.until)
	if first == 0 || same && !until.After(p.until) {
		return
	}
	p.until, p.next, p.raised = until, until, until
	p.longest = max(p.longest, time.Until(until))
	switch {
	case same:
	case p.rate == 0:
		p.rate = first
	default:
		p.rate = max(p.rate/2, slowest)
	}
}

// wait waits until the next message may go.
func (p *Pace) wait(ctx context.Context) error {
	for ctx.Err() == nil {
		at, free := p.slot()
		if free {
			return nil
		}
		timer := time.NewTimer(time.Until(at))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
	return context.Cause(ctx)
}

// slot takes the place of one message if it is free now, and else says when one may be:
// a pause may be asked for meanwhile.
func (p *Pace) slot() (at time.Time, free bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	switch {
	case p.rate == 0:
		return now, true
	case now.Before(p.next):
		return p.next, false
	}
	if now.Sub(p.raised) >= max(raiseEvery, p.longest) {
		p.rate, p.raised = p.rate*raiseBy, now
	}
	p.next = now.Add(time.Duration(float64(time.Second) / p.rate))
	return now, true
}
