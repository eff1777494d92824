package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// typed is a line of a page that is meant to be typed.
type typed struct {
	line int
	text string
}

// typedLines are the lines of a page's blocks: those indented by four spaces after an
// empty line, and those of fences that say sh. Lines that a backslash ends are one.
func typedLines(page string) (lines []typed) {
	inBlock, fence := false, ""
	before := ""
	for i, line := range strings.Split(page, "\n") {
		mark, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && fence == "":
			fence = "```" + mark
			continue
		case isFence:
			fence = ""
			continue
		case fence == "```sh":
			lines = appendTyped(lines, i+1, line)
			continue
		case fence != "":
			continue
		}
		text, indented := strings.CutPrefix(line, "    ")
		inBlock = indented && (inBlock || strings.TrimSpace(before) == "")
		if inBlock && strings.TrimSpace(text) != "" {
			lines = appendTyped(lines, i+1, text)
		}
		before = line
	}
	return lines
}

func appendTyped(lines []typed, number int, text string) []typed {
	if n := len(lines); n > 0 && strings.HasSuffix(lines[n-1].text, `\`) {
		lines[n-1].text = strings.TrimSuffix(lines[n-1].text, `\`) + strings.TrimSpace(text)
		return lines
	}
	return append(lines, typed{number, text})
}

// command is a line as words, nil where it is no command of mailhaul.
func (l typed) command() []string {
	words := shellWords(l.text)
	if len(words) > 0 && (words[0] == "mailhaul" || words[0] == "bin/mailhaul") {
		return words[1:]
	}
	return nil
}

// notOurs are lines of blocks that are no commands of mailhaul, with what they are. The
// page is a file's name, or all of them.
var notOurs = []struct{ page, lines, why string }{
	{"", `^(EmailAddress(,.*)?|[\w.]+@[\w.]+(,.*)?)$`, "migration files, which TestMigrationFilesOfThePagesAreGood reads"},
	{"", `^make [a-z-]+$`, "targets of the Makefile, which are looked for"},
	{"operations.md", `^(# /etc/mailhaul\.conf|[a-z-]+ = \S+)$`, "lines of a settings file, whose names are looked for"},
	{"google.md", `^   https://mail\.google\.com/$`, "what is to be pasted into the console of Google"},
	{"office365.md", `^(az |APP=|EXO=|ROLE=|GRAPH=)`, "commands of Azure, which need a tenant"},
	{"office365.md", `^(Connect-|\$|New-|Get-|Add-|Set-|    |\}\))`, "PowerShell, which needs a tenant"},
	{"office365.md", `^(umask 077|openssl req .*|cat key\.pem cert\.pem > app\.pem)$`, "commands that are run by TestThePagesCanBeTyped"},
	{"install.md", `^(sudo (apt|systemctl|journalctl)|podman) `, "commands that want root, a registry or systemd; TestLongDist does what they do"},
	{"install.md", `^(sha256sum|ssh-keygen) `, "commands on files of a release, which TestLongDist runs"},
}

func pages(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(all) < 10 {
		t.Fatal(all, err)
	}
	return append(all, "../../README.md", "../../SECURITY.md")
}

func readPage(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Every command of mailhaul that stands on a line of its own, on any page, can be typed as
// it is: its flags and arguments are taken. What else stands in blocks is known.
func TestCommandsOfThePagesCanBeTyped(t *testing.T) {
	commands := 0
	used := make([]bool, len(notOurs))
	for _, page := range pages(t) {
		for _, line := range typedLines(readPage(t, page)) {
			if words := line.command(); words != nil {
				commands++
				checkTyped(t, page, line, words)
				continue
			}
			i := slices.IndexFunc(notOurs, func(known struct{ page, lines, why string }) bool {
				return (known.page == "" || known.page == filepath.Base(page)) && regexp.MustCompile(known.lines).MatchString(line.text)
			})
			if i < 0 {
				t.Errorf("%s:%d: nobody knows what this is: %s", page, line.line, line.text)
				continue
			}
			used[i] = true
			checkOther(t, page, line.text)
		}
	}
	for i, known := range notOurs {
		if !used[i] {
			t.Errorf("no line is one of %q (%s)", known.lines, known.why)
		}
	}
	if commands < 100 {
		t.Errorf("only %d commands are found", commands)
	}
}

func checkTyped(t *testing.T, page string, line typed, words []string) {
	t.Helper()
	root := newRootCommand(Streams{})
	command, rest, err := root.Find(words)
	if err != nil || command == root {
		t.Errorf("%s:%d: there is no such command: %s", page, line.line, line.text)
		return
	}
	if err := command.ParseFlags(rest); err != nil {
		t.Errorf("%s:%d: %s: %v", page, line.line, line.text, err)
	} else if err := command.ValidateArgs(command.Flags().Args()); err != nil {
		t.Errorf("%s:%d: %s: %v", page, line.line, line.text, err)
	}
}

// checkOther looks whether targets of the Makefile and settings exist.
func checkOther(t *testing.T, page, line string) {
	t.Helper()
	if target, found := strings.CutPrefix(line, "make "); found && !regexp.MustCompile(`(?m)^`+target+`:`).MatchString(readPage(t, "../../Makefile")) {
		t.Errorf("%s: there is no target %q", page, target)
	}
	if name, _, found := strings.Cut(line, " = "); found && filepath.Base(page) == "operations.md" {
		serve, _ := commandAt(t, "mailhaul serve")
		if serve.Flags().Lookup(name) == nil {
			t.Errorf("%s: there is no setting %q", page, name)
		}
	}
}
