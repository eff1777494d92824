package discover

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of docs/servers.md")

// TestMakesAreDocumented holds the table of docs/servers.md to the makes that are known.
// Write it anew with: go test ./internal/discover -run MakesAreDocumented -update
func TestMakesAreDocumented(t *testing.T) {
	const page, begin, end = "../../docs/servers.md", "<!-- makes -->\n", "<!-- end -->\n"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no place for the makes", page)
	}
	var table strings.Builder
	table.WriteString("| server | `--login` | mind |\n|---|---|---|\n")
	for _, m := range makes {
		forms := make([]string, len(m.logins))
		for i, form := range m.logins {
			forms[i] = "`" + string(form) + "`"
		}
		fmt.Fprintf(&table, "| %s | %s | %s |\n", m.name, strings.Join(forms, ", "), m.note)
	}
	want := before + begin + table.String() + end + after
	if *update {
		err = os.WriteFile(page, []byte(want), 0o644)
	} else if string(text) != want {
		t.Errorf("%s has other makes than the code; write it anew with: go test ./internal/discover -run MakesAreDocumented -update", page)
	}
	if err != nil {
		t.Fatal(err)
	}
}
