package imap

import (
	"bytes"
	"compress/flate"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// meter counts the bytes on the line, after compression and before TLS, and
// knows how long the reader has been waiting for them.
type meter struct {
	net     net.Conn
	in, out atomic.Int64
	inflate io.Reader
	deflate atomic.Pointer[flate.Writer]

	mu sync.Mutex
	// waiting is when the read under way began, zero when there is none.
	waiting time.Time
	// amid is true while a response has begun and not ended; waited and got
	// are the time and the bytes of the reads amid responses, since the rate
	// was last looked at.
	amid   bool
	waited time.Duration
	got    int64
	slow   time.Duration
}

func newMeter(network net.Conn, slow time.Duration) *meter {
	return &meter{net: network, slow: slow}
}

// Read reads, through the decompressor if there is one.
func (m *meter) Read(p []byte) (int, error) {
	if m.inflate != nil {
		return m.inflate.Read(p)
	}
	return m.receive(p)
}

// Write writes, through the compressor if there is one.
func (m *meter) Write(p []byte) (int, error) {
	deflate := m.deflate.Load()
	if deflate == nil {
		return m.transmit(p)
	}
	n, err := deflate.Write(p)
	if err == nil {
		err = deflate.Flush()
	}
	return n, err
}

func (m *meter) transmit(p []byte) (int, error) {
	n, err := m.net.Write(p)
	m.out.Add(int64(n))
	return n, err
}

func (m *meter) receive(p []byte) (int, error) {
	start := time.Now()
	m.mu.Lock()
	m.waiting = start
	amid := m.amid
	m.mu.Unlock()
	n, err := m.net.Read(p)
	m.in.Add(int64(n))
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waiting = time.Time{}
	if !amid || err != nil {
		return n, err
	}
	m.waited += time.Since(start)
	m.got += int64(n)
	if m.waited < m.slow {
		return n, nil
	}
	tooSlow := m.got < int64(m.waited.Seconds()*slowest)
	m.waited, m.got = 0, 0
	if tooSlow {
		return n, errTooSlow
	}
	return n, nil
}

// response says that a response begins or has ended.
func (m *meter) response(amid bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.amid = amid
}

// waitingSince is when the read under way began, zero when there is none.
func (m *meter) waitingSince() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.waiting
}

// compress turns on DEFLATE (RFC 4978) in both directions. early is what came
// already and was not read.
func (m *meter) compress(early []byte) error {
	deflate, err := flate.NewWriter(writerFunc(m.transmit), flate.DefaultCompression)
	if err != nil {
		return err
	}
	m.deflate.Store(deflate)
	m.inflate = flate.NewReader(io.MultiReader(bytes.NewReader(early), readerFunc(m.receive)))
	return nil
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

var errTooSlow = &timeoutError{"the server's answer came with less than 1 KiB/s"}

// timeoutError says which wait was too long.
type timeoutError struct{ text string }

func (e *timeoutError) Error() string { return e.text }

// Timeout is true, as in net.Error.
func (e *timeoutError) Timeout() bool { return true }

// watch kills the line when it stands still while the server owes something.
func (c *conn) watch() {
	idle := c.options.Timeouts.Idle
	ticker := time.NewTicker(max(idle/10, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-c.stopWatch:
			return
		case <-ticker.C:
		}
		if what := c.standstill(time.Now().Add(-idle)); what != "" {
			c.kill(c.stoodStill(what))
			return
		}
	}
}

// stoodStill is the fault of a line that does not move. A server that said
// goodbye has given the reason.
func (c *conn) stoodStill(what string) error {
	err := &timeoutError{what}
	c.mu.Lock()
	bye := c.bye
	c.mu.Unlock()
	if bye != "" {
		return c.lost(err)
	}
	return &migration.Fault{Class: migration.Again, Code: migration.CodeTimeout, Doing: "waiting for " + c.options.Endpoint.Host, Err: err,
		Remedy: "The server did not move for " + c.options.Timeouts.Idle.String() + "; the connection is made anew."}
}

// standstill says what has not moved since the given time, if anything. A
// receiver that does not read, or a sender that has nothing to send, is no
// fault of the server.
func (c *conn) standstill(since time.Time) string {
	writing, wrote := c.out.stalled()
	if !writing.IsZero() {
		if writing.Before(since) {
			return "the server took nothing of what was sent"
		}
		return ""
	}
	waiting := c.meter.waitingSince()
	if waiting.IsZero() || waiting.After(since) || wrote.After(since) {
		return ""
	}
	sent := c.out.sent()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		return ""
	}
	oldest := c.queue[0]
	if oldest == c.continuing || oldest.end > 0 && oldest.end <= sent {
		return "the server did not answer " + oldest.doing
	}
	return ""
}
