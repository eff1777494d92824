package cli

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/width"

	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/report"
)

// print shows the summary: JSON on request, else a table.
func (c *copier) print(s report.Summary) error {
	if c.options.json {
		return report.JSON(c.streams.Out, s)
	}
	printTable(c.streams.Out, 2, summaryTable(s))
	printNotReached(c.streams.Out, s)
	c.printVerifications(s)
	printErrors(c.streams.Out, s)
	printFindings(c.streams.Out, s)
	return nil
}

// printNotReached tells how much of a mailbox that could not go on is yet to come.
func printNotReached(w io.Writer, s report.Summary) {
	for _, m := range s.Mailboxes {
		if m.NotReached > 0 {
			fmt.Fprintf(w, "%s: %s not reached\n", migration.SafeText(m.EmailAddress), counted(m.NotReached, "message was", "messages were"))
		}
	}
}

// namesOfError is how many mailboxes with the same error are named.
const namesOfError = 3

// printErrors tells what stopped mailboxes, each reason once; of a single one the
// command's own error tells it.
func printErrors(w io.Writer, s report.Summary) {
	if len(s.Mailboxes) < 2 {
		return
	}
	var reasons []report.Mailbox // the first with each
	names := map[string][]string{}
	for _, m := range s.Mailboxes {
		if m.Error == "" {
			continue
		}
		if names[m.Error] == nil {
			reasons = append(reasons, m)
		}
		names[m.Error] = append(names[m.Error], m.EmailAddress)
	}
	for _, m := range reasons {
		fmt.Fprintf(w, "%s: %s\n", migration.SafeText(someOf(names[m.Error])), migration.SafeText(m.Error))
		printRemedy(w, m.Remedy)
	}
}

// someOf names the first few and counts all.
func someOf(names []string) string {
	switch n := len(names); {
	case n == 1:
		return names[0]
	case n <= namesOfError:
		return fmt.Sprintf("%d mailboxes (%s)", n, strings.Join(names, ", "))
	default:
		return fmt.Sprintf("%d mailboxes (%s and %d more)", n, strings.Join(names[:namesOfError], ", "), n-namesOfError)
	}
}

// summaryTable has a row for each mailbox, and one for all when they are
// several. What is zero almost always is a column only when it is not.
func summaryTable(s report.Summary) [][]string {
	total := s.Total()
	table := [][]string{{"mailbox", "status", "folders", "source", "copied", "present", "skipped", "gone", "size", "time"}}
	row := func(name, status string, folders int, n migration.Counts, bytes int64, seconds float64) {
		cells := []string{migration.SafeText(name), status}
		for _, count := range []int{folders, n.Source, n.Copied, n.Present, n.Skipped, n.Gone} {
			cells = append(cells, strconv.Itoa(count))
		}
		table = append(table, append(cells, byteSize(bytes), fmt.Sprintf("%.1f s", seconds)))
	}
	for _, m := range s.Mailboxes {
		row(m.EmailAddress, m.Status, m.Folders, m.Counts, m.Bytes, m.Seconds)
	}
	if len(s.Mailboxes) > 1 {
		row(fmt.Sprintf("%d mailboxes", len(s.Mailboxes)), "", total.Folders, total.Counts, total.Bytes, total.Seconds)
	}
	const present, gone = 5, 7
	for i, cells := range table {
		if total.Counts.Gone == 0 {
			cells = slices.Delete(cells, gone, gone+1)
		}
		if total.Counts.Present == 0 {
			cells = slices.Delete(cells, present, present+1)
		}
		table[i] = cells
	}
	return table
}

// printTable aligns the first columns, which are texts, to the left and all
// others, which are figures, to the right.
func printTable(w io.Writer, texts int, table [][]string) {
	widths := make([]int, len(table[0]))
	for _, cells := range table {
		for i, cell := range cells {
			widths[i] = max(widths[i], columns(cell))
		}
	}
	for _, cells := range table {
		for i, cell := range cells {
			space := strings.Repeat(" ", widths[i]-columns(cell))
			if i < texts {
				fmt.Fprint(w, cell, space, "  ")
			} else {
				fmt.Fprint(w, space, cell, columnEnd(i, len(cells)))
			}
		}
	}
}

// columns is how many columns of a terminal a text takes: letters of East Asia and
// pictures two, marks on a letter none (Unicode Standard Annex 11).
func columns(text string) (n int) {
	for _, r := range text {
		if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
			continue
		}
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

func columnEnd(i, columns int) string {
	if i == columns-1 {
		return "\n"
	}
	return "  "
}

// printVerifications tells what was compared: of several mailboxes, only those
// with differences one by one.
func (c *copier) printVerifications(s report.Summary) {
	tell := func(name string, v mailsync.Verification) {
		fmt.Fprintf(c.streams.Out, "%s: verified %d messages, %d of them byte by byte: %d differences\n", name, v.Equal, v.Read, v.Differences)
	}
	var all mailsync.Verification
	verified := 0
	for i, m := range s.Mailboxes {
		v := c.results[i].verification
		if v == nil || c.results[i].err != nil {
			continue
		}
		verified++
		all.Equal, all.Read, all.Differences = all.Equal+v.Equal, all.Read+v.Read, all.Differences+v.Differences
		if len(s.Mailboxes) == 1 || v.Differences > 0 {
			tell(m.EmailAddress, *v)
		}
	}
	if len(s.Mailboxes) > 1 && verified > 0 {
		tell(counted(verified, "mailbox", "mailboxes"), all)
	}
}

// How many findings of a kind are listed; the reports have all.
const (
	shownFindings      = 20
	shownFindingsOfAll = 5 // of several mailboxes
)

// told is a finding and whose it is.
type told struct {
	mailbox string
	migration.Finding
}

// printFindings lists the findings by their kind, with a remedy once as long as
// it stays the same.
func printFindings(w io.Writer, s report.Summary) {
	most := shownFindings
	if len(s.Mailboxes) > 1 {
		most = shownFindingsOfAll
	}
	for _, kind := range s.Total().Findings {
		all := findingsOf(s, kind.Code)
		shown := all[:min(most, len(all))]
		fmt.Fprintf(w, "\n%s: %d [%s]\n", kind.Reason, kind.Count, kind.Code)
		for i, f := range shown {
			fmt.Fprintf(w, "  %s%s: %s\n", f.mailbox, place(f.Finding), migration.SafeText(f.Reason))
			if i == len(shown)-1 || shown[i+1].Remedy != f.Remedy {
				printRemedy(w, f.Remedy)
			}
		}
		if len(all) > len(shown) {
			fmt.Fprintf(w, "  %d more; --report DIR writes them all\n", len(all)-len(shown))
		}
	}
	if s.Total().Counts.Skipped > 0 {
		fmt.Fprintln(w, "\nOnce the reason is gone, --retry-skipped tries skipped messages again.")
	}
}

func findingsOf(s report.Summary, code string) (all []told) {
	for _, m := range s.Mailboxes {
		for _, f := range m.Findings {
			if f.Code == code {
				all = append(all, told{m.EmailAddress, f})
			}
		}
	}
	return all
}

// place is the folder or message a finding is about.
func place(f migration.Finding) string {
	text := ""
	if f.Folder != "" {
		text = fmt.Sprintf(" %q", f.Folder)
	}
	if f.UID != 0 {
		text += fmt.Sprintf(" uid %d", f.UID)
	}
	if f.Subject != "" {
		text += fmt.Sprintf(" %q", migration.SafeText(f.Subject))
	}
	return text
}

func printRemedy(w io.Writer, remedy string) {
	if remedy != "" {
		fmt.Fprintf(w, "  what to do: %s\n", migration.SafeText(remedy))
	}
}

// printPlan shows what a dry run found.
func (c *copier) printPlan(s report.Summary) error {
	if c.options.json {
		return c.printPlanJSON(s)
	}
	if table := c.planTable(s); len(table) > 1 {
		printTable(c.streams.Out, 3, table)
	}
	printErrors(c.streams.Out, s)
	printFindings(c.streams.Out, s)
	return nil
}

// planTable has a row for each folder, and one for all when they are several.
func (c *copier) planTable(s report.Summary) [][]string {
	table := [][]string{{"mailbox", "folder", "goes to", "source", "to copy", "size"}}
	row := func(mailbox, folder, target string, source, toCopy int, bytes int64) {
		table = append(table, []string{migration.SafeText(mailbox), migration.SafeText(folder), migration.SafeText(target), strconv.Itoa(source), strconv.Itoa(toCopy), byteSize(bytes)})
	}
	var all mailsync.FolderSummary
	folders := 0
	for i, m := range s.Mailboxes {
		for _, f := range c.results[i].summary.PerFolder {
			target := f.Target
			if f.New {
				target += " (new)"
			}
			row(m.EmailAddress, f.Source, target, f.Messages.Source, f.ToCopy, f.Bytes)
			all.Messages.Add(f.Messages)
			all.ToCopy, all.Bytes, folders = all.ToCopy+f.ToCopy, all.Bytes+f.Bytes, folders+1
		}
	}
	if folders > 1 {
		row(counted(len(s.Mailboxes), "mailbox", "mailboxes"), counted(folders, "folder", "folders"), "", all.Messages.Source, all.ToCopy, all.Bytes)
	}
	return table
}

// planError is a mailbox that has no plan in JSON, or not a whole one.
type planError struct {
	Mailbox string `json:"emailAddress"`
	Code    string `json:"code"`
	Error   string `json:"error"`
	Remedy  string `json:"remedy,omitempty"`
}

// planFinding is a finding of a mailbox in JSON.
type planFinding struct {
	Mailbox string `json:"emailAddress"`
	migration.Finding
}

// planFolder is a folder of the plan in JSON.
type planFolder struct {
	Mailbox string `json:"emailAddress"`
	Folder  string `json:"folder"`
	Target  string `json:"target"`
	New     bool   `json:"new"`
	Source  int    `json:"source"`
	ToCopy  int    `json:"toCopy"`
	Bytes   int64  `json:"bytes"`
}

func (c *copier) printPlanJSON(s report.Summary) error {
	plan, failed, findings := []planFolder{}, []planError{}, []planFinding{}
	for _, m := range s.Mailboxes {
		if m.Error != "" {
			failed = append(failed, planError{m.EmailAddress, m.Code, m.Error, m.Remedy})
		}
		for _, f := range m.Findings {
			findings = append(findings, planFinding{m.EmailAddress, f})
		}
	}
	for i, t := range c.tasks {
		for _, f := range c.results[i].summary.PerFolder {
			plan = append(plan, planFolder{t.address, f.Source, f.Target, f.New, f.Messages.Source, f.ToCopy, f.Bytes})
		}
	}
	return writeJSON(c.streams.Out, map[string]any{"plan": plan, "errors": failed, "findings": findings})
}

// byteSize is a size for people, in powers of ten.
func byteSize(n int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	size, unit := float64(n), 0
	for size >= 1000 && unit < len(units)-1 {
		size, unit = size/1000, unit+1
	}
	if unit == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", size, units[unit])
}
