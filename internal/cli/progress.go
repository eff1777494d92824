package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

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
	end     chan struct{}
	// done is how many mailboxes are, messages and bytes what was copied of
	// them. Those of active ones come on top.
	done, messages, bytes atomic.Int64
	mu                    sync.Mutex
	active                map[*follower]bool
}

func newDisplay(streams Streams, log *slog.Logger, mailboxes int) *display {
	d := &display{log: log, began: time.Now(), several: mailboxes > 1, end: make(chan struct{}), active: map[*follower]bool{}}
	if !drawable(streams.Err) {
		if d.several {
			d.all.Go(func() { d.tell(mailboxes) })
		}
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

// drawable reports whether a stream is a terminal that has room for bars. One of
// no width, as some programs that run others have it, would show nothing.
func drawable(stream any) bool {
	file, ok := stream.(*os.File)
	if !ok {
		return false
	}
	width, _, err := term.GetSize(int(file.Fd()))
	return err == nil && width > 0
}

// tell logs the state of all mailboxes from time to time.
func (d *display) tell(mailboxes int) {
	every(logEvery, d.end, func() { d.log.Info("copying", "progress", d.state(mailboxes)) })
}

// every does something from time to time until the end.
func every(pause time.Duration, end <-chan struct{}, do func()) {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		select {
		case <-end:
			return
		case <-ticker.C:
			do()
		}
	}
}

// state is the progress of all mailboxes in words. The time yet to go is a guess:
// it takes mailboxes for equal, because the sizes of those to come are not known.
func (d *display) state(mailboxes int) string {
	messages, bytes, done := d.sum()
	took := time.Since(d.began)
	text := fmt.Sprintf("%d/%d mailboxes", d.done.Load(), mailboxes)
	if messages > 0 && took > 0 {
		text += fmt.Sprintf(", %d messages, %s, %s/s", messages, byteSize(bytes), byteSize(int64(float64(bytes)/took.Seconds())))
	}
	text += " in " + took.Round(time.Second).String()
	if share := done / float64(mailboxes); took >= earliest && share > 0 && share < 1 {
		text += ", about " + time.Duration(float64(took)*(1-share)/share).Round(time.Second).String() + " left"
	}
	return text
}

// sum is what was copied so far, and how many mailboxes that is in parts of them.
func (d *display) sum() (messages, bytes int64, mailboxes float64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	messages, bytes, mailboxes = d.messages.Load(), d.bytes.Load(), float64(d.done.Load())
	for f := range d.active {
		arrived, copied := f.progress.Arrived()
		all := f.progress.BytesTotal.Load()
		messages, bytes = messages+arrived, bytes+copied
		if all > 0 {
			mailboxes += min(float64(copied)/float64(all), 1)
		}
	}
	return messages, bytes, mailboxes
}

// stoppingText is told at the first Ctrl-C: what is under way may take a while.
const stoppingText = "stopping: what is under way is being finished; press Ctrl-C again to end at once (nothing is lost either way)"

// tellStop says at once that the wish to stop was heard.
func (d *display) tellStop(ctx context.Context, streams Streams) {
	out := streams.Err
	if d.bars != nil {
		out = d.bars // above them
	}
	d.all.Go(func() {
		select {
		case <-d.end:
		case <-ctx.Done():
			fmt.Fprintln(out, stoppingText)
		}
	})
}

func (d *display) close() {
	close(d.end)
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
	// earliest is when so many bytes can have been moved, as the day's budgets
	// allow; nil is none.
	earliest atomic.Pointer[func(left int64) time.Time]
}

// ends says how the day's budgets hold up what is left.
func (f *follower) ends(earliest func(left int64) time.Time) { f.earliest.Store(&earliest) }

func (d *display) follow(name string, progress *mailsync.Progress) *follower {
	f := &follower{display: d, name: name, progress: progress, began: time.Now(), end: make(chan struct{})}
	d.mu.Lock()
	d.active[f] = true
	d.mu.Unlock()
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
	_, done := f.progress.Arrived()
	total := f.progress.BytesTotal.Load()
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
	every(logEvery, f.end, func() { f.display.log.Info(f.doing(), "mailbox", f.name, "progress", f.state()) })
}

// verifying says that the mailbox is now verified, folder by folder.
func (f *follower) verifying(folders int) { f.toVerify.Store(int64(max(folders, 1))) }

func (f *follower) done(err error) {
	close(f.end)
	messages, bytes := f.progress.Messages.Load(), f.progress.Bytes.Load()
	f.display.leave(f, messages, bytes)
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

// leave adds what was copied of a mailbox to that of the others before it.
func (d *display) leave(f *follower, messages, bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.active, f)
	d.messages.Add(messages)
	d.bytes.Add(bytes)
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
	messages, _ := f.progress.Arrived()
	return fmt.Sprintf("%d/%d messages", messages, f.progress.MessagesTotal.Load())
}

func (f *follower) size() string {
	if f.toVerify.Load() > 0 || f.progress.MessagesTotal.Load() == 0 {
		return ""
	}
	_, bytes := f.progress.Arrived()
	return byteSize(bytes)
}

// speed is in bytes a second since the beginning, waiting included; 0 when it
// cannot be told.
func (f *follower) speed() float64 {
	took := time.Since(f.began).Seconds()
	if took == 0 || f.toVerify.Load() > 0 {
		return 0
	}
	_, bytes := f.progress.Arrived()
	return float64(bytes) / took
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
	_, arrived := f.progress.Arrived()
	speed, bytes := f.speed(), f.progress.BytesTotal.Load()-arrived
	if speed == 0 || bytes < 0 || time.Since(f.began) < earliest {
		return ""
	}
	left := time.Duration(float64(bytes) / speed * float64(time.Second))
	if by := f.earliest.Load(); by != nil {
		left = max(left, time.Until((*by)(bytes)))
	}
	return left.Round(time.Second).String() + " left"
}
