package cli

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/mailhaul/mailhaul/internal/api"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/report"
)

// estimateFlags are what an estimate is asked for.
type estimateFlags struct {
	asked  api.EstimateBody
	survey string
	within time.Duration
}

func newBatchEstimateCommand(r *remote) *cobra.Command {
	f := &estimateFlags{}
	command := &cobra.Command{Use: "estimate NAME", Short: "Estimate how long initial copies take", Args: oneArg("name of the batch"),
		Long: `Estimates how long mailboxes take like those of the batch that have their initial copy,
with the limits of its endpoints. Copy a few first: mailhaul batch create FILE --first 20.

What if: --mailboxes, --at-a-time, --connections, --messages and --bytes stand in the
place of what the batch and its endpoints say; --rate counts beside the ceilings of the
endpoints, and the lowest holds. With --survey the mailboxes are those
of the file that "mailhaul survey --output FILE" wrote, each of its own size, and with
--preflight those of the batch as its preflight has found them.

--within says how long a batch may take, such as 8h for a night: then it tells how many
mailboxes fit, and in how many such times all are copied.

--compare names another batch, and tells whether both ran at similar hours of the day
and what rates they had.
`,
		Example: `  mailhaul batch estimate pilot --mailboxes 5000 --within 8h
  mailhaul batch estimate pilot --survey survey.csv --at-a-time 40 --rate 50M
  mailhaul batch estimate pilot-night --compare pilot-day`,
		RunE: func(c *cobra.Command, args []string) error { return r.estimate(c.Context(), args[0], f) }}
	flags := command.Flags()
	flags.IntVar(&f.asked.Mailboxes, "mailboxes", 0, "for so many; 0 is as many as the batch has")
	flags.Int64Var(&f.asked.Messages, "messages", 0, "what all of them hold together; 0 is as many as those measured let expect")
	flags.Var(amount{&f.asked.Bytes}, "bytes", "what all of them hold together, such as 2T; 0 is as much as those measured let expect")
	flags.IntVar(&f.asked.AtATime, "at-a-time", 0, "so many mailboxes at a time; 0 is what the endpoints allow")
	flags.IntVar(&f.asked.Connections, "connections", 0, "so many connections of each to each server; 0 is what the endpoints allow")
	flags.Var(amount{&f.asked.Rate}, "rate", "what servers and network carry in a second for all together, such as 50M, beside the ceilings of the endpoints; 0 is any")
	flags.DurationVar(&f.within, "within", 0, "how long a batch may take, such as 8h")
	flags.StringVar(&f.survey, "survey", "", "`FILE` that survey has written, for the sizes of the mailboxes")
	flags.BoolVar(&f.asked.Preflight, "preflight", false, "go by the sizes that the preflight of the batch has found")
	flags.StringVar(&f.asked.Compare, "compare", "", "`BATCH` to compare with")
	return command
}

func (r *remote) estimate(ctx context.Context, batch string, f *estimateFlags) error {
	if f.within < 0 || f.within > 0 && f.within < time.Second {
		return usageError("--within %s: want a duration such as 8h", f.within)
	}
	f.asked.Within = int64(f.within / time.Second)
	if f.survey != "" {
		if err := f.readSurvey(r); err != nil {
			return err
		}
	}
	client, err := r.client()
	if err != nil {
		return err
	}
	e, err := client.Estimate(ctx, batch, f.asked)
	if err != nil {
		return err
	}
	return r.print(e, func() { r.showEstimate(e) })
}

// readSurvey takes the sizes of a survey.
func (f *estimateFlags) readSurvey(r *remote) error {
	file, err := os.Open(f.survey)
	if err != nil {
		return usageError("--survey: %w", err)
	}
	defer file.Close()
	sizes, uncounted, err := report.ReadSurvey(file)
	if err != nil {
		return usageError("--survey %s: %w", f.survey, err)
	}
	if len(sizes) == 0 {
		return usageError("--survey %s: no mailbox was counted", f.survey)
	}
	if uncounted > 0 {
		fmt.Fprintf(r.streams.Err, "%s of the survey could not be counted and %s left out\n", counted(uncounted, "mailbox", "mailboxes"), pick(uncounted, "is", "are"))
	}
	f.asked.Sizes = sizes
	return nil
}

// limitWords say what decides how long it takes.
var limitWords = map[string]string{
	migration.LimitMailboxes: "how many mailboxes are copied at a time",
	migration.LimitRate:      "what gets through for all together",
	migration.LimitDayBudget: "what an account may move in a day",
	migration.LimitLargest:   "the mailboxes that take longest: more at a time bring nothing",
}

func (r *remote) showEstimate(e migration.Estimate) {
	r.facts("measured", measuredWords(e))
	if e.Seconds > 0 {
		r.facts("a mailbox had", fmt.Sprintf("%.0f messages, %s", e.MessagesPerMailbox, byteSize(e.BytesPerMailbox)),
			"each was copied with", fmt.Sprintf("%s/s, %.1f messages/s; %s/s for each connection", byteSize(e.BytesPerSecondPerMailbox), e.MessagesPerSecondPerMailbox, byteSize(e.BytesPerSecondPerConnection)),
			"without moving", length(e.StalledSeconds), "between passes", length(e.PausedSeconds),
			"to be copied", fmt.Sprintf("%d messages, %s", e.Messages, byteSize(e.Bytes)),
			"at a time", fmt.Sprintf("%s, %s to each server", counted(e.AtATime, "mailbox", "mailboxes"), counted(e.Connections, "connection", "connections")),
			counted(e.Mailboxes, "mailbox takes", "mailboxes take"), length(e.Seconds),
			"decided by", limitWords[e.Limit], "network", byteSize(e.BytesPerSecond)+"/s")
	}
	if e.High > 0 {
		r.facts("in 19 of 20 cases", fmt.Sprintf("%s to %s", length(max(e.Low, 1)), length(e.High)))
	}
	if e.MailboxesWithin > 0 {
		r.facts("within "+length(e.WithinSeconds), counted(e.MailboxesWithin, "mailbox", "mailboxes"), "all of them in", counted(e.Batches, "batch", "batches")+" of that")
	}
	r.facts("to be known", e.Note)
	if c := e.Comparison; c != nil {
		r.showComparison(c)
	}
}

func measuredWords(e migration.Estimate) string {
	text := counted(e.Measured, "mailbox", "mailboxes")
	if e.Measured > 0 && !e.From.IsZero() {
		text += fmt.Sprintf(", %d together at most, from %s to %s", e.AtATimeMeasured, moment(e.From), moment(e.To))
	}
	return text
}

func (r *remote) showComparison(c *migration.Comparison) {
	ratio := func(n float64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatFloat(n, 'f', 2, 64) + " times"
	}
	words := c.Batch + ": " + counted(c.Measured, "mailbox", "mailboxes")
	if !c.From.IsZero() {
		words += fmt.Sprintf(", from %s to %s", moment(c.From), moment(c.To))
	}
	r.facts("\ncompared with", words,
		"same hours of the day", fmt.Sprintf("%.0f %% of the work", 100*c.SharedHours), "rate of a mailbox", ratio(c.RateRatio), "pauses", ratio(c.PausedRatio), "that means", c.Note)
}
