package cli

import (
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/mailhaul/mailhaul/internal/mailsync"
)

// logEvery is how often a line tells the progress where there is no terminal.
const logEvery = 10 * time.Second

// display shows progress: bars on a terminal, lines elsewhere.
type display struct {
	bars *mpb.Progress // nil without a terminal
	log  *slog.Logger
	all  sync.WaitGroup
}

func newDisplay(streams Streams, log *slog.Logger) *display {
	d := &display{log: log}
	if isTerminal(streams.Err) {
		d.bars = mpb.New(mpb.WithOutput(streams.Err), mpb.WithRefreshRate(200*time.Millisecond), mpb.WithAutoRefresh())
		// What is said meanwhile goes above the bars.
		d.log = slog.New(slog.NewTextHandler(io.Writer(d.bars), nil))
	}
	return d
}

func (d *display) close() {
	d.all.Wait()
	if d.bars != nil {
		d.bars.Wait()
	}
}

// follower shows one mailbox's progress until done is called.
type follower struct {
	display  *display
	name     string
	progress *mailsync.Progress
	bar      *mpb.Bar
	began    time.Time
	end      chan struct{}
}

func (d *display) follow(name string, progress *mailsync.Progress) *follower {
	f := &follower{display: d, name: name, progress: progress, began: time.Now(), end: make(chan struct{})}
	every := logEvery
	if d.bars != nil {
		every = 200 * time.Millisecond
		f.bar = d.bars.New(0, mpb.BarStyle().Rbound("|").Lbound("|"), mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Name(name+" ")),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return f.state() })))
	}
	d.all.Go(func() { f.run(every) })
	return f
}

func (f *follower) run(every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-f.end:
			return
		case <-ticker.C:
			f.tick()
		}
	}
}

func (f *follower) tick() {
	if f.bar == nil {
		f.display.log.Info("copying", "mailbox", f.name, "progress", f.state())
		return
	}
	f.bar.SetTotal(max(f.progress.BytesTotal.Load(), 1), false)
	f.bar.SetCurrent(min(f.progress.Bytes.Load(), max(f.progress.BytesTotal.Load()-1, 0)))
}

func (f *follower) done(err error) {
	close(f.end)
	if f.bar != nil {
		f.bar.Abort(true)
	}
	if err == nil {
		f.display.log.Info("mailbox done", "mailbox", f.name, "messages", f.progress.Messages.Load(), "size", byteSize(f.progress.Bytes.Load()))
	}
}

// state is the progress in words: how much, how fast, how long yet.
func (f *follower) state() string {
	bytes, total := f.progress.Bytes.Load(), f.progress.BytesTotal.Load()
	text := fmt.Sprintf("%d/%d messages, %s of %s", f.progress.Messages.Load(), f.progress.MessagesTotal.Load(), byteSize(bytes), byteSize(total))
	if waiting, _ := f.progress.Waiting.Load().(string); waiting != "" {
		return text + ", waiting: " + waiting
	}
	took := time.Since(f.began).Seconds()
	if bytes == 0 || took == 0 {
		return text
	}
	rate := float64(bytes) / took
	left := time.Duration(float64(max(total-bytes, 0)) / rate * float64(time.Second))
	return fmt.Sprintf("%s, %s/s, %s left", text, byteSize(int64(rate)), left.Round(time.Second))
}
