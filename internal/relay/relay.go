package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// errClosed is the cause by which everything ends on Close.
var errClosed = errors.New("relay closed")

// Options is the line the relay plays. The zero value is a perfect one.
type Options struct {
	// Latency is the delay in each direction, half a round trip.
	Latency time.Duration
	// Bandwidth is bytes per second in each direction of each connection; 0
	// means no limit.
	Bandwidth int64
	// QueueLimit is the number of bytes under way in each direction of each
	// connection at which the relay stops reading; 0 means 64 MiB.
	QueueLimit int
	// Faults are what goes wrong. SetFaults changes them for later connections.
	Faults []Fault
}

// Stats is what the relay has counted so far, over all connections.
type Stats struct {
	Connections int64
	// Up and Down are delivered bytes.
	Up, Down int64
	// Turns is the number of times a client wrote after server data.
	Turns int64
	// Faults is the number of faults that have come to pass.
	Faults int64
}

// Relay is a running relay.
type Relay struct {
	target   string
	opts     Options
	listener *net.TCPListener
	ctx      context.Context
	cancel   context.CancelCauseFunc
	running  sync.WaitGroup

	// latency is in nanoseconds.
	latency                      atomic.Int64
	connections, up, down, turns atomic.Int64

	mu     sync.Mutex
	faults []Fault
	// whole ends when the relay is severed.
	whole context.Context
	sever context.CancelFunc
	// fired counts the faults that came to pass; struck is closed at each.
	fired            int64
	struck, released chan struct{}
}

// Listen starts a relay to target on a free loopback port.
func Listen(target string, o Options) (*Relay, error) {
	if o.QueueLimit == 0 {
		o.QueueLimit = 64 << 20
	}
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("listen for the relay: %w", err)
	}
	r := &Relay{
		target: target, opts: o, listener: l, faults: o.Faults,
		struck: make(chan struct{}), released: make(chan struct{}),
	}
	r.latency.Store(int64(o.Latency))
	r.ctx, r.cancel = context.WithCancelCause(context.Background())
	r.Mend()
	r.running.Go(r.accept)
	return r, nil
}

// Addr is the address clients connect to.
func (r *Relay) Addr() string { return r.listener.Addr().String() }

// Port is the port of Addr.
func (r *Relay) Port() int { return r.listener.Addr().(*net.TCPAddr).Port }

// Stats returns the counts so far.
func (r *Relay) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Stats{
		Connections: r.connections.Load(),
		Up:          r.up.Load(), Down: r.down.Load(),
		Turns:  r.turns.Load(),
		Faults: r.fired,
	}
}

// SetFaults replaces the faults for connections accepted from now on.
func (r *Relay) SetFaults(faults ...Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = faults
}

// SetLatency changes the delay in each direction for bytes that arrive from now on.
func (r *Relay) SetLatency(d time.Duration) { r.latency.Store(int64(d)) }

// delay is the latency of this moment.
func (r *Relay) delay() time.Duration { return time.Duration(r.latency.Load()) }

// Release delivers everything that is held now. Later holds wait for the next
// Release.
func (r *Relay) Release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.released)
	r.released = make(chan struct{})
}

// AwaitFaults waits until n faults have come to pass since the start.
func (r *Relay) AwaitFaults(ctx context.Context, n int64) error {
	for {
		r.mu.Lock()
		fired, struck := r.fired, r.struck
		r.mu.Unlock()
		if fired >= n {
			return nil
		}
		select {
		case <-struck:
		case <-ctx.Done():
			return fmt.Errorf("wait for fault %d of %d: %w", fired+1, n, context.Cause(ctx))
		}
	}
}

// Sever resets every connection, and each new one at once, until Mend.
func (r *Relay) Sever() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sever()
}

// Mend lets new connections through again.
func (r *Relay) Mend() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.whole == nil || r.whole.Err() != nil {
		r.whole, r.sever = context.WithCancel(r.ctx)
	}
}

// line is the context of a connection that begins now.
func (r *Relay) line() context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.whole
}

// strike counts a fault and returns a channel that the next Release closes.
func (r *Relay) strike() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fired++
	close(r.struck)
	r.struck = make(chan struct{})
	return r.released
}

// currentFaults returns the faults for a connection that begins now.
func (r *Relay) currentFaults() []Fault {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.faults
}

// Close resets all connections and waits until nothing of the relay is left.
func (r *Relay) Close() error {
	r.cancel(errClosed)
	err := r.listener.Close()
	r.running.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// accept takes connections until the relay is closed.
func (r *Relay) accept() {
	for {
		client, err := r.listener.AcceptTCP()
		if err != nil {
			return
		}
		number := int(r.connections.Add(1))
		r.running.Go(func() { r.serve(client, number) })
	}
}

// serve relays one connection until both directions have ended.
func (r *Relay) serve(client *net.TCPConn, number int) {
	whole := r.line()
	if whole.Err() != nil {
		abort(client)
		return
	}
	ctx, cancel := context.WithCancelCause(whole)
	defer cancel(nil)
	l := &link{relay: r, client: client, ctx: ctx, cancel: cancel}
	l.flow, l.stopFlow = context.WithCancel(ctx)
	defer l.stopFlow()
	// The handshake of a real line: the server sees the client after three ways.
	if l.server = l.dial(time.Now().Add(3 * r.delay())); l.server == nil {
		abort(client)
		return
	}
	stop := context.AfterFunc(ctx, l.reset)
	defer stop()
	l.run(faultsFor(r.currentFaults(), number, Up), faultsFor(r.currentFaults(), number, Down))
}
