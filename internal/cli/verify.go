package cli

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
)

type verifyFlags struct {
	moveFlags
	allLines bool
}

func newVerifyCommand(streams Streams) *cobra.Command {
	flags := &verifyFlags{}
	var sampleText string
	command := &cobra.Command{
		Use:   "verify --source URL --target URL",
		Short: "Prove that the target holds what the source holds",
		Long: `Compares source and target by count, by the ledger's map, by date and flags, and
by the bytes of a sample. It writes nothing to either side. Where there is no ledger,
messages are recognised by their bytes and date alone, and none is made.

Each line begins with a symbol:
  =  a folder is the same on both sides
  +  at the source, but not at the target
  -  at the target twice
  *  on both sides, but not the same or not in the same folder
  !  could not be compared
Mail that only the target has, such as what was delivered there, is no difference.
Where more than ten messages of a folder differ alike, the first one stands for all,
with their number; --all-lines and --json have each.
` + folderHelp + addressHelp,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			sample, err := mailsync.ParseSample(sampleText)
			if err != nil {
				return usageError("--sample: %w", err)
			}
			return runVerify(c.Context(), flags, sample, streams)
		},
	}
	flags.register(command.Flags())
	command.Flags().StringVar(&sampleText, "sample", "all", "messages whose bytes are compared: all, none, 5% at random, 2/7 (the second of seven parts) or 500M a folder")
	command.Flags().BoolVar(&flags.allLines, "all-lines", false, "print every difference, also where many of a folder say the same")
	return command
}

// verified is one mailbox in JSON.
type verified struct {
	Mailbox     string     `json:"emailAddress"`
	Complete    bool       `json:"complete"`
	Folders     int        `json:"folders"`
	Equal       int        `json:"equal"`
	Read        int        `json:"read"`
	Differences int        `json:"differences"`
	Others      int        `json:"others"`
	Lines       []compared `json:"lines"`
	Error       string     `json:"error,omitempty"`
}

// compared is one line of the comparison in JSON.
type compared struct {
	Symbol string        `json:"symbol"`
	Folder string        `json:"folder"`
	UID    migration.UID `json:"uid,omitempty"`
	Reason string        `json:"reason"`
	Remedy string        `json:"remedy,omitempty"`
}

func runVerify(ctx context.Context, flags *verifyFlags, sample mailsync.Sample, streams Streams) error {
	m, err := newMover(ctx, &flags.moveFlags, streams)
	if err != nil {
		return err
	}
	defer m.trace.close()
	ledgers, release, err := m.openLedger(ctx, false, "messages are recognised by their bytes and date alone")
	if err != nil {
		return err
	}
	defer release()
	c := &comparer{mover: m, options: flags, sample: sample, ledgers: ledgers,
		results: make([]verified, len(m.tasks)), errs: make([]error, len(m.tasks)), used: map[string]bool{}}
	for i, t := range m.tasks {
		c.results[i] = verified{Mailbox: t.address, Lines: []compared{}}
	}
	m.each(ctx, func(i int, t task) { c.errs[i] = c.compare(ctx, t, &c.results[i]) })
	if !flags.json {
		printLegend(streams.Err, c.results)
	}
	c.warnOfIdleRules()
	return c.conclude(ctx)
}

// comparer is one run of verify.
type comparer struct {
	*mover
	options *verifyFlags
	sample  mailsync.Sample
	ledgers *store.Store
	results []verified
	errs    []error
	// sharing guards the output, of which a mailbox has a stretch for itself,
	// and the rules used.
	sharing sync.Mutex
	used    map[string]bool
}

func (c *comparer) compare(ctx context.Context, t task, result *verified) error {
	job, err := c.job(ctx, c.ledgers, &t)
	if err != nil {
		return err
	}
	found, err := mailsync.Verify(ctx, job, c.sample, func(d mailsync.Difference) {
		line := compared{string(d.Symbol), d.Folder, d.UID, d.Reason, d.Remedy()}
		result.Lines = append(result.Lines, line)
		if c.isProgress(line) {
			fmt.Fprintln(c.streams.Out, line)
		}
	})
	c.sharing.Lock()
	defer c.sharing.Unlock()
	for _, rule := range found.RulesUsed {
		c.used[rule] = true
	}
	if !c.options.json {
		c.printLines(t, result.Lines)
	}
	if err == nil && found.Folders == 0 && c.hasRules() {
		err = c.noteNothing(job)
	}
	result.Complete = err == nil
	result.Folders, result.Equal, result.Read, result.Differences, result.Others = found.Folders, found.Equal, found.Read, found.Differences, found.Others
	return err
}

// warnOfIdleRules is silent where nothing was compared: that is told of itself.
func (c *comparer) warnOfIdleRules() {
	if slices.ContainsFunc(c.results, func(r verified) bool { return r.Folders > 0 }) {
		c.mover.warnOfIdleRules(c.used)
	}
}

// mostAlike is how many lines of one folder that say the same are printed one by
// one.
const mostAlike = 10

// printLines prints the lines of a mailbox, with its name when there are several.
// More than a few of one folder that say the same become one.
func (c *comparer) printLines(t task, lines []compared) {
	alike := map[compared]int{}
	for _, line := range lines {
		alike[line.kind()]++
	}
	told := map[compared]bool{}
	for _, line := range lines {
		if c.isProgress(line) {
			continue
		}
		kind := line.kind()
		if n := alike[kind]; n > mostAlike && !c.options.allLines {
			if told[kind] {
				continue
			}
			told[kind] = true
			line.Reason = fmt.Sprintf("%s (so are %d more; --all-lines lists them)", line.Reason, n-1)
		}
		if len(c.tasks) > 1 {
			line.Folder = t.address + " " + line.Folder
		}
		fmt.Fprintln(c.streams.Out, line)
	}
}

// isProgress reports whether a line is printed at once: of a single mailbox, equal
// folders show how far it is.
func (c *comparer) isProgress(line compared) bool {
	return len(c.tasks) == 1 && line.Symbol == string(mailsync.Equal) && !c.options.json
}

// numbers are those of messages, in which lines that say the same differ.
var numbers = regexp.MustCompile(`uid \d+`)

// kind is the line without what tells one message from another.
func (l compared) kind() compared {
	l.UID, l.Reason = 0, numbers.ReplaceAllString(l.Reason, "uid")
	return l
}

// String is the line as it is printed.
func (l compared) String() string {
	if l.UID == 0 {
		return fmt.Sprintf("%s %s: %s", l.Symbol, l.Folder, l.Reason)
	}
	return fmt.Sprintf("%s %s uid %d: %s", l.Symbol, l.Folder, l.UID, l.Reason)
}

// printLegend says once what to do about each kind of difference.
func printLegend(w io.Writer, results []verified) {
	told := map[string]bool{}
	for _, r := range results {
		for _, line := range r.Lines {
			if line.Remedy != "" && !told[line.Remedy] {
				told[line.Remedy] = true
				fmt.Fprintf(w, "what to do about %s: %s\n", line.Symbol, line.Remedy)
			}
		}
	}
}

// conclude prints the summary and chooses the exit status.
func (c *comparer) conclude(ctx context.Context) error {
	all, status := verified{Mailbox: counted(len(c.results), "mailbox", "mailboxes")}, exitDone
	for i, err := range c.errs {
		all.add(c.results[i])
		if err == nil {
			continue
		}
		c.results[i].Error = err.Error()
		status = worse(status, statusOf(err))
		if len(c.errs) > 1 {
			fmt.Fprintf(c.streams.Err, "%s: %s\n", c.tasks[i].address, explain(err))
		}
	}
	if err := c.print(all); err != nil {
		return err
	}
	switch {
	case len(c.errs) == 1 && c.errs[0] != nil:
		return c.errs[0]
	case ctx.Err() != nil:
		return &exitError{exitInterrupted, &migration.Fault{Class: migration.Stop, Code: migration.CodeInterrupted,
			Doing: "verifying was interrupted", Remedy: "Run the same command again; it begins anew."}}
	}
	if all.Differences > 0 {
		status = worse(status, exitDifferences)
	}
	if all.Folders == 0 && c.hasRules() {
		status = worse(status, exitUsage)
	}
	if status != exitDone {
		return &exitError{status: status}
	}
	return nil
}

func (c *comparer) print(all verified) error {
	if c.options.json {
		return writeJSON(c.streams.Out, map[string]any{"mailboxes": c.results, "differences": all.Differences})
	}
	for _, r := range c.results {
		if r.Complete {
			fmt.Fprintln(c.streams.Out, r)
		} else {
			fmt.Fprintf(c.streams.Out, "%s: not verified to the end\n", r.Mailbox)
		}
	}
	if len(c.results) > 1 {
		fmt.Fprintln(c.streams.Out, all)
	}
	return nil
}

// add sums up.
func (v *verified) add(r verified) {
	v.Folders, v.Equal, v.Read = v.Folders+r.Folders, v.Equal+r.Equal, v.Read+r.Read
	v.Differences, v.Others = v.Differences+r.Differences, v.Others+r.Others
}

// String is the result in a line.
func (v verified) String() string {
	return fmt.Sprintf("%s: %s, %s equal (%d read byte by byte), %s, %s at the target", v.Mailbox, counted(v.Folders, "folder", "folders"),
		counted(v.Equal, "message", "messages"), v.Read, counted(v.Differences, "difference", "differences"), counted(v.Others, "other", "others"))
}
