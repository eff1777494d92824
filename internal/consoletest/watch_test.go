package consoletest

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/api"
	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/rigs/effort"
)

// TestAChangeIsSeenByAllWithinTwoSeconds: by two browsers and by commands.
func TestAChangeIsSeenByAllWithinTwoSeconds(t *testing.T) {
	effort.LeaveToLong(t)
	c := newCompany(t, nil)
	c.batch(control.BatchSpec{Name: "sales"}, staff("sales", 3)[2:], "")
	leavers := staff("archive", 4)
	c.create(control.BatchSpec{Name: "archive"}, migrationFile(leavers, ""))
	c.ask("sales", "start")
	c.awaitState("sales", "Synced")
	seen := c.follow("sales")
	play(t, "watch.mjs", map[string]any{"server": c.server.Address, "admin": administrator, "batch": "sales", "leaving": "archive", "leavers": leavers[1:]}, answers{
		"seen": func(json.RawMessage) (any, error) { return seen.count(), nil },
		"await": asked(func(q struct {
			States string
			After  int
		}) (any, error) {
			return nil, seen.await(t.Context(), regexp.MustCompile(q.States), q.After)
		}),
		"ask": asked(func(q struct{ Verb string }) (any, error) {
			_, err := c.api.AskBatch(t.Context(), "sales", q.Verb)
			return nil, err
		}),
		"delete": asked(func(q struct{ Batch, Address string }) (any, error) {
			return nil, c.api.DeleteMailbox(t.Context(), q.Batch, q.Address)
		}),
		"gone": asked(func(q struct{ Batch, Address string }) (any, error) {
			return nil, c.awaitDeleted(q.Batch, q.Address)
		}),
		"settle": func(json.RawMessage) (any, error) {
			c.awaitState("sales", "Synced", "Stopped")
			return nil, nil
		},
	})
}

// awaitDeleted waits until a mailbox is no part of its batch any more.
func (c *company) awaitDeleted(batch, address string) error {
	ctx, cancel := context.WithTimeout(c.Context(), patience)
	defer cancel()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		page, err := c.api.MailboxPage(ctx, control.MailboxQuery{Batch: batch, Search: address})
		if err != nil || len(page.Items) == 0 {
			return err
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// sightings are the states that the commands' client has seen of a batch.
type sightings struct {
	mu     sync.Mutex
	states []string
	grown  chan struct{}
}

// follow watches a batch as the command batch watch does.
func (c *company) follow(batch string) *sightings {
	s := &sightings{grown: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- c.api.WatchBatch(ctx, batch, func(live api.LiveBatch) bool {
			s.mu.Lock()
			s.states = append(s.states, live.Batch.State)
			s.mu.Unlock()
			select {
			case s.grown <- struct{}{}:
			default:
			}
			return true
		})
	}()
	c.Cleanup(func() { cancel(); <-ended })
	return s
}

// count is how many sightings there were; the last of them is the state now.
func (s *sightings) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.states)
}

// await waits for a state among the sightings from the last before n on.
func (s *sightings) await(ctx context.Context, state *regexp.Regexp, n int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		s.mu.Lock()
		found := slices.ContainsFunc(s.states[max(0, n-1):], state.MatchString)
		s.mu.Unlock()
		if found {
			return nil
		}
		select {
		case <-s.grown:
		case <-ctx.Done():
			return fmt.Errorf("no state like %s was seen: %v", state, s.states)
		}
	}
}
