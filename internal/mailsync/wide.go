package mailsync

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// wide is a target over more connections than one, for servers that bear more of them than
// there are lines but few unanswered messages on each. A message goes over the line's own
// connection or one of the spare ones, which all lines share, whichever has fewest
// unanswered; all else goes over its own. To its line it is one connection: a fault of any
// that it has messages on is its fault.
type wide struct {
	Target
	of  *targets
	own *branch
	// first is where it begins to look for a spare connection, so that not all lines take
	// the same one. spares are its seats on them, under of.mu.
	first  int
	spares map[*spare]*branch
}

// branch is a connection that messages may go over, as one line uses it.
type branch struct {
	target     *seat
	unanswered *atomic.Int64
	spare      *spare // nil for the line's own
}

// wideAppender has a pipeline on each branch that it has used.
type wideAppender struct {
	wide      *wide
	pipeline  func(*branch) *seatAppender
	pipelines map[*branch]*seatAppender
}

// takeWide gives a seat, and with it the use of the spare connections where they are of use.
func (t *targets) takeWide(ctx context.Context) (Target, error) {
	own, err := t.take(ctx)
	if err != nil {
		return nil, err
	}
	few := own.Profile().Traits.Unanswered
	if few == 0 {
		return own, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fills = few
	t.addSpares()
	t.wides++
	return &wide{Target: own, of: t, own: &branch{target: own, unanswered: &atomic.Int64{}}, first: t.wides, spares: map[*spare]*branch{}}, nil
}

// branches are those over spare connections, the line's first one first.
func (w *wide) branches() []*branch {
	live := w.of.live()
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	all := make([]*branch, 0, len(live))
	for i := range live {
		s := live[(w.first+i)%len(live)]
		if w.spares[s] == nil && s.keeper.usable() {
			w.spares[s] = &branch{target: s.keeper.sit(true), unanswered: &s.unanswered, spare: s}
		}
		if b := w.spares[s]; b != nil {
			all = append(all, b)
		}
	}
	return all
}

// fail notes that something has failed on a branch.
func (w *wide) fail(b *branch, err error) {
	if b.spare != nil {
		w.of.lose(b.spare, err)
	}
}

// Close closes the line's own connection, and gives up its seats on the spare ones.
func (w *wide) Close() error {
	err := w.Target.Close()
	for _, b := range w.beyond() {
		err = errors.Join(err, b.target.Close())
	}
	return err
}

// Traffic is that of its own connection, and of the spare ones that ended with it.
func (w *wide) Traffic() migration.Traffic {
	sum := w.Target.Traffic()
	for _, b := range w.beyond() {
		sum.Add(b.target.Traffic())
	}
	return sum
}

// beyond are the branches that it has used beside its own.
func (w *wide) beyond() []*branch {
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	return slices.Collect(maps.Values(w.spares))
}

// Appender spreads messages over the connections; those that are to go singly are alone on
// the line's own.
func (w *wide) Appender(rawName string, options migration.AppendOptions, done func(migration.AppendResult)) Appender {
	if options.Single {
		return w.Target.Appender(rawName, options, done)
	}
	return &wideAppender{wide: w, pipelines: map[*branch]*seatAppender{}, pipeline: func(b *branch) *seatAppender {
		return b.target.pipeline(rawName, options, func(result migration.AppendResult) {
			b.unanswered.Add(-1)
			done(result)
		})
	}}
}

// begin begins on the line's own connection. Over spare ones messages go only where they
// need not wait.
func (a *wideAppender) begin(ctx context.Context) error { return a.on(a.wide.own).begin(ctx) }

// on is the pipeline on a branch.
func (a *wideAppender) on(b *branch) *seatAppender {
	if a.pipelines[b] == nil {
		a.pipelines[b] = a.pipeline(b)
	}
	return a.pipelines[b]
}

// freer is the branch for the next message: the line's own, or a spare one on which nobody
// is in the middle of a message.
func (a *wideAppender) freer() *branch {
	own := a.wide.own
	better := slices.DeleteFunc(a.wide.branches(), func(b *branch) bool { return b.unanswered.Load() >= own.unanswered.Load() })
	slices.SortStableFunc(better, func(b, c *branch) int { return cmp.Compare(b.unanswered.Load(), c.unanswered.Load()) })
	for _, b := range better {
		if !b.spare.sending.CompareAndSwap(false, true) {
			continue
		}
		if a.on(b).tryBegin() {
			return b
		}
		b.spare.sending.Store(false)
	}
	return own
}

// Append sends one message. It is for one goroutine at a time.
func (a *wideAppender) Append(ctx context.Context, message migration.AppendMessage, body io.Reader) error {
	b := a.freer()
	b.unanswered.Add(1)
	err := a.on(b).Append(ctx, message, body)
	if b.spare != nil {
		b.spare.sending.Store(false)
	}
	if err != nil {
		a.wide.fail(b, err)
	}
	return err
}

// Flush waits for the results on all.
func (a *wideAppender) Flush(ctx context.Context) error {
	var all sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	for b, pipeline := range a.pipelines {
		all.Go(func() {
			err := pipeline.Flush(ctx)
			if err != nil {
				a.wide.fail(b, err)
			}
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	all.Wait()
	return worst(errs)
}
