package imap

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailhaul/mailhaul/internal/imap/wire"
)

// A "+" that comes before the literal was announced is none for it.
func TestGoAheadBeforeItWasAskedForIsDropped(t *testing.T) {
	in := wire.NewReader(strings.NewReader("+ early\r\n+ asked\r\n"), wire.Limits{})
	c := newConn(Options{}, nil, nil, in)
	c.out = newOutgoing(io.Discard)
	r := &receiver{conn: c, in: in}
	next := func() {
		if err := in.Begin(); err != nil {
			t.Fatal(err)
		}
		if err := r.continuation(); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.out.write(t.Context(), []byte("a APPEND T {3}\r\n")); err != nil {
		t.Fatal(err)
	}
	c.expect(&command{}, c.out.offset())
	next()
	if len(c.goOn) != 0 {
		t.Error("it was taken for leave to send the literal")
	}
	c.out.take()
	next()
	if len(c.goOn) != 1 {
		t.Error("the leave to send the literal was not heard")
	}
	c.out.close()
}

// A server on this machine may have answered before the sender goes on.
func TestGoAheadThatComesAtOnceIsHeard(t *testing.T) {
	for range 1000 {
		synctest.Test(t, func(t *testing.T) {
			in := wire.NewReader(strings.NewReader("+ go\r\n"), wire.Limits{})
			c := newConn(Options{}, nil, nil, in)
			r := &receiver{conn: c, in: in}
			c.out = newOutgoing(writerFunc(func(p []byte) (int, error) {
				err := in.Begin()
				if err == nil {
					err = r.continuation()
				}
				return len(p), err
			}))
			c.background.Go(func() { c.out.run(func(err error) { t.Error(err) }) })
			defer c.out.close()
			unheard := time.AfterFunc(time.Minute, func() { t.Error("the leave to send was not heard"); c.goOn <- "" })
			defer unheard.Stop()
			text := strings.Repeat("x", outgoingKick) + " {3}\r\n" // so much is sent at once
			if goOn, err := c.ask(t.Context(), &command{}, []byte(text)); err != nil || !goOn {
				t.Error(goOn, err)
			}
		})
	}
}
