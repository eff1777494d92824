package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/relay"
	"github.com/mailhaul/mailhaul/internal/scheduler"
	"github.com/mailhaul/mailhaul/internal/secret"
	"github.com/mailhaul/mailhaul/internal/store"
	"github.com/mailhaul/mailhaul/rigs/effort"
	"github.com/mailhaul/mailhaul/rigs/postgresrig"
)

// nodeVariable holds the plan of a test binary that runs as a node.
const nodeVariable = "MAILHAUL_TEST_NODE"

type nodePlan struct {
	Name, Database, Dials string
	Key                   []byte
}

// clusterLease is short, so that many events fit into a test.
const clusterLease = 3 * time.Second

// TestNodeProcess is a node, when the test binary is started as one.
func TestNodeProcess(t *testing.T) {
	text := os.Getenv(nodeVariable)
	if text == "" {
		t.Skip("runs as a node of the cluster's test")
	}
	var plan nodePlan
	if err := json.Unmarshal([]byte(text), &plan); err != nil {
		t.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(t.Context(), syscall.SIGTERM)
	defer stop()
	if err := plan.run(ctx); err != nil {
		t.Fatal(err)
	}
}

func (p nodePlan) run(ctx context.Context) error {
	keys, err := secret.NewKeyring(p.Key)
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, p.Database, store.Options{Queue: true})
	if err != nil {
		return err
	}
	defer s.Close()
	dials, err := os.OpenFile(p.Dials, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer dials.Close()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil)).With("node", p.Name)
	r := newRunner(s, keys, log)
	r.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		line, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if task, ok := ctx.Value(taskKey{}).(scheduler.Task); ok && err == nil {
			fmt.Fprintf(dials, "%d %s %s %s %d\n", time.Now().UnixNano(), line.LocalAddr(), line.RemoteAddr(), task.Mailbox.Address, task.Mailbox.Lease.Generation)
		}
		return line, err
	}
	node, err := scheduler.New(scheduler.Options{Store: schedulerStore{s}, Queue: (&server{store: s}).queue(), Runner: knowing{r},
		Node: migration.Node{Name: p.Name, PID: os.Getpid()}, Lease: clusterLease, Slots: 3, Log: log})
	if err != nil {
		return err
	}
	if err := node.Start(ctx); err != nil {
		return err
	}
	fmt.Println("ready")
	gone := make(chan struct{})
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); close(gone) }() // the test has ended
	select {
	case <-ctx.Done():
	case <-gone:
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	err = node.Stop(ending)
	os.Stdin.Close()
	return err
}

// knowing has the dialler know what a connection is for.
type knowing struct{ *runner }

type taskKey struct{}

func (k knowing) Run(ctx context.Context, task scheduler.Task, progress func(migration.MailboxProgress)) scheduler.Outcome {
	return k.runner.Run(context.WithValue(ctx, taskKey{}, task), task, progress)
}

// cluster is three nodes in processes of their own, on one database that each
// reaches by a line of its own.
type cluster struct {
	*serving
	dir     string
	address string // of PostgreSQL
	nodes   []*member
	started int
	arrived arrivals
	worst   time.Duration // the longest take-over
	most    int           // mailboxes under way at one time
	extra   int           // messages that came later
}

// member is a node's process.
type member struct {
	name    string
	process *exec.Cmd
	line    *relay.Relay
	stdin   io.Closer
}

// arrivals are the messages that came to the target, in their order.
type arrivals struct {
	mu  sync.Mutex
	all []arrival
}

type arrival struct {
	remote, user string
	at           int64
}

func (a *arrivals) hook(e imapfake.Event) {
	if e.Point == imapfake.Arrived {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.all = append(a.all, arrival{e.Remote, e.User, time.Now().UnixNano()})
	}
}

func newCluster(t *testing.T, letters int) *cluster {
	c := &cluster{dir: t.TempDir()}
	migrations := 6
	c.serving = newServing(t, postgresrig.DatabaseT(t), servingOptions{mailboxes: 10, letters: letters, elsewhere: true, new: imapfake.Options{Hook: c.arrived.hook},
		endpoint: func(e *control.EndpointSpec) {
			e.Migrations, e.Incremental, e.Connections, e.MessagesPerSec = &migrations, &migrations, new(int), 80
			*e.Connections = 2
		}})
	parsed, err := url.Parse(c.database)
	c.must(err)
	c.address = parsed.Host
	for range 3 {
		c.nodes = append(c.nodes, c.launch())
	}
	t.Cleanup(func() {
		for _, m := range c.nodes {
			m.end(c)
		}
	})
	return c
}

// launch starts a node under a new name.
func (c *cluster) launch() *member {
	c.Helper()
	line, err := relay.Listen(c.address, relay.Options{})
	c.must(err)
	database, err := url.Parse(c.database)
	c.must(err)
	database.Host = line.Addr()
	c.started++
	m := &member{name: fmt.Sprintf("node%d", c.started), line: line}
	plan, err := json.Marshal(nodePlan{Name: m.name, Database: database.String(), Dials: filepath.Join(c.dir, m.name), Key: c.key})
	c.must(err)
	binary, err := os.Executable()
	c.must(err)
	m.process = exec.Command(binary, "-test.run=^TestNodeProcess$", "-test.timeout=30m")
	m.process.Env = append(os.Environ(), nodeVariable+"="+string(plan))
	log, err := os.Create(filepath.Join(c.dir, m.name+".log"))
	c.must(err)
	defer log.Close()
	m.process.Stderr = log
	m.stdin, err = m.process.StdinPipe()
	c.must(err)
	out, err := m.process.StdoutPipe()
	c.must(err)
	c.must(m.process.Start())
	if said, _ := bufio.NewReader(out).ReadString('\n'); said != "ready\n" {
		text, _ := os.ReadFile(log.Name())
		c.Fatalf("%s says %q\n%s", m.name, said, text)
	}
	return m
}

func (m *member) signal(s syscall.Signal) { _ = m.process.Process.Signal(s) }

func (m *member) end(c *cluster) {
	m.signal(syscall.SIGCONT)
	_ = m.stdin.Close()
	_ = m.process.Wait()
	_ = m.line.Close()
	if c.Failed() {
		text, _ := os.ReadFile(filepath.Join(c.dir, m.name+".log"))
		lines := strings.Split(string(text), "\n")
		c.Logf("%s:\n%s", m.name, strings.Join(lines[max(0, len(lines)-40):], "\n"))
	}
}

// look reads the mailboxes and sees to the limits.
func (c *cluster) look() []migration.MailboxRecord {
	c.Helper()
	rows := c.rows("pilot")
	running := 0
	for _, m := range rows {
		if m.Facts.Running != "" {
			running++
		}
	}
	if running > 6 {
		c.Errorf("%d mailboxes are under way where 6 may be", running)
	}
	c.most = max(c.most, running)
	return rows
}

// awaitWork waits until a node has mailboxes, and gives it and those that it has.
func (c *cluster) awaitWork() (victim int, held map[int64]int64) {
	c.Helper()
	c.await(time.Minute, "a node has a mailbox", func() bool {
		busy := false
		had := make([]map[int64]int64, len(c.nodes))
		for _, row := range c.look() {
			busy = busy || row.Facts.Running != "" || row.Facts.Phase == migration.Initial
			for n, m := range c.nodes {
				if strings.HasPrefix(row.Lease.Node, m.name+"#") && row.Facts.Begun {
					if had[n] == nil {
						had[n] = map[int64]int64{}
					}
					had[n][row.ID] = row.Lease.Generation
				}
			}
		}
		if !busy {
			c.more()
		}
		victim = rand.IntN(len(c.nodes))
		held = had[victim]
		return held != nil
	})
	return victim, held
}

// more brings new mail, so that there is work.
func (c *cluster) more() {
	c.Helper()
	for n := range c.mailboxes {
		for range 40 {
			c.extra++
			c.deliver(c.old.User(person(n)), n, 1_000_000+c.extra)
		}
	}
	c.do(c.service.SyncBatch, "pilot")
}

// awaitTakeOver waits until all of them are with another node, or done with, and
// notes how long that took.
func (c *cluster) awaitTakeOver(m *member, held map[int64]int64) {
	c.Helper()
	limit := clusterLease + time.Minute
	if effort.Alone() {
		limit = clusterLease + 15*time.Second
	}
	began := time.Now()
	c.await(limit, "the mailboxes of "+m.name+" are taken over", func() bool {
		for _, row := range c.look() {
			generation, was := held[row.ID]
			if was && row.Facts.Running != "" && (row.Lease.Generation == generation || !row.Facts.Begun) {
				return false
			}
		}
		return true
	})
	c.worst = max(c.worst, time.Since(began))
}

// strike has something happen to a node that is at work.
func (c *cluster) strike(event string) {
	c.Helper()
	victim, held := c.awaitWork()
	m := c.nodes[victim]
	switch event {
	case "kill":
		m.signal(syscall.SIGKILL)
		c.awaitTakeOver(m, held)
		_ = m.stdin.Close()
		_ = m.process.Wait()
		_ = m.line.Close()
		c.nodes[victim] = c.launch()
	case "freeze":
		m.signal(syscall.SIGSTOP)
		c.awaitTakeOver(m, held)
		m.signal(syscall.SIGCONT)
	case "cut":
		m.line.Sever()
		c.awaitTakeOver(m, held)
		m.line.Mend()
	}
}

func TestLongThreeNodesLoseAndDoubleNothingWhateverHappensToThem(t *testing.T) {
	effort.LeaveToLong(t)
	t.Parallel()
	events := 3
	if effort.Long() {
		events = 50
	}
	c := newCluster(t, 150+30*events)
	c.create("pilot")
	c.do(c.service.StartBatch, "pilot")
	kinds := []string{"kill", "freeze", "cut"}
	for n := range events {
		c.strike(kinds[n%len(kinds)])
	}
	for _, name := range []string{"old", "new"} {
		none := 0.0
		c.must(c.store.Change(t.Context(), "lifting the ceiling", func(tx *store.Tx) error {
			e, err := tx.Endpoint(name)
			if err != nil {
				return err
			}
			e.Limits.MessagesPerSecond = none
			return tx.SaveEndpoint(&e)
		}))
	}
	settled := func() bool {
		for _, m := range c.look() {
			if m.Facts.Phase == migration.Initial || m.Facts.Running != "" {
				return false
			}
		}
		return true
	}
	c.await(5*time.Minute, "all is copied", settled)
	for range 2 { // what arrived late is looked for in two passes
		passes := map[int64]int{}
		for _, m := range c.rows("pilot") {
			passes[m.ID] = m.Facts.Passes
		}
		c.do(c.service.SyncBatch, "pilot")
		c.await(2*time.Minute, "each has another pass", func() bool {
			for _, m := range c.look() {
				if m.Facts.Passes <= passes[m.ID] || m.Facts.Running != "" {
					return false
				}
			}
			return true
		})
	}
	c.expectSame()
	appended := c.checkHistory()
	t.Logf("%d events: %d messages came to the target, each mailbox from one owner at a time; slowest take-over %v (lease %v); at most %d of 6 under way",
		events, appended, c.worst.Round(time.Millisecond), clusterLease, c.most)
}

// checkHistory makes sure that once a message of a mailbox came from an owner, none
// came any more from an earlier one.
func (c *cluster) checkHistory() int {
	c.Helper()
	type owner struct {
		since      int64
		address    string
		generation int64
	}
	// A port is used again, also for another server at the same time.
	owners := map[string][]owner{}
	var target string
	c.must(c.store.View(c.Context(), "asking for the target", func(tx *store.Tx) error {
		e, err := tx.Endpoint("new")
		target = e.Address()
		return err
	}))
	files, err := filepath.Glob(filepath.Join(c.dir, "node*"))
	c.must(err)
	for _, name := range files {
		if strings.HasSuffix(name, ".log") {
			continue
		}
		text, err := os.ReadFile(name)
		c.must(err)
		for line := range strings.Lines(string(text)) {
			var local, remote string
			var o owner
			if _, err := fmt.Sscanf(line, "%d %s %s %s %d", &o.since, &local, &remote, &o.address, &o.generation); err == nil && remote == target {
				owners[local] = append(owners[local], o)
			}
		}
	}
	c.arrived.mu.Lock()
	defer c.arrived.mu.Unlock()
	latest := map[string]int64{}
	for _, a := range c.arrived.all {
		var o owner
		for _, dialled := range owners[a.remote] {
			if dialled.since <= a.at && dialled.since > o.since {
				o = dialled
			}
		}
		if o.address != a.user {
			c.Errorf("a message of %s came from %s, which is %+v", a.user, a.remote, o)
			continue
		}
		if o.generation < latest[a.user] {
			c.Errorf("%s: a message came from its owner %d after one from %d", a.user, o.generation, latest[a.user])
		}
		latest[a.user] = max(latest[a.user], o.generation)
	}
	return len(c.arrived.all)
}
