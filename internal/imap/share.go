package imap

import (
	"context"
	"sync"
)

// sharing is a lock that many hold together or one holds alone. Whoever waits for
// it stops waiting when his context ends.
type sharing struct {
	// turn is held by who comes in, so that one who waits to be alone is not
	// overtaken; floor by the one who is alone, or by those who share it together.
	turn, floor chan struct{}

	mu      sync.Mutex
	sharers int
}

func newSharing() *sharing {
	return &sharing{turn: make(chan struct{}, 1), floor: make(chan struct{}, 1)}
}

// share waits while somebody is alone, or waits to be.
func (s *sharing) share(ctx context.Context) error {
	if err := enter(ctx, s.turn); err != nil {
		return err
	}
	defer leave(s.turn)
	if s.join(false) {
		return nil
	}
	if err := enter(ctx, s.floor); err != nil {
		return err
	}
	s.join(true)
	return nil
}

// join counts one more sharer, the first one only if it has the floor.
func (s *sharing) join(first bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sharers == 0 && !first {
		return false
	}
	s.sharers++
	return true
}

// unshare ends share.
func (s *sharing) unshare() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sharers--; s.sharers == 0 {
		leave(s.floor)
	}
}

// alone waits until nobody shares it; the end of it is told by calling done.
func (s *sharing) alone(ctx context.Context) (done func(), err error) {
	if err := enter(ctx, s.turn); err != nil {
		return nil, err
	}
	defer leave(s.turn)
	if err := enter(ctx, s.floor); err != nil {
		return nil, err
	}
	return func() { leave(s.floor) }, nil
}

// enter takes the one place of a channel.
func enter(ctx context.Context, place chan struct{}) error {
	select {
	case place <- struct{}{}:
		return nil
	case <-ctx.Done():
		return interrupted(context.Cause(ctx))
	}
}

func leave(place chan struct{}) { <-place }
