package cli

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/report"
)

// print shows the summary: JSON on request, else a table.
func (c *copier) print(s report.Summary) error {
	if c.options.json {
		return report.JSON(c.streams.Out, s)
	}
	w := tabwriter.NewWriter(c.streams.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "mailbox\tstatus\tfolders\tsource\tcopied\tpresent\tskipped\tgone\tsize\ttime")
	for _, m := range s.Mailboxes {
		printRow(w, m.EmailAddress, m)
	}
	if len(s.Mailboxes) > 1 {
		total := s.Total()
		printRow(w, fmt.Sprintf("%d mailboxes", len(s.Mailboxes)), report.Mailbox{Folders: total.Folders, Counts: total.Counts, Bytes: total.Bytes, Seconds: total.Seconds})
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for i, m := range s.Mailboxes {
		if v := c.results[i].verification; v != nil {
			fmt.Fprintf(c.streams.Out, "%s: verified %d messages, %d of them byte by byte: %d differences\n", m.EmailAddress, v.Equal, v.Read, v.Differences)
		}
		if len(s.Mailboxes) > 1 && m.Error != "" {
			fmt.Fprintf(c.streams.Out, "%s: %s\n", m.EmailAddress, m.Error)
			printRemedy(c.streams.Out, m.Remedy)
		}
		printFindings(c.streams.Out, m.EmailAddress, m.Findings)
	}
	return nil
}

func printRow(w io.Writer, name string, m report.Mailbox) {
	n := m.Counts
	fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%.1f s\n", migration.SafeText(name), m.Status, m.Folders,
		n.Source, n.Copied, n.Present, n.Skipped, n.Gone, byteSize(m.Bytes), m.Seconds)
}

// shownFindings is how many are listed for a mailbox; the reports have all.
const shownFindings = 20

func printFindings(w io.Writer, mailbox string, findings []migration.Finding) {
	for i, f := range findings {
		if i == shownFindings {
			fmt.Fprintf(w, "%s: %d more findings; --report DIR writes them all\n", mailbox, len(findings)-i)
			return
		}
		where := fmt.Sprintf("folder %q", f.Folder)
		if f.UID != 0 {
			where += fmt.Sprintf(" uid %d", f.UID)
		}
		if f.Subject != "" {
			where += fmt.Sprintf(" %q", migration.SafeText(f.Subject))
		}
		fmt.Fprintf(w, "%s: %s: %s [%s]\n", mailbox, where, migration.SafeText(f.Reason), f.Code)
		printRemedy(w, f.Remedy)
	}
}

func printRemedy(w io.Writer, remedy string) {
	if remedy != "" {
		fmt.Fprintf(w, "  what to do: %s\n", migration.SafeText(remedy))
	}
}

// printPlan shows what a dry run found.
func (c *copier) printPlan(s report.Summary) error {
	if c.options.json {
		return c.printPlanJSON()
	}
	w := tabwriter.NewWriter(c.streams.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "mailbox\tfolder\tgoes to\tsource\tto copy\tsize\t")
	for i, m := range s.Mailboxes {
		for _, f := range c.results[i].summary.PerFolder {
			made := ""
			if f.New {
				made = "(new)"
			}
			fmt.Fprintf(w, "%s\t%s\t%s %s\t%d\t%d\t%s\t\n", m.EmailAddress, migration.SafeText(f.Source), migration.SafeText(f.Target), made, f.Messages.Source, f.ToCopy, byteSize(f.Bytes))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for i, m := range s.Mailboxes {
		printFindings(c.streams.Out, m.EmailAddress, c.results[i].summary.Findings)
	}
	return nil
}

// planFolder is a folder of the plan in JSON.
type planFolder struct {
	Mailbox string `json:"mailbox"`
	Folder  string `json:"folder"`
	Target  string `json:"target"`
	New     bool   `json:"new"`
	Source  int    `json:"source"`
	ToCopy  int    `json:"toCopy"`
	Bytes   int64  `json:"bytes"`
}

func (c *copier) printPlanJSON() error {
	plan := []planFolder{}
	for i, t := range c.tasks {
		for _, f := range c.results[i].summary.PerFolder {
			plan = append(plan, planFolder{t.address, f.Source, f.Target, f.New, f.Messages.Source, f.ToCopy, f.Bytes})
		}
	}
	return writeJSON(c.streams.Out, map[string]any{"plan": plan})
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
