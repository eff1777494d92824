package migration

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/mailhaul/mailhaul/internal/secret"
	"github.com/mailhaul/mailhaul/rigs/effort"
)

func parse(t *testing.T, text string, options CSVOptions) *File {
	t.Helper()
	file, err := ParseCSV(strings.NewReader(text), options)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// told lists problems as "row code column".
func told(file *File) string {
	var lines []string
	for _, p := range file.Problems {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%d %s %s", p.Row, p.Code, p.Column)))
	}
	return strings.Join(lines, "\n")
}

func expectTold(t *testing.T, file *File, want ...string) {
	t.Helper()
	if got := told(file); got != strings.Join(want, "\n") {
		t.Errorf("problems:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
	expectNoCanary(t, file)
}

func TestRowsComeInAnyColumnOrder(t *testing.T) {
	file := parse(t, "TargetUserName,Password,UserRoot,EmailAddress,TargetPassword,UserName\r\n"+
		"anna.new,\"a,\"\"b\",/users/anna,anna@example.org,t0,EXAMPLE\\anna\r\n", CSVOptions{})
	expectTold(t, file)
	want := []Row{{Row: 2, EmailAddress: "anna@example.org", UserName: `EXAMPLE\anna`, Password: secret.New(`a,"b`),
		UserRoot: "/users/anna", TargetUserName: "anna.new", TargetPassword: secret.New("t0")}}
	if !reflect.DeepEqual(file.Rows, want) {
		t.Errorf("got %+v", file.Rows)
	}
}

func TestEveryEncodingGivesTheSameRows(t *testing.T) {
	text := csvTop + "anna@example.org,jürgen,päss😀wort\n"
	bigEndian := []byte(utf16LE(text, true))
	for i := 0; i < len(bigEndian); i += 2 {
		bigEndian[i], bigEndian[i+1] = bigEndian[i+1], bigEndian[i]
	}
	for name, file := range map[string]string{"UTF-8": text, "with BOM": "\ufeff" + text, "UTF-16 LE": utf16LE(text, true), "UTF-16 BE": string(bigEndian)} {
		rows := parse(t, file, CSVOptions{}).Rows
		if len(rows) != 1 || rows[0].UserName != "jürgen" || rows[0].Password.Reveal() != "päss😀wort" {
			t.Errorf("%s: %+v", name, rows)
		}
	}
}

func TestHalfACharacterOfUTF16IsReported(t *testing.T) {
	lone := utf16LE(csvTop+"anna@example.org,an", true) + "\x00\xd8" + utf16LE("na,x\n", false)
	expectTold(t, parse(t, lone, CSVOptions{}), "0 csv-utf16-read", "2 csv-encoding UserName")
	odd := utf16LE(csvTop+"anna@example.org,anna,x", true) + "y"
	expectTold(t, parse(t, odd, CSVOptions{}), "0 csv-utf16-read", "2 csv-encoding Password")
}

func TestTextsOfTheModelledServiceAreKept(t *testing.T) {
	for file, want := range map[string]string{
		"":                       "Upload file can't be empty",
		manyRows(MaxCSVRows + 1): "The CSV file contains more than 50,000 rows. Please divide the file into two or more files and submit them separately.",
		"EmailAddress,Password\nanna@example.org,x\n": `Column "UserName" is missing from the CSV file. The import process can't continue because this column is required. Please edit the CSV file and re-submit it.`,
		csvTop + good + "ben@example.org,ben\n":       "Row 3 has the wrong number of columns. Expected number: 3. Actual number: 2. Please edit this row and re-submit the file.",
		csvTop + "ben@example.org,ben,a,b\n":          "Row 2 has the wrong number of columns. Expected number: 3. Actual number: 4. Please edit this row and re-submit the file.",
	} {
		problems := parse(t, file, CSVOptions{}).Problems
		if len(problems) != 1 || problems[0].Text != want {
			t.Errorf("got %v, want %s", problems, want)
		}
	}
}

func TestAllProblemsComeInOneGo(t *testing.T) {
	file := parse(t, csvTop+
		"anna@example.org,anna,a\n"+
		",,a\n"+
		"\n"+
		"Ben <ben@example.org>, ben,\n"+
		"carl@example.org,carl\n"+
		"dora@example.org,dora,\"x\n"+
		"anna@example.org,emil,e\n", CSVOptions{})
	expectTold(t, file,
		"3 csv-no-address EmailAddress", "3 csv-no-user UserName",
		"5 csv-display-name EmailAddress", "5 csv-user-spaces UserName", "5 csv-no-password Password",
		"6 csv-too-few-columns", "7 csv-open-quote Password", "8 csv-duplicate-address EmailAddress")
	if file.FileRefused || len(file.Rows) != 1 || file.RowCount != 6 || file.Errors != 8 {
		t.Errorf("refused %v, %d rows of %d, %d errors", file.FileRefused, len(file.Rows), file.RowCount, file.Errors)
	}
}

func TestOneCauseIsToldOnce(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		want []string
	}{
		"tabs":                      {strings.ReplaceAll(csvTop+good, ",", "\t"), []string{"1 csv-separator"}},
		"quoted and semicolons":     {"\"EmailAddress\";\"UserName\";\"Password\"\n", []string{"1 csv-separator"}},
		"a separator hint":          {"sep=;\n" + strings.ReplaceAll(csvTop+good, ",", ";"), []string{"1 csv-separator"}},
		"spaces":                    {"EmailAddress UserName Password\n", []string{"1 csv-separator"}},
		"a misspelt column":         {"EmailAdress,Benutzername,password\n" + good, []string{"1 csv-column-name A", "1 csv-column-name B", "1 csv-column-name C"}},
		"a carriage return alone":   {csvTop + "anna@example.org,an\rna," + canary + "\n", []string{"2 csv-line-break UserName"}},
		"a break that adds columns": {csvTop + "anna@example.org,\"an\nna,x\"," + canary + ",z\n", []string{"2 csv-line-break UserName"}},
		"old Mac in one long line":  {strings.ReplaceAll(manyRows(3000), "\n", "\r"), []string{"1 csv-line-ends-cr"}},
		"an Excel text export":      {utf16LE(strings.ReplaceAll(csvTop+good, ",", "\t"), true), []string{"0 csv-utf16-read", "1 csv-separator"}},
		"JSON":                      {`[{"EmailAddress":"anna@example.org"}]`, []string{"0 csv-markup"}},
		"a header in passwords":     {"anna@example.org,Password," + canary + "\n", []string{"1 csv-no-header"}},
	} {
		t.Run(name, func(t *testing.T) { expectTold(t, parse(t, c.file, CSVOptions{}), c.want...) })
	}
}

func TestAnHonestSeparatorHintIsSkipped(t *testing.T) {
	file := parse(t, "sep=,\n"+csvTop+good, CSVOptions{})
	expectTold(t, file)
	if len(file.Rows) != 1 || file.Rows[0].Row != 3 {
		t.Errorf("got %+v", file.Rows)
	}
}

func TestShiftedValuesAreNotEchoed(t *testing.T) {
	for _, file := range []string{
		csvTop + canary + ",anna,anna@example.org\n",
		csvTop + "anna@example.org,=" + canary + ",anna\n",
		"Password,UserName,EmailAddress\nanna@example.org,anna," + canary + "\n",
		"EmailAddress,UserName," + canary + "\nanna@example.org,anna,x\n",
		canary + "," + canary + "\n",
		canary + ";" + canary + "\n",
		"UserName,EmailAddress\nanna,<" + canary + ">\n",
		"EmailAddress,UserName,Password,UserRoot,Host,Endpoint,Port\na@b.c,a,x,.." + canary + "," + canary + "/," + canary + "," + canary + "\n",
	} {
		expectNoCanary(t, parse(t, file, CSVOptions{HostColumns: true, KnownEndpoints: []string{"x"}}))
	}
}

// A source with one sign-in for every mailbox needs addresses alone.
func TestAnAdministratorsFileNeedsAddressesOnly(t *testing.T) {
	admin := CSVOptions{SourceHasAdmin: true, TargetHasAdmin: true, Source: LoginMethod{Form: LoginUserRoot, Admin: "root", Root: "/users/{user}"}}
	file := parse(t, "EmailAddress\nanna@example.org\nben@example.org\n", admin)
	expectTold(t, file, "0 csv-user-by-address")
	if len(file.Rows) != 2 || file.Rows[0].UserName != "anna@example.org" {
		t.Errorf("%+v", file.Rows)
	}
	file = parse(t, "EmailAddress,UserName,Password,TargetPassword\nanna@example.org,,x,y\nben@example.org,benno,,\ncleo@example.org,Anna@Example.org,,\n", admin)
	expectTold(t, file, "0 csv-unused-password Password", "0 csv-unused-password TargetPassword", "0 csv-user-by-address", "4 csv-duplicate-user UserName")
	if len(file.Rows) != 2 || file.Rows[0].UserName != "anna@example.org" || file.Rows[1].UserName != "benno" {
		t.Errorf("%+v", file.Rows)
	}
	admin.AllowUnknownColumns = true
	expectTold(t, parse(t, "EmailAddress,Login\nanna@example.org,anna\n", admin), "1 csv-column-name B")
}

// Without it, what is missing is told together with the way to do without.
func TestWhatIsMissingPointsToTheAdministrator(t *testing.T) {
	for _, text := range []string{"EmailAddress,UserName\nanna@example.org,anna\n", csvTop + "anna@example.org,anna,\n", "EmailAddress,Password\nanna@example.org,x\n", csvTop + "anna@example.org,,x\n"} {
		problems := parse(t, text, CSVOptions{}).Problems
		if len(problems) != 1 || !strings.Contains(problems[0].Remedy, "with --admin") || !strings.Contains(problems[0].Remedy, "batch create FILE --check-only") {
			t.Errorf("%q: %v", text, problems)
		}
	}
}

func TestOptionsOpenWhatIsClosed(t *testing.T) {
	for name, c := range map[string]struct {
		file    string
		options CSVOptions
	}{
		"unknown columns":      {"EmailAddress,UserName,Password,Dept,Dept\nanna@example.org,anna,x,\"a\x00b\",1\n", CSVOptions{AllowUnknownColumns: true}},
		"no password":          {csvTop + "anna@example.org,anna,\n", CSVOptions{SourceHasAdmin: true}},
		"no password column":   {"EmailAddress,UserName\nanna@example.org,anna\n", CSVOptions{SourceHasAdmin: true}},
		"same source mailbox":  {csvTop + line("a@b.c", "team") + line("b@b.c", "team"), CSVOptions{AllowSameUser: true}},
		"admin and UserRoot":   {"EmailAddress,UserName,Password,UserRoot\na@b.c,adm,x,/users/a\nb@b.c,adm,x,/users/b\nc@b.c,adm,x,/users/c\n", CSVOptions{}},
		"packed admin":         {csvTop + "a@b.c,a*adm,xx\nb@b.c,b*adm,xx\nc@b.c,dom/adm/c,xx\nd@b.c,#d@b.c#adm#,xx\n", CSVOptions{}},
		"endpoints":            {"EmailAddress,UserName,Password,Endpoint\na@b.c,a,x,OLD\nb@b.c,a,y,new\nc@b.c,c,z,\n", CSVOptions{KnownEndpoints: []string{"old", "new"}}},
		"hosts":                {"EmailAddress,UserName,Password,Host,Port\na@b.c,a,x,imap.b.c,993\nb@b.c,a,y,::1,\n", CSVOptions{HostColumns: true}},
		"formula in passwords": {csvTop + "a@b.c,a,=1+1\nb@b.c,+4912345,@x\n", CSVOptions{}},
	} {
		t.Run(name, func(t *testing.T) {
			file := parse(t, c.file, c.options)
			expectTold(t, file)
			if len(file.Rows) != file.RowCount || file.RowCount == 0 {
				t.Errorf("%d rows of %d", len(file.Rows), file.RowCount)
			}
		})
	}
}

func TestOnePasswordForAllIsAWarning(t *testing.T) {
	file := parse(t, csvTop+"a@b.c,a,Secret7\nb@b.c,b,Secret7\nc@b.c,c,Secret7\n", CSVOptions{})
	expectTold(t, file, "0 csv-placeholder Password")
	if len(file.Rows) != 3 || file.Warnings != 1 || file.Errors != 0 {
		t.Errorf("%d rows, %d warnings, %d errors", len(file.Rows), file.Warnings, file.Errors)
	}
}

func TestAddressesAreToldFromOtherThings(t *testing.T) {
	for address, want := range map[string]string{
		"anna@example.org": "", "o'neil+tag@example.org": "", "anna@localhost": "", "jürgen@example.org": "", "a@xn--bcher-kva.example": "",
		"anna@": CSVBadAddress, "anna": CSVBadAddress, "a b@example.org": CSVBadAddress, "a..b@example.org": CSVBadAddress,
		"a@-x.org": CSVBadAddress, "a@x_y.org": CSVBadAddress, "a@x..org": CSVBadAddress, "a@b@c.org": CSVBadAddress,
		"a@" + strings.Repeat("x", 64) + ".org": CSVBadAddress, strings.Repeat("x", 65) + "@x.org": CSVBadAddress,
		"@example.org": CSVFormula, "+a@example.org": CSVFormula, "-a@example.org": CSVFormula,
		"mailto:a@example.org": CSVDisplayName, " ": CSVNoAddress, "a@bu\u0308cher.example": CSVDomain, "a@b☃.example": CSVBadAddress,
	} {
		if got, _ := addressTrouble(address); got != want {
			t.Errorf("%q: got %q, want %q", address, got, want)
		}
	}
}

func TestPunycodeOfRFC3492(t *testing.T) {
	for label, want := range map[string]string{
		"bücher": "bcher-kva", "münchen": "mnchen-3ya", "他们为什么不说中文": "ihqwcrb4cv8a8dqg056pqjye",
		"почемужеонинеговорятпорусски": "b1abfaaepdrnnbgefbadotcwatmq2g4l", "straße": "strae-oqa",
	} {
		if got := punycode(label); got != want {
			t.Errorf("%s: got %s, want %s", label, got, want)
		}
	}
	if _, remedy := addressTrouble("a@Bücher.Example"); !strings.Contains(remedy, "xn--bcher-kva.example") {
		t.Errorf("the remedy does not offer the form: %s", remedy)
	}
}

func TestUserRootIsAFolderPath(t *testing.T) {
	for root, want := range map[string]bool{
		"": true, "/users/terry.adams": true, "users/R&-D": true, "Entw&APw-rfe": true, "Entwürfe & Co": true, "&2D3eAA-": true,
		"/users/../ben": false, `a\..\b`: false, "..": false, "R&D": false, "R&D-x": false, "&AA0-": false, "&AGE-": false,
		"&2D0-": false, "&APw": false, " /users": false,
	} {
		if got := ValidUserRoot(root); got != want {
			t.Errorf("%q: got %v", root, got)
		}
	}
}

func TestColumnLettersAreThoseOfASpreadsheet(t *testing.T) {
	for field, want := range map[int]string{0: "A", 25: "Z", 26: "AA", 51: "AZ", 52: "BA", 701: "ZZ", 702: "AAA"} {
		if got := columnLetter(field); got != want {
			t.Errorf("%d: got %s, want %s", field, got, want)
		}
	}
}

func TestAnOpenQuoteCostsItsOwnRowOnly(t *testing.T) {
	file := parse(t, csvTop+"a@b.c,a,\"open\n"+line("b@b.c", "b")+"c@b.c,c,\"closed\"\n"+"\"d@b.c\",d,x\n", CSVOptions{})
	expectTold(t, file, "2 csv-open-quote Password")
	if len(file.Rows) != 3 || file.Rows[2].Row != 5 {
		t.Errorf("got %+v", file.Rows)
	}
	long := parse(t, csvTop+"a@b.c,a,\"open\n"+strings.TrimPrefix(manyRows(5000), csvTop), CSVOptions{SourceHasAdmin: true})
	expectTold(t, long, "0 csv-unused-password Password", "2 csv-open-quote Password")
	if len(long.Rows) != 5000 {
		t.Errorf("%d rows", len(long.Rows))
	}
}

func TestACutUploadIsToldByTheReaderToo(t *testing.T) {
	cut := io.MultiReader(strings.NewReader(csvTop+"anna@example.org,an"), iotest.ErrReader(io.ErrUnexpectedEOF))
	file, err := ParseCSV(cut, CSVOptions{})
	if err != nil {
		t.Fatal(err)
	}
	expectTold(t, file, "0 csv-truncated")
	for _, text := range []string{"", "EmailAddress,User", csvTop, csvTop + good} {
		expectTold(t, parse(t, text, CSVOptions{ExpectedBytes: 4000}), "0 csv-truncated")
	}
}

func TestAReadErrorIsReturned(t *testing.T) {
	lost := errors.New("lost")
	file, err := ParseCSV(io.MultiReader(strings.NewReader(csvTop+good), iotest.ErrReader(lost)), CSVOptions{})
	if file != nil || !errors.Is(err, lost) {
		t.Errorf("got %v, %v", file, err)
	}
}

func TestWithoutAKeyThereIsNoHash(t *testing.T) {
	if hash := parse(t, csvTop+good, CSVOptions{}).Hash; hash != "" {
		t.Errorf("got %s", hash)
	}
	a, b := parse(t, csvTop+good, CSVOptions{HashKey: []byte("a")}).Hash, parse(t, csvTop+good, CSVOptions{HashKey: []byte("b")}).Hash
	if a == "" || a == b {
		t.Errorf("got %q and %q", a, b)
	}
}

// counting tells how much was read of it.
type counting struct {
	r io.Reader
	n int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// endless repeats a text.
type endless struct {
	text string
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.text[e.at%len(e.text)]
		e.at++
	}
	return len(p), nil
}

// A file whose cost grows faster than its size runs into the time limit of the
// test run: 10 MiB would take hours.
func TestHostileFilesStayWithinBounds(t *testing.T) {
	effort.LeaveToLong(t)
	for name, c := range map[string]struct{ top, text string }{
		"one-character rows":    {csvTop, "x\n"},
		"commas":                {csvTop, ","},
		"quotes":                {csvTop, `"`},
		"open quotes":           {csvTop, "a,b,\"\n"},
		"bare and open quotes":  {csvTop, "a\",\"\n"},
		"blank lines":           {csvTop, "       \n"},
		"one line":              {csvTop, "x"},
		"a header with no end":  {"", "EmailAddress,"},
		"empty rows of many":    {csvTop, strings.Repeat(",", 60000) + "\n"},
		"faults in every field": {csvTop, strings.Repeat("\"a\"b,", 12000) + "\n"},
		"wrong UTF-16":          {utf16LE(csvTop, true), "\x00\xd8\n\x00"},
	} {
		t.Run(name, func(t *testing.T) {
			input := &counting{r: io.MultiReader(strings.NewReader(c.top), &endless{text: c.text})}
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			file, err := ParseCSV(input, CSVOptions{})
			runtime.GC()
			runtime.ReadMemStats(&after)
			if err != nil {
				t.Fatal(err)
			}
			if input.n > MaxCSVBytes+1 {
				t.Errorf("read %d bytes", input.n)
			}
			if len(file.Problems) > 3*MaxProblems || file.Errors == 0 {
				t.Errorf("%d problems, %d errors", len(file.Problems), file.Errors)
			}
			const most = 32 << 20
			if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > most {
				t.Errorf("holds %d bytes", grown)
			}
			runtime.KeepAlive(file)
		})
	}
}

func TestProblemsAreCappedAndCounted(t *testing.T) {
	file := parse(t, csvTop+strings.Repeat("x\n", MaxProblems+5), CSVOptions{ExpectedBytes: 1 << 20})
	if len(file.Problems) != MaxProblems+1 || file.Errors != MaxProblems+6 || file.Problems[0].Code != CSVTruncated {
		t.Errorf("%d problems, %d errors, first %v", len(file.Problems), file.Errors, file.Problems[0])
	}
}

func TestProblemsFileIsSafeToOpen(t *testing.T) {
	var b bytes.Buffer
	problems := []Problem{{Code: CSVInUse, Row: 7, Column: "=A1", Severity: SeverityError, Text: "@SUM(1)\r\n\x1b[31mred\u202e", Remedy: " +1, \"x\""}, {Code: CSVEmpty}}
	if err := WriteProblems(&b, problems); err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{ProblemColumns(), {"7", "'=A1", "error", CSVInUse, "'@SUM(1)  [31mred", "' +1, \"x\""}, {"", "", "", CSVEmpty, "", ""}}
	if !reflect.DeepEqual(records, want) {
		t.Errorf("got %q", records)
	}
}

func TestSmallReadsGiveTheSame(t *testing.T) {
	for _, c := range csvCases() {
		if len(c.file) > 1<<17 {
			continue
		}
		whole := parse(t, c.file, c.options)
		slow, err := ParseCSV(iotest.DataErrReader(iotest.OneByteReader(strings.NewReader(c.file))), c.options)
		if err != nil || !reflect.DeepEqual(whole, slow) {
			t.Errorf("%s: %v, got %v, want %v", c.code, err, slow, whole)
		}
	}
}

func TestWhatIsNoCSVIsNamed(t *testing.T) {
	for start, want := range map[string]string{
		"PK\x03\x04....[Content_Types].xml": "an Excel workbook (.xlsx)", "PK\x03\x04mail": "a ZIP archive", "PK\x05\x06": "a ZIP archive",
		"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an Excel workbook (.xls)", "\x1f\x8b\x08": "a gzip archive", "7z\xbc\xaf\x27\x1c": "an archive", "%PDF-1.7": "a PDF document", "PKW,x": "",
	} {
		if got := archiveKind([]byte(start)); got != want {
			t.Errorf("%q: got %q, want %q", start, got, want)
		}
	}
	for start, want := range map[string]string{" \n<html>": "HTML or XML", `{"a"`: "JSON", `[1]`: "JSON", "EmailAddress": ""} {
		if got := markupKind([]byte(start)); got != want {
			t.Errorf("%q: got %q, want %q", start, got, want)
		}
	}
}

func TestPasswordsThatAreNoneAreKnown(t *testing.T) {
	for value, want := range map[string]bool{
		"********": true, "••••••": true, "xxxxxx": true, "<password>": true, "Password1": true, "#N/A": true, "CHANGEME": true, "[redacted]": true,
		"**": false, "xx": false, "hunter2": false, "passwords are fun": false, "***x***": false, "aaaa": false,
	} {
		if got := isPlaceholder(value); got != want {
			t.Errorf("%q: got %v", value, got)
		}
	}
}

func TestRoundedNumbersAreKnown(t *testing.T) {
	for value, want := range map[string]bool{
		"1234567890123450000": true, "1.23457E+15": true, "1,23457e+15": true, "123456789012345": false, "1234567890123456": false, "anna": false, "e+": false, "anne+1": false,
	} {
		if got := looksRounded(value); got != want {
			t.Errorf("%q: got %v", value, got)
		}
	}
}

func TestUnknownColumnsGetARemedyOfTheirOwn(t *testing.T) {
	for column, want := range map[string]string{
		"": "only seem to be empty", "MailboxType": "other kinds of migration", "ForceChangePassword": "other kinds of migration", "Host": "--source and --target", "Endpoint": "--source and --target", "Team": "correct its name",
	} {
		file := parse(t, "EmailAddress,UserName,Password,"+column+"\nanna@example.org,anna,"+canary+",x\n", CSVOptions{})
		expectTold(t, file, "1 csv-unknown-column D")
		if remedy := file.Problems[0].Remedy; !strings.Contains(remedy, want) || !file.FileRefused {
			t.Errorf("%s: %s", column, remedy)
		}
	}
}

func TestColumnsOfOtherToolsAreRecognised(t *testing.T) {
	known := CSVOptions{HostColumns: true}.knownColumns()
	for name, want := range map[string]string{
		"e-mail": ColumnEmailAddress, "EMAILADDRESS": ColumnEmailAddress, "user_name": ColumnUserName, "Login": ColumnUserName, "Passwort": ColumnPassword, "Pasword": ColumnPassword,
		"user root": ColumnUserRoot, "root": ColumnUserRoot, "Target User": ColumnTargetUserName, "password2": ColumnTargetPassword, "server": ColumnHost, "Department": "", "": "", strings.Repeat("x", 50): "",
	} {
		if got, _ := suggestColumn(name, known); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
