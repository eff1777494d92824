package store_test

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
)

// holdLedger is what the test binary does when it plays another process.
func holdLedger(path string) {
	s, err := store.Open(context.Background(), path, store.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("held")
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = s.Close()
}

func wantRefused(t *testing.T, path string, words ...string) {
	t.Helper()
	s, err := store.Open(t.Context(), path, store.Options{})
	if err == nil {
		closeStore(t, s)
		t.Fatal("opened, want it refused")
	}
	fault := migration.FaultOf(err)
	if fault == nil || fault.Class != migration.Stop || fault.Remedy == "" ||
		fault.Code != migration.CodeLedgerFile && fault.Code != migration.CodeLedger {
		t.Fatalf("error %v, want a fault of the ledger with a remedy", err)
	}
	for _, word := range append(words, path) {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not say %q", err, word)
		}
	}
}

func query(t *testing.T, path, text string) []string {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var lines []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

func wantSound(t *testing.T, path string) {
	t.Helper()
	if got := query(t, path, "PRAGMA integrity_check"); len(got) != 1 || got[0] != "ok" {
		t.Fatalf("integrity check: %q", got)
	}
	if got := query(t, path, "SELECT \"table\" FROM pragma_foreign_key_check"); len(got) != 0 {
		t.Fatalf("foreign keys: %q", got)
	}
}

func inbox(t testing.TB, s *store.Store) (*store.Ledger, int64) {
	t.Helper()
	ledger, err := s.Mailbox(t.Context(), "anna@imap.example.org:993", "anna@mail.example.com:993")
	if err != nil {
		t.Fatal(err)
	}
	record := mailsync.FolderRecord{Source: "INBOX", Target: "INBOX"}
	if err := ledger.SaveFolder(t.Context(), &record); err != nil {
		t.Fatal(err)
	}
	return ledger, record.ID
}

func settle(t testing.TB, l *store.Ledger, folder int64, pairs ...mailsync.Pair) {
	t.Helper()
	if err := l.Settle(t.Context(), folder, mailsync.Outcome{Copied: pairs}); err != nil {
		t.Fatal(err)
	}
}

func countPairs(t testing.TB, l *store.Ledger, folder int64) int {
	t.Helper()
	n := 0
	if err := l.Pairs(t.Context(), folder, nil, func(mailsync.Pair) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "ledger.db")
	s := openAt(t, path)
	inbox(t, s)
	for name, want := range map[string]os.FileMode{
		filepath.Dir(path): 0o700, filepath.Dir(filepath.Dir(path)): 0o700,
		path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600, path + ".lock": 0o600,
	} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", name, got, want)
		}
	}
	closeStore(t, s)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	openAt(t, path)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("a readable ledger keeps mode %v (%v)", info.Mode(), err)
	}
}

func TestOddPaths(t *testing.T) {
	for _, name := range []string{"a b", "100%41?mode=ro#x", "ä\xff", "file:x", ":memory:", "-"} {
		path := filepath.Join(t.TempDir(), name)
		s := openAt(t, path)
		ledger, folder := inbox(t, s)
		settle(t, ledger, folder, mailsync.Pair{Source: 1, Target: 1})
		closeStore(t, s)
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%q: %v, %v", name, info, err)
		}
		if _, err := os.Stat(path + "-wal"); err == nil {
			t.Errorf("%q: the log is left behind", name)
		}
	}
}

func TestRefusesOtherFiles(t *testing.T) {
	directory := t.TempDir()
	other := filepath.Join(directory, "other.db")
	query(t, other, "CREATE TABLE cookie (x); INSERT INTO cookie VALUES (1)")
	otherBytes, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"short": []byte("x"), "text": bytes.Repeat([]byte("Dear Anna,\n"), 1000), "zeros": make([]byte, 8192), "other program": otherBytes,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(directory, name)
			if err := os.WriteFile(path, content, 0o644); err != nil {
				t.Fatal(err)
			}
			wantRefused(t, path, "not a ledger")
			after, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(after, content) {
				t.Errorf("the file was changed (%v)", err)
			}
			if _, err := os.Stat(path + ".lock"); err == nil {
				t.Error("a lock is left beside it")
			}
		})
	}
	wantRefused(t, directory)
	if _, err := store.Open(t.Context(), filepath.Join(directory, "text", "below", "ledger.db"), store.Options{}); migration.CodeOf(err) != migration.CodeLedgerFile {
		t.Errorf("a ledger below a file: %v", err)
	}
}

func TestRefusesDamagedLedger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	s := openAt(t, path)
	inbox(t, s)
	closeStore(t, s)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 200; i < len(data); i++ {
		data[i] = 0xAA
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, path, "malformed")
}

func TestRefusesNewerSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	closeStore(t, openAt(t, path))
	query(t, path, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (4711, 1)")
	wantRefused(t, path, "newer", "4711")
}

func TestOneProcessAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), "MAILHAUL_TEST_HOLD_LEDGER="+path)
	in, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Fatalf("other process: %q, %v", line, err)
	}
	wantRefused(t, path, "in use", strconv.Itoa(other.Process.Pid))
	_, err = store.Open(t.Context(), path, store.Options{})
	if remedy := migration.FaultOf(err).Remedy; !strings.Contains(remedy, "only for other mailboxes") {
		t.Errorf("the remedy would have mail copied twice: %s", remedy)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, link, "in use", strconv.Itoa(other.Process.Pid))
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = other.Wait()
	_ = in.Close()
	openAt(t, path)
	wantRefused(t, path, "this process")
}

func TestCreationIsWholeOrNotAtAll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	if err := os.WriteFile(path+".new", []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := openAt(t, path)
	if _, err := os.Stat(path + ".new"); err == nil {
		t.Error("the draft is left behind")
	}
	ledger, folder := inbox(t, s)
	settle(t, ledger, folder, mailsync.Pair{Source: 1, Target: 1})

	log := killedCopy(t, path)
	if err := os.Remove(log); err != nil {
		t.Fatal(err)
	}
	fresh := openAt(t, log)
	if mailboxes, err := fresh.Mailboxes(t.Context()); err != nil || len(mailboxes) != 0 {
		t.Errorf("the log of a deleted ledger came back: %v, %v", mailboxes, err)
	}
}

func TestForgetLeavesNoTrace(t *testing.T) {
	const secret = "Zaphod-Beeblebrox"
	path := filepath.Join(t.TempDir(), "ledger.db")
	s := openAt(t, path)
	inbox(t, s)
	ledger, err := s.Mailbox(t.Context(), secret, secret)
	if err != nil {
		t.Fatal(err)
	}
	record := mailsync.FolderRecord{Source: secret, Target: secret}
	if err := ledger.SaveFolder(t.Context(), &record); err != nil {
		t.Fatal(err)
	}
	for uid := range migration.UID(500) {
		mark := mailsync.Mark{Source: uid + 1, State: mailsync.Skipped, Finding: migration.Finding{Subject: strings.Repeat(secret, 20)}}
		if err := ledger.Settle(t.Context(), record.ID, mailsync.Outcome{Marks: []mailsync.Mark{mark}}); err != nil {
			t.Fatal(err)
		}
	}
	if traces(t, path, secret) == 0 {
		t.Fatal("the test finds nothing even before")
	}
	if err := s.Forget(t.Context(), secret, secret); err != nil {
		t.Fatal(err)
	}
	if n := traces(t, path, secret); n != 0 {
		t.Errorf("%d traces are left", n)
	}
}

func traces(t *testing.T, path, word string) int {
	t.Helper()
	n := 0
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		n += bytes.Count(data, []byte(word))
	}
	return n
}

func TestClosed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	s := openAt(t, path)
	ledger, folder := inbox(t, s)
	closeStore(t, s)
	closeStore(t, s)
	_, err := ledger.Intend(t.Context(), folder, mailsync.Intent{Sources: migration.NewUIDSet(1)})
	_, also := ledger.Marks(t.Context(), folder)
	for _, err := range []error{err, also} {
		if migration.ClassOf(err) != migration.Stop || !strings.Contains(err.Error(), "closed") {
			t.Errorf("error %v", err)
		}
	}
	wantSound(t, path)
}
