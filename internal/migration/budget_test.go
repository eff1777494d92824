package migration

import (
	"testing"
	"time"
)

func TestWhatWasMovedCountsForADay(t *testing.T) {
	start := time.Unix(3600*1000+1800, 0) // half past
	use := HourUse{HourOf(start): 60, HourOf(start) + 5: 30}
	for _, c := range []struct {
		after time.Duration
		want  int64
	}{{0, 90}, {24 * time.Hour, 90}, {24*time.Hour + 29*time.Minute, 90}, {24*time.Hour + 30*time.Minute, 30}, {30 * time.Hour, 0}} {
		if got := use.Used(start.Add(c.after)); got != c.want {
			t.Errorf("after %s %d count, want %d", c.after, got, c.want)
		}
	}
	now := start.Add(6 * time.Hour)
	for _, c := range []struct {
		room int64
		want time.Duration
	}{{10, 0}, {11, 24*time.Hour + 30*time.Minute}, {70, 24*time.Hour + 30*time.Minute}, {71, 29*time.Hour + 30*time.Minute}, {1000, 29*time.Hour + 30*time.Minute}} {
		want := start.Add(c.want)
		if c.want == 0 {
			want = now
		}
		if got := use.RoomAgain(100, c.room, now); !got.Equal(want) {
			t.Errorf("%d is free at %s, want %s", c.room, got, want)
		}
	}
}

func TestTheEndIsAsTheBudgetAllows(t *testing.T) {
	now := time.Unix(3600*1000, 0)
	for _, c := range []struct {
		use   HourUse
		bytes int64
		want  time.Duration
	}{
		{nil, 100, 0},
		{HourUse{HourOf(now): 40}, 60, 0},
		{nil, 101, 25 * time.Hour},
		{nil, 350, 75 * time.Hour},
		{HourUse{HourOf(now) - 20: 100}, 10, 5 * time.Hour},
		{HourUse{HourOf(now) - 20: 100}, 110, 30 * time.Hour},
		{HourUse{HourOf(now) - 20: 50, HourOf(now): 50}, 60, 25 * time.Hour},
	} {
		got, want := c.use.EndAfter(100, c.bytes, now), time.Time{}
		if c.want > 0 {
			want = now.Add(c.want)
		}
		if !got.Equal(want) {
			t.Errorf("%d bytes with %v end at %s, want %s", c.bytes, c.use, got.Sub(now), c.want)
		}
	}
	if end := (HourUse{}).EndAfter(0, 1<<60, now); !end.IsZero() {
		t.Error("without a budget there is an end")
	}
}

func TestGmailHasABudget(t *testing.T) {
	if b := UsualBudget("IMAP.gmail.com."); b.Down != 2_500_000_000 || b.Up != 500_000_000 || b.None() {
		t.Errorf("%+v", b)
	}
	if !UsualBudget("imap.example.org").None() {
		t.Error("others have one too")
	}
}
