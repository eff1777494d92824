package mailsync

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// memLedger is a ledger in memory that keeps what a durable one promises.
type memLedger struct {
	mu    *sync.Mutex
	state ledgerState
	// before is called before a write, without the lock; with an error nothing
	// is written. after is called once it is durable; its error is what a
	// process that dies at this very moment never hears.
	before func(what string) error
	after  func(what string) error
	// remember keeps the states before the last writes in past, for a disk
	// that forgets.
	remember int
	past     []ledgerState
	// loose leaves invariant I3 unguarded, for mutants.
	loose bool
}

type ledgerState struct {
	lastID  int64
	folders []FolderRecord
	serials map[string]SerialSet
	entries map[int64]*ledgerEntry
}

type ledgerEntry struct {
	pairs   map[migration.UID]migration.UID
	intents []Intent
	marks   map[migration.UID]Mark
	flags   FlagSets
}

func newLedger() *memLedger {
	return &memLedger{mu: &sync.Mutex{}, state: ledgerState{entries: map[int64]*ledgerEntry{}}}
}

func newEntry() *ledgerEntry {
	return &ledgerEntry{pairs: map[migration.UID]migration.UID{}, marks: map[migration.UID]Mark{}, flags: FlagSets{}}
}

func (s ledgerState) clone() ledgerState {
	out := ledgerState{lastID: s.lastID, folders: slices.Clone(s.folders), serials: maps.Clone(s.serials), entries: map[int64]*ledgerEntry{}}
	for id, e := range s.entries {
		out.entries[id] = &ledgerEntry{pairs: maps.Clone(e.pairs), intents: slices.Clone(e.intents), marks: maps.Clone(e.marks), flags: maps.Clone(e.flags)}
	}
	return out
}

// write makes a change, all or nothing.
func (l *memLedger) write(what string, change func() error) error {
	if l.before != nil {
		if err := l.before(what); err != nil {
			return err
		}
	}
	l.mu.Lock()
	if l.remember > 0 {
		l.past = append(l.past, l.state)
		l.past = l.past[max(0, len(l.past)-l.remember):]
		l.state = l.state.clone()
	}
	err := change()
	l.mu.Unlock()
	if err != nil {
		return &migration.Fault{Class: migration.Stop, Code: migration.CodeLedger, Doing: what, Err: err}
	}
	if l.after != nil {
		return l.after(what)
	}
	return nil
}

func (l *memLedger) entry(folder int64) *ledgerEntry {
	e := l.state.entries[folder]
	if e == nil {
		panic(fmt.Sprintf("the ledger has no folder %d", folder))
	}
	return e
}

func (l *memLedger) Folders(context.Context) ([]FolderRecord, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.state.folders), nil
}

func (l *memLedger) SaveFolder(_ context.Context, record *FolderRecord) error {
	return l.write("folder", func() error {
		if record.ID == 0 {
			l.state.lastID++
			record.ID = l.state.lastID
			l.state.entries[record.ID] = newEntry()
			l.state.folders = append(l.state.folders, *record)
			return nil
		}
		l.replace(record)
		return nil
	})
}

func (l *memLedger) replace(record *FolderRecord) {
	for i := range l.state.folders {
		if l.state.folders[i].ID == record.ID {
			l.state.folders[i] = *record
		}
	}
}

func (l *memLedger) Flags(_ context.Context, folder int64) (FlagSets, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.entry(folder).flags), nil
}

func (l *memLedger) SaveFlags(_ context.Context, folder int64, flags FlagSets) error {
	return l.write("flags", func() error {
		l.entry(folder).flags = maps.Clone(flags)
		return nil
	})
}

func (l *memLedger) Pairs(_ context.Context, folder int64, sources *migration.UIDSet, each func(Pair) error) error {
	l.mu.Lock()
	var pairs []Pair
	for source, target := range l.entry(folder).pairs {
		if sources == nil || sources.Contains(source) {
			pairs = append(pairs, Pair{source, target})
		}
	}
	l.mu.Unlock()
	for _, pair := range pairs {
		if err := each(pair); err != nil {
			return err
		}
	}
	return nil
}

func (l *memLedger) Intend(_ context.Context, folder int64, intent Intent) (id int64, err error) {
	err = l.write("intend", func() error {
		l.state.lastID++
		id = l.state.lastID
		intent.ID = id
		e := l.entry(folder)
		e.intents = append(e.intents, intent)
		return nil
	})
	return id, err
}

func (l *memLedger) Intents(_ context.Context, folder int64) ([]Intent, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entry(folder).intents), nil
}

func (l *memLedger) Settle(_ context.Context, folder int64, outcome Outcome) error {
	return l.write("settle", func() error {
		e := l.entry(folder)
		if err := l.pair(e, outcome.Copied); err != nil {
			return err
		}
		settled := outcome.Released
		for _, pair := range outcome.Copied {
			settled = settled.Union(migration.NewUIDSet(pair.Source))
		}
		for uid := range outcome.Unmark.All() {
			delete(e.marks, uid)
		}
		for _, mark := range outcome.Marks {
			e.marks[mark.Source] = mark
			settled = settled.Union(migration.NewUIDSet(mark.Source))
		}
		var open []Intent
		for _, intent := range e.intents {
			if intent.Sources = intent.Sources.Minus(settled); !intent.Sources.Empty() {
				open = append(open, intent)
			}
		}
		e.intents = open
		return nil
	})
}

// pair records copies and guards the map: no target UID twice, and no source
// that is copied already to another.
func (l *memLedger) pair(e *ledgerEntry, pairs []Pair) error {
	taken := make(map[migration.UID]migration.UID, len(e.pairs)+len(pairs))
	for source, target := range e.pairs {
		taken[target] = source
	}
	for _, pair := range pairs {
		if !l.loose {
			if source, ok := taken[pair.Target]; ok && source != pair.Source {
				return fmt.Errorf("source %d wants target %d of source %d: %w", pair.Source, pair.Target, source, ErrMapped)
			}
			if target, ok := e.pairs[pair.Source]; ok && target != pair.Target {
				return fmt.Errorf("source %d is copied to %d already: %w", pair.Source, target, ErrMapped)
			}
		}
		taken[pair.Target] = pair.Source
		e.pairs[pair.Source] = pair.Target
	}
	return nil
}

func (l *memLedger) Marks(_ context.Context, folder int64) ([]Mark, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.SortedFunc(maps.Values(l.entry(folder).marks), func(a, b Mark) int { return int(a.Source) - int(b.Source) }), nil
}

func (l *memLedger) Serials(context.Context) ([]SerialSet, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Values(l.state.serials)), nil
}

func (l *memLedger) SaveSerials(_ context.Context, set SerialSet) error {
	return l.write("serials", func() error {
		if l.state.serials == nil {
			l.state.serials = map[string]SerialSet{}
		}
		set.Numbers, set.Others = maps.Clone(set.Numbers), maps.Clone(set.Others)
		l.state.serials[fmt.Sprintf("%s %d", set.Source, set.UIDValidity)] = set
		return nil
	})
}

func (l *memLedger) Rematch(_ context.Context, record *FolderRecord, outcome Outcome) error {
	return l.write("rematch", func() error {
		e := newEntry()
		e.flags = l.entry(record.ID).flags
		l.state.entries[record.ID] = e
		l.replace(record)
		for _, mark := range outcome.Marks {
			e.marks[mark.Source] = mark
		}
		return l.pair(e, outcome.Copied)
	})
}
