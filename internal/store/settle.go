package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// Intend records that the messages are about to be appended and returns the
// intent's number.
func (l *Ledger) Intend(ctx context.Context, folder int64, intent mailsync.Intent) (int64, error) {
	var id int64
	err := l.write(ctx, "recording what is about to be copied", func(ctx context.Context, tx querier) (err error) {
		if intent.Sources.Empty() {
			return refuse(errors.New("an intent without messages"))
		}
		if err := l.own(ctx, tx, folder); err != nil {
			return err
		}
		id, err = insertID(ctx, tx, "INSERT INTO intent (folder, watermark, uidvalidity, sources) VALUES ($1, $2, $3, $4) RETURNING id",
			folder, uint32(intent.Watermark), intent.UIDValidity, intent.Sources.Pack())
		return err
	})
	if err != nil {
		return 0, err
	}
	return id, nil
}

// Settle writes outcomes, and closes or shrinks the intents that hold their
// messages, all or nothing. What is written already is written again without
// harm. Marks are forgotten before new ones are set.
func (l *Ledger) Settle(ctx context.Context, folder int64, outcome mailsync.Outcome) error {
	marks, err := markArgs(folder, outcome.Marks)
	if err != nil {
		return l.store.base.fault("recording what was copied", err)
	}
	return l.write(ctx, "recording what was copied", func(ctx context.Context, tx querier) error {
		if err := l.own(ctx, tx, folder); err != nil {
			return err
		}
		if err := addPairs(ctx, tx, folder, outcome.Copied); err != nil {
			return err
		}
		if err := shrinkIntents(ctx, tx, folder, settled(outcome)); err != nil {
			return err
		}
		if err := deleteMarks(ctx, tx, folder, outcome.Unmark); err != nil {
			return err
		}
		return upsertMarks(ctx, tx, marks)
	})
}

// settled is every source whose fate the outcome tells.
func settled(outcome mailsync.Outcome) migration.UIDSet {
	uids := make([]migration.UID, 0, len(outcome.Copied)+len(outcome.Marks))
	for _, p := range outcome.Copied {
		uids = append(uids, p.Source)
	}
	for _, m := range outcome.Marks {
		uids = append(uids, m.Source)
	}
	return migration.NewUIDSet(uids...).Union(outcome.Released)
}

// shrinkIntents takes the sources out of every open intent. There are few open
// intents at any time (invariant I2), so that all are looked at.
func shrinkIntents(ctx context.Context, tx querier, folder int64, sources migration.UIDSet) error {
	if sources.Empty() {
		return nil
	}
	intents, err := selectIntents(ctx, tx, folder)
	if err != nil {
		return err
	}
	for _, intent := range intents {
		left := intent.Sources.Minus(sources)
		switch {
		case left.Equal(intent.Sources):
		case left.Empty():
			_, err = tx.ExecContext(ctx, "DELETE FROM intent WHERE id = $1", intent.ID)
		default:
			_, err = tx.ExecContext(ctx, "UPDATE intent SET sources = $2 WHERE id = $1", intent.ID, left.Pack())
		}
		if err != nil {
			return fmt.Errorf("intent %d: %w", intent.ID, err)
		}
	}
	return nil
}

// Rematch replaces the folder's record, pairs and marks by those given and drops
// its intents, at once, after a UIDVALIDITY has changed. The flags stay as they
// are: when it is the source's that has changed, the caller has saved those of
// the new numbers before, so that no crash leaves pairs without flags. Only Copied
// and Marks of the outcome have a meaning here.
func (l *Ledger) Rematch(ctx context.Context, record *mailsync.FolderRecord, outcome mailsync.Outcome) error {
	const doing = "recording a folder that was numbered anew"
	marks, err := markArgs(record.ID, outcome.Marks)
	if err != nil {
		return l.store.base.fault(doing, err)
	}
	return l.write(ctx, doing, func(ctx context.Context, tx querier) error {
		if err := l.own(ctx, tx, record.ID); err != nil {
			return err
		}
		for _, statement := range []string{
			"DELETE FROM pairs WHERE folder = $1",
			"DELETE FROM intent WHERE folder = $1",
			"DELETE FROM mark WHERE folder = $1",
		} {
			if _, err := tx.ExecContext(ctx, statement, record.ID); err != nil {
				return err
			}
		}
		if err := l.updateFolder(ctx, tx, record); err != nil {
			return err
		}
		if err := addPairs(ctx, tx, record.ID, outcome.Copied); err != nil {
			return err
		}
		return upsertMarks(ctx, tx, marks)
	})
}
