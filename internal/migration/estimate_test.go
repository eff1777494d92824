package migration

import (
	"strings"
	"testing"
	"time"
)

// sampleOf is the sample of mailboxes with so many seconds, each of 1,000 messages
// and 100 MB, that began together.
func sampleOf(seconds ...float64) (s Sample) {
	began := time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC)
	for _, t := range seconds {
		worked := time.Duration(t * float64(time.Second))
		s = append(s, InitialCopy{Messages: 1000, Bytes: 100e6, Worked: worked, Began: began, Done: began.Add(worked)})
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
		"nothing to be copied":    {make(Sample, 9), Course{Mailboxes: 100, AtATime: 20}, 0, 0, 0, false, "says nothing of others"},
		"one mailbox":             {sampleOf(60), Course{Mailboxes: 10, AtATime: 10}, 60, 0, 0, false, "Only 1 of at least 5"},
		"alike, one after other":  {alike, Course{Mailboxes: 100, AtATime: 1}, 10_000, 10_000, 10_100, true, ""},
		"alike, ten at a time":    {alike, Course{Mailboxes: 100, AtATime: 10}, 1000, 1000, 1100, true, ""},
		"more at a time":          {alike, Course{Mailboxes: 100, AtATime: 20}, 500, 500, 1100, true, "At most 10 of them were under way together"},
		"no limit is one":         {alike, Course{Mailboxes: 10}, 1000, 1000, 1100, true, ""},
		"no mailbox":              {alike, Course{AtATime: 10}, 0, 0, 100, true, ""},
		"uneven":                  {uneven, Course{Mailboxes: 60, AtATime: 6}, 2897, 0, 9172, false, "differ so much"},
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

// sized is a sample of mailboxes that take 5 s each, 1 s for 1 MB and 1 s for 50 messages.
func sized(sizes ...MailboxSize) (s Sample) {
	for _, size := range sizes {
		seconds := 5 + float64(size.Bytes)/1e6 + float64(size.Messages)/50
		s = append(s, InitialCopy{Messages: size.Messages, Bytes: size.Bytes, Worked: time.Duration(seconds * float64(time.Second))})
	}
	return s
}

func TestAnEstimateOfKnownSizesGoesByWhatMakesThemSlow(t *testing.T) {
	sample := sized(MailboxSize{50, 100e6}, MailboxSize{5000, 10e6}, MailboxSize{500, 40e6}, MailboxSize{0, 0}, MailboxSize{2500, 200e6}, MailboxSize{100, 1e6}, MailboxSize{900, 90e6})
	ahead := []MailboxSize{{10_000, 1e6}, {10, 900e6}, {3000, 300e6}}
	var want float64
	for _, c := range sized(ahead...) {
		want += c.Worked.Seconds()
	}
	e := sample.Estimate(Course{Sizes: ahead, AtATime: 1})
	if got := float64(e.Seconds); got < want*0.99 || got > want*1.01 || e.Sized != 3 || e.Bytes != 1201e6 || e.Messages != 13_010 {
		t.Errorf("want %.0f s: %+v", want, e)
	}
	if e.Low > e.Seconds || e.High < e.Seconds {
		t.Errorf("%+v", e)
	}
}

// smallOnes are the six small mailboxes of a pilot, in which every one takes as long as
// any: 300 kB in 9 s.
func smallOnes() (s Sample) {
	for i, bytes := range []int64{80e3, 20e3, 60e3, 30e3, 60e3, 50e3} {
		worked := 1500*time.Millisecond + time.Duration(i%2)*10*time.Millisecond
		began := time.Date(2026, 3, 1, 1, 0, 0, 0, time.UTC)
		s = append(s, InitialCopy{Messages: []int64{10, 7, 11, 8, 12, 9}[i], Bytes: bytes, Worked: worked, Began: began, Done: began.Add(worked)})
	}
	return s
}

func TestAPilotOfSmallMailboxesPromisesNothingOfLargeOnes(t *testing.T) {
	sample, large := smallOnes(), make([]MailboxSize, 100)
	if c, _ := sample.cost(); c.perByte != 0 {
		t.Fatalf("%+v has a time for bytes", c)
	}
	for i := range large {
		large[i] = MailboxSize{20_000, 5e9}
	}
	measured := sample.totals()
	for name, course := range map[string]Course{"sizes": {Sizes: large, AtATime: 6}, "the sum": {Mailboxes: 100, Bytes: 500e9, AtATime: 6}} {
		e := sample.Estimate(course)
		if least := 500e9 / float64(measured.bytes) * measured.worked / 6; float64(e.High) < least || float64(e.Seconds) < least {
			t.Errorf("%s: %d s, %d s at most; at the rate of the pilot it is %.0f s", name, e.Seconds, e.High, least)
		}
		if e.Enough || e.Low > e.Seconds/100 || !strings.Contains(e.Note, "100 % of the bytes are in mailboxes") || !strings.Contains(e.Note, "does not show") {
			t.Errorf("%s: %+v", name, e)
		}
	}
	alike := sample.Estimate(Course{Sizes: []MailboxSize{{9, 70e3}, {8, 40e3}}, AtATime: 1})
	if alike.Seconds > 5 || !alike.Enough || strings.Contains(alike.Note, "of the bytes are") {
		t.Errorf("like those measured: %+v", alike)
	}
}

// A time for bytes is taken for larger mailboxes, too; the note and the range say how unsure that is.
func TestAnEstimateOfMuchLargerMailboxesSaysSo(t *testing.T) {
	sample := sized(MailboxSize{50, 100e6}, MailboxSize{5000, 10e6}, MailboxSize{500, 40e6}, MailboxSize{0, 0}, MailboxSize{2500, 200e6}, MailboxSize{100, 1e6}, MailboxSize{900, 90e6})
	measured := sample.totals()
	e := sample.Estimate(Course{Sizes: []MailboxSize{{100, 100e6}, {100, 900e6}}, AtATime: 1})
	if least := 1e9 / float64(measured.bytes) * measured.worked; e.Enough || !strings.Contains(e.Note, "90 % of the bytes") || float64(e.High) < least || e.Seconds > 1050 {
		t.Errorf("%+v, want %.0f s or more at most", e, least)
	}
}

func TestAllMailboxesHoldTogetherWhatIsSaid(t *testing.T) {
	uneven := sized(MailboxSize{50, 100e6}, MailboxSize{5000, 10e6}, MailboxSize{500, 40e6}, MailboxSize{0, 0}, MailboxSize{2500, 200e6}, MailboxSize{100, 1e6}, MailboxSize{900, 90e6})
	perMessage := 441e6 / 9050.0
	for _, mailboxes := range []int{1, 2, 3, 5, 7, 100, 12_345, 54_321} {
		for _, c := range []Course{{Bytes: 1e12}, {Messages: 1e6}, {Bytes: 1e12, Messages: 1e6}} {
			c.Mailboxes, c.AtATime = mailboxes, 10
			want := c
			if c.Bytes == 0 {
				want.Bytes = int64(1e6 * perMessage)
			}
			if c.Messages == 0 {
				want.Messages = int64(1e12 / perMessage)
			}
			e := uneven.Estimate(c)
			if near := func(a, b int64) bool { return max(a-b, b-a) <= 1 }; !near(e.Bytes, want.Bytes) || !near(e.Messages, want.Messages) {
				t.Errorf("%d mailboxes with %d messages and %d bytes: %d and %d to be copied", mailboxes, c.Messages, c.Bytes, e.Messages, e.Bytes)
			}
		}
	}
	empty := sized(MailboxSize{0, 0}, MailboxSize{0, 0}, MailboxSize{0, 0}, MailboxSize{100, 1e6})
	if e := empty.Estimate(Course{Mailboxes: 1, Bytes: 5e6}); e.Bytes != 5e6 || e.Messages != 500 {
		t.Errorf("like an empty one: %+v", e)
	}
}

func TestPausesBetweenPassesDelayAMailboxAndHoldUpNoOther(t *testing.T) {
	sample := sampleOf(100, 100, 100, 100, 100, 100)
	for i := range sample {
		sample[i].Done = sample[i].Done.Add(300 * time.Second)
	}
	e := sample.Estimate(Course{Mailboxes: 60, AtATime: 6})
	if e.Seconds != 10*100+300 || e.PausedSeconds != 1800 || !strings.Contains(e.Note, "300 %") {
		t.Errorf("%+v", e)
	}
}

func TestAnEstimateOfVeryManyIsAsGoodAsThatOfMany(t *testing.T) {
	sample := sampleOf(10, 20, 30, 40, 50, 60)
	few, many := sample.Estimate(Course{Mailboxes: 6000, AtATime: 10}), sample.Estimate(Course{Mailboxes: 6_000_000, AtATime: 10})
	if ratio := float64(many.Seconds) / float64(few.Seconds); ratio < 990 || ratio > 1010 {
		t.Errorf("%d and %d", few.Seconds, many.Seconds)
	}
}
