package mailsync

import (
	"context"
	"io"
	"sync/atomic"
)

// gate opens when the window's intent is durable, or holds the reason why it
// never will be. It lets nothing more through once the mailbox is another's.
type gate struct {
	done chan struct{}
	err  error
	// held is asked each time something passes; lost is its first refusal.
	held func() error
	lost atomic.Pointer[error]
}

func newGate(held func() error) *gate { return &gate{done: make(chan struct{}), held: held} }

func (g *gate) open(err error) {
	g.err = err
	close(g.done)
}

func (g *gate) wait(ctx context.Context) error {
	select {
	case <-g.done:
		if g.err != nil {
			return g.err
		}
		if err := g.held(); err != nil {
			g.lost.CompareAndSwap(nil, &err)
			return err
		}
	case <-ctx.Done():
	}
	return context.Cause(ctx)
}

// withheld passes a literal on except for its last byte, which it keeps until
// the gate is open (invariant I1). As the byte is read from the source only
// then, it also proves that the source's literal came whole.
type withheld struct {
	ctx  context.Context
	body io.Reader
	left int64
	gate *gate
	// broke is why the body could not be read to its end.
	broke error
}

func (w *withheld) Read(p []byte) (int, error) {
	switch w.left {
	case 0:
		return 0, io.EOF
	case 1:
		if err := w.gate.wait(w.ctx); err != nil {
			return 0, err
		}
	}
	if most := max(w.left-1, 1); int64(len(p)) > most {
		p = p[:most]
	}
	n, err := w.body.Read(p)
	w.left -= int64(n)
	if err == io.EOF && w.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil && err != io.EOF {
		w.broke = err
	}
	return n, err
}
