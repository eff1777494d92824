package storetest

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
)

func mailbox(t *testing.T, s *store.Store, source string) *store.Ledger {
	t.Helper()
	ledger, err := s.Mailbox(t.Context(), source, dest)
	must(t, err)
	return ledger
}

func folder(t *testing.T, l *store.Ledger, name string) mailsync.FolderRecord {
	t.Helper()
	record := mailsync.FolderRecord{Source: name, Target: name, SourceUIDValidity: 1, TargetUIDValidity: 2, Watermark: 1}
	must(t, l.SaveFolder(t.Context(), &record))
	return record
}

func opened(t *testing.T, open Open) (*store.Ledger, int64, func() *store.Store) {
	t.Helper()
	s, reopen := open(t)
	ledger := mailbox(t, s, anna)
	return ledger, folder(t, ledger, "INBOX").ID, reopen
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantStop(t *testing.T, err error, code string) {
	t.Helper()
	fault := migration.FaultOf(err)
	if fault == nil || fault.Class != migration.Stop || fault.Code != code || fault.Doing == "" {
		t.Fatalf("error %v, want a fault of class stop and code %s that says what was being done", err, code)
	}
}

func allPairs(t *testing.T, l *store.Ledger, folder int64, sources *migration.UIDSet) []mailsync.Pair {
	t.Helper()
	var pairs []mailsync.Pair
	must(t, l.Pairs(t.Context(), folder, sources, func(p mailsync.Pair) error {
		pairs = append(pairs, p)
		return nil
	}))
	return sorted(pairs)
}

func sorted(pairs []mailsync.Pair) []mailsync.Pair {
	slices.SortFunc(pairs, func(a, b mailsync.Pair) int { return int(int64(a.Source) - int64(b.Source)) })
	return pairs
}

func wantPairs(t *testing.T, l *store.Ledger, folder int64, want ...mailsync.Pair) {
	t.Helper()
	if got := allPairs(t, l, folder, nil); !slices.Equal(got, want) {
		t.Fatalf("pairs %v, want %v", got, want)
	}
}

func wantIntents(t *testing.T, l *store.Ledger, folder int64, want ...string) {
	t.Helper()
	intents, err := l.Intents(t.Context(), folder)
	must(t, err)
	var got []string
	for _, i := range intents {
		got = append(got, i.Sources.String())
	}
	if !slices.Equal(got, want) {
		t.Fatalf("intents %q, want %q", got, want)
	}
}

func intend(t *testing.T, l *store.Ledger, folder int64, sources string) int64 {
	t.Helper()
	uids, err := migration.ParseUIDSet(sources)
	must(t, err)
	id, err := l.Intend(t.Context(), folder, mailsync.Intent{Sources: uids, Watermark: 9, UIDValidity: 2})
	must(t, err)
	return id
}

func wantFolder(t *testing.T, l *store.Ledger, want mailsync.FolderRecord) {
	t.Helper()
	records, err := l.Folders(t.Context())
	must(t, err)
	if len(records) != 1 || !sameRecord(records[0], want) {
		t.Fatalf("folders %+v, want %+v", records, want)
	}
}

func sameRecord(a, b mailsync.FolderRecord) bool {
	same := a.Departed.Equal(b.Departed)
	a.Departed, b.Departed = migration.UIDSet{}, migration.UIDSet{}
	return same && a.ID == b.ID && a.Source == b.Source && a.Target == b.Target &&
		a.SourceUIDValidity == b.SourceUIDValidity && a.TargetUIDValidity == b.TargetUIDValidity &&
		a.SourceUIDNext == b.SourceUIDNext && a.SourceModSeq == b.SourceModSeq &&
		a.SourceMessages == b.SourceMessages && a.Watermark == b.Watermark
}

func wantFlags(t *testing.T, l *store.Ledger, folder int64, want mailsync.FlagSets) {
	t.Helper()
	got, err := l.Flags(t.Context(), folder)
	must(t, err)
	if !maps.EqualFunc(got, want, migration.UIDSet.Equal) {
		t.Fatalf("flags %v, want %v", got, want)
	}
}

func wantMarks(t *testing.T, l *store.Ledger, folder int64, want ...mailsync.Mark) {
	t.Helper()
	got, err := l.Marks(t.Context(), folder)
	must(t, err)
	if !slices.EqualFunc(got, want, func(a, b mailsync.Mark) bool {
		same := a.Finding.Date.Equal(b.Finding.Date)
		a.Finding.Date, b.Finding.Date = time.Time{}, time.Time{}
		return same && a == b
	}) {
		t.Fatalf("marks %+v, want %+v", got, want)
	}
}
