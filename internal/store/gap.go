package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
)

// SQLite overwrites what is deleted (secure_delete), but not what it moves: where rows
// grow or go, it lays pages out anew, and copies of rows stay between the list of cells
// and the cells (SQLite file format section 1.6), where nothing looks any more. So the
// copy of a password may outlive it.

// withSecrets are the tables whose rows hold what must leave no trace.
var withSecrets = []string{"endpoint", "batch", "mailbox"}

// fillGaps overwrites the gaps of the pages of these tables with zeros.
func fillGaps(ctx context.Context, q querier) error {
	for _, table := range withSecrets {
		pages, err := selectAll(ctx, q, scanGap, `SELECT s.pageno, p.data FROM dbstat s JOIN sqlite_dbpage p ON p.pgno = s.pageno
			WHERE s.name = $1 AND s.pagetype IN ('leaf', 'internal') AND s.pageno > 1`, table)
		if err != nil {
			return fmt.Errorf("looking for gaps: %w", err)
		}
		for _, p := range pages {
			if p.filled == nil {
				continue
			}
			if _, err := q.ExecContext(ctx, "UPDATE sqlite_dbpage SET data = $2 WHERE pgno = $1", p.number, p.filled); err != nil {
				return fmt.Errorf("filling a gap: %w", err)
			}
		}
	}
	return nil
}

// gapPage is a page whose gap was filled, nil where it was empty already.
type gapPage struct {
	number int64
	filled []byte
}

func scanGap(row scanner) (p gapPage, err error) {
	var data []byte
	if err = row.Scan(&p.number, &data); err != nil {
		return p, err
	}
	from, to, ok := gapOf(data)
	if ok && bytes.ContainsFunc(data[from:to], func(r rune) bool { return r != 0 }) {
		p.filled = slices.Clone(data)
		clear(p.filled[from:to])
	}
	return p, nil
}

// gapOf finds the gap of a page of a table or an index, false when it is no such page.
func gapOf(page []byte) (from, to int, ok bool) {
	const leafHeader, interiorHeader = 8, 12
	if len(page) < interiorHeader {
		return 0, 0, false
	}
	from = leafHeader
	switch page[0] {
	case 2, 5: // of an index or a table, with pages below it
		from = interiorHeader
	case 10, 13: // a leaf of an index or a table
	default:
		return 0, 0, false
	}
	from += 2 * int(binary.BigEndian.Uint16(page[3:]))
	if to = int(binary.BigEndian.Uint16(page[5:])); to == 0 {
		to = 1 << 16
	}
	return from, to, from <= to && to <= len(page)
}
