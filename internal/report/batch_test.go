package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/rigs/effort"
)

var reported = time.Date(2026, 11, 25, 6, 0, 0, 0, time.UTC)

// mailboxOf has gone through a pass.
func mailboxOf(address string, counts migration.Counts) migration.MailboxRecord {
	return migration.MailboxRecord{
		Address: address, SourceUser: "old-" + address, TargetUser: address, SourceSecret: []byte("sealed-source"), TargetSecret: []byte("sealed-target"),
		Facts:    migration.MailboxFacts{Batch: migration.Run, Intent: migration.Run, Phase: migration.Incremental, Passes: 1, Skipped: counts.Skipped},
		Progress: migration.MailboxProgress{Counts: counts, Moved: int64(counts.Copied), MovedBytes: int64(counts.Copied) * 50_000},
		Waited:   90 * time.Second, Worked: 10 * time.Minute, Stalled: 30 * time.Second, LastSynced: reported.Add(-time.Hour), InitialDone: reported.Add(-2 * time.Hour),
	}
}

func sampleBatch() Batch {
	synced := mailboxOf("anna@example.org", migration.Counts{Source: 4000, Copied: 3990, Present: 8, Gone: 2})
	partly := mailboxOf("ben@example.org", migration.Counts{Source: 1000, Copied: 997, Skipped: 3})
	partly.Facts.Approved = 1
	failed := migration.MailboxRecord{Address: "carla@example.org", Facts: migration.MailboxFacts{Batch: migration.Run, Intent: migration.Run, Phase: migration.Initial, Failed: true},
		Trouble: &migration.Trouble{At: reported, Class: migration.Login, Code: migration.CodeLogin, Reason: `signing in to imap.old.example as carla: the server said "no"`, Remedy: "Give the right password, and start the mailbox."}}
	running := migration.MailboxRecord{Address: "dora@example.org", Since: reported.Add(-100 * time.Second), Waited: time.Minute, Worked: time.Second,
		Facts:    migration.MailboxFacts{Batch: migration.Run, Intent: migration.Run, Phase: migration.Initial, Running: migration.InitialPass, Begun: true},
		Progress: migration.MailboxProgress{Messages: 250, MessagesTotal: 1000, Moved: 250, MovedBytes: 20_200_000, Waiting: "throttled by the target until 06:02"},
		Trouble:  &migration.Trouble{Class: migration.Later, Code: migration.CodeThrottled, Reason: "the target asks for a pause", Until: reported.Add(2 * time.Minute)}}
	queued := migration.MailboxRecord{Address: "emil@example.org", Since: reported.Add(-30 * time.Second), Due: reported.Add(-30 * time.Second),
		Facts: migration.MailboxFacts{Batch: migration.Run, Intent: migration.Run, Phase: migration.Initial}}
	findings := []migration.FindingRecord{
		{Finding: migration.Finding{Code: migration.CodeTooLarge, Folder: "INBOX", UID: 811, Subject: "Fotos vom Sommerfest", Date: began, Size: 61_203_114, Reason: "the message is larger than the 35 MB the target takes", Remedy: "Raise the limit of the target."}, Lost: true, ApprovedBy: "olga"},
		{Finding: migration.Finding{Code: migration.CodeUnreadable, Folder: "Sent", Count: 2, Reason: "the source closed the connection at each try"}, Lost: true},
		{Finding: migration.Finding{Code: migration.CodeKeywordDropped, Folder: "INBOX", Count: 20, Reason: "the target does not keep $Label1"}},
	}
	return Batch{
		BatchRecord: migration.BatchRecord{ID: 7, Name: "sales-2026", Intent: migration.Run, Key: []byte("wrapped-key"), Created: reported.Add(-26 * time.Hour), Started: reported.Add(-25 * time.Hour),
			Counts: migration.BatchCounts{Total: 5, Begun: 4, Running: 1, Synced: 2, Failed: 1, Troubled: 1}},
		Source: "imap.old.example", Target: "imap.new.example", At: reported,
		Mailboxes: all(BatchMailbox{MailboxRecord: synced}, BatchMailbox{MailboxRecord: partly, Findings: all(findings...)}, BatchMailbox{MailboxRecord: failed}, BatchMailbox{MailboxRecord: running}, BatchMailbox{MailboxRecord: queued}),
	}
}

func all[T any](of ...T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range of {
			if !yield(v, nil) {
				return
			}
		}
	}
}

// written is every form of a report.
type written struct {
	statistics, errors, json, page, letter bytes.Buffer
	total                                  BatchTotal
}

func (w *written) forms() map[string]*bytes.Buffer {
	return map[string]*bytes.Buffer{"statistics": &w.statistics, "errors": &w.errors, "JSON": &w.json, "page": &w.page, "letter": &w.letter}
}

func write(t *testing.T, b Batch) *written {
	t.Helper()
	var w written
	var err error
	w.total, err = b.Write(BatchFiles{Statistics: &w.statistics, Errors: &w.errors, JSON: &w.json, Page: &w.page, Letter: &w.letter})
	if err != nil {
		t.Fatal(err)
	}
	return &w
}

func TestBatchStatisticsHaveARowForEachMailbox(t *testing.T) {
	records := readCSV(t, write(t, sampleBatch()).statistics.Bytes())
	if len(records) != 6 || !slices.Equal(records[0], batchColumnNames(StatisticsFile)) {
		t.Fatalf("got %q", records)
	}
	for i, want := range []string{
		"anna@example.org|old-anna@example.org|anna@example.org|Synced|incremental|Perfect|3998|3998|0|0|100|3990|199500000|332500|1|90|600|30|2026-11-25T04:00:00Z|2026-11-25T05:00:00Z|||||",
		"ben@example.org|old-ben@example.org|ben@example.org|Synced|incremental|Investigate|1000|997|3|1|100|997|49850000|83083|1|90|600|30|2026-11-25T04:00:00Z|2026-11-25T05:00:00Z|||||",
		`carla@example.org|||Failed|initial||0|0|0|0|0|0|0|0|0|0|0|0||||login|signing in to imap.old.example as carla: the server said "no"|Give the right password, and start the mailbox.|`,
		"dora@example.org|||Syncing|initial||1000|250|0|0|25|250|20200000|200000|0|60|101|0|||throttled by the target until 06:02|throttled|the target asks for a pause||2026-11-25T06:02:00Z",
		"emil@example.org|||Queued|initial||0|0|0|0|0|0|0|0|0|30|0|0|||||||",
	} {
		if got := strings.Join(records[i+1], "|"); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestBatchErrorsHaveWhatDidNotArrive(t *testing.T) {
	records := readCSV(t, write(t, sampleBatch()).errors.Bytes())
	if len(records) != 5 || !slices.Equal(records[0], batchColumnNames(ErrorsFile)) {
		t.Fatalf("got %q", records)
	}
	for i, want := range []string{
		"ben@example.org|INBOX|811|Fotos vom Sommerfest|2026-08-03T18:04:00Z|61203114|too-large|the message is larger than the 35 MB the target takes|Raise the limit of the target.|1|olga",
		"ben@example.org|Sent|||||source-unreadable|the source closed the connection at each try||2|",
		`carla@example.org||||||login|signing in to imap.old.example as carla: the server said "no"|Give the right password, and start the mailbox.||`,
		"dora@example.org||||||throttled|the target asks for a pause|||",
	} {
		if got := strings.Join(records[i+1], "|"); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func batchColumnNames(file string) []string {
	var names []string
	for _, c := range BatchColumns() {
		if c.File == file {
			names = append(names, c.Name)
		}
	}
	return names
}

func TestBatchTotalSumsUp(t *testing.T) {
	total := write(t, sampleBatch()).total
	if total.Mailboxes != 5 || total.Statuses[migration.MailboxSynced] != 2 || total.Statuses[migration.MailboxFailed] != 1 || total.Score != migration.Investigate {
		t.Errorf("got %+v", total)
	}
	if total.SourceMessages != 5998 || total.SyncedMessages != 5245 || total.SkippedMessages != 3 || total.ApprovedMessages != 1 || total.CopiedBytes != 269_550_000 {
		t.Errorf("got %+v", total)
	}
	if total.QueuedSeconds != 270 || total.InProgressSeconds != 1301 || total.StalledSeconds != 60 {
		t.Errorf("got %+v", total)
	}
	if total.Troubled != 2 || len(total.Worst) != 2 || total.Worst[0].EmailAddress != "carla@example.org" {
		t.Errorf("got %+v", total.Worst)
	}
}

func TestBatchJSONIsOneObject(t *testing.T) {
	var got struct {
		Batch, Status string
		Mailboxes     []struct {
			Account
			Findings []map[string]any
		}
		Total BatchTotal
	}
	w := write(t, sampleBatch())
	if err := json.Unmarshal(w.json.Bytes(), &got); err != nil {
		t.Fatal(err, w.json.String())
	}
	if got.Batch != "sales-2026" || got.Status != "Syncing" || len(got.Mailboxes) != 5 || len(got.Mailboxes[1].Findings) != 3 || got.Mailboxes[0].Findings == nil || got.Total.Mailboxes != 5 {
		t.Errorf("got %+v", got)
	}
	empty := sampleBatch()
	empty.Mailboxes = all[BatchMailbox]()
	if w = write(t, empty); !json.Valid(w.json.Bytes()) {
		t.Error(w.json.String())
	}
}

func TestBatchPageShowsChartsThatMailProgramsShow(t *testing.T) {
	w := write(t, sampleBatch())
	for name, page := range map[string]string{"page": w.page.String(), "letter": w.letter.String()} {
		for _, text := range []string{"Mailboxes by state", "Data consistency score", "1 mailbox has failed", "carla@example.org", "Tried again by itself at 2026-11-25 06:02 UTC", "Messages too large for the target",
			`<td width="40%" height="12" bgcolor="#2f7a5b"`} {
			if !strings.Contains(page, text) {
				t.Errorf("the %s lacks %s", name, text)
			}
		}
		for _, text := range []string{"<script", "<svg", "<img", "src=", "href=", "url(", "@import", "ZgotmplZ"} {
			if strings.Contains(page, text) {
				t.Errorf("the %s has %s", name, text)
			}
		}
	}
	if !strings.Contains(w.page.String(), "emil@example.org") || strings.Contains(w.letter.String(), "emil@example.org") {
		t.Error("only the page lists all mailboxes")
	}
	if dir := os.Getenv("MAILHAUL_SAVE_REPORT"); dir != "" {
		_ = os.WriteFile(dir+"/page.html", w.page.Bytes(), 0o600)
		_ = os.WriteFile(dir+"/letter.html", w.letter.Bytes(), 0o600)
	}
}

func TestNoSealedSecretIsInAReport(t *testing.T) {
	for name, form := range write(t, sampleBatch()).forms() {
		for _, sealed := range []string{"sealed-", "c2VhbGVkL", "wrapped-key", "d3JhcHBlZC1rZXk"} {
			if strings.Contains(form.String(), sealed) {
				t.Errorf("%s has %s", name, sealed)
			}
		}
	}
}

func TestHostileTextsDoNotActInTheReportOfABatch(t *testing.T) {
	b := sampleBatch()
	var mailboxes []BatchMailbox
	for _, text := range hostile() {
		m := mailboxOf(text, migration.Counts{Source: 2, Copied: 1, Skipped: 1})
		m.SourceUser, m.TargetUser, m.Progress.Waiting = text, text, text
		m.Facts.Failed = true
		m.Trouble = &migration.Trouble{Code: text, Reason: text, Remedy: text}
		finding := migration.Finding{Code: text, Folder: text, UID: 1, Subject: text, Reason: text, Remedy: text}
		mailboxes = append(mailboxes, BatchMailbox{MailboxRecord: m, Findings: all(migration.FindingRecord{Finding: finding, Lost: true, ApprovedBy: text})})
		b.Name, b.Source, b.Target = text, text, text
	}
	b.Mailboxes = all(mailboxes...)
	w := write(t, b)
	for name, form := range w.forms() {
		text := strings.TrimPrefix(strings.ReplaceAll(form.String(), "\r\n", "\n"), "\ufeff")
		if acts(text) {
			t.Errorf("a character acts in %s", name)
		}
		if strings.Contains(text, "<script") && name != "statistics" && name != "errors" {
			t.Errorf("a script is in %s", name)
		}
	}
	for _, form := range []*bytes.Buffer{&w.statistics, &w.errors} {
		for _, record := range readCSV(t, form.Bytes()) {
			for _, cell := range record {
				if strings.ContainsAny(cell, "\r\n") || strings.IndexAny(strings.TrimSpace(cell), "=+-@") == 0 || strings.HasPrefix(strings.TrimSpace(cell), "＝") {
					t.Errorf("the cell %q acts", cell)
				}
			}
		}
	}
	if !json.Valid(w.json.Bytes()) {
		t.Error("the JSON is broken")
	}
}

// manyBatch makes its mailboxes as they are asked for; one of seven has failed and
// one of three has findings.
func manyBatch(n int, text string) Batch {
	b := sampleBatch()
	b.Mailboxes = func(yield func(BatchMailbox, error) bool) {
		for i := range n {
			m := BatchMailbox{MailboxRecord: mailboxOf(fmt.Sprintf("user%05d@example.org", i), migration.Counts{Source: 100, Copied: 98, Skipped: 2})}
			if i%7 == 0 {
				m.Facts.Failed, m.Trouble = true, &migration.Trouble{Code: migration.CodeLogin, Reason: text, Remedy: text}
			}
			if i%3 == 0 {
				finding := migration.FindingRecord{Finding: migration.Finding{Code: []string{migration.CodeTooLarge, migration.CodeRejected}[i%2], Folder: "INBOX", UID: 7, Subject: text, Reason: text, Remedy: text}, Lost: true}
				m.Findings = all(finding, finding)
			}
			if !yield(m, nil) {
				return
			}
		}
	}
	return b
}

func TestTheReportOfManyMailboxesTakesBoundedMemory(t *testing.T) { boundedMemory(t, 5_000) }

func TestLongTheReportOfManyMailboxesTakesBoundedMemory(t *testing.T) {
	effort.NeedLong(t)
	boundedMemory(t, 50_000)
}

func boundedMemory(t *testing.T, n int) {
	t.Helper()
	var base, peak runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&base)
	b := manyBatch(n, "a text of a server")
	mailboxes, highest := b.Mailboxes, uint64(0)
	b.Mailboxes = func(yield func(BatchMailbox, error) bool) {
		i := 0
		for m, err := range mailboxes {
			if i++; i%(n/5) == 0 {
				runtime.GC()
				runtime.ReadMemStats(&peak)
				highest = max(highest, peak.HeapAlloc)
			}
			if !yield(m, err) {
				return
			}
		}
	}
	start := time.Now()
	total, err := b.Write(BatchFiles{Statistics: io.Discard, Errors: io.Discard, JSON: io.Discard, Page: io.Discard, Letter: io.Discard})
	if err != nil || total.Mailboxes != n {
		t.Fatal(total.Mailboxes, err)
	}
	grown := int64(highest) - int64(base.HeapAlloc)
	t.Logf("%d mailboxes in %v, live memory grown by %d kB", n, time.Since(start).Round(time.Millisecond), grown/1000)
	if grown > 8<<20 {
		t.Errorf("live memory grew by %d bytes", grown)
	}
}

func TestTheLetterStaysBelowWhereMailProgramsCut(t *testing.T) {
	var letter, page bytes.Buffer
	if _, err := manyBatch(5000, strings.Repeat("a long text of a server, ", 20)).Write(BatchFiles{Letter: &letter, Page: &page}); err != nil {
		t.Fatal(err)
	}
	if letter.Len() > 100_000 || page.Len() > 4<<20 {
		t.Errorf("the letter has %d bytes, the page %d", letter.Len(), page.Len())
	}
	for _, text := range []string{"and 705 more, all in MigrationErrors.csv", "more, all in MigrationErrors.csv"} {
		if !strings.Contains(letter.String(), text) {
			t.Errorf("the letter lacks %q", text)
		}
	}
	if !strings.Contains(page.String(), "and 4,000 more, all in MigrationStatistics.csv") {
		t.Error("the page does not say where the other mailboxes are")
	}
}

func TestAnErrorOfTheListEndsTheReport(t *testing.T) {
	broken := errors.New("the database is gone")
	b := sampleBatch()
	b.Mailboxes = func(yield func(BatchMailbox, error) bool) { yield(BatchMailbox{}, broken) }
	if _, err := b.Write(BatchFiles{Statistics: io.Discard}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	b = sampleBatch()
	b.Mailboxes = all(BatchMailbox{Findings: func(yield func(migration.FindingRecord, error) bool) { yield(migration.FindingRecord{}, broken) }})
	if _, err := b.Write(BatchFiles{Statistics: io.Discard}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestAHundredPercentIsAll(t *testing.T) {
	for _, c := range []struct {
		done, of int64
		known    bool
		want     int
	}{{0, 0, false, 0}, {0, 0, true, 100}, {999, 1000, true, 99}, {9_999_999, 10_000_000, true, 99}, {1000, 1000, false, 100}, {1, 1000, true, 0}} {
		if got := percent(c.done, c.of, c.known); got != c.want {
			t.Errorf("%+v gives %d", c, got)
		}
	}
}
