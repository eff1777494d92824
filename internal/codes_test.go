package internal_test

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/internal/migration"
)

var update = flag.Bool("update", false, "write the table of migration files in docs/troubleshooting.md")

const troubleshooting = "../docs/troubleshooting.md"

// Every code that a person can see is on the page of troubleshooting, with what it means
// and what to do, and the page has no other.
func TestEveryCodeIsOnThePageOfTroubleshooting(t *testing.T) {
	text, err := os.ReadFile(troubleshooting)
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for heading, files := range map[string][]string{
		"## Mailboxes, folders and messages": {"migration/fault.go"},
		"## Requests to the server":          {"control/*.go", "api/*.go"},
	} {
		_, part, _ := strings.Cut(page, heading)
		part, _, _ = strings.Cut(part, "\n## ")
		told := codesIn(part)
		codes := map[string]bool{}
		for _, pattern := range files {
			for _, code := range codesOf(t, pattern) {
				codes[code] = true
			}
		}
		if len(codes) < 30 {
			t.Errorf("%s: only %d codes are found in %v", heading, len(codes), files)
		}
		if known := slices.Sorted(maps.Keys(codes)); !slices.Equal(known, told) {
			t.Errorf("%s: the code has\n%v\nthe page has\n%v", heading, known, told)
		}
	}
}

// The table of the codes of migration files is that of the code. Write it anew with:
// go test ./internal -run CodesOfMigrationFiles -update
func TestCodesOfMigrationFilesAreDocumented(t *testing.T) {
	const begin, end = "<!-- csv codes -->\n", "<!-- end -->\n"
	text, err := os.ReadFile(troubleshooting)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	_, after, ended := strings.Cut(rest, end)
	want := before + begin + migration.CSVCodesTable() + end + after
	switch {
	case !found || !ended:
		t.Fatal("the page has no place for the codes of migration files")
	case *update:
		if err := os.WriteFile(troubleshooting, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	case string(text) != want:
		t.Error("docs/troubleshooting.md has other codes than migration files; write it anew with: go test ./internal -run CodesOfMigrationFiles -update")
	}
}

// codesIn are the codes of the rows of a table, in order.
func codesIn(text string) (codes []string) {
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| [^|]+ \\| [^|]+ \\|$").FindAllStringSubmatch(text, -1) {
		codes = append(codes, row[1])
	}
	slices.Sort(codes)
	return codes
}

// codesOf are the codes in source files: constants called Code..., what is given to a field
// called Code of a Problem, there or later, and what problem is called with.
func codesOf(t *testing.T, pattern string) (codes []string) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatal(pattern, err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			switch n := node.(type) {
			case *ast.ValueSpec:
				for i, name := range n.Names {
					if strings.HasPrefix(name.Name, "Code") && i < len(n.Values) {
						codes = append(codes, literal(n.Values[i])...)
					}
				}
			case *ast.AssignStmt:
				for i, to := range n.Lhs {
					if field, ok := to.(*ast.SelectorExpr); ok && field.Sel.Name == "Code" && len(n.Lhs) == len(n.Rhs) {
						codes = append(codes, literal(n.Rhs[i])...)
					}
				}
			case *ast.CallExpr:
				if called, ok := n.Fun.(*ast.Ident); ok && called.Name == "problem" && len(n.Args) > 1 {
					codes = append(codes, literal(n.Args[1])...)
				}
			case *ast.CompositeLit:
				if kind, ok := n.Type.(*ast.Ident); ok && kind.Name == "Problem" {
					codes = append(codes, codeField(n)...)
				}
			}
			return true
		})
	}
	return codes
}

func codeField(n *ast.CompositeLit) []string {
	for _, element := range n.Elts {
		if pair, ok := element.(*ast.KeyValueExpr); ok {
			if key, ok := pair.Key.(*ast.Ident); ok && key.Name == "Code" {
				return literal(pair.Value)
			}
		}
	}
	return nil
}

// literal is a text in quotes, nothing for anything else.
func literal(value ast.Expr) []string {
	if text, ok := value.(*ast.BasicLit); ok && text.Kind == token.STRING {
		if code, err := strconv.Unquote(text.Value); err == nil {
			return []string{code}
		}
	}
	return nil
}
