package relay

import (
	"context"
	"sync"
	"time"
)

// chunk is bytes, or the end of them, due at a time.
type chunk struct {
	data []byte
	due  time.Time
	// end says that the sender closed, reset that it did so by RST.
	end, reset bool
}

// queue holds the chunks under way in one direction of one connection.
type queue struct {
	limit int

	mu     sync.Mutex
	chunks []chunk
	size   int
	// filled and drained wake the other side; each holds at most one token.
	filled, drained chan struct{}
}

func newQueue(limit int) *queue {
	return &queue{limit: limit, filled: make(chan struct{}, 1), drained: make(chan struct{}, 1)}
}

// put appends a chunk, waiting while the queue is full.
func (q *queue) put(ctx context.Context, c chunk) error {
	for !q.tryPut(c) {
		select {
		case <-q.drained:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	wake(q.filled)
	return nil
}

func (q *queue) tryPut(c chunk) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.size >= q.limit && len(c.data) > 0 {
		return false
	}
	q.chunks = append(q.chunks, c)
	q.size += len(c.data)
	return true
}

// take removes the first chunk, waiting for one. It does not wait until it is due.
func (q *queue) take(ctx context.Context) (chunk, error) {
	for {
		// Checked first: what is queued when the connection dies stays undelivered.
		if ctx.Err() != nil {
			return chunk{}, context.Cause(ctx)
		}
		if c, ok := q.tryTake(); ok {
			wake(q.drained)
			return c, nil
		}
		select {
		case <-q.filled:
		case <-ctx.Done():
			return chunk{}, context.Cause(ctx)
		}
	}
}

func (q *queue) tryTake() (chunk, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.chunks) == 0 {
		return chunk{}, false
	}
	c := q.chunks[0]
	q.chunks[0] = chunk{}
	q.chunks = q.chunks[1:]
	q.size -= len(c.data)
	return c, true
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// waitUntil returns at t, or earlier with an error when ctx ends.
func waitUntil(ctx context.Context, t time.Time) error {
	d := time.Until(t)
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
