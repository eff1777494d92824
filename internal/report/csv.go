package report

import (
	"encoding/csv"
	"io"
	"strconv"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// The names of the files WriteDir writes.
const (
	StatisticsFile = "MigrationStatistics.csv"
	ErrorsFile     = "MigrationErrors.csv"
	HTMLFile       = "report.html"
)

// Column is a column of one of the CSV files.
type Column struct {
	File string
	Name string
	// Meaning is a sentence for the documentation.
	Meaning string
}

// Columns lists the columns of the CSV files in their order.
func Columns() []Column {
	columns := make([]Column, 0, 40)
	for _, c := range statisticsColumns() {
		columns = append(columns, Column{StatisticsFile, c.name, c.meaning})
	}
	for _, c := range errorsColumns() {
		columns = append(columns, Column{ErrorsFile, c.name, c.meaning})
	}
	return columns
}

// column is a column and how its cell is made from a T.
type column[T any] struct {
	name, meaning string
	cell          func(T) string
}

// errorRow is a row of MigrationErrors.csv: a mailbox and a finding of it.
type errorRow struct {
	mailbox string
	migration.Finding
}

func statisticsColumns() []column[Mailbox] {
	number := func(of func(Mailbox) int64) func(Mailbox) string {
		return func(m Mailbox) string { return strconv.FormatInt(of(m), 10) }
	}
	count := func(of func(migration.Counts) int) func(Mailbox) string {
		return number(func(m Mailbox) int64 { return int64(of(m.Counts)) })
	}
	return []column[Mailbox]{
		{"EmailAddress", "The address of the mailbox.", func(m Mailbox) string { return m.EmailAddress }},
		{"SourceUser", "The user name at the source.", func(m Mailbox) string { return m.SourceUser }},
		{"TargetUser", "The user name at the target.", func(m Mailbox) string { return m.TargetUser }},
		{"Status", "Synced, SyncedWithErrors, Failed, Stopped or Queued.", func(m Mailbox) string { return m.Status }},
		{"Folders", "The folders gone through.", number(func(m Mailbox) int64 { return int64(m.Folders) })},
		{"SourceMessages", "The messages seen at the source.", count(func(c migration.Counts) int { return c.Source })},
		{"Copied", "The messages copied in this pass.", count(func(c migration.Counts) int { return c.Copied })},
		{"Present", "The messages copied before this run. They are not looked at again; verify does that.", count(func(c migration.Counts) int { return c.Present })},
		{"Skipped", "The messages left out, each with a row in " + ErrorsFile + ".", count(func(c migration.Counts) int { return c.Skipped })},
		{"Gone", "The messages that vanished from the source before they were read.", count(func(c migration.Counts) int { return c.Gone })},
		{"NotReached", "The messages that were not reached, because the mailbox failed or was stopped.", number(func(m Mailbox) int64 { return int64(m.NotReached) })},
		{"Bytes", "The bytes of the messages copied.", number(func(m Mailbox) int64 { return m.Bytes })},
		{"Seconds", "How long the mailbox was worked on.", func(m Mailbox) string { return strconv.FormatFloat(m.Seconds, 'f', 3, 64) }},
		{"SourceRoundTrips", "How often the source was waited for.", number(func(m Mailbox) int64 { return m.RoundTrips.Source })},
		{"TargetRoundTrips", "How often the target was waited for.", number(func(m Mailbox) int64 { return m.RoundTrips.Target })},
		{"Findings", "How many findings there are, of every kind.", number(func(m Mailbox) int64 { return int64(len(m.Findings)) })},
		{"Code", "The code of what stopped the mailbox, empty when nothing did.", func(m Mailbox) string { return m.Code }},
		{"Error", "What stopped the mailbox, in words.", func(m Mailbox) string { return m.Error }},
		{"Remedy", "What to do about it.", func(m Mailbox) string { return m.Remedy }},
	}
}

func errorsColumns() []column[errorRow] {
	unless0 := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	return []column[errorRow]{
		{"EmailAddress", "The address of the mailbox, or its user name when it has none.", func(r errorRow) string { return r.mailbox }},
		{"Folder", "The folder at the source; empty for the mailbox as a whole.", func(r errorRow) string { return r.Folder }},
		{"UID", "The number of the message in its folder; empty when it is not about one message.", func(r errorRow) string { return unless0(int64(r.UID)) }},
		{"Subject", "The subject of the message.", func(r errorRow) string { return r.Subject }},
		{"Date", "When the message was received, as RFC 3339 writes it.", func(r errorRow) string { return stamp(r.Date) }},
		{"Size", "The bytes of the message.", func(r errorRow) string { return unless0(r.Size) }},
		{"Code", "The code of what went wrong.", func(r errorRow) string { return r.Code }},
		{"Reason", "What went wrong, in words.", func(r errorRow) string { return r.Reason }},
		{"Remedy", "What to do about it.", func(r errorRow) string { return r.Remedy }},
		{"Count", "How many messages the row stands for; of a mailbox that failed those not reached, empty where there are none.", func(r errorRow) string { return unless0(int64(r.Count)) }},
	}
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

// writeStatistics writes one row for each mailbox, in the order given.
func writeStatistics(w io.Writer, s Summary) error {
	out, err := startTable(w, statisticsColumns())
	if err != nil {
		return err
	}
	for _, m := range s.Mailboxes {
		if err := out.row(m); err != nil {
			return err
		}
	}
	return out.end()
}

// writeErrors writes what kept mailboxes and messages from arriving.
func writeErrors(w io.Writer, s Summary) error {
	out, err := startTable(w, errorsColumns())
	if err != nil {
		return err
	}
	for _, m := range s.Mailboxes {
		if troubled(m) {
			if err := out.row(errorRow{m.name(), migration.Finding{Code: m.Code, Reason: reason(m), Remedy: m.Remedy, Count: m.NotReached}}); err != nil {
				return err
			}
		}
		for _, f := range m.Findings {
			if informs(f) {
				continue
			}
			f.Count = number(f)
			if err := out.row(errorRow{m.name(), f}); err != nil {
				return err
			}
		}
	}
	return out.end()
}

// reason is never empty for a mailbox in trouble.
func reason(m Mailbox) string {
	if m.Error == "" {
		return "no reason was given"
	}
	return m.Error
}

// table writes rows that are safe to open in a spreadsheet.
type table[T any] struct {
	out     *csv.Writer
	columns []column[T]
	cells   []string
}

func startTable[T any](w io.Writer, columns []column[T]) (*table[T], error) {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return nil, err
	}
	t := &table[T]{csv.NewWriter(w), columns, make([]string, len(columns))}
	t.out.UseCRLF = true
	for i, c := range columns {
		t.cells[i] = c.name
	}
	return t, t.out.Write(t.cells)
}

func (t *table[T]) row(of T) error {
	for i, c := range t.columns {
		t.cells[i] = migration.SafeCell(c.cell(of))
	}
	return t.out.Write(t.cells)
}

func (t *table[T]) end() error {
	t.out.Flush()
	return t.out.Error()
}
