package cli

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mailhaul/mailhaul/internal/imapsync"
	"github.com/mailhaul/mailhaul/internal/migration"
)

func newImapsyncCommand(streams Streams) *cobra.Command {
	command := &cobra.Command{
		Use:   "imapsync",
		Short: "Come from imapsync: translate its command lines and lists",
		Args:  noArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	command.AddCommand(newImapsyncTranslateCommand(streams), newImapsyncListCommand(streams))
	return command
}

func newImapsyncTranslateCommand(streams Streams) *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "translate FILE | translate -- OPTIONS",
		Short: "Print the commands that do what a command line of imapsync does",
		Long: `Reads a script with calls of imapsync (- is standard input), or the options of one
call after --, and prints the commands of mailhaul that do the same, as lines of a
shell script. Comments tell of each option what is done otherwise, is not needed,
or has no counterpart. Nothing is run or sent anywhere.

Passwords are dropped as they are read: the commands name files for them. What is
in capitals is not known and to be filled in.
`,
		Example: `  mailhaul imapsync translate sync.sh
  mailhaul imapsync translate -- --host1 imap.old.example.org --user1 anna --passfile1 p1 --host2 imap.new.example.org --user2 anna --passfile2 p2 --automap`,
		Args: func(c *cobra.Command, args []string) error {
			if dash := c.ArgsLenAtDash(); dash > 0 || dash < 0 && len(args) != 1 || len(args) == 0 {
				return usageError("want the file of a script, or -- and the options of imapsync\n  see: %s --help", c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			return runImapsyncTranslate(streams, args, c.ArgsLenAtDash() == 0, asJSON)
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print the commands and notes as JSON")
	return command
}

func runImapsyncTranslate(streams Streams, args []string, options, asJSON bool) error {
	all := make([]imapsync.Translation, 1)
	var err error
	if options {
		all[0], err = imapsync.Translate(args, time.Now())
	} else {
		all, err = translateFile(streams, args[0])
	}
	if err != nil {
		return usageError("%w", err)
	}
	if asJSON {
		return writeJSON(streams.Out, all)
	}
	for i, translation := range all {
		if i > 0 {
			fmt.Fprintln(streams.Out)
		}
		printTranslation(streams.Out, translation)
	}
	return nil
}

func translateFile(streams Streams, path string) ([]imapsync.Translation, error) {
	script, err := readBounded(streams, path, imapsync.MaxCommandBytes)
	if err != nil {
		return nil, err
	}
	all, err := imapsync.Script(string(script), time.Now())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return all, nil
}

// readBounded reads a file of at most so many bytes; - is standard input.
func readBounded(streams Streams, path string, most int64) ([]byte, error) {
	in := streams.In
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	content, err := io.ReadAll(io.LimitReader(in, most+1))
	if err == nil && int64(len(content)) > most {
		err = fmt.Errorf("%s is larger than %s", path, byteSize(most))
	}
	return content, err
}

var fateHeadings = map[imapsync.Fate]string{imapsync.Without: "no counterpart", imapsync.Becomes: "mind", imapsync.Unneeded: "not needed", imapsync.Always: "always so"}

func printTranslation(w io.Writer, t imapsync.Translation) {
	for _, note := range t.Notes {
		fmt.Fprintf(w, "# %s: %s\n", fateHeadings[note.Fate], strings.TrimPrefix(note.Option+": "+note.Text, ": "))
	}
	if t.FileName != "" {
		fmt.Fprintf(w, "# %s, a migration file:\n", t.FileName)
		for line := range strings.Lines(t.FileText) {
			fmt.Fprintf(w, "#   %s", line)
		}
	}
	for _, words := range t.Commands {
		fmt.Fprintln(w, shellLine(words))
	}
}

// shellLine is a command for a shell, on one line.
func shellLine(words []string) string {
	typed := make([]string, len(words))
	for i, word := range words {
		if typed[i] = quoted(word); word == "" {
			typed[i] = "''"
		}
	}
	return strings.Join(typed, " ")
}

type imapsyncListFlags struct {
	out     string
	options imapsync.ListOptions
	skipBad bool
}

func newImapsyncListCommand(streams Streams) *cobra.Command {
	flags := &imapsyncListFlags{}
	command := &cobra.Command{
		Use:   "list FILE --out DIR",
		Short: "Make migration files of a list that a loop of imapsync reads",
		Long: `Reads a list with a mailbox on each line, in one of the forms that the loops of
imapsync's documentation read:

  host1;user1;password1;host2;user2;password2;
  user1;password1;user2;password2              with --host1 and --host2

and writes a migration file for each pair of servers into a directory: files that
only you can read, as the passwords are in them. Then it prints the commands to go
on with. No password is printed, and nothing is sent anywhere.

The EmailAddress is user2 if that is an address, else user1, else user2 with the
domain of --domain. No field can hold a semicolon, a password neither: a line with
more fields is bad. With a bad line nothing is written, unless --skip-bad says
so. Delete the list itself once it is not needed any more.
`,
		Example: `  mailhaul imapsync list file.txt --out migration
  mailhaul imapsync list users.txt --host1 imap.old.example.org --host2 imap.new.example.org --domain example.org --out migration`,
		Args: oneArg("list"),
		RunE: func(_ *cobra.Command, args []string) error {
			return runImapsyncList(streams, args[0], flags)
		},
	}
	command.Flags().StringVar(&flags.out, "out", "", "write the migration files to this `DIR`, which is made")
	command.Flags().StringVar(&flags.options.SourceHost, "host1", "", "`HOST` of the source, for lists that name none")
	command.Flags().StringVar(&flags.options.TargetHost, "host2", "", "`HOST` of the target, for lists that name none")
	command.Flags().StringVar(&flags.options.Domain, "domain", "", "`DOMAIN` of users that are no address")
	registerSkipBad(command.Flags(), &flags.skipBad, "go on without the lines that are wrong")
	return command
}

func runImapsyncList(streams Streams, path string, flags *imapsyncListFlags) error {
	if flags.out == "" {
		return usageError("--out is missing: the directory for the migration files")
	}
	content, err := readBounded(streams, path, imapsync.MaxListBytes)
	if err != nil {
		return usageError("list: %w", err)
	}
	list, err := imapsync.ReadList(bytes.NewReader(content), flags.options)
	if err != nil {
		return usageError("list %s: %w", path, err)
	}
	for _, trouble := range list.Troubles {
		fmt.Fprintf(streams.Err, "%s line %d: %s\n", path, trouble.Line, trouble.Text)
	}
	switch {
	case list.Refused > 0 && !flags.skipBad:
		return usageError("%s: nothing was written; mend the list, or leave %s out with --skip-bad", path, counted(list.Refused, "line", "lines"))
	case len(list.Pairs) == 0:
		return usageError("%s: no mailbox is in it", path)
	}
	files, err := writePairs(flags.out, list.Pairs)
	if err != nil {
		return err
	}
	return suggestPairs(streams, list.Pairs, files)
}

// writePairs writes a migration file for each pair into a directory, and gives their
// names. It replaces no file, and with an error it leaves none, so that it can be repeated.
func writePairs(directory string, pairs []imapsync.Pair) ([]string, error) {
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return nil, usageError("--out: %w", err)
	}
	files := make([]string, 0, len(pairs))
	for _, pair := range pairs {
		file := filepath.Join(directory, endpointNameOf(pair.SourceHost)+"-to-"+endpointNameOf(pair.TargetHost)+".csv")
		if err := writeNew(file, pair.MigrationFile()); err != nil {
			for _, written := range files {
				err = errors.Join(err, os.Remove(written))
			}
			return nil, usageError("--out: %w", err)
		}
		files = append(files, file)
	}
	return files, nil
}

// writeNew writes a file that is not there yet, for its owner alone, or leaves none.
func writeNew(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already; name another directory", path)
	}
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// endpointNameOf makes a name for an endpoint of a host's.
func endpointNameOf(host string) string {
	const most = 64
	name := strings.Trim(regexp.MustCompile(`[^A-Za-z0-9._-]+`).ReplaceAllString(host, "-"), "-._")
	return cmp.Or(name[:min(len(name), most)], "endpoint")
}

// suggestPairs tells what was written, what is wrong with it, and how to go on.
func suggestPairs(streams Streams, pairs []imapsync.Pair, files []string) error {
	bad := 0
	made := map[string]bool{}
	for i, pair := range pairs {
		file, err := migration.ParseCSV(bytes.NewReader(pair.MigrationFile()), migration.CSVOptions{})
		if err != nil {
			return err
		}
		bad += file.Errors
		fmt.Fprintf(streams.Out, "# %s: %s, %s, %s\n", files[i], counted(len(file.Rows), "mailbox", "mailboxes"), counted(file.Errors, "error", "errors"), counted(file.Warnings, "warning", "warnings"))
		if file.Errors+file.Warnings > 0 {
			fmt.Fprintln(streams.Out, shellLine([]string{"mailhaul", "csv", "check", files[i]}))
		}
		for _, host := range []string{pair.SourceHost, pair.TargetHost} {
			if !made[host] {
				made[host] = true
				fmt.Fprintln(streams.Out, shellLine([]string{"mailhaul", "endpoint", "create", endpointNameOf(host), "imaps://" + host}))
			}
		}
		fmt.Fprintln(streams.Out, shellLine([]string{"mailhaul", "batch", "create", files[i], "--source", endpointNameOf(pair.SourceHost), "--target", endpointNameOf(pair.TargetHost)}))
		fmt.Fprintf(streams.Out, "# or without a server: %s\n", shellLine([]string{"mailhaul", "copy", "--csv", files[i], "--source", "imaps://" + pair.SourceHost, "--target", "imaps://" + pair.TargetHost}))
	}
	if bad > 0 {
		return &exitError{status: exitUsage}
	}
	return nil
}
