package report

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "write docs/reports.md anew")

// The tables in the documentation are those of the program:
// go test -run Documented -update
func TestEveryColumnIsDocumented(t *testing.T) {
	const file, from, to = "../../docs/reports.md", "<!-- made from internal/report -->\n", "<!-- end -->\n"
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := bytes.Cut(page, []byte(from))
	_, after, ended := bytes.Cut(rest, []byte(to))
	if !ok || !ended {
		t.Fatal("the marks of the tables are missing")
	}
	var tables bytes.Buffer
	for _, of := range []struct {
		whose   string
		columns []Column
	}{{"a batch of the server", slices.Concat(BatchColumns(), HandoverColumns())}, {"mailhaul copy", Columns()}} {
		last := ""
		for _, c := range of.columns {
			if c.File != last {
				fmt.Fprintf(&tables, "\n## %s of %s\n\n| column | says |\n|---|---|\n", c.File, of.whose)
				last = c.File
			}
			fmt.Fprintf(&tables, "| `%s` | %s |\n", c.Name, c.Meaning)
		}
	}
	fmt.Fprintln(&tables)
	want := string(before) + from + tables.String() + to + string(after)
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(page) != want {
		t.Error("docs/reports.md is not up to date: go test -run Documented -update ./internal/report")
	}
}
