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
	"internal/discover":  {[]string{"internal/migration"}, "level 1: finds servers; knows no IMAP, and is given who looks at a server"},
	"internal/cutover":   {[]string{"internal/migration", "github.com/miekg/dns"}, "level 1: where a domain's mail goes, and when its old system may go; knows no IMAP, store or server; the standard library's resolver hides the TTLs"},
	"internal/imapsync":  {[]string{"internal/migration", "internal/secret"}, "level 1: reads another tool's command lines and lists; runs nothing"},
	"internal/report":    {[]string{"internal/migration"}, "level 1: reports from plain figures"},
	"internal/token":     {[]string{"internal/migration", "internal/secret"}, "level 1: bearer tokens and what to do when one is refused; the standard library's HTTP and RSA do; knows nothing of IMAP"},
	"internal/graph":     {[]string{"internal/migration", "internal/secret", "internal/token"}, "level 2: what Microsoft Graph tells of a mailbox; knows neither IMAP nor the engine"},
	"internal/control":   {[]string{"internal/cutover", "internal/migration", "internal/secret", "internal/token", "golang.org/x/crypto/argon2"}, "level 2: what an operator can ask for; knows neither the store nor IMAP"},
	"internal/notify":    {[]string{"internal/migration", "internal/report", "internal/secret", "github.com/wneessen/go-mail"}, "level 2: tells people outside; knows neither the store nor the scheduler"},
	"internal/scheduler": {[]string{"internal/migration", "github.com/jackc/pgx/v5", "github.com/jackc/pgx/v5/pgxpool", "github.com/riverqueue/river", "github.com/riverqueue/river/riverdriver",
		"github.com/riverqueue/river/riverdriver/riverpgxv5", "github.com/riverqueue/river/riverdriver/riversqlite"}, "level 2: what the system does by itself, on River; knows neither the store nor IMAP"},
	"internal/metrics": {[]string{"internal/migration", "github.com/prometheus/client_golang/prometheus", "github.com/prometheus/client_golang/prometheus/collectors", "github.com/prometheus/client_golang/prometheus/promhttp"}, "level 2: figures for a monitoring system; nobody below imports it"},
	"internal/store": {[]string{"internal/mailsync", "internal/migration", "golang.org/x/sys/unix", "golang.org/x/sys/windows", "modernc.org/sqlite", "github.com/jackc/pgx/v5", "github.com/jackc/pgx/v5/pgconn",
		"github.com/jackc/pgx/v5/pgxpool", "github.com/jackc/pgx/v5/stdlib", "github.com/pressly/goose/v3",
		"github.com/riverqueue/river/riverdriver", "github.com/riverqueue/river/riverdriver/riverpgxv5", "github.com/riverqueue/river/riverdriver/riversqlite",
		"github.com/riverqueue/river/rivermigrate"},
		"level 1 with its drivers; implements the engine's Ledger in the engine's types, and makes the tables of River"},
	"internal/store/storetest": {[]string{"internal/mailsync", "internal/store", "internal/migration", "rigs/effort", "pgregory.net/rapid"}, "the suite every database must pass"},
	"internal/imapfake":        {[]string{"internal/migration"}, "a server for tests and the demo"},
	"internal/crashtest":       {nil, "tests only: kills, cuts and faults against the whole"},
	"internal/hostiletest":     {nil, "tests only: servers that mean harm, and servers that echo"},
	"internal/fidelitytest":    {nil, "tests only: real servers and an oracle that is not our client"},
	"internal/api": {[]string{"internal/control", "internal/cutover", "internal/migration", "internal/report", "internal/secret", "github.com/danielgtaylor/huma/v2", "github.com/danielgtaylor/huma/v2/adapters/humago"},
		"level 3: what operators can ask for, over HTTP, and the client of that"},
	"internal/web":         {nil, "level 3: the outside of the server: headers, proxies, health, a page"},
	"internal/consoletest": {nil, "tests only: the console in a real browser, against the whole server"},
	"internal/servicetest": {nil, "tests only: the server as a whole, worked with by commands and API"},
	"internal/onlinetest":  {nil, "tests only: each make of server to each, and Exchange Online's moods"},
	"internal/relay":       {nil, "a faulty line for tests and benches"},
	"internal/demo":        {[]string{"internal/imapfake", "internal/migration"}, "the only production code that may use the fake server"},
	"internal/cli": {[]string{"internal/api", "internal/control", "internal/cutover", "internal/demo", "internal/discover", "internal/graph", "internal/imap", "internal/imapsync", "internal/mailsync", "internal/metrics", "internal/migration", "internal/notify",
		"internal/report", "internal/scheduler", "internal/secret", "internal/store", "internal/token", "internal/web",
		"github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/vbauerster/mpb/v8", "github.com/vbauerster/mpb/v8/decor", "golang.org/x/term", "golang.org/x/text/width"},
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
