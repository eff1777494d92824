package migration

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The columns of a migration file.
const (
	ColumnEmailAddress   = "EmailAddress"
	ColumnUserName       = "UserName"
	ColumnPassword       = "Password"
	ColumnUserRoot       = "UserRoot"
	ColumnTargetUserName = "TargetUserName"
	ColumnTargetPassword = "TargetPassword"
	ColumnEndpoint       = "Endpoint"
	ColumnHost           = "Host"
	ColumnPort           = "Port"
)

// csvHeader is the header row: the known name of each column, empty for a
// column that is left out.
type csvHeader struct{ columns []string }

// name is the column's name, or its letter, as a spreadsheet shows it.
func (h csvHeader) name(field int) string {
	if field < len(h.columns) && h.columns[field] != "" {
		return h.columns[field]
	}
	return columnLetter(field)
}

func (h csvHeader) has(column string) bool { return slices.Contains(h.columns, column) }

// columnLetter is A for 0, Z for 25, AA for 26.
func columnLetter(field int) string {
	letters := ""
	for field++; field > 0; field = (field - 1) / 26 {
		letters = string(rune('A'+(field-1)%26)) + letters
	}
	return letters
}

// knownColumns are the columns the options allow.
func (o CSVOptions) knownColumns() []string {
	columns := []string{ColumnEmailAddress, ColumnUserName, ColumnPassword, ColumnUserRoot, ColumnTargetUserName, ColumnTargetPassword}
	if len(o.KnownEndpoints) > 0 {
		columns = append(columns, ColumnEndpoint)
	}
	if o.HostColumns {
		columns = append(columns, ColumnHost, ColumnPort)
	}
	return columns
}

// requiredColumns are the columns that must be there.
func (o CSVOptions) requiredColumns() []string {
	if o.SourceHasAdmin {
		return []string{ColumnEmailAddress}
	}
	return []string{ColumnEmailAddress, ColumnUserName, ColumnPassword}
}

// readColumns reads the header row; false when it is none. A cell of it is told
// only when the row is surely a header: else it could be a password.
func (p *csvParser) readColumns(record csvRecord) bool {
	p.header = csvHeader{make([]string, len(record.fields))}
	duplicates := p.matchExact(record)
	misspelt := p.matchLoosely(record)
	address := slices.ContainsFunc(record.fields, func(cell string) bool { return strings.Contains(cell, "@") })
	if address || len(duplicates) == 0 && !slices.ContainsFunc(p.header.columns, func(c string) bool { return c != "" }) {
		p.header = csvHeader{}
		p.refuse(p.noHeader(record, address))
		return false
	}
	for field, cell := range record.fields {
		switch {
		case duplicates[field] != "":
			p.refuse(Problem{Code: CSVDuplicateColumn, Row: record.row, Column: columnLetter(field),
				Text: fmt.Sprintf("The column %q is there twice, as %s and %s.", duplicates[field], columnLetter(slices.Index(p.header.columns, duplicates[field])), columnLetter(field))})
		case misspelt[field]:
			p.refuse(Problem{Code: CSVColumnName, Row: record.row, Column: columnLetter(field),
				Text: fmt.Sprintf("Column %s should be named %q exactly.", columnLetter(field), p.header.columns[field])})
		case p.header.columns[field] == "" && !p.options.AllowUnknownColumns:
			p.refuse(p.unknownColumn(record.row, field, cell))
		}
	}
	if p.options.SourceUnknown && !p.header.has(ColumnPassword) {
		p.options.SourceHasAdmin = true
	}
	for _, column := range p.options.requiredColumns() {
		if !p.header.has(column) {
			p.refuse(Problem{Code: CSVMissingColumn, Row: record.row, Remedy: missingRemedy(column),
				Text: fmt.Sprintf("Column %q is missing from the CSV file. The import process can't continue because this column is required. Please edit the CSV file and re-submit it.", column)})
		}
	}
	return true
}

// missingRemedy says where a column could stay away; empty is the code's remedy.
func missingRemedy(column string) string {
	if column == ColumnEmailAddress {
		return ""
	}
	return "Add the column" + unlessAdmin
}

// noHeader tells columns set apart by spaces from no header at all.
func (p *csvParser) noHeader(record csvRecord, address bool) Problem {
	if words := strings.Fields(record.fields[0]); len(record.fields) == 1 && !address && slices.Contains(words, ColumnEmailAddress) {
		return Problem{Code: CSVSeparator, Row: record.row, Text: "The columns are separated by spaces, not by commas."}
	}
	return Problem{Code: CSVNoHeader, Row: record.row}
}

// matchExact sets the columns whose names are exact; the second of a name is in
// the result.
func (p *csvParser) matchExact(record csvRecord) map[int]string {
	duplicates := map[int]string{}
	known := p.options.knownColumns()
	for field, cell := range record.fields {
		switch {
		case !slices.Contains(known, cell):
		case p.header.has(cell):
			duplicates[field] = cell
		default:
			p.header.columns[field] = cell
		}
	}
	return duplicates
}

// matchLoosely sets the columns whose names are nearly right, where the right
// name is not there.
func (p *csvParser) matchLoosely(record csvRecord) map[int]bool {
	misspelt := map[int]bool{}
	known := p.options.knownColumns()
	required := append(p.options.requiredColumns(), ColumnUserName)
	for field, cell := range record.fields {
		if p.header.columns[field] != "" || slices.Contains(known, cell) {
			continue
		}
		column, sure := suggestColumn(cell, known)
		// Where unknown columns are welcome, a guess is made only for a
		// column that must be there, or whose lack would be made up for.
		guess := sure || !p.options.AllowUnknownColumns || slices.Contains(required, column)
		if column != "" && guess && !p.header.has(column) {
			p.header.columns[field] = column
			misspelt[field] = true
		}
	}
	return misspelt
}

// unknownColumn says why a column is not taken, as far as that can be known.
func (p *csvParser) unknownColumn(row, field int, cell string) Problem {
	problem := Problem{Code: CSVUnknownColumn, Row: row, Column: columnLetter(field)}
	const longestName = 64
	switch strings.ToLower(cell) {
	case "":
		problem.Text = fmt.Sprintf("Column %s has no name.", columnLetter(field))
		problem.Remedy = "Delete the column; it may only seem to be empty."
		return problem
	case "forcechangepassword", "mailboxtype":
		problem.Remedy = "Remove the column; it belongs to other kinds of migration."
	case "host", "port", "server", "endpoint":
		problem.Remedy = "Remove the column; the servers are those of --source and --target."
	}
	sure := p.header.has(ColumnPassword) && (p.header.has(ColumnEmailAddress) || p.header.has(ColumnUserName))
	if sure && len(cell) <= longestName && utf8.ValidString(cell) {
		problem.Text = fmt.Sprintf("Column %s has a name that is not known: %q.", columnLetter(field), SafeText(cell))
	}
	return problem
}

// suggestColumn finds the column that was meant. It is sure when only case,
// spaces and punctuation differ.
func suggestColumn(cell string, known []string) (column string, sure bool) {
	const longest, slips = 40, 2
	if len(cell) > longest {
		return "", false
	}
	name := squash(cell)
	for _, column := range known {
		if name == strings.ToLower(column) {
			return column, true
		}
	}
	if column := columnAlias(name); slices.Contains(known, column) {
		return column, false
	}
	for _, column := range known {
		if len(name) > 2*slips+1 && distance(name, strings.ToLower(column)) <= slips {
			return column, false
		}
	}
	return "", false
}

// squash keeps letters and digits, in lower case.
func squash(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}

// columnAlias knows what the columns are called elsewhere.
func columnAlias(name string) string {
	switch name {
	case "email", "mail", "address", "mailaddress", "primarysmtpaddress", "smtpaddress", "mailbox", "userprincipalname", "upn":
		return ColumnEmailAddress
	case "user", "login", "loginname", "logon", "account", "sourceuser", "user1", "benutzername", "userid":
		return ColumnUserName
	case "pass", "pwd", "passwd", "passwort", "kennwort", "sourcepassword", "password1":
		return ColumnPassword
	case "root", "userpath":
		return ColumnUserRoot
	case "targetuser", "user2", "destinationuser", "targetlogin":
		return ColumnTargetUserName
	case "targetpass", "targetpwd", "password2", "destinationpassword":
		return ColumnTargetPassword
	case "server", "hostname":
		return ColumnHost
	}
	return ""
}

// distance is the number of letters to add, remove or change to get from a to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
