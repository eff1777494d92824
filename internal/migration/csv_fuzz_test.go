package migration

import (
	"encoding/csv"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// writeRows writes rows as another program would.
func writeRows(t *testing.T, rows []Row) string {
	t.Helper()
	var b strings.Builder
	w := csv.NewWriter(&b)
	records := [][]string{{ColumnEmailAddress, ColumnUserName, ColumnPassword, ColumnUserRoot, ColumnTargetUserName, ColumnTargetPassword, ColumnEndpoint, ColumnHost, ColumnPort}}
	for _, r := range rows {
		port := ""
		if r.Port > 0 {
			port = strconv.Itoa(r.Port)
		}
		records = append(records, []string{r.EmailAddress, r.UserName, r.Password.Reveal(), r.UserRoot, r.TargetUserName, r.TargetPassword.Reveal(), r.Endpoint, r.Host, port})
	}
	if err := w.WriteAll(records); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func FuzzCSV(f *testing.F) {
	for _, c := range csvCases() {
		if len(c.file) < 1<<16 {
			f.Add(c.file)
		}
	}
	f.Add("EmailAddress,UserName,Password,UserRoot,TargetUserName,TargetPassword,Endpoint,Host,Port\r\na@b.c,a,\"x\"\"y,\",/u/a,t,q,old,h,993\r\n")
	f.Add(csvTop + "a@b.c,a,\"b\nc@d.e,f,\"\"\"g\n\"h\",\"i\",j")
	options := CSVOptions{HostColumns: true, KnownEndpoints: []string{"old"}, AllowUnknownColumns: true}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := ParseCSV(strings.NewReader(text), options)
		if err != nil {
			t.Fatal(err)
		}
		if len(file.Rows) == 0 && file.Errors == 0 {
			t.Fatal("neither rows nor errors")
		}
		if file.FileRefused && len(file.Rows) > 0 || len(file.Rows) > file.RowCount {
			t.Fatalf("refused %v, %d rows of %d", file.FileRefused, len(file.Rows), file.RowCount)
		}
		if len(file.Rows) == 0 {
			return
		}
		var values strings.Builder
		for i, r := range file.Rows {
			for _, value := range []string{r.EmailAddress, r.UserName, r.Password.Reveal(), r.UserRoot, r.TargetUserName, r.TargetPassword.Reveal(), r.Endpoint, r.Host} {
				values.WriteString(value)
			}
			file.Rows[i].Row = i + 2
		}
		if strings.ContainsAny(values.String(), "\r\n\x00") {
			t.Fatal("a value holds CR, LF or NUL")
		}
		again, err := ParseCSV(strings.NewReader(writeRows(t, file.Rows)), options)
		if err != nil || again.Errors > 0 || !reflect.DeepEqual(again.Rows, file.Rows) {
			t.Fatalf("rows do not survive writing and reading: %v, %v", err, again.Problems)
		}
	})
}
