package internal_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/mailhaul/mailhaul/"

// allowed lists, for each package, what it may import of this project and of
// third parties. The standard library is always allowed. Test files are free.
var allowed = map[string]struct {
	imports []string
	reason  string
}{
	"internal/secret":    {nil, "level 0: keeps secrets out of texts, and knows nothing else"},
	"internal/migration": {[]string{"internal/secret"}, "level 0: the words of the field; a row of the migration file holds passwords"},
	"internal/imap/wire": {[]string{"internal/migration"}, "the syntax of IMAP, spoken in UID sets"},
	"internal/imap":      {[]string{"internal/imap/wire", "internal/migration", "internal/secret"}, "level 1: the protocol client; the only reader of server texts; knows nothing of the engine"},
	"internal/mailsync":  {[]string{"internal/migration", "golang.org/x/text/unicode/norm"}, "level 1: the engine of one mailbox; knows nothing of IMAP, SQL or the command line"},
	"internal/report":    {[]string{"internal/migration"}, "level 1: reports from plain figures"},
	"internal/store": {[]string{"internal/mailsync", "internal/migration", "modernc.org/sqlite", "modernc.org/sqlite/lib", "github.com/pressly/goose/v3", "golang.org/x/sys/unix"},
		"level 1 with its drivers; implements the engine's Ledger in the engine's types"},
	"internal/store/storetest": {[]string{"internal/mailsync", "internal/store", "internal/migration", "pgregory.net/rapid"}, "the suite every database must pass"},
	"internal/imapfake":        {[]string{"internal/migration"}, "a server for tests and the demo"},
	"internal/crashtest":       {nil, "tests only: kills, cuts and faults against the whole"},
	"internal/hostiletest":     {nil, "tests only: servers that mean harm, and servers that echo"},
	"internal/fidelitytest":    {nil, "tests only: real servers and an oracle that is not our client"},
	"internal/relay":           {nil, "a faulty line for tests and benches"},
	"internal/demo":            {[]string{"internal/imapfake", "internal/migration"}, "the only production code that may use the fake server"},
	"internal/cli": {[]string{"internal/demo", "internal/imap", "internal/mailsync", "internal/migration", "internal/report", "internal/secret", "internal/store",
		"github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/vbauerster/mpb/v8", "github.com/vbauerster/mpb/v8/decor", "golang.org/x/term"},
		"level 4: the wiring"},
	"cmd/mailhaul": {[]string{"internal/cli"}, "signals and the exit status"},
}

func TestPackagesImportOnlyWhatTheirLevelAllows(t *testing.T) {
	seen := map[string]bool{}
	for _, root := range []string{".", "../cmd"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			folder := filepath.ToSlash(filepath.Clean(filepath.Join("internal", filepath.Dir(path))))
			seen[folder] = true
			checkImports(t, folder, path)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for folder := range allowed {
		if !seen[folder] {
			t.Errorf("the table names %s, which has no code", folder)
		}
	}
}

func checkImports(t *testing.T, folder, path string) {
	rule, known := allowed[folder]
	if !known {
		t.Errorf("%s is not in the table: say what it may import, and why", folder)
		return
	}
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range file.Imports {
		name, _ := strconv.Unquote(spec.Path.Value)
		first, _, _ := strings.Cut(name, "/")
		if !strings.Contains(first, ".") {
			continue
		}
		if !slices.Contains(rule.imports, strings.TrimPrefix(name, module)) {
			t.Errorf("%s imports %s, which %s may not (%s)", path, name, folder, rule.reason)
		}
	}
}
