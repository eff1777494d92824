package cli

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// actOnMailboxes asks for a verb of many mailboxes, and says which refused.
func (r *remote) actOnMailboxes(ctx context.Context, batch string, actions control.MailboxActions) error {
	client, err := r.client()
	if err != nil {
		return err
	}
	acted, err := client.ActOnMailboxes(ctx, batch, actions)
	if err != nil {
		return err
	}
	err = r.print(acted, func() {
		for _, refused := range acted.Refused {
			r.say("%s: %s", migration.SafeText(refused.Address), migration.SafeText(refused.Detail))
		}
		r.say("%s: %d done, %d refused", actions.Verb, acted.Done, acted.RefusedCount)
	})
	if err == nil && acted.RefusedCount > 0 {
		err = &exitError{exitSkipped, fmt.Errorf("%s refused", counted(acted.RefusedCount, "mailbox", "mailboxes"))}
	}
	return err
}

func newMailboxFoldersCommand(r *remote) *cobra.Command {
	return &cobra.Command{Use: "folders BATCH ADDRESS", Short: "Show how far the folders of a mailbox have come", Args: someArgs("BATCH ADDRESS", 2), RunE: func(c *cobra.Command, args []string) error {
		client, err := r.client()
		if err != nil {
			return err
		}
		folders, err := client.Folders(c.Context(), args[0], args[1])
		if err != nil {
			return err
		}
		return r.print(folders, func() {
			rows := [][]string{}
			for _, f := range folders {
				rows = append(rows, []string{f.Source, f.Target, strconv.FormatInt(f.SourceMessages, 10), strconv.FormatInt(f.Copied, 10), strconv.FormatInt(f.Skipped, 10), f.State})
			}
			r.grid([]string{"folder", "at the target", "source", "copied", "left out", "state"}, rows)
		})
	}}
}

func newMailboxTranscriptCommand(r *remote) *cobra.Command {
	return &cobra.Command{Use: "transcript BATCH ADDRESS", Short: "Show what was said to the servers in the last passes", Args: someArgs("BATCH ADDRESS", 2),
		Long: `Shows the commands and answers of the last three passes of a mailbox, the oldest first:
of each the beginning and the end, at most 64 kB, without passwords and messages. It has
the names of folders. A line has the seconds since the pass began, the side with the
number of its connection, and what the client (C) or the server (S) said.
`,
		RunE: func(c *cobra.Command, args []string) error {
			client, err := r.client()
			if err != nil {
				return err
			}
			passes, err := client.Transcripts(c.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			return r.print(passes, func() {
				for i := len(passes) - 1; i >= 0; i-- {
					p := passes[i]
					fmt.Fprintf(r.streams.Out, "== %s, %s pass, %.3f s\n%s", moment(p.At), p.Kind, p.Seconds, p.Text)
				}
			})
		}}
}

// errNoMailbox: a verb is asked of nobody.
func errNoMailbox(c *cobra.Command) error {
	return usageError("name the mailboxes, or choose them with --state or --search\n  see: %s --help", c.CommandPath())
}
