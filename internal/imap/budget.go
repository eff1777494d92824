package imap

import (
	"context"
	"errors"
	"sync"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// errorBudget keeps a connection below the number of refused commands at which its
// server ends it. As long as answers are outstanding each may be a refusal, so no more
// commands are unanswered than refusals are left; only who was told that the server
// refuses nothing sends more messages, until it does.
type errorBudget struct {
	mu sync.Mutex
	// most is the number at which the server ends the connection, few how many APPENDs
	// may be unanswered; 0 for any.
	most, few int
	// unanswered commands and refused ones, and how many of those were APPENDs; asking is
	// how many others than APPEND wait, which come first.
	unanswered, refused, appends, asking int
	changed                              chan struct{}
}

// spareErrors are kept for other commands than APPEND.
const spareErrors = 2

// limit says from now on what the server bears.
func (b *errorBudget) limit(traits migration.Traits) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.most, b.few = traits.ErrorsMost, traits.Unanswered
}

// room is how many APPENDs may be unanswered. The caller holds mu.
func (b *errorBudget) room() int {
	switch left := b.most - 1 - b.refused; {
	case b.few == 0:
		return left
	case b.most == 0 || b.few >= b.most && b.appends == 0:
		return b.few
	default:
		return min(b.few, left)
	}
}

// bounded reports whether anything is bounded. The caller holds mu.
func (b *errorBudget) bounded() bool { return b.most > 0 || b.few > 0 }

// enter waits until one more APPEND may be unanswered. On a connection that has had too
// many refusals it is a fault of code connection-worn: nothing was sent, and the work
// goes on on a new one.
func (b *errorBudget) enter(ctx context.Context, c *conn, flush func() error) error {
	for flushed := false; ; flushed = true {
		b.mu.Lock()
		switch {
		case !b.bounded():
			b.mu.Unlock()
			return nil
		case b.most > 0 && b.refused >= b.most-spareErrors:
			b.mu.Unlock()
			return worn()
		case b.unanswered+b.asking < b.room():
			b.unanswered++
			b.mu.Unlock()
			return nil
		}
		changed := b.next()
		b.mu.Unlock()
		if !flushed {
			if err := flush(); err != nil {
				return err
			}
		}
		if err := c.awaits(ctx, changed); err != nil {
			return err
		}
	}
}

// admit waits until some of n commands other than APPEND may be sent, and says how many.
func (b *errorBudget) admit(ctx context.Context, c *conn, n int) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asking++
	defer func() { b.asking-- }()
	for {
		left := b.most - 1 - b.refused
		switch room := max(left, b.room()) - b.unanswered; {
		case b.most == 0:
			b.unanswered += n
			return n, nil
		case left <= 0:
			return 0, worn()
		case room > 0:
			n = min(n, room)
			b.unanswered += n
			return n, nil
		}
		changed := b.next()
		b.mu.Unlock()
		err := c.awaits(ctx, changed)
		b.mu.Lock()
		if err != nil {
			return 0, err
		}
	}
}

func worn() error {
	return &migration.Fault{Class: migration.Again, Code: migration.CodeWorn, Doing: "using a connection",
		Err: errors.New("it has had nearly as many refusals as its server bears"), Remedy: "Nothing to do: the work goes on on a new connection."}
}

// next is closed at the next change. The caller holds mu.
func (b *errorBudget) next() chan struct{} {
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	return b.changed
}

// awaits waits for a change of the budget.
func (c *conn) awaits(ctx context.Context, changed <-chan struct{}) error {
	select {
	case <-changed:
		return nil
	case <-c.readerDone:
		return c.afterwards(c.dead())
	case <-ctx.Done():
		return c.cut(ctx, context.Cause(ctx))
	}
}

// leave notes that n commands are no longer unanswered.
func (b *errorBudget) leave(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.unanswered = max(0, b.unanswered-n)
	b.wake()
}

// answered counts a command that the server refused: a message by whatever answer, since
// those that throttle use each of them, and any command that it calls a mistake.
func (b *errorBudget) answered(k kind, status string) {
	if status == "OK" || status == "NO" && k != kindAppend {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refused++
	if k == kindAppend {
		b.appends++
	}
	b.wake()
}

func (b *errorBudget) wake() {
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}
