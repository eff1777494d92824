package control

import (
	"context"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Estimate says how long the initial copies of so many mailboxes take, going by those
// of the batch that are there; 0 is as many as the batch has.
func (s *Service) Estimate(ctx context.Context, actor Actor, batch string, mailboxes int) (e migration.Estimate, err error) {
	if err := permit(actor, BatchLook); err != nil {
		return e, err
	}
	var c checks
	c.between("mailboxes", mailboxes, 0, mostEstimated)
	if err := c.err(); err != nil {
		return e, err
	}
	err = s.store.View(ctx, "estimating", func(tx Tx) error {
		b, err := tx.Batch(batch)
		if err != nil {
			return err
		}
		ends, err := endsOf(tx, b)
		if err != nil {
			return err
		}
		sample, err := tx.InitialCopies(b.ID)
		n := mailboxes
		if n == 0 {
			n = b.Counts.Total
		}
		e = sample.Estimate(ends.course(n))
		return err
	})
	return e, problem(batchNamed(batch), err)
}

// mostEstimated is far more than anybody has.
const mostEstimated = 10_000_000

// course is under which limits mailboxes are copied from one end to the other.
func (e ends) course(mailboxes int) migration.Course {
	source, target := e.source.Limits, e.target.Limits
	return migration.Course{Mailboxes: mailboxes, AtATime: min(source.Migrations, target.Migrations),
		BytesPerSecond: least(source.BytesPerSecond, target.BytesPerSecond), BytesPerDay: least(source.BytesPerDayDown, target.BytesPerDayUp)}
}

// least is the lower of two limits, of which 0 is none.
func least(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
