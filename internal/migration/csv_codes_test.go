package migration

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// canary is the password of every file here; it may show nowhere.
const canary = "C4nary!Parole-77"

const csvTop = "EmailAddress,UserName,Password\n"

// csvCase is a file that shows one code, and nothing else.
type csvCase struct {
	code    string
	file    string
	options CSVOptions
	row     int
	column  string
}

func line(address, user string) string { return address + "," + user + "," + canary + "\n" }

var good = line("anna@example.org", "anna")

func utf16LE(text string, mark bool) string {
	var b bytes.Buffer
	if mark {
		b.WriteString("\xff\xfe")
	}
	for _, unit := range utf16.Encode([]rune(text)) {
		_ = binary.Write(&b, binary.LittleEndian, unit)
	}
	return b.String()
}

func manyRows(n int) string {
	var b strings.Builder
	b.WriteString(csvTop)
	for i := range n {
		fmt.Fprintf(&b, "u%d@example.org,u%d,%s\n", i, i, canary)
	}
	return b.String()
}

func zipped() string {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, _ := z.Create("mailboxes.csv")
	_, _ = w.Write([]byte(csvTop + good))
	_ = z.Close()
	return b.String()
}

func csvCases() []csvCase {
	cases := append(csvFileCases(), csvShapeCases()...)
	return append(cases, csvRowCases()...)
}

func csvFileCases() []csvCase {
	key := []byte("key")
	first, _ := ParseCSV(strings.NewReader(csvTop+good), CSVOptions{HashKey: key})
	return []csvCase{
		{code: CSVEmpty},
		{code: CSVBlank, file: "\n\r\n  \n,,\n"},
		{code: CSVHeaderOnly, file: csvTop},
		{code: CSVByteOrderMark, file: "\ufeff" + csvTop + good},
		{code: CSVUTF16, file: utf16LE(csvTop+good, false)},
		{code: CSVEncoding, file: csvTop + line("anna@example.org", "j\xfcrgen"), row: 2, column: "UserName"},
		{code: CSVNul, file: csvTop + line("anna@example.org", "an\x00na"), row: 2, column: "UserName"},
		{code: CSVSeparator, file: strings.ReplaceAll(csvTop+good, ",", ";"), row: 1},
		{code: CSVLineEndsCR, file: strings.ReplaceAll(csvTop+good, "\n", "\r"), row: 1},
		{code: CSVLineEndsMixed, file: csvTop + strings.ReplaceAll(good, "\n", "\r\n")},
		{code: CSVTooManyRows, file: manyRows(MaxCSVRows + 1), options: CSVOptions{SourceHasAdmin: true}},
		{code: CSVTooBig, file: csvTop + good + strings.Repeat(strings.Repeat(" ", 1023)+"\n", 10*1024)},
		{code: CSVArchive, file: zipped()},
		{code: CSVMarkup, file: "\n<!doctype html><title>Sign in</title>"},
		{code: CSVSameFile, file: csvTop + good, options: CSVOptions{HashKey: key, PreviousHashes: map[string]string{first.Hash: "spring"}}},
		{code: CSVTruncated, file: csvTop + good + `ben@example.org,ben,"` + canary, options: CSVOptions{ExpectedBytes: 500}},
		{code: CSVUTF16Read, file: utf16LE(csvTop+good, true)},
		{code: CSVNoTargetPassword, file: csvTop + good, options: CSVOptions{TargetPasswordRequired: true}, row: 2, column: ColumnTargetPassword},
		{code: CSVSameTarget, file: "EmailAddress,UserName,Password,TargetUserName\nanna@example.org,anna," + canary + ",\nben@example.org,ben," + canary + ",ANNA@example.org\n", row: 3, column: ColumnTargetUserName},
		{code: CSVOneTargetPassword, file: csvTop + good, options: CSVOptions{TellTargetPassword: true}},
		{code: CSVUnusedPassword, file: csvTop + good, options: CSVOptions{SourceHasAdmin: true}, column: ColumnPassword},
		{code: CSVUserByAddress, file: "EmailAddress\nanna@example.org\n", options: CSVOptions{SourceHasAdmin: true}},
	}
}

func csvShapeCases() []csvCase {
	return []csvCase{
		{code: CSVBareQuote, file: csvTop + `anna@example.org,anna,` + canary + `"x` + "\n", row: 2, column: "Password"},
		{code: CSVOpenQuote, file: csvTop + `anna@example.org,anna,"` + canary + "\n" + line("ben@example.org", "ben"), row: 2, column: "Password"},
		{code: CSVSpaceQuote, file: csvTop + `anna@example.org,anna, "` + canary + `"` + "\n", row: 2, column: "Password"},
		{code: CSVTooFew, file: csvTop + "anna," + canary + "\n", row: 2},
		{code: CSVTooMany, file: csvTop + "anna@example.org,anna," + canary + "," + canary + "\n", row: 2},
		{code: CSVMissingColumn, file: "EmailAddress,Password\nanna@example.org," + canary + "\n", row: 1},
		{code: CSVUnknownColumn, file: "EmailAddress,UserName,Password,Department\nanna@example.org,anna," + canary + ",x\n", row: 1, column: "D"},
		{code: CSVDuplicateColumn, file: "EmailAddress,UserName,UserName,Password\nanna@example.org,anna,anna," + canary + "\n", row: 1, column: "C"},
		{code: CSVColumnName, file: "Email Address,UserName,Password\n" + good, row: 1, column: "A"},
		{code: CSVNoHeader, file: good, row: 1},
		{code: CSVLongField, file: csvTop + line("anna@example.org", strings.Repeat("a", MaxCSVField+1)), row: 2, column: "UserName"},
		{code: CSVLongLine, file: csvTop + line("anna@example.org", strings.Repeat("a", MaxCSVLine)) + good, row: 2},
	}
}

func csvRowCases() []csvCase {
	at := func(code, file, column string) csvCase {
		return csvCase{code: code, file: csvTop + file, row: 2, column: column}
	}
	hosts := CSVOptions{HostColumns: true, KnownEndpoints: []string{"old-server"}}
	return []csvCase{
		at(CSVNoAddress, line("", "anna"), "EmailAddress"),
		at(CSVBadAddress, line("anna.example.org", "anna"), "EmailAddress"),
		at(CSVDisplayName, line("Anna <anna@example.org>", "anna"), "EmailAddress"),
		at(CSVDomain, line("anna@bücher.example", "anna"), "EmailAddress"),
		{code: CSVSameAddress, file: csvTop + good + line("ANNA@example.org", "ben"), row: 3, column: "EmailAddress"},
		{code: CSVSameUser, file: csvTop + good + line("ben@example.org", "Anna"), row: 3, column: "UserName"},
		{code: CSVInUse, file: csvTop + good, options: CSVOptions{InUse: func(Row) (string, string) { return ColumnEmailAddress, "spring" }}, row: 2, column: "EmailAddress"},
		{code: CSVOtherAdmin, file: csvTop + line("anna@example.org", "anna*other"), options: CSVOptions{Source: LoginMethod{Form: LoginMaster, Admin: "root"}}, row: 2, column: "UserName"},
		{code: CSVNoUserRoot, file: csvTop + good, options: CSVOptions{Source: LoginMethod{Form: LoginUserRoot, Admin: "root"}}, row: 2, column: "UserRoot"},
		at(CSVNoUser, line("anna@example.org", ""), "UserName"),
		at(CSVUserSpaces, line("anna@example.org", "anna\u00a0"), "UserName"),
		at(CSVNoPassword, "anna@example.org,anna,\n", "Password"),
		at(CSVPasswordSpaces, "anna@example.org,anna,"+canary+" \n", "Password"),
		at(CSVLineBreak, "anna@example.org,anna,\""+canary+"\r\nA1 LOGOUT\"\n", "Password"),
		at(CSVControl, line("anna@example.org", "an\x1b[31mna"), "UserName"),
		at(CSVPlaceholder, "anna@example.org,anna,********\n", "Password"),
		at(CSVFormula, line("=anna@example.org", "anna"), "EmailAddress"),
		{code: CSVBadHost, file: "EmailAddress,UserName,Password,Host,Port\nanna@example.org,anna," + canary + ",imap.example.org,70000\n", options: hosts, row: 2, column: "Port"},
		{code: CSVUnknownEndpoint, file: "EmailAddress,UserName,Password,Endpoint\nanna@example.org,anna," + canary + ",new-server\n", options: hosts, row: 2, column: "Endpoint"},
		{code: CSVBadUserRoot, file: "EmailAddress,UserName,Password,UserRoot\nanna@example.org,anna," + canary + ",/users/../ben\n", row: 2, column: "UserRoot"},
		at(CSVRounded, line("anna@example.org", "1234567890123450000"), "UserName"),
	}
}

func TestEachCodeHasAFileThatShowsItAlone(t *testing.T) {
	shown := map[string]bool{}
	for _, c := range csvCases() {
		t.Run(c.code, func(t *testing.T) {
			shown[c.code] = true
			file, err := ParseCSV(strings.NewReader(c.file), c.options)
			if err != nil {
				t.Fatal(err)
			}
			if len(file.Problems) != 1 {
				t.Fatalf("%d problems, want 1: %v", len(file.Problems), file.Problems)
			}
			p := file.Problems[0]
			if p.Code != c.code || p.Row != c.row || p.Column != c.column {
				t.Errorf("got %s in row %d, column %q; want %s in row %d, column %q", p.Code, p.Row, p.Column, c.code, c.row, c.column)
			}
			if p.Text == "" || p.Remedy == "" || p.Severity == "" {
				t.Errorf("text, remedy or severity is missing: %+v", p)
			}
			expectNoCanary(t, file)
		})
	}
	for _, code := range CSVCodes() {
		if !shown[code.Code] {
			t.Errorf("no file shows %s", code.Code)
		}
	}
}

// expectNoCanary looks for the password in every form a file can be shown in.
func expectNoCanary(t *testing.T, file *File) {
	t.Helper()
	var csv bytes.Buffer
	if err := WriteProblems(&csv, file.Problems); err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	shown := []string{csv.String(), string(asJSON), fmt.Sprintf("%v %+v %#v", file.Problems, file.Problems, file.Problems), fmt.Sprintf("%v %+v %#v", *file, *file, *file)}
	for _, p := range file.Problems {
		shown = append(shown, p.String())
	}
	for _, text := range shown {
		if strings.Contains(text, canary) {
			t.Errorf("the password shows: %s", text)
		}
	}
}

func TestCodesAreNumberedInOrderAndDistinct(t *testing.T) {
	var codes []string
	for i, c := range CSVCodes() {
		if c.Number != i+1 {
			t.Errorf("%s has number %d, want %d", c.Code, c.Number, i+1)
		}
		codes = append(codes, c.Code)
		if strings.HasSuffix(c.Title, ".") || !strings.HasSuffix(strings.TrimSuffix(c.Remedy, `"a""b".`), ".") && !strings.Contains(c.Remedy, `"a""b".`) {
			t.Errorf("%s: the title has no full stop, the remedy has one", c.Code)
		}
		if !strings.Contains(CSVCodesTable(), "| `"+c.Code+"` |") {
			t.Errorf("the table lacks %s", c.Code)
		}
	}
	const catalogue = 47
	slices.Sort(codes)
	if n := len(slices.Compact(codes)); n != len(CSVCodes()) || n < catalogue {
		t.Errorf("%d distinct codes of %d", n, len(CSVCodes()))
	}
}

func TestRemediesNameOnlyWhatTheCommandsCan(t *testing.T) {
	missing := regexp.MustCompile(`(?i)allow unknown|oauth|administrator|endpoint|upload|choose the file|tick|button`)
	remedies := map[string]string{}
	for _, c := range CSVCodes() {
		remedies[c.Code] = c.Remedy
	}
	for _, column := range []string{"Host", "MailboxType", "Department", ""} {
		file, err := ParseCSV(strings.NewReader("EmailAddress,UserName,Password,"+column+"\n"), CSVOptions{})
		if err != nil || len(file.Problems) == 0 {
			t.Fatalf("%q: %v", column, err)
		}
		remedies["column "+column] = file.Problems[0].Remedy
	}
	for where, remedy := range remedies {
		if found := missing.FindString(remedy); found != "" {
			t.Errorf("%s names %q, which there is not: %s", where, found, remedy)
		}
	}
}
