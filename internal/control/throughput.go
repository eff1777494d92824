package control

import (
	"context"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// ThroughputQuery chooses a stretch of time. Zero values take the defaults.
type ThroughputQuery struct {
	// Batch is all batches when empty.
	Batch string
	// From is a day before To, and To is now.
	From, To time.Time
	// Points is how many to give at most, 1 to 2000; 0 is 120.
	Points int
}

// Throughput is what was copied over a stretch of time.
type Throughput struct {
	StepSeconds int64             `json:"stepSeconds" doc:"How long the stretch of a point is"`
	Points      []ThroughputPoint `json:"points" doc:"One for each stretch, oldest first"`
}

// ThroughputPoint is what was copied in a stretch.
type ThroughputPoint struct {
	At       time.Time `json:"at" doc:"When the stretch begins"`
	Messages int64     `json:"messages"`
	Bytes    int64     `json:"bytes"`
}

const (
	defaultPoints = 120
	mostPoints    = 2000
)

// Throughput gives what all nodes have copied, measured by the minute and kept for
// migration.CopiedFor.
func (s *Service) Throughput(ctx context.Context, actor Actor, q ThroughputQuery) (t Throughput, err error) {
	if err := permit(actor, BatchLook); err != nil {
		return Throughput{}, err
	}
	if q.Points == 0 {
		q.Points = defaultPoints
	}
	var c checks
	c.between("points", q.Points, 1, mostPoints)
	c.that(q.From.IsZero() || q.To.IsZero() || q.From.Before(q.To), "from", "must be before to")
	if err := c.err(); err != nil {
		return Throughput{}, err
	}
	err = s.store.View(ctx, "reading what was copied", func(tx Tx) error {
		batch := int64(0)
		if q.Batch != "" {
			b, err := tx.Batch(q.Batch)
			if err != nil {
				return err
			}
			batch = b.ID
		}
		from, to, minutes := q.stretch(tx.Now())
		copied, err := tx.Copied(batch, from, to, minutes)
		t = Throughput{StepSeconds: minutes * 60, Points: make([]ThroughputPoint, 0, q.Points)}
		for n, at := int64(0), from; at < to; n, at = n+1, at+minutes {
			t.Points = append(t.Points, ThroughputPoint{At: time.Unix(at*60, 0).UTC(), Messages: copied[n].Messages, Bytes: copied[n].Bytes})
		}
		return err
	})
	return t, problem(batchNamed(q.Batch), err)
}

// stretch gives the first minute, the one after the last, and how many minutes a point
// has. Nothing older than what is kept is looked for.
func (q ThroughputQuery) stretch(now time.Time) (from, to, minutes int64) {
	if q.To.IsZero() || q.To.After(now) {
		q.To = now
	}
	if q.From.IsZero() {
		q.From = q.To.Add(-day)
	}
	if oldest := now.Add(-migration.CopiedFor); q.From.Before(oldest) {
		q.From = oldest
	}
	from, to = migration.MinuteOf(q.From), migration.MinuteOf(q.To)+1
	points := int64(q.Points)
	minutes = max((to-from+points-1)/points, 1)
	return from, to, minutes
}
