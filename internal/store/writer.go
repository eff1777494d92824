package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// groupMost is how many calls share a commit at most.
const groupMost = 64

// job is one writing call.
type job struct {
	ctx    context.Context
	doing  string
	work   work
	result chan error
}

// write runs work in a transaction and returns when it is durable. A context
// that ends before the work began has the effect of no call at all; afterwards
// it is not looked at any more, so that a result is never half known.
func (s *sqliteFile) write(ctx context.Context, doing string, work work) error {
	if err := s.usable(doing); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return interrupted(ctx, s.path, doing)
	}
	var panicked any
	guarded := func(ctx context.Context, q querier) (err error) {
		defer func() {
			if panicked = recover(); panicked != nil {
				err = refuse(fmt.Errorf("panic: %v", panicked))
			}
		}()
		return work(ctx, q)
	}
	j := &job{context.WithoutCancel(ctx), doing, guarded, make(chan error, 1)}
	select {
	case s.jobs <- j:
		err := <-j.result
		if panicked != nil {
			panic(panicked) // where it belongs, and not in the writer
		}
		return err
	case <-s.stop:
		return s.fault(doing, errClosed)
	case <-ctx.Done():
		return interrupted(ctx, s.path, doing)
	}
}

// run is the only goroutine that writes. Calls that have queued while a commit
// was under way share the next one.
func (s *sqliteFile) run() {
	defer close(s.stopped)
	for {
		select {
		case <-s.stop:
			return
		case first := <-s.jobs:
			s.commit(s.queued(first))
		}
	}
}

func (s *sqliteFile) queued(first *job) []*job {
	jobs := []*job{first}
	for len(jobs) < s.groupMost {
		select {
		case j := <-s.jobs:
			jobs = append(jobs, j)
		default:
			return jobs
		}
	}
	return jobs
}

// commit gives each job its result. A refused one leaves the group, and the
// others are done without it.
func (s *sqliteFile) commit(jobs []*job) {
	for len(jobs) > 0 {
		if err := s.usable(jobs[0].doing); err != nil {
			answer(jobs, func(*job) error { return err })
			return
		}
		refused, err := s.attempt(jobs)
		if err == nil {
			answer(jobs, func(*job) error { return nil })
			return
		}
		if refused == nil {
			if !isBusy(err) {
				s.broke(err)
			}
			answer(jobs, func(j *job) error { return s.fault(j.doing, err) })
			return
		}
		refused.result <- s.fault(refused.doing, err)
		jobs = without(jobs, refused)
	}
}

func answer(jobs []*job, result func(*job) error) {
	for _, j := range jobs {
		j.result <- result(j)
	}
}

func without(jobs []*job, gone *job) []*job {
	var rest []*job
	for _, j := range jobs {
		if j != gone {
			rest = append(rest, j)
		}
	}
	return rest
}

// attempt runs all jobs in one transaction. It gives the job that was refused,
// none when the database itself is at fault.
func (s *sqliteFile) attempt(jobs []*job) (refused *job, err error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	tx, err := s.db.BeginTx(jobs[0].ctx, nil)
	if err != nil {
		return nil, &beginError{err}
	}
	for _, j := range jobs {
		if err := j.work(j.ctx, tx); err != nil {
			if rollback := tx.Rollback(); rollback != nil && !errors.Is(rollback, sql.ErrTxDone) {
				return nil, fmt.Errorf("%w; roll back: %w", err, rollback)
			}
			if isRefusal(err) {
				return j, err
			}
			return nil, err
		}
	}
	if err := tx.Commit(); err != nil {
		return nil, fmt.Errorf("commit: %w", err)
	}
	return nil, nil
}

// beginError is why a transaction could not be begun.
type beginError struct{ err error }

func (e *beginError) Error() string { return "begin: " + e.err.Error() }
func (e *beginError) Unwrap() error { return e.err }

// isBusy reports whether another program has the database locked, which has changed
// nothing: the next call may find it free.
func isBusy(err error) bool {
	var begin *beginError
	code := resultOf(err)
	return errors.As(err, &begin) && (code == sqliteBusy || code == sqliteLocked)
}

// read runs a query outside of the writer.
func (s *sqliteFile) read(ctx context.Context, doing string, query work) error {
	if err := s.usable(doing); err != nil {
		return err
	}
	err := query(ctx, s.db)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return interrupted(ctx, s.path, doing)
	}
	s.broke(err)
	return s.fault(doing, err)
}

// broke remembers the first fault of the database. From then on nothing is read
// or written.
func (s *sqliteFile) broke(err error) {
	if s.broken.CompareAndSwap(nil, &brokenError{err}) {
		close(s.failed)
	}
}

func (s *sqliteFile) usable(doing string) error {
	select {
	case <-s.stop:
		return s.fault(doing, errClosed)
	default:
	}
	if broken := s.broken.Load(); broken != nil {
		return s.fault(doing, broken)
	}
	return nil
}
