package main

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{3, 1, 2}, 2}, {[]float64{4, 1, 2, 3}, 2.5}, {[]float64{7}, 7},
	} {
		if got := median(c.values); got != c.want {
			t.Errorf("the median of %v is %v, want %v", c.values, got, c.want)
		}
	}
	if !math.IsNaN(median(nil)) {
		t.Error("the median of nothing is a number")
	}
}

func TestRoundTripsComeFromTheSummary(t *testing.T) {
	got := roundTrips([]byte(`{"total": {"roundTrips": {"source": 3, "target": 4}}}`))
	if got != [2]int64{3, 4} {
		t.Errorf("the round trips are %v", got)
	}
	for _, out := range []string{"", "no JSON", `{"total": {}}`} {
		if got := roundTrips([]byte(out)); got != [2]int64{-1, -1} {
			t.Errorf("%q gives %v", out, got)
		}
	}
}

func TestMissingCountsMessages(t *testing.T) {
	lines := []string{`missing 5x: folder="INBOX"`, "too many 2x: x", `missing folder "Sent"`, "missing 1x: y"}
	if got := missing(lines); got != 6 {
		t.Errorf("%d messages are missing, want 6", got)
	}
}

func TestRacesAreChosenByName(t *testing.T) {
	all, err := chooseRaces("")
	if err != nil || len(all) != len(raceNames()) {
		t.Errorf("without names there are %d races, %v", len(all), err)
	}
	two, err := chooseRaces("unchanged,loopback")
	if err != nil || len(two) != 2 || two[0].name != "unchanged" {
		t.Errorf("two names give %v, %v", two, err)
	}
	if _, err := chooseRaces("nonsense"); err == nil {
		t.Error("an unknown race is accepted")
	}
}

func TestTableHasTheRatioToMailhaul(t *testing.T) {
	var s strings.Builder
	writeResult(func(format string, args ...any) { fmt.Fprintf(&s, format+"\n", args...) }, result{
		title: "T", messages: 100, bytes: 1 << 20,
		rows: []row{
			{label: "mailhaul", base: "mailhaul", runs: []usage{{wall: time.Second}}},
			{label: "slow", base: "mailhaul", runs: []usage{{wall: 3 * time.Second}}},
			{label: "broken", base: "mailhaul", fault: "lost | mail\nand more"},
		},
	})
	for _, part := range []string{"| slow | 3.000 | 3.00-3.00 | 3.00 | 33 |", "| broken | out: lost / mail |"} {
		if !strings.Contains(s.String(), part) {
			t.Errorf("no %q in\n%s", part, s.String())
		}
	}
}

func TestBarsAreMetOrNot(t *testing.T) {
	seconds := func(n time.Duration) []usage { return []usage{{wall: n * time.Second}} }
	results := []result{{race: "loopback", rows: []row{
		{label: "mailhaul", base: "mailhaul", runs: seconds(10)},
		{label: "interimap", base: "mailhaul", runs: seconds(13)},
		{label: "mbsync", base: "mailhaul", runs: seconds(17)},
		{label: "ceiling", base: "mailhaul", fault: "lost"},
	}}}
	var s strings.Builder
	writeBars(func(format string, args ...any) { fmt.Fprintf(&s, format+"\n", args...) }, results)
	for _, part := range []string{"interimap's time / ours | at least 1.2 | 1.30 | yes", "mbsync's time / ours | at least 1.8 | 1.70 | no",
		"ceiling's time / ours | at least 0.75 | - | not measured"} {
		if !strings.Contains(s.String(), part) {
			t.Errorf("no %q in\n%s", part, s.String())
		}
	}
}

func TestTheDailyPassIsReadFromItsTest(t *testing.T) {
	got := dailyLines("x.go:1: 60 passes with nothing new: 6.90 ms of processor time each, 59 a second; memory 65 MiB after the second round, 64 MiB after the last\nok")
	if len(got) != 1 || got[0] != (dailyFigures{6900 * time.Microsecond, 59, 64 << 20}) {
		t.Errorf("%+v", got)
	}
	if got := dailyLines("60 passes with nothing new: none"); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}
