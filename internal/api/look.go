package api

import (
	"context"
	"encoding/json"
	"sync"
	"time"
)

// looks are what watchers see of things. All who watch one thing share a look, so that
// many of them cost no more than one.
type looks struct {
	every time.Duration

	mu  sync.Mutex
	all map[string]*look
}

// look is the last that was seen of a thing.
type look struct {
	// turn is held by who looks or takes what was seen.
	turn chan struct{}
	// text is JSON; it was looked for at that time, and it took so long.
	text []byte
	at   time.Time
	took time.Duration
	used time.Time // under looks.mu
}

// unwatchedFor is how long what nobody watches is kept.
const unwatchedFor = time.Minute

// costsAtMost is which part of the time may be spent on looking at one thing.
const costsAtMost = 10

func newLooks(every time.Duration) *looks { return &looks{every: every, all: map[string]*look{}} }

func (l *looks) of(key string) *look {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for other, look := range l.all {
		if now.Sub(look.used) > unwatchedFor {
			delete(l.all, other)
		}
	}
	found := l.all[key]
	if found == nil {
		found = &look{turn: make(chan struct{}, 1)}
		l.all[key] = found
	}
	found.used = now
	return found
}

// see gives what there is to be seen of a thing: what somebody has seen a moment ago,
// or after the given time when that is later. An error is for this caller alone.
func (l *looks) see(ctx context.Context, key string, after time.Time, take func(context.Context) (any, error)) ([]byte, error) {
	look := l.of(key)
	select {
	case look.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-look.turn }()
	now := time.Now()
	// Watchers look at their own times: a little less than the whole keeps them together.
	lasts := max(l.every-l.every/10, costsAtMost*look.took)
	if look.text != nil && now.Sub(look.at) < lasts && !look.at.Before(after) {
		return look.text, nil
	}
	value, err := take(ctx)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	look.text, look.at, look.took = text, now, time.Since(now)
	return text, nil
}
