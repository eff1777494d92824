package cli

import (
	"fmt"
	"io"
	"log/slog"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/mailhaul/mailhaul/internal/mailsync"
)

const (
	// logEvery is how often a line tells the progress where there is no
	// terminal, drawEvery how often bars are drawn where there is one.
	logEvery  = 10 * time.Second
	drawEvery = 150 * time.Millisecond
)

// display shows progress: bars on a terminal, lines elsewhere. All it drew is
// gone after close.
type display struct {
	bars    *mpb.Progress // nil without a terminal
	overall *mpb.Bar      // nil for a single mailbox
	several bool
	log     *slog.Logger
	all     sync.WaitGroup
	began   time.Time
	// done is how many mailboxes are, messages and bytes what was copied of
	// them.
	done, messages, bytes atomic.Int64
}

func newDisplay(streams Streams, log *slog.Logger, mailboxes int) *display {
	d := &display{log: log, began: time.Now(), several: mailboxes > 1}
	if !isTerminal(streams.Err) {
		return d
	}
	// Bars begin at the start of a line, even if something was typed ahead.
	fmt.Fprint(streams.Err, "\r\x1b[K")
	d.bars = mpb.New(mpb.WithOutput(streams.Err), mpb.WithRefreshRate(drawEvery), mpb.WithAutoRefresh())
	// What is said meanwhile goes above the bars.
	d.log = slog.New(slog.NewTextHandler(d.bars, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	if d.several {
		d.overall = d.bars.New(int64(mailboxes), mpb.NopStyle(), mpb.BarPriority(math.MaxInt), mpb.BarRemoveOnComplete(), mpb.BarFillerTrim(),
			mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return d.state(mailboxes) })))
	}
	return d
}

// withoutTime leaves the time out: who sits at the terminal has a clock.
func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

func (d *display) state(mailboxes int) string {
	text := fmt.Sprintf("%d of %d mailboxes done", d.done.Load(), mailboxes)
	if messages := d.messages.Load(); messages > 0 {
		text += fmt.Sprintf(", %d messages, %s", messages, byteSize(d.bytes.Load()))
	}
	return text + " in " + time.Since(d.began).Round(time.Second).String()
}

func (d *display) close() {
	d.all.Wait()
	if d.overall != nil {
		d.overall.Abort(true)
	}
	if d.bars != nil {
		d.bars.Wait()
	}
}

// follower shows one mailbox's progress until done is called.
type follower struct {
	display  *display
	name     string
	progress *mailsync.Progress
	bar      *mpb.Bar // nil without a terminal
	began    time.Time
	end      chan struct{}
	// verified of toVerify folders; toVerify is 0 while copying.
	verified, toVerify atomic.Int64
}

func (d *display) follow(name string, progress *mailsync.Progress) *follower {
	f := &follower{display: d, name: name, progress: progress, began: time.Now(), end: make(chan struct{})}
	if d.bars != nil {
		f.bar = d.bars.MustAdd(0, mpb.BarFillerFunc(f.draw), f.columns()...)
	} else {
		d.all.Go(f.tell)
	}
	return f
}

// barWidth leaves room for the rest of the line on a terminal of 80 columns.
const barWidth = 18

// columns are wide enough for what they usually hold, so that nothing jumps.
func (f *follower) columns() []mpb.BarOption {
	const count, size, rate, left = 17, 9, 11, 9
	column := func(width int, text func() string) decor.Decorator {
		return decor.Any(func(decor.Statistics) string { return text() }, decor.WC{W: width, C: decor.DSyncSpace})
	}
	return []mpb.BarOption{
		mpb.BarWidth(barWidth), mpb.BarFillerTrim(),
		mpb.PrependDecorators(decor.Name(f.name, decor.WCSyncSpaceR)),
		mpb.AppendDecorators(column(count, f.count), column(size, f.size), column(rate, f.rate), column(left, f.left),
			decor.Any(func(decor.Statistics) string { return f.waiting() })),
	}
}

// draw draws the bar itself.
func (f *follower) draw(w io.Writer, line decor.Statistics) error {
	const ends = 2
	width := min(line.RequestedWidth, line.AvailableWidth) - ends
	if width <= 0 {
		return nil
	}
	done, total := f.progress.Bytes.Load(), f.progress.BytesTotal.Load()
	if folders := f.toVerify.Load(); folders > 0 {
		done, total = f.verified.Load(), folders
	}
	full := 0
	if total > 0 {
		full = int(float64(width) * min(float64(done)/float64(total), 1))
	}
	_, err := fmt.Fprintf(w, "|%-*s|", width, strings.Repeat("=", full))
	return err
}

// tell logs the progress from time to time.
func (f *follower) tell() {
	ticker := time.NewTicker(logEvery)
	defer ticker.Stop()
	for {
		select {
		case <-f.end:
			return
		case <-ticker.C:
			f.display.log.Info(f.doing(), "mailbox", f.name, "progress", f.state())
		}
	}
}

// verifying says that the mailbox is now verified, folder by folder.
func (f *follower) verifying(folders int) { f.toVerify.Store(int64(max(folders, 1))) }

func (f *follower) done(err error) {
	close(f.end)
	messages, bytes := f.progress.Messages.Load(), f.progress.Bytes.Load()
	f.display.messages.Add(messages)
	f.display.bytes.Add(bytes)
	if f.bar != nil {
		f.bar.Abort(true)
	}
	switch {
	case err != nil && f.display.several && statusOf(err) != exitInterrupted: // the command tells of the others
		f.display.log.Error("mailbox stopped", "mailbox", f.name, "error", err)
	case err == nil && f.bar == nil: // the terminal has the summary in a moment
		f.display.log.Info("mailbox done", "mailbox", f.name, "messages", messages, "size", byteSize(bytes))
	}
}

func (f *follower) doing() string {
	if f.toVerify.Load() > 0 {
		return "verifying"
	}
	return "copying"
}

// state is the progress in words: how much, how fast, how long yet.
func (f *follower) state() string {
	text := f.count()
	for _, more := range []string{f.size(), f.rate(), f.left(), strings.TrimSpace(f.waiting())} {
		if more != "" {
			text += ", " + more
		}
	}
	return text
}

func (f *follower) count() string {
	if folders := f.toVerify.Load(); folders > 0 {
		return fmt.Sprintf("%d/%d folders", f.verified.Load(), folders)
	}
	if f.progress.MessagesTotal.Load() == 0 {
		return fmt.Sprintf("%d/%d folders", f.progress.Folders.Load(), f.progress.FoldersTotal.Load())
	}
	return fmt.Sprintf("%d/%d messages", f.progress.Messages.Load(), f.progress.MessagesTotal.Load())
}

func (f *follower) size() string {
	if f.toVerify.Load() > 0 || f.progress.MessagesTotal.Load() == 0 {
		return ""
	}
	return byteSize(f.progress.Bytes.Load())
}

// speed is in bytes a second since the beginning, waiting included; 0 when it
// cannot be told.
func (f *follower) speed() float64 {
	took := time.Since(f.began).Seconds()
	if took == 0 || f.toVerify.Load() > 0 {
		return 0
	}
	return float64(f.progress.Bytes.Load()) / took
}

func (f *follower) rate() string {
	if speed := f.speed(); speed > 0 {
		return byteSize(int64(speed)) + "/s"
	}
	return ""
}

// waiting is why nothing moves, empty when it does.
func (f *follower) waiting() string {
	if why, _ := f.progress.Waiting.Load().(string); why != "" {
		return " waiting: " + why
	}
	return ""
}

// earliest is when a guess of the time yet to go is worth anything.
const earliest = 2 * time.Second

// left is the time yet to go as far as known.
func (f *follower) left() string {
	if f.toVerify.Load() > 0 {
		return "verifying"
	}
	speed, bytes := f.speed(), f.progress.BytesTotal.Load()-f.progress.Bytes.Load()
	if speed == 0 || bytes < 0 || time.Since(f.began) < earliest {
		return ""
	}
	return time.Duration(float64(bytes)/speed*float64(time.Second)).Round(time.Second).String() + " left"
}
