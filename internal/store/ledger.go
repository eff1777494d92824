package store

import (
	"context"
	"fmt"

	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
)

var _ mailsync.Ledger = (*Ledger)(nil)

// Ledger is the durable record of one mailbox. It may be used by several
// goroutines. It holds nothing but the mailbox's number: all state is in the
// database.
type Ledger struct {
	store *Store
	// mailbox is the ledger's number.
	mailbox int64
	fence   *fence
}

// fence is what must hold for a ledger to be written.
type fence struct{ mailbox, generation int64 }

// Fence gives the ledger for a pass over a leased mailbox: its writing methods
// fail with migration.ErrLeaseLost, having done nothing, once the mailbox has
// another generation or no pass under way. A node that takes the mailbox over waits
// for a write that has begun.
func (l *Ledger) Fence(mailbox, generation int64) *Ledger {
	fenced := *l
	fenced.fence = &fence{mailbox, generation}
	return &fenced
}

// write runs work in a transaction, if the fence holds.
func (l *Ledger) write(ctx context.Context, doing string, work work) error {
	return l.store.write(ctx, doing, func(ctx context.Context, tx querier) error {
		if err := l.held(ctx, tx); err != nil {
			return err
		}
		return work(ctx, tx)
	})
}

func (l *Ledger) held(ctx context.Context, tx querier) error {
	if l.fence == nil {
		return nil
	}
	_, found, err := selectID(ctx, tx, "SELECT id FROM mailbox WHERE id = $1 AND generation = $2 AND running <> ''"+l.store.base.locking().share,
		l.fence.mailbox, l.fence.generation)
	if err == nil && !found {
		err = refuse(ErrLeaseLost)
	}
	return err
}

// Folders gives every folder the mailbox has a record of, in the order in which
// they came.
func (l *Ledger) Folders(ctx context.Context) ([]mailsync.FolderRecord, error) {
	var records []mailsync.FolderRecord
	err := l.store.read(ctx, "reading the folders", func(ctx context.Context, q querier) (err error) {
		records, err = selectAll(ctx, q, scanFolder, `SELECT id, source, target, source_uidvalidity, target_uidvalidity,
			source_uidnext, source_modseq, source_messages, watermark, departed FROM folder WHERE ledger = $1 ORDER BY id`, l.mailbox)
		return err
	})
	return records, err
}

func scanFolder(row scanner) (r mailsync.FolderRecord, err error) {
	var source, target, departed []byte
	var modSeq int64
	err = row.Scan(&r.ID, &source, &target, &r.SourceUIDValidity, &r.TargetUIDValidity,
		&r.SourceUIDNext, &modSeq, &r.SourceMessages, &r.Watermark, &departed)
	if err != nil {
		return r, err
	}
	r.Source, r.Target, r.SourceModSeq = string(source), string(target), uint64(modSeq)
	r.Departed, err = unpackUIDs(departed)
	return r, err
}

// SaveFolder inserts the record (ID zero, set on return) or replaces it. A
// folder is known by its source name: inserting one that is there already
// replaces that, so that a save can be repeated.
func (l *Ledger) SaveFolder(ctx context.Context, record *mailsync.FolderRecord) error {
	id := record.ID
	err := l.write(ctx, "recording a folder", func(ctx context.Context, tx querier) (err error) {
		if record.ID != 0 {
			return l.updateFolder(ctx, tx, record)
		}
		id, err = insertID(ctx, tx, `INSERT INTO folder (ledger, source, target, source_uidvalidity, target_uidvalidity,
			source_uidnext, source_modseq, source_messages, watermark, departed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
			ON CONFLICT (ledger, source) DO UPDATE SET target = excluded.target, source_uidvalidity = excluded.source_uidvalidity,
			target_uidvalidity = excluded.target_uidvalidity, source_uidnext = excluded.source_uidnext,
			source_modseq = excluded.source_modseq, source_messages = excluded.source_messages,
			watermark = excluded.watermark, departed = excluded.departed RETURNING id`,
			folderArgs(l.mailbox, record)...)
		return err
	})
	if err == nil {
		record.ID = id
	}
	return err
}

func (l *Ledger) updateFolder(ctx context.Context, tx querier, record *mailsync.FolderRecord) error {
	if err := l.own(ctx, tx, record.ID); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE folder SET source = $2, target = $3, source_uidvalidity = $4, target_uidvalidity = $5,
		source_uidnext = $6, source_modseq = $7, source_messages = $8, watermark = $9, departed = $10 WHERE id = $1`,
		folderArgs(record.ID, record)...)
	return err
}

func folderArgs(first int64, r *mailsync.FolderRecord) []any {
	return []any{first, bytesOf(r.Source), bytesOf(r.Target), r.SourceUIDValidity, r.TargetUIDValidity,
		uint32(r.SourceUIDNext), int64(r.SourceModSeq), r.SourceMessages, uint32(r.Watermark), bytesOf(r.Departed.Pack())}
}

// own refuses a folder that is not of this mailbox, and keeps others from writing
// to it until the transaction has ended.
func (l *Ledger) own(ctx context.Context, q querier, folder int64) error {
	_, found, err := selectID(ctx, q, "SELECT id FROM folder WHERE id = $1 AND ledger = $2"+l.store.base.locking().update, folder, l.mailbox)
	if err == nil && !found {
		err = refuse(fmt.Errorf("the mailbox has no folder with number %d", folder))
	}
	return err
}

// Flags gives the source's flags as last carried over to the target.
func (l *Ledger) Flags(ctx context.Context, folder int64) (mailsync.FlagSets, error) {
	flags := mailsync.FlagSets{}
	err := l.store.read(ctx, "reading the flags", func(ctx context.Context, q querier) error {
		packed, err := selectAll(ctx, q, func(row scanner) (packed []byte, err error) { return packed, row.Scan(&packed) },
			"SELECT packed FROM flags WHERE folder = $1", folder)
		if err == nil && len(packed) > 0 {
			flags, err = unpackFlags(packed[0])
		}
		return err
	})
	return flags, err
}

// SaveFlags replaces them.
func (l *Ledger) SaveFlags(ctx context.Context, folder int64, flags mailsync.FlagSets) error {
	packed := bytesOf(packFlags(flags))
	return l.write(ctx, "recording the flags", func(ctx context.Context, tx querier) error {
		if err := l.own(ctx, tx, folder); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO flags (folder, packed) VALUES ($1, $2) ON CONFLICT (folder) DO UPDATE SET packed = excluded.packed",
			folder, packed)
		return err
	})
}

// Pairs streams the copied pairs with a source UID in the set, or all when the
// set is nil. The callback may use the ledger; it sees the pairs as they were
// when Pairs was called. Its error ends the stream and is returned as it is.
func (l *Ledger) Pairs(ctx context.Context, folder int64, sources *migration.UIDSet, each func(mailsync.Pair) error) error {
	if sources != nil && sources.Empty() {
		return nil
	}
	wanted := migration.UIDsFrom(1, ^migration.UID(0))
	if sources != nil {
		wanted = *sources
	}
	var runs []run
	err := l.store.read(ctx, "reading the copied messages", func(ctx context.Context, q querier) error {
		blocks, err := selectBlocks(ctx, q, "WHERE folder = $1 AND source_last >= $2 AND source_first <= $3 ORDER BY source_first",
			folder, uint32(wanted.Min()), uint32(wanted.Max()))
		for _, b := range blocks {
			if err != nil {
				break
			}
			var more []run
			more, err = b.runs()
			runs = append(runs, more...)
		}
		return err
	})
	if err != nil {
		return err
	}
	return eachPair(runs, wanted, each)
}

func eachPair(runs []run, wanted migration.UIDSet, each func(mailsync.Pair) error) error {
	for _, r := range runs {
		stretch := migration.UIDsFrom(migration.UID(r.source), migration.UID(r.sourceEnd()-1))
		for source := range stretch.Intersect(wanted).All() {
			if err := each(mailsync.Pair{Source: source, Target: migration.UID(int64(source) + r.offset())}); err != nil {
				return err
			}
		}
	}
	return nil
}

// Intents gives the open intents, oldest first.
func (l *Ledger) Intents(ctx context.Context, folder int64) ([]mailsync.Intent, error) {
	var intents []mailsync.Intent
	err := l.store.read(ctx, "reading the open intents", func(ctx context.Context, q querier) (err error) {
		intents, err = selectIntents(ctx, q, folder)
		return err
	})
	return intents, err
}

func selectIntents(ctx context.Context, q querier, folder int64) ([]mailsync.Intent, error) {
	return selectAll(ctx, q, func(row scanner) (i mailsync.Intent, err error) {
		var packed []byte
		if err := row.Scan(&i.ID, &packed, &i.Watermark, &i.UIDValidity); err != nil {
			return i, err
		}
		i.Sources, err = unpackUIDs(packed)
		return i, err
	}, "SELECT id, sources, watermark, uidvalidity FROM intent WHERE folder = $1 ORDER BY id", folder)
}

// Marks gives the messages that are not plainly copied, ascending by source UID.
func (l *Ledger) Marks(ctx context.Context, folder int64) ([]mailsync.Mark, error) {
	var marks []mailsync.Mark
	err := l.store.read(ctx, "reading the marked messages", func(ctx context.Context, q querier) (err error) {
		marks, err = selectAll(ctx, q, scanMark,
			"SELECT source, state, attempts, passes, watermark, uidvalidity, finding FROM mark WHERE folder = $1 ORDER BY source", folder)
		return err
	})
	return marks, err
}

// FolderStanding is how far a folder of a mailbox has come, as its ledger has it.
type FolderStanding struct {
	Source, Target string
	// SourceMessages is how many the source had when the folder was last whole.
	SourceMessages int64
	// Copied is how many are at the target, Skipped how many were left out.
	Copied, Skipped int64
	// Whole: a pass has gone through the folder.
	Whole bool
}

// FolderStandings gives how far the folders of a mailbox have come, in the order in
// which they came; none for a mailbox without a ledger.
func (s *Store) FolderStandings(ctx context.Context, source, target string) (all []FolderStanding, err error) {
	err = s.read(ctx, "reading how far the folders are", func(ctx context.Context, q querier) (err error) {
		all, err = selectAll(ctx, q, func(row scanner) (f FolderStanding, err error) {
			var source, target []byte
			err = row.Scan(&source, &target, &f.SourceMessages, &f.Whole, &f.Copied, &f.Skipped)
			f.Source, f.Target = string(source), string(target)
			return f, err
		}, `SELECT f.source, f.target, f.source_messages, f.source_uidnext > 0,
			CAST(COALESCE((SELECT SUM(p.messages) FROM pairs p WHERE p.folder = f.id), 0) AS BIGINT),
			(SELECT COUNT(*) FROM mark k WHERE k.folder = f.id AND k.state IN ('skipped', 'retry'))
			FROM ledger l JOIN folder f ON f.ledger = l.id WHERE l.source = $1 AND l.target = $2 ORDER BY f.id`, bytesOf(source), bytesOf(target))
		return err
	})
	return all, err
}
