package imap

import (
	"context"
	"errors"
	"sync"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// errorBudget keeps a connection below the number of refused commands at which its
// server ends it. As long as answers are outstanding each may be a refusal, so no more
// APPENDs are unanswered than refusals are left.
type errorBudget struct {
	mu sync.Mutex
	// most is the number at which the server ends the connection, 0 for none.
	most                int
	unanswered, refused int
	changed             chan struct{}
}

// spareErrors are kept for other commands than APPEND.
const spareErrors = 2

// limit says from now on that the server ends a connection at so many refusals.
func (b *errorBudget) limit(most int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.most = most
}

// room is how many APPENDs may be unanswered. The caller holds mu.
func (b *errorBudget) room() int { return b.most - 1 - b.refused }

// enter waits until one more APPEND may be unanswered. On a connection that has had too
// many refusals it is a fault of code connection-worn: nothing was sent, and the work
// goes on on a new one.
func (b *errorBudget) enter(ctx context.Context, c *conn, flush func() error) error {
	for flushed := false; ; flushed = true {
		b.mu.Lock()
		switch {
		case b.most == 0:
			b.mu.Unlock()
			return nil
		case b.refused >= b.most-spareErrors:
			b.mu.Unlock()
			return &migration.Fault{Class: migration.Again, Code: migration.CodeWorn, Doing: "adding a message",
				Err: errors.New("this connection has had nearly as many refusals as its server bears"), Remedy: "Nothing to do: the work goes on on a new connection."}
		case b.unanswered < b.room():
			b.unanswered++
			b.mu.Unlock()
			return nil
		}
		if b.changed == nil {
			b.changed = make(chan struct{})
		}
		changed := b.changed
		b.mu.Unlock()
		if !flushed {
			if err := flush(); err != nil {
				return err
			}
		}
		select {
		case <-changed:
		case <-c.readerDone:
			return c.afterwards(c.dead())
		case <-ctx.Done():
			return c.cut(ctx, context.Cause(ctx))
		}
	}
}

// leave notes that n APPENDs are no longer unanswered.
func (b *errorBudget) leave(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.most == 0 {
		return
	}
	b.unanswered = max(0, b.unanswered-n)
	b.wake()
}

// answered counts a command that the server refused.
func (b *errorBudget) answered(status string) {
	if status == "OK" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refused++
	b.wake()
}

func (b *errorBudget) wake() {
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}
