package imap

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailhaul/mailhaul/internal/imap/wire"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

// conn is the line: commands in a queue, one goroutine that reads, one that
// writes, one that watches for standstill.
type conn struct {
	options Options
	net     net.Conn // TCP or TLS
	meter   *meter
	in      *wire.Reader
	out     *outgoing
	scrub   *secret.Scrubber
	tracing sync.Mutex // held by whoever calls options.Trace

	// line is held by whoever writes a command.
	line chan struct{}
	// closeGroup ends an open group of the appender. Called with the line held.
	closeGroup func()
	// goOn carries the server's "+".
	goOn chan string

	roundTrips atomic.Int64
	// groupsRefused counts the groups of the appender that were answered BAD
	// in a row.
	groupsRefused atomic.Int32
	// whole is held shared by callers that fetch bodies, and alone by one that
	// must know that no other is under way.
	whole *sharing

	mu sync.Mutex
	// queue are the commands that have no tagged answer yet, oldest first.
	queue []*command
	// asked is when something was last sent while nothing was under way, zero
	// once an answer has begun; quickest is the shortest such wait.
	asked    time.Time
	quickest time.Duration
	// continuing is the command that waits for a "+", and from where in the
	// outgoing stream on what it waits for has been asked.
	continuing     *command
	continuingFrom int64
	prelude        []*command
	tagPrefix      string
	tagCount       int
	fault          error
	died           time.Time
	polite         bool // nothing is sent any more but LOGOUT
	bye            string
	// hint is the last fault that asked for a pause.
	hint   *migration.Fault
	hintAt time.Time
	caps   capabilities
	// budget bounds refusals.
	budget errorBudget

	background sync.WaitGroup
	stopWatch  chan struct{}
	readerDone chan struct{}
}

// newConn makes the line out of a connection whose greeting has been read. in
// may hold bytes that came with it.
func newConn(options Options, network net.Conn, m *meter, in *wire.Reader) *conn {
	return &conn{
		options: options, net: network, meter: m, in: in, out: newOutgoing(m),
		scrub: options.Credential.scrubber(),
		line:  make(chan struct{}, 1), goOn: make(chan string, 1), whole: newSharing(),
		stopWatch: make(chan struct{}), readerDone: make(chan struct{}),
		tagPrefix: rand.Text()[:4],
	}
}

// start starts the goroutines.
func (c *conn) start() {
	c.background.Go(func() {
		c.out.run(c.brokenWrite)
	})
	c.background.Go(c.watch)
	c.background.Go(c.receive)
}

// lockLine waits for the right to write.
func (c *conn) lockLine(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return interrupted(context.Cause(ctx))
	}
	if err := c.dead(); err != nil {
		return c.afterwards(err)
	}
	select {
	case c.line <- struct{}{}:
		if err := c.dead(); err != nil {
			c.unlockLine()
			return c.afterwards(err)
		}
		return nil
	case <-c.stopWatch:
		return c.afterwards(c.dead())
	case <-ctx.Done():
		return interrupted(context.Cause(ctx))
	}
}

func (c *conn) unlockLine() { <-c.line }

// begin gives a command its tag and puts it in the queue.
func (c *conn) begin(cmd *command) error {
	if err := c.dead(); err != nil {
		return c.afterwards(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fault != nil {
		return c.fault
	}
	if len(c.queue) == 0 {
		c.roundTrips.Add(1)
		c.asked = time.Now()
	}
	c.tagCount++
	cmd.tag = c.tagPrefix + strconv.Itoa(c.tagCount)
	c.queue = append(c.queue, cmd)
	return nil
}

// answered notes how long the answer that begins was awaited.
func (c *conn) answered() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asked.IsZero() {
		return
	}
	if took := time.Since(c.asked); c.quickest == 0 || took < c.quickest {
		c.quickest = took
	}
	c.asked = time.Time{}
}

// roundTrip is the shortest time in which an answer began to come, 0 if none has.
func (c *conn) roundTrip() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.quickest
}

// takePrelude gives the commands that ride along with the next burst.
func (c *conn) takePrelude() []*command {
	c.mu.Lock()
	defer c.mu.Unlock()
	prelude := c.prelude
	c.prelude = nil
	return prelude
}

// ride has a command sent with the next burst. Nobody waits for its answer.
func (c *conn) ride(cmd *command) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.prelude = append(c.prelude, cmd)
}

// nonSync is the size up to which literals need no wait (RFC 7888).
func (c *conn) nonSync() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.caps.has("LITERAL+"):
		return nonSyncMost
	case c.caps.has("LITERAL-"):
		return 4096
	}
	return 0
}

// dead gives the fault that ended the line, nil while it lives.
func (c *conn) dead() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fault
}

// cut kills the line because of a context or an error while writing, and gives
// the fault that everybody gets.
func (c *conn) cut(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		c.kill(interrupted(context.Cause(ctx)))
	} else {
		c.kill(c.lost(err))
	}
	return c.dead()
}

// brokenWrite ends a line that takes nothing any more. A server that is fed up
// says why and closes; that is heard before, because it may ask for a pause.
func (c *conn) brokenWrite(err error) {
	select {
	case <-c.stopWatch:
	case <-time.After(lastWords):
	}
	c.kill(c.lost(err))
}

// kill ends the line at once: nothing that is still in our buffers leaves
// (RST), and every command ends with the fault.
func (c *conn) kill(fault error) {
	c.out.close()
	c.mu.Lock()
	if c.fault != nil {
		c.mu.Unlock()
		return
	}
	c.fault, c.died = fault, time.Now()
	polite := c.polite
	close(c.stopWatch)
	c.mu.Unlock()
	if !polite {
		abort(c.net)
	}
	_ = c.net.Close()
}

// abort makes Close send RST, where the connection can.
func abort(network net.Conn) {
	for {
		if inner, ok := network.(interface{ NetConn() net.Conn }); ok {
			// A TLS close would wait to send its alert.
			network = inner.NetConn()
			continue
		}
		break
	}
	if tcp, ok := network.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = network.Close()
}

// lost is the fault for a line that broke, with the server's last words.
func (c *conn) lost(err error) error {
	c.mu.Lock()
	bye := c.bye
	c.mu.Unlock()
	var limits *wire.LimitError
	if errors.As(err, &limits) || errors.Is(err, wire.ErrStray) {
		return &migration.Fault{Class: migration.Again, Code: migration.CodeServerBug,
			Doing: "reading from " + c.options.Endpoint.Host, Err: err,
			Remedy: "The server sent something no IMAP server should send; look at a trace of this connection."}
	}
	if bye != "" || c.freshHint() != nil {
		return c.byeFault(bye)
	}
	return &migration.Fault{Class: migration.Again, Code: migration.CodeLost,
		Doing: "talking to " + c.options.Endpoint.Host, Err: err,
		Remedy: "The connection broke; it is tried again."}
}

// interrupted is the fault for a caller that did not want to wait any more.
func interrupted(err error) error {
	return &migration.Fault{Class: migration.Again, Code: migration.CodeInterrupted, Doing: "waiting for the server", Err: err, Remedy: remedyAgain}
}

// ended takes the command out of the queue and tells its caller. Only the
// reader's goroutine calls it.
func (c *conn) ended(cmd *command, err error) {
	c.mu.Lock()
	if i := slices.Index(c.queue, cmd); i >= 0 {
		c.queue = slices.Delete(c.queue, i, i+1)
	}
	c.mu.Unlock()
	cmd.err = err
	if cmd.admitted {
		c.budget.leave(1)
	}
	if cmd.finish != nil {
		cmd.finish(err)
	}
	close(cmd.done)
}

// endAll ends every command with the fault.
func (c *conn) endAll() {
	fault := c.dead()
	for {
		c.mu.Lock()
		if len(c.queue) == 0 {
			c.mu.Unlock()
			return
		}
		cmd := c.queue[0]
		c.mu.Unlock()
		c.ended(cmd, fault)
	}
}

// close leaves: politely when nothing is under way. The answer to LOGOUT is not
// awaited: it says nothing, and would cost a round trip.
func (c *conn) close() {
	if c.leave() {
		_ = c.net.SetWriteDeadline(time.Now().Add(politeness))
		c.trace("C: " + logout)
		_, _ = c.meter.Write([]byte(logout + "\r\n")) // the line ends either way
	}
	c.kill(&migration.Fault{Class: migration.Again, Code: migration.CodeInterrupted, Doing: "using a session that is closed", Remedy: remedyAgain})
	ended := make(chan struct{})
	go func() {
		c.background.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(politeness): // a callback is still busy elsewhere
	}
}

// leave reports whether nothing is under way, and if so keeps everybody from
// sending: every command was answered or has what it asked for, so that the sender has
// nothing left.
func (c *conn) leave() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	waiting := slices.ContainsFunc(c.queue, func(cmd *command) bool { return !cmd.isServed() })
	if c.polite = !waiting && c.fault == nil; c.polite {
		c.out.close()
	}
	return c.polite
}

// logout is the last command; its tag is like no other.
const logout = "bye LOGOUT"

// nonSyncMost is the largest literal that is sent without the server's leave: so
// much is wasted at most when it is refused.
const nonSyncMost = 1 << 20

// lastWords is how long a broken line is listened to.
const lastWords = time.Second

// politeness is how long the end may take.
const politeness = 2 * time.Second

// capabilities are what the server announced, upper case.
type capabilities []string

func (caps capabilities) has(name string) bool { return slices.Contains(caps, name) }

// value gives X of NAME=X, for the first such capability.
func (caps capabilities) value(name string) (string, bool) {
	for _, have := range caps {
		if value, found := strings.CutPrefix(have, name+"="); found {
			return value, true
		}
	}
	return "", false
}

// appendLimit is the largest message in bytes that the server takes in any
// folder (RFC 7889 section 2), 0 if it does not tell.
func (caps capabilities) appendLimit() int64 {
	value, _ := caps.value("APPENDLIMIT")
	most, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return 0
	}
	return most
}

// capabilities gives what the server last announced.
func (c *conn) capabilities() capabilities {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.caps
}

func (c *conn) setCapabilities(caps capabilities) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.caps = caps
}
