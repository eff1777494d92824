package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/rigs/effort"
)

// foldersOf gives folders as they are read.
func foldersOf(folders ...Folder) func() ([]Folder, error) {
	return func() ([]Folder, error) { return slices.Clone(folders), nil }
}

// sampleHandover is of a mailbox that has moved, with everything that can be told.
func sampleHandover() Handover {
	m := mailboxOf("ben@example.org", migration.Counts{Source: 1004, Copied: 1000, Skipped: 4})
	m.TargetUser, m.Facts.Phase, m.Minor = "ben@new.example.org", migration.Closed, 3
	findings := all(
		migration.FindingRecord{Finding: migration.Finding{Code: migration.CodeTooLarge, Folder: "INBOX", UID: 811, Subject: "Fotos vom Sommerfest", Date: began, Size: 61_203_114, Reason: "the message is larger than the 35 MB the target takes", Remedy: "Raise the limit of the target."}, Lost: true},
		migration.FindingRecord{Finding: migration.Finding{Code: migration.CodeTooLarge, Folder: "Archive.2010", UID: 4, Subject: "Film", Size: 80_000_000}, Lost: true, ApprovedBy: "olga"},
		migration.FindingRecord{Finding: migration.Finding{Code: migration.CodeUnreadable, Folder: "Sent", Count: 2, Reason: `the source said "NO [SERVERBUG] mmap"`}, Lost: true},
		migration.FindingRecord{Finding: migration.Finding{Code: migration.CodeFolderRenamed, Folder: "Sent", Reason: `the folder is called "Sent Items" at the target`}},
		migration.FindingRecord{Finding: migration.Finding{Code: migration.CodeKeywordDropped, Folder: "INBOX", Count: 20, Reason: "the target does not keep $Label1"}},
		migration.FindingRecord{Finding: migration.Finding{Code: migration.CodeNotMail, Folder: "Calendar", Reason: "the folder is for calendars"}},
		migration.FindingRecord{Finding: migration.Finding{Code: migration.CodeDefaultFolders, Reason: "graph.example said no"}},
	)
	return Handover{
		BatchMailbox: BatchMailbox{MailboxRecord: m, Findings: findings, Folders: foldersOf(
			Folder{"Archive.2010", "Archive/2010", 301, 300, 1}, Folder{"Sent", "Sent Items", 102, 100, 2}, Folder{"INBOX", "INBOX", 601, 600, 1}, Folder{"Empty", "Empty", 0, 0, 0})},
		Options: migration.BatchOptions{Exclude: []string{"#JunkEmail#", "Private/Old/*", `\#Notes\#`}, ReceivedFrom: time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC)},
		Contact: "The IT desk, room 7\r\n\ndesk@example.org, phone 1234\n",
	}
}

// formsOf writes a hand-over in all forms.
func formsOf(t *testing.T, h Handover) map[string]string {
	t.Helper()
	forms := map[string]string{}
	for name, write := range map[string]func(io.Writer) error{"text": h.Text, "page": h.HTML,
		"letter": func(w io.Writer) error { return h.Letter(io.Discard, w) }, "text of the letter": func(w io.Writer) error { return h.Letter(w, io.Discard) }} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(name, err)
		}
		forms[name] = b.String()
	}
	if dir := os.Getenv("MAILHAUL_SAVE_REPORT"); dir != "" {
		_ = os.WriteFile(dir+"/handover.html", []byte(forms["page"]), 0o600)
		_ = os.WriteFile(dir+"/handover.txt", []byte(forms["text"]), 0o600)
	}
	return forms
}

// readable is the text of a page as its reader sees it, and checks that the page is well
// formed and has only tags and attributes that do nothing.
func readable(t *testing.T, page string) string {
	t.Helper()
	tags := strings.Fields("html head meta title style body table tr td th h1 h2 p b br bdi ul li")
	attributes := strings.Fields("lang charset http-equiv content name style role width cellspacing cellpadding bgcolor align valign scope colspan aria-hidden")
	d := xml.NewDecoder(strings.NewReader(strings.TrimPrefix(page, "<!doctype html>")))
	d.Entity = map[string]string{"rarr": "→"}
	var text strings.Builder
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return strings.Join(strings.Fields(text.String()), " ")
		}
		if err != nil {
			t.Fatalf("the page is not well formed: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if !slices.Contains(tags, token.Name.Local) {
				t.Errorf("the page has a tag %s", token.Name.Local)
			}
			for _, a := range token.Attr {
				if !slices.Contains(attributes, a.Name.Local) || strings.Contains(a.Value, "url(") {
					t.Errorf("%s has %s=%q", token.Name.Local, a.Name.Local, a.Value)
				}
			}
		case xml.CharData:
			text.Write(token)
		case xml.EndElement:
			if slices.Contains([]string{"p", "li", "td", "th", "h1", "h2", "tr"}, token.Name.Local) {
				text.WriteByte(' ')
			}
		default:
		}
	}
}

func TestAHandoverTellsTheOwnerWhatWasBroughtOverAndWhatWasNot(t *testing.T) {
	forms := formsOf(t, sampleHandover())
	texts := map[string]string{"text": withoutRules(forms["text"]), "page": readable(t, forms["page"])}
	for name, text := range texts {
		for _, fact := range []string{
			"ben@example.org", "Your user name there is ben@new.example.org",
			"Your mail has moved to your new mailbox.", "Of 1,004 messages in your old mailbox, 4 could not be brought over",
			"Inbox 601 600 1", "102 100 2", "301 300 1", "Empty 0 0 -", "All folders 1,004 1,000 4",
			"25 November 2026 at 05:00 UTC", "Sent is now Sent Items",
			"Larger than the new mailbox accepts: 2 messages", `"Fotos vom Sommerfest", 3 August 2026, in Inbox, 61.2 MB`, "save its attachments",
			"Could not be read in the old mailbox: 2 messages", "2 messages, in Sent",
			"left out on purpose, with those below them: Junk, Private/Old, #Notes#.", "from 1 January 2015 on",
			"Some tags or coloured categories", "calendars, contacts, tasks or notes were left out",
			"Set your time zone and your language", "Most of your messages are in Inbox, Archive/2010 and Sent Items.", "One to yourself, and one to somebody outside",
			"only mail is", "ask: The IT desk, room 7, desk@example.org, phone 1234", "Whom to ask The IT desk, room 7", "never in a message like this one",
		} {
			if !strings.Contains(text, fact) {
				t.Errorf("the %s lacks %q:\n%s", name, fact, text)
			}
		}
		for _, foreign := range []string{"SERVERBUG", "mmap", "35 MB", "Raise the limit", "UID", "$Label1", "graph.example", "olga", "sealed", "INBOX"} {
			if strings.Contains(text, foreign) {
				t.Errorf("the %s has %q, which is for experts", name, foreign)
			}
		}
	}
}

// The page of hand-overs shows what is written.
func TestThePageShowsAHandoverAsItIs(t *testing.T) {
	h := sampleHandover()
	h.Address, h.TargetUser = "anna@example.org", "anna@new.example.org"
	h.Folders = foldersOf(Folder{"Archive.2010", "Archive/2010", 301, 300, 1}, Folder{"Sent", "Sent Items", 102, 100, 2}, Folder{"INBOX", "INBOX", 601, 600, 1})
	findings := h.Findings
	h.Findings = func(yield func(migration.FindingRecord, error) bool) {
		for finding, err := range findings {
			finding.Subject = strings.Replace(finding.Subject, "Fotos vom Sommerfest", "Summer party", 1)
			if !yield(finding, err) {
				return
			}
		}
	}
	text := formsOf(t, h)["text"]
	page, err := os.ReadFile("../../docs/handover.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile("(?ms)^```text\n(.*?)^```$").FindAllStringSubmatch(string(page), -1)
	if len(shown) != 2 {
		t.Errorf("the page shows %d parts", len(shown))
	}
	for _, part := range shown {
		if !strings.Contains(text, part[1]) {
			t.Errorf("the page shows\n%s\nand written is\n%s", part[1], text)
		}
	}
}

// A contact is shown as it was taken, however long its lines are.
func TestALongContactIsShownToItsEnd(t *testing.T) {
	h := sampleHandover()
	h.Contact = strings.Repeat("x", 900) + " phone 1234\n\nroom 7"
	for name, form := range formsOf(t, h) {
		if !strings.Contains(form, "x phone 1234") || strings.Contains(form, "…") {
			t.Errorf("the %s cuts it:\n%s", name, form)
		}
	}
}

// withoutRules is the text as its reader sees it, without the lines below headings.
func withoutRules(text string) string {
	words := slices.DeleteFunc(strings.Fields(text), func(word string) bool { return strings.Trim(word, "-") == "" && len(word) > 1 })
	return strings.Join(words, " ")
}

func TestAHandoverSaysWhereTheMailboxStands(t *testing.T) {
	for want, change := range map[string]func(*Handover){
		"All 5,000 messages of your old mailbox are there; nothing was left out.": func(h *Handover) { h.Folders = foldersOf(Folder{"INBOX", "INBOX", 5000, 5000, 0}) },
		"The one message of your old mailbox is there":                            func(h *Handover) { h.Folders = foldersOf(Folder{"INBOX", "INBOX", 1, 1, 0}) },
		"Your old mailbox held no messages.":                                      func(h *Handover) { h.Folders = foldersOf(Folder{"INBOX", "INBOX", 0, 0, 0}) },
		"Of 10 messages in your old mailbox, 3 are not there yet.":                func(h *Handover) { h.Folders = foldersOf(Folder{"INBOX", "INBOX", 10, 7, 0}) },
		"Of 1,004 messages in your old mailbox, 4 could":                          func(h *Handover) { h.Folders = nil },
		"Mail that still comes to your old mailbox is brought over regularly.":    func(h *Handover) { h.Facts.Phase = migration.Incremental },
		"Until the day of the switch":                                             func(h *Handover) { h.Facts.Phase = migration.Incremental },
		"If you do not find it, ask: who has told you of this move.":              func(h *Handover) { h.Contact = "" },
	} {
		h := sampleHandover()
		change(&h)
		for name, text := range map[string]string{"text": strings.Join(strings.Fields(formsOf(t, h)["text"]), " "), "page": readable(t, formsOf(t, h)["page"])} {
			if !strings.Contains(text, want) {
				t.Errorf("the %s lacks %q:\n%s", name, want, text)
			}
		}
	}
	stopped := sampleHandover()
	stopped.Facts.Phase, stopped.Facts.Intent = migration.Incremental, migration.Halt
	if text := formsOf(t, stopped)["text"]; strings.Contains(text, "regularly") || stopped.Subject() == sampleHandover().Subject() {
		t.Error("a stopped mailbox is told to be followed, or to have moved")
	}
}

func TestAHandoverNamesFirstOnesAndCountsTheOthers(t *testing.T) {
	h := sampleHandover()
	var folders []Folder
	for i := range 2000 {
		name := fmt.Sprintf("Проекты/%04d%s", i, strings.Repeat("ж", 100))
		folders = append(folders, Folder{"X" + name, name, 1, 1, 0})
	}
	h.Folders = foldersOf(folders...)
	h.Findings = func(yield func(migration.FindingRecord, error) bool) {
		for i := range 2000 {
			code := []string{migration.CodeTooLarge, migration.CodeRejected}[i%2]
			if !yield(migration.FindingRecord{Finding: migration.Finding{Code: code, Folder: "INBOX", UID: 1, Subject: strings.Repeat("漢", 300)}, Lost: true}, nil) {
				return
			}
		}
	}
	forms := formsOf(t, h)
	for _, name := range []string{"letter", "text of the letter"} {
		if n := len(forms[name]); n > 100_000 {
			t.Errorf("the %s has %d bytes", name, n)
		}
		for _, text := range []string{"and 1,950 more folders", "and 975 more", "1,000 messages"} {
			if !strings.Contains(forms[name], text) {
				t.Errorf("the %s lacks %q", name, text)
			}
		}
	}
	if !strings.Contains(forms["page"], "and 1,500 more folders") || !strings.Contains(forms["page"], "and 750 more") {
		t.Error("the page does not say how many there are more")
	}
	readable(t, forms["letter"])
}

func TestHostileTextsDoNotActInAHandover(t *testing.T) {
	for _, text := range hostile() {
		h := sampleHandover()
		h.Address, h.TargetUser, h.Contact, h.Options.Exclude, h.Options.Include = text, text, text, []string{text}, []string{text}
		finding := migration.Finding{Code: text, Folder: text, UID: 1, Subject: text, Reason: text, Remedy: text}
		renamed := migration.Finding{Code: migration.CodeFolderRenamed, Folder: text, Reason: text}
		h.Findings = all(migration.FindingRecord{Finding: finding, Lost: true, ApprovedBy: text}, migration.FindingRecord{Finding: renamed})
		h.Folders = foldersOf(Folder{text, text + "x", 3, 2, 1}, Folder{"x" + text, text, 3, 2, 1})
		for name, form := range formsOf(t, h) {
			if acts(form) {
				t.Errorf("of %q a character acts in the %s", text, name)
			}
			if strings.HasPrefix(name, "text") {
				continue
			}
			if strings.Contains(form, "ZgotmplZ") {
				t.Errorf("%q stands where it may not in the %s", text, name)
			}
			readable(t, form)
		}
		var table bytes.Buffer
		b := sampleBatch()
		b.Options, b.Mailboxes = h.Options, all(h.BatchMailbox)
		if err := b.WriteHandovers(&table); err != nil {
			t.Fatal(err)
		}
		for _, cell := range slices.Concat(readCSV(t, table.Bytes())...) {
			if acts(cell) || strings.ContainsAny(cell, "\r\n") || strings.IndexAny(strings.TrimSpace(cell), "=+-@") == 0 || strings.HasPrefix(strings.TrimSpace(cell), "＝") {
				t.Errorf("the cell %q acts", cell)
			}
		}
	}
}

func TestTheTableOfHandoversHasARowForEachMailbox(t *testing.T) {
	b := sampleBatch()
	never := migration.MailboxRecord{Address: "emil@example.org", TargetUser: "emil"}
	b.Mailboxes, b.Options = all(sampleHandover().BatchMailbox, BatchMailbox{MailboxRecord: never}), sampleHandover().Options
	var table bytes.Buffer
	if err := b.WriteHandovers(&table); err != nil {
		t.Fatal(err)
	}
	records := readCSV(t, table.Bytes())
	if len(records) != 3 {
		t.Fatalf("got %q", records)
	}
	var names []string
	for _, c := range HandoverColumns() {
		names = append(names, c.Name)
	}
	if !slices.Equal(records[0], names) {
		t.Errorf("the header is %q", records[0])
	}
	cell := func(row int, name string) string { return records[row][slices.Index(names, name)] }
	for name, want := range map[string]string{
		"EmailAddress": "ben@example.org", "NewAddress": "ben@new.example.org", "TargetUser": "ben@new.example.org", "State": "CompletedWithWarnings",
		"Folders": "4", "MessagesAtSource": "1004", "MessagesAtTarget": "1000", "LeftOut": "4", "LastSynced": "2026-11-25T05:00:00Z", "LastSyncedText": "25 November 2026 at 05:00 UTC",
		"LargestFolders": "Inbox, Archive/2010, Sent Items", "RenamedText": "Sent is now Sent Items",
		"FolderText": "Inbox: 601 old, 600 new, 1 left out; Archive.2010 > Archive/2010: 301 old, 300 new, 1 left out; Empty: 0 old, 0 new; Sent > Sent Items: 102 old, 100 new, 2 left out",
	} {
		if got := cell(1, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if text := cell(1, "LeftOutText"); !strings.Contains(text, `Larger than the new mailbox accepts (2 messages): "Fotos vom Sommerfest", 3 August 2026, in Inbox, 61.2 MB; "Film"`) {
		t.Errorf("LeftOutText is %q", text)
	}
	for name, want := range map[string]string{"NewAddress": "emil@example.org", "LastSynced": "", "LastSyncedText": "", "StandingText": "", "FolderText": "", "LeftOutText": ""} {
		if got := cell(2, name); got != want {
			t.Errorf("%s of a mailbox that was never synchronised is %q", name, got)
		}
	}
	var blind bytes.Buffer
	if err := b.WithoutSubjects().WriteHandovers(&blind); err != nil || strings.Contains(blind.String(), "Sommerfest") || strings.Contains(formsOf(t, sampleHandover().WithoutSubjects())["text"], "Sommerfest") {
		t.Error("a subject is shown to who may not read it", err)
	}
}

func TestNoSecretIsInAHandover(t *testing.T) {
	forms := formsOf(t, sampleHandover())
	b := sampleBatch()
	var table bytes.Buffer
	if err := b.WriteHandovers(&table); err != nil {
		t.Fatal(err)
	}
	forms["table"] = table.String()
	for name, form := range forms {
		for _, sealed := range []string{"sealed-", "c2VhbGVkL", "wrapped-key", "d3JhcHBlZC1rZXk"} {
			if strings.Contains(form, sealed) {
				t.Errorf("the %s has %s", name, sealed)
			}
		}
	}
}

func TestTheTableOfManyHandoversTakesBoundedMemory(t *testing.T) { boundedTable(t, 5_000) }

func TestLongTheTableOfManyHandoversTakesBoundedMemory(t *testing.T) {
	effort.NeedLong(t)
	boundedTable(t, 50_000)
}

func boundedTable(t *testing.T, n int) {
	t.Helper()
	var base, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&base)
	b := manyBatch(n, "a text of a server")
	mailboxes, highest, i := b.Mailboxes, uint64(0), 0
	b.Mailboxes = func(yield func(BatchMailbox, error) bool) {
		for m, err := range mailboxes {
			if i++; i%(n/5) == 0 {
				runtime.GC()
				runtime.ReadMemStats(&now)
				highest = max(highest, now.HeapAlloc)
			}
			m.Folders = foldersOf(slices.Repeat([]Folder{{"Sent", "Sent Items", 100, 98, 2}}, 40)...)
			if !yield(m, err) {
				return
			}
		}
	}
	start := time.Now()
	if err := b.WriteHandovers(io.Discard); err != nil || i != n {
		t.Fatal(i, err)
	}
	grown := int64(highest) - int64(base.HeapAlloc)
	t.Logf("%d mailboxes in %v, live memory grown by %d kB", n, time.Since(start).Round(time.Millisecond), grown/1000)
	if grown > 8<<20 {
		t.Errorf("live memory grew by %d bytes", grown)
	}
}

func TestAnErrorEndsTheHandover(t *testing.T) {
	broken := errors.New("the database is gone")
	h := sampleHandover()
	h.Folders = func() ([]Folder, error) { return nil, broken }
	if err := h.Text(io.Discard); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	b := sampleBatch()
	b.Mailboxes = all(h.BatchMailbox)
	if err := b.WriteHandovers(io.Discard); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	h = sampleHandover()
	h.Findings = func(yield func(migration.FindingRecord, error) bool) { yield(migration.FindingRecord{}, broken) }
	if err := h.HTML(io.Discard); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	b.Mailboxes = func(yield func(BatchMailbox, error) bool) { yield(BatchMailbox{}, broken) }
	if err := b.WriteHandovers(io.Discard); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
