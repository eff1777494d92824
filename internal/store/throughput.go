package store

import (
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// AddCopied adds to what the passes of a batch have copied in the minute of the
// transaction. Nodes may add at the same time.
func (tx *Tx) AddCopied(batch int64, copied migration.Copied) error {
	_, err := tx.exec(`INSERT INTO throughput (batch, minute, messages, bytes) VALUES ($1, $2, $3, $4)
		ON CONFLICT (batch, minute) DO UPDATE SET messages = throughput.messages + excluded.messages, bytes = throughput.bytes + excluded.bytes`,
		batch, migration.MinuteOf(tx.now), copied.Messages, copied.Bytes)
	return err
}

// Copied gives what was copied from one minute up to before another (see
// migration.MinuteOf), summed up over so many minutes each, by the number of the
// stretch; batch 0 is all of them. Stretches in which nothing was copied are missing.
func (tx *Tx) Copied(batch, from, to, minutes int64) (map[int64]migration.Copied, error) {
	all := map[int64]migration.Copied{}
	where, args := "", []any{from, to, minutes}
	if batch != 0 {
		where, args = " AND batch = $4", append(args, batch)
	}
	_, err := list(tx, func(row scanner) (none struct{}, err error) {
		var stretch int64
		var c migration.Copied
		err = row.Scan(&stretch, &c.Messages, &c.Bytes)
		all[stretch] = c
		return none, err
	}, "SELECT (minute - $1) / $3 AS stretch, CAST(SUM(messages) AS BIGINT), CAST(SUM(bytes) AS BIGINT) FROM throughput WHERE minute >= $1 AND minute < $2"+where+" GROUP BY stretch", args...)
	return all, err
}

// DropCopied forgets what was copied before that time.
func (tx *Tx) DropCopied(before time.Time) error {
	_, err := tx.exec("DELETE FROM throughput WHERE minute < $1", migration.MinuteOf(before))
	return err
}
