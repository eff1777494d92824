package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// markArgs are the values of the rows of marks. The finding is stored as JSON:
// it is read by people and may grow.
func markArgs(folder int64, marks []mailsync.Mark) ([][]any, error) {
	var rows [][]any
	for _, m := range marks {
		switch m.State {
		case mailsync.Retry, mailsync.Skipped, mailsync.Watched, mailsync.Repaired:
		default:
			return nil, refuse(fmt.Errorf("mark of source uid %d has the unknown state %q", m.Source, m.State))
		}
		if m.Source == 0 {
			return nil, refuse(fmt.Errorf("mark of source uid 0: uids start at 1"))
		}
		finding, err := encodeFinding(m.Finding)
		if err != nil {
			return nil, refuse(err)
		}
		rows = append(rows, []any{folder, uint32(m.Source), string(m.State), m.Attempts, m.Passes, uint32(m.Watermark), m.UIDValidity, finding})
	}
	return rows, nil
}

// encodeFinding is empty for an empty finding. A date that JSON cannot hold (a
// year beyond 9999, an impossible zone) is left out.
func encodeFinding(f migration.Finding) (string, error) {
	if f == (migration.Finding{}) {
		return "", nil
	}
	text, err := json.Marshal(f)
	if err != nil {
		f.Date = time.Time{}
		text, err = json.Marshal(f)
	}
	return string(text), err
}

func scanMark(row scanner) (m mailsync.Mark, err error) {
	var finding string
	if err := row.Scan(&m.Source, &m.State, &m.Attempts, &m.Passes, &m.Watermark, &m.UIDValidity, &finding); err != nil {
		return m, err
	}
	if finding == "" {
		return m, nil
	}
	if err := json.Unmarshal([]byte(finding), &m.Finding); err != nil {
		return m, fmt.Errorf("%w: finding of source uid %d: %w", errDamaged, m.Source, err)
	}
	return m, nil
}

func upsertMarks(ctx context.Context, tx querier, rows [][]any) error {
	return execAll(ctx, tx, `INSERT INTO mark (folder, source, state, attempts, passes, watermark, uidvalidity, finding)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (folder, source) DO UPDATE SET state = excluded.state,
		attempts = excluded.attempts, passes = excluded.passes, watermark = excluded.watermark,
		uidvalidity = excluded.uidvalidity, finding = excluded.finding`, slices.Values(rows))
}

// deleteMarks looks first which of the marks are there: mostly none is.
func deleteMarks(ctx context.Context, tx querier, folder int64, sources migration.UIDSet) error {
	if sources.Empty() {
		return nil
	}
	marked, err := selectAll(ctx, tx, func(row scanner) (uid migration.UID, err error) { return uid, row.Scan(&uid) },
		"SELECT source FROM mark WHERE folder = $1 AND source BETWEEN $2 AND $3", folder, uint32(sources.Min()), uint32(sources.Max()))
	if err != nil {
		return err
	}
	return execAll(ctx, tx, "DELETE FROM mark WHERE folder = $1 AND source = $2", func(yield func([]any) bool) {
		for _, uid := range marked {
			if sources.Contains(uid) && !yield([]any{folder, uint32(uid)}) {
				return
			}
		}
	})
}
