package migration

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mailhaul/mailhaul/internal/secret"
)

// readRow checks a row and keeps it when nothing is wrong with it. A row whose
// shape is wrong is not looked into: its values may be in the wrong columns.
func (p *csvParser) readRow(record csvRecord) {
	before := p.problems.errors()
	if p.checkShape(record); p.problems.errors() > before {
		return
	}
	row := Row{Row: record.row}
	for field, value := range record.fields {
		if column := p.header.columns[field]; column != "" {
			p.readValue(&row, column, value)
		}
	}
	if p.options.TargetPasswordRequired && row.TargetPassword.Empty() {
		p.problems.add(Problem{Code: CSVNoTargetPassword, Row: row.Row, Column: ColumnTargetPassword})
	}
	if p.options.Source.Form == LoginUserRoot && p.options.Source.Root == "" && strings.Trim(row.UserRoot, "/") == "" {
		p.problems.add(Problem{Code: CSVNoUserRoot, Row: row.Row, Column: ColumnUserRoot})
	}
	p.nameByAddress(&row, before)
	p.checkUser(row)
	p.checkInUse(row)
	if p.problems.errors() == before {
		p.checkTarget(row)
	}
	if p.problems.errors() == before {
		p.rows = append(p.rows, row)
	}
}

// checkShape looks at quoting, line breaks and the number of columns, and
// reports the first kind of trouble only.
func (p *csvParser) checkShape(record csvRecord) {
	if len(record.faults) > 0 {
		p.addFaults(record)
		return
	}
	before := p.problems.errors()
	for field, value := range record.fields {
		if strings.ContainsAny(value, "\r\n") {
			p.problems.add(Problem{Code: CSVLineBreak, Row: record.row, Column: p.header.name(field)})
		}
	}
	expected, actual := len(p.header.columns), len(record.fields)
	if p.problems.errors() > before || expected == actual {
		return
	}
	code := CSVTooFew
	if actual > expected {
		code = CSVTooMany
	}
	p.problems.add(Problem{Code: code, Row: record.row,
		Text: fmt.Sprintf("Row %d has the wrong number of columns. Expected number: %d. Actual number: %d. Please edit this row and re-submit the file.", record.row, expected, actual)})
}

// readValue checks one value and puts it into the row. Each value has one error
// at most.
func (p *csvParser) readValue(row *Row, column, value string) {
	report := func(code string) {
		p.problems.add(Problem{Code: code, Row: row.Row, Column: column})
	}
	if code := badText(column, value); code != "" {
		report(code)
		return
	}
	switch column {
	case ColumnEmailAddress:
		p.readAddress(row, value)
	case ColumnUserName:
		if value == "" && p.options.SourceHasAdmin {
			return
		}
		p.readUser(&row.UserName, column, row.Row, value)
		p.makePlain(row)
	case ColumnTargetUserName:
		if value != "" {
			p.readUser(&row.TargetUserName, column, row.Row, value)
		}
	case ColumnPassword:
		if value == "" && !p.options.SourceHasAdmin {
			report(CSVNoPassword)
			return
		}
		p.readPassword(&row.Password, column, row.Row, value)
	case ColumnTargetPassword:
		p.readPassword(&row.TargetPassword, column, row.Row, value)
	case ColumnUserRoot:
		if !ValidUserRoot(value) {
			report(CSVBadUserRoot)
			return
		}
		row.UserRoot = value
	default:
		p.readServer(row, column, value)
	}
}

// badText finds what no value of the column may hold, as a code.
func badText(column, value string) string {
	password := column == ColumnPassword || column == ColumnTargetPassword
	switch {
	case len(value) > MaxCSVField:
		return CSVLongField
	case strings.Contains(value, "\x00"):
		return CSVNul
	case !utf8.ValidString(value):
		return CSVEncoding
	case column == ColumnUserRoot && strings.ContainsFunc(value, invisible):
		return CSVBadUserRoot
	case strings.ContainsFunc(value, unicode.IsControl), !password && strings.ContainsFunc(value, invisible):
		return CSVControl
	}
	return ""
}

// invisible is a character that shows nothing of its own: a control character
// or one of format, such as a zero-width space or a bidirectional override.
func invisible(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
}

func (p *csvParser) readAddress(row *Row, value string) {
	problem := Problem{Row: row.Row, Column: ColumnEmailAddress}
	problem.Code, problem.Remedy = addressTrouble(value)
	if problem.Code != "" {
		p.problems.add(problem)
		return
	}
	row.EmailAddress = value
	key := strings.ToLower(value)
	if first, found := p.addresses[key]; found {
		problem.Code, problem.Text = CSVSameAddress, fmt.Sprintf("Rows %d and %d have the same EmailAddress.", first, row.Row)
		p.problems.add(problem)
		return
	}
	p.addresses[key] = row.Row
}

func (p *csvParser) readUser(into *string, column string, row int, value string) {
	report := func(code string) { p.problems.add(Problem{Code: code, Row: row, Column: column}) }
	switch {
	case strings.TrimSpace(value) == "":
		report(CSVNoUser)
		return
	case strings.TrimSpace(value) != value:
		report(CSVUserSpaces)
		return
	// A telephone number may start with + and a name with -: only what a
	// spreadsheet alone can have meant is refused.
	case value[0] == '=' || value[0] == '@':
		report(CSVFormula)
		return
	case looksRounded(value):
		report(CSVRounded)
	}
	*into = value
}

// nameByAddress makes the EmailAddress of a good row without a user name its user
// name, where one credential opens every mailbox.
func (p *csvParser) nameByAddress(row *Row, before int) {
	if row.UserName == "" && p.options.SourceHasAdmin && p.problems.errors() == before {
		row.UserName = row.EmailAddress
		p.byAddress++
	}
}

// makePlain takes the administrator off the user name.
func (p *csvParser) makePlain(row *Row) {
	plain, err := p.options.Source.Plain(row.UserName)
	if err != nil {
		p.problems.add(Problem{Code: CSVOtherAdmin, Row: row.Row, Column: ColumnUserName, Text: "The user name is not the endpoint's: " + err.Error() + "."})
		return
	}
	row.UserName = plain
}

// looksRounded sees a number that went through a spreadsheet's 15 digits.
func looksRounded(value string) bool {
	const digits = 15
	if mantissa, exponent, found := strings.Cut(strings.ToUpper(value), "E+"); found {
		return allDigits(strings.NewReplacer(".", "", ",", "").Replace(mantissa)) && allDigits(exponent)
	}
	return len(value) > digits && allDigits(value) && strings.Trim(value[digits:], "0") == ""
}

func allDigits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// readPassword keeps the password as it is; what is odd about it is a warning.
func (p *csvParser) readPassword(into *secret.Text, column string, row int, value string) {
	*into = secret.New(value)
	switch {
	case value == "":
	case isPlaceholder(value):
		p.problems.add(Problem{Code: CSVPlaceholder, Row: row, Column: column})
	case strings.TrimSpace(value) != value:
		p.problems.add(Problem{Code: CSVPasswordSpaces, Row: row, Column: column})
	}
}

// isPlaceholder knows what exports and templates put where a password was.
func isPlaceholder(value string) bool {
	first, size := utf8.DecodeRuneInString(value)
	if strings.ContainsRune("*•●.xX?-_#", first) && strings.Count(value, string(first))*size == len(value) && len(value) > 2*size {
		return true
	}
	switch strings.ToLower(strings.Trim(value, "<>[](){}")) {
	case "password", "password1", "passwort", "kennwort", "your password", "changeme", "change me", "redacted", "hidden", "todo", "tbd", "n/a", "none", "null", "#n/a", "":
		return true
	}
	return false
}

// checkUser finds a second row that reads the same source mailbox.
func (p *csvParser) checkUser(row Row) {
	if row.UserName == "" || p.options.AllowSameUser {
		return
	}
	server := strings.ToLower(fmt.Sprintf("%s\x00%s\x00%d", row.Endpoint, row.Host, row.Port))
	key := server + "\x00" + strings.ToLower(row.UserName) + "\x00" + row.UserRoot
	if first, found := p.users[key]; found {
		p.problems.add(Problem{Code: CSVSameUser, Row: row.Row, Column: ColumnUserName,
			Text: fmt.Sprintf("Rows %d and %d have the same UserName on the same server.", first, row.Row)})
		return
	}
	p.users[key] = row.Row
}

// checkInUse finds a row that another batch sees to, or another row of this one.
func (p *csvParser) checkInUse(row Row) {
	if p.options.InUse == nil || row.EmailAddress == "" {
		return
	}
	if column, batch := p.options.InUse(row); batch != "" {
		p.problems.add(Problem{Code: CSVInUse, Row: row.Row, Column: column, Text: InUseText(column, batch)})
	}
}

// InUseText says what of a row is in an active batch already.
func InUseText(column, batch string) string {
	switch batch = SafeText(batch); column {
	case ColumnUserName:
		return fmt.Sprintf("The source mailbox is read by the active batch %q already, for another EmailAddress.", batch)
	case ColumnTargetUserName:
		return fmt.Sprintf("The target mailbox is filled by the active batch %q already, for another EmailAddress.", batch)
	default:
		return fmt.Sprintf("The mailbox is already in the active batch %q.", batch)
	}
}

// checkTarget finds a second good row that goes to the same target mailbox.
func (p *csvParser) checkTarget(row Row) {
	target := cmp.Or(row.TargetUserName, row.EmailAddress)
	key := strings.ToLower(target)
	if first, found := p.targets[key]; found {
		p.problems.add(Problem{Code: CSVSameTarget, Row: row.Row, Column: ColumnTargetUserName,
			Text: fmt.Sprintf("Rows %d and %d go to the same mailbox at the target, %s.", first, row.Row, SafeText(target))})
		return
	}
	p.targets[key] = row.Row
}

// countTargetPasswords tells how many rows leave the password at the target open.
func (p *csvParser) countTargetPasswords() {
	n := 0
	for _, row := range p.rows {
		if row.TargetPassword.Empty() {
			n++
		}
	}
	if p.options.TellTargetPassword && n > 0 {
		p.problems.add(Problem{Code: CSVOneTargetPassword, Text: fmt.Sprintf("%d of %d rows have no TargetPassword.", n, len(p.rows))})
	}
}

// tellUnused warns of passwords that are not needed, and tells how many rows are
// named by their address.
func (p *csvParser) tellUnused() {
	source, target := 0, 0
	for _, row := range p.rows {
		if !row.Password.Empty() {
			source++
		}
		if !row.TargetPassword.Empty() {
			target++
		}
	}
	if p.options.SourceHasAdmin && source > 0 {
		p.problems.add(Problem{Code: CSVUnusedPassword, Column: ColumnPassword, Text: fmt.Sprintf("%d of %d rows have a Password, which is not used: one sign-in opens every mailbox of the source.", source, len(p.rows))})
	}
	if p.options.TargetHasAdmin && target > 0 {
		p.problems.add(Problem{Code: CSVUnusedPassword, Column: ColumnTargetPassword, Text: fmt.Sprintf("%d of %d rows have a TargetPassword, which is not used: one sign-in opens every mailbox of the target.", target, len(p.rows))})
	}
	if p.byAddress > 0 {
		p.problems.add(Problem{Code: CSVUserByAddress, Text: fmt.Sprintf("%d of %d rows have no UserName.", p.byAddress, p.rowCount)})
	}
}

// readServer reads the columns that name a server for the row.
func (p *csvParser) readServer(row *Row, column, value string) {
	code := ""
	switch {
	case value == "":
	case column == ColumnEndpoint:
		code = CSVUnknownEndpoint
		if at := slices.IndexFunc(p.options.KnownEndpoints, func(name string) bool { return strings.EqualFold(name, value) }); at >= 0 {
			row.Endpoint, code = p.options.KnownEndpoints[at], ""
		}
	case column == ColumnHost:
		row.Host = value
		if host, port, err := splitHostPort(value, 0); err != nil || port != 0 || host != value {
			code = CSVBadHost
		}
	case column == ColumnPort:
		port, err := strconv.Atoi(value)
		row.Port = port
		if err != nil || port < 1 || port > 65535 || !allDigits(value) {
			code = CSVBadHost
		}
	}
	if code != "" {
		p.problems.add(Problem{Code: code, Row: row.Row, Column: column})
	}
}

// findOnePassword warns when every row has the same password, unless that is
// the administrator's.
func (p *csvParser) findOnePassword() {
	const few = 3
	if len(p.rows) < few || p.options.SourceHasAdmin {
		return
	}
	first := p.rows[0].Password
	if first.Empty() || isPlaceholder(first.Reveal()) {
		return
	}
	for _, row := range p.rows {
		if row.Password != first || row.UserRoot != "" || isAdminForm(row.UserName) {
			return
		}
	}
	p.problems.add(Problem{Code: CSVPlaceholder, Column: ColumnPassword, Text: "Every row has the same password."})
}

// isAdminForm sees a user name that packs the administrator's in: user*admin,
// domain/admin/user or #user@domain#admin#.
func isAdminForm(user string) bool {
	return strings.ContainsAny(user, "*#") || strings.Count(user, "/")+strings.Count(user, `\`) > 1
}
