package hostiletest

import (
	"bytes"
	"encoding/json"
	"fmt"
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
)

const (
	// healthyMessages are in the folder of the healthy sessions, each of
	// healthySize bytes.
	healthyMessages = 100
	healthySize     = 4 << 10
	// attackMost is how long one attack may take.
	attackMost = 5 * time.Minute
	// slowdownMost is how much slower the healthy sessions may become while
	// the attack has its share of a small and busy machine.
	slowdownMost = 25
)

// The bars for the growth of resident memory, in KiB.
const (
	tight = 4 << 10
	wide  = 32 << 10
)

func TestHostileServersAreBorne(t *testing.T) { bear(t, false) }

func TestLongHostileServersAreBorne(t *testing.T) {
	long(t)
	bear(t, true)
}

// bear has a child process attacked in every way.
func bear(t *testing.T, full bool) {
	healthy := healthyServer(t)
	rounds := 2
	if full {
		rounds = 20
	}
	var table report
	fmt.Fprintf(&table, "%-58s %10s %8s %9s %6s  %s\n", "attack", "growth KiB", "bar KiB", "time", "ratio", "ends with")
	t.Run("attacks", func(t *testing.T) {
		for _, a := range attacks() {
			t.Run(a.name, func(t *testing.T) {
				if a.patience > 0 {
					t.Parallel() // they mostly wait
				}
				a.bear(t, full, healthy, rounds, &table)
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
func (a attack) bear(t *testing.T, full bool, healthy string, rounds int, table *report) {
	server := a.listen(t, full)
	p := plan{Evil: server.address, Healthy: healthy, Operation: a.operation, Compress: a.compress, Idle: 20 * time.Second, Slow: 20 * time.Second, Rounds: rounds}
	if a.patience > 0 {
		p.Idle, p.Slow = a.patience, a.patience
	}
	o := p.spawn(t)
	server.close()
	growth := o.PeakKiB - o.BaseKiB
	ratio := float64(o.During) / float64(o.Before)
	fmt.Fprintf(table, "%-58s %10d %8d %8.2fs %6.2f  %s %s\n", a.name, growth, a.bar, o.Attack.Seconds(), ratio, o.Class, o.Code)
	if o.Class != a.class || o.Code != a.code {
		t.Errorf("it ends with %q, %q (%s), want %q, %q", o.Class, o.Code, o.Error, a.class, a.code)
	}
	if !raced && growth > a.bar {
		t.Errorf("it took %d KiB of memory, want at most %d", growth, a.bar)
	}
	if o.Healthy != "" || ratio > slowdownMost {
		t.Errorf("the healthy sessions suffered: %s, %.1f times as long", o.Healthy, ratio)
	}
}

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

// spawn runs the plan in a child process.
func (p plan) spawn(t *testing.T) outcome {
	t.Helper()
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(slices.Clone(os.Environ()), victimVariable+"="+string(text))
	var talk bytes.Buffer
	child.Stderr = &talk
	watch := time.AfterFunc(attackMost, func() { _ = child.Process.Signal(os.Interrupt) })
	defer watch.Stop()
	out, err := child.Output()
	if err != nil {
		t.Fatalf("the child ended with %v: %.3000s", err, talk.String())
	}
	var o outcome
	if err := json.Unmarshal(out, &o); err != nil {
		t.Fatal(err)
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
	bar          int64
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
