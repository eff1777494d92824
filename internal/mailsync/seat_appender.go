package mailsync

import (
	"cmp"
	"context"
	"io"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Appender is under way from begin, or its first message, until it is flushed.
func (s *seat) Appender(rawName string, options migration.AppendOptions, done func(migration.AppendResult)) Appender {
	return s.pipeline(rawName, options, done)
}

func (s *seat) pipeline(rawName string, options migration.AppendOptions, done func(migration.AppendResult)) *seatAppender {
	return &seatAppender{Appender: s.Target.Appender(rawName, options, done), seat: s, done: done}
}

type seatAppender struct {
	Appender
	seat  *seat
	done  func(migration.AppendResult)
	begun bool
	fault error
}

// begin has an appender wait for who has its connection alone before the bodies are asked
// for that it is to send. A body that waits holds up all others of its source, and so
// perhaps those that it waits for.
func begin(ctx context.Context, a Appender) error {
	if b, shared := a.(interface{ begin(context.Context) error }); shared {
		return b.begin(ctx)
	}
	return nil
}

func (a *seatAppender) begin(ctx context.Context) error {
	if a.begun {
		return nil
	}
	err := a.seat.begin(ctx)
	a.begun = err == nil
	return err
}

// tryBegin begins if that need not wait, and reports whether it has begun.
func (a *seatAppender) tryBegin() bool {
	a.begun = a.begun || a.seat.tryBegin()
	return a.begun
}

func (a *seatAppender) Append(ctx context.Context, message migration.AppendMessage, body io.Reader) error {
	if err := a.begin(ctx); err != nil {
		a.done(migration.AppendResult{Key: message.Key, Err: err})
		return err
	}
	err := a.Appender.Append(ctx, message, body)
	if err != nil {
		a.fault = err
	}
	return err
}

func (a *seatAppender) Flush(ctx context.Context) error {
	if !a.begun {
		return nil
	}
	a.begun = false
	err := a.Appender.Flush(ctx)
	_ = a.seat.finish(cmp.Or(a.fault, err))
	return err
}
