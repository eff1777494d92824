package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/token"
)

// commandAt finds a command by its words; words in capitals are arguments.
func commandAt(t *testing.T, line string) (*cobra.Command, []string) {
	t.Helper()
	words := strings.Fields(line)
	command, rest, err := newRootCommand(Streams{}).Find(words[1:])
	if err != nil {
		t.Errorf("%s: %v", line, err)
	}
	return command, rest
}

// checkInline finds a command within a sentence of a page, and every flag it is given. Its
// arguments, where it has any, are as many as it takes.
func checkInline(t *testing.T, page string, line typed) {
	t.Helper()
	command, rest, err := newRootCommand(Streams{}).Find(line.command())
	if err != nil || command == command.Root() {
		t.Errorf("%s:%d: there is no command %q", page, line.line, line.text)
		return
	}
	for _, word := range rest {
		name, isFlag := strings.CutPrefix(word, "--")
		name, _, _ = strings.Cut(name, "=")
		if isFlag && name != "help" && command.Flag(name) == nil {
			t.Errorf("%s:%d: %s has no flag --%s", page, line.line, command.CommandPath(), name)
		}
		if !isFlag && word == strings.ToLower(word) && command.HasSubCommands() {
			t.Errorf("%s:%d: there is no command %q", page, line.line, line.text)
		}
	}
	if command.ParseFlags(rest) != nil || command.Flags().NArg() == 0 {
		return
	}
	if err := command.ValidateArgs(command.Flags().Args()); err != nil {
		t.Errorf("%s:%d: %s: %v", page, line.line, line.text, err)
	}
}

// Every command within a sentence of any page exists, and its flags do.
func TestCommandsOfThePagesExist(t *testing.T) {
	least := map[string]int{"cmdlets.md": 60, "operations.md": 10, "gmail.md": 4, "cutover.md": 4}
	for _, page := range pages(t) {
		commands := inlineCommands(readPage(t, page))
		if name := filepath.Base(page); len(commands) < least[name] {
			t.Errorf("%s has %d commands only", name, len(commands))
		}
		for _, line := range commands {
			checkInline(t, page, line)
		}
	}
}

// shellWords splits a line as a shell does, as far as the pages go: at spaces, outside
// of double quotes.
func shellWords(line string) (words []string) {
	word, inside, begun := "", false, false
	for _, r := range line + " " {
		switch {
		case r == '"':
			inside, begun = !inside, true
		case r == ' ' && !inside && (begun || word != ""):
			words, word, begun = append(words, word), "", false
		case r == ' ' && !inside:
		default:
			word += string(r)
		}
	}
	return words
}

var fileOfAPage = regexp.MustCompile(`(?m)(?:^    EmailAddress.*\n)(?:^    .+@.+\n)+`)

// The migration files of the pages are taken: those without a Password for a source with
// one sign-in for all.
func TestMigrationFilesOfThePagesAreGood(t *testing.T) {
	for page, least := range map[string]int{"../../README.md": 2, "../../docs/office365.md": 3, "../../docs/google.md": 2} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		files := fileOfAPage.FindAllString(string(text), -1)
		if len(files) < least {
			t.Errorf("%s has %d migration files only", page, len(files))
		}
		for _, file := range files {
			file = strings.ReplaceAll(file, "    ", "")
			parsed, err := migration.ParseCSV(strings.NewReader(file), migration.CSVOptions{SourceHasAdmin: !strings.Contains(file, ",Password")})
			if err != nil || parsed.Errors+parsed.Warnings > 0 || len(parsed.Rows) == 0 {
				t.Errorf("%s: %v\n%s%v", page, err, file, parsed.Problems)
			}
		}
	}
}

// The page of Office 365 has the names of each cloud for the programs it names, and the
// loops over a migration file take the column that names the mailbox.
func TestThePageOfOffice365HasTheNamesOfTheClouds(t *testing.T) {
	page, err := os.ReadFile("../../docs/office365.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, cloud := range token.Clouds()[1:] {
		row := "| `" + cloud.Name + "` | `az cloud set --name " + cloud.Azure + "` | `Connect-MgGraph -Environment " + cloud.Graph + "` | `Connect-ExchangeOnline -ExchangeEnvironmentName " + cloud.Exchange + "` |"
		if !strings.Contains(string(page), row) {
			t.Errorf("the page has no %s", row)
		}
	}
	loops, columns := strings.Count(string(page), "Import-Csv"), strings.Count(string(page), "if ($_.$column) { $_.$column } else { $_.EmailAddress }")
	if loops != 2 || columns != loops {
		t.Errorf("%d loops, %d of them by column", loops, columns)
	}
}

// TestEveryCommandOfTheServiceIsMapped: the page of cmdlets forgets none of the
// nouns that have a counterpart.
func TestThePageMapsEveryCommandOfTheService(t *testing.T) {
	page, err := os.ReadFile("../../docs/cmdlets.md")
	if err != nil {
		t.Fatal(err)
	}
	_, back, _ := strings.Cut(string(page), "## Command to cmdlet")
	for _, noun := range newRootCommand(Streams{}).Commands() {
		if !strings.Contains(" endpoint batch mailbox report ", " "+noun.Name()+" ") {
			continue
		}
		for _, verb := range noun.Commands() {
			if !strings.Contains(back, "`mailhaul "+noun.Name()+" "+verb.Name()+"`") {
				t.Errorf("mailhaul %s %s is not on the page", noun.Name(), verb.Name())
			}
		}
	}
}

var settingRow = regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|")

func TestEverySettingIsOnThePageOfOperations(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, row := range settingRow.FindAllStringSubmatch(string(page), -1) {
		told[row[1]] = true
	}
	serve, _ := commandAt(t, "mailhaul serve")
	serve.Flags().VisitAll(func(f *pflag.Flag) {
		if !told[f.Name] && f.Name != "help" {
			t.Errorf("%s is not on the page", f.Name)
		}
		delete(told, f.Name)
	})
	for name := range told {
		t.Errorf("the page has %s, which is no setting", name)
	}
}

func TestEveryCommandHasAManualPage(t *testing.T) {
	directory := t.TempDir()
	execute(t, "man", directory).want(t, exitDone, "pages are in")
	for _, page := range []string{"mailhaul.1", "mailhaul-serve.1", "mailhaul-batch-create.1", "mailhaul-csv-check.1"} {
		text, err := os.ReadFile(filepath.Join(directory, page))
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{".TH ", ".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION", ".SH OPTIONS", ".SH EXIT STATUS"} {
			if !strings.Contains(string(text), part) {
				t.Errorf("%s has no %s", page, part)
			}
		}
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, ".") && !regexp.MustCompile(`^\.(TH|SH|TP|nf|fi)\b`).MatchString(line) {
				t.Errorf("%s: a line of text is taken for a command: %s", page, line)
			}
		}
	}
}
