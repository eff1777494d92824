package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
)

func keepsCopied(t *testing.T, open Open) {
	s, reopen := open(t)
	b := between(t, s, 1)
	var minute int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			err := s.Change(t.Context(), "testing", func(tx *store.Tx) error {
				return errors.Join(tx.AddCopied(b.ID, migration.Copied{Messages: 1, Bytes: 1 << 40}), tx.AddCopied(b.ID+1, migration.Copied{Bytes: 5}))
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	sum := func(s *store.Store, batch, from, to, minutes int64) (sum migration.Copied) {
		view(t, s, func(tx *store.Tx) error {
			minute = migration.MinuteOf(tx.Now())
			copied, err := tx.Copied(batch, minute+from, minute+to, minutes)
			sum = migration.Copied{}
			for stretch, c := range copied {
				if stretch < 0 || stretch > (to-from)/minutes {
					t.Errorf("stretch %d", stretch)
				}
				sum.Add(c)
			}
			return err
		})
		return sum
	}
	same(t, "of the batch", sum(reopen(), b.ID, -3, 1, 1), migration.Copied{Messages: 8, Bytes: 8 << 40})
	same(t, "of all", sum(s, 0, -3, 1, 2), migration.Copied{Messages: 8, Bytes: 8<<40 + 40})
	same(t, "before", sum(s, 0, -100, -5, 10), migration.Copied{})
	change(t, s, func(tx *store.Tx) error { return tx.DropCopied(tx.Now().Add(-time.Hour)) })
	same(t, "what is not old", sum(s, b.ID, -3, 1, 1), migration.Copied{Messages: 8, Bytes: 8 << 40})
	change(t, s, func(tx *store.Tx) error { return tx.DropCopied(tx.Now().Add(time.Hour)) })
	same(t, "what is old", sum(s, 0, -3, 1, 1), migration.Copied{})
}

func keepsTranscripts(t *testing.T, open Open) {
	s, reopen := open(t)
	b := between(t, s, 2)
	all := mailboxes(t, s, store.MailboxFilter{Batch: b.ID})
	var kept []migration.Transcript
	for i := range 5 {
		transcript := migration.Transcript{At: time.UnixMicro(int64(1000 + i)).UTC(), Took: time.Duration(i) * time.Second, Kind: migration.InitialPass}
		transcript.Pack(fmt.Appendf(nil, "C: %d\x00\xff", i))
		kept = append([]migration.Transcript{transcript}, kept...)
		change(t, s, func(tx *store.Tx) error {
			return errors.Join(tx.SaveTranscript(all[0].ID, transcript), tx.SaveTranscript(all[1].ID, transcript))
		})
	}
	view(t, reopen(), func(tx *store.Tx) error {
		got, err := tx.Transcripts(all[0].ID)
		same(t, "transcripts", got, kept[:3])
		if text, err := got[0].Text(); text != "C: 4\x00\xff" || err != nil {
			t.Errorf("text %q, %v", text, err)
		}
		return err
	})
	change(t, s, func(tx *store.Tx) error { return tx.DeleteMailbox(all[0].ID) })
	view(t, s, func(tx *store.Tx) error {
		gone, err := tx.Transcripts(all[0].ID)
		others, also := tx.Transcripts(all[1].ID)
		if len(gone) != 0 || len(others) != 3 {
			t.Errorf("%d of a mailbox that is deleted, %d of another", len(gone), len(others))
		}
		return errors.Join(err, also)
	})
}

func findsAuditOfBatch(t *testing.T, open Open) {
	s, _ := open(t)
	var since time.Time
	for i, object := range []string{"batch/a", "mailbox/a/anna@example.org", "batch/ab", "mailbox/ab/a", "endpoint/a", "batch/A", "mailbox/a/b/c", "mailbox/a", "batch/a"} {
		change(t, s, func(tx *store.Tx) error {
			if i == 1 {
				since = tx.Now()
			}
			return tx.Audit(auditKey, "anna", "act", object, fmt.Sprint(i))
		})
	}
	for _, c := range []struct {
		name         string
		since        time.Time
		below, limit int64
		want         []string
	}{
		{"a", time.Time{}, 0, 10, []string{"8", "6", "1", "0"}},
		{"a", since, 0, 10, []string{"8", "6", "1"}},
		{"a", time.Time{}, 9, 2, []string{"6", "1"}},
		{"ab", time.Time{}, 0, 10, []string{"3", "2"}},
		{"nothing", time.Time{}, 0, 10, nil},
	} {
		view(t, s, func(tx *store.Tx) error {
			records, err := tx.AuditOfBatch(c.name, c.since, c.below, int(c.limit))
			var got []string
			for _, r := range records {
				got = append(got, r.Detail)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s below %d: %v, want %v", c.name, c.below, got, c.want)
			}
			return err
		})
	}
	view(t, s, func(tx *store.Tx) error { _, err := tx.VerifyAudit(auditKey); return err })
}

func samplesInitialCopies(t *testing.T, open Open) {
	s, _ := open(t)
	b := between(t, s, 5)
	began := time.UnixMicro(1_000_000).UTC()
	var want migration.Sample
	for i, m := range mailboxes(t, s, store.MailboxFilter{Batch: b.ID}) {
		worked := time.Duration(i) * 1500 * time.Millisecond
		c := migration.InitialCopy{Messages: int64(i) * 10, Bytes: int64(i) << 40, Worked: worked, Stalled: worked / 3, Began: began, Done: began.Add(2 * worked)}
		edit(t, s, m.ID, func(m *migration.MailboxRecord) {
			m.InitialWorked, m.InitialMessages, m.InitialBytes, m.Stalled, m.Started, m.InitialDone = c.Worked, c.Messages, c.Bytes, c.Stalled, c.Began, c.Done
			if i < 4 {
				m.Facts.Phase = migration.Incremental
			}
		})
		if i > 0 && i < 4 {
			want = append(migration.Sample{c}, want...)
		}
	}
	view(t, s, func(tx *store.Tx) error {
		got, err := tx.InitialCopies(b.ID)
		same(t, "sample", got, want)
		if err != nil {
			return err
		}
		got, err = tx.InitialCopies(b.ID + 1)
		same(t, "sample of nothing", len(got), 0)
		return err
	})
}

func tellsOfFolders(t *testing.T, open Open) {
	s, _ := open(t)
	ledger := mailbox(t, s, anna)
	inbox := folder(t, ledger, "INBOX")
	must(t, ledger.Settle(t.Context(), inbox.ID, mailsync.Outcome{Copied: []mailsync.Pair{{Source: 1, Target: 1}, {Source: 2, Target: 2}, {Source: 9, Target: 3}}}))
	must(t, ledger.Settle(t.Context(), inbox.ID, mailsync.Outcome{Marks: []mailsync.Mark{{Source: 4, State: mailsync.Skipped}, {Source: 5, State: mailsync.Retry}}}))
	inbox.SourceUIDNext, inbox.SourceMessages = 10, 5
	must(t, ledger.SaveFolder(t.Context(), &inbox))
	must(t, ledger.SaveFolder(t.Context(), &mailsync.FolderRecord{Source: "Entw&APw-rfe\xff", Target: "Drafts"}))
	got, err := s.FolderStandings(t.Context(), anna, dest)
	must(t, err)
	same(t, "folders", got, []store.FolderStanding{
		{Source: "INBOX", Target: inbox.Target, SourceMessages: 5, Copied: 3, Skipped: 2, Whole: true}, {Source: "Entw&APw-rfe\xff", Target: "Drafts"}})
	if got, err = s.FolderStandings(t.Context(), bert, dest); err != nil || len(got) != 0 {
		t.Errorf("of a mailbox without a ledger: %v, %v", got, err)
	}
}
