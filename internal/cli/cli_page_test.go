package cli

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write docs/cli.md")

// TestThePageOfCommandsIsTheTree holds docs/cli.md to the commands. Write it anew with:
// go test ./internal/cli -run ThePageOfCommands -update
func TestThePageOfCommandsIsTheTree(t *testing.T) {
	const page = "../../docs/cli.md"
	var b strings.Builder
	b.WriteString(`# The commands

Written by a test from the commands themselves; do not edit it here. Each says the same
with --help, and "mailhaul man DIR" writes it as manual pages.
`)
	root := newRootCommand(Streams{})
	writeCommands(&b, root)
	b.WriteString("\n## Exit status\n\n```text\n" + strings.TrimPrefix(exitHelp, "\nExit status:\n") + "```\n")
	if *update {
		if err := os.WriteFile(page, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != b.String() {
		t.Error("docs/cli.md is not what the commands say; write it anew with: go test ./internal/cli -run ThePageOfCommands -update")
	}
}

func writeCommands(b *strings.Builder, c *cobra.Command) {
	fmt.Fprintf(b, "\n## %s\n\n%s.\n\n```text\n%s\n```\n", c.CommandPath(), c.Short, c.UseLine())
	if long := strings.Trim(c.Long, "\n"); long != "" {
		fmt.Fprintf(b, "\n```text\n%s\n```\n", long)
	}
	if c.Example != "" {
		b.WriteString("\n```sh\n")
		for line := range strings.Lines(strings.Trim(c.Example, "\n")) {
			b.WriteString(strings.TrimPrefix(strings.TrimRight(line, "\n"), "  ") + "\n")
		}
		b.WriteString("```\n")
	}
	if flags := flagRows(c); flags != "" {
		b.WriteString("\n| flag | means |\n|---|---|\n" + flags)
	}
	for _, child := range c.Commands() {
		if child.IsAvailableCommand() && child.Name() != "help" {
			writeCommands(b, child)
		}
	}
}

func flagRows(c *cobra.Command) string {
	var b strings.Builder
	escape := strings.NewReplacer("|", `\|`, "<", `\<`)
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" || f.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		fmt.Fprintf(&b, "| `%s` | %s |\n", strings.TrimSpace("--"+f.Name+" "+value), escape.Replace(usage))
	})
	return b.String()
}
