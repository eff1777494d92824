package store

import (
	"context"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Moved is what an account has moved in both directions.
type Moved struct{ Down, Up migration.HourUse }

// NoteMoved adds to what an account has moved in an hour (migration.HourOf), and
// gives all that is on record of it. Nodes may add at the same time.
func (s *Store) NoteMoved(ctx context.Context, account string, hour, down, up int64) (moved Moved, err error) {
	if down != 0 || up != 0 {
		err = s.write(ctx, "recording what an account has moved", func(ctx context.Context, tx querier) error {
			_, err := tx.ExecContext(ctx, `INSERT INTO traffic (account, hour, down, up) VALUES ($1, $2, $3, $4)
				ON CONFLICT (account, hour) DO UPDATE SET down = traffic.down + excluded.down, up = traffic.up + excluded.up`, bytesOf(account), hour, down, up)
			return err
		})
	}
	if err != nil {
		return moved, err
	}
	moved = Moved{migration.HourUse{}, migration.HourUse{}}
	err = s.read(ctx, "reading what an account has moved", func(ctx context.Context, q querier) error {
		_, err := selectAll(ctx, q, func(row scanner) (none struct{}, err error) {
			var hour, down, up int64
			err = row.Scan(&hour, &down, &up)
			moved.Down[hour], moved.Up[hour] = down, up
			return none, err
		}, "SELECT hour, down, up FROM traffic WHERE account = $1", bytesOf(account))
		return err
	})
	return moved, err
}

// ForgetMoved drops what was moved before an hour, of all accounts.
func (s *Store) ForgetMoved(ctx context.Context, hour int64) error {
	return s.write(ctx, "forgetting what accounts have moved", func(ctx context.Context, tx querier) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM traffic WHERE hour < $1", hour)
		return err
	})
}
