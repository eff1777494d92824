package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mailhaul/mailhaul/internal/api"
	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/migration"
)

func newMailboxCommand(streams Streams) *cobra.Command {
	return newNoun(streams, "mailbox", "Work with the mailboxes of a batch",
		newMailboxListCommand, newMailboxShowCommand,
		mailboxVerbCommand("start", "Go on with a stopped mailbox, or retry a failed one"),
		mailboxVerbCommand("stop", "Stop a mailbox"),
		mailboxVerbCommand("retry", "Try a mailbox, and the messages that were left out, again"),
		mailboxVerbCommand("sync", "Bring what is new at the source now"),
		newMailboxApproveCommand, newMailboxRotateCommand, newMailboxDeleteCommand, newMailboxFindingsCommand, newMailboxMessageCommand,
		newMailboxFoldersCommand, newMailboxTranscriptCommand, newMailboxHandoverCommand)
}

func newMailboxListCommand(r *remote) *cobra.Command {
	q := &control.MailboxQuery{}
	command := &cobra.Command{Use: "list [BATCH]", Short: "List mailboxes", Args: cobra.MaximumNArgs(1), RunE: func(c *cobra.Command, args []string) error {
		if len(args) == 1 {
			q.Batch = args[0]
		}
		client, err := r.client()
		if err != nil {
			return err
		}
		mailboxes := []control.Mailbox{}
		for m, err := range client.Mailboxes(c.Context(), *q) {
			if err != nil {
				return err
			}
			mailboxes = append(mailboxes, m)
		}
		return r.print(mailboxes, func() { r.listMailboxes(mailboxes) })
	}}
	command.Flags().StringSliceVar(&q.States, "state", nil, "only those in this `STATE`, such as Failed (several)")
	command.Flags().StringVar(&q.Search, "search", "", "only those with this `TEXT` in their address")
	command.Flags().BoolVar(&q.LeftOut, "left-out", false, "only those with messages that were left out")
	command.Flags().BoolVar(&q.NotReady, "not-ready", false, "only those that the last preflight found not ready")
	return command
}

func (r *remote) listMailboxes(mailboxes []control.Mailbox) {
	rows := [][]string{}
	for _, m := range mailboxes {
		rows = append(rows, []string{m.Batch, m.Address, m.State, strconv.FormatInt(m.Progress.Moved, 10), byteSize(m.Progress.MovedBytes), strconv.Itoa(m.Skipped),
			m.Score, moment(m.LastSynced), reason(m)})
	}
	r.grid([]string{"batch", "mailbox", "state", "copied", "size", "left out", "score", "last synced", "why"}, rows)
}

// reason is why a mailbox is as it is: its trouble, what it waits for, or before its
// first pass what the preflight has found.
func reason(m control.Mailbox) string {
	switch p := m.Preflight; {
	case m.Trouble != nil:
		return m.Trouble.Reason
	case m.Waiting != "" || p == nil || m.Passes > 0:
		return m.Waiting
	case p.Trouble != nil:
		var told []string
		for _, t := range p.Troubles() {
			told = append(told, t.String())
		}
		return "preflight: " + strings.Join(told, "; ")
	case len(p.Warnings) > 0:
		return "preflight went well, with " + counted(len(p.Warnings), "warning", "warnings")
	default:
		return "preflight went well"
	}
}

func newMailboxShowCommand(r *remote) *cobra.Command {
	return &cobra.Command{Use: "show BATCH ADDRESS", Short: "Show a mailbox", Args: someArgs("BATCH ADDRESS", 2), RunE: func(c *cobra.Command, args []string) error {
		return r.withMailbox(func(client *api.Client) (control.Mailbox, error) {
			return client.Mailbox(c.Context(), args[0], args[1])
		})
	}}
}

// withMailbox asks for a mailbox and shows it.
func (r *remote) withMailbox(ask func(*api.Client) (control.Mailbox, error)) error {
	client, err := r.client()
	if err != nil {
		return err
	}
	m, err := ask(client)
	if err != nil {
		return err
	}
	return r.print(m, func() { r.showMailbox(m) })
}

func (r *remote) showMailbox(m control.Mailbox) {
	r.facts("batch", m.Batch, "mailbox", m.Address, "state", m.State, "at the source", m.SourceUser, "at the target", m.TargetUser, "root", m.UserRoot,
		"score", m.Score, "passes", strconv.Itoa(m.Passes), "copied", fmt.Sprintf("%d messages, %s", m.Progress.Moved, byteSize(m.Progress.MovedBytes)),
		"left out", fmt.Sprintf("%d messages, %d of them approved", m.Skipped, m.Approved), "pass", progressText(m), "node", m.Node,
		"next pass", moment(m.Due), "initial copy", moment(m.InitialDone), "last synced", moment(m.LastSynced),
		"queued", length(m.QueuedSeconds), "in progress", length(m.WorkedSeconds), "stalled", length(m.StalledSeconds))
	if t := m.Trouble; t != nil {
		r.facts("trouble", fmt.Sprintf("%s [%s]", t.Reason, t.Code), "what to do", t.Remedy, "tried again", moment(t.Until))
	}
	if p := m.Preflight; p != nil {
		r.facts("preflight", moment(p.At), "source came to", p.Source, "target came to", p.Target, "source holds", fmt.Sprintf("%d messages in %d folders, %s", p.Messages, p.Folders, byteSize(p.Bytes)))
		for _, t := range p.Troubles() {
			r.facts("it found", t.String(), "what to do", t.Remedy)
		}
		for _, f := range p.Warnings {
			r.facts("warning", strings.TrimSpace(place(f)+" "+f.Reason), "what to do", f.Remedy)
		}
	}
	rows := [][]string{}
	for _, f := range m.Progress.PerFolder {
		n := f.Messages
		rows = append(rows, []string{f.Source, f.Target, strconv.Itoa(n.Source), strconv.Itoa(n.Copied), strconv.Itoa(n.Present), strconv.Itoa(n.Skipped)})
	}
	if len(rows) > 0 {
		r.say("")
		r.grid([]string{"folder", "at the target", "source", "copied", "present", "left out"}, rows)
	}
	r.facts("may be asked", strings.Join(m.Verbs, ", "))
}

// mailboxVerbCommand makes the command of a verb, which may be asked of many.
func mailboxVerbCommand(verb, short string) func(*remote) *cobra.Command {
	return func(r *remote) *cobra.Command {
		actions := &control.MailboxActions{Verb: verb}
		command := &cobra.Command{Use: verb + " BATCH [ADDRESS...]", Short: short, Args: cobra.ArbitraryArgs,
			Long: "Of several mailboxes, or of those chosen with --state and --search, each is asked as if it\nwere alone. The exit status is 3 when one refused.\n",
			RunE: func(c *cobra.Command, args []string) error {
				chosen := len(actions.States) > 0 || actions.Search != ""
				if len(args) == 0 || len(args) == 1 && !chosen {
					return errNoMailbox(c)
				}
				if actions.Addresses = args[1:]; len(args) != 2 || chosen {
					return r.actOnMailboxes(c.Context(), args[0], *actions)
				}
				client, err := r.client()
				if err != nil {
					return err
				}
				m, err := client.AskMailbox(c.Context(), args[0], args[1], verb)
				if err != nil {
					return err
				}
				return r.print(m, func() { r.say("mailbox %s: %s", m.Address, m.State) })
			}}
		command.Flags().StringSliceVar(&actions.States, "state", nil, "those in this `STATE`, such as Failed (several)")
		command.Flags().StringVar(&actions.Search, "search", "", "those with this `TEXT` in their address")
		return command
	}
}

func newMailboxApproveCommand(r *remote) *cobra.Command {
	var reason string
	command := &cobra.Command{Use: "approve BATCH ADDRESS", Short: "Accept the messages that were left out", Args: someArgs("BATCH ADDRESS", 2),
		RunE: func(c *cobra.Command, args []string) error {
			return r.withMailbox(func(client *api.Client) (control.Mailbox, error) {
				return client.ApproveMailbox(c.Context(), args[0], args[1], reason)
			})
		}}
	command.Flags().StringVar(&reason, "reason", "", "why; it goes to the audit log")
	return command
}

func newMailboxRotateCommand(r *remote) *cobra.Command {
	var source, target string
	command := &cobra.Command{Use: "rotate BATCH ADDRESS", Short: "Give a mailbox new passwords", Args: someArgs("BATCH ADDRESS", 2),
		RunE: func(c *cobra.Command, args []string) error {
			passwords := control.Passwords{}
			for _, side := range []struct {
				flag, path string
				into       *control.Password
			}{{"--source-password-file", source, &passwords.Source}, {"--target-password-file", target, &passwords.Target}} {
				if side.path != "" {
					password, err := readPasswordFile(side.flag, side.path)
					if err != nil {
						return err
					}
					*side.into = control.Password(password.Reveal())
				}
			}
			if source == "" && target == "" {
				if err := r.askNewPassword(c.Context(), args[0], args[1], &passwords); err != nil {
					return err
				}
			}
			return r.withMailbox(func(client *api.Client) (control.Mailbox, error) {
				return client.RotateMailbox(c.Context(), args[0], args[1], passwords)
			})
		}}
	command.Flags().StringVar(&source, "source-password-file", "", "`FILE` whose first line is the new password at the source")
	command.Flags().StringVar(&target, "target-password-file", "", "`FILE` whose first line is the new password at the target")
	return command
}

// askNewPassword asks for the password at the source or, where it signs in there as the
// endpoint does, at the target. It asks nobody for one that has no use.
func (r *remote) askNewPassword(ctx context.Context, batch, address string, passwords *control.Passwords) error {
	client, err := r.client()
	if err != nil {
		return err
	}
	m, err := client.Mailbox(ctx, batch, address)
	if err != nil {
		return err
	}
	if len(m.Passwords) == 0 {
		return usageError("%s has no password of its own: both endpoints have one sign-in for all mailboxes; a new credential is given with endpoint set", migration.SafeText(address))
	}
	side, into := m.Passwords[0], &passwords.Source
	if side == string(control.TargetSide) {
		into = &passwords.Target
	}
	password, err := askPasswordOf(ctx, r.streams, "the "+side+" mailbox "+address, "give --"+side+"-password-file")
	*into = control.Password(password.Reveal())
	return err
}

func newMailboxDeleteCommand(r *remote) *cobra.Command {
	var yes bool
	careful := guardOfDeleting()
	command := &cobra.Command{Use: "delete BATCH ADDRESS", Short: "Delete a mailbox from its batch; migrated mail stays", Args: someArgs("BATCH ADDRESS", 2),
		Long: `Stops the mailbox and removes its records and passwords from the batch. Migrated mail
stays, and so does the ledger. It asks for the address once more, or takes --yes. Where
the server watches the domain of the address ("mailhaul cutover") and mail may still
arrive at the old system, it says so and wants the address in any case: typed, or with
--despite-cutover.
`,
		RunE: func(c *cobra.Command, args []string) error {
			if !yes && !isTerminal(r.streams.In) {
				return r.confirm(yes, "delete", args[1])
			}
			client, err := r.client()
			if err != nil {
				return err
			}
			asked, err := careful.ofMailbox(c.Context(), r, client, args[0], args[1])
			if err == nil && !asked {
				err = r.confirm(yes, "delete", args[1])
			}
			if err != nil {
				return err
			}
			if err := client.DeleteMailbox(c.Context(), args[0], args[1]); err != nil {
				return err
			}
			r.say("mailbox %s is being removed", args[1])
			return nil
		}}
	command.Flags().BoolVar(&yes, "yes", false, "do not ask")
	careful.register(command, "`ADDRESS` of the mailbox")
	return command
}

func newMailboxFindingsCommand(r *remote) *cobra.Command {
	return &cobra.Command{Use: "findings BATCH ADDRESS", Short: "List what was left out or changed", Args: someArgs("BATCH ADDRESS", 2), RunE: func(c *cobra.Command, args []string) error {
		client, err := r.client()
		if err != nil {
			return err
		}
		findings := []control.Finding{}
		for f, err := range client.Findings(c.Context(), args[0], args[1]) {
			if err != nil {
				return err
			}
			findings = append(findings, f)
		}
		return r.print(findings, func() {
			rows := [][]string{}
			for _, f := range findings {
				rows = append(rows, []string{f.ID, f.Code, place(f.Finding), f.Reason, f.Remedy, f.ApprovedBy})
			}
			r.grid([]string{"number", "code", "where", "reason", "what to do", "approved by"}, rows)
		})
	}}
}

func newMailboxMessageCommand(r *remote) *cobra.Command {
	var out string
	command := &cobra.Command{Use: "message BATCH ADDRESS NUMBER", Short: "Download the message of a finding from the source", Args: someArgs("BATCH ADDRESS NUMBER", 3),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := r.client()
			if err != nil {
				return err
			}
			body, err := client.Message(c.Context(), args[0], args[1], args[2])
			if err != nil {
				return err
			}
			return r.save(c.Context(), body, out)
		}}
	command.Flags().StringVarP(&out, "output", "o", "", "`FILE` to write instead of standard output")
	return command
}

// save writes what is read to a file, whole or not at all, or without a name to
// standard output.
func (r *remote) save(ctx context.Context, body io.ReadCloser, path string) error {
	defer body.Close()
	if path == "" {
		_, err := io.Copy(r.streams.Out, body)
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".mailhaul-*")
	if err != nil {
		return usageError("--output: %w", err)
	}
	defer func() { _ = os.Remove(file.Name()) }() // gone when it was renamed
	n, err := io.Copy(file, body)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	fmt.Fprintf(r.streams.Err, "%s: %s\n", migration.SafeText(path), byteSize(n))
	return nil
}
