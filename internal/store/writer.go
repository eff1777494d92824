package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// groupMost is how many calls share a commit at most.
const groupMost = 64

// job is one writing call: work runs inside a transaction, perhaps again in
// another if that one did not come about, so it must set its results anew.
type job struct {
	ctx    context.Context
	doing  string
	work   func(ctx context.Context, tx querier) error
	result chan error
}

// write runs work in a transaction and returns when it is durable. A context
// that ends before the work began has the effect of no call at all; afterwards
// it is not looked at any more, so that a result is never half known.
func (s *Store) write(ctx context.Context, doing string, work func(ctx context.Context, tx querier) error) error {
	if err := s.usable(doing); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return s.interrupted(ctx, doing)
	}
	j := &job{context.WithoutCancel(ctx), doing, work, make(chan error, 1)}
	select {
	case s.jobs <- j:
		return <-j.result
	case <-s.stop:
		return s.fault(doing, errClosed)
	case <-ctx.Done():
		return s.interrupted(ctx, doing)
	}
}

// run is the only goroutine that writes. Calls that have queued while a commit
// was under way share the next one.
func (s *Store) run() {
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

func (s *Store) queued(first *job) []*job {
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
func (s *Store) commit(jobs []*job) {
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
			s.broke(err)
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
func (s *Store) attempt(jobs []*job) (refused *job, err error) {
	tx, err := s.db.BeginTx(jobs[0].ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("begin: %w", err)
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

// read runs a query outside of the writer.
func (s *Store) read(ctx context.Context, doing string, query func(q querier) error) error {
	if err := s.usable(doing); err != nil {
		return err
	}
	err := query(s.db)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return s.interrupted(ctx, doing)
	}
	s.broke(err)
	return s.fault(doing, err)
}

// broke remembers the first fault of the database. From then on nothing is read
// or written.
func (s *Store) broke(err error) {
	s.broken.CompareAndSwap(nil, &brokenError{err})
}

func (s *Store) usable(doing string) error {
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
