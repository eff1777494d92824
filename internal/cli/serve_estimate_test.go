package cli

import (
	"context"
	"crypto/rand"
	"fmt"
	"math"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/scheduler"
	"github.com/mailhaul/mailhaul/internal/secret"
	"github.com/mailhaul/mailhaul/internal/store"
	"github.com/mailhaul/mailhaul/rigs/effort"
)

// simulated is a source with known limits, and what is to be moved from it.
type simulated struct {
	// latency is that of a line in each direction; perLine and inAll are the bytes a
	// second that a line and all lines to the source carry, 0 for any.
	latency        time.Duration
	perLine, inAll float64
	target         imapfake.Options
	// pilot and all are how many mailboxes are in the two batches, atATime how many are
	// copied at a time.
	pilot, all, atATime int
	// letters are how many the n-th mailbox holds, and of how many bytes each.
	letters func(n int) (count, size int)
	// sizes has the estimate know what each mailbox of all holds.
	sizes bool
	// rate is what the estimate is told of inAll.
	rate int64
}

// alike are mailboxes that differ little.
func alike(count, size int) func(int) (int, int) {
	return func(n int) (int, int) { return count*(80+n*7%40)/100 + 1, size }
}

func TestAnEstimateIsWithinAFifthOfWhatItTakes(t *testing.T) {
	t.Parallel()
	estimates(t, func(s simulated) bool { return s.pilot == 8 && !(s.sizes && effort.Quick()) })
}

func TestLongAnEstimateIsWithinAFifthOfWhatItTakes(t *testing.T) {
	effort.NeedLong(t)
	t.Parallel()
	estimates(t, func(simulated) bool { return true })
}

// estimates has the whole service copy a pilot batch, asks how long all others take, and
// has it copy them: by the clock of a bubble, in which lines have the rates and latencies
// that they are given.
func estimates(t *testing.T, takes func(simulated) bool) {
	t.Helper()
	throttling := imapfake.ExchangeOnline()
	throttling.Limits.Throttle = &imapfake.Throttle{Commands: []string{"APPEND"}, Burst: 30, PerSecond: 4, Backoff: 130 * time.Second,
		Answer: "NO Request is throttled. Suggested Backoff Time: %d milliseconds"}
	for name, s := range map[string]simulated{
		"each line carries 32 kB a second":          {perLine: 32e3, pilot: 8, all: 24, atATime: 8, letters: alike(40, 20_000)},
		"the servers are far":                       {latency: 400 * time.Millisecond, pilot: 6, all: 24, atATime: 6, letters: alike(300, 400)},
		"the source carries 200 kB a second in all": {inAll: 200e3, pilot: 4, all: 24, atATime: 8, letters: alike(40, 10_000), rate: 200e3},
		"the target asks for pauses":                {target: imapfake.Options{Personality: throttling}, pilot: 6, all: 18, atATime: 6, letters: alike(80, 500)},
		"every eighth mailbox is twelve times as large": {perLine: 64e3, pilot: 8, all: 40, atATime: 8, sizes: true, letters: func(n int) (int, int) {
			if n%8 == 5 {
				return 240, 10_000
			}
			return 20 + n%5, 10_000
		}},
	} {
		if !takes(s) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				r := newRehearsal(t, s)
				pilot := r.move("pilot", 0, s.pilot)
				query := control.EstimateQuery{Mailboxes: s.all, Rate: s.rate}
				if s.sizes {
					query.Mailboxes, query.Sizes = 0, r.sizes()
				}
				e, err := r.service.Estimate(t.Context(), boss, "pilot", query)
				r.must(err)
				real := r.move("all", s.pilot, s.all)
				off := float64(e.Seconds)/real.Seconds() - 1
				t.Logf("pilot %v; estimated %v (%v to %v, decided by %s), took %v: %+.1f %%; %v in the bubble", pilot, time.Duration(e.Seconds)*time.Second,
					time.Duration(e.Low)*time.Second, time.Duration(e.High)*time.Second, e.Limit, real, 100*off, time.Since(began))
				if math.Abs(off) > 0.2 {
					t.Errorf("the estimate is off by %.0f %%: %+v", 100*off, e)
				}
			})
		})
	}
}

// rehearsal is the service between two servers in a bubble.
type rehearsal struct {
	serving
	simulated
	inAll *carrier
	lines sync.WaitGroup
}

func newRehearsal(t *testing.T, s simulated) *rehearsal {
	t.Helper()
	r := &rehearsal{simulated: s, inAll: &carrier{rate: s.inAll}}
	r.serving = serving{T: t, key: make([]byte, secret.KeySize), old: imapfake.New(imapfake.Options{Personality: imapfake.Dovecot()}), new: imapfake.New(s.target)}
	_, _ = rand.Read(r.key)
	t.Cleanup(func() { r.old.Close(); r.new.Close(); r.lines.Wait() })
	for n := range s.pilot + s.all {
		box := r.old.AddUser(person(n), "old-"+person(n))
		r.new.AddUser(person(n), "new-"+person(n))
		count, size := s.letters(n)
		for i := range count {
			box.Deliver([]string{"INBOX", "INBOX", "Work"}[i%3], letterOf(size, i), time.Unix(1_700_000_000+int64(i), 0))
		}
	}
	var err error
	r.store, err = store.Open(t.Context(), filepath.Join(t.TempDir(), "mailhaul.db"), store.Options{Queue: true})
	r.must(err)
	t.Cleanup(func() { _ = r.store.Close() })
	r.keys, err = secret.NewKeyring(r.key)
	r.must(err)
	r.service = control.New(control.Options{Store: controlStore{r.store}, Keys: r.keys, Ledgers: ledgers{r.store}, Scrub: r.store.Scrub, Wake: func() { r.node.Wake() }})
	r.must(r.service.Prepare(t.Context()))
	two := 2
	for _, name := range []string{"old", "new"} {
		_, err := r.service.CreateEndpoint(t.Context(), boss, control.EndpointSpec{Name: name, Host: name + ".example.org", Security: string(migration.Cleartext), AllowCleartext: true,
			Migrations: &s.atATime, Incremental: &two, Connections: &two}, true)
		r.must(err)
	}
	r.node = r.play("a", func(o *scheduler.Options) { o.Runner.(*runner).dial = r.dial })
	return r
}

// dial makes a line to one of the servers.
func (r *rehearsal) dial(_ context.Context, _, address string) (net.Conn, error) {
	server, shared := r.new, (*carrier)(nil)
	if strings.HasPrefix(address, "old.") {
		server, shared = r.old, r.inAll
	}
	near, far := r.line(shared)
	r.lines.Go(func() { server.Serve(far) })
	return near, nil
}

// move copies a batch of so many mailboxes from the first on, and gives how long their
// initial copies took.
func (r *rehearsal) move(name string, first, mailboxes int) time.Duration {
	r.Helper()
	rows := "EmailAddress,UserName,Password,TargetPassword\n"
	for n := first; n < first+mailboxes; n++ {
		rows += fmt.Sprintf("%s,%s,old-%s,new-%s\n", person(n), person(n), person(n), person(n))
	}
	_, err := r.service.CreateBatch(r.Context(), boss, control.BatchSpec{Name: name, Source: "old", Target: "new"}, strings.NewReader(rows))
	r.must(err)
	r.do(r.service.StartBatch, name)
	began := time.Now()
	for b := r.record(name); b.InitialDone.IsZero(); b = r.record(name) {
		if time.Since(began) > 12*time.Hour {
			r.Fatalf("%s is not done\n%s", name, r.overview())
		}
		time.Sleep(time.Second) // by the clock of the bubble
	}
	var done time.Time
	for _, m := range r.rows(name) {
		if count, _ := r.simulated.letters(first + m.Row - 2); m.Progress.Moved != int64(count) {
			r.Errorf("%s: %d of %d messages moved", m.Address, m.Progress.Moved, count)
		}
		if m.InitialDone.After(done) {
			done = m.InitialDone
		}
	}
	return done.Sub(began)
}

// sizes are what the mailboxes of all hold, as a survey tells.
func (r *rehearsal) sizes() (sizes []migration.MailboxSize) {
	for n := r.simulated.pilot; n < r.simulated.pilot+r.simulated.all; n++ {
		count, size := r.simulated.letters(n)
		sizes = append(sizes, migration.MailboxSize{Messages: int64(count), Bytes: int64(count * size)})
	}
	return sizes
}

// carrier is what carries so many bytes a second, one after the other; 0 is any.
type carrier struct {
	mu   sync.Mutex
	rate float64
	free time.Time
}

// carry waits until so many bytes are through.
func (c *carrier) carry(n int) {
	if c == nil || c.rate == 0 {
		return
	}
	c.mu.Lock()
	if now := time.Now(); c.free.Before(now) {
		c.free = now
	}
	c.free = c.free.Add(time.Duration(float64(n) / c.rate * float64(time.Second)))
	left := time.Until(c.free)
	c.mu.Unlock()
	time.Sleep(left) // by the clock of the bubble
}

// line makes the two ends of a line. What the server sends takes its time.
func (r *rehearsal) line(shared *carrier) (near, far net.Conn) {
	nearIn, toNear := net.Pipe()
	farIn, toFar := net.Pipe()
	own := &carrier{}
	if shared != nil {
		own.rate = r.perLine
	}
	up, down := make(chan parcel, 1<<10), make(chan parcel, 1<<10)
	n, f := &lineEnd{Conn: nearIn, out: up, left: make(chan struct{}), latency: r.latency}, &lineEnd{Conn: farIn, out: down, left: make(chan struct{}), latency: r.latency}
	r.lines.Go(func() { deliver(up, n.left, toFar) })
	r.lines.Go(func() { deliver(down, f.left, toNear, own, shared) })
	return n, f
}

// parcel are bytes on their way, and when they are due.
type parcel struct {
	bytes []byte
	due   time.Time
}

// lineEnd is an end of a line.
type lineEnd struct {
	net.Conn // what comes in
	out      chan parcel
	once     sync.Once
	left     chan struct{} // closed when it is
	latency  time.Duration
}

// Write sends piece by piece.
func (e *lineEnd) Write(p []byte) (n int, err error) {
	for n < len(p) {
		part := p[n:min(n+4096, len(p))]
		select {
		case <-e.left:
			return n, net.ErrClosed
		case e.out <- parcel{append([]byte(nil), part...), time.Now().Add(e.latency)}:
			n += len(part)
		}
	}
	return n, nil
}

// Close ends both directions; what is under way still arrives.
func (e *lineEnd) Close() error {
	e.once.Do(func() { close(e.left) })
	return e.Conn.Close()
}

// deliver brings parcels to the other end, until whoever sends them has left.
func deliver(parcels <-chan parcel, left <-chan struct{}, to net.Conn, carriers ...*carrier) {
	defer to.Close()
	for {
		var p parcel
		select {
		case p = <-parcels:
		case <-left:
			select {
			case p = <-parcels:
			default:
				return
			}
		}
		for _, c := range carriers {
			c.carry(len(p.bytes))
		}
		time.Sleep(time.Until(p.due)) // by the clock of the bubble
		if _, err := to.Write(p.bytes); err != nil {
			<-left // nobody listens any more
			return
		}
	}
}
