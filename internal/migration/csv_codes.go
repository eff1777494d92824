package migration

import (
	"fmt"
	"strings"
)

// Severity says what a problem means for the file it was found in.
type Severity string

// The severities, from worst to mildest.
const (
	// SeverityError keeps the row, or the whole file, from being used.
	SeverityError Severity = "error"
	// SeverityWarning is worth a look; the row is used as it stands.
	SeverityWarning Severity = "warning"
	// SeverityNote tells what was understood; nothing needs doing.
	SeverityNote Severity = "note"
)

// The codes of everything that can be wrong with a migration file.
const (
	CSVEmpty           = "csv-empty"
	CSVBlank           = "csv-blank"
	CSVHeaderOnly      = "csv-header-only"
	CSVByteOrderMark   = "csv-byte-order-mark"
	CSVUTF16           = "csv-utf16"
	CSVEncoding        = "csv-encoding"
	CSVNul             = "csv-nul"
	CSVSeparator       = "csv-separator"
	CSVLineEndsCR      = "csv-line-ends-cr"
	CSVLineEndsMixed   = "csv-line-ends-mixed"
	CSVBareQuote       = "csv-bare-quote"
	CSVOpenQuote       = "csv-open-quote"
	CSVSpaceQuote      = "csv-space-before-quote"
	CSVTooFew          = "csv-too-few-columns"
	CSVTooMany         = "csv-too-many-columns"
	CSVMissingColumn   = "csv-missing-column"
	CSVUnknownColumn   = "csv-unknown-column"
	CSVDuplicateColumn = "csv-duplicate-column"
	CSVColumnName      = "csv-column-name"
	CSVNoHeader        = "csv-no-header"
	CSVTooManyRows     = "csv-too-many-rows"
	CSVTooBig          = "csv-too-big"
	CSVLongField       = "csv-long-field"
	CSVLongLine        = "csv-long-line"
	CSVNoAddress       = "csv-no-address"
	CSVBadAddress      = "csv-bad-address"
	CSVDisplayName     = "csv-display-name"
	CSVDomain          = "csv-international-domain"
	CSVSameAddress     = "csv-duplicate-address"
	CSVSameUser        = "csv-duplicate-user"
	CSVInUse           = "csv-in-use"
	CSVNoUser          = "csv-no-user"
	CSVUserSpaces      = "csv-user-spaces"
	CSVNoPassword      = "csv-no-password"
	CSVPasswordSpaces  = "csv-password-spaces"
	CSVLineBreak       = "csv-line-break"
	CSVControl         = "csv-control-character"
	CSVPlaceholder     = "csv-placeholder"
	CSVFormula         = "csv-formula"
	CSVBadHost         = "csv-bad-host"
	CSVUnknownEndpoint = "csv-unknown-endpoint"
	CSVBadUserRoot     = "csv-bad-user-root"
	CSVRounded         = "csv-rounded-number"
	CSVArchive         = "csv-archive"
	CSVMarkup          = "csv-markup"
	CSVSameFile        = "csv-same-file"
	CSVTruncated       = "csv-truncated"
	CSVUTF16Read       = "csv-utf16-read"

	CSVNoTargetPassword  = "csv-no-target-password" //nolint:gosec // a code, no credential
	CSVSameTarget        = "csv-duplicate-target"
	CSVOneTargetPassword = "csv-one-target-password" //nolint:gosec // a code, no credential
	CSVOtherAdmin        = "csv-other-administrator"
	CSVNoUserRoot        = "csv-no-user-root"
	CSVUnusedPassword    = "csv-unused-password" //nolint:gosec // a code, no credential
	CSVUserByAddress     = "csv-user-by-address"
)

// CSVCode is one thing that can be wrong with a migration file.
type CSVCode struct {
	// Number orders the list; it never changes once given.
	Number int
	Code   string
	// Title says what is wrong, as a sentence without its full stop.
	Title    string
	Severity Severity
	// Remedy is one sentence: what to do about it.
	Remedy string
}

// CSVCodes lists every code of the migration file in the order of its numbers.
// Documentation and problems are both made from it.
func CSVCodes() []CSVCode {
	codes := append(csvFileCodes(), csvShapeCodes()...)
	codes = append(codes, csvRowCodes()...)
	return append(codes, csvUploadCodes()...)
}

// CSVCodesTable is the list of codes as a Markdown table.
func CSVCodesTable() string {
	var b strings.Builder
	b.WriteString("| No. | Code | Severity | What is wrong | What to do |\n|---:|---|---|---|---|\n")
	escape := strings.NewReplacer("|", `\|`)
	for _, c := range CSVCodes() {
		_, _ = fmt.Fprintf(&b, "| %d | `%s` | %s | %s | %s |\n", c.Number, c.Code, c.Severity, escape.Replace(c.Title), escape.Replace(c.Remedy))
	}
	return b.String()
}

const (
	saveAsUTF8 = "In the spreadsheet choose Save As, type CSV UTF-8 (comma delimited)."
	quoteIt    = `Put the value in double quotes and write each double quote inside it twice: "a""b".`
	// unlessAdmin ends a remedy for what a source with an administrator can do without.
	unlessAdmin = "; where one sign-in opens every mailbox of the source it is not needed: check the file with --admin, or for its batch with batch create FILE --check-only."
	retype      = "Type the value anew in this cell, without copying it from another program."
)

// csvFileCodes are those of the file as a whole and its encoding.
func csvFileCodes() []CSVCode {
	return []CSVCode{
		{1, CSVEmpty, "Upload file can't be empty", SeverityError, "Name the file that holds the mailboxes; this one has no bytes."},
		{2, CSVBlank, "The file holds nothing but blank lines", SeverityError, "Name the file that holds the mailboxes; its first row is EmailAddress,UserName,Password."},
		{3, CSVHeaderOnly, "The file has a header row and no mailbox below it", SeverityError, "Add one row for each mailbox below the header."},
		{4, CSVByteOrderMark, "The file starts with a byte order mark, which was left out", SeverityNote, "Nothing needs doing."},
		{5, CSVUTF16, "The file is in UTF-16 or UTF-32 and can't be read as text", SeverityError, saveAsUTF8},
		{6, CSVEncoding, "The value holds a letter that is not UTF-8, as in files saved in an old Windows or Mac encoding", SeverityError, saveAsUTF8},
		{7, CSVNul, "The value holds a NUL byte", SeverityError, retype},
		{8, CSVSeparator, "The columns are not separated by commas", SeverityError, "Save the file as comma-separated; some regional settings write semicolons, and the type Unicode Text writes tabs."},
		{9, CSVLineEndsCR, "The lines end in the old Mac way, with a carriage return alone", SeverityError, saveAsUTF8},
		{10, CSVLineEndsMixed, "Some lines end in the Windows way and some in the Unix way; both were understood", SeverityNote, "Nothing needs doing."},
	}
}

// csvShapeCodes are those of quoting, columns and sizes.
func csvShapeCodes() []CSVCode {
	return []CSVCode{
		{11, CSVBareQuote, "A double quote stands inside or after a value without being doubled", SeverityError, quoteIt},
		{12, CSVOpenQuote, "A value starts with a double quote that is never closed", SeverityError, "Add the closing double quote, or remove the opening one; a double quote inside a value is written twice."},
		{13, CSVSpaceQuote, "A space stands between the comma and the double quote", SeverityError, "Remove the space before the double quote."},
		{14, CSVTooFew, "A row has fewer columns than the header", SeverityError, "Give each column its comma, also when the value is empty."},
		{15, CSVTooMany, "A row has more columns than the header", SeverityError, "A value with a comma in it, often a password, is put in double quotes."},
		{16, CSVMissingColumn, "A required column is missing", SeverityError, "The header names EmailAddress, UserName and Password, in any order and exactly so."},
		{17, CSVUnknownColumn, "A column has a name that is not known", SeverityError, "Remove the column, or correct its name: besides the required ones there are UserRoot, TargetUserName and TargetPassword."},
		{18, CSVDuplicateColumn, "Two columns have the same name", SeverityError, "Keep one of the two columns."},
		{19, CSVColumnName, "A column name is spelt differently", SeverityError, "Use the exact name: one word, upper and lower case as shown."},
		{20, CSVNoHeader, "The first row is not a header", SeverityError, "Add EmailAddress,UserName,Password as the first row."},
		{21, CSVTooManyRows, "The file has more than 50,000 rows", SeverityError, "Divide it into several files of at most 50,000 mailboxes."},
		{22, CSVTooBig, "The file is bigger than 10 MiB", SeverityError, "Divide it into several files, or remove columns that are not needed."},
		{23, CSVLongField, "A value is longer than 4,096 bytes", SeverityError, "Check the double quotes around it; no address, user name or password is that long."},
		{24, CSVLongLine, "A row is longer than 65,536 bytes", SeverityError, "Check the line ends and double quotes of the file; each mailbox has a line of its own."},
	}
}

// csvRowCodes are those of the values in a row.
func csvRowCodes() []CSVCode {
	return []CSVCode{
		{25, CSVNoAddress, "The EmailAddress is empty", SeverityError, "Enter the address of the target mailbox."},
		{26, CSVBadAddress, "The EmailAddress is not an e-mail address", SeverityError, "Write it as name@example.org, without spaces."},
		{27, CSVDisplayName, "The EmailAddress has a name or brackets around the address", SeverityError, "Keep only the address itself, as in name@example.org."},
		{28, CSVDomain, "The domain of the EmailAddress is not written in ASCII", SeverityError, "Write the domain in its xn-- form (RFC 5891)."},
		{29, CSVSameAddress, "Two rows have the same EmailAddress", SeverityError, "Keep one of the two rows; case makes no difference."},
		{30, CSVSameUser, "Two rows have the same UserName on the same server", SeverityError, "Check which row is right; one person's mail would go to two mailboxes."},
		{31, CSVInUse, "The mailbox is already in another active batch", SeverityError, "Remove the row, or wait until the other batch has ended."},
		{32, CSVNoUser, "The UserName is empty", SeverityError, "Enter the name the person signs in with at the source" + unlessAdmin},
		{33, CSVUserSpaces, "The user name has a space before or after it", SeverityError, "Remove the space; in a spreadsheet, TRIM does it."},
		{34, CSVNoPassword, "The Password is empty", SeverityError, "Enter the password that the person signs in with at the source" + unlessAdmin},
		{35, CSVPasswordSpaces, "The password has a space before or after it; it is used with the space", SeverityWarning, "Remove the space unless it belongs to the password."},
		{36, CSVLineBreak, "The value holds a line break", SeverityError, retype},
		{37, CSVControl, "The value holds a control or invisible character", SeverityError, retype},
		{38, CSVPlaceholder, "The password looks like a placeholder", SeverityWarning, "Check that the real passwords are in the file; exports often replace them."},
		{39, CSVFormula, "The value starts like a spreadsheet formula", SeverityError, "Remove the = + - or @ at the start; it may be the trace of a broken formula."},
		{40, CSVBadHost, "The server or port is not valid", SeverityError, "Host is a bare name such as imap.example.org, Port a number from 1 to 65535."},
		{41, CSVUnknownEndpoint, "No endpoint has this name", SeverityError, "Leave it empty: the servers are those of --source and --target."},
		{42, CSVBadUserRoot, "The UserRoot is not a folder path", SeverityError, "Write it like /users/anna, without .. and control characters; an & is written &- (RFC 3501 section 5.1.3)."},
		{43, CSVRounded, "The user name looks like a number the spreadsheet has rounded", SeverityWarning, "Format the column as text and enter the number anew; spreadsheets keep 15 digits."},
	}
}

// csvUploadCodes are those of what was uploaded, and of what is only told.
func csvUploadCodes() []CSVCode {
	return []CSVCode{
		{44, CSVArchive, "The file is an archive or a workbook, not CSV", SeverityError, "Unpack it first, or in the spreadsheet choose Save As, type CSV UTF-8 (comma delimited)."},
		{45, CSVMarkup, "The file is HTML, XML or JSON, not CSV", SeverityError, "Name the file itself; a web page is often the sign-in page of the place it was downloaded from."},
		{46, CSVSameFile, "The same file was uploaded before", SeverityWarning, "Go on only if the mailboxes are meant to be copied once more."},
		{47, CSVTruncated, "The upload stopped before the end of the file", SeverityError, "Bring the file here again; this copy is not whole."},
		{48, CSVUTF16Read, "The file is in UTF-16 and was read as such", SeverityNote, "Nothing needs doing."},
		{49, CSVNoTargetPassword, "The password at the target is missing", SeverityError, "Fill the column TargetPassword, or give one password for all targets: to copy with --target-password-file, to a batch when it is created."},
		{50, CSVSameTarget, "Two rows go to the same mailbox at the target", SeverityError, "Check which row is right; to put two mailboxes into one, copy the second one later, with a file of its own."},
		{51, CSVOneTargetPassword, "Rows have no TargetPassword", SeverityNote, "They sign in at the target with the one password for all, which copy takes from --target-password-file."},
		{52, CSVOtherAdmin, "The user name packs in another account than the one that signs in for all", SeverityError, "Write the plain user name: who signs in for all is known already."},
		{53, CSVNoUserRoot, "The UserRoot is missing, without which the administrator's own mail would be copied", SeverityError, "Add the column UserRoot with the path of each person's folders, or say once for all where they are, with {user} in the path (--user-root)."},
		{54, CSVUnusedPassword, "The file has passwords that are not used, since one sign-in opens every mailbox", SeverityWarning, "Delete the column: a file without passwords is safer to keep."},
		{55, CSVUserByAddress, "Rows have no UserName", SeverityNote, "Their mailboxes are opened at the source by their EmailAddress."},
	}
}
