package internal_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	goTest   = regexp.MustCompile("`go test -v(?: -run '?([^' ]+)'?)? \\./(\\S+)`")
	testFunc = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
)

// The commands that CONTRIBUTING.md names must run something.
func TestCommandsOfContributingRunTests(t *testing.T) {
	page, err := os.ReadFile("../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := goTest.FindAllStringSubmatch(string(page), -1)
	if len(commands) < 10 {
		t.Errorf("only %d commands are found", len(commands))
	}
	for _, command := range commands {
		test, _, _ := strings.Cut(command[1], "/")
		run, folder := regexp.MustCompile(strings.ReplaceAll(test, `\|`, "|")), command[2] // a table escapes it
		if !slices.ContainsFunc(tests(t, folder), run.MatchString) {
			t.Errorf("%s runs no test", command[0])
		}
	}
}

// tests are the names of the tests of a package.
func tests(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range testFunc.FindAllStringSubmatch(string(text), -1) {
			names = append(names, match[1])
		}
	}
	return names
}
