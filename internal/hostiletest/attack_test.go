package hostiletest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/rigs/effort"
)

const (
	// healthyMessages are in the folder of the healthy sessions, each of
	// healthySize bytes.
	healthyMessages = 100
	healthySize     = 4 << 10
	// attackMost is how long one attack may take.
	attackMost = 5 * time.Minute
	// slowdownMost is how much slower the healthy sessions may become, compared
	// with what a healthy neighbour that fetches all the time costs them: that
	// takes its share of a small machine too. A busy minute of the machine is
	// forgiven nine times.
	slowdownMost  = 1.5
	slowdownTries = 10
)

// The bars for the growth of resident memory, in KiB.
const (
	tight = 4 << 10
	wide  = 32 << 10
)

func TestHostileServersAreBorne(t *testing.T) { bear(t, false) }

func TestLongHostileServersAreBorne(t *testing.T) {
	effort.NeedLong(t)
	bear(t, true)
}

// bear has a child process attacked in every way: at full size a new one each
// time.
func bear(t *testing.T, full bool) {
	var table report
	fmt.Fprintf(&table, "%-58s %10s %8s %9s %6s  %s\n", "attack", "growth KiB", "bar KiB", "time", "ratio", "ends with")
	healthy := healthyServer(t)
	t.Run("attacks", func(t *testing.T) {
		shared := spawn(t, healthy)
		for _, a := range attacks() {
			t.Run(a.name, func(t *testing.T) {
				if a.heavy {
					effort.LeaveToLong(t)
				}
				if a.patience > 0 {
					t.Parallel() // they mostly wait
				}
				v := shared
				if full || a.patience > 0 {
					v = spawn(t, healthy)
				}
				a.bear(t, full, v, &table)
			})
		}
	})
	t.Log("\n" + table.String())
}

// report collects the lines of tests that may run at the same time.
type report struct {
	mu sync.Mutex
	strings.Builder
}

func (r *report) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.Builder.Write(p)
}

// bear has a child attacked, and looks at what it took.
func (a attack) bear(t *testing.T, full bool, v *victim, table *report) {
	o := a.strike(t, full, v)
	growth := o.PeakKiB - o.BaseKiB
	fmt.Fprintf(table, "%-58s %10d %8d %8.2fs %6.2f  %s %s\n", a.name, growth, a.bar, o.Attack.Seconds(), o.slowdown(), o.Class, o.Code)
	if o.Class != a.class || o.Code != a.code {
		t.Errorf("it ends with %q, %q (%s), want %q, %q", o.Class, o.Code, o.Error, a.class, a.code)
	}
	if !raced && growth > a.bar {
		t.Errorf("it took %d KiB of memory, want at most %d", growth, a.bar)
	}
	if o.Healthy != "" {
		t.Errorf("the healthy sessions suffered: %s", o.Healthy)
	}
	if full && a.patience == 0 {
		a.slowsNobody(t, v, o)
	}
}

// strike has the child attacked once.
func (a attack) strike(t *testing.T, full bool, v *victim) outcome {
	t.Helper()
	server := a.listen(t, full)
	defer server.close()
	p := plan{Evil: server.address, Operation: a.operation, Compress: a.compress, Idle: 20 * time.Second, Slow: 20 * time.Second, Rounds: effort.Of(1, 2), Folders: 5000}
	if full {
		p.Rounds, p.Folders = 20, 0
	}
	if a.patience > 0 {
		p.Idle, p.Slow = a.patience, a.patience
	}
	return v.suffer(t, p)
}

// slowsNobody compares what the attack costs the healthy sessions with what a
// healthy neighbour does.
func (a attack) slowsNobody(t *testing.T, v *victim, o outcome) {
	t.Helper()
	for try := 1; o.slowdown() > slowdownMost; try++ {
		beside := neighbour().strike(t, true, v)
		if o.slowdown() <= slowdownMost*beside.slowdown() {
			return
		}
		if try == slowdownTries {
			t.Errorf("the healthy sessions took %.2f times as long, %.2f times beside a healthy neighbour", o.slowdown(), beside.slowdown())
			return
		}
		o = a.strike(t, true, v)
	}
}

// neighbour is no attack: it fetches large messages as long as the others are at
// work.
func neighbour() attack {
	return attack{name: "a healthy neighbour", operation: fetching, do: func(a *attacker) {
		for uid := range 3 {
			a.say(fmt.Sprintf("* %d FETCH (UID %d BODY[] {1073741824}\r\n", uid+1, uid+1))
			a.bytes("x", 1<<30)
			a.say(")\r\n")
		}
	}}
}

// slowdown is how many times as long the healthy sessions took.
func (o outcome) slowdown() float64 { return float64(o.During) / float64(o.Before) }

// healthyServer is the server of the sessions that must not suffer.
func healthyServer(t *testing.T) string {
	t.Helper()
	server := imapfake.New(imapfake.Options{})
	t.Cleanup(server.Close)
	mailbox := server.AddUser("anna", "p")
	body := append([]byte("Subject: x\r\n\r\n"), bytes.Repeat([]byte("x"), healthySize)...)
	for range healthyMessages {
		mailbox.Deliver("INBOX", body, time.Unix(1_700_000_000, 0))
	}
	address, err := server.Listen()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// victim is a child process.
type victim struct {
	process *exec.Cmd
	plans   io.WriteCloser
	reports *json.Decoder
	talk    bytes.Buffer
}

// spawn starts a child process, which ends with the test.
func spawn(t *testing.T, healthy string) *victim {
	t.Helper()
	v := &victim{process: exec.Command(os.Args[0])}
	v.process.Env = append(slices.Clone(os.Environ()), victimVariable+"="+healthy)
	v.process.Stderr = &v.talk
	out, err := v.process.StdoutPipe()
	if err == nil {
		v.plans, err = v.process.StdinPipe()
	}
	if err == nil {
		err = v.process.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	v.reports = json.NewDecoder(out)
	t.Cleanup(func() {
		_ = v.plans.Close()
		if err := v.process.Wait(); err != nil {
			t.Errorf("the child ended with %v: %.3000s", err, v.talk.String())
		}
	})
	return v
}

// suffer has the child carry out a plan.
func (v *victim) suffer(t *testing.T, p plan) (o outcome) {
	t.Helper()
	watch := time.AfterFunc(attackMost, func() { _ = v.process.Process.Signal(os.Interrupt) })
	defer watch.Stop()
	err := json.NewEncoder(v.plans).Encode(p)
	if err == nil {
		err = v.reports.Decode(&o)
	}
	if err != nil {
		t.Fatalf("the child has ended: %v", err)
	}
	return o
}

// attack is one way to be evil.
type attack struct {
	name      string
	operation operation
	// capabilities are announced in the greeting, unless bare, which leaves
	// the greeting to do.
	capabilities string
	bare         bool
	compress     bool
	patience     time.Duration
	// heavy ones take long where races are looked for; make test-long has them.
	heavy bool
	bar   int64
	// class and code of the fault; none when the call must succeed.
	class migration.Class
	code  string
	do    func(*attacker)
}

// listen serves the attack to the first who connects.
func (a attack) listen(t *testing.T, full bool) *attacker {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &attacker{address: listener.Addr().String(), listener: listener, full: full, ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		s.begin(conn)
		if !a.bare {
			s.say("* OK [CAPABILITY IMAP4rev1 " + a.capabilities + "] hello\r\n")
			s.hear()
		}
		a.do(s)
		s.end()
	}()
	return s
}
