package mailsync

import (
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// letterDate is the date that deliver gives the n-th letter.
func letterDate(n int) time.Time { return time.Unix(1_000_000_000+int64(n), 0) }

func TestMessagesReceivedAtOtherTimesDoNotCount(t *testing.T) {
	for _, modern := range []bool{true, false} {
		play(t, 100, func(t *theatre) {
			if !modern {
				t.from.profile.CondStore = false
			}
			t.job.ReceivedFrom, t.job.ReceivedBefore = letterDate(20), letterDate(50)
			t.expectCounts(t.run(), 30, 0, 0, 0)
			for _, l := range t.to.box("INBOX").letters {
				if l.date.Before(letterDate(20)) || !l.date.Before(letterDate(50)) {
					t.Errorf("a letter of %v was copied", l.date)
				}
			}
			t.expectCounts(t.run(), 0, 30, 0, 0)
			t.deliver("INBOX", 30)
			t.deliver("INBOX", 200)
			t.expectCounts(t.run(), 1, 30, 0, 0)
			t.expectCounts(t.run(), 0, 31, 0, 0)
		})
	}
}

func TestMessagesWithoutADateAreCopiedWhateverDatesAreChosen(t *testing.T) {
	play(t, 5, func(t *theatre) {
		for _, l := range t.from.box("INBOX").letters[:2] {
			l.date = time.Time{}
		}
		t.job.ReceivedFrom = letterDate(4)
		t.expectCounts(t.run(), 3, 0, 0, 0)
	})
}

func TestProgressTellsWhatHasArrivedBeforeItsWindowEnds(t *testing.T) {
	play(t, 60, func(t *theatre) {
		t.job.Progress = &Progress{}
		var arrived, folder, settled int64
		t.to.before = func(op operation) error {
			messages, bytes := t.job.Progress.Arrived()
			if op.kind == opAppend && messages > arrived && bytes > 0 {
				arrived, settled = messages, t.job.Progress.Messages.Load()
				folder = int64(t.job.Progress.PerFolder()[0].Messages.Copied)
			}
			return nil
		}
		t.expectCounts(t.run(), 60, 0, 0, 0)
		if arrived == 0 || settled > 0 || folder != arrived {
			t.Errorf("%d had arrived, %d in the folder, while %d were settled", arrived, folder, settled)
		}
		if messages, _ := t.job.Progress.Arrived(); messages != 60 || t.job.Progress.PerFolder()[0].Messages.Copied != 60 {
			t.Errorf("%d have arrived in the end", messages)
		}
	})
}

func TestProgressTellsOfEachFolder(t *testing.T) {
	play(t, 10, func(t *theatre) {
		for i := range 5 {
			t.deliver("Work", i)
		}
		t.job.Progress = &Progress{}
		if folders := t.job.Progress.PerFolder(); folders != nil {
			t.Errorf("before the pass there are %+v", folders)
		}
		seen := map[string]bool{}
		t.from.before = func(op operation) error {
			for _, f := range t.job.Progress.PerFolder() {
				seen[f.Source] = true
			}
			return nil
		}
		t.run()
		if !seen["INBOX"] || !seen["Work"] {
			t.Errorf("during the pass it told of %v", seen)
		}
		want := map[string]migration.Counts{"INBOX": {Source: 10, Copied: 10}, "Work": {Source: 5, Copied: 5}}
		for _, f := range t.job.Progress.PerFolder() {
			if !f.Done || f.Target != f.Source || f.Messages != want[f.Source] {
				t.Errorf("after the pass there is %+v", f)
			}
		}
	})
}
