package cli

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/mailhaul/mailhaul/internal/cutover"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// verdictLine is a verdict in one line: the state, and the findings that are more than
// notes.
func verdictLine(v cutover.Verdict) string {
	var told []string
	for _, f := range v.Findings {
		if f.Severity != cutover.Note {
			told = append(told, f.Sentence)
		}
	}
	line := v.Domain + ": " + string(v.State)
	if !v.Clock.SafeAt.IsZero() && v.State != cutover.Settled {
		line += ", until " + moment(v.Clock.SafeAt)
	}
	if len(told) > 0 {
		line += ". " + strings.Join(told, " ")
	}
	return migration.SafeText(line)
}

// kindWords say which system a target is.
var kindWords = map[cutover.Kind]string{cutover.Office365: "Office 365", cutover.Office365China: "Office 365 operated by 21Vianet"}

// targetWords say where the mail of a domain moves to.
func targetWords(t cutover.Target) string {
	words := kindWords[t.Kind]
	hosts := strings.Join(t.MX, ", ")
	if words != "" && hosts != "" {
		words += ", "
	}
	return words + hosts
}

// targetLine also says what to do where the target was only assumed.
func targetLine(t cutover.Target, assumed bool) string {
	line := "target: " + targetWords(t)
	if assumed {
		line += " (assumed; others with --mx HOST)"
	}
	return line
}

// printVerdict shows what was found.
func printVerdict(out io.Writer, v cutover.Verdict, assumed bool) {
	fmt.Fprintf(out, "%s: %s\n%s\n\n", v.Domain, v.State, targetLine(v.Target, assumed))
	printServers(out, v.Servers)
	for _, f := range v.Findings {
		fmt.Fprintf(out, "\n%s: %s [%s]\n", f.Severity, migration.SafeText(f.Sentence), f.Code)
		printRemedy(out, f.Advice)
	}
	if m := v.Mailboxes; m != nil {
		fmt.Fprintf(out, "\n%s of %s, %d synchronised since the switch, %d since the wait was over\n", counted(m.Total, "mailbox", "mailboxes"), v.Domain, m.SyncedAfterSwitch, m.SyncedAfterWait)
		for _, b := range m.Behind {
			fmt.Fprintf(out, "  %s in batch %s: %s\n", migration.SafeText(b.EmailAddress), migration.SafeText(b.Batch), cmp.Or(b.Lacks, "last pass began "+orNever(moment(b.SyncedAt))))
		}
		if more := m.Unnamed(); more > 0 {
			fmt.Fprintf(out, "  and %d more\n", more)
		}
	}
	fmt.Fprintln(out)
	printSafe(out, "complete", v.Complete)
	printSafe(out, "delete", v.Delete)
}

func orNever(text string) string {
	if text == "" {
		return "never"
	}
	return text
}

func printSafe(out io.Writer, what string, s cutover.Safe) {
	if s.Yes {
		fmt.Fprintf(out, "safe to %s the batches: yes\n", what)
		return
	}
	fmt.Fprintf(out, "safe to %s the batches: no\n", what)
	for _, reason := range s.Reasons {
		fmt.Fprintf(out, "  %s\n", migration.SafeText(reason))
	}
}

// printServers has a row for each server that was asked.
func printServers(out io.Writer, servers []cutover.Sight) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "server\taddress\tkind\tserial\tMX records (TTL)")
	for _, s := range servers {
		kind, serial, records := "resolver", "", []string{}
		if s.Authoritative {
			kind = "zone"
		}
		if s.Serial != 0 {
			serial = fmt.Sprint(s.Serial)
		}
		for _, r := range s.Records {
			if r.Type == "MX" {
				records = append(records, fmt.Sprintf("%d %s (%d s)", r.Preference, r.Value, r.TTL))
			}
		}
		if len(records) == 0 {
			records = []string{"none"}
		}
		if s.Trouble != cutover.NoTrouble {
			records = []string{troubleWords(s.Trouble)}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", migration.SafeText(s.Name), s.Address, kind, serial, migration.SafeText(strings.Join(records, ", ")))
	}
	_ = w.Flush()
}

// troubleWords say why a server told nothing. One whose port is closed does not answer
// either.
func troubleWords(t cutover.Trouble) string {
	if t == cutover.Silent {
		return "no answer"
	}
	return "no answer: " + string(t)
}

// printPlanOf shows the steps, with the records as a zone file has them.
func printPlanOf(out io.Writer, v cutover.Verdict, assumed bool) {
	fmt.Fprintf(out, "%s: %s\n%s\n", v.Domain, v.State, targetLine(v.Target, assumed))
	for i, s := range v.Steps {
		done := ""
		if s.Done {
			done = " (done)"
		}
		fmt.Fprintf(out, "\n%d. %s%s\n   %s\n", i+1, s.Title, done, s.Text)
		if !s.Due.IsZero() && !s.Done {
			fmt.Fprintf(out, "   until %s\n", moment(s.Due))
		}
		printRecords(out, "now", s.Now)
		if !s.Done {
			printRecords(out, "publish", s.Publish)
		}
	}
	for _, f := range v.Findings {
		if f.Severity == cutover.Bad {
			fmt.Fprintf(out, "\n%s: %s [%s]\n", f.Severity, migration.SafeText(f.Sentence), f.Code)
			printRemedy(out, f.Advice)
		}
	}
}

func printRecords(out io.Writer, title string, records []cutover.Record) {
	for i, r := range records {
		if i > 0 {
			title = ""
		}
		value := strings.TrimSuffix(r.Value, ".") + "."
		switch r.Type {
		case "MX":
			value = fmt.Sprintf("%d %s", r.Preference, value)
		case "TXT":
			value = `"` + strings.ReplaceAll(r.Value, `"`, `\"`) + `"`
		}
		fmt.Fprintf(out, "     %-8s %s. %d IN %s %s\n", title, r.Name, r.TTL, r.Type, migration.SafeText(value))
	}
}
