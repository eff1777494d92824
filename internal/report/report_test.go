package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/mailhaul/mailhaul/internal/migration"
)

var began = time.Date(2026, 8, 3, 18, 4, 0, 0, time.UTC)

// sample is a migration with a mailbox of every kind.
func sample() Summary {
	zone := time.FixedZone("", 2*3600)
	finding := func(code, folder string, uid migration.UID, subject string, size int64, reason, remedy string) migration.Finding {
		return migration.Finding{Code: code, Folder: folder, UID: uid, Subject: subject, Date: time.Date(2021, 3, 9, 8, 30, 0, 0, zone), Size: size, Reason: reason, Remedy: remedy}
	}
	large := "Raise the largest message the target takes, or let the owner keep the message in another place."
	return Summary{
		Started: began, Ended: began.Add(2*time.Hour + 11*time.Minute), Source: "imap.old.example", Target: "outlook.office365.com",
		Mailboxes: []Mailbox{
			{EmailAddress: "anna.petersen@example.org", SourceUser: "anna", Status: Synced, Folders: 34, Bytes: 4_812_345_678, Seconds: 1834.2,
				Counts: migration.Counts{Source: 48211, Copied: 48209, Gone: 2}, RoundTrips: RoundTrips{812, 1204},
				Findings: []migration.Finding{{Code: migration.CodeFolderRenamed, Folder: "Files", Reason: `the folder is called "Files (2)" at the target`}}},
			{EmailAddress: "ben@example.org", Status: SyncedWithErrors, Folders: 12, Bytes: 912_345_678, Seconds: 421.7,
				Counts: migration.Counts{Source: 9120, Copied: 9002, Present: 113, Skipped: 5}, RoundTrips: RoundTrips{140, 233},
				Findings: []migration.Finding{
					finding(migration.CodeTooLarge, "INBOX", 811, "Fotos vom Sommerfest – alle", 61_203_114, "the message is larger than the 35 MB the target takes", large),
					finding(migration.CodeTooLarge, "Archiv/2019", 7, "Re: Angebot (final) v7", 48_001_223, "the message is larger than the 35 MB the target takes", large),
					{Code: migration.CodeUnreadable, Folder: "Entwürfe", Count: 3, Reason: "the source closed the connection at each try", Remedy: "Open the folder in another mail program to see whether the messages can be read there."},
					{Code: migration.CodeKeywordDropped, Folder: "INBOX", Count: 210, Reason: "the target does not keep $Label1, $MDNSent"},
				}},
			{EmailAddress: "carla.de.la.fuente-montenegro.with.a.very.long.name@subsidiary.example.org", SourceUser: "carla", TargetUser: "carla.new", Status: Failed, Folders: 3,
				Counts: migration.Counts{Source: 2000, Copied: 340}, Bytes: 1_000_000, Seconds: 33.1, Error: `signing in to imap.old.example as carla: the server said "invalid credentials"`,
				Code: migration.CodeLogin, Remedy: "Correct the password in the migration file and start the batch again."},
			{EmailAddress: "dora@example.org", Status: Stopped, Folders: 8, Counts: migration.Counts{Source: 700, Copied: 120, Present: 30}, Seconds: 61},
			{EmailAddress: "empty@example.org", Status: Synced, Folders: 1, Seconds: 0.4},
		},
	}
}

func readCSV(t *testing.T, text []byte) [][]string {
	t.Helper()
	plain, marked := bytes.CutPrefix(text, []byte("\ufeff"))
	if !marked {
		t.Error("the byte order mark is missing")
	}
	records, err := csv.NewReader(bytes.NewReader(plain)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return records
}

func TestTotalSumsUp(t *testing.T) {
	total := sample().Total()
	want := migration.Counts{Source: 60031, Copied: 57671, Present: 143, Skipped: 5, Gone: 2}
	if total.Counts != want || total.Mailboxes != 5 || total.Folders != 58 || total.Seconds != 7860 {
		t.Errorf("got %+v", total)
	}
	if total.Statuses[Synced] != 2 || total.Statuses[Failed] != 1 {
		t.Errorf("got %v", total.Statuses)
	}
	var found []string
	for _, f := range total.Findings {
		found = append(found, fmt.Sprintf("%s %d", f.Code, f.Count))
	}
	if want := []string{"folder-renamed 1", "keyword-dropped 210", "source-unreadable 3", "too-large 2"}; !slices.Equal(found, want) {
		t.Errorf("got %v", found)
	}
}

func TestStatisticsHaveARowForEachMailbox(t *testing.T) {
	var b bytes.Buffer
	if err := writeStatistics(&b, sample()); err != nil {
		t.Fatal(err)
	}
	records := readCSV(t, b.Bytes())
	if len(records) != 6 || !slices.Equal(records[0], columnNames(StatisticsFile)) {
		t.Fatalf("got %q", records)
	}
	want := []string{"ben@example.org", "", "", "SyncedWithErrors", "12", "9120", "9002", "113", "5", "0", "0", "912345678", "421.700", "140", "233", "4", "", "", ""}
	if !slices.Equal(records[2], want) {
		t.Errorf("got %q", records[2])
	}
}

func TestWhatWasNotReachedIsTold(t *testing.T) {
	s := Summary{Mailboxes: []Mailbox{
		{EmailAddress: "anna@example.org", Status: Failed, Error: "full", Code: migration.CodeQuota, NotReached: 25},
		{EmailAddress: "ben@example.org", Status: Queued},
	}}
	var b bytes.Buffer
	if err := writeErrors(&b, s); err != nil {
		t.Fatal(err)
	}
	records := readCSV(t, b.Bytes())
	if len(records) != 2 || records[1][slices.Index(records[0], "Count")] != "25" {
		t.Errorf("got %q", records)
	}
	b.Reset()
	if err := writeStatistics(&b, s); err != nil {
		t.Fatal(err)
	}
	records = readCSV(t, b.Bytes())
	if at := slices.Index(records[0], "NotReached"); records[1][at] != "25" || records[2][at] != "0" || records[2][slices.Index(records[0], "Status")] != "Queued" {
		t.Errorf("got %q", records)
	}
	if text, _ := verdict(s.Total()); text != "0 of 2 mailboxes synced, 1 failed, 1 not begun." {
		t.Errorf("got %q", text)
	}
}

func TestErrorsHaveNoNotes(t *testing.T) {
	var b bytes.Buffer
	if err := writeErrors(&b, sample()); err != nil {
		t.Fatal(err)
	}
	records := readCSV(t, b.Bytes())
	if len(records) != 5 || !slices.Equal(records[0], columnNames(ErrorsFile)) {
		t.Fatalf("got %q", records)
	}
	if want := "ben@example.org|INBOX|811|Fotos vom Sommerfest – alle|2021-03-09T08:30:00+02:00|61203114|too-large"; !strings.HasPrefix(strings.Join(records[1], "|"), want) {
		t.Errorf("got %q", records[1])
	}
	if last := records[4]; last[6] != migration.CodeLogin || last[9] != "" || !strings.Contains(last[7], "invalid credentials") {
		t.Errorf("got %q", last)
	}
	if records[3][9] != "3" {
		t.Errorf("got %q", records[3])
	}
}

func columnNames(file string) []string {
	var names []string
	for _, c := range Columns() {
		if c.File == file {
			names = append(names, c.Name)
		}
	}
	return names
}

func TestJSONHasItsPromisedShape(t *testing.T) {
	s := sample()
	s.Mailboxes[1].Findings[0].Date = time.Date(12024, 1, 1, 0, 0, 0, 0, time.UTC)
	var b bytes.Buffer
	if err := JSON(&b, s); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	first := got["mailboxes"].([]any)[0].(map[string]any)
	for _, part := range []map[string]any{first, got["total"].(map[string]any), got["mailboxes"].([]any)[4].(map[string]any)} {
		for _, key := range []string{"folders", "bytes", "seconds"} {
			if _, ok := part[key].(float64); !ok {
				t.Errorf("%s is missing in %v", key, part)
			}
		}
		if messages := part["messages"].(map[string]any); len(messages) != 5 {
			t.Errorf("messages: %v", messages)
		}
		if trips := part["roundTrips"].(map[string]any); len(trips) != 2 {
			t.Errorf("roundTrips: %v", trips)
		}
		if _, ok := part["findings"].([]any); !ok {
			t.Errorf("findings is no list in %v", part)
		}
	}
	if s.Mailboxes[1].Findings[0].Date.Year() != 12024 {
		t.Error("the caller's summary was changed")
	}
}

func TestWriteDirIsPrivateAndWhole(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "report")
	for range 2 { // the second time replaces
		if err := WriteDir(dir, sample()); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
		if info, _ := entry.Info(); info.Mode().Perm() != 0o600 || info.Size() == 0 {
			t.Errorf("%s: mode %v, %d bytes", entry.Name(), info.Mode(), info.Size())
		}
	}
	if !slices.Equal(names, []string{ErrorsFile, StatisticsFile, HTMLFile}) {
		t.Errorf("got %v", names)
	}
	if info, _ := os.Stat(dir); info.Mode().Perm() != 0o700 {
		t.Errorf("directory mode %v", info.Mode())
	}
}

func TestALinkInTheDirectoryIsReplacedNotFollowed(t *testing.T) {
	dir, other := t.TempDir(), filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(other, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(other, filepath.Join(dir, ErrorsFile)); err != nil {
		t.Fatal(err)
	}
	if err := WriteDir(dir, sample()); err != nil {
		t.Fatal(err)
	}
	if kept, _ := os.ReadFile(other); string(kept) != "precious" {
		t.Errorf("the link's target was overwritten")
	}
}

func TestAFailedWriteLeavesTheOldFileAndNoOther(t *testing.T) {
	dir := t.TempDir()
	if err := WriteDir(dir, sample()); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(filepath.Join(dir, HTMLFile))
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	full := fmt.Errorf("disk full")
	if err := replace(root, HTMLFile, func(w io.Writer) error {
		_, _ = w.Write([]byte("half"))
		return full
	}); err != full {
		t.Errorf("got %v", err)
	}
	after, _ := os.ReadFile(filepath.Join(dir, HTMLFile))
	entries, _ := os.ReadDir(dir)
	if !bytes.Equal(before, after) || len(entries) != 3 {
		t.Errorf("the file changed, or %d files are left", len(entries))
	}
}

// hostile are texts that act where they are shown.
func hostile() []string {
	return []string{
		`=HYPERLINK("http://evil.example","x")`, "+1+1", "-2+3", "@SUM(A1)", "\t=1+1", "\r=1+1", "\x00=1+1", " =1+1", "＝1+1", "\u202e=1+1",
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `</bdi></td><iframe src=//evil.example>`, `';alert(1)//`, `</style><script>`, "{{.}}", "javascript:alert(1)",
		"\x1b[31mred\x1b]0;title\x07", "\u009b31m", "\x7f", "gpj\u202eexe.txt", "\u2066isolate", "\u200fmark", "a\nb\r\nc", "\u2028", "\xff\xfe", "\ufeff",
	}
}

func hostileSummary() Summary {
	s := Summary{Started: began, Ended: began.Add(time.Hour)}
	for _, text := range hostile() {
		s.Source, s.Target = text, text
		s.Mailboxes = append(s.Mailboxes, Mailbox{EmailAddress: text, SourceUser: text, TargetUser: text, Status: Failed, Error: text, Code: text, Remedy: text,
			Findings: []migration.Finding{{Code: text, Folder: text, UID: 1, Subject: text, Reason: text, Remedy: text}, {Code: migration.CodeFolderRenamed, Folder: text, Reason: text, Remedy: text}}},
			Mailbox{EmailAddress: text, Status: text})
	}
	return s
}

// acts finds characters that change how the text around them is shown.
func acts(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' || unicode.Is(unicode.Bidi_Control, r)
	})
}

func TestHostileTextsDoNotActInCSV(t *testing.T) {
	for _, write := range []func(*bytes.Buffer, Summary) error{
		func(b *bytes.Buffer, s Summary) error { return writeStatistics(b, s) },
		func(b *bytes.Buffer, s Summary) error { return writeErrors(b, s) },
	} {
		var b bytes.Buffer
		if err := write(&b, hostileSummary()); err != nil {
			t.Fatal(err)
		}
		for _, record := range readCSV(t, b.Bytes()) {
			for _, cell := range record {
				if acts(cell) || strings.ContainsAny(cell, "\r\n") || strings.IndexAny(strings.TrimSpace(cell), "=+-@") == 0 || strings.HasPrefix(strings.TrimSpace(cell), "＝") {
					t.Errorf("the cell %q acts", cell)
				}
			}
		}
	}
}

func TestThePageDoesNotClaimToHaveLookedAtThePresent(t *testing.T) {
	var page bytes.Buffer
	err := HTML(&page, Summary{Mailboxes: []Mailbox{{EmailAddress: "anna@example.org", Status: Synced, Counts: migration.Counts{Source: 2, Present: 2}}}})
	if err != nil || !strings.Contains(page.String(), ">Copied before<") || strings.Contains(strings.ToLower(page.String()), "already there") {
		t.Errorf("%v in %s", err, page.String())
	}
}

func TestTitlesOfCodesSayWhatIsCounted(t *testing.T) {
	for code, want := range map[string]string{migration.CodeFolderMissing: "Messages of folders that are missing", migration.CodeServerBug: "Errors of the server"} {
		if got := Title(code); got != want {
			t.Errorf("%s is %q, want %q", code, got, want)
		}
	}
}

func TestHostileTextsDoNotActInHTML(t *testing.T) {
	var b bytes.Buffer
	if err := HTML(&b, hostileSummary()); err != nil {
		t.Fatal(err)
	}
	html := b.String()
	if acts(html) {
		t.Error("a control or bidirectional character is in the page")
	}
	for _, tag := range []string{"<script", "<img", "<iframe", "src=", "href=", "url(", "@import", `"><img`} {
		if at := strings.Index(html, tag); at >= 0 && !strings.Contains(html[max(0, at-40):at], "&") {
			t.Errorf("%s is in the page: %s", tag, html[max(0, at-60):at+40])
		}
	}
	if strings.Contains(html, "ZgotmplZ") {
		t.Error("the template refused a value")
	}
}

func TestHostileTextsSurviveJSONWithoutActing(t *testing.T) {
	var b bytes.Buffer
	if err := JSON(&b, hostileSummary()); err != nil {
		t.Fatal(err)
	}
	if acts(b.String()) || strings.Contains(b.String(), "<script") {
		t.Error("a text acts")
	}
	var got Summary
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	for i, text := range hostile() {
		if want := strings.ToValidUTF8(text, "\ufffd"); got.Mailboxes[2*i].Error != want && text != "\xff\xfe" {
			t.Errorf("got %q, want %q", got.Mailboxes[2*i].Error, want)
		}
	}
}

func TestThePageOfThreeThousandMailboxesStaysUsable(t *testing.T) {
	var b bytes.Buffer
	if err := HTML(&b, manyMailboxes(3000)); err != nil {
		t.Fatal(err)
	}
	const most = 4 << 20
	if b.Len() > most {
		t.Errorf("%d bytes", b.Len())
	}
}

// manyMailboxes is a migration in which one of seventeen mailboxes fails.
func manyMailboxes(n int) Summary {
	s := sample()
	s.Mailboxes = nil
	template := sample().Mailboxes
	for i := range n {
		m := template[0]
		switch {
		case i%17 == 3:
			m = template[2]
		case i%5 == 1:
			m = template[1]
		}
		m.EmailAddress = fmt.Sprintf("user%04d@example.org", i)
		s.Mailboxes = append(s.Mailboxes, m)
	}
	return s
}

func TestBarsAreWholeAndHideNothing(t *testing.T) {
	for _, c := range []migration.Counts{
		{}, {Source: 1, Copied: 1}, {Source: 100_000, Copied: 99_999, Skipped: 1}, {Source: 3, Copied: 1, Present: 1, Skipped: 1},
		{Source: 1000, Present: 997, Skipped: 1, Gone: 1, Copied: 1}, {Source: 10, Copied: 3}, {Source: 1, Copied: 5, Gone: 5}, {Source: 200, Skipped: 199, Copied: 1},
	} {
		b := newBar(c)
		if sum := b.Copied + b.Present + b.Skipped + b.Gone + b.Rest; sum != 100 {
			t.Errorf("%+v: %+v is %d percent", c, b, sum)
		}
		if c.Skipped > 0 && b.Skipped == 0 || c.Gone > 0 && b.Gone == 0 {
			t.Errorf("%+v: %+v hides a part", c, b)
		}
	}
}

func TestNumbersReadWell(t *testing.T) {
	got := []string{thousands(0), thousands(999), thousands(-1234), thousands(1234567), size(0), size(999), size(1500), size(999_999), size(48_001_223), size(4_812_345_678),
		duration(0), duration(0.4), duration(59.7), duration(421.7), duration(7860), period(began, began.Add(time.Hour)), period(began, began.Add(9*time.Hour)), period(time.Time{}, began)}
	want := []string{"0", "999", "-1,234", "1,234,567", "0 B", "999 B", "1.5 kB", "1.0 MB", "48.0 MB", "4.8 GB",
		"–", "0.4 s", "1 min 00 s", "7 min 02 s", "2 h 11 min", "2026-08-03 18:04 – 19:04 UTC", "2026-08-03 18:04 – 2026-08-04 03:04 UTC", ""}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
