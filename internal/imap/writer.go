package imap

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

const (
	// outgoingSize is what is collected at most before the producer waits.
	outgoingSize = 64 << 10
	// outgoingKick is when bytes are worth a write of their own.
	outgoingKick = 16 << 10
	// outgoingLinger is how long fewer bytes than that may wait for company.
	outgoingLinger = 2 * time.Millisecond
)

var errCut = errors.New("the connection is closed")

// outgoing collects what is to be sent, and sends it from a goroutine of its
// own, so that one write carries all that came while the last was under way.
// One producer at a time writes to it (conn.lockLine).
type outgoing struct {
	to   io.Writer
	kick chan struct{}
	room chan struct{}
	stop chan struct{}

	mu      sync.Mutex
	pending []byte
	spare   []byte
	// taken is how many bytes were ever written here, handed how many of them
	// were given to the connection: these may have left.
	taken, handed int64
	closed        bool
	linger        *time.Timer
	lingering     bool
	// since is when the write under way began, zero when there is none, and
	// wrote when the last one ended.
	since, wrote time.Time
}

func newOutgoing(to io.Writer) *outgoing {
	return &outgoing{
		to: to, kick: make(chan struct{}, 1), room: make(chan struct{}, 1), stop: make(chan struct{}),
		pending: make([]byte, 0, outgoingSize), spare: make([]byte, 0, outgoingSize),
	}
}

// write adds bytes. It waits while too much is collected.
func (o *outgoing) write(ctx context.Context, p []byte) error {
	for len(p) > 0 {
		n, err := o.space(ctx)
		if err != nil {
			return err
		}
		n = min(n, len(p))
		o.mu.Lock()
		o.pending = append(o.pending, p[:n]...)
		o.added(n)
		o.mu.Unlock()
		p = p[n:]
	}
	return nil
}

// space waits for room and says how much there is.
func (o *outgoing) space(ctx context.Context) (int, error) {
	for {
		o.mu.Lock()
		n, closed := outgoingSize-len(o.pending), o.closed
		o.mu.Unlock()
		if closed {
			return 0, errCut
		}
		if n > 0 {
			return n, nil
		}
		o.flush()
		select {
		case <-o.room:
		case <-o.stop:
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

// added accounts for n new bytes, under mu.
func (o *outgoing) added(n int) {
	o.taken += int64(n)
	if len(o.pending) >= outgoingKick {
		o.flush()
		return
	}
	if o.lingering {
		return
	}
	o.lingering = true
	if o.linger == nil {
		o.linger = time.AfterFunc(outgoingLinger, o.flush)
	} else {
		o.linger.Reset(outgoingLinger)
	}
}

// flush has what is collected sent now.
func (o *outgoing) flush() {
	select {
	case o.kick <- struct{}{}:
	default:
	}
}

// offset is the position in the stream of the next byte to be written here.
func (o *outgoing) offset() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.taken
}

// sent is the position up to which bytes may have left.
func (o *outgoing) sent() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.handed
}

// run sends until close. An error of the connection goes to fail.
func (o *outgoing) run(fail func(error)) {
	for {
		select {
		case <-o.kick:
		case <-o.stop:
			return
		}
		batch := o.take()
		if len(batch) == 0 {
			continue
		}
		_, err := o.to.Write(batch)
		o.mu.Lock()
		o.since, o.wrote = time.Time{}, time.Now()
		o.mu.Unlock()
		if err != nil {
			fail(err)
			return
		}
	}
}

// take swaps the buffers.
func (o *outgoing) take() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lingering = false
	if o.closed || len(o.pending) == 0 {
		return nil
	}
	batch := o.pending
	o.pending, o.spare = o.spare[:0], batch
	o.handed += int64(len(batch))
	o.since = time.Now()
	select {
	case o.room <- struct{}{}:
	default:
	}
	return batch
}

// close stops it. From then on no further byte leaves, and sent stands still.
func (o *outgoing) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	o.closed = true
	if o.linger != nil {
		o.linger.Stop()
	}
	close(o.stop)
}

// stalled gives when the write under way began, and when the last one ended.
func (o *outgoing) stalled() (since, wrote time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.since, o.wrote
}
