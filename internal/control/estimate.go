package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// EstimateQuery says what an estimate is for. The zero value is for the mailboxes of the
// batch under the limits of its endpoints; each field that is given stands in the place
// of what the batch or its endpoints say, but Rate, which counts beside their ceilings.
type EstimateQuery struct {
	// Mailboxes is for how many. With Sizes it is their number.
	Mailboxes int
	Sizes     []migration.MailboxSize
	// Preflight takes the sizes that preflights of the batch have found, and those of
	// what was copied.
	Preflight bool
	// Messages and Bytes are what all mailboxes hold together.
	Messages, Bytes int64
	// AtATime is how many are copied at a time, Connections how many each opens to each
	// server, Rate how many bytes a second get through for all together.
	AtATime, Connections int
	Rate                 int64
	// Within is how many seconds a batch has.
	Within int64
	// Compare is a batch to compare with.
	Compare string
}

// mostEstimated is far more than anybody has, and mostWithin a year.
const (
	mostEstimated = 10_000_000
	mostWithin    = 366 * 24 * 3600
	mostOfAll     = 1 << 50
)

func (q EstimateQuery) check() error {
	var c checks
	c.between("mailboxes", q.Mailboxes, 0, mostEstimated)
	c.between("atATime", q.AtATime, 0, mostMailboxes)
	c.between("connections", q.Connections, 0, mostConnections)
	c.that(q.Within >= 0 && q.Within <= mostWithin, "within", "must be from 0 to %d seconds", mostWithin)
	for field, n := range map[string]int64{"messages": q.Messages, "bytes": q.Bytes, "rate": q.Rate} {
		c.that(n >= 0 && n <= mostOfAll, field, "must be from 0 to %d", mostOfAll)
	}
	c.that(len(q.Sizes) <= mostEstimated, "sizes", "must be at most %d", mostEstimated)
	sized := len(q.Sizes) > 0 || q.Preflight
	c.that(!sized || q.Mailboxes == 0, "mailboxes", "stands beside sizes, which say how many they are")
	c.that(!sized || q.Messages == 0 && q.Bytes == 0, "bytes", "and messages stand beside sizes, which say it of each mailbox")
	c.that(len(q.Sizes) == 0 || !q.Preflight, "preflight", "stands beside sizes; give one of the two")
	for _, size := range q.Sizes {
		if size.Messages < 0 || size.Bytes < 0 || size.Messages > mostOfAll || size.Bytes > mostOfAll {
			c.that(false, "sizes", "must not be negative, and at most %d", mostOfAll)
			break
		}
	}
	return c.err()
}

// Estimate says how long initial copies take, going by those of the batch that are
// there.
func (s *Service) Estimate(ctx context.Context, actor Actor, batch string, q EstimateQuery) (e migration.Estimate, err error) {
	if err := permit(actor, BatchLook); err != nil {
		return e, err
	}
	if err := q.check(); err != nil {
		return e, err
	}
	var course migration.Course
	var sample, other migration.Sample
	err = s.store.View(ctx, "estimating", func(tx Tx) error {
		b, err := tx.Batch(batch)
		if err != nil {
			return err
		}
		if course, err = q.course(tx, b); err != nil {
			return err
		}
		if sample, err = tx.InitialCopies(b.ID); err != nil || q.Compare == "" {
			return err
		}
		compared, err := tx.Batch(q.Compare)
		if errors.Is(err, migration.ErrNotFound) {
			return problem(batchNamed(q.Compare), err)
		}
		if err == nil {
			other, err = tx.InitialCopies(compared.ID)
		}
		return err
	})
	if err != nil {
		return e, problem(batchNamed(batch), err)
	}
	e = sample.Estimate(course)
	if q.Compare != "" {
		c := sample.Compare(q.Compare, other)
		e.Comparison = &c
	}
	return e, nil
}

// course is under which limits the mailboxes of a batch are copied.
func (q EstimateQuery) course(tx Tx, b migration.BatchRecord) (c migration.Course, err error) {
	ends, err := endsOf(tx, b)
	if err != nil {
		return c, err
	}
	c = ends.course()
	c.Mailboxes, c.Sizes, c.Messages, c.Bytes, c.Within = b.Counts.Total, q.Sizes, q.Messages, q.Bytes, time.Duration(q.Within)*time.Second
	given := func(into *int, value int) {
		if value != 0 {
			*into = value
		}
	}
	given(&c.Mailboxes, q.Mailboxes)
	given(&c.AtATime, q.AtATime)
	given(&c.Connections, q.Connections)
	c.BytesPerSecond = least(c.BytesPerSecond, q.Rate)
	if q.Preflight {
		c.Sizes, err = sizesOf(tx, b.ID)
	}
	return c, err
}

// sizesOf gives what is known of the mailboxes of a batch: what was copied, or else what
// a preflight has found.
func sizesOf(tx Tx, batch int64) (sizes []migration.MailboxSize, err error) {
	var unknown int
	for m, err := range mailboxesOf(tx, batch) {
		switch {
		case err != nil:
			return nil, err
		case m.Facts.Phase != migration.Initial && m.InitialWorked > 0:
			sizes = append(sizes, migration.MailboxSize{Messages: m.InitialMessages, Bytes: m.InitialBytes})
		case m.Preflight != nil && m.Preflight.OK:
			sizes = append(sizes, migration.MailboxSize{Messages: m.Preflight.Messages, Bytes: m.Preflight.Bytes})
		default:
			unknown++
		}
	}
	if unknown > 0 {
		return nil, &Problem{Kind: Refused, Code: "sizes-unknown", Detail: fmt.Sprintf("The sizes of %d mailboxes are not known: no preflight of them has gone through.", unknown),
			Remedy: "Have the batch tried first (preflight), and mend or remove the mailboxes it fails for."}
	}
	return sizes, nil
}

// course is under which limits mailboxes are copied from one end to the other.
func (e ends) course() migration.Course {
	source, target := e.source.Limits, e.target.Limits
	connections := min(source.Connections, target.Connections)
	return migration.Course{AtATime: min(source.Migrations, target.Migrations), Connections: connections, ConnectionsMeasured: connections,
		BytesPerSecond: least(source.BytesPerSecond, target.BytesPerSecond), MessagesPerSecond: least(source.MessagesPerSecond, target.MessagesPerSecond),
		BytesPerDay: least(source.BytesPerDayDown, target.BytesPerDayUp)}
}

// least is the lower of two limits, of which 0 is none.
func least[T int64 | float64](a, b T) T {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
