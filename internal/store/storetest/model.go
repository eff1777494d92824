package storetest

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
)

// model is a folder of the ledger without any cleverness: maps of single
// messages.
type model struct {
	ledger  *store.Ledger
	record  mailsync.FolderRecord
	pairs   map[migration.UID]migration.UID
	intents map[int64]migration.UIDSet
	marks   map[migration.UID]mailsync.Mark
	flags   mailsync.FlagSets
}

func agreesWithModel(t *testing.T, open Open) {
	s, reopen := open(t)
	count := 0
	rapid.Check(t, func(r *rapid.T) {
		count++
		source := strconv.Itoa(count)
		m := &model{
			ledger: mailbox(t, s, source), pairs: map[migration.UID]migration.UID{},
			intents: map[int64]migration.UIDSet{}, marks: map[migration.UID]mailsync.Mark{}, flags: mailsync.FlagSets{},
		}
		m.record = folder(t, m.ledger, "INBOX")
		r.Repeat(map[string]func(*rapid.T){
			"check":   m.check,
			"intend":  m.intend,
			"settle":  m.settle,
			"window":  m.window,
			"rematch": m.rematch,
			"flags":   m.saveFlags,
		})
		m.check(r)
		if count%10 == 0 {
			m.ledger = mailbox(t, reopen(), source)
			m.check(r)
		}
	})
}

// uids are close together, so that stretches meet, overlap and clash; a few are
// at the upper end.
func uid(r *rapid.T, label string) migration.UID {
	n := rapid.Uint32Range(1, 60).Draw(r, label)
	if rapid.IntRange(0, 9).Draw(r, label+" high") == 0 {
		n = ^uint32(0) - n + 1
	}
	return migration.UID(n)
}

func uidSet(r *rapid.T, label string) migration.UIDSet {
	var s migration.UIDSet
	for range rapid.IntRange(0, 3).Draw(r, label+" ranges") {
		first := uid(r, label)
		last := uint64(first) + uint64(rapid.IntRange(0, 6).Draw(r, label+" length"))
		s.AddRange(first, migration.UID(min(last, 1<<32-1)))
	}
	return s
}

func copied(r *rapid.T) []mailsync.Pair {
	return rapid.SliceOfN(rapid.Custom(func(r *rapid.T) mailsync.Pair {
		return mailsync.Pair{Source: uid(r, "source"), Target: uid(r, "target")}
	}), 0, 4).Draw(r, "pairs")
}

func marks(r *rapid.T) []mailsync.Mark {
	return rapid.SliceOfNDistinct(rapid.Custom(func(r *rapid.T) mailsync.Mark {
		return mailsync.Mark{
			Source:   uid(r, "mark"),
			State:    rapid.SampledFrom([]mailsync.MarkState{mailsync.Retry, mailsync.Skipped, mailsync.Watched}).Draw(r, "state"),
			Attempts: rapid.IntRange(0, 9).Draw(r, "attempts"),
			Finding:  migration.Finding{Reason: rapid.String().Draw(r, "reason")},
		}
	}), 0, 3, func(m mailsync.Mark) migration.UID { return m.Source }).Draw(r, "marks")
}

func (m *model) intend(r *rapid.T) {
	sources := uidSet(r, "intent")
	id, err := m.ledger.Intend(r.Context(), m.record.ID, mailsync.Intent{Sources: sources})
	if sources.Empty() != (err != nil) {
		r.Fatalf("intend %v: %v", sources, err)
	}
	if err == nil {
		m.intents[id] = sources
	}
}

// window settles a stretch that fits, as a pass does.
func (m *model) window(r *rapid.T) {
	top := migration.UID(0)
	for _, target := range m.pairs {
		if target < 1<<31 {
			top = max(top, target)
		}
	}
	step := migration.UID(rapid.IntRange(1, 3).Draw(r, "step"))
	first, n := uid(r, "first"), rapid.IntRange(1, 20).Draw(r, "messages")
	var outcome mailsync.Outcome
	for source := first; n > 0 && source != 0; source, n = source+1, n-1 {
		if m.pairs[source] == 0 {
			top += step
			outcome.Copied = append(outcome.Copied, mailsync.Pair{Source: source, Target: top})
		}
	}
	m.apply(r, outcome)
}

func (m *model) settle(r *rapid.T) {
	m.apply(r, mailsync.Outcome{Copied: copied(r), Marks: marks(r), Unmark: uidSet(r, "unmark"), Released: uidSet(r, "released")})
}

func (m *model) apply(r *rapid.T, outcome mailsync.Outcome) {
	pairs, fits := injected(m.pairs, outcome.Copied)
	err := m.ledger.Settle(r.Context(), m.record.ID, outcome)
	if !fits {
		if !errors.Is(err, mailsync.ErrMapped) {
			r.Fatalf("error %v, want ErrMapped", err)
		}
		return
	}
	if err != nil {
		r.Fatal(err)
	}
	m.pairs = pairs
	gone := outcome.Released
	for _, p := range outcome.Copied {
		gone.AddRange(p.Source, p.Source)
	}
	maps.DeleteFunc(m.marks, func(uid migration.UID, _ mailsync.Mark) bool { return outcome.Unmark.Contains(uid) })
	for _, mark := range outcome.Marks {
		gone.Add(mark.Source)
		m.marks[mark.Source] = mark
	}
	for id, sources := range m.intents {
		if m.intents[id] = sources.Minus(gone); m.intents[id].Empty() {
			delete(m.intents, id)
		}
	}
}

// injected adds pairs to a map, if it stays injective.
func injected(have map[migration.UID]migration.UID, pairs []mailsync.Pair) (map[migration.UID]migration.UID, bool) {
	out, back := maps.Clone(have), map[migration.UID]migration.UID{}
	for source, target := range have {
		back[target] = source
	}
	for _, p := range pairs {
		if target, there := out[p.Source]; there && target != p.Target {
			return nil, false
		}
		if source, there := back[p.Target]; there && source != p.Source {
			return nil, false
		}
		out[p.Source], back[p.Target] = p.Target, p.Source
	}
	return out, true
}

func (m *model) rematch(r *rapid.T) {
	record := m.record
	record.TargetUIDValidity++
	if rapid.Bool().Draw(r, "source changed") {
		record.SourceUIDValidity++
	}
	outcome := mailsync.Outcome{Copied: copied(r), Marks: marks(r)}
	pairs, fits := injected(map[migration.UID]migration.UID{}, outcome.Copied)
	err := m.ledger.Rematch(r.Context(), &record, outcome)
	if !fits {
		if !errors.Is(err, mailsync.ErrMapped) {
			r.Fatalf("error %v, want ErrMapped", err)
		}
		return
	}
	if err != nil {
		r.Fatal(err)
	}
	m.record, m.pairs = record, pairs
	clear(m.intents)
	clear(m.marks)
	for _, mark := range outcome.Marks {
		m.marks[mark.Source] = mark
	}
}

func (m *model) saveFlags(r *rapid.T) {
	m.flags = mailsync.FlagSets{}
	for range rapid.IntRange(0, 3).Draw(r, "flags") {
		m.flags[rapid.String().Draw(r, "flag")] = uidSet(r, "flagged")
	}
	if err := m.ledger.SaveFlags(r.Context(), m.record.ID, m.flags); err != nil {
		r.Fatal(err)
	}
}

func (m *model) check(r *rapid.T) {
	got := map[migration.UID]migration.UID{}
	some, inSome := uidSet(r, "asked"), 0
	collect := func(p mailsync.Pair) error { got[p.Source] = p.Target; return nil }
	failIf(r, m.ledger.Pairs(r.Context(), m.record.ID, nil, collect))
	if !maps.Equal(got, m.pairs) {
		r.Fatalf("pairs %v, want %v", got, m.pairs)
	}
	failIf(r, m.ledger.Pairs(r.Context(), m.record.ID, &some, func(p mailsync.Pair) error {
		if inSome++; !some.Contains(p.Source) || m.pairs[p.Source] != p.Target {
			r.Fatalf("pair %v was not asked for", p)
		}
		return nil
	}))
	for source := range m.pairs {
		if some.Contains(source) {
			inSome--
		}
	}
	if inSome != 0 {
		r.Fatalf("%d pairs too many of %v", inSome, some)
	}
	intents, err := m.ledger.Intents(r.Context(), m.record.ID)
	failIf(r, err)
	open := map[int64]migration.UIDSet{}
	for _, i := range intents {
		open[i.ID] = i.Sources
	}
	if !maps.EqualFunc(open, m.intents, migration.UIDSet.Equal) {
		r.Fatalf("intents %v, want %v", open, m.intents)
	}
	m.checkMarks(r)
}

func (m *model) checkMarks(r *rapid.T) {
	got, err := m.ledger.Marks(r.Context(), m.record.ID)
	failIf(r, err)
	var want []mailsync.Mark
	for _, source := range slices.Sorted(maps.Keys(m.marks)) {
		want = append(want, m.marks[source])
	}
	if !slices.Equal(got, want) {
		r.Fatalf("marks %v, want %v", got, want)
	}
	flags, err := m.ledger.Flags(r.Context(), m.record.ID)
	failIf(r, err)
	if !maps.EqualFunc(flags, m.flags, migration.UIDSet.Equal) {
		r.Fatalf("flags %v, want %v", flags, m.flags)
	}
	records, err := m.ledger.Folders(r.Context())
	failIf(r, err)
	if len(records) != 1 || !sameRecord(records[0], m.record) {
		r.Fatalf("folders %v, want %v", records, m.record)
	}
}

func failIf(r *rapid.T, err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}
