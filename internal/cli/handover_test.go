package cli

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
	"github.com/mailhaul/mailhaul/rigs/effort"
)

// foldersEach is how many folders a mailbox of the large batch has.
const foldersEach = 8

// largeBatch fills a store with a batch of mailboxes that were copied, ledgers among it.
func largeBatch(t *testing.T, n int) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "mailhaul.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	ends := [2]migration.EndpointRecord{}
	var mailboxes []migration.MailboxRecord
	for i := range n {
		name := fmt.Sprintf("u%05d@example.org", i)
		mailboxes = append(mailboxes, migration.MailboxRecord{Row: i + 2, Address: name, SourceUser: name, TargetUser: name})
	}
	err = s.Change(t.Context(), "filling", func(tx *store.Tx) error {
		for i := range ends {
			ends[i] = migration.EndpointRecord{Name: fmt.Sprint("end", i), Endpoint: migration.Endpoint{Host: fmt.Sprintf("imap%d.example.org", i), Port: 993, Security: migration.Implicit}}
			if err := tx.CreateEndpoint(&ends[i]); err != nil {
				return err
			}
		}
		return tx.CreateBatch(&migration.BatchRecord{Name: "large", Source: ends[0].ID, Target: ends[1].ID, Intent: migration.Run}, mailboxes)
	})
	if err != nil {
		t.Fatal(err)
	}
	tx, err := s.DB().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	execute := func(query string, args ...any) {
		if _, err := tx.ExecContext(t.Context(), query, args...); err != nil {
			t.Fatal(err)
		}
	}
	for i, m := range mailboxes {
		sides := [2][]byte{}
		for j := range ends {
			side := serveSide{endpoint: ends[j], account: control.Account{Endpoint: ends[j].Endpoint, User: m.SourceUser}}
			sides[j] = []byte(side.identity())
		}
		execute("INSERT INTO ledger (id, source, target) VALUES (?, ?, ?)", i+1, sides[0], sides[1])
		for f := range foldersEach {
			id := i*foldersEach + f + 1
			execute("INSERT INTO folder (id, ledger, source, target, source_uidvalidity, target_uidvalidity, source_uidnext, source_modseq, source_messages, watermark, departed) VALUES (?, ?, ?, ?, 1, 1, 9, 0, 10, 0, x'')", id, i+1, fmt.Appendf(nil, "Old.%d", f), fmt.Appendf(nil, "New/%d", f))
			execute("INSERT INTO pairs (folder, source_first, source_last, target_first, target_last, messages, packed) VALUES (?, 1, 10, 1, 10, 10, x'')", id)
		}
	}
	execute("UPDATE mailbox SET last_synced = 1, passes = 1")
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheTableOfHandoversIsReadAPageAtATime(t *testing.T) { streamedHandovers(t, 1200) }

func TestLongTheTableOfHandoversIsReadAPageAtATime(t *testing.T) {
	effort.NeedLong(t)
	streamedHandovers(t, 50_000)
}

// streamedHandovers reads the table as it is written, and looks at the memory meanwhile.
func streamedHandovers(t *testing.T, n int) {
	t.Helper()
	s := largeBatch(t, n)
	var base, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&base)
	batch, found, err := reports{s}.ReportOf(t.Context(), "large")
	if err != nil || !found {
		t.Fatal(found, err)
	}
	begun := time.Now()
	out, in := io.Pipe()
	go func() { in.CloseWithError(batch.WriteHandovers(in)) }()
	table, rows, highest := csv.NewReader(out), 0, uint64(0)
	for {
		record, err := table.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if rows > 0 && (record[4] != fmt.Sprint(foldersEach) || record[5] != "80" || record[6] != "80" || record[7] != "0") {
			t.Fatalf("got %q", record)
		}
		if rows++; rows%(n/4) == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			highest = max(highest, now.HeapAlloc)
		}
	}
	grown := int64(highest) - int64(base.HeapAlloc)
	t.Logf("%d mailboxes in %v, live memory grown by %d kB", n, time.Since(begun).Round(time.Millisecond), grown/1000)
	if rows != n+1 || grown > 8<<20 {
		t.Errorf("%d rows, live memory grew by %d bytes", rows, grown)
	}
}
