package store

import (
	"context"
	"fmt"

	"github.com/mailhaul/mailhaul/internal/mailsync"
)

// The size of a block in bytes. A block grows by the windows next to it until it
// is full, takes what falls inside it, and is split when it is beyond most.
const (
	blockFull = 512
	blockMost = 1024
)

// block is a row of the table pairs: the runs of one stretch of source UIDs. The
// stretches of a folder's blocks are disjoint, as are the runs in a block.
type block struct {
	sourceFirst, sourceLast uint64
	targetFirst, targetLast uint64
	messages                uint64
	packed                  []byte
}

func (b *block) full() bool { return len(b.packed) >= blockFull }

// runs unpacks the block and checks it against its row.
func (b *block) runs() ([]run, error) {
	runs, err := unpackRuns(b.packed)
	if err != nil {
		return nil, err
	}
	var count uint64
	for _, r := range runs {
		count += r.count
	}
	if count != b.messages || len(runs) == 0 || runs[0].source != b.sourceFirst || runs[len(runs)-1].sourceEnd()-1 != b.sourceLast {
		return nil, errDamaged
	}
	return runs, nil
}

// blocksOf packs runs into as few blocks as hold them.
func blocksOf(runs []run) []block {
	if one := packBlock(runs, blockMost); int(one.messages) == countOf(runs) {
		return []block{one}
	}
	var blocks []block
	for len(runs) > 0 {
		b := packBlock(runs, blockFull)
		blocks = append(blocks, b)
		_, runs = cut(runs, b.sourceLast+1)
	}
	return blocks
}

func countOf(runs []run) int {
	n := 0
	for _, r := range runs {
		n += int(r.count)
	}
	return n
}

// packBlock packs as many of the runs as keep the block within limit bytes, at
// least one.
func packBlock(runs []run, limit int) block {
	b := block{sourceFirst: runs[0].source, targetFirst: runs[0].target}
	var before run
	for i, r := range runs {
		packed := appendPacked(b.packed, before, r)
		if i > 0 && len(packed) > limit {
			break
		}
		b.packed, before = packed, r
		b.sourceLast = r.sourceEnd() - 1
		b.targetFirst = min(b.targetFirst, r.target)
		b.targetLast = max(b.targetLast, r.targetEnd()-1)
		b.messages += r.count
	}
	return b
}

// addPairs records pairs, which may be there already. It breaks no map: see
// mailsync.ErrMapped.
func addPairs(ctx context.Context, tx querier, folder int64, pairs []mailsync.Pair) error {
	if len(pairs) == 0 {
		return nil
	}
	runs, err := runsOf(pairs)
	if err != nil {
		return refuse(err)
	}
	if err := checkTargets(ctx, tx, folder, runs); err != nil {
		return err
	}
	for len(runs) > 0 {
		if runs, err = addLowest(ctx, tx, folder, runs); err != nil {
			return err
		}
	}
	return nil
}

// checkTargets refuses targets that other sources have. Only blocks that overlap
// with the new targets are read: as a rule none, because new messages have the
// highest UIDs.
func checkTargets(ctx context.Context, tx querier, folder int64, runs []run) error {
	wanted := sortedByTarget(runs)
	blocks, err := selectBlocks(ctx, tx, "WHERE folder = $1 AND target_last >= $2 AND target_first <= $3",
		folder, wanted[0].target, wanted[len(wanted)-1].targetEnd()-1)
	if err != nil {
		return err
	}
	for _, b := range blocks {
		have, err := b.runs()
		if err != nil {
			return err
		}
		if err := clash(have, wanted); err != nil {
			return refuse(err)
		}
	}
	return nil
}

// addLowest records those of the runs that fall between the same two blocks as
// the lowest, and gives back the others.
func addLowest(ctx context.Context, tx querier, folder int64, runs []run) ([]run, error) {
	below, err := selectBlocks(ctx, tx, "WHERE folder = $1 AND source_first <= $2 ORDER BY source_first DESC LIMIT 1", folder, runs[0].source)
	if err != nil {
		return nil, err
	}
	above, err := selectBlocks(ctx, tx, "WHERE folder = $1 AND source_first > $2 ORDER BY source_first LIMIT 1", folder, runs[0].source)
	if err != nil {
		return nil, err
	}
	here, rest := runs, []run(nil)
	if len(above) > 0 {
		here, rest = cut(runs, above[0].sourceFirst)
	}
	host := hostOf(here[0], below, above)
	var have []run
	if host != nil {
		if have, err = host.runs(); err != nil {
			return nil, err
		}
	}
	lacking, err := missing(have, here)
	if err != nil {
		return nil, refuse(err)
	}
	if len(lacking) == 0 {
		return rest, nil
	}
	return rest, replaceBlock(ctx, tx, folder, host, blocksOf(merge(have, lacking)))
}

// hostOf picks the block that takes in runs that start with lowest: the one
// below if lowest is inside it or it has room, else the one above if it has
// room, else none.
func hostOf(lowest run, below, above []block) *block {
	if len(below) > 0 && (lowest.source <= below[0].sourceLast || !below[0].full()) {
		return &below[0]
	}
	if len(above) > 0 && !above[0].full() {
		return &above[0]
	}
	return nil
}

// replaceBlock writes blocks in the place of old, which may be nil.
func replaceBlock(ctx context.Context, tx querier, folder int64, old *block, blocks []block) error {
	if old != nil {
		b := blocks[0]
		blocks = blocks[1:]
		_, err := tx.ExecContext(ctx, `UPDATE pairs SET source_first = $3, source_last = $4, target_first = $5,
			target_last = $6, messages = $7, packed = $8 WHERE folder = $1 AND source_first = $2`,
			folder, old.sourceFirst, b.sourceFirst, b.sourceLast, b.targetFirst, b.targetLast, b.messages, b.packed)
		if err != nil {
			return err
		}
	}
	for _, b := range blocks {
		_, err := tx.ExecContext(ctx, `INSERT INTO pairs (folder, source_first, source_last, target_first, target_last, messages, packed)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			folder, b.sourceFirst, b.sourceLast, b.targetFirst, b.targetLast, b.messages, b.packed)
		if err != nil {
			return err
		}
	}
	return nil
}

func selectBlocks(ctx context.Context, q querier, where string, args ...any) ([]block, error) {
	blocks, err := selectAll(ctx, q, func(row scanner) (b block, err error) {
		return b, row.Scan(&b.sourceFirst, &b.sourceLast, &b.targetFirst, &b.targetLast, &b.messages, &b.packed)
	}, "SELECT source_first, source_last, target_first, target_last, messages, packed FROM pairs "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("blocks of pairs: %w", err)
	}
	return blocks, nil
}
