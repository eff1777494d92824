package cli

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailhaul/mailhaul/internal/mailsync"
)

func TestTheTotalTellsMailboxesRateAndTimeLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		d := newDisplay(Streams{Err: &out}, slog.New(slog.NewTextHandler(&out, nil)), 4)
		if got := d.state(4); strings.Contains(got, "left") || strings.Contains(got, "/s") {
			t.Errorf("at the beginning: %s", got)
		}
		first, second := d.follow("first", &mailsync.Progress{}), d.follow("second", &mailsync.Progress{})
		for _, f := range []*follower{first, second} {
			f.progress.Messages.Store(10)
			f.progress.Bytes.Store(5000)
			f.progress.BytesTotal.Store(10000)
		}
		<-time.After(logEvery)
		synctest.Wait()
		if got, want := d.state(4), "0/4 mailboxes, 20 messages, 10.0 kB, 1.0 kB/s in 10s, about 30s left"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		first.progress.Bytes.Store(10000)
		first.done(nil)
		d.done.Add(1)
		if got, want := d.state(4), "1/4 mailboxes, 20 messages, 15.0 kB, 1.5 kB/s in 10s, about 17s left"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if !strings.Contains(out.String(), `progress="0/4 mailboxes`) {
			t.Errorf("the total is not logged: %s", out.String())
		}
		second.done(nil)
		d.close()
	})
}
