package relay

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	dialLimit = 10 * time.Second
	// drainLimit is how long an orderly cut waits for the peers to close too.
	drainLimit = 5 * time.Second
	readSize   = 64 << 10
)

// link is one relayed connection.
type link struct {
	relay          *Relay
	client, server *net.TCPConn
	// ctx ends the connection by RST, flow ends only the moving of bytes.
	ctx, flow context.Context
	cancel    context.CancelCauseFunc
	stopFlow  context.CancelFunc
	// answered says that server data was delivered since the client's last write.
	answered atomic.Bool
}

// dial connects to the target at a time; nil means that there is no connection.
func (l *link) dial(at time.Time) *net.TCPConn {
	if waitUntil(l.ctx, at) != nil {
		return nil
	}
	d := net.Dialer{Timeout: dialLimit}
	c, err := d.DialContext(l.ctx, "tcp", l.relay.target)
	if err != nil {
		return nil
	}
	return c.(*net.TCPConn)
}

// run moves bytes both ways and returns when both ways have ended.
func (l *link) run(up, down []Fault) {
	defer l.client.Close() //nolint:errcheck // it may be closed already
	defer l.server.Close() //nolint:errcheck // it may be closed already
	var both sync.WaitGroup
	for _, p := range []*pipe{
		{link: l, from: l.client, to: l.server, direction: Up, count: &l.relay.up, faults: up},
		{link: l, from: l.server, to: l.client, direction: Down, count: &l.relay.down, faults: down},
	} {
		p.queue = newQueue(l.relay.opts.QueueLimit)
		both.Go(p.read)
		both.Go(p.deliver)
	}
	both.Wait()
}

// reset closes both sides by RST.
func (l *link) reset() {
	abort(l.client)
	abort(l.server)
}

// cut closes both sides by FIN: it ends both ways of sending, lets the peers
// close, and only then lets go, because closing with unread bytes sends an RST.
func (l *link) cut() {
	l.stopFlow()
	_ = l.client.CloseWrite()
	_ = l.server.CloseWrite()
	limit := time.Now().Add(drainLimit)
	for _, c := range []*net.TCPConn{l.client, l.server} {
		_ = c.SetReadDeadline(limit)
	}
}

// abort closes by RST, so that nothing unsent leaves the kernel.
func abort(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}

// pipe is one direction of a link.
type pipe struct {
	link      *link
	from, to  *net.TCPConn
	direction Direction
	count     *atomic.Int64
	queue     *queue
	faults    []Fault

	// delivered is the number of bytes handed on, dropped ones included.
	delivered int64
	// free is when the bandwidth allows the next byte.
	free            time.Time
	split, dropping bool
}

// read takes bytes from the sender and queues them with their due time, until
// the sender ends.
func (p *pipe) read() {
	buf := make([]byte, readSize)
	for {
		n, err := p.from.Read(buf)
		due := time.Now().Add(p.link.relay.delay())
		if n > 0 {
			if p.direction == Up && p.link.answered.Swap(false) {
				p.link.relay.turns.Add(1)
			}
			// After a cut nobody takes the bytes, but they must be read away.
			_ = p.queue.put(p.link.flow, chunk{data: bytes.Clone(buf[:n]), due: due})
		}
		if err != nil {
			reset := errors.Is(err, syscall.ECONNRESET)
			_ = p.queue.put(p.link.flow, chunk{due: due, end: true, reset: reset})
			return
		}
	}
}

// deliver hands the queued bytes on when they are due.
func (p *pipe) deliver() {
	if !p.strike() {
		return
	}
	for {
		c, err := p.queue.take(p.link.flow)
		if err != nil || waitUntil(p.link.flow, c.due) != nil {
			return
		}
		if c.end {
			if c.reset {
				abort(p.to)
			} else {
				_ = p.to.CloseWrite()
			}
			return
		}
		if !p.hand(c.data) {
			return
		}
	}
}

// hand writes data up to the next fault, lets it strike, and goes on. It says
// whether the direction lives.
func (p *pipe) hand(data []byte) bool {
	for len(data) > 0 {
		n := len(data)
		if len(p.faults) > 0 {
			n = int(min(int64(n), p.faults[0].After-p.delivered))
		}
		if p.split {
			n = min(n, 1)
		}
		if !p.pace(n) {
			return false
		}
		if !p.write(data[:n]) {
			return false
		}
		data = data[n:]
		if !p.strike() {
			return false
		}
	}
	return true
}

// pace waits until the bandwidth allows n bytes.
func (p *pipe) pace(n int) bool {
	rate := p.link.relay.opts.Bandwidth
	if rate <= 0 {
		return true
	}
	if now := time.Now(); p.free.Before(now) {
		p.free = now
	}
	p.free = p.free.Add(time.Duration(float64(n) / float64(rate) * float64(time.Second)))
	return waitUntil(p.link.flow, p.free) == nil
}

// write delivers data. A receiver that is gone ends the delivery but not the
// reading: the sender learns of it through the other direction, in its order.
func (p *pipe) write(data []byte) bool {
	p.delivered += int64(len(data))
	if p.dropping {
		return true
	}
	// Counted before the write: the receiver may act before the write returns.
	p.count.Add(int64(len(data)))
	if p.direction == Down {
		p.link.answered.Store(true)
	}
	if _, err := p.to.Write(data); err != nil {
		p.dropping = true
		return p.link.flow.Err() == nil
	}
	return true
}

// strike lets every fault happen whose byte is reached. It says whether the
// direction lives.
func (p *pipe) strike() bool {
	for len(p.faults) > 0 && p.faults[0].After <= p.delivered {
		f := p.faults[0]
		p.faults = p.faults[1:]
		released := p.link.relay.strike()
		switch f.Action {
		case CutFIN:
			p.link.cut()
			return false
		case CutRST:
			p.link.reset()
			p.link.cancel(nil)
			return false
		case Stall:
			<-p.link.flow.Done()
			return false
		case Split:
			p.split = true
		case Drop:
			p.dropping = true
		case Hold:
			if !p.hold(f.Hold, released) {
				return false
			}
		}
	}
	return true
}

// hold waits for a time or, when it is 0, for the release.
func (p *pipe) hold(d time.Duration, released <-chan struct{}) bool {
	if d > 0 {
		return waitUntil(p.link.flow, time.Now().Add(d)) == nil
	}
	select {
	case <-released:
		return true
	case <-p.link.flow.Done():
		return false
	}
}
