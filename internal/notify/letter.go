package notify

import (
	"fmt"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/report"
)

// letter is the text of a notice. The total is that of the report made for it; nil
// when there is none.
func letter(n migration.Notice, f facts, total *report.BatchTotal) string {
	var b strings.Builder
	fmt.Fprintln(&b, news(n, f))
	if t := f.Trouble; t != nil {
		fmt.Fprintf(&b, "\nReason: %s\n", line(t.Reason))
		if t.Remedy != "" {
			fmt.Fprintf(&b, "What to do: %s\n", line(t.Remedy))
		}
	}
	if total != nil {
		fmt.Fprintln(&b)
		for _, figure := range total.Figures() {
			fmt.Fprintf(&b, "%-24s %s\n", figure.Name, figure.Value)
		}
		attention(&b, total)
	}
	fmt.Fprintf(&b, "\n%s\n", next(n, f))
	return b.String()
}

// news says in a sentence or two what happened.
func news(n migration.Notice, f facts) string {
	batch := fmt.Sprintf("batch %q", migration.SafeText(n.BatchName))
	c := f.Counts
	switch n.Kind {
	case Synced:
		if suffix(f.State) == "" {
			return fmt.Sprintf("The initial copy of %s is done: %s.", batch, all(c.Total, "arrived"))
		}
		return fmt.Sprintf("The initial copy of %s is done, with errors: %s.", batch, shares(c, c.Synced+c.Closed, "synced"))
	case Completed:
		if suffix(f.State) == "" {
			return fmt.Sprintf("The migration of %s is complete: %s, and the passwords of the batch are wiped.", batch, all(c.Total, "had a final pass"))
		}
		return fmt.Sprintf("The migration of %s is complete, with errors: %s.", batch, shares(c, c.Closed, "completed"))
	case Failed:
		return fmt.Sprintf("The migration of %s has failed: %s.", batch, all(c.Total, "failed"))
	case Stalled:
		return fmt.Sprintf("The migration of %s has stalled.", batch)
	default:
		return fmt.Sprintf("This is how %s stood on %s: %s.", batch, f.At.Format("2 January 2006 at 15:04 UTC"), f.State)
	}
}

func all(n int, what string) string {
	if n == 1 {
		return "its only mailbox has " + what
	}
	return fmt.Sprintf("all %s mailboxes have %s", report.Number(n), what)
}

// shares names how many of the mailboxes are done, and what became of the others.
func shares(c migration.BatchCounts, done int, what string) string {
	parts := []string{fmt.Sprintf("%s of %s mailboxes are %s", report.Number(done), report.Number(c.Total), what)}
	for _, other := range []struct {
		n    int
		text string
	}{{c.Failed, "failed"}, {c.Stopped, "stopped"}} {
		if other.n > 0 {
			parts = append(parts, report.Number(other.n)+" "+other.text)
		}
	}
	text := strings.Join(parts, ", ")
	switch {
	case c.Troubled == 1:
		text += ". Of one mailbox messages were left out"
	case c.Troubled > 1:
		text += fmt.Sprintf(". Of %s mailboxes messages were left out", report.Number(c.Troubled))
	}
	return text
}

// attention names the first mailboxes in trouble.
func attention(b *strings.Builder, total *report.BatchTotal) {
	const most = 10
	if total.Troubled == 0 {
		return
	}
	fmt.Fprintln(b, "\nMailboxes that need attention")
	first := total.Worst[:min(most, len(total.Worst))]
	for _, m := range first {
		fmt.Fprintf(b, "  %s (%s): %s\n", line(m.EmailAddress), m.Status, line(m.Error))
		if m.Remedy != "" {
			fmt.Fprintf(b, "    %s\n", line(m.Remedy))
		}
	}
	if more := total.Troubled - len(first); more > 0 {
		fmt.Fprintf(b, "  and %s more, all in %s.\n", report.Number(more), report.ErrorsFile)
	}
}

// next says what happens by itself, and what does not.
func next(n migration.Notice, f facts) string {
	switch n.Kind {
	case Synced:
		return fmt.Sprintf("What is new at the source is brought over every %s. When the MX records point to the target, complete the batch.", strings.TrimPrefix(span(f.Interval), "1 "))
	case Completed:
		if suffix(f.State) != "" {
			return "Mailboxes that failed can be started again; the others are done."
		}
		return "Nothing more is copied. The batch can be deleted; the migrated mail stays."
	case Failed:
		return "When the reason is gone, start the batch again. Nothing is copied twice."
	case Stalled:
		return "It is tried again by itself, and goes on when the reason is gone. Nothing is copied twice."
	default:
		if f.Reports <= 0 {
			return "No further report is planned."
		}
		return fmt.Sprintf("The next report comes in %s.", span(f.Reports))
	}
}

// span is a duration in words: "24 hours", "5 minutes".
func span(d time.Duration) string {
	switch {
	case d == time.Hour:
		return "1 hour"
	case d > 0 && d%time.Hour == 0:
		return fmt.Sprintf("%d hours", d/time.Hour)
	default:
		return fmt.Sprintf("%d minutes", int(d.Round(time.Minute)/time.Minute))
	}
}

// line is a text of others as one line that does not act.
func line(text string) string {
	const longest = 300
	text = strings.TrimSpace(migration.SafeText(text))
	if runes := []rune(text); len(runes) > longest {
		return string(runes[:longest]) + "..."
	}
	return text
}
