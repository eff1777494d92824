package crashtest

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/relay"
	"github.com/mailhaul/mailhaul/internal/store"
	"github.com/mailhaul/mailhaul/rigs/effort"
)

// cutters is how many cuts are tried at a time: each mostly waits.
const cutters = 48

// cutBench is where one message is copied over a line that is cut.
type cutBench struct {
	source  *fake
	target  cutTarget
	ledgers *store.Store
	message letter
	// appendAt and appendEnd are the bytes of the APPEND in what a client sends
	// on its connection, answerAt and answerEnd those of its answer in what it
	// receives.
	appendAt, appendEnd, answerAt, answerEnd int
	// struck counts the cuts that came to pass.
	struck atomic.Int64
}

// cutTarget is a server to which the message goes.
type cutTarget struct {
	addr string
	// enter makes a user; holds is an error unless the user's INBOX holds
	// exactly the message.
	enter func(user string)
	holds func(user string, message letter) error
}

// cut is one place to break the line.
type cut struct {
	direction relay.Direction
	after     int
	action    relay.Action
}

func (c cut) String() string { return fmt.Sprintf("%s-%s-%d", c.direction, c.action, c.after) }

func newCutBench(t *testing.T, target cutTarget) *cutBench {
	t.Helper()
	b := &cutBench{source: startFake(t, imapfake.Options{}), target: target, ledgers: openStore(t)}
	b.message = newCorpus(1).big("INBOX", 2100)
	b.message.flags = []string{`\Flagged`, `\Seen`}
	b.probe(t)
	return b
}

// fakeTarget is a server in memory.
func fakeTarget(t *testing.T, p imapfake.Personality) cutTarget {
	t.Helper()
	server, wanted := startFake(t, imapfake.Options{Personality: p}), imapfake.New(imapfake.Options{Personality: p})
	return cutTarget{
		addr:  server.addr,
		enter: func(user string) { server.AddUser(user, password) },
		holds: func(user string, message letter) error {
			box := wanted.AddUser(user, password)
			post(box, message)
			return differencesOf(box, server.User(user))
		},
	}
}

// realTarget is a real server, read by a client that is not ours.
func realTarget(s realServer) func(t *testing.T) cutTarget {
	return func(t *testing.T) cutTarget {
		rigs(t)
		server := s.start(t)
		return cutTarget{
			addr:  server.Addr(),
			enter: func(string) {},
			holds: func(user string, message letter) error {
				found, err := census(context.Background(), server.Addr(), user, password, "INBOX")
				if err != nil {
					return err
				}
				if want := map[print]int{printOf(message): 1}; !maps.Equal(found, want) {
					return fmt.Errorf("INBOX holds %v, want %v", found, want)
				}
				return nil
			},
		}
	}
}

// probe copies the message once over a whole line and learns where the bytes of
// the APPEND and of its answer are.
func (b *cutBench) probe(t *testing.T) {
	t.Helper()
	seen := &tap{}
	if err := b.copyOver(userName(0), nil, seen); err != nil {
		t.Fatal(err)
	}
	sent, answers := seen.sent.Bytes(), seen.received.Bytes()
	at := bytes.Index(sent, []byte(" APPEND "))
	if at < 0 {
		t.Fatal("the target saw no APPEND")
	}
	b.appendAt = bytes.LastIndexByte(sent[:at], '\n') + 1
	tag := string(sent[b.appendAt:at])
	b.appendEnd = at + bytes.Index(sent[at:], b.message.raw) + len(b.message.raw) + len("\r\n")
	b.answerAt = bytes.Index(answers, []byte("\r\n"+tag+" ")) + len("\r\n")
	b.answerEnd = b.answerAt + bytes.IndexByte(answers[b.answerAt:], '\n') + 1
	if !bytes.Contains(sent[at:b.appendEnd], []byte("+}\r\n")) {
		// The server was asked for leave to send the literal.
		b.answerAt = bytes.LastIndex(answers[:b.answerAt], []byte("\r\n+ ")) + len("\r\n")
	}
}

// cuts are all places: every byte of the command and of the answer, by FIN and
// by RST; step takes only some of them.
func (b *cutBench) cuts(step int) []cut {
	var all []cut
	for _, action := range []relay.Action{relay.CutFIN, relay.CutRST} {
		for n := b.appendAt; n <= b.appendEnd; n += step {
			all = append(all, cut{relay.Up, n, action})
		}
		for n := b.answerAt; n <= b.answerEnd; n += max(1, step/8) {
			all = append(all, cut{relay.Down, n, action})
		}
		// The last bytes matter most: they decide whether the message exists.
		for n := b.appendEnd - 4; step > 1 && n <= b.appendEnd; n++ {
			all = append(all, cut{relay.Up, n, action})
		}
	}
	return all
}

// copyOver copies the message to a new user over a line with a fault on its
// first connection, and compares.
func (b *cutBench) copyOver(user string, c *cut, seen *tap) error {
	post(b.source.AddUser(user, password), b.message)
	b.target.enter(user)
	line, err := relay.Listen(b.target.addr, relay.Options{})
	if err != nil {
		return err
	}
	defer line.Close()
	if c != nil {
		line.SetFaults(relay.Fault{Connection: 1, Direction: c.direction, After: int64(c.after), Action: c.action})
	}
	ledger, err := b.ledgers.Mailbox(context.Background(), user, "target")
	if err != nil {
		return err
	}
	job := jobFor(optionsFor(b.source.addr, user), seen.on(optionsFor(line.Addr(), user)), ledger)
	job.Connections = 1
	summary, err := run(job)
	if err != nil {
		return err
	}
	if summary.Messages.Copied != 1 {
		return fmt.Errorf("copied counts %d, want 1", summary.Messages.Copied)
	}
	if again, err := run(job); err != nil || again.Messages.Copied != 0 {
		return fmt.Errorf("one more pass copied %d, %w", again.Messages.Copied, err)
	}
	if c != nil {
		if err := b.struckBy(*c, line); err != nil {
			return err
		}
	}
	return b.target.holds(user, b.message)
}

// struckBy makes sure that the line was cut, if it got as far as that: the answer
// is now and then some bytes shorter than the probe's, and the client leaves.
func (b *cutBench) struckBy(c cut, line *relay.Relay) error {
	if err := line.Close(); err != nil {
		return err
	}
	stats := line.Stats()
	carried := stats.Up
	if c.direction == relay.Down {
		carried = stats.Down
	}
	if stats.Faults == 1 {
		b.struck.Add(1)
	} else if carried >= int64(c.after) {
		return fmt.Errorf("the line was not cut: %+v", stats)
	}
	return nil
}

// differencesOf is an error that lists the differences, nil without any.
func differencesOf(source, target *imapfake.Mailbox) error {
	var lines []string
	for _, d := range imapfake.Compare(source, target, imapfake.CompareOptions{IgnoreFolders: true}) {
		lines = append(lines, d.String())
	}
	if len(lines) > 0 {
		return fmt.Errorf("%s", strings.Join(lines, "; "))
	}
	return nil
}

// try runs all cuts, several at a time.
func (b *cutBench) try(t *testing.T, cuts []cut) {
	t.Helper()
	started := time.Now()
	queue := make(chan int)
	var all sync.WaitGroup
	for range cutters {
		all.Go(func() {
			for i := range queue {
				if err := b.copyOver(userName(i+1), &cuts[i], &tap{}); err != nil {
					t.Errorf("%s: %v", cuts[i], err)
				}
			}
		})
	}
	for i := range cuts {
		queue <- i
	}
	close(queue)
	all.Wait()
	struck := int(b.struck.Load())
	t.Logf("%d cuts of %d in %v", struck, len(cuts), time.Since(started).Round(time.Millisecond))
	if struck < len(cuts)*9/10 {
		t.Errorf("only %d of %d lines were cut", struck, len(cuts))
	}
}

// cutTargets differ in what a cut means to them: non-synchronising literals,
// synchronising ones, a commit before the command's end, and real servers.
var cutTargets = []struct {
	name string
	make func(*testing.T) cutTarget
	// some takes every so manieth byte in the quick test, all in the long one.
	some, all int
}{
	{"LITERAL+", func(t *testing.T) cutTarget { return fakeTarget(t, imapfake.Generic()) }, 101, 1},
	{"synchronising literals", func(t *testing.T) cutTarget { return fakeTarget(t, imapfake.Minimal()) }, 101, 1},
	{"commit at the literal", func(t *testing.T) cutTarget { return fakeTarget(t, imapfake.Courier()) }, 101, 1},
	{"Dovecot", realTarget(dovecot), 211, 5},
	{"Cyrus", realTarget(cyrus), 401, 5},
	{"Courier", realTarget(courier), 401, 5},
}

func TestCutAtAByteOfAnAppendLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	for _, target := range cutTargets {
		t.Run(target.name, func(t *testing.T) {
			b := newCutBench(t, target.make(t))
			b.try(t, b.cuts(target.some*sparser()))
		})
	}
}

func TestLongCutAtEveryByteOfAnAppendLosesAndDoublesNothing(t *testing.T) {
	effort.NeedLong(t)
	for _, target := range cutTargets {
		t.Run(target.name, func(t *testing.T) {
			t.Parallel()
			b := newCutBench(t, target.make(t))
			b.try(t, b.cuts(target.all))
		})
	}
}
