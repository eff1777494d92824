package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// HandoverFile is the name of the table of a batch's hand-overs.
const HandoverFile = "HandOver.csv"

// Handover is what the owner of a mailbox gets, to see that everything is there. It
// holds no password, and nothing that a server has said: why a message was left out is
// told in words of its own.
type Handover struct {
	BatchMailbox
	// Options are those of the batch: what was not to be copied.
	Options migration.BatchOptions
	// Contact says whom to ask, in some lines; empty is who has told of the move.
	Contact string
}

// Folder is how far a folder of a mailbox has come.
type Folder struct {
	Source, Target string
	// SourceMessages are those at the source as last counted, Copied what was
	// brought to the target or found there, Skipped what was left out.
	SourceMessages, Copied, Skipped int64
}

// Handover gives that of a mailbox of the batch.
func (b Batch) Handover(m BatchMailbox) Handover {
	return Handover{BatchMailbox: m, Options: b.Options}
}

// WithoutSubjects is the hand-over for who may not read the subjects of messages.
func (h Handover) WithoutSubjects() Handover {
	h.BatchMailbox = h.withoutSubjects()
	return h
}

// handoverBounds say how many folders are shown, and how many of the messages that
// were left out.
type handoverBounds struct{ folders, messages int }

var (
	wholeHandover = handoverBounds{500, 500}
	// A letter stays below 100 kB, where mail programs cut.
	letterHandover = handoverBounds{50, 50}
	// A cell stays below 32,767 characters, where spreadsheets cut.
	cellHandover = handoverBounds{50, 20}
)

// Text writes the hand-over as plain text.
func (h Handover) Text(w io.Writer) error {
	v, err := h.view(wholeHandover)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, v.text())
	return err
}

// HTML writes it as a page.
func (h Handover) HTML(w io.Writer) error {
	v, err := h.view(wholeHandover)
	if err != nil {
		return err
	}
	return v.html(w)
}

// Letter writes both forms of it for a mail.
func (h Handover) Letter(text, html io.Writer) error {
	v, err := h.view(letterHandover)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(text, v.text()); err != nil {
		return err
	}
	return v.html(html)
}

// Subject is what a mail with it is about.
func (h Handover) Subject() string {
	if h.moved() {
		return "Your mail has moved: please have a look"
	}
	return "Your new mailbox: please have a look"
}

// moved reports whether nothing more is brought over.
func (h Handover) moved() bool { return h.Facts.Phase == migration.Closed }

// followed reports whether what is new is brought over by itself.
func (h Handover) followed() bool {
	switch h.Facts.State() {
	case migration.MailboxSynced, migration.MailboxIncrementalSynced, migration.MailboxIncrementalSyncing, migration.MailboxCompleting:
		return true
	default:
		return false
	}
}

// handoverView is what a hand-over shows, with every text that others wrote made safe.
type handoverView struct {
	Address, User, Synced string
	Moved, Followed       bool
	Source, Target, Left  int64
	// Folders is how many there are; Listed has the first of them, the inbox before
	// the others.
	Folders int
	Listed  []Folder
	Largest []string
	Reasons []*leftOut
	Renamed []renaming
	Chosen  []string
	Notes   []string
	Contact []string
}

// leftOut are messages that were left out for one reason.
type leftOut struct {
	Why, Advice string
	number      int
	Messages    []leftMessage
	more        int
}

// leftMessage is a message that was left out, or several of a folder.
type leftMessage struct {
	Subject, Date, Folder, Size string
	Count                       int
}

// renaming is a folder with another name at the target.
type renaming struct{ Old, New string }

// view gathers what is shown: the beginnings of lists, however long they are.
func (h Handover) view(most handoverBounds) (*handoverView, error) {
	v := &handoverView{
		Address: named(h.Address), User: named(cmp.Or(h.TargetUser, h.Address)), Synced: dayAndTime(h.LastSynced), Moved: h.moved(), Followed: h.followed(),
		Chosen: chosen(h.Options), Contact: contactLines(h.Contact),
	}
	folders, err := h.folders()
	if err != nil {
		return nil, err
	}
	v.Source, v.Target, v.Left = h.totals(folders)
	targets := map[string]string{}
	for _, f := range folders {
		targets[f.Source] = f.Target
	}
	v.Folders, v.Largest = len(folders), largest(folders)
	for _, f := range folders[:min(len(folders), most.folders)] {
		f.Source, f.Target = folderNamed(f.Source), folderNamed(f.Target)
		v.Listed = append(v.Listed, f)
	}
	told := map[string]int{}
	err = eachFinding(h.BatchMailbox, func(f migration.FindingRecord) error {
		switch {
		case f.Lost:
			v.leave(f.Finding, most.messages)
		case f.Code == migration.CodeFolderRenamed && len(v.Renamed) < most.folders:
			v.Renamed = append(v.Renamed, renaming{folderNamed(f.Folder), folderNamed(targets[f.Folder])})
		default:
			told[f.Code] += number(f.Finding)
		}
		return nil
	})
	v.Notes = notes(told)
	return v, err
}

// folders are those of the mailbox, the inbox first and the others by their new names.
func (h Handover) folders() ([]Folder, error) {
	if h.Folders == nil {
		return nil, nil
	}
	folders, err := h.Folders()
	if err != nil {
		return nil, fmt.Errorf("reading the folders of a mailbox: %w", err)
	}
	rank := func(f Folder) string {
		if strings.EqualFold(f.Target, "INBOX") {
			return ""
		}
		return strings.ToLower(f.Target)
	}
	slices.SortStableFunc(folders, func(a, b Folder) int { return strings.Compare(rank(a), rank(b)) })
	return folders, nil
}

// totals count the messages at the source, at the target and left out: those of the
// folders, so that they add up to what is listed, and without any those of the last pass.
func (h Handover) totals(folders []Folder) (source, target, left int64) {
	if len(folders) == 0 {
		a := newAccount(h.MailboxRecord, time.Time{})
		return a.SourceMessages, a.SyncedMessages, a.SkippedMessages
	}
	for _, f := range folders {
		source += f.SourceMessages
		target += f.Copied
		left += f.Skipped
	}
	return source, target, left
}

// largest names the folders with most messages.
func largest(folders []Folder) (names []string) {
	const most = 3
	sorted := slices.Clone(folders)
	slices.SortStableFunc(sorted, func(a, b Folder) int { return cmp.Compare(b.Copied, a.Copied) })
	for _, f := range sorted[:min(len(sorted), most)] {
		if f.Copied > 0 {
			names = append(names, folderNamed(f.Target))
		}
	}
	return names
}

// leave notes what was left out; the messages are named up to the bound, all reasons
// together.
func (v *handoverView) leave(f migration.Finding, most int) {
	why, advice := leftOutWords(f.Code)
	at := slices.IndexFunc(v.Reasons, func(r *leftOut) bool { return r.Why == why })
	if at < 0 {
		at = len(v.Reasons)
		v.Reasons = append(v.Reasons, &leftOut{Why: why, Advice: advice})
	}
	r := v.Reasons[at]
	r.number += number(f)
	listed := 0
	for _, other := range v.Reasons {
		listed += len(other.Messages)
	}
	if listed >= most {
		r.more += number(f)
		return
	}
	m := leftMessage{Subject: shortened(f.Subject, 100), Folder: folderNamed(f.Folder), Date: day(f.Date), Count: number(f)}
	if f.Size > 0 {
		m.Size = size(f.Size)
	}
	r.Messages = append(r.Messages, m)
}

// Number is how many there are, and More how many of them are not named.
func (r *leftOut) Number() string { return plural(r.number, "message", "messages") }

// More is how many are not named.
func (r *leftOut) More() string {
	if r.more == 0 {
		return ""
	}
	return "and " + thousands(r.more) + " more"
}

// Text names the message in a line.
func (m leftMessage) Text() string {
	var parts []string
	switch {
	case m.Subject != "":
		parts = append(parts, `"`+m.Subject+`"`)
	case m.Count > 1:
		parts = append(parts, plural(m.Count, "message", "messages"))
	default:
		parts = append(parts, "a message")
	}
	if m.Date != "" {
		parts = append(parts, m.Date)
	}
	if m.Folder != "" {
		parts = append(parts, "in "+m.Folder)
	}
	if m.Size != "" {
		parts = append(parts, m.Size)
	}
	return strings.Join(parts, ", ")
}

// MoreFolders says how many are not listed.
func (v *handoverView) MoreFolders() string {
	if more := v.Folders - len(v.Listed); more > 0 {
		return "and " + plural(more, "more folder", "more folders")
	}
	return ""
}

// Names is the folder's name, with the old one before it where that was another.
func (f Folder) Names() string {
	if f.Source == f.Target {
		return f.Target
	}
	return f.Source + " > " + f.Target
}

// Old is how many messages are in the old mailbox.
func (f Folder) Old() string { return thousands(int(f.SourceMessages)) }

// New is how many messages are in the new mailbox.
func (f Folder) New() string { return thousands(int(f.Copied)) }

// Out is how many were left out.
func (f Folder) Out() string {
	if f.Skipped == 0 {
		return "-"
	}
	return thousands(int(f.Skipped))
}

// Total sums up the folders.
func (v *handoverView) Total() Folder {
	return Folder{Source: "All folders", Target: "All folders", SourceMessages: v.Source, Copied: v.Target, Skipped: v.Left}
}

// longestName is how much of the name of a folder or mailbox is shown.
const longestName = 60

func named(text string) string { return shortened(text, longestName+longestName) }

// folderNamed is the name of a folder for people.
func folderNamed(name string) string {
	if strings.EqualFold(name, "INBOX") {
		return "Inbox"
	}
	return shortened(name, longestName)
}

// shortened is a text of others as one line that does not act.
func shortened(text string, most int) string {
	text = strings.TrimSpace(migration.SafeText(text))
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2 January 2006")
}

func dayAndTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2 January 2006 at 15:04 UTC")
}

// contactLines are the lines of the contact that say something; how many and how long they
// may be is for who takes them (control).
func contactLines(contact string) (lines []string) {
	for line := range strings.Lines(contact) {
		if line = strings.TrimSpace(migration.SafeText(line)); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}
