package store_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
)

// TestBackupIsWholeWhileOthersWrite takes backups while a pass writes: each is
// sound, and holds a prefix of what was written.
func TestBackupIsWholeWhileOthersWrite(t *testing.T) {
	directory := t.TempDir()
	s := openAt(t, filepath.Join(directory, "ledger.db"))
	ledger, folder := inbox(t, s)
	var all sync.WaitGroup
	stop := make(chan struct{})
	all.Go(func() {
		for uid := migration.UID(1); ; uid++ {
			select {
			case <-stop:
				return
			default:
			}
			if err := ledger.Settle(t.Context(), folder, mailsync.Outcome{Copied: []mailsync.Pair{{Source: uid, Target: uid}}}); err != nil {
				t.Error(err)
				return
			}
		}
	})
	before := 0
	for i := range 5 {
		path := filepath.Join(directory, fmt.Sprint("backup", i))
		if err := s.Backup(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		wantSound(t, path)
		b := openAt(t, path)
		l, f := inbox(t, b)
		highest, n := migration.UID(0), 0
		if err := l.Pairs(t.Context(), f, nil, func(p mailsync.Pair) error { highest = max(highest, p.Source); n++; return nil }); err != nil {
			t.Fatal(err)
		}
		if int(highest) != n || n < before {
			t.Errorf("%d pairs up to %d, before it were %d", n, highest, before)
		}
		before = n
	}
	close(stop)
	all.Wait()
}

func TestBackupLeavesAloneWhatIsThere(t *testing.T) {
	directory := t.TempDir()
	s := openAt(t, filepath.Join(directory, "ledger.db"))
	path := filepath.Join(directory, "there")
	if err := os.WriteFile(path, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{path, filepath.Join(directory, "nowhere", "backup")} {
		if err := s.Backup(t.Context(), path); migration.ClassOf(err) != migration.Stop || !strings.Contains(err.Error(), path) {
			t.Errorf("error %v", err)
		}
	}
	if text, err := os.ReadFile(path); string(text) != "precious" || err != nil {
		t.Errorf("overwritten: %v", err)
	}
	files, err := filepath.Glob(filepath.Join(directory, "*.new*"))
	if err != nil || len(files) != 0 {
		t.Errorf("left behind: %v, %v", files, err)
	}
	if err := s.Change(t.Context(), "testing", func(tx *store.Tx) error { return tx.SetSetting("a", "b") }); err != nil {
		t.Errorf("a failed backup ended the store: %v", err)
	}
}

// TestWipedSecretsAreNotOnTheDisk looks for sealed passwords in all files of the
// database after a batch was wiped and deleted, with passwords of many lengths: how
// SQLite moves rows about depends on them.
func TestWipedSecretsAreNotOnTheDisk(t *testing.T) {
	for _, lengths := range []int{27, 41, 300, 454, 832} {
		t.Run(fmt.Sprint(lengths), func(t *testing.T) { leavesNoTrace(t, lengths) })
	}
}

func leavesNoTrace(t *testing.T, lengths int) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	s := openAt(t, path)
	canary, err := hex.DecodeString("c0ffee5ea1edc0ffee5ea1edc0ffee5ea1edc0ffee")
	if err != nil {
		t.Fatal(err)
	}
	traces := func() (n int) {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			data, err := os.ReadFile(path + suffix)
			if err != nil {
				t.Fatal(err)
			}
			n += bytes.Count(data, canary)
		}
		return n
	}
	b := migration.BatchRecord{Name: "pilot", Key: canary, Intent: migration.Run}
	do(t, s, func(tx *store.Tx) error {
		e := migration.EndpointRecord{Name: "old", AdminSecret: canary}
		if err := tx.CreateEndpoint(&e); err != nil {
			return err
		}
		mailboxes := make([]migration.MailboxRecord, 2000)
		for i := range mailboxes {
			mailboxes[i] = migration.MailboxRecord{Address: fmt.Sprint(i), SourceSecret: canary, TargetSecret: bytes.Repeat(canary, 1+i%lengths)}
		}
		b.Source, b.Target = e.ID, e.ID
		return tx.CreateBatch(&b, mailboxes)
	})
	do(t, s, func(tx *store.Tx) error { _, err := tx.StartMailboxes(b.ID); return err })
	if traces() < 4000 {
		t.Fatal("the test finds nothing even before")
	}
	do(t, s, func(tx *store.Tx) error {
		e, err := tx.Endpoint("old")
		if err != nil {
			return err
		}
		e.AdminSecret, b.Key = nil, nil
		return errors.Join(tx.SaveEndpoint(&e), tx.WipeSecrets(b.ID), tx.SaveBatch(&b))
	})
	if err := s.Scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := traces(); n != 0 {
		t.Errorf("%d traces after wiping", n)
	}
	do(t, s, func(tx *store.Tx) error { return tx.DeleteBatch(b.ID) })
	if err := s.Scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := traces(); n != 0 {
		t.Errorf("%d traces after deleting", n)
	}
	wantSound(t, path)
}
