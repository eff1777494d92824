package report

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

//go:embed report.html.tmpl
var page string

// What the page shows of lists that the CSV files hold whole.
const (
	mostTroubled = 200
	mostOpen     = 20 // of them, the rest is folded
	mostExamples = 40
	longestText  = 300 // characters
)

// HTML writes the report as one page.
func HTML(w io.Writer, s Summary) error {
	t, err := template.New(HTMLFile).Parse(page)
	if err != nil {
		return fmt.Errorf("reading the page of the report: %w", err)
	}
	return t.Execute(w, newPage(s))
}

// pageView is the page, with every text that others wrote made safe to show.
type pageView struct {
	Source, Target         string
	Period, Duration, Rate string
	Verdict                string
	Fine                   bool
	Tiles                  []tile
	Bar                    bar
	Troubled, Folded       []mailboxView
	MoreTroubled           int
	Errors, Notes          []group
	Mailboxes              []mailboxView
	ErrorsFile             string
}

// tile is a number with its name.
type tile struct{ Number, Name string }

// bar is a bar of four parts, in percent of its length; the rest is empty.
type bar struct {
	Copied, Present, Skipped, Gone, Rest int
	Text                                 string
}

type mailboxView struct {
	Address, Users, Status, Mark, Kind string
	Reason, Remedy                     string
	Bar                                bar
	Folders, Source, Copied, Present   string
	Skipped, Gone, Bytes, Time         string
}

// group is the findings of one code.
type group struct {
	Title, Code, Remedy string
	Number              string
	Mailboxes           string
	Examples            []example
	More                int
	Listed              string // the file that has them all
}

type example struct {
	Mailbox, Folder, Subject, Date, Size, Reason, Count string
}

func newPage(s Summary) pageView {
	total := s.Total()
	view := pageView{
		Source: shown(s.Source), Target: shown(s.Target), ErrorsFile: ErrorsFile,
		Period: period(s.Started, s.Ended), Duration: duration(total.Seconds), Rate: rate(total),
		Tiles: tiles(total), Bar: newBar(total.Counts),
	}
	view.Verdict, view.Fine = verdict(total)
	sorted := slices.Clone(s.Mailboxes)
	slices.SortStableFunc(sorted, func(a, b Mailbox) int {
		return cmp.Or(urgency(a)-urgency(b), strings.Compare(a.name(), b.name()))
	})
	for _, m := range sorted {
		shown := newMailbox(m)
		view.Mailboxes = append(view.Mailboxes, shown)
		switch {
		case !troubled(m):
		case len(view.Troubled) < mostOpen:
			view.Troubled = append(view.Troubled, shown)
		case mostOpen+len(view.Folded) < mostTroubled:
			view.Folded = append(view.Folded, shown)
		default:
			view.MoreTroubled++
		}
	}
	view.Errors = groups(sorted, func(f migration.Finding) bool { return !informs(f) })
	for i := range view.Errors {
		view.Errors[i].Listed = ErrorsFile
	}
	view.Notes = groups(sorted, informs)
	return view
}

// urgency puts what needs attention first.
func urgency(m Mailbox) int {
	order := []string{Failed, SyncedWithErrors, Stopped, Queued}
	if at := slices.Index(order, m.Status); at >= 0 {
		return at
	}
	if m.Status == Synced {
		return len(order) + 1
	}
	return len(order)
}

func verdict(total Totals) (text string, fine bool) {
	if total.Mailboxes == 0 {
		return "There was no mailbox to migrate.", true
	}
	if total.Statuses[Synced] == total.Mailboxes {
		return "Every mailbox is synced. Nothing needs doing.", true
	}
	parts := []string{fmt.Sprintf("%s of %s synced", thousands(total.Statuses[Synced]), plural(total.Mailboxes, "mailbox", "mailboxes"))}
	other := total.Mailboxes - total.Statuses[Synced]
	for _, status := range []struct{ name, text string }{
		{SyncedWithErrors, "synced with errors"}, {Failed, "failed"}, {Stopped, "stopped"}, {Queued, "not begun"},
	} {
		if n := total.Statuses[status.name]; n > 0 {
			parts = append(parts, thousands(n)+" "+status.text)
			other -= n
		}
	}
	if other > 0 {
		parts = append(parts, thousands(other)+" in another state")
	}
	return strings.Join(parts, ", ") + ".", false
}

func tiles(total Totals) []tile {
	return []tile{
		{thousands(total.Mailboxes), "mailboxes"},
		{thousands(total.Counts.Source), "messages at the source"},
		{thousands(total.Counts.Copied), "copied"},
		{thousands(total.Counts.Present), "copied before"},
		{thousands(total.Counts.Skipped), "skipped"},
		{size(total.Bytes), "data copied"},
	}
}

func newMailbox(m Mailbox) mailboxView {
	view := mailboxView{
		Address: shown(m.name()), Users: users(m), Bar: newBar(m.Counts),
		Folders: thousands(m.Folders), Source: thousands(m.Counts.Source), Copied: thousands(m.Counts.Copied),
		Present: thousands(m.Counts.Present), Skipped: thousands(m.Counts.Skipped), Gone: thousands(m.Counts.Gone),
		Bytes: size(m.Bytes), Time: duration(m.Seconds),
	}
	if troubled(m) {
		view.Reason, view.Remedy = shown(sentence(reason(m))), shown(m.Remedy)
	}
	switch m.Status {
	case Synced:
		view.Status, view.Mark, view.Kind = "Synced", "✓", "ok"
	case SyncedWithErrors:
		view.Status, view.Mark, view.Kind = "With errors", "!", "part"
	case Failed:
		view.Status, view.Mark, view.Kind = "Failed", "×", "bad"
	case Stopped:
		view.Status, view.Mark, view.Kind = "Stopped", "‖", "idle"
	case Queued:
		view.Status, view.Mark, view.Kind = "Queued", "…", "idle"
	default:
		view.Status, view.Mark, view.Kind = shown(m.Status), "?", "idle"
	}
	return view
}

// users names the user at either side where it is not the address.
func users(m Mailbox) string {
	name := m.name()
	source, target := cmp.Or(m.SourceUser, name), cmp.Or(m.TargetUser, name)
	if source == name && target == name {
		return ""
	}
	if source == target {
		return shown(source)
	}
	return shown(source) + " → " + shown(target)
}

// newBar gives every part that is not zero at least one percent.
func newBar(c migration.Counts) bar {
	whole := max(c.Source, c.Copied+c.Present+c.Skipped+c.Gone)
	if whole <= 0 {
		return bar{Rest: 100, Text: "no messages"}
	}
	b := bar{Text: fmt.Sprintf("%s: %s copied, %s copied before, %s skipped, %s gone", plural(c.Source, "message", "messages"),
		thousands(c.Copied), thousands(c.Present), thousands(c.Skipped), thousands(c.Gone))}
	left := 100
	take := func(n int) int {
		if n <= 0 {
			return 0
		}
		percent := min(left, max(1, int(math.Round(float64(n)*100/float64(whole)))))
		left -= percent
		return percent
	}
	// The small ones first, so that rounding never hides them.
	b.Skipped, b.Gone = take(c.Skipped), take(c.Gone)
	b.Present = take(c.Present)
	if b.Copied = take(c.Copied); c.AddUp() && c.Copied >= c.Present {
		b.Copied, left = b.Copied+left, 0
	} else if c.AddUp() {
		b.Present, left = b.Present+left, 0
	}
	b.Rest = left
	return b
}

// groups gathers findings by code, the biggest group first.
func groups(mailboxes []Mailbox, wanted func(migration.Finding) bool) []group {
	gathered := newGathering(mostExamples)
	for i, m := range mailboxes {
		for _, f := range m.Findings {
			if wanted(f) {
				gathered.add(i, m.name(), f)
			}
		}
	}
	return gathered.groups()
}

// gathering collects findings by code, with the first examples of each.
type gathering struct {
	examples int // at most
	codes    []*tally
	byCode   map[string]*tally
}

type tally struct {
	group
	number, mailboxes int
	last              int // the mailbox counted last
}

func newGathering(examples int) *gathering {
	return &gathering{examples: examples, byCode: map[string]*tally{}}
}

// add takes a finding of the i-th mailbox; all of one mailbox come together.
func (g *gathering) add(i int, mailbox string, f migration.Finding) {
	t := g.byCode[f.Code]
	if t == nil {
		t = &tally{group: group{Title: shown(Title(f.Code)), Code: shown(f.Code), Remedy: shown(f.Remedy)}, last: -1}
		g.byCode[f.Code] = t
		g.codes = append(g.codes, t)
	}
	t.number += number(f)
	if t.last != i {
		t.last = i
		t.mailboxes++
	}
	if len(t.Examples) == g.examples {
		t.More++
		return
	}
	t.Examples = append(t.Examples, newExample(mailbox, f))
}

func (g *gathering) groups() []group {
	slices.SortStableFunc(g.codes, func(a, b *tally) int { return b.number - a.number })
	list := make([]group, len(g.codes))
	for i, t := range g.codes {
		t.Number, t.Mailboxes = thousands(t.number), plural(t.mailboxes, "mailbox", "mailboxes")
		list[i] = t.group
	}
	return list
}

func newExample(mailbox string, f migration.Finding) example {
	e := example{Mailbox: shown(mailbox), Folder: shown(f.Folder), Subject: shown(f.Subject), Reason: shown(sentence(f.Reason))}
	if !f.Date.IsZero() {
		e.Date = f.Date.Format("2006-01-02")
	}
	if f.Size > 0 {
		e.Size = size(f.Size)
	}
	if f.Count > 1 {
		e.Count = plural(f.Count, "message", "messages")
		if f.UID == 0 && informs(f) {
			e.Count = "× " + thousands(f.Count)
		}
	}
	return e
}

// shown is a text of others as the page shows it; the template isolates and
// escapes it.
func shown(text string) string {
	text = migration.SafeText(text)
	if runes := []rune(text); len(runes) > longestText {
		return string(runes[:longestText]) + "…"
	}
	return text
}

// sentence starts with a capital where it is a plain word.
func sentence(text string) string {
	if text != "" && text[0] >= 'a' && text[0] <= 'z' {
		return strings.ToUpper(text[:1]) + text[1:]
	}
	return text
}

func period(started, ended time.Time) string {
	const layout = "2006-01-02 15:04"
	switch {
	case started.IsZero():
		return ""
	case ended.IsZero():
		return started.UTC().Format(layout) + " UTC"
	}
	end := ended.UTC().Format(layout)
	if started.UTC().Format(time.DateOnly) == ended.UTC().Format(time.DateOnly) {
		end = ended.UTC().Format("15:04")
	}
	return started.UTC().Format(layout) + " – " + end + " UTC"
}

func duration(seconds float64) string {
	whole := int64(math.Round(seconds))
	switch {
	case seconds <= 0:
		return "–"
	case seconds < 10:
		return strconv.FormatFloat(seconds, 'f', 1, 64) + " s"
	case whole < 60:
		return fmt.Sprintf("%d s", whole)
	case whole < 3600:
		return fmt.Sprintf("%d min %02d s", whole/60, whole%60)
	}
	return fmt.Sprintf("%s h %02d min", thousands(int(whole/3600)), whole%3600/60)
}

func rate(total Totals) string {
	if total.Seconds <= 0 || total.Counts.Copied == 0 {
		return ""
	}
	return fmt.Sprintf("%s messages/s, %s/s", thousands(int(math.Round(float64(total.Counts.Copied)/total.Seconds))), size(int64(float64(total.Bytes)/total.Seconds)))
}

// size is in powers of 1,000, as mail programs and disks count.
func size(n int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB", "PB"}
	value := float64(n)
	for i, unit := range units {
		if value < 999.5 || i == len(units)-1 {
			if i == 0 || value >= 99.5 {
				return fmt.Sprintf("%.0f %s", value, unit)
			}
			return fmt.Sprintf("%.1f %s", value, unit)
		}
		value /= 1000
	}
	return ""
}

func thousands(n int) string {
	digits := strconv.Itoa(n)
	for at := len(digits) - 3; at > 0 && digits[at-1] != '-'; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}
