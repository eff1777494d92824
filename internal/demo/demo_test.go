package demo

import (
	"bytes"
	"crypto/sha256"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mailhaul/mailhaul/internal/imap/wire"
	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/migration"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T) *Demo {
	t.Helper()
	d, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// each goes through all messages of the source.
func (d *Demo) each(do func(user, folder string, m imapfake.Message)) {
	for _, m := range d.Mailboxes {
		box := d.source.User(m.User)
		for _, folder := range box.Folders() {
			for _, message := range box.Messages(folder) {
				do(m.User, folder, message)
			}
		}
	}
}

func TestDemoMailIsTheSameAtEveryStart(t *testing.T) {
	digest := func(d *Demo) string {
		sum := sha256.New()
		d.each(func(user, folder string, m imapfake.Message) {
			sum.Write([]byte(user + folder + m.Date.Format(time.RFC3339) + strings.Join(m.Flags, " ")))
			sum.Write(m.Sum[:])
		})
		return string(sum.Sum(nil))
	}
	first, second := start(t), start(t)
	if digest(first) != digest(second) {
		t.Error("two starts give different mail")
	}
}

func TestDemoFiguresAreThoseOfTheSource(t *testing.T) {
	d := start(t)
	if len(d.Mailboxes) != 6 {
		t.Errorf("%d mailboxes, want 6", len(d.Mailboxes))
	}
	for _, m := range d.Mailboxes {
		box := d.source.User(m.User)
		messages := 0
		for _, folder := range box.Folders() {
			messages += box.Len(folder)
		}
		if m.Messages != messages || m.Folders != len(box.Folders()) || messages < 60 || messages > 300 {
			t.Errorf("%s: says %d messages in %d folders, has %d in %d", m.Address, m.Messages, m.Folders, messages, len(box.Folders()))
		}
		if got := d.target.User(m.Address).Len("INBOX"); got != 0 {
			t.Errorf("%s: the target begins with %d messages", m.Address, got)
		}
	}
	if d.Messages() < 800 || d.Bytes() < 8<<20 {
		t.Errorf("only %d messages, %d bytes", d.Messages(), d.Bytes())
	}
}

func TestDemoMailIsAwkward(t *testing.T) {
	d := start(t)
	seen := map[string]int{}
	sums := map[string]int{}
	ids := map[string]map[[sha256.Size]byte]bool{}
	note := func(name string, is bool) {
		if is {
			seen[name]++
		}
	}
	d.each(func(user, folder string, m imapfake.Message) {
		raw := m.Raw
		header, body, ended := bytes.Cut(raw, []byte("\r\n\r\n"))
		_, id, hasID := strings.Cut(string(header), "Message-ID: ")
		id, _, _ = strings.Cut(id, "\r\n")
		note("no Message-ID", ended && len(header) > 0 && !hasID)
		note("no header", bytes.HasPrefix(raw, []byte("\r\n")))
		note("no body", ended && len(body) == 0)
		note("no end of the header", !ended && !bytes.Contains(raw, []byte("\n\n")))
		note("bare LF", !bytes.Contains(raw, []byte("\r")))
		note("no final line end", len(raw) > 0 && raw[len(raw)-1] != '\n')
		note("8-bit header", bytes.Contains(header, []byte("\xfc")))
		note("line of more than 998 bytes", slices.ContainsFunc(bytes.Split(raw, []byte("\n")), func(line []byte) bool { return len(line) > 998 }))
		note("several MB", len(raw) > 4<<20)
		note("1970", m.Date.Year() == 1970)
		note("2038", m.Date.Year() == 2038)
		note("keyword", slices.Contains(m.Flags, "$label1"))
		sums[user+folder+string(m.Sum[:])]++
		if hasID {
			if ids[id] == nil {
				ids[id] = map[[sha256.Size]byte]bool{}
			}
			ids[id][m.Sum] = true
		}
	})
	for _, n := range sums {
		note("exact copy", n > 1)
	}
	for _, bodies := range ids {
		note("one Message-ID, several bodies", len(bodies) > 1)
	}
	for _, name := range []string{"no Message-ID", "no header", "no body", "no end of the header", "bare LF", "no final line end", "8-bit header",
		"line of more than 998 bytes", "several MB", "1970", "2038", "keyword", "exact copy", "one Message-ID, several bodies"} {
		if seen[name] == 0 {
			t.Errorf("no message has: %s", name)
		}
	}
}

func TestDemoFolderNamesAreSpelledAsTheProtocolWants(t *testing.T) {
	for _, p := range office() {
		for _, f := range p.folders {
			if got, want := wireName(f.name), wire.EncodeName(f.name); got != want {
				t.Errorf("%q is %q, want %q", f.name, got, want)
			}
		}
	}
}

func TestDemoFilesAreForTheirOwnerAndTheProduct(t *testing.T) {
	d, dir := start(t), t.TempDir()
	if err := d.WriteFiles(dir); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3+2*len(d.Mailboxes) {
		t.Fatalf("%d files, %v", len(entries), err)
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s has mode %v, %v", entry.Name(), info.Mode(), err)
		}
	}
	good := parse(t, filepath.Join(dir, MigrationFile))
	if len(good.Rows) != len(d.Mailboxes) || len(good.Problems) > 0 {
		t.Errorf("the migration file has %d rows and problems %v", len(good.Rows), good.Problems)
	}
	codes := map[string]bool{}
	for _, problem := range parse(t, filepath.Join(dir, BrokenFile)).Problems {
		codes[problem.Code] = true
	}
	if len(codes) < 6 {
		t.Errorf("the broken file shows only %v", codes)
	}
}

func parse(t *testing.T, path string) *migration.File {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	parsed, err := migration.ParseCSV(file, migration.CSVOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}
