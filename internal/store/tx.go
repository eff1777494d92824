package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Tx is what a change or a view of the service's records goes through.
type Tx struct {
	ctx     context.Context
	q       querier
	now     time.Time
	locking locking
}

// Change runs a function in a transaction. All it writes becomes durable at
// once, or, when it returns an error, nothing does; the error is returned as it
// is. The function may be run again, so it must set its results anew, and it must
// go through its Tx alone: a call of the store from inside waits for itself.
func (s *Store) Change(ctx context.Context, doing string, change func(*Tx) error) error {
	var own error
	err := s.write(ctx, doing, func(ctx context.Context, q querier) error {
		own = nil
		now, err := s.base.now(ctx, q)
		if err != nil {
			return err
		}
		err = change(&Tx{ctx: ctx, q: q, now: now, locking: s.base.locking()})
		if err == nil || isDatabase(err) {
			return err
		}
		own = err
		return refuse(err)
	})
	if own != nil {
		return own
	}
	return err
}

// View runs a function that only reads. What it reads in several steps may have
// changed between them.
func (s *Store) View(ctx context.Context, doing string, view func(*Tx) error) error {
	var own error
	err := s.read(ctx, doing, func(ctx context.Context, q querier) error {
		now, err := s.base.now(ctx, q)
		if err != nil {
			return err
		}
		err = view(&Tx{ctx: ctx, q: q, now: now, locking: s.base.locking()})
		if err != nil && !isDatabase(err) {
			own = err
			return nil
		}
		return err
	})
	if own != nil {
		return own
	}
	return err
}

// Now is the time of the transaction by the database's clock.
func (tx *Tx) Now() time.Time { return tx.now }

// SQL is the transaction itself on SQLite, for what must be written with it; nil
// in a view.
func (tx *Tx) SQL() *sql.Tx {
	raw, _ := tx.q.(*sql.Tx)
	return raw
}

// PGX is the transaction itself on PostgreSQL; nil in a view.
func (tx *Tx) PGX() pgx.Tx {
	session, ok := tx.q.(*pgSession)
	if !ok {
		return nil
	}
	return session.tx
}

// databaseError is an error of the database, and not of who uses it.
type databaseError struct{ err error }

func (e *databaseError) Error() string { return e.err.Error() }
func (e *databaseError) Unwrap() error { return e.err }

func isDatabase(err error) bool {
	var e *databaseError
	return errors.As(err, &e)
}

// exec runs a statement and gives how many rows it changed.
func (tx *Tx) exec(query string, args ...any) (int64, error) {
	if err := storable(args); err != nil {
		return 0, err
	}
	result, err := tx.q.ExecContext(tx.ctx, query, args...)
	if err != nil {
		return 0, &databaseError{err}
	}
	return result.RowsAffected()
}

// must runs a statement that changes exactly one row, else gives the error.
func (tx *Tx) must(otherwise error, query string, args ...any) error {
	n, err := tx.exec(query, args...)
	if err == nil && n != 1 {
		err = otherwise
	}
	return err
}

// list reads all rows of a query.
func list[T any](tx *Tx, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	if err := storable(args); err != nil {
		return nil, err
	}
	var unread error
	all, err := selectAll(tx.ctx, tx.q, func(row scanner) (value T, err error) {
		value, unread = scan(row)
		return value, unread
	}, query, args...)
	if err != nil && unread == nil {
		err = &databaseError{err}
	}
	return all, err
}

// one reads the only row of a query, ErrNotFound without one.
func one[T any](tx *Tx, scan func(scanner) (T, error), query string, args ...any) (T, error) {
	all, err := list(tx, scan, query, args...)
	var none T
	switch {
	case err != nil:
		return none, err
	case len(all) == 0:
		return none, ErrNotFound
	default:
		return all[0], nil
	}
}

// insert runs an INSERT with a RETURNING clause of one number.
func (tx *Tx) insert(query string, args ...any) (int64, error) {
	return one(tx, scanNumber, query, args...)
}

func scanNumber(row scanner) (n int64, err error) { return n, row.Scan(&n) }

func scanText(row scanner) (text string, err error) { return text, row.Scan(&text) }

// storable makes the arguments of a statement such as both databases take:
// asJSON becomes text, and text has neither NUL nor bytes that are none, which
// PostgreSQL refuses.
func storable(args []any) error {
	for i, arg := range args {
		switch value := arg.(type) {
		case asJSON:
			text, err := value.text()
			if err != nil {
				return err
			}
			args[i] = text
		case string:
			args[i] = plainText(value)
		}
	}
	return nil
}

func plainText(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// micros is a time as it is stored: microseconds since 1970, 0 for none.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// moment reads a stored time.
type moment struct{ to *time.Time }

// Scan takes microseconds.
func (m moment) Scan(value any) error {
	n, ok := value.(int64)
	if !ok {
		return fmt.Errorf("time of type %T", value)
	}
	*m.to = fromMicros(n)
	return nil
}

// span reads a stored duration, in microseconds.
type span struct{ to *time.Duration }

// Scan takes microseconds.
func (s span) Scan(value any) error {
	n, ok := value.(int64)
	if !ok {
		return fmt.Errorf("duration of type %T", value)
	}
	*s.to = time.Duration(n) * time.Microsecond
	return nil
}

// blob reads bytes; none are nil, whatever the database makes of them.
type blob struct{ to *[]byte }

// Scan takes bytes.
func (b blob) Scan(value any) error {
	switch bytes := value.(type) {
	case nil:
		*b.to = nil
	case []byte:
		*b.to = append([]byte(nil), bytes...)
	default:
		return fmt.Errorf("bytes of type %T", value)
	}
	return nil
}

// packed reads a stored JSON value; the empty text leaves the destination as it is.
type packed struct{ to any }

// Scan takes text.
func (p packed) Scan(value any) error {
	switch text := value.(type) {
	case string:
		return p.read([]byte(text))
	case []byte:
		return p.read(text)
	default:
		return fmt.Errorf("JSON of type %T", value)
	}
}

func (p packed) read(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	return json.Unmarshal(text, p.to)
}

// asJSON is a value that is stored as JSON; nil is the empty text.
type asJSON struct{ value any }

func (j asJSON) text() (string, error) {
	text, err := json.Marshal(j.value)
	if err != nil {
		return "", fmt.Errorf("%T cannot be stored: %w", j.value, err)
	}
	if string(text) == "null" {
		return "", nil
	}
	return string(text), nil
}
