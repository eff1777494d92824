package cli

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mailhaul/mailhaul/internal/api"
	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/migration"
)

func newBatchCommand(streams Streams) *cobra.Command {
	return newNoun(streams, "batch", "Work with batches of mailboxes",
		newBatchListCommand, newBatchShowCommand, newBatchCreateCommand, newBatchAddCommand, newBatchSetCommand,
		batchVerbCommand("preflight", "Try every mailbox without copying: sign in at both ends and look"),
		batchVerbCommand("start", "Start a batch, go on with a stopped one, or retry what failed"),
		batchVerbCommand("stop", "Stop a batch; start goes on where it was"),
		batchVerbCommand("sync", "Bring what is new at the sources now"),
		newBatchCompleteCommand,
		newBatchApproveCommand, newBatchDeleteCommand, newBatchFoldersCommand, newBatchWatchCommand,
		newBatchHistoryCommand, newBatchEstimateCommand, newBatchHandoverCommand)
}

func newBatchListCommand(r *remote) *cobra.Command {
	return &cobra.Command{Use: "list", Short: "List batches", Args: noArgs, RunE: func(c *cobra.Command, _ []string) error {
		client, err := r.client()
		if err != nil {
			return err
		}
		batches, err := client.Batches(c.Context())
		if err != nil {
			return err
		}
		return r.print(batches, func() {
			rows := [][]string{}
			for _, b := range batches {
				n := b.Counts
				rows = append(rows, []string{b.Name, b.State, b.Source, b.Target, strconv.Itoa(n.Total), strconv.Itoa(n.Synced), strconv.Itoa(n.Closed),
					strconv.Itoa(n.Failed), strconv.Itoa(n.Running), moment(b.LastSynced)})
			}
			r.grid([]string{"batch", "state", "source", "target", "mailboxes", "synced", "completed", "failed", "running", "last synced"}, rows)
		})
	}}
}

func newBatchShowCommand(r *remote) *cobra.Command {
	return &cobra.Command{Use: "show NAME", Short: "Show a batch", Args: oneArg("name of the batch"), RunE: func(c *cobra.Command, args []string) error {
		return r.withBatch(func(client *api.Client) (control.Batch, error) { return client.Batch(c.Context(), args[0]) })
	}}
}

// withBatch asks for a batch and shows it.
func (r *remote) withBatch(ask func(*api.Client) (control.Batch, error)) error {
	client, err := r.client()
	if err != nil {
		return err
	}
	b, err := ask(client)
	if err != nil {
		return err
	}
	return r.print(b, func() { r.showBatch(b) })
}

func (r *remote) showBatch(b control.Batch) {
	r.facts("batch", b.Name, "state", b.State, "source", b.Source, "target", b.Target,
		"exclude", strings.Join(b.Exclude, ", "), "include", strings.Join(b.Include, ", "),
		"received from", moment(b.ReceivedFrom), "received before", moment(b.ReceivedBefore),
		"labels", b.Labels, "starts after", moment(b.StartAfter), "completes after", moment(b.CompleteAfter), "which waits", strings.Join(b.CompletionWaits, " "),
		"passes every", length(b.IntervalSeconds), "reports every", cmp.Or(length(b.ReportIntervalSeconds), "never"), "reports to", strings.Join(b.Notify, ", "),
		"created", moment(b.Created)+" by "+b.CreatedBy, "started", moment(b.Started), "initial copies done", moment(b.InitialDone), "which took", length(b.InitialSeconds),
		"last synced", moment(b.LastSynced), "completed", moment(b.Completed), "mailboxes", strconv.Itoa(b.Counts.Total))
	states := make([]string, 0, len(b.States))
	for _, state := range migration.MailboxStates() {
		if n := b.States[string(state)]; n > 0 {
			states = append(states, fmt.Sprintf("%d %s", n, state))
		}
	}
	r.facts("", "", "of them", strings.Join(states, ", "))
	if f := b.Figures; f != nil {
		score := f.Score
		if n := b.Counts.Failed; n > 0 && score != "" {
			score = fmt.Sprintf("%s, without %d failed", score, n)
		}
		r.facts("score", score, "copied", fmt.Sprintf("%d messages, %s", f.Moved, byteSize(f.MovedBytes)),
			"left out", fmt.Sprintf("%d messages, %d of them approved", f.Skipped, f.Approved), "under way", figuresUnderWay(*f))
	}
	r.facts("may be asked", strings.Join(b.Verbs, ", "))
}

func figuresUnderWay(f control.Figures) string {
	if f.PassMessagesTotal == 0 && f.BytesPerSecond == 0 {
		if f.RemainingSeconds > 0 {
			return "paused, " + length(f.RemainingSeconds) + " left"
		}
		return ""
	}
	text := fmt.Sprintf("%d/%d messages, %s, %s/s", f.PassMessages, f.PassMessagesTotal, byteSize(f.PassBytes), byteSize(f.BytesPerSecond))
	if f.RemainingSeconds > 0 {
		text += ", " + length(f.RemainingSeconds) + " left"
	}
	return text
}

// batchFlags are the options of a batch on a command line.
type batchFlags struct {
	spec                                                   control.BatchSpec
	receivedFrom, receivedBefore, startAfter, completAfter string
	interval, reportInterval                               time.Duration
	passwordFile                                           string
}

const defaultInterval = 24 * time.Hour

func (f *batchFlags) registerEditable(flags *pflag.FlagSet) {
	flags.StringSliceVar(&f.spec.Notify, "notify", nil, "`ADDRESS` that gets the reports (several)")
	flags.StringVar(&f.startAfter, "start-after", "", "`TIME` before which it does not start, such as 2026-08-01T20:00:00+02:00")
	flags.StringVar(&f.completAfter, "complete-after", "", "`TIME` after which it completes by itself")
	flags.DurationVar(&f.interval, "interval", defaultInterval, "time between passes of a mailbox, 5m to 24h")
	flags.DurationVar(&f.reportInterval, "report-interval", defaultInterval, "time between reports; 0 is never")
}

// when reads a time; "" is none.
func when(name, text string) (*time.Time, error) {
	if text == "" {
		return nil, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return &t, nil
		}
	}
	return nil, usageError("--%s: want a time such as 2026-08-01, 2026-08-01T20:00 or 2026-08-01T20:00:00+02:00", name)
}

func (f *batchFlags) times() (err error) {
	for _, t := range []struct {
		name, text string
		into       **time.Time
	}{{"received-from", f.receivedFrom, &f.spec.ReceivedFrom}, {"received-before", f.receivedBefore, &f.spec.ReceivedBefore},
		{"start-after", f.startAfter, &f.spec.StartAfter}, {"complete-after", f.completAfter, &f.spec.CompleteAfter}} {
		var wrong error
		*t.into, wrong = when(t.name, t.text)
		err = errors.Join(err, wrong)
	}
	seconds := func(d time.Duration) *int64 { n := int64(d.Seconds()); return &n }
	f.spec.IntervalSeconds, f.spec.ReportIntervalSeconds = seconds(f.interval), seconds(f.reportInterval)
	return err
}

func newBatchCreateCommand(r *remote) *cobra.Command {
	f := &batchFlags{}
	command := &cobra.Command{
		Use: "create FILE", Short: "Create a batch of a migration file",
		Long: `Creates a batch of a migration file, after saying how many mailboxes it has. With a
problem in the file nothing is created, unless --skip-bad says so. Nothing is copied
before the batch is started.
` + folderHelp,
		Example: "  mailhaul batch create pilot.csv --source old --target new --check-only\n  mailhaul batch create pilot.csv --source old --target new --start",
		Args:    oneArg("migration file"),
		RunE:    func(c *cobra.Command, args []string) error { return r.createBatch(c.Context(), f, args[0]) },
	}
	flags := command.Flags()
	flags.StringVar(&f.spec.Name, "name", "", "`NAME` of the batch (default: that of the file)")
	flags.StringVar(&f.spec.Source, "source", "", "`ENDPOINT` to read from")
	flags.StringVar(&f.spec.Target, "target", "", "`ENDPOINT` to write to")
	flags.StringArrayVar(&f.spec.Exclude, "exclude", nil, "`FOLDER` to leave out (several)")
	flags.StringArrayVar(&f.spec.Include, "include", nil, "only this `FOLDER` (several)")
	flags.StringVar(&f.spec.Labels, "labels", "", labelsHelp)
	flags.StringVar(&f.receivedFrom, "received-from", "", "only messages received at this `TIME` or later")
	flags.StringVar(&f.receivedBefore, "received-before", "", "only messages received before this `TIME`")
	flags.StringVar(&f.passwordFile, "target-password-file", "", "`FILE` whose first line is the password at the target of all rows without one")
	flags.BoolVar(&f.spec.AutoStart, "start", false, "start it at once, or at --start-after")
	registerSkipBad(flags, &f.spec.SkipBad, "leave bad rows out and take the others")
	flags.BoolVar(&f.spec.AllowUnknownColumns, "allow-unknown-columns", false, "leave columns out whose name is not known")
	flags.BoolVar(&f.spec.CheckOnly, "check-only", false, "only say what the file holds and what is wrong with it")
	flags.IntVar(&f.spec.First, "first", 0, firstHelp)
	f.registerEditable(flags)
	return command
}

const firstHelp = "take only the first `N` of the good rows that are new; 0 is all"

func (r *remote) createBatch(ctx context.Context, f *batchFlags, path string) error {
	if err := f.times(); err != nil {
		return err
	}
	if f.passwordFile != "" {
		password, err := readPasswordFile("--target-password-file", f.passwordFile)
		if err != nil {
			return err
		}
		f.spec.TargetPassword = control.Password(password.Reveal())
	}
	for side, name := range map[string]string{"source": f.spec.Source, "target": f.spec.Target} {
		if name == "" {
			return usageError("--%s: name the endpoint; mailhaul endpoint list shows them", side)
		}
	}
	client, err := r.client()
	if err != nil {
		return err
	}
	file, size, err := openMigrationFile(path)
	if err != nil {
		return err
	}
	defer file.Close()
	f.spec.FileName, f.spec.FileBytes = path, size
	created, err := client.CreateBatch(ctx, f.spec, file, rand.Text())
	if err != nil {
		return r.fileTrouble(path, err)
	}
	err = r.print(created, func() {
		r.showFile(path, created.File)
		if b := created.Batch; b != nil {
			r.say("batch %s is made, with %s: %s", b.Name, counted(b.Counts.Total, "mailbox", "mailboxes"), b.State)
		}
	})
	if err == nil && created.Batch == nil && created.File != nil && created.File.Errors > 0 {
		return &exitError{status: exitUsage}
	}
	return err
}

func openMigrationFile(path string) (*os.File, int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, usageError("migration file: %w", err)
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		file.Close()
		return nil, 0, usageError("migration file: %s is not a file", path)
	}
	return file, info.Size(), nil
}

// fileTrouble prints what is wrong with a file before the error itself.
func (r *remote) fileTrouble(path string, err error) error {
	var p *api.Problem
	if errors.As(err, &p) && p.File != nil {
		if r.json {
			_ = writeJSON(r.streams.Out, p)
		} else {
			r.showFile(path, p.File)
			p.Fields = nil // told with the file
		}
	}
	return err
}

// showFile says what a migration file holds.
func (r *remote) showFile(path string, file *control.FileSummary) {
	if file == nil {
		return
	}
	for _, p := range file.Problems {
		r.say("%s: %s", path, migration.SafeText(p.String()))
	}
	r.say("%s: %s, %s, %s", path, counted(file.Mailboxes, "mailbox", "mailboxes"), counted(file.Errors, "error", "errors"), counted(file.Warnings, "warning", "warnings"))
	if file.Taken < file.Mailboxes && file.Taken > 0 {
		r.say("%s: %d of them are taken", path, file.Taken)
	}
}

func newBatchAddCommand(r *remote) *cobra.Command {
	o := &control.FileOptions{}
	command := &cobra.Command{Use: "add NAME FILE", Short: "Add the new rows of a migration file to a batch", Args: someArgs("NAME FILE", 2),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := r.client()
			if err != nil {
				return err
			}
			file, _, err := openMigrationFile(args[1])
			if err != nil {
				return err
			}
			defer file.Close()
			o.FileName = args[1]
			added, err := client.AddMailboxes(c.Context(), args[0], *o, file)
			if err != nil {
				return r.fileTrouble(args[1], err)
			}
			return r.print(added, func() {
				r.showFile(args[1], added.File)
				r.say("%d added, %d were there already", added.Added, added.Known)
			})
		}}
	registerSkipBad(command.Flags(), &o.SkipBad, "leave bad rows out and take the others")
	command.Flags().BoolVar(&o.AllowUnknownColumns, "allow-unknown-columns", false, "leave columns out whose name is not known")
	command.Flags().BoolVar(&o.CheckOnly, "check-only", false, "only say what the file holds")
	command.Flags().IntVar(&o.First, "first", 0, firstHelp)
	return command
}

func newBatchSetCommand(r *remote) *cobra.Command {
	f := &batchFlags{}
	command := &cobra.Command{Use: "set NAME", Short: "Change a batch", Args: oneArg("name of the batch"),
		Long: "Changes what the flags name. An empty time takes a time away. A shorter interval counts from now on:\nno mailbox waits longer for its next pass, unless a server has asked for a pause.\n",
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.times(); err != nil {
				return err
			}
			change, none := control.BatchPatch{}, time.Time{}
			c.Flags().Visit(func(flag *pflag.Flag) {
				switch flag.Name {
				case "notify":
					change.Notify = &f.spec.Notify
				case "start-after":
					change.StartAfter = cmp.Or(f.spec.StartAfter, &none)
				case "complete-after":
					change.CompleteAfter = cmp.Or(f.spec.CompleteAfter, &none)
				case "interval":
					change.IntervalSeconds = f.spec.IntervalSeconds
				case "report-interval":
					change.ReportIntervalSeconds = f.spec.ReportIntervalSeconds
				}
			})
			if change == (control.BatchPatch{}) {
				return usageError("nothing to change; see: %s --help", c.CommandPath())
			}
			return r.withBatch(func(client *api.Client) (control.Batch, error) {
				return client.SetBatch(c.Context(), args[0], change, 0)
			})
		}}
	f.registerEditable(command.Flags())
	return command
}

// batchVerbCommand makes the command of a verb that needs nothing but the batch's name.
func batchVerbCommand(verb, short string) func(*remote) *cobra.Command {
	return func(r *remote) *cobra.Command {
		return &cobra.Command{Use: verb + " NAME", Short: short, Args: oneArg("name of the batch"), RunE: func(c *cobra.Command, args []string) error {
			client, err := r.client()
			if err != nil {
				return err
			}
			b, err := client.AskBatch(c.Context(), args[0], verb)
			if err != nil {
				return err
			}
			return r.print(b, func() { r.sayAsked(b, verb) })
		}}
	}
}

// sayAsked says what a batch is in after a verb, and where to look on.
func (r *remote) sayAsked(b control.Batch, verb string) {
	r.say("batch %s: %s", b.Name, b.State)
	if verb == "preflight" {
		fmt.Fprintf(r.streams.Err, "the mailboxes are being tried; see what came of it: mailhaul mailbox list %s\n", quoted(b.Name))
	}
}

func newBatchCompleteCommand(r *remote) *cobra.Command {
	var yes bool
	command := batchVerbCommand("complete", "Make a final pass of every mailbox, then destroy the passwords")(r)
	command.Long = `Makes a final pass of every mailbox and destroys the passwords of the batch: it cannot
be started again. At a terminal it asks for the name once more, unless --yes is said.
Where the server watches a domain of the batch ("mailhaul cutover") and mail may still
arrive at the old system, it says so and wants the name in any case: typed, or with
--despite-cutover.
`
	ask, careful := command.RunE, guardOfCompleting()
	command.RunE = func(c *cobra.Command, args []string) error {
		client, err := r.client()
		if err != nil {
			return err
		}
		asked, err := careful.ofBatch(c.Context(), r, client, args[0])
		if err != nil {
			return err
		}
		if isTerminal(r.streams.In) && !asked {
			if err := r.confirm(yes, "complete", args[0]); err != nil {
				return err
			}
		}
		return ask(c, args)
	}
	command.Flags().BoolVar(&yes, "yes", false, "do not ask")
	careful.register(command, "`NAME` of the batch")
	return command
}

func newBatchApproveCommand(r *remote) *cobra.Command {
	var reason string
	command := &cobra.Command{Use: "approve NAME", Short: "Accept the messages that were left out", Args: oneArg("name of the batch"), RunE: func(c *cobra.Command, args []string) error {
		return r.withBatch(func(client *api.Client) (control.Batch, error) {
			return client.ApproveBatch(c.Context(), args[0], reason)
		})
	}}
	command.Flags().StringVar(&reason, "reason", "", "why; it goes to the audit log")
	return command
}

func newBatchDeleteCommand(r *remote) *cobra.Command {
	var forget, yes bool
	careful := guardOfDeleting()
	command := &cobra.Command{Use: "delete NAME", Short: "Delete a batch", Args: oneArg("name of the batch"),
		Long: `Stops the batch and removes its records and passwords. Migrated mail stays, and so
does the ledger, so that a batch that is made anew copies nothing twice. It asks for
the name once more, or takes --yes. Where the server watches a domain of the batch
("mailhaul cutover") and mail may still arrive at the old system, it says so and wants
the name in any case: typed, or with --despite-cutover.
`,
		RunE: func(c *cobra.Command, args []string) error {
			if !yes && !isTerminal(r.streams.In) {
				return r.confirm(yes, "delete", args[0])
			}
			client, err := r.client()
			if err != nil {
				return err
			}
			asked, err := careful.ofBatch(c.Context(), r, client, args[0])
			if err == nil && !asked {
				err = r.confirm(yes, "delete", args[0])
			}
			if err != nil {
				return err
			}
			if err := client.DeleteBatch(c.Context(), args[0], forget); err != nil {
				return err
			}
			r.say("batch %s is being removed", args[0])
			return nil
		}}
	command.Flags().BoolVar(&forget, "forget", false, "forget what was copied, too")
	command.Flags().BoolVar(&yes, "yes", false, "do not ask")
	careful.register(command, "`NAME` of the batch")
	return command
}

func newBatchFoldersCommand(r *remote) *cobra.Command {
	rules := &control.FolderRules{}
	command := &cobra.Command{Use: "folders NAME ADDRESS", Short: "Show what folder rules hit in a mailbox", Args: someArgs("NAME ADDRESS", 2),
		Long: "Without --exclude and --include the rules of the batch are shown.\n" + folderHelp,
		RunE: func(c *cobra.Command, args []string) error {
			client, err := r.client()
			if err != nil {
				return err
			}
			hits, err := client.PreviewFolders(c.Context(), args[0], args[1], *rules)
			if err != nil {
				return err
			}
			return r.print(hits, func() {
				rows := [][]string{}
				for _, hit := range hits {
					taken := "left out"
					if hit.Taken {
						taken = "taken"
					}
					rows = append(rows, []string{hit.Folder, taken, hit.Rule, strconv.FormatInt(hit.Messages, 10)})
				}
				r.grid([]string{"folder", "", "by rule", "messages"}, rows)
			})
		}}
	command.Flags().StringArrayVar(&rules.Exclude, "exclude", nil, "`FOLDER` to leave out (several)")
	command.Flags().StringArrayVar(&rules.Include, "include", nil, "only this `FOLDER` (several)")
	return command
}

// someArgs wants so many arguments.
func someArgs(what string, n int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return usageError("want %s\n  see: %s --help", what, c.CommandPath())
		}
		return nil
	}
}

// resting are the states of a batch in which nothing follows by itself soon.
var resting = []string{"Created", "Waiting", "Stopped", "Synced", "SyncedWithErrors", "Completed", "CompletedWithErrors", "Failed", "Corrupted"}

func isResting(b control.Batch) bool {
	return slices.Contains(resting, b.State) && b.Counts.Running == 0
}
