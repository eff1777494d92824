package cli

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
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

// inline is a command within a sentence, which may go on in the next line.
var inline = regexp.MustCompile("`((?:bin/)?mailhaul\\s[^`]+)`")

// inlineCommands are the commands within the sentences of a page, in its order.
func inlineCommands(page string) (commands []typed) {
	for _, at := range inline.FindAllStringSubmatchIndex(page, -1) {
		text := strings.Join(strings.Fields(page[at[2]:at[3]]), " ")
		commands = append(commands, typed{strings.Count(page[:at[0]], "\n") + 1, text})
	}
	return commands
}

// placeholder is what stands in a command for what a reader knows: NAME, and "...".
var placeholder = regexp.MustCompile(`[A-Z]{2}|\.\.\.`)

// isWhole reports whether a command within a sentence can be typed as it stands. One with a
// placeholder cannot, nor one whose last flag has no value, nor the mere name of a command
// that takes arguments or has commands below it.
func (l typed) isWhole() bool {
	command, rest, err := newRootCommand(Streams{}).Find(l.command())
	if err != nil || !command.Runnable() || placeholder.MatchString(l.text) {
		return false
	}
	if err := command.ParseFlags(rest); err != nil {
		return errors.Is(err, pflag.ErrHelp)
	}
	isName := len(rest) == 0 && (strings.Contains(command.Use, " ") || command.HasSubCommands())
	return !isName && command.ValidateArgs(command.Flags().Args()) == nil
}

// everyLine are all lines of a page that are typed, in its order: those of its blocks, and
// the whole commands within its sentences that stand in no block of any page.
func everyLine(page string, inBlocks map[string]bool) []typed {
	lines, seen := typedLines(page), map[string]bool{}
	for _, command := range inlineCommands(page) {
		if command.isWhole() && !inBlocks[command.text] && !seen[command.text] {
			lines, seen[command.text] = append(lines, command), true
		}
	}
	slices.SortStableFunc(lines, func(a, b typed) int { return a.line - b.line })
	return lines
}

// linesInBlocks are the lines of the blocks of all pages.
func linesInBlocks(t *testing.T) map[string]bool {
	t.Helper()
	lines := map[string]bool{}
	for _, page := range pages(t) {
		for _, line := range typedLines(readPage(t, page)) {
			lines[line.text] = true
		}
	}
	return lines
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
	{"install.md", `^(sudo (apt|systemctl|journalctl)|podman) `, "commands that want root, systemd or podman, and are not typed; TestLongDist installs and purges the same package by dpkg in a bare root, and runs the service and the image without systemd and podman"},
	{"install.md", `^(sha256sum|ssh-keygen) `, "commands on files of a release, which TestLongDist runs"},
}

// fences are the kinds of fences that pages have. Only what stands in one of sh is typed.
var fences = []string{"sh", "text", "mermaid", "json", "csv"}

var fence = regexp.MustCompile("^(\\s*)(?:```+|~~~+)\\s*(.*?)\\s*$")

// untypedFences are the lines of a page that would hide commands from those who type them:
// fences of another kind or form, and commands in fences that are not typed.
func untypedFences(page string) (strange []typed) {
	kind, inside := "", false
	for i, line := range strings.Split(page, "\n") {
		mark := fence.FindStringSubmatch(line)
		switch {
		case mark != nil && inside:
			inside = false
		case mark != nil:
			kind, inside = mark[2], true
			if line != "```"+kind || !slices.Contains(fences, kind) {
				strange = append(strange, typed{i + 1, line})
			}
		case inside && kind != "sh" && (typed{i + 1, line}).command() != nil:
			strange = append(strange, typed{i + 1, line})
		}
	}
	return strange
}

// A page has no fence that nobody types. Those of text in docs/cli.md show how commands
// are used, with placeholders.
func TestNoCommandHidesInAFence(t *testing.T) {
	for _, page := range pages(t) {
		for _, line := range untypedFences(readPage(t, page)) {
			if filepath.Base(page) != "cli.md" || strings.Contains(line.text, "`") {
				t.Errorf("%s:%d: this is not typed: %s", page, line.line, line.text)
			}
		}
	}
	for text, want := range map[string]int{
		"```sh\nmailhaul demo\n```":                  0,
		"```text\nthe answer\n```":                   0,
		"```text\nmailhaul demo\n```":                1,
		"```\nthe answer\n```":                       1,
		"```bash\nmailhaul demo\n```":                2,
		"1. so:\n   ```sh\n   mailhaul demo\n   ```": 1,
		"~~~sh\nmailhaul demo\n~~~":                  1,
	} {
		if got := untypedFences(text); len(got) != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// What can be typed of a sentence is: not names of commands, nor what has placeholders.
func TestWholeCommandsOfSentencesAreTyped(t *testing.T) {
	const page = "Type `mailhaul audit\nverify`, once more `mailhaul audit verify`, or `mailhaul copy`.\n\n    mailhaul node list\n\n" +
		"Also `mailhaul node list`, `mailhaul batch show`, `mailhaul report`, `mailhaul report --help`, `mailhaul batch show NAME`, `mailhaul survey --output`, `mailhaul batch show pilot`."
	want := []typed{{1, "mailhaul audit verify"}, {4, "mailhaul node list"}, {6, "mailhaul report --help"}, {6, "mailhaul batch show pilot"}}
	if got := everyLine(page, map[string]bool{"mailhaul node list": true}); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
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
