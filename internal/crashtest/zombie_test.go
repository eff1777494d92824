package crashtest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/relay"
	"github.com/mailhaul/mailhaul/internal/store"
)

// grave is where bytes of a dead connection rise again. The client gives up a
// connection after patience without an answer.
type grave struct {
	source, target *fake
	ledgers        *store.Store
	letters        []letter
	// appendAt is where the first APPEND begins in what a client sends.
	appendAt, appendEnd int
}

const patience = 800 * time.Millisecond

func newGrave(t *testing.T, p imapfake.Personality) *grave {
	t.Helper()
	g := &grave{
		source:  startFake(t, imapfake.Options{}),
		target:  startFake(t, imapfake.Options{Personality: p, Record: imapfake.RecordOptions{Keep: true}}),
		ledgers: openStore(t),
		letters: slices.DeleteFunc(newCorpus(5).odd(), func(l letter) bool { return l.folder != "INBOX" }),
	}
	job, _, line := g.dig(t, 0, nil)
	mustRun(t, job)
	_ = line.Close()
	for _, transcript := range g.target.Recorded() {
		if at := bytes.Index(transcript.Received, []byte(" APPEND ")); at >= 0 {
			g.appendAt = bytes.LastIndexByte(transcript.Received[:at], '\n') + 1
			g.appendEnd = len(transcript.Received)
			return g
		}
	}
	t.Fatal("the target saw no APPEND")
	return nil
}

// dig makes a user with mail, and a job over a line with a fault on its first
// connection.
func (g *grave) dig(t *testing.T, n int, fault *relay.Fault) (mailsync.Job, string, *relay.Relay) {
	t.Helper()
	user := userName(n)
	post(g.source.AddUser(user, password), g.letters...)
	g.target.AddUser(user, password)
	line, err := relay.Listen(g.target.addr, relay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { line.Close() })
	if fault != nil {
		fault.Connection = 1
		line.SetFaults(*fault)
	}
	target := optionsFor(line.Addr(), user)
	target.Timeouts.Idle = patience
	job := jobFor(optionsFor(g.source.addr, user), target, ledgerOf(t, g.ledgers, user))
	job.Connections = 1
	return job, user, line
}

// places are where the bytes begin to be held: before, in and at the end of the
// first message, and near the end of all.
func (g *grave) places() []int {
	return []int{g.appendAt, g.appendAt + 20, g.appendAt + 60, (g.appendAt + g.appendEnd) / 2, g.appendEnd - 30}
}

func TestZombieAppendWithinTheSettleTimeIsAdopted(t *testing.T) {
	t.Parallel()
	g := newGrave(t, imapfake.Generic())
	for i, at := range g.places()[1:4] {
		t.Run(fmt.Sprint("byte ", at), func(t *testing.T) {
			t.Parallel()
			job, user, _ := g.dig(t, i+1, &relay.Fault{Direction: relay.Up, After: int64(at), Action: relay.Hold, Hold: patience + 300*time.Millisecond})
			job.Settle = 2 * time.Second
			mustRun(t, job)
			expectSame(t, g.source.User(user), g.target.User(user), imapfake.CompareOptions{})
			expectIdle(t, job)
		})
	}
}

func TestZombieAppendAfterTheSettleTimeIsRemovedByTheNextPass(t *testing.T) {
	t.Parallel()
	g := newGrave(t, imapfake.Generic())
	for i, at := range g.places() {
		t.Run(fmt.Sprint("byte ", at), func(t *testing.T) {
			t.Parallel()
			job, user, line := g.dig(t, i+1, &relay.Fault{Direction: relay.Up, After: int64(at), Action: relay.Hold})
			mustRun(t, job)
			source, target := g.source.User(user), g.target.User(user)
			expectSame(t, source, target, imapfake.CompareOptions{})
			before := target.Len("INBOX")
			line.Release()
			late := g.awaitZombies(t, user, before)
			summary := mustRun(t, job)
			expectSame(t, source, target, imapfake.CompareOptions{})
			if summary.Messages.Copied != 0 {
				t.Errorf("the next pass copied %d", summary.Messages.Copied)
			}
			if found := lateDuplicates(summary); found != late {
				t.Errorf("the next pass reports %d late duplicates, and %d came", found, late)
			}
			expectIdle(t, job)
		})
	}
}

func TestZombieAppendWithoutUIDPlusIsReported(t *testing.T) {
	t.Parallel()
	p := imapfake.Generic()
	p.After = slices.DeleteFunc(slices.Clone(p.After), func(c string) bool { return strings.HasPrefix(c, "UIDPLUS") })
	g := newGrave(t, p)
	job, user, line := g.dig(t, 1, &relay.Fault{Direction: relay.Up, After: int64(g.appendAt + 60), Action: relay.Hold})
	mustRun(t, job)
	before := g.target.User(user).Len("INBOX")
	line.Release()
	late := g.awaitZombies(t, user, before)
	if found := lateDuplicates(mustRun(t, job)); found != late {
		t.Errorf("%d late duplicates are reported, and %d came", found, late)
	}
	if n := g.target.User(user).Len("INBOX"); n != before+late {
		t.Errorf("the target has %d messages, want %d", n, before+late)
	}
}

// awaitZombies waits until what was held has arrived and gives how many messages
// that were.
func (g *grave) awaitZombies(t *testing.T, user string, before int) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ticks := time.NewTicker(20 * time.Millisecond)
	defer ticks.Stop()
	steady, last := 0, before
	for steady < 10 {
		select {
		case <-ticks.C:
		case <-ctx.Done():
			t.Fatal("no zombie came")
		}
		now := g.target.User(user).Len("INBOX")
		if now == last && now > before {
			steady++
		} else {
			steady = 0
		}
		last = now
	}
	return last - before
}

func lateDuplicates(s mailsync.Summary) int {
	n := 0
	for _, f := range s.Findings {
		if f.Code == migration.CodeLateDuplicate {
			n += f.Count
		}
	}
	return n
}
