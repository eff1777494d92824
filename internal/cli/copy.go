package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/report"
	"github.com/mailhaul/mailhaul/internal/store"
)

type copyFlags struct {
	moveFlags
	dryRun        bool
	verify        string
	reportDir     string
	settle        time.Duration
	retrySkipped  bool
	acceptRebuilt bool
}

func newCopyCommand(streams Streams) *cobra.Command {
	flags := &copyFlags{}
	command := &cobra.Command{
		Use:   "copy --source URL --target URL",
		Short: "Copy one mailbox, or all of a migration file",
		Long: `Copies every message that was not copied before, and carries over the flags that
changed at the source since the last time. Nothing is ever deleted at the source,
and what a person moved, deleted or marked at the target stays as it is.

The ledger remembers what was copied: the same command goes on after an
interruption, and once everything is there it only brings what is new.

Ctrl-C stops: what is under way is finished first, which may take a while; a second
Ctrl-C ends at once. Nothing is lost either way.
` + folderHelp + addressHelp,
		Example: `  mailhaul copy --source imaps://anna@old.example.org --target imaps://anna@new.example.org
  mailhaul copy --csv mailboxes.csv --source imaps://old.example.org --target imaps://new.example.org --workers 8 --report out`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return runCopy(c.Context(), flags, streams)
		},
	}
	flags.register(command.Flags())
	command.Flags().IntVar(&flags.connections, "connections", 0, "connections to each side for one mailbox, at most (default 4, to Exchange 8, and to a target that has asked for a pause 2)")
	command.Flags().IntVar(&flags.unanswered, "target-unanswered", 0, "messages on their way to the target on one connection without an answer, at most (default no bound of its own, to Exchange 9: it ends a connection after ten refusals; more only while Microsoft has lifted your throttling)")
	command.Flags().BoolVar(&flags.dryRun, "dry-run", false, "only print what would be copied, folder by folder")
	command.Flags().StringVar(&flags.verify, "verify", "", "afterwards compare the bytes of this `SAMPLE`: all, 5%, 2/7 or 500M")
	command.Flags().StringVar(&flags.reportDir, "report", "", "write MigrationStatistics.csv, MigrationErrors.csv and report.html to `DIR`")
	command.Flags().DurationVar(&flags.settle, "settle", 0, "how long a target may take to finish what a cut interrupted, before it is searched (default: measured, at least 5s)")
	command.Flags().BoolVar(&flags.retrySkipped, "retry-skipped", false, "try messages again that were given up")
	command.Flags().BoolVar(&flags.acceptRebuilt, "accept-rebuilt", false, "go on although a rebuilt folder holds little of what was copied before")
	return command
}

// copier is one run of copy.
type copier struct {
	*mover
	options *copyFlags
	sample  mailsync.Sample
	ledgers *store.Store
	results []result
}

// result is what became of one mailbox.
type result struct {
	summary      mailsync.Summary
	verification *mailsync.Verification
	err          error
	took         time.Duration
	begun        bool
	// nothing: the rules leave no folder of it.
	nothing bool
}

func runCopy(ctx context.Context, flags *copyFlags, streams Streams) error {
	sample, err := mailsync.ParseSample(flags.verify)
	if err != nil {
		return usageError("--verify: %w", err)
	}
	if flags.settle < 0 {
		return usageError("--settle %s: want a duration such as 5s", flags.settle)
	}
	if flags.dryRun && (flags.verify != "" || flags.reportDir != "") {
		return usageError("--dry-run copies nothing, so there is nothing for --verify or --report; leave them out")
	}
	m, err := newMover(ctx, &flags.moveFlags, streams)
	if err != nil {
		return err
	}
	defer m.trace.close()
	if flags.reportDir != "" {
		if err := report.CheckDir(flags.reportDir); err != nil {
			return usageError("--report: %w", err)
		}
	}
	if err := m.greetBoth(ctx); err != nil {
		return err
	}
	ledgers, release, err := m.openLedger(ctx, !flags.dryRun, "nothing counts as copied before")
	if err != nil {
		return err
	}
	defer release()
	c := &copier{mover: m, options: flags, sample: sample, ledgers: ledgers, results: make([]result, len(m.tasks))}
	started := time.Now()
	c.run(ctx)
	c.warnOfIdleRules()
	return c.conclude(ctx, started)
}

// run copies every mailbox while showing progress.
func (c *copier) run(ctx context.Context) {
	show := newDisplay(c.streams, c.log, len(c.tasks))
	defer show.close()
	show.tellStop(ctx, c.streams)
	c.each(ctx, func(i int, t task) {
		begun := time.Now()
		c.results[i] = c.copyOne(ctx, t, show)
		c.results[i].took, c.results[i].begun = time.Since(begun), true
		show.done.Add(1)
	})
}

func (c *copier) copyOne(ctx context.Context, t task, show *display) (r result) {
	job, err := c.job(ctx, c.ledgers, &t)
	if err != nil {
		return result{err: err}
	}
	job.Settle, job.RetrySkipped, job.AcceptRebuilt = c.options.settle, c.options.retrySkipped, c.options.acceptRebuilt
	job.Log = show.log.With("mailbox", t.address)
	if c.options.dryRun {
		r.summary, r.err = mailsync.Preview(ctx, job)
		c.checkRules(&r, job)
		return r
	}
	bar := show.follow(t.address, job.Progress)
	bar.ends(func(left int64) time.Time { return earliestEnd(t.source.allowance, t.target.allowance, left) })
	defer func() { bar.done(r.err) }()
	r.summary, r.err = mailsync.Run(ctx, job)
	c.checkRules(&r, job)
	if r.err == nil && c.options.verify != "" {
		bar.verifying(r.summary.Folders)
		job.Log = nil // it has told already what it would tell again
		verification, err := mailsync.Verify(ctx, job, c.sample, func(d mailsync.Difference) {
			if d.Symbol != mailsync.Equal {
				r.summary.Findings = append(r.summary.Findings, difference(d))
			} else {
				bar.verified.Add(1)
			}
		})
		r.verification, r.err = &verification, err
	}
	return r
}

// checkRules makes a finding of rules that leave nothing to copy, unless they
// are an error.
func (c *copier) checkRules(r *result, job mailsync.Job) {
	if r.err != nil || r.summary.Folders > 0 || !c.hasRules() {
		return
	}
	r.nothing = true
	if r.err = c.noteNothing(job); r.err != nil {
		return
	}
	fault := c.nothingLeft()
	r.summary.Findings = append(r.summary.Findings, migration.Finding{Code: fault.Code, Reason: fault.Error(), Remedy: fault.Remedy})
}

// warnOfIdleRules is silent where nothing was copied: that is told of itself.
func (c *copier) warnOfIdleRules() {
	used, some := map[string]bool{}, false
	for _, r := range c.results {
		some = some || r.summary.Folders > 0
		for _, rule := range r.summary.RulesUsed {
			used[rule] = true
		}
	}
	if some {
		c.mover.warnOfIdleRules(used)
	}
}

// difference is a line of a verification as a finding.
func difference(d mailsync.Difference) migration.Finding {
	f := migration.Finding{Code: migration.CodeDifference, Folder: d.Folder, UID: d.UID, Reason: fmt.Sprintf("%c %s", d.Symbol, d.Reason), Remedy: d.Remedy()}
	if d.Symbol == mailsync.OnlyThere {
		f.UID, f.Reason = 0, fmt.Sprintf("%c uid %d at the target %s", d.Symbol, d.UID, d.Reason)
	}
	return f
}

// conclude prints the summary, writes the reports and chooses the exit status.
func (c *copier) conclude(ctx context.Context, started time.Time) error {
	summary := c.summary(started)
	if c.options.dryRun {
		if err := c.printPlan(summary); err != nil {
			return err
		}
	} else if err := c.print(summary); err != nil {
		return err
	}
	if c.options.reportDir != "" {
		if err := report.WriteDir(c.options.reportDir, summary); err != nil {
			return fmt.Errorf("writing the reports: %w", err)
		}
	}
	return c.verdict(ctx)
}

// summary is the report's form of the results.
func (c *copier) summary(started time.Time) report.Summary {
	s := report.Summary{Started: started, Ended: time.Now(), Source: c.flags.source.url, Target: c.flags.target.url}
	for i, t := range c.tasks {
		r := c.results[i]
		m := report.Mailbox{
			EmailAddress: t.address, SourceUser: t.source.user, TargetUser: t.target.user,
			Counts: r.summary.Messages, Folders: r.summary.Folders, Bytes: r.summary.Bytes, Seconds: seconds(r.took),
			RoundTrips: report.RoundTrips{Source: r.summary.Source.RoundTrips, Target: r.summary.Target.RoundTrips},
			Findings:   r.summary.Findings,
		}
		if r.err != nil {
			m.NotReached = r.summary.NotReached
		}
		if v := r.verification; v != nil {
			m.Verification = &report.Verification{Equal: v.Equal, Read: v.Read, Differences: v.Differences, Others: v.Others}
		}
		m.Status = status(r)
		if r.err != nil {
			m.Error, m.Code = r.err.Error(), migration.CodeOf(r.err)
			if fault := migration.FaultOf(r.err); fault != nil {
				m.Remedy = fault.Remedy
			}
		}
		s.Mailboxes = append(s.Mailboxes, m)
	}
	return s
}

func status(r result) string {
	switch {
	case !r.begun:
		return report.Queued
	case statusOf(r.err) == exitInterrupted:
		return report.Stopped
	case r.err != nil:
		return report.Failed
	case r.summary.Messages.Skipped > 0, r.summary.FoldersFailed > 0, r.verification != nil && r.verification.Differences > 0:
		return report.SyncedWithErrors
	default:
		return report.Synced
	}
}

// verdict turns the results into the exit status: the worst of them. A single
// mailbox's error is printed as it is; of many, the summary has told them.
func (c *copier) verdict(ctx context.Context) error {
	if len(c.results) == 1 && c.results[0].err != nil {
		return c.results[0].err
	}
	worst := exitDone
	for _, r := range c.results {
		switch {
		case r.err != nil:
			worst = worse(worst, statusOf(r.err))
		case r.verification != nil && r.verification.Differences > 0:
			worst = worse(worst, exitDifferences)
		case r.summary.Messages.Skipped > 0, r.summary.FoldersFailed > 0:
			worst = worse(worst, exitSkipped)
		}
	}
	if !slices.ContainsFunc(c.results, func(r result) bool { return !r.nothing }) {
		worst = worse(worst, exitUsage)
	}
	if ctx.Err() != nil {
		return &exitError{exitInterrupted, interruptedFault("copying")}
	}
	if worst == exitDone {
		return nil
	}
	return &exitError{status: worst}
}
