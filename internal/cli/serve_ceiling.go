package cli

import (
	"context"
	"io"
	"net"
	"sync"
	"time"

	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// bucket lets so much through a second. The zero rate lets all through. What is
// taken is paid for by whoever comes next, so that a big piece does not wait for
// itself.
type bucket struct {
	mu    sync.Mutex
	rate  float64
	freed time.Time
}

// take takes some and waits until it may go on, or the context ends.
func (b *bucket) take(ctx context.Context, n float64) error {
	b.mu.Lock()
	if b.rate <= 0 {
		b.mu.Unlock()
		return nil
	}
	now := time.Now()
	if b.freed.Before(now) {
		b.freed = now
	}
	wait := b.freed.Sub(now)
	b.freed = b.freed.Add(time.Duration(n / b.rate * float64(time.Second)))
	b.mu.Unlock()
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (b *bucket) set(rate float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rate = rate
}

// ceiling is what an endpoint may be asked for by this node: its share of what all
// may.
type ceiling struct{ bytes, messages bucket }

// ceilings are those of all endpoints.
type ceilings struct {
	mu  sync.Mutex
	all map[int64]*ceiling
}

// of gives the ceiling of an endpoint, as its record says now.
func (c *ceilings) of(e migration.EndpointRecord, nodes int) *ceiling {
	c.mu.Lock()
	if c.all == nil {
		c.all = map[int64]*ceiling{}
	}
	of := c.all[e.ID]
	if of == nil {
		of = &ceiling{}
		c.all[e.ID] = of
	}
	c.mu.Unlock()
	share := 1 / float64(max(nodes, 1))
	of.bytes.set(float64(e.Limits.BytesPerSecond) * share)
	of.messages.set(e.Limits.MessagesPerSecond * share)
	return of
}

// throttledLine is a connection below a ceiling of bytes.
type throttledLine struct {
	net.Conn
	bytes *bucket
	ended context.Context
	end   context.CancelFunc
}

func throttled(line net.Conn, bytes *bucket) net.Conn {
	ended, end := context.WithCancel(context.Background())
	return &throttledLine{line, bytes, ended, end}
}

// piece is how much goes at once, so that a ceiling is kept within a second too.
const piece = 16 << 10

// Read takes what has come, and lets the next wait for it.
func (l *throttledLine) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p[:min(len(p), piece)])
	if n > 0 {
		if waited := l.bytes.take(l.ended, float64(n)); waited != nil && err == nil {
			err = net.ErrClosed
		}
	}
	return n, err
}

// Write sends piece by piece.
func (l *throttledLine) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		part := p[done:min(done+piece, len(p))]
		if err := l.bytes.take(l.ended, float64(len(part))); err != nil {
			return done, net.ErrClosed
		}
		n, err := l.Conn.Write(part)
		done += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// Close ends what waits.
func (l *throttledLine) Close() error {
	l.end()
	return l.Conn.Close()
}

// pacedSource counts the messages that are read below a ceiling.
type pacedSource struct {
	mailsync.Session
	messages *bucket
}

// Bodies lets each message wait for its turn.
func (s pacedSource) Bodies(ctx context.Context, uids migration.UIDSet, each func(migration.Body) error) error {
	return s.Session.Bodies(ctx, uids, func(body migration.Body) error {
		if err := s.messages.take(ctx, 1); err != nil {
			return err
		}
		return each(body)
	})
}

// pacedTarget counts the messages that are added below a ceiling.
type pacedTarget struct {
	mailsync.Target
	messages *bucket
}

// Appender gives a pipeline whose messages wait for their turn.
func (t pacedTarget) Appender(rawName string, options migration.AppendOptions, done func(migration.AppendResult)) mailsync.Appender {
	return pacedAppender{t.Target.Appender(rawName, options, done), t.messages, done}
}

type pacedAppender struct {
	mailsync.Appender
	messages *bucket
	done     func(migration.AppendResult)
}

// Append waits for the message's turn. One whose turn does not come is given back.
func (a pacedAppender) Append(ctx context.Context, message migration.AppendMessage, body io.Reader) error {
	if err := a.messages.take(ctx, 1); err != nil {
		a.done(migration.AppendResult{Key: message.Key, Err: err})
		return err
	}
	return a.Appender.Append(ctx, message, body)
}
