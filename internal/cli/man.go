package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newManCommand(streams Streams) *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the manual pages",
		Long: `Writes one page for each command into a directory, for man:

  mailhaul man ~/.local/share/man/man1
`,
		Args: oneArg("directory for the pages"),
		RunE: func(c *cobra.Command, args []string) error {
			n, err := writeManual(c.Root(), args[0])
			if err == nil {
				fmt.Fprintf(streams.Out, "%d pages are in %s\n", n, args[0])
			}
			return err
		},
	}
}

// writeManual writes the pages of a command and all below it.
func writeManual(command *cobra.Command, directory string) (pages int, err error) {
	if err := os.MkdirAll(directory, 0o755); err != nil { //nolint:gosec // manuals are public
		return 0, usageError("making the directory for the pages: %w", err)
	}
	name := strings.ReplaceAll(command.CommandPath(), " ", "-")
	if err := os.WriteFile(filepath.Join(directory, name+".1"), []byte(manualPage(command, name)), 0o644); err != nil { //nolint:gosec // manuals are public
		return 0, fmt.Errorf("writing a manual page: %w", err)
	}
	pages = 1
	for _, child := range command.Commands() {
		if child.IsAvailableCommand() && child.Name() != "help" {
			n, err := writeManual(child, directory)
			if pages += n; err != nil {
				return pages, err
			}
		}
	}
	return pages, nil
}

// manualPage is a page in the macros of man(7).
func manualPage(c *cobra.Command, name string) string {
	var b strings.Builder
	part := func(heading, text string) {
		if text = strings.Trim(text, "\n"); text != "" {
			fmt.Fprintf(&b, ".SH %s\n.nf\n%s\n.fi\n", heading, roff(text))
		}
	}
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"mailhaul %s\" \"mailhaul\"\n.SH NAME\n%s \\- %s\n", roff(strings.ToUpper(name)), roff(version()), roff(name), roff(c.Short))
	part("SYNOPSIS", c.UseLine())
	part("DESCRIPTION", c.Long)
	c.InitDefaultHelpFlag()
	if c.Flags().HasFlags() {
		b.WriteString(".SH OPTIONS\n")
		c.Flags().VisitAll(func(f *pflag.Flag) {
			value, usage := pflag.UnquoteUsage(f)
			fmt.Fprintf(&b, ".TP\n\\fB\\-\\-%s\\fR \\fI%s\\fR\n%s\n", roff(f.Name), roff(value), roff(usage))
		})
	}
	part("EXAMPLES", c.Example)
	part("EXIT STATUS", strings.TrimPrefix(exitHelp, "\nExit status:"))
	var children []string
	for _, child := range c.Commands() {
		if child.IsAvailableCommand() && child.Name() != "help" {
			children = append(children, name+"-"+child.Name()+"(1)")
		}
	}
	part("SEE ALSO", strings.Join(children, "\n"))
	return b.String()
}

// roff writes text so that nothing in it is taken for a command.
func roff(text string) string {
	lines := strings.Split(strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
