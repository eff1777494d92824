package cli

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/mailhaul/mailhaul/internal/api"
	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/migration"
)

func newBatchWatchCommand(r *remote) *cobra.Command {
	var follow bool
	command := &cobra.Command{Use: "watch NAME", Short: "Watch a batch as it moves", Args: oneArg("name of the batch"),
		Long: `Shows the batch and its mailboxes under way, as bars on a terminal and as a line for
each change elsewhere. It ends when the batch has come to rest; with --follow it goes
on until Ctrl-C. The exit status is 3 when mailboxes have failed or left messages out.
With --json each change is an object on a line of its own.
`,
		RunE: func(c *cobra.Command, args []string) error { return r.watchBatch(c.Context(), args[0], follow) }}
	command.Flags().BoolVar(&follow, "follow", false, "go on when the batch has come to rest")
	return command
}

func (r *remote) watchBatch(ctx context.Context, name string, follow bool) error {
	client, err := r.client()
	if err != nil {
		return err
	}
	show, end := r.watcher()
	var last control.Batch
	err = client.WatchBatch(ctx, name, func(live api.LiveBatch) bool {
		show(live)
		last = live.Batch
		return follow || !isResting(live.Batch)
	})
	end()
	if n := last.Counts; err == nil && n.Failed+n.Troubled > 0 {
		return &exitError{exitSkipped, fmt.Errorf("%s failed, %s left messages out\n  what to do: see mailhaul mailbox list %s, and mailhaul report errors %[3]s",
			counted(n.Failed, "mailbox", "mailboxes"), counted(n.Troubled, "mailbox", "mailboxes"), quoted(name))}
	}
	return err
}

// watcher shows a batch with each change: as JSON, as bars, or as lines.
func (r *remote) watcher() (show func(api.LiveBatch), end func()) {
	switch {
	case r.json:
		return func(live api.LiveBatch) { _ = writeJSONLine(r.streams.Out, live) }, func() {}
	case isTerminal(r.streams.Out):
		bars := newBatchBars(r.streams.Out)
		return bars.show, bars.end
	default:
		last := ""
		return func(live api.LiveBatch) {
			if line := batchLine(live.Batch); line != last {
				r.say("%s", line)
				last = line
			}
		}, func() {}
	}
}

// batchLine is a batch in one line.
func batchLine(b control.Batch) string {
	n := b.Counts
	text := fmt.Sprintf("%s: %s, %d of %d mailboxes synced", b.Name, b.State, n.Synced+n.Closed, n.Total)
	if n.Failed > 0 {
		text += fmt.Sprintf(", %d failed", n.Failed)
	}
	if b.Figures != nil {
		if f := b.Figures; f.Moved > 0 {
			text += fmt.Sprintf(", %d messages, %s copied", f.Moved, byteSize(f.MovedBytes))
		}
		if under := figuresUnderWay(*b.Figures); under != "" {
			text += "; under way " + under
		}
	}
	return text
}

// batchBars are a line for the batch and a bar for each mailbox under way.
type batchBars struct {
	progress *mpb.Progress
	head     *mpb.Bar
	line     atomic.Value // string
	rows     map[string]*mailboxBar
}

type mailboxBar struct {
	bar     *mpb.Bar
	mailbox atomic.Value // control.Mailbox
}

func newBatchBars(out io.Writer) *batchBars {
	b := &batchBars{progress: mpb.New(mpb.WithOutput(out), mpb.WithRefreshRate(drawEvery), mpb.WithAutoRefresh()), rows: map[string]*mailboxBar{}}
	b.line.Store("")
	b.head = b.progress.New(0, mpb.NopStyle(), mpb.BarPriority(math.MaxInt), mpb.BarFillerTrim(),
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return b.line.Load().(string) })))
	return b
}

func (b *batchBars) show(live api.LiveBatch) {
	b.line.Store(migration.SafeText(batchLine(live.Batch)))
	seen := map[string]bool{}
	for _, m := range live.Mailboxes {
		seen[m.Address] = true
		row := b.rows[m.Address]
		if row == nil {
			row = &mailboxBar{}
			row.mailbox.Store(m)
			row.bar = b.progress.MustAdd(0, mpb.BarFillerFunc(row.draw), mpb.BarWidth(barWidth), mpb.BarFillerTrim(),
				mpb.PrependDecorators(decor.Name(migration.SafeText(m.Address), decor.WCSyncSpaceR)),
				mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return " " + row.text() })))
			b.rows[m.Address] = row
		}
		row.mailbox.Store(m)
	}
	for address, row := range b.rows {
		if !seen[address] {
			row.bar.Abort(true)
			delete(b.rows, address)
		}
	}
}

func (b *batchBars) end() {
	for _, row := range b.rows {
		row.bar.Abort(true)
	}
	b.head.Abort(false)
	b.progress.Wait()
}

func (m *mailboxBar) draw(w io.Writer, line decor.Statistics) error {
	const ends = 2
	width := min(line.RequestedWidth, line.AvailableWidth) - ends
	if width <= 0 {
		return nil
	}
	p := m.mailbox.Load().(control.Mailbox).Progress
	full := 0
	if p.BytesTotal > 0 {
		full = int(float64(width) * min(float64(p.Bytes)/float64(p.BytesTotal), 1))
	}
	_, err := fmt.Fprintf(w, "|%-*s|", width, strings.Repeat("=", full))
	return err
}

func (m *mailboxBar) text() string {
	mailbox := m.mailbox.Load().(control.Mailbox)
	return mailbox.State + " " + progressText(mailbox)
}

// progressText is how far a pass has come, in words.
func progressText(m control.Mailbox) string {
	p := m.Progress
	text := fmt.Sprintf("%d/%d folders", p.Folders, p.FoldersTotal)
	if p.MessagesTotal > 0 {
		text = fmt.Sprintf("%d/%d messages, %s", p.Messages, p.MessagesTotal, byteSize(p.Bytes))
	}
	if p.BytesPerSecond > 0 {
		text += ", " + byteSize(p.BytesPerSecond) + "/s"
	}
	if m.Remaining > 0 {
		text += ", " + length(m.Remaining) + " left"
	}
	if m.Waiting != "" {
		text += ", waiting: " + migration.SafeText(m.Waiting)
	}
	return text
}
