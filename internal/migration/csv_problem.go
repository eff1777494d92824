package migration

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Problem is one thing wrong, or worth knowing, about a migration file. No
// password, and no value that could be one by a shifted column, is ever in it.
type Problem struct {
	// Code is one of CSVCodes.
	Code string `json:"code"`
	// Row is the row as a spreadsheet numbers it: the header is row 1. Zero
	// is the file as a whole.
	Row int `json:"row,omitempty"`
	// Column is the column's name, or its letter where it has no known name.
	Column   string   `json:"column,omitempty"`
	Severity Severity `json:"severity"`
	// Text says what is wrong, Remedy what to do; both are sentences.
	Text   string `json:"text"`
	Remedy string `json:"remedy"`
}

// String gives the problem in one line: where, how bad unless it is an error,
// what, what to do, and the code.
func (p Problem) String() string {
	where := ""
	if p.Row > 0 {
		where = fmt.Sprintf("row %d: ", p.Row)
	}
	if p.Row > 0 && p.Column != "" {
		where = fmt.Sprintf("row %d, %s: ", p.Row, p.Column)
	}
	if p.Severity != SeverityError && p.Severity != "" {
		where += string(p.Severity) + ": "
	}
	return fmt.Sprintf("%s%s. %s [%s]", where, strings.TrimSuffix(p.Text, "."), p.Remedy, p.Code)
}

// problemList collects problems, at most MaxProblems of each severity.
type problemList struct {
	list  []Problem
	count map[Severity]int
	codes map[string]CSVCode
}

func newProblemList() *problemList {
	l := &problemList{count: map[Severity]int{}, codes: map[string]CSVCode{}}
	for _, code := range CSVCodes() {
		l.codes[code.Code] = code
	}
	return l
}

// add fills in severity, text and remedy from the code where they are missing.
// Problems of the whole file are kept whatever their number: they are few.
func (l *problemList) add(p Problem) {
	code := l.codes[p.Code]
	p.Severity = code.Severity
	if p.Text == "" {
		p.Text = code.Title + "."
	}
	if p.Remedy == "" {
		p.Remedy = code.Remedy
	}
	l.count[p.Severity]++
	if p.Row == 0 || l.count[p.Severity] <= MaxProblems {
		l.list = append(l.list, p)
	}
}

// drop takes back problems that a later one explains.
func (l *problemList) drop(explained func(Problem) bool) {
	l.list = slices.DeleteFunc(l.list, func(p Problem) bool {
		if !explained(p) {
			return false
		}
		l.count[p.Severity]--
		return true
	})
}

func (l *problemList) errors() int { return l.count[SeverityError] }

// sorted gives the problems by row; those of the whole file come first.
func (l *problemList) sorted() []Problem {
	slices.SortStableFunc(l.list, func(a, b Problem) int { return a.Row - b.Row })
	return l.list
}

// ProblemColumns are the columns WriteProblems writes.
func ProblemColumns() []string {
	return []string{"Row", "Column", "Severity", "Code", "Problem", "Remedy"}
}

// WriteProblems writes problems as CSV (RFC 4180) that is safe to open in a
// spreadsheet. A problem of the whole file has an empty Row.
func WriteProblems(w io.Writer, problems []Problem) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	if err := out.Write(ProblemColumns()); err != nil {
		return fmt.Errorf("writing the problems: %w", err)
	}
	for _, p := range problems {
		row := ""
		if p.Row > 0 {
			row = strconv.Itoa(p.Row)
		}
		cells := []string{row, SafeCell(p.Column), string(p.Severity), p.Code, SafeCell(p.Text), SafeCell(p.Remedy)}
		if err := out.Write(cells); err != nil {
			return fmt.Errorf("writing the problems: %w", err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("writing the problems: %w", err)
	}
	return nil
}

// SafeCell makes text safe as a cell of a CSV file that a spreadsheet opens: an
// apostrophe goes before what a spreadsheet would take for a formula, and
// control and bidirectional override characters go (see SafeText).
func SafeCell(text string) string {
	safe := SafeText(text)
	if startsLikeFormula(text) || startsLikeFormula(safe) {
		return "'" + safe
	}
	return safe
}

// startsLikeFormula knows the full-width forms too, which spreadsheets of East
// Asian locales take for the signs themselves, and looks past leading spaces.
func startsLikeFormula(text string) bool {
	if strings.HasPrefix(text, "\t") || strings.HasPrefix(text, "\r") || strings.HasPrefix(text, "\x00") {
		return true
	}
	trimmed := strings.TrimLeftFunc(text, unicode.IsSpace)
	for _, start := range []string{"=", "+", "-", "@", "＝", "＋", "－", "＠"} {
		if strings.HasPrefix(trimmed, start) {
			return true
		}
	}
	return false
}

// SafeText takes out of text what could change how a terminal, a spreadsheet or
// a browser shows the text around it: control characters (C0, DEL, C1),
// bidirectional marks, embeddings, overrides and isolates, line and paragraph
// separators, and bytes that are not UTF-8. Tabs and line breaks become spaces.
func SafeText(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\ufeff':
			return -1
		case r == unicode.ReplacementChar:
			return '?'
		}
		return r
	}, text)
}
