package report

import (
	"io"
	"strconv"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// BatchColumns lists the columns of the CSV files of a batch in their order.
func BatchColumns() []Column {
	var columns []Column
	for _, c := range batchStatisticsColumns() {
		columns = append(columns, Column{StatisticsFile, c.name, c.meaning})
	}
	for _, c := range batchErrorsColumns() {
		columns = append(columns, Column{ErrorsFile, c.name, c.meaning})
	}
	return columns
}

func batchStatisticsColumns() []column[Account] {
	number := func(of func(Account) int64) func(Account) string {
		return func(a Account) string { return strconv.FormatInt(of(a), 10) }
	}
	seconds := func(of func(Account) float64) func(Account) string {
		return func(a Account) string { return strconv.FormatFloat(of(a), 'f', 0, 64) }
	}
	return []column[Account]{
		{"EmailAddress", "The address of the mailbox.", func(a Account) string { return a.EmailAddress }},
		{"SourceUser", "The user name at the source.", func(a Account) string { return a.SourceUser }},
		{"TargetUser", "The user name at the target.", func(a Account) string { return a.TargetUser }},
		{"Status", "The state of the mailbox, such as Synced or Failed.", func(a Account) string { return string(a.Status) }},
		{"Phase", "How far it has come: initial, incremental or closed.", func(a Account) string { return string(a.Phase) }},
		{"DataConsistencyScore", "Perfect, Good, Investigate or Poor; empty before the first whole pass.", func(a Account) string { return string(a.Score) }},
		{"SourceMessages", "The messages at the source, as far as they are known.", number(func(a Account) int64 { return a.SourceMessages })},
		{"SyncedMessages", "Those of them that are at the target.", number(func(a Account) int64 { return a.SyncedMessages })},
		{"SkippedMessages", "Those of them that were left out, each with a row in " + ErrorsFile + ".", number(func(a Account) int64 { return a.SkippedMessages })},
		{"ApprovedMessages", "Those left out that an operator has accepted.", number(func(a Account) int64 { return a.ApprovedMessages })},
		{"Percent", "How much is done, 100 only when all is.", number(func(a Account) int64 { return int64(a.Percent) })},
		{"CopiedMessages", "The messages that all passes together have copied.", number(func(a Account) int64 { return a.CopiedMessages })},
		{"CopiedBytes", "Their bytes.", number(func(a Account) int64 { return a.CopiedBytes })},
		{"BytesPerSecond", "The mean rate while in progress.", number(func(a Account) int64 { return a.BytesPerSecond })},
		{"Passes", "The passes that have gone through.", number(func(a Account) int64 { return int64(a.Passes) })},
		{"QueuedSeconds", "How long it was due and waited for its turn.", seconds(func(a Account) float64 { return a.QueuedSeconds })},
		{"InProgressSeconds", "How long a pass was under way.", seconds(func(a Account) float64 { return a.InProgressSeconds })},
		{"StalledSeconds", "How long of that nothing moved.", seconds(func(a Account) float64 { return a.StalledSeconds })},
		{"InitialDone", "When its initial pass had gone through, as RFC 3339 writes it.", func(a Account) string { return stamp(a.InitialDone) }},
		{"LastSynced", "When the last pass had gone through.", func(a Account) string { return stamp(a.LastSynced) }},
		{"Waiting", "Why the pass under way does not move; empty when it does.", func(a Account) string { return a.Waiting }},
		{"Code", "The code of what stopped the mailbox, empty when nothing did.", func(a Account) string { return a.Code }},
		{"Error", "What stopped the mailbox, in words.", func(a Account) string { return a.Error }},
		{"Remedy", "What to do about it.", func(a Account) string { return a.Remedy }},
		{"TriedAgain", "When it is tried again by itself; empty when it is not.", func(a Account) string { return stamp(a.Again) }},
	}
}

// batchError is a row of a batch's MigrationErrors.csv.
type batchError struct {
	errorRow
	approvedBy string
}

func batchErrorsColumns() []column[batchError] {
	var columns []column[batchError]
	for _, c := range errorsColumns() {
		columns = append(columns, column[batchError]{c.name, c.meaning, func(e batchError) string { return c.cell(e.errorRow) }})
	}
	return append(columns, column[batchError]{"ApprovedBy", "Who has accepted that it did not arrive; empty when nobody has.", func(e batchError) string { return e.approvedBy }})
}

// batchStatistics writes one row for each mailbox.
type batchStatistics struct{ *table[Account] }

func beginBatchStatistics(w io.Writer) (form, error) {
	t, err := startTable(w, batchStatisticsColumns())
	return batchStatistics{t}, err
}

func (s batchStatistics) mailbox(_ int, a Account) error                            { return s.row(a) }
func (s batchStatistics) finding(_ int, _ Account, _ migration.FindingRecord) error { return nil }

// batchErrors writes what kept mailboxes and messages from arriving.
type batchErrors struct{ *table[batchError] }

func beginBatchErrors(w io.Writer) (form, error) {
	t, err := startTable(w, batchErrorsColumns())
	return batchErrors{t}, err
}

func (e batchErrors) mailbox(_ int, a Account) error {
	if a.Error == "" {
		return nil
	}
	return e.row(batchError{errorRow: errorRow{a.EmailAddress, migration.Finding{Code: a.Code, Reason: a.Error, Remedy: a.Remedy}}})
}

func (e batchErrors) finding(_ int, a Account, f migration.FindingRecord) error {
	if !f.Lost {
		return nil
	}
	f.Count = number(f.Finding)
	return e.row(batchError{errorRow{a.EmailAddress, f.Finding}, f.ApprovedBy})
}
