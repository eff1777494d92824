package migration

import (
	"strings"
	"testing"
)

// sampleOf is the sample of mailboxes with so many seconds, each of 1,000 messages
// and 100 MB.
func sampleOf(seconds ...float64) (s Sample) {
	for _, t := range seconds {
		s.Mailboxes++
		s.Messages += 1000
		s.Bytes += 100e6
		s.Seconds += t
		s.SquaredSeconds += t * t
		s.Longest = max(s.Longest, t)
	}
	return s
}

func TestAnEstimateSaysHowLongMailboxesTakeAndHowSureThatIs(t *testing.T) {
	alike := sampleOf(100, 100, 100, 100, 100, 100, 100, 100, 100, 100)
	uneven := sampleOf(10, 1000, 20, 15, 400, 12)
	for name, c := range map[string]struct {
		sample             Sample
		course             Course
		seconds, low, high int64
		enough             bool
		note               string
	}{
		"nothing measured":        {Sample{}, Course{Mailboxes: 100, AtATime: 20}, 0, 0, 0, false, "nothing was measured"},
		"nothing to be copied":    {Sample{Mailboxes: 9, Seconds: 9}, Course{Mailboxes: 100, AtATime: 20}, 0, 0, 0, false, "says nothing of others"},
		"one mailbox":             {sampleOf(60), Course{Mailboxes: 10, AtATime: 10}, 60, 0, 0, false, "Only 1 of at least 5"},
		"alike, one after other":  {alike, Course{Mailboxes: 100, AtATime: 1}, 10_000, 10_000, 10_100, true, ""},
		"alike, ten at a time":    {alike, Course{Mailboxes: 100, AtATime: 10}, 1000, 1000, 1100, true, ""},
		"more at a time":          {alike, Course{Mailboxes: 100, AtATime: 20}, 500, 500, 1100, true, "At most 10 of them were under way together"},
		"no limit is one":         {alike, Course{Mailboxes: 10}, 1000, 1000, 1100, true, ""},
		"no mailbox":              {alike, Course{AtATime: 10}, 0, 0, 100, true, ""},
		"uneven":                  {uneven, Course{Mailboxes: 60, AtATime: 6}, 2429, 0, 8000, false, "differ so much"},
		"four":                    {sampleOf(100, 100, 100, 100), Course{Mailboxes: 8, AtATime: 4}, 200, 200, 300, false, "Only 4"},
		"a ceiling":               {alike, Course{Mailboxes: 100, AtATime: 10, BytesPerSecond: 1e6}, 10_000, 10_000, 10_100, true, ""},
		"a budget of half a box":  {alike, Course{Mailboxes: 10, AtATime: 10, BytesPerDay: 40e6}, 2 * 86400, 2 * 86400, 2*86400 + 100, true, "may move in a day"},
		"a budget that is enough": {alike, Course{Mailboxes: 10, AtATime: 10, BytesPerDay: 200e6}, 100, 100, 200, true, ""},
	} {
		e := c.sample.Estimate(c.course)
		loose := func(got, want int64) bool { return got >= want-want/10 && got <= want+want/10 }
		if !loose(e.Seconds, c.seconds) || !loose(e.Low, c.low) || !loose(e.High, c.high) || e.Enough != c.enough || (c.note == "") != (e.Note == "") || !strings.Contains(e.Note, c.note) {
			t.Errorf("%s: %+v", name, e)
		}
		if e.Low > e.Seconds || e.High != 0 && e.High < e.Seconds {
			t.Errorf("%s: %d is not from %d to %d", name, e.Seconds, e.Low, e.High)
		}
	}
	if e := alike.Estimate(Course{Mailboxes: 1, AtATime: 1}); e.MessagesPerMailbox != 1000 || e.BytesPerMailbox != 100e6 || e.BytesPerSecondPerMailbox != 1e6 {
		t.Errorf("%+v", e)
	}
}
