package scheduler

import (
	"maps"
	"slices"
	"sync"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// copied is what passes of this node have copied and nobody has written down yet, by
// batch.
type copied struct {
	mu      sync.Mutex
	batches map[int64]migration.Copied
}

func (c *copied) add(batch int64, more migration.Copied) {
	if more == (migration.Copied{}) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := c.batches[batch]
	sum.Add(more)
	c.batches[batch] = sum
}

// take gives all there is. What can't be written down is added again.
func (c *copied) take() map[int64]migration.Copied {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.batches
	c.batches = map[int64]migration.Copied{}
	return all
}

// saveCopied adds to what is on record, batch by batch in the order of numbers, so that
// nodes do not wait for each other in a circle.
func saveCopied(tx Tx, all map[int64]migration.Copied) error {
	for _, batch := range slices.Sorted(maps.Keys(all)) {
		if err := tx.AddCopied(batch, all[batch]); err != nil {
			return err
		}
	}
	return nil
}

// gained is what a pass has copied since it was last asked; the mutex is held.
func (p *pass) gained(progress migration.MailboxProgress) migration.Copied {
	now := migration.Copied{Messages: progress.Messages, Bytes: progress.Bytes}
	gain := migration.Copied{Messages: max(now.Messages-p.counted.Messages, 0), Bytes: max(now.Bytes-p.counted.Bytes, 0)}
	p.counted.Add(gain)
	return gain
}
