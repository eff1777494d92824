package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// Streams are where a command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Run executes a command line and returns the exit status.
func Run(ctx context.Context, args []string, streams Streams) int {
	root := newRootCommand(streams)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var exit *exitError
	if err != nil && (!errors.As(err, &exit) || exit.err != nil) {
		fmt.Fprintln(streams.Err, "mailhaul: "+explain(err))
	}
	return statusOf(err)
}

func newRootCommand(streams Streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "mailhaul",
		Short: "Move mailboxes between IMAP servers",
		Long: `mailhaul moves mailboxes from any IMAP server to any other: every message once,
byte for byte, with its folder, date and flags. It can be stopped and started at
any time and goes on where it was.

Try it without a server of your own:  mailhaul demo
`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError("unknown command %q\n  see: mailhaul --help", args[0])
			}
			return c.Help()
		},
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetHelpTemplate(root.HelpTemplate() + exitHelp)
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.Err)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError("%w\n  see: %s --help", err, c.CommandPath())
	})
	root.AddCommand(newCopyCommand(streams), newVerifyCommand(streams), newCSVCommand(streams), newEndpointCommand(streams), newDemoCommand(streams), newVersionCommand(streams))
	return root
}

// noArgs refuses arguments with the usage status.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError("unexpected argument %q\n  see: %s --help", args[0], c.CommandPath())
	}
	return nil
}

func oneArg(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usageError("want exactly one argument, the %s\n  see: %s --help", what, c.CommandPath())
		}
		return nil
	}
}

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
