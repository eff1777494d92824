package migration

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/mailhaul/mailhaul/internal/secret"
)

// The limits of a migration file. Rows and bytes are those of the service whose
// files are read; values and lines are bounded so that a broken quote cannot
// swallow the file.
const (
	MaxCSVBytes = 10 << 20
	MaxCSVRows  = 50_000
	MaxCSVField = 4 << 10
	MaxCSVLine  = 64 << 10
	// MaxProblems bounds the list of problems, for each severity; beyond it
	// they are only counted.
	MaxProblems = 10_000
)

// CSVOptions say how a migration file is read. The zero value reads the file of
// the modelled service: EmailAddress, UserName, Password and UserRoot, and
// TargetUserName and TargetPassword beside them.
type CSVOptions struct {
	// AllowUnknownColumns leaves columns with unknown names out instead of
	// refusing the file, which protects against misspelt names.
	AllowUnknownColumns bool
	// SourceHasAdmin says that one credential opens every mailbox of the source: an
	// administrator's, an application's or a service account's. Columns and values of
	// Password are then not needed, and not used; a missing UserName is the
	// EmailAddress.
	SourceHasAdmin bool
	// TargetHasAdmin says the same of the target: TargetPassword is not used.
	TargetHasAdmin bool
	// SourceUnknown says that the source is not chosen yet. A file without the column
	// Password is then read as one for a source with an administrator.
	SourceUnknown bool
	// Source is how the source is signed in to. Where it names an administrator, a
	// user name that packs him in is made plain. The zero value changes nothing.
	Source LoginMethod
	// TargetPasswordRequired refuses rows without a TargetPassword: the batch
	// has none for all, and the target no administrator.
	TargetPasswordRequired bool
	// TellTargetPassword makes a note of the rows without a TargetPassword.
	TellTargetPassword bool
	// AllowSameUser accepts two rows that read the same source mailbox.
	AllowSameUser bool
	// HostColumns makes Host and Port columns: a server for each row. Off by
	// default, because who may write the file may then say where passwords go.
	HostColumns bool
	// KnownEndpoints makes Endpoint a column, whose values are these names.
	KnownEndpoints []string
	// InUse names the active batch that has the mailbox of a row already, or one
	// that reads the same source or goes to the same target, and the column that
	// tells; empty when none does. May be nil.
	InUse func(Row) (column, batch string)
	// HashKey makes File.Hash an HMAC of the upload. Without a key there is no
	// hash: a plain one would let who sees it try passwords against it.
	HashKey []byte
	// PreviousHashes are the hashes of earlier uploads, by the same key, and
	// what each was used for.
	PreviousHashes map[string]string
	// ExpectedBytes is the announced size of the upload, 0 when unknown.
	ExpectedBytes int64
}

// Row is one mailbox of a migration file. No value holds CR, LF or NUL.
type Row struct {
	// Row is its number as a spreadsheet counts: the header is row 1.
	Row          int
	EmailAddress string
	UserName     string
	Password     secret.Text
	// UserRoot is the path of the user's mail in the source's shared folders,
	// for servers where the administrator signs in as himself; else empty.
	UserRoot string
	// TargetUserName and TargetPassword are empty when the batch says it.
	TargetUserName string
	TargetPassword secret.Text
	// Endpoint, Host and Port are empty when the batch says it.
	Endpoint string
	Host     string
	Port     int
}

// File is what a migration file holds: its good rows and its problems.
type File struct {
	// Rows are the rows without an error. When Errors is not zero they are
	// only to be used if someone chose to leave the bad rows out.
	Rows []Row
	// RowCount is how many rows there were below the header, without blank
	// ones; RowCount - len(Rows) were refused.
	RowCount int
	// Problems are sorted by row; those of the file as a whole come first.
	Problems []Problem
	// Errors, Warnings and Notes count all problems, listed or not.
	Errors, Warnings, Notes int
	// FileRefused is true when an error concerns the file or its header: there
	// is then nothing to be used, not even the good rows.
	FileRefused bool
	// Bytes is the size read. Hash is empty without CSVOptions.HashKey, or
	// when the file was not read to its end.
	Bytes int64
	Hash  string
}

// ParseCSV reads a migration file and finds everything that is wrong with it in
// one go. It reads at most MaxCSVBytes and one byte more. The error is that of
// the reader; a bad file is not an error but has problems.
func ParseCSV(r io.Reader, options CSVOptions) (*File, error) {
	p := &csvParser{
		options:   options,
		source:    newCSVSource(r, options.HashKey),
		problems:  newProblemList(),
		addresses: map[string]int{},
		users:     map[string]int{},
		targets:   map[string]int{},
	}
	p.run()
	if p.source.err != nil {
		return nil, fmt.Errorf("reading the migration file: %w", p.source.err)
	}
	return p.file(), nil
}

// csvParser is one reading of one file.
type csvParser struct {
	options   CSVOptions
	source    *csvSource
	problems  *problemList
	header    csvHeader
	rows      []Row
	rowCount  int
	byAddress int            // rows whose UserName is their EmailAddress for want of one
	addresses map[string]int // lower case, to the row that has it
	users     map[string]int
	targets   map[string]int
	refused   bool
	lastRow   int
	lastWhole bool   // the last row read has its line end
	firstEnd  string // the first line end of the file
	mixedEnds bool
}

func (p *csvParser) run() {
	text, problems := p.source.text()
	for _, problem := range problems {
		p.problems.add(problem)
	}
	if text == nil {
		p.refused = true
		return
	}
	tokens := newCSVTokenizer(text)
	defer tokens.window.wipe()
	if p.readHeader(tokens) {
		p.readRows(tokens)
	}
	p.finish()
}

// refuse adds a problem that makes the whole file useless.
func (p *csvParser) refuse(problem Problem) {
	p.refused = true
	p.problems.add(problem)
}

// readHeader finds the header row; false when there is no going on without it.
func (p *csvParser) readHeader(tokens *csvTokenizer) bool {
	record, found := tokens.next()
	for found && (record.blank() || isSeparatorHint(record)) {
		p.seeEnd(record)
		record, found = tokens.next()
	}
	p.lastRow = record.row
	switch {
	case !found && p.source.bytes == 0:
		p.refuse(Problem{Code: CSVEmpty, Text: "Upload file can't be empty"})
	case !found:
		p.refuse(Problem{Code: CSVBlank})
	case hasLoneCR(record.raw):
		p.refuse(Problem{Code: CSVLineEndsCR, Row: record.row})
	case !p.readSeparator(record):
		// The problem is told there.
	case len(record.faults) > 0:
		p.refused = true
		p.addFaults(record)
	default:
		p.seeEnd(record)
		return p.readColumns(record)
	}
	return false
}

// isSeparatorHint sees the line a spreadsheet reads as "separated by commas".
func isSeparatorHint(record csvRecord) bool {
	return strings.EqualFold(string(bytes.TrimSpace(record.raw)), "sep=,")
}

// hasLoneCR sees a carriage return that no line feed follows, except at the end
// of the file.
func hasLoneCR(raw []byte) bool {
	for at, c := range raw {
		if c == '\r' && at+1 < len(raw) && raw[at+1] != '\n' {
			return true
		}
	}
	return false
}

// readSeparator reports whether the header has commas, or needs none.
func (p *csvParser) readSeparator(record csvRecord) bool {
	if bytes.IndexByte(record.raw, ',') >= 0 {
		return true
	}
	header := string(bytes.TrimRight(record.raw, "\r\n"))
	if separator, found := strings.CutPrefix(strings.ToLower(header), "sep="); found {
		header = separator
	}
	for _, separator := range []struct{ sign, name string }{
		{";", "semicolons"}, {"\t", "tabs"}, {"|", "vertical bars"},
	} {
		if strings.Contains(header, separator.sign) {
			p.refuse(Problem{Code: CSVSeparator, Row: record.row, Text: "The columns are separated by " + separator.name + ", not by commas."})
			return false
		}
	}
	return true
}

func (p *csvParser) readRows(tokens *csvTokenizer) {
	for record, found := tokens.next(); found; record, found = tokens.next() {
		p.seeEnd(record)
		if record.blank() {
			continue
		}
		if p.rowCount == MaxCSVRows {
			p.refuse(Problem{Code: CSVTooManyRows, Text: "The CSV file contains more than 50,000 rows. Please divide the file into two or more files and submit them separately."})
			return
		}
		p.rowCount++
		p.readRow(record)
	}
}

// seeEnd notes whether line ends are of both kinds.
func (p *csvParser) seeEnd(record csvRecord) {
	p.lastRow, p.lastWhole = record.row, record.crlf || record.lf
	end := ""
	switch {
	case record.crlf:
		end = "\r\n"
	case record.lf:
		end = "\n"
	default:
		return
	}
	if p.firstEnd == "" {
		p.firstEnd = end
	}
	p.mixedEnds = p.mixedEnds || end != p.firstEnd
}

// addFaults reports the breaches of RFC 4180 in a record.
func (p *csvParser) addFaults(record csvRecord) {
	for _, fault := range record.faults {
		column := p.header.name(fault.field)
		if fault.code == CSVLongLine {
			column = ""
		}
		p.problems.add(Problem{Code: fault.code, Row: record.row, Column: column})
	}
}

// finish adds what only the end of the file can tell.
func (p *csvParser) finish() {
	if p.source.tooBig {
		p.refuse(Problem{Code: CSVTooBig})
		p.dropCutRow()
	}
	short := p.source.ended && p.source.bytes < p.options.ExpectedBytes
	if p.source.cut || short {
		p.dropCutRow()
		p.refuse(Problem{Code: CSVTruncated, Text: p.truncatedText()})
	} else if !p.refused && p.rowCount == 0 {
		p.refuse(Problem{Code: CSVHeaderOnly})
	}
	if p.mixedEnds && p.rowCount > 0 {
		p.problems.add(Problem{Code: CSVLineEndsMixed})
	}
	if !p.refused {
		p.findOnePassword()
		p.tellUnused()
	}
	p.countTargetPasswords()
	if before, found := p.options.PreviousHashes[p.source.sum()]; found && p.source.sum() != "" {
		text := ""
		if before != "" {
			text = fmt.Sprintf("The same file was uploaded before, for %q.", SafeText(before))
		}
		p.problems.add(Problem{Code: CSVSameFile, Text: text})
	}
}

func (p *csvParser) truncatedText() string {
	if p.options.ExpectedBytes <= p.source.bytes {
		return ""
	}
	return fmt.Sprintf("The upload stopped after %d of %d bytes.", p.source.bytes, p.options.ExpectedBytes)
}

// dropCutRow takes back the row that the cut went through: what is wrong with
// it, and that the file seemed to hold nothing, is the cut's doing.
func (p *csvParser) dropCutRow() {
	p.problems.drop(func(problem Problem) bool {
		return problem.Row == p.lastRow && problem.Row > 0 && !p.lastWhole ||
			problem.Code == CSVEmpty || problem.Code == CSVBlank
	})
	if n := len(p.rows); n > 0 && p.rows[n-1].Row == p.lastRow {
		p.rows = p.rows[:n-1]
	}
}

func (p *csvParser) file() *File {
	rows := p.rows
	if p.refused {
		rows = nil
	}
	return &File{
		Rows:        rows,
		RowCount:    p.rowCount,
		Problems:    p.problems.sorted(),
		Errors:      p.problems.count[SeverityError],
		Warnings:    p.problems.count[SeverityWarning],
		Notes:       p.problems.count[SeverityNote],
		FileRefused: p.refused,
		Bytes:       p.source.bytes,
		Hash:        p.source.sum(),
	}
}
