package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// Streams are where a command reads and writes. Err need not bear several writers
// at once.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// inTurn is a writer for several goroutines.
type inTurn struct {
	mu  sync.Mutex
	out io.Writer
}

func (w *inTurn) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.Write(p)
}

// Run executes a command line and returns the exit status.
func Run(ctx context.Context, args []string, streams Streams) int {
	if _, file := streams.Err.(*os.File); !file {
		streams.Err = &inTurn{out: streams.Err}
	}
	root := newRootCommand(streams)
	root.SetArgs(args)
	command, err := root.ExecuteContextC(ctx)
	inFlags(command, err)
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

copy moves one mailbox, or those of a file, here and now. serve runs a server that
migrates batches and keeps them in step; login, endpoint, batch, mailbox, report and
the like are its clients.

Try it without a server of your own:  mailhaul demo
`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(c, args[0])
			}
			return c.Help()
		},
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetVersionTemplate("mailhaul {{.Version}}\n")
	root.SetHelpTemplate(root.HelpTemplate() + exitHelp)
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.Err)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError("%w\n  see: %s --help", wrongValue(err), c.CommandPath())
	})
	root.AddCommand(newDiscoverCommand(streams), newCopyCommand(streams), newVerifyCommand(streams), newSurveyCommand(streams), newCSVCommand(streams), newImapsyncCommand(streams), newDemoCommand(streams), newVersionCommand(streams), newManCommand(streams),
		newServeCommand(streams), newHealthCommand(streams), newLoginCommand(streams), newEndpointCommand(streams), newBatchCommand(streams), newCutoverCommand(streams), newMailboxCommand(streams), newReportCommand(streams),
		newOperatorCommand(streams), newTokenCommand(streams), newAuditCommand(streams), newSessionCommand(streams), newSettingCommand(streams), newNodeCommand(streams), newKeysCommand(streams), newBackupCommand(streams))
	root.InitDefaultHelpCmd()
	refuseUnknownHelp(root)
	return root
}

// unknownCommand is the error of a word that is no command, with what was meant.
func unknownCommand(c *cobra.Command, word string) error {
	c.SuggestionsMinimumDistance = 2
	meant := ""
	if close := append(c.SuggestionsFor(word), commandsBelow(c, word)...); len(close) > 0 {
		meant = "\n  did you mean: " + strings.Join(close, ", ")
	}
	return usageError("unknown command %q%s\n  see: %s --help", word, meant, c.CommandPath())
}

// commandsBelow are the commands of that name that belong to a noun.
func commandsBelow(c *cobra.Command, name string) (found []string) {
	for _, noun := range c.Commands() {
		for _, verb := range noun.Commands() {
			if verb.Name() == name {
				found = append(found, noun.Name()+" "+name)
			}
		}
	}
	return found
}

// refuseUnknownHelp makes help about what is no command an error, as the command
// itself is.
func refuseUnknownHelp(root *cobra.Command) {
	for _, c := range root.Commands() {
		if c.Name() != "help" {
			continue
		}
		c.Args = func(_ *cobra.Command, words []string) error {
			found, rest, err := root.Find(words)
			if err == nil && len(rest) > 0 && (found == root || found.HasSubCommands()) {
				return unknownCommand(found, rest[0])
			}
			return err
		}
	}
}

// noArgs refuses arguments with the usage status. Of a command that has others, a word
// can only be meant as one of them.
func noArgs(c *cobra.Command, args []string) error {
	switch {
	case len(args) > 0 && c.HasSubCommands():
		return unknownCommand(c, args[0])
	case len(args) > 0:
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
