package mailsync

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
)

func TestLastByteWaitsForTheGate(t *testing.T) {
	for _, text := range []string{"a", "ab", "a longer text\r\n"} {
		synctest.Test(t, func(t *testing.T) {
			gate := newGate(new(Job).held)
			reader := &withheld{ctx: t.Context(), body: strings.NewReader(text), left: int64(len(text)), gate: gate}
			var got []byte
			var err error
			go func() {
				for err == nil {
					var n int
					buffer := make([]byte, 5)
					n, err = reader.Read(buffer)
					got = append(got, buffer[:n]...)
				}
			}()
			synctest.Wait()
			if string(got) != text[:len(text)-1] || err != nil {
				t.Errorf("before the gate opened %q came, %v", got, err)
			}
			gate.open(nil)
			synctest.Wait()
			if string(got) != text || err != io.EOF {
				t.Errorf("afterwards %q came, %v", got, err)
			}
		})
	}
}

func TestLastByteNeverComesWhenTheIntentFails(t *testing.T) {
	full := errors.New("disk full")
	gate := newGate(new(Job).held)
	gate.open(full)
	reader := &withheld{ctx: t.Context(), body: strings.NewReader("abc"), left: 3, gate: gate}
	got, err := io.ReadAll(reader)
	if string(got) != "ab" || !errors.Is(err, full) {
		t.Errorf("got %q, %v", got, err)
	}
	if reader.broke != nil {
		t.Errorf("the source is blamed: %v", reader.broke)
	}
}

func TestLastByteNeverComesWhenTheContextEnds(t *testing.T) {
	interrupted := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(interrupted)
	got, err := io.ReadAll(&withheld{ctx: ctx, body: strings.NewReader("abc"), left: 3, gate: newGate(new(Job).held)})
	if string(got) != "ab" || !errors.Is(err, interrupted) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestShortBodyIsAnError(t *testing.T) {
	gate := newGate(new(Job).held)
	gate.open(nil)
	for _, body := range []io.Reader{strings.NewReader("abc"), iotest.DataErrReader(strings.NewReader("abc")), iotest.OneByteReader(strings.NewReader("abc"))} {
		reader := &withheld{ctx: t.Context(), body: body, left: 4, gate: gate}
		got, err := io.ReadAll(reader)
		if string(got) != "abc" || !errors.Is(err, io.ErrUnexpectedEOF) || !errors.Is(reader.broke, io.ErrUnexpectedEOF) {
			t.Errorf("got %q, %v, %v", got, err, reader.broke)
		}
	}
}

func TestBrokenSourceIsTold(t *testing.T) {
	gate := newGate(new(Job).held)
	gate.open(nil)
	lost := errors.New("lost")
	reader := &withheld{ctx: t.Context(), body: io.MultiReader(strings.NewReader("ab"), iotest.ErrReader(lost)), left: 4, gate: gate}
	if _, err := io.ReadAll(reader); !errors.Is(err, lost) || !errors.Is(reader.broke, lost) {
		t.Errorf("got %v, %v", err, reader.broke)
	}
}

func TestNothingBeyondTheSizeIsRead(t *testing.T) {
	gate := newGate(new(Job).held)
	gate.open(nil)
	body := strings.NewReader("abcdef")
	got, err := io.ReadAll(&withheld{ctx: t.Context(), body: body, left: 3, gate: gate})
	if string(got) != "abc" || err != nil || body.Len() != 3 {
		t.Errorf("got %q, %v, %d left", got, err, body.Len())
	}
}
