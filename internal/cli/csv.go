package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/mailhaul/mailhaul/internal/migration"
)

func newCSVCommand(streams Streams) *cobra.Command {
	command := &cobra.Command{
		Use:   "csv",
		Short: "Work with migration files",
		Args:  noArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	command.AddCommand(newCSVCheckCommand(streams))
	return command
}

func newCSVCheckCommand(streams Streams) *cobra.Command {
	var asJSON, admin bool
	var errorsFile string
	command := &cobra.Command{
		Use:   "check FILE",
		Short: "Find every problem of a migration file",
		Long: `Reads a migration file and tells every problem at once, with its row (the header
is row 1), column, code and remedy. Nothing is sent anywhere, and no password is
shown.

The file is comma-separated with a header line: EmailAddress, UserName, Password
and, if wanted, UserRoot, TargetUserName and TargetPassword, in any order; at most
50,000 rows and 10 MB.

With --admin it is checked as for a batch from an endpoint whose one sign-in opens
every mailbox (an administrator, an Office 365 application, a Google service
account): it needs no Password, and a UserName that is missing is the EmailAddress.
"mailhaul batch create FILE --source NAME --target NAME --check-only" asks the
server, which knows how its endpoints sign in and what is in other batches.
`,
		Example: "  mailhaul csv check mailboxes.csv\n  mailhaul csv check pilot.csv --admin",
		Args:    oneArg("migration file"),
		RunE: func(_ *cobra.Command, args []string) error {
			return runCSVCheck(streams, args[0], errorsFile, asJSON, admin)
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print the problems as JSON")
	command.Flags().BoolVar(&admin, "admin", false, "the source's endpoint has one sign-in for every mailbox")
	command.Flags().StringVar(&errorsFile, "errors", "", "also write all problems to this CSV `FILE`")
	return command
}

func runCSVCheck(streams Streams, path, errorsFile string, asJSON, admin bool) error {
	file, err := readMigrationFile(path, migration.CSVOptions{TellTargetPassword: true, SourceHasAdmin: admin})
	if err != nil {
		return err
	}
	if errorsFile != "" {
		if sameFile(errorsFile, path) {
			return usageError("--errors: %s is the migration file itself; name another file", errorsFile)
		}
		if err := writeProblemsFile(errorsFile, file.Problems); err != nil {
			return err
		}
	}
	if asJSON {
		err = printCheckJSON(streams.Out, file)
	} else {
		printProblems(streams.Out, file)
		_, err = fmt.Fprintf(streams.Out, "%s: %s, %s, %s\n", path, counted(len(file.Rows), "mailbox", "mailboxes"), counted(file.Errors, "error", "errors"), counted(file.Warnings, "warning", "warnings"))
	}
	if err == nil && file.Errors > 0 {
		return &exitError{status: exitUsage}
	}
	return err
}

func readMigrationFile(path string, options migration.CSVOptions) (*migration.File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, usageError("migration file: %w", err)
	}
	defer file.Close()
	parsed, err := migration.ParseCSV(file, options)
	if err != nil {
		return nil, usageError("migration file %s: %w", path, err)
	}
	return parsed, nil
}

// shownProblems is how many are listed before the rest is only counted.
const shownProblems = 1000

func printProblems(w io.Writer, file *migration.File) {
	for i, problem := range file.Problems {
		if i == shownProblems {
			fmt.Fprintf(w, "... and more; write them all with: mailhaul csv check --errors FILE\n")
			return
		}
		fmt.Fprintln(w, problem)
	}
}

// sameFile reports whether two paths lead to one file.
func sameFile(a, b string) bool {
	first, err1 := os.Stat(a)
	second, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(first, second)
}

func writeProblemsFile(path string, problems []migration.Problem) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return usageError("--errors: %w", err)
	}
	if err := migration.WriteProblems(file, problems); err != nil {
		_ = file.Close()
		return usageError("--errors: %w", err)
	}
	return file.Close()
}

func printCheckJSON(w io.Writer, file *migration.File) error {
	problems := append([]migration.Problem{}, file.Problems...) // never null
	return writeJSON(w, map[string]any{
		"mailboxes": len(file.Rows), "errors": file.Errors, "warnings": file.Warnings, "problems": problems,
	})
}
