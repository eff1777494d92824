// Package storetest is what every database under package store must pass.
package storetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
)

// Open gives an empty store, and a function that gives what another process
// would find if this one were killed at that moment: a copy of a file, or the same
// database. Both are closed with the test.
type Open func(t *testing.T) (s *store.Store, reopen func() *store.Store)

const (
	anna = "anna@imap.example.org:993"
	bert = "bert@imap.example.org:993"
	dest = "anna@mail.example.com:993"
)

type suiteTest struct {
	name string
	test func(*testing.T, Open)
}

// Run runs the suite of the ledger.
func Run(t *testing.T, open Open) { runAll(t, open, ledgers) }

// RunRecords runs the suite of the service's records. Whatever a test does, the
// counts that are kept must be right in the end.
func RunRecords(t *testing.T, open Open) {
	runAll(t, func(t *testing.T) (*store.Store, func() *store.Store) {
		s, reopen := open(t)
		t.Cleanup(func() { keepsCounts(t, s) })
		return s, reopen
	}, records)
}

func runAll(t *testing.T, open Open, tests []suiteTest) {
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) { c.test(t, open) })
	}
}

var ledgers = []suiteTest{
	{"keeps mailboxes apart", keepsMailboxesApart},
	{"keeps folder names byte by byte", keepsNames},
	{"saves a folder again and again", savesFolderAgain},
	{"keeps flags", keepsFlags},
	{"keeps serial numbers", keepsSerials},
	{"keeps what accounts have moved", keepsMoved},
	{"keeps marks", keepsMarks},
	{"tells of folders", tellsOfFolders},
	{"settles intents", settlesIntents},
	{"settles twice without harm", settlesTwice},
	{"refuses a second source or target", refusesSecond},
	{"refuses nonsense and goes on", refusesNonsense},
	{"streams pairs while writing", streamsWhileWriting},
	{"rematches at once or not at all", rematches},
	{"survives an abrupt end", survivesAbruptEnd},
	{"forgets a mailbox", forgets},
	{"serves many at once", servesMany},
	{"honours an ended context", honoursContext},
	{"agrees with the model", agreesWithModel},
	{"keeps a big folder", keepsBigFolder},
}

func keepsMailboxesApart(t *testing.T, open Open) {
	s, _ := open(t)
	a, b := mailbox(t, s, anna), mailbox(t, s, bert)
	inA, inB := folder(t, a, "INBOX"), folder(t, b, "INBOX")
	must(t, a.Settle(t.Context(), inA.ID, mailsync.Outcome{Copied: []mailsync.Pair{{Source: 1, Target: 1}}}))
	wantPairs(t, mailbox(t, s, anna), inA.ID, mailsync.Pair{Source: 1, Target: 1})
	wantPairs(t, b, inB.ID)
	records, err := b.Folders(t.Context())
	must(t, err)
	if len(records) != 1 || records[0].ID != inB.ID || inA.ID == inB.ID {
		t.Fatalf("folders %v", records)
	}
	wantStop(t, b.Settle(t.Context(), inA.ID, mailsync.Outcome{Copied: []mailsync.Pair{{Source: 2, Target: 2}}}), migration.CodeLedger)
	all, err := s.Mailboxes(t.Context())
	must(t, err)
	if !slices.Equal(all, []store.Mailbox{{Source: anna, Target: dest}, {Source: bert, Target: dest}}) {
		t.Fatalf("mailboxes %v", all)
	}
}

func keepsNames(t *testing.T, open Open) {
	s, reopen := open(t)
	var every strings.Builder
	for b := range 256 {
		every.WriteByte(byte(b))
	}
	names := []string{"", "INBOX", "inbox", "Entw&APw-rfe", "a\x00b", "a", "\xff\xfe", "\xff", "'; DROP TABLE folder; --", "日本", every.String()}
	ledger := mailbox(t, s, "anna\xff@imap.example.org:993")
	for i, name := range names {
		must(t, ledger.SaveFolder(t.Context(), &mailsync.FolderRecord{Source: name, Target: names[len(names)-1-i]}))
	}
	records, err := mailbox(t, reopen(), "anna\xff@imap.example.org:993").Folders(t.Context())
	must(t, err)
	if len(records) != len(names) {
		t.Fatalf("%d folders, want %d", len(records), len(names))
	}
	for i, r := range records {
		if r.Source != names[i] || r.Target != names[len(names)-1-i] {
			t.Errorf("folder %q > %q, want %q > %q", r.Source, r.Target, names[i], names[len(names)-1-i])
		}
	}
}

func savesFolderAgain(t *testing.T, open Open) {
	s, _ := open(t)
	ledger := mailbox(t, s, anna)
	const most = ^uint32(0)
	first := mailsync.FolderRecord{Source: "INBOX", Target: "INBOX"}
	must(t, ledger.SaveFolder(t.Context(), &first))
	full := mailsync.FolderRecord{
		ID: first.ID, Source: "INBOX", Target: "Old", SourceUIDValidity: most, TargetUIDValidity: most - 1, SourceUIDNext: migration.UID(most),
		SourceModSeq: ^uint64(0), SourceMessages: most, Watermark: migration.UID(most), Departed: migration.NewUIDSet(1, 2, 7),
	}
	must(t, ledger.SaveFolder(t.Context(), &full))
	wantFolder(t, ledger, full)
	again := full
	again.ID, again.Target = 0, "New"
	must(t, ledger.SaveFolder(t.Context(), &again))
	if again.ID != first.ID {
		t.Fatalf("number %d, want %d: the folder was there", again.ID, first.ID)
	}
	wantFolder(t, ledger, again)
}

func keepsFlags(t *testing.T, open Open) {
	ledger, inbox, reopen := opened(t, open)
	wantFlags(t, ledger, inbox, nil)
	flags := mailsync.FlagSets{
		migration.FlagSeen: migration.UIDsFrom(1, ^migration.UID(0)), "$Forwarded": migration.NewUIDSet(3, 5, 9), "\xff": migration.NewUIDSet(1),
	}
	must(t, ledger.SaveFlags(t.Context(), inbox, flags))
	wantFlags(t, mailbox(t, reopen(), anna), inbox, flags)
	must(t, ledger.SaveFlags(t.Context(), inbox, mailsync.FlagSets{"x": migration.NewUIDSet(1)}))
	wantFlags(t, ledger, inbox, mailsync.FlagSets{"x": migration.NewUIDSet(1)})
	must(t, ledger.SaveFlags(t.Context(), inbox, nil))
	wantFlags(t, ledger, inbox, nil)
}

func keepsMarks(t *testing.T, open Open) {
	ledger, inbox, reopen := opened(t, open)
	zone := time.FixedZone("", -5*3600-1800)
	marks := []mailsync.Mark{
		{Source: 1, State: mailsync.Retry, Attempts: 2, Passes: 1, Watermark: 7, UIDValidity: 2},
		{Source: 5, State: mailsync.Skipped, Attempts: 3, Finding: migration.Finding{
			Code: migration.CodeTooLarge, Folder: "Entwürfe", UID: 5, Subject: "a\x00b\x1b", Size: 1 << 40, Count: 1,
			Date: time.Date(2024, 2, 29, 23, 59, 59, 0, zone), Reason: "too large", Remedy: "Raise the limit.",
		}},
		{Source: ^migration.UID(0), State: mailsync.Watched, Passes: 2},
		{Source: 9, State: mailsync.Skipped, Finding: migration.Finding{Code: "x", Date: time.Date(12024, 1, 1, 0, 0, 0, 0, time.UTC)}},
	}
	must(t, ledger.Settle(t.Context(), inbox, mailsync.Outcome{Marks: marks}))
	marks[3].Finding.Date = time.Time{}
	marks[2], marks[3] = marks[3], marks[2]
	wantMarks(t, mailbox(t, reopen(), anna), inbox, marks...)
	must(t, ledger.Settle(t.Context(), inbox, mailsync.Outcome{
		Unmark: migration.UIDsFrom(1, 5), Marks: []mailsync.Mark{{Source: 5, State: mailsync.Retry, Attempts: 4}},
	}))
	wantMarks(t, ledger, inbox, mailsync.Mark{Source: 5, State: mailsync.Retry, Attempts: 4}, marks[2], marks[3])
}

func settlesIntents(t *testing.T, open Open) {
	ledger, inbox, reopen := opened(t, open)
	first, second := intend(t, ledger, inbox, "1:5"), intend(t, ledger, inbox, "4,10:12")
	if first == second {
		t.Fatal("two intents with one number")
	}
	wantIntents(t, mailbox(t, reopen(), anna), inbox, "1:5", "4,10:12")
	must(t, ledger.Settle(t.Context(), inbox, mailsync.Outcome{
		Copied:   []mailsync.Pair{{Source: 4, Target: 30}, {Source: 12, Target: 31}},
		Marks:    []mailsync.Mark{{Source: 1, State: mailsync.Retry}},
		Released: migration.NewUIDSet(10, 77),
	}))
	wantIntents(t, ledger, inbox, "2:3,5", "11")
	must(t, ledger.Settle(t.Context(), inbox, mailsync.Outcome{Released: migration.UIDsFrom(2, 11)}))
	wantIntents(t, mailbox(t, reopen(), anna), inbox)
	wantPairs(t, ledger, inbox, mailsync.Pair{Source: 4, Target: 30}, mailsync.Pair{Source: 12, Target: 31})
	if again := intend(t, ledger, inbox, "5"); again <= second {
		t.Fatalf("intent %d after %d: a number was given twice", again, second)
	}
}

func settlesTwice(t *testing.T, open Open) {
	ledger, inbox, _ := opened(t, open)
	outcome := mailsync.Outcome{
		Copied: []mailsync.Pair{{Source: 1, Target: 3}, {Source: 2, Target: 4}, {Source: 9, Target: 1}, {Source: 1, Target: 3}},
		Marks:  []mailsync.Mark{{Source: 2, State: mailsync.Watched}},
	}
	for range 3 {
		must(t, ledger.Settle(t.Context(), inbox, outcome))
	}
	wantPairs(t, ledger, inbox, mailsync.Pair{Source: 1, Target: 3}, mailsync.Pair{Source: 2, Target: 4}, mailsync.Pair{Source: 9, Target: 1})
	some := migration.UIDsFrom(2, 8)
	if got := allPairs(t, ledger, inbox, &some); !slices.Equal(got, []mailsync.Pair{{Source: 2, Target: 4}}) {
		t.Fatalf("pairs %v of sources 2:8", got)
	}
	none := migration.UIDSet{}
	if got := allPairs(t, ledger, inbox, &none); len(got) > 0 {
		t.Fatalf("pairs %v of no sources", got)
	}
}

func refusesSecond(t *testing.T, open Open) {
	ledger, inbox, _ := opened(t, open)
	held := []mailsync.Pair{{Source: 10, Target: 100}, {Source: 11, Target: 101}, {Source: 12, Target: 102}, {Source: 20, Target: 50}}
	must(t, ledger.Settle(t.Context(), inbox, mailsync.Outcome{Copied: held}))
	intend(t, ledger, inbox, "13")
	for _, pairs := range [][]mailsync.Pair{
		{{Source: 13, Target: 101}},
		{{Source: 11, Target: 103}},
		{{Source: 13, Target: 103}, {Source: 1, Target: 50}},
		{{Source: 13, Target: 200}, {Source: 14, Target: 200}},
		{{Source: 13, Target: 200}, {Source: 13, Target: 201}},
		{{Source: 30, Target: 99}, {Source: 31, Target: 100}, {Source: 32, Target: 101}},
	} {
		err := ledger.Settle(t.Context(), inbox, mailsync.Outcome{Copied: pairs, Marks: []mailsync.Mark{{Source: 13, State: mailsync.Watched}}})
		wantStop(t, err, migration.CodeLedger)
		if !errors.Is(err, mailsync.ErrMapped) {
			t.Fatalf("error %v for %v, want ErrMapped", err, pairs)
		}
	}
	wantPairs(t, ledger, inbox, held...)
	wantIntents(t, ledger, inbox, "13")
	wantMarks(t, ledger, inbox)
	other := folder(t, ledger, "Archive")
	must(t, ledger.Settle(t.Context(), other.ID, mailsync.Outcome{Copied: []mailsync.Pair{{Source: 13, Target: 101}}}))
}

func refusesNonsense(t *testing.T, open Open) {
	ledger, inbox, _ := opened(t, open)
	ctx := t.Context()
	for _, outcome := range []mailsync.Outcome{
		{Copied: []mailsync.Pair{{Source: 0, Target: 1}}},
		{Copied: []mailsync.Pair{{Source: 1, Target: 0}}},
		{Marks: []mailsync.Mark{{Source: 1, State: "lost"}}},
		{Marks: []mailsync.Mark{{Source: 0, State: mailsync.Retry}}},
	} {
		wantStop(t, ledger.Settle(ctx, inbox, outcome), migration.CodeLedger)
	}
	_, err := ledger.Intend(ctx, inbox, mailsync.Intent{})
	wantStop(t, err, migration.CodeLedger)
	_, err = ledger.Intend(ctx, inbox+99, mailsync.Intent{Sources: migration.NewUIDSet(1)})
	wantStop(t, err, migration.CodeLedger)
	wantStop(t, ledger.SaveFlags(ctx, inbox+99, nil), migration.CodeLedger)
	wantStop(t, ledger.SaveFolder(ctx, &mailsync.FolderRecord{ID: inbox + 99}), migration.CodeLedger)
	wantStop(t, ledger.Rematch(ctx, &mailsync.FolderRecord{ID: inbox + 99}, mailsync.Outcome{}), migration.CodeLedger)
	intend(t, ledger, inbox, "1")
	wantPairs(t, ledger, inbox)
}

func streamsWhileWriting(t *testing.T, open Open) {
	ledger, inbox, _ := opened(t, open)
	must(t, ledger.Settle(t.Context(), inbox, mailsync.Outcome{Copied: []mailsync.Pair{{Source: 1, Target: 1}, {Source: 3, Target: 2}}}))
	must(t, ledger.Pairs(t.Context(), inbox, nil, func(p mailsync.Pair) error {
		return ledger.Settle(t.Context(), inbox, mailsync.Outcome{Copied: []mailsync.Pair{{Source: p.Source + 10, Target: p.Target + 10}}})
	}))
	if n := len(allPairs(t, ledger, inbox, nil)); n != 4 {
		t.Fatalf("%d pairs, want 4", n)
	}
	enough := errors.New("enough")
	if err := ledger.Pairs(t.Context(), inbox, nil, func(mailsync.Pair) error { return enough }); !errors.Is(err, enough) {
		t.Fatalf("error %v, want the callback's", err)
	}
}

func rematches(t *testing.T, open Open) {
	ledger, inbox, reopen := opened(t, open)
	ctx := t.Context()
	flags := mailsync.FlagSets{migration.FlagSeen: migration.NewUIDSet(1)}
	must(t, ledger.Settle(ctx, inbox, mailsync.Outcome{Copied: []mailsync.Pair{{Source: 1, Target: 1}}, Marks: []mailsync.Mark{{Source: 8, State: mailsync.Retry}}}))
	must(t, ledger.SaveFlags(ctx, inbox, flags))
	intend(t, ledger, inbox, "5")
	record := mailsync.FolderRecord{ID: inbox, Source: "INBOX", Target: "INBOX", SourceUIDValidity: 1, TargetUIDValidity: 77, Watermark: 3}

	err := ledger.Rematch(ctx, &record, mailsync.Outcome{Copied: []mailsync.Pair{{Source: 1, Target: 9}, {Source: 2, Target: 9}}})
	if !errors.Is(err, mailsync.ErrMapped) {
		t.Fatalf("error %v, want ErrMapped", err)
	}
	wantPairs(t, ledger, inbox, mailsync.Pair{Source: 1, Target: 1})
	wantIntents(t, ledger, inbox, "5")
	wantMarks(t, ledger, inbox, mailsync.Mark{Source: 8, State: mailsync.Retry})

	must(t, ledger.Rematch(ctx, &record, mailsync.Outcome{
		Copied: []mailsync.Pair{{Source: 1, Target: 9}, {Source: 2, Target: 8}}, Marks: []mailsync.Mark{{Source: 2, State: mailsync.Watched}},
	}))
	ledger = mailbox(t, reopen(), anna)
	wantFolder(t, ledger, record)
	wantPairs(t, ledger, inbox, mailsync.Pair{Source: 1, Target: 9}, mailsync.Pair{Source: 2, Target: 8})
	wantIntents(t, ledger, inbox)
	wantMarks(t, ledger, inbox, mailsync.Mark{Source: 2, State: mailsync.Watched})
	wantFlags(t, ledger, inbox, flags)

	record.SourceUIDValidity = 5
	must(t, ledger.Rematch(ctx, &record, mailsync.Outcome{}))
	wantPairs(t, ledger, inbox)
	wantMarks(t, ledger, inbox)
	wantFlags(t, ledger, inbox, flags)
}

func survivesAbruptEnd(t *testing.T, open Open) {
	ledger, inbox, reopen := opened(t, open)
	intend(t, ledger, inbox, "1:64")
	after := mailbox(t, reopen(), anna)
	wantIntents(t, after, inbox, "1:64")
	must(t, ledger.Settle(t.Context(), inbox, mailsync.Outcome{Copied: []mailsync.Pair{{Source: 2, Target: 2}}}))
	after = mailbox(t, reopen(), anna)
	wantPairs(t, after, inbox, mailsync.Pair{Source: 2, Target: 2})
	must(t, after.Settle(t.Context(), inbox, mailsync.Outcome{Copied: []mailsync.Pair{{Source: 1, Target: 1}}}))
	wantPairs(t, after, inbox, mailsync.Pair{Source: 1, Target: 1}, mailsync.Pair{Source: 2, Target: 2})
}

func forgets(t *testing.T, open Open) {
	s, reopen := open(t)
	ctx := t.Context()
	a, b := mailbox(t, s, anna), mailbox(t, s, bert)
	inA, inB := folder(t, a, "INBOX"), folder(t, b, "INBOX")
	for _, at := range []struct {
		ledger *store.Ledger
		folder int64
	}{{a, inA.ID}, {b, inB.ID}} {
		must(t, at.ledger.Settle(ctx, at.folder, mailsync.Outcome{Copied: []mailsync.Pair{{Source: 1, Target: 1}}, Marks: []mailsync.Mark{{Source: 3, State: mailsync.Retry}}}))
		must(t, at.ledger.SaveFlags(ctx, at.folder, mailsync.FlagSets{"x": migration.NewUIDSet(1)}))
		intend(t, at.ledger, at.folder, "2")
	}
	must(t, s.Forget(ctx, bert, dest))
	must(t, s.Forget(ctx, bert, dest))
	wantStop(t, b.SaveFlags(ctx, inB.ID, nil), migration.CodeLedger)
	wantPairs(t, b, inB.ID)
	after := reopen()
	wantPairs(t, mailbox(t, after, anna), inA.ID, mailsync.Pair{Source: 1, Target: 1})
	fresh := mailbox(t, after, bert)
	records, err := fresh.Folders(ctx)
	must(t, err)
	if len(records) != 0 {
		t.Fatalf("folders %v of a forgotten mailbox", records)
	}
	if again := folder(t, fresh, "INBOX"); again.ID <= inB.ID {
		t.Fatalf("folder number %d was given twice", again.ID)
	}
}

func servesMany(t *testing.T, open Open) {
	ledger, inbox, reopen := opened(t, open)
	const workers, windows = 8, 20
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := range windows {
				uid := migration.UID(1 + (i*workers+w)*4)
				_, err := ledger.Intend(context.Background(), inbox, mailsync.Intent{Sources: migration.UIDsFrom(uid, uid+3)})
				if err != nil {
					t.Error(err)
				}
				clash := ledger.Settle(context.Background(), inbox, mailsync.Outcome{Copied: []mailsync.Pair{{Source: uid, Target: uid}, {Source: uid + 1, Target: uid}}})
				if !errors.Is(clash, mailsync.ErrMapped) {
					t.Errorf("error %v, want ErrMapped", clash)
				}
				var pairs []mailsync.Pair
				for k := range migration.UID(4) {
					pairs = append(pairs, mailsync.Pair{Source: uid + k, Target: uid + k + 1000})
				}
				if err := ledger.Settle(context.Background(), inbox, mailsync.Outcome{Copied: pairs}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	after := mailbox(t, reopen(), anna)
	wantIntents(t, after, inbox)
	if n := len(allPairs(t, after, inbox, nil)); n != workers*windows*4 {
		t.Fatalf("%d pairs, want %d", n, workers*windows*4)
	}
}

func honoursContext(t *testing.T, open Open) {
	ledger, inbox, _ := opened(t, open)
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("the operator pressed stop")
	cancel(cause)
	_, err := ledger.Intend(ctx, inbox, mailsync.Intent{Sources: migration.NewUIDSet(1)})
	wantStop(t, err, migration.CodeInterrupted)
	if !errors.Is(err, cause) || !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v hides why it ended", err)
	}
	_, err = ledger.Intents(ctx, inbox)
	wantStop(t, err, migration.CodeInterrupted)
	wantIntents(t, ledger, inbox)
	intend(t, ledger, inbox, "2")
}
