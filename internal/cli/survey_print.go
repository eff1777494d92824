package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/report"
)

// conclude writes and prints what was found, and chooses the exit status.
func (s *surveyor) conclude(ctx context.Context, started time.Time) error {
	found := report.Survey{Started: started, Ended: time.Now(), Source: s.accounts[0].Endpoint.Address(), Mailboxes: s.results}
	found.Summarise()
	if s.options.output != "" {
		if err := writeSurveyFile(s.options.output, found); err != nil {
			return err
		}
	}
	if s.flags.json {
		if err := writeJSON(s.streams.Out, found); err != nil {
			return err
		}
	} else {
		printSurvey(s.streams.Out, found)
	}
	return s.verdict(ctx)
}

// verdict is the worst of the mailboxes; a single one's error is told as it is.
func (s *surveyor) verdict(ctx context.Context) error {
	if ctx.Err() != nil {
		return &exitError{exitInterrupted, interruptedFault("counting")}
	}
	worst := exitDone
	for i, err := range s.errors {
		switch {
		case err != nil && len(s.errors) == 1:
			return err
		case err != nil:
			worst = worse(worst, statusOf(err))
		case s.results[i].Uncounted > 0:
			worst = worse(worst, exitSkipped)
		}
	}
	if worst == exitDone {
		return nil
	}
	return &exitError{status: worst}
}

func writeSurveyFile(path string, found report.Survey) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return usageError("--output: %w", err)
	}
	if err := report.WriteSurvey(file, found); err != nil {
		_ = file.Close()
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return file.Close()
}

// shownMailboxes is how many the table shows; --output and --json have all.
const shownMailboxes = 200

func printSurvey(w io.Writer, found report.Survey) {
	table := [][]string{{"mailbox", "status", "largest folder", "folders", "messages", "size", "largest message"}}
	for _, m := range found.Mailboxes[:min(len(found.Mailboxes), shownMailboxes)] {
		table = append(table, surveyRow(m))
	}
	if found.Summary.LargestMessage == nil {
		for i, cells := range table {
			table[i] = cells[:len(cells)-1]
		}
	}
	printTable(w, 3, table)
	if more := len(found.Mailboxes) - shownMailboxes; more > 0 {
		fmt.Fprintf(w, "... and %d more; write them all with --output FILE\n", more)
	}
	if len(found.Mailboxes) > 1 {
		printSurveySummary(w, found.Summary)
	}
	printSurveyReasons(w, found.Mailboxes)
	if s := found.Summary; s.Sized < s.Counted {
		fmt.Fprintf(w, "The server does not tell the bytes of %s; --sizes asks every message for its size.\n", counted(s.Counted-s.Sized, "mailbox", "mailboxes"))
	}
}

func surveyRow(m report.SurveyedMailbox) []string {
	folders, messages := "", ""
	if m.Status == report.Measured || m.Status == report.Empty {
		folders, messages = strconv.Itoa(m.Folders), strconv.FormatInt(m.Messages, 10)
	}
	return []string{migration.SafeText(m.EmailAddress), m.Status, migration.SafeText(m.LargestFolder), folders, messages, sizeIfKnown(m.Bytes), sizeIfKnown(m.LargestMessage)}
}

func sizeIfKnown(bytes *int64) string {
	if bytes == nil {
		return ""
	}
	return byteSize(*bytes)
}

func printSurveySummary(w io.Writer, s report.SurveySummary) {
	fmt.Fprintf(w, "\n%s: %d counted, %d of them empty, %d failed\n", counted(s.Mailboxes, "mailbox", "mailboxes"), s.Counted, s.Empty, s.Failed)
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	rows := [][]string{{"", "total", "median", "95 of 100 have at most", "largest"}}
	row := func(name string, spread report.Spread, show func(int64) string) {
		rows = append(rows, []string{name, show(spread.Total), show(spread.Median), show(spread.P95), show(spread.Largest)})
	}
	row("messages", s.Messages, number)
	if s.Sized > 0 {
		row("size", s.Bytes, byteSize)
	}
	printTable(w, 1, rows)
	if len(s.Biggest) == 0 {
		return
	}
	fmt.Fprintf(w, "\nThe biggest:\n")
	biggest := make([][]string, 0, len(s.Biggest))
	for _, m := range s.Biggest {
		row := surveyRow(m)
		biggest = append(biggest, []string{row[0], row[4], row[5]})
	}
	printTable(w, 1, biggest)
	fmt.Fprintln(w)
}

// printSurveyReasons tells each reason once, with the mailboxes it is true of. A single
// mailbox's error is the command's own.
func printSurveyReasons(w io.Writer, mailboxes []report.SurveyedMailbox) {
	var first []report.SurveyedMailbox
	names := map[string][]string{}
	for _, m := range mailboxes {
		if m.Reason == "" || m.Status == report.Failed && len(mailboxes) == 1 {
			continue
		}
		if names[m.Reason] == nil {
			first = append(first, m)
		}
		names[m.Reason] = append(names[m.Reason], m.EmailAddress)
	}
	for _, m := range first {
		fmt.Fprintf(w, "%s: %s\n", migration.SafeText(someOf(names[m.Reason])), migration.SafeText(m.Reason))
		printRemedy(w, m.Remedy)
	}
}
