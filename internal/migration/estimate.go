package migration

import (
	"container/heap"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// MailboxSize is what a mailbox holds. Bytes are 0 where they are not known.
type MailboxSize struct {
	Messages int64 `json:"messages" minimum:"0"`
	Bytes    int64 `json:"bytes" minimum:"0" doc:"0 where they are not known"`
}

// Course is which mailboxes are to be copied, and under which limits.
type Course struct {
	// Mailboxes is how many; with Sizes it is their number.
	Mailboxes int
	// Sizes are those of the mailboxes, in the order in which they are copied. Without,
	// the mailboxes are like those of the sample, as often as each was met.
	Sizes []MailboxSize
	// Messages and Bytes are what all mailboxes hold together, where only that is known;
	// 0 is what the sample lets expect.
	Messages, Bytes int64
	// AtATime is how many mailboxes are copied at a time, Connections how many each opens
	// to each server at most; those of the sample opened ConnectionsMeasured.
	AtATime, Connections, ConnectionsMeasured int
	// BytesPerSecond and MessagesPerSecond are what gets through for all together,
	// BytesPerDay what an account may move in a day; 0 is no such limit.
	BytesPerSecond    int64
	MessagesPerSecond float64
	BytesPerDay       int64
	// Within is the time that a batch has, such as a night; 0 asks for no batches.
	Within time.Duration
}

// What a forecast is decided by.
const (
	LimitMailboxes = "mailboxes-at-a-time"
	LimitRate      = "rate"
	LimitDayBudget = "day-budget"
	LimitLargest   = "largest-mailbox"
)

// Estimate is how long initial copies are likely to take.
type Estimate struct {
	Measured                    int         `json:"mailboxesMeasured" doc:"Mailboxes whose initial copy was measured"`
	From                        time.Time   `json:"from,omitzero" doc:"When the first of them began"`
	To                          time.Time   `json:"to,omitzero" doc:"When the last of them was done"`
	AtATimeMeasured             int         `json:"atATimeMeasured" doc:"How many of them were under way together at most"`
	StalledSeconds              int64       `json:"stalledSeconds" doc:"How long nothing moved in all their passes, pauses that were sat out among it"`
	PausedSeconds               int64       `json:"pausedSeconds" doc:"How long they lay between passes: pauses that a server asked for, budgets of days, the turns of others, halts"`
	MessagesPerMailbox          float64     `json:"messagesPerMailbox"`
	BytesPerMailbox             int64       `json:"bytesPerMailbox"`
	BytesPerSecondPerMailbox    int64       `json:"bytesPerSecondPerMailbox"`
	MessagesPerSecondPerMailbox float64     `json:"messagesPerSecondPerMailbox"`
	BytesPerSecondPerConnection int64       `json:"bytesPerSecondPerConnection" doc:"For each connection that a mailbox of the batch may open to a server"`
	Mailboxes                   int         `json:"mailboxes" doc:"How many the estimate is for"`
	Sized                       int         `json:"mailboxesSized" doc:"How many of these have a known size; the others are taken for like those measured"`
	Messages                    int64       `json:"messages" doc:"What they hold together, as far as is known"`
	Bytes                       int64       `json:"bytes"`
	AtATime                     int         `json:"atATime" doc:"Mailboxes at a time"`
	ConnectionsPerMailbox       int         `json:"connectionsPerMailbox" doc:"How many each may open to each server"`
	Connections                 int         `json:"connections" doc:"How many each server sees at most"`
	BytesPerSecond              int64       `json:"bytesPerSecond" doc:"What goes over the network on average"`
	Seconds                     int64       `json:"seconds" doc:"How long it takes; 0 when nothing can be said"`
	Low                         int64       `json:"low" doc:"Seconds it takes at least, in 19 of 20 cases; 0 when nothing can be said"`
	High                        int64       `json:"high" doc:"Seconds it takes at most, in 19 of 20 cases; 0 when nothing can be said"`
	Limit                       string      `json:"limit,omitempty" enum:"mailboxes-at-a-time,rate,day-budget,largest-mailbox" doc:"What decides how long it takes"`
	WithinSeconds               int64       `json:"withinSeconds,omitempty" doc:"The time that a batch has"`
	MailboxesWithin             int         `json:"mailboxesWithin,omitempty" doc:"How many are copied in that time, in 19 of 20 cases where that can be said; 0 when none is"`
	Batches                     int         `json:"batches,omitempty" doc:"In how many batches of that time all are"`
	Enough                      bool        `json:"enough" doc:"The sample is large and even enough to plan with"`
	Note                        string      `json:"note,omitempty" doc:"What to know before planning with it"`
	Comparison                  *Comparison `json:"comparison,omitempty" doc:"How the batch compares with another"`
}

const (
	// leastMeasured is how many mailboxes must have been measured, and loosest how far
	// the mean may be off, to plan with.
	leastMeasured = 5
	loosest       = 0.5
	// mostPlayed is how many mailboxes are gone through one by one; of more, so many
	// stand for all.
	mostPlayed = 20_000
	// stretch is how many times as large as the largest mailbox measured another may be for
	// the sample to say something of it, and stretchedMost which part of the bytes may lie
	// in larger ones to plan with.
	stretch       = 3
	stretchedMost = 0.1
	// mostly is from which part of the whole on the last mailbox is what decides.
	mostly = 0.9
)

// Estimate says how long mailboxes take, going by those of the sample. It takes copying
// for as fast in the future as it was. It lets the mailboxes go one after the other, so
// many at a time, each as long as one of its size took, and asks then whether the limits
// bear that. Without sizes the sample counts as a random choice of all.
func (s Sample) Estimate(c Course) Estimate {
	if len(c.Sizes) > 0 {
		c.Mailboxes = len(c.Sizes)
	}
	t := s.totals()
	e := Estimate{Measured: len(s), From: t.began, To: t.done, AtATimeMeasured: t.atATime, Mailboxes: c.Mailboxes, Sized: len(c.Sizes), WithinSeconds: int64(c.Within.Seconds()),
		AtATime: max(c.AtATime, 1), ConnectionsPerMailbox: max(c.Connections, 1), StalledSeconds: int64(t.stalled), PausedSeconds: int64(t.paused)}
	e.Connections = e.AtATime * e.ConnectionsPerMailbox
	if len(s) == 0 {
		e.Note = "No mailbox has its initial copy yet: nothing was measured."
		return e
	}
	n := float64(len(s))
	e.MessagesPerMailbox, e.BytesPerMailbox = float64(t.messages)/n, t.bytes/int64(len(s))
	if t.bytes == 0 || t.worked <= 0 {
		e.Note = "The mailboxes with an initial copy had nothing to be copied, which says nothing of others."
		return e
	}
	e.BytesPerSecondPerMailbox, e.MessagesPerSecondPerMailbox = int64(float64(t.bytes)/t.worked), float64(t.messages)/t.worked
	e.BytesPerSecondPerConnection = e.BytesPerSecondPerMailbox / int64(max(c.ConnectionsMeasured, 1))
	f := newForecast(s, t, c)
	all := f.of(c.Mailboxes)
	e.Messages, e.Bytes = int64(math.Round(all.messages)), int64(math.Round(all.bytes))
	e.Seconds, e.Limit = whole(all.seconds), all.limit
	if len(s) > 1 {
		e.Low, e.High = min(whole(f.low(c.Mailboxes)), e.Seconds), max(whole(f.high(c.Mailboxes)), e.Seconds)
	}
	if e.Seconds > 0 {
		e.BytesPerSecond = e.Bytes / e.Seconds
	}
	if c.Within > 0 {
		e.MailboxesWithin, e.Batches = f.within()
	}
	margin := f.margin(c.Mailboxes)
	e.Enough = len(s) >= leastMeasured && margin <= loosest && all.stretched <= stretchedMost*all.bytes
	e.Note = strings.Join(f.notes(e, margin, all.stretched), " ")
	return e
}

func whole(seconds float64) int64 { return int64(math.Ceil(seconds)) }

// forecast lets mailboxes take their course.
type forecast struct {
	sample Sample
	totals totals
	course Course
	cost   cost
	// off is the standard deviation of what one mailbox takes from what is taken for it.
	off float64
	// sorted are the seconds that the mailboxes of the sample took, with their sizes.
	sorted []errand
	// largest is how many bytes the largest of them had.
	largest float64
	// pausing is how long a mailbox lies between passes for a second at work.
	pausing float64
}

// errand is the copying of one mailbox.
type errand struct{ seconds, messages, bytes float64 }

// stretched reports whether the mailbox is so large that the sample says little of it.
func (f *forecast) stretched(e errand) bool { return e.bytes > stretch*f.largest }

// atRate is how long a mailbox takes whose bytes go as fast as those of the sample went on
// average, at least.
func (f *forecast) atRate(e errand) float64 {
	return max(e.seconds, e.bytes*f.totals.worked/float64(f.totals.bytes))
}

// sized reports whether something is known of what the mailboxes hold. Otherwise they are
// those of the sample, whose seconds were measured.
func (f *forecast) sized() bool {
	return len(f.course.Sizes) > 0 || f.course.Messages > 0 || f.course.Bytes > 0
}

// outcome is what a course comes to.
type outcome struct {
	seconds, messages, bytes float64
	stretched                float64 // bytes in mailboxes of which the sample says little
	limit                    string
}

func newForecast(s Sample, t totals, c Course) *forecast {
	f := &forecast{sample: s, totals: t, course: c, pausing: t.paused / t.worked}
	f.cost, f.off = s.cost()
	for _, copy := range s {
		f.sorted = append(f.sorted, errand{copy.Worked.Seconds(), float64(copy.Messages), float64(copy.Bytes)})
		f.largest = max(f.largest, float64(copy.Bytes))
	}
	slices.SortFunc(f.sorted, func(a, b errand) int {
		if a.seconds < b.seconds {
			return -1
		}
		return 1
	})
	if len(c.Sizes) == 0 {
		n := float64(len(s))
		f.off = math.Sqrt(max(t.squares-t.worked*t.worked/n, 0) / max(n-1, 1))
	}
	return f
}

// of is what the first so many mailboxes come to. Where the sample knows no time for
// bytes, those that are much larger than its own take as long as its rate says.
func (f *forecast) of(mailboxes int) outcome {
	return f.play(mailboxes, f.course.AtATime, func(e errand) float64 {
		if f.cost.perByte == 0 && f.stretched(e) {
			return f.atRate(e)
		}
		return e.seconds
	})
}

// low and high are the seconds that they take at least and at most, in 19 of 20 cases. At
// worst more at a time than were measured bring nothing more, no mailbox of a size that was
// told is faster than those of the sample were on average, and one that takes as long as any
// comes last.
func (f *forecast) low(mailboxes int) float64 {
	times := max(1-f.margin(mailboxes), 0)
	return f.play(mailboxes, f.course.AtATime, func(e errand) float64 { return e.seconds * times }).seconds
}

func (f *forecast) high(mailboxes int) float64 {
	times := 1 + f.margin(mailboxes)
	atATime := min(max(f.course.AtATime, 1), max(f.totals.atATime, 1))
	return f.play(mailboxes, atATime, func(e errand) float64 {
		if f.sized() {
			return max(e.seconds*times, f.atRate(e))
		}
		return e.seconds * times
	}).seconds + f.totals.longest
}

// play lets so many mailboxes go, so many at a time, each as long as is said.
func (f *forecast) play(mailboxes, atATime int, takes func(errand) float64) (o outcome) {
	played := min(mailboxes, mostPlayed)
	if played == 0 {
		return o
	}
	errands := f.errands(mailboxes, played)
	stand := float64(mailboxes) / float64(played) // for so many each
	places := make(places, min(max(atATime, 1), played))
	var largest, longest float64
	for _, e := range errands {
		if f.stretched(e) {
			o.stretched += e.bytes * stand
		}
		e.seconds = takes(e)
		places[0] += e.seconds
		end := places[0] + e.seconds*f.pausing
		heap.Fix(&places, 0)
		o.seconds = max(o.seconds, end)
		o.messages, o.bytes = o.messages+e.messages*stand, o.bytes+e.bytes*stand
		largest, longest = max(largest, e.bytes), max(longest, e.seconds*(1+f.pausing))
	}
	o.seconds, o.limit = o.seconds*stand, LimitMailboxes
	if longest >= mostly*o.seconds {
		o.limit = LimitLargest
	}
	f.limit(&o, largest)
	return o
}

// limit has an outcome take no less than the limits let it.
func (f *forecast) limit(o *outcome, largest float64) {
	bound := func(seconds float64, limit string) {
		if seconds > o.seconds {
			o.seconds, o.limit = seconds, limit
		}
	}
	c := f.course
	if c.BytesPerSecond > 0 {
		bound(o.bytes/float64(c.BytesPerSecond), LimitRate)
	}
	if c.MessagesPerSecond > 0 {
		bound(o.messages/c.MessagesPerSecond, LimitRate)
	}
	if c.BytesPerDay > 0 {
		const day = 24 * time.Hour
		bound(math.Floor(largest/float64(c.BytesPerDay))*day.Seconds(), LimitDayBudget)
	}
}

// errands are so many of the mailboxes, which stand for all. Without sizes each stands
// for as large a part of the sample, in an order that no size decides.
func (f *forecast) errands(mailboxes, played int) []errand {
	errands := make([]errand, played)
	if sizes := f.course.Sizes; len(sizes) > 0 {
		perMessage := float64(f.totals.bytes) / math.Max(float64(f.totals.messages), 1)
		for i := range errands {
			size := sizes[i*mailboxes/played]
			if size.Bytes == 0 {
				size.Bytes = int64(float64(size.Messages) * perMessage)
			}
			errands[i] = errand{f.cost.of(size), float64(size.Messages), float64(size.Bytes)}
		}
		return errands
	}
	for i := range errands {
		errands[i] = f.sorted[int((float64(i)+0.5)*float64(len(f.sorted))/float64(played))]
	}
	f.fill(errands)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(errands), func(i, j int) { errands[i], errands[j] = errands[j], errands[i] }) //nolint:gosec // an order, and the same each time
	return errands
}

// fill has errands hold together their share of what all mailboxes hold, where that is
// known, each as large a part of it as it was in the sample.
func (f *forecast) fill(errands []errand) {
	if !f.sized() {
		return
	}
	var sum errand
	for _, e := range errands {
		sum.messages, sum.bytes = sum.messages+e.messages, sum.bytes+e.bytes
	}
	messages, bytes := f.together()
	share := float64(len(errands)) / float64(f.course.Mailboxes)
	part := func(of, sum float64) float64 {
		if sum == 0 {
			return 1 / float64(len(errands)) // only empty ones were met
		}
		return of / sum
	}
	for i := range errands {
		e := &errands[i]
		e.messages, e.bytes = messages*share*part(e.messages, sum.messages), bytes*share*part(e.bytes, sum.bytes)
		e.seconds = f.cost.of(MailboxSize{int64(e.messages), int64(e.bytes)})
	}
}

// together is what all mailboxes hold. What is known of messages says it of bytes, too, and
// the other way round.
func (f *forecast) together() (messages, bytes float64) {
	perMessage := float64(f.totals.bytes) / max(float64(f.totals.messages), 1)
	messages, bytes = float64(f.course.Messages), float64(f.course.Bytes)
	switch {
	case messages == 0:
		messages = bytes / perMessage
	case bytes == 0:
		bytes = messages * perMessage
	}
	return messages, bytes
}

// places are when the places of the mailboxes under way are free again, the first first.
type places []float64

func (p places) Len() int           { return len(p) }
func (p places) Less(i, j int) bool { return p[i] < p[j] }
func (p places) Swap(i, j int)      { p[i], p[j] = p[j], p[i] }

// Push is of no use: there are as many as ever.
func (p *places) Push(any) {}

// Pop is of no use, either.
func (p *places) Pop() any { return nil }

// margin is how far the mean time of so many mailboxes may be off, as a part of it, in 19
// of 20 cases: Student's t for both means. With one mailbox it is all.
func (f *forecast) margin(further int) float64 {
	n := len(f.sample)
	if n < 2 {
		return 1
	}
	quantiles := []float64{12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23}
	quantile := 2.1
	if at := n - 2; at < len(quantiles) {
		quantile = quantiles[at]
	}
	return quantile * f.off * math.Sqrt(1/float64(n)+1/float64(max(further, 1))) / (f.totals.worked / float64(n))
}

// within is how many mailboxes fit into the time that a batch has, and how many batches all take.
func (f *forecast) within() (mailboxes, batches int) {
	fits := func(n int) bool {
		seconds := f.of(n).seconds
		if len(f.sample) > 1 {
			seconds = max(seconds, f.high(n))
		}
		return seconds <= f.course.Within.Seconds()
	}
	low, high := 0, f.course.Mailboxes // low fits
	for low < high {
		if middle := (low + high + 1) / 2; fits(middle) {
			low = middle
		} else {
			high = middle - 1
		}
	}
	if low == 0 {
		return 0, 0
	}
	return low, (f.course.Mailboxes + low - 1) / low
}

// notes say what the numbers do not: off is how far the mean may be off, stretched how many
// bytes lie in mailboxes of which the sample says little.
func (f *forecast) notes(e Estimate, off, stretched float64) (notes []string) {
	c := f.course
	tell := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	switch {
	case e.Measured < leastMeasured:
		tell("Only %d of at least %d mailboxes were measured.", e.Measured, leastMeasured)
	case off > loosest:
		tell("The mailboxes differ so much that their mean may be off by %d %%; measure more of them.", int(math.Ceil(off*100)))
	}
	if part := stretched / max(float64(e.Bytes), 1); part > stretchedMost {
		tell("%d %% of the bytes are in mailboxes that are more than %d times as large as any that was measured: measure some that large.", int(100*part), stretch)
	}
	if f.sized() && f.cost.perByte == 0 {
		notes = append(notes, "How long bytes take does not show in the mailboxes measured; the upper end goes by their rate. Measure large ones and small ones alike.")
	}
	if e.AtATimeMeasured < e.AtATime && c.Mailboxes > e.AtATimeMeasured {
		tell("At most %d of them were under way together; with %d at a time the servers may be slower for each.", e.AtATimeMeasured, e.AtATime)
	}
	if c.BytesPerDay > 0 && (e.BytesPerMailbox > c.BytesPerDay || e.Limit == LimitDayBudget) {
		notes = append(notes, "A mailbox has more than an account may move in a day.")
	}
	if f.totals.paused > f.totals.worked/10 {
		tell("They lay between passes for %d %% of the time that they were at work: pauses that a server asked for, the turns of others, or halts.", int(100*f.pausing))
	}
	if c.Within > 0 && e.MailboxesWithin == 0 && c.Mailboxes > 0 {
		notes = append(notes, "Not even one mailbox is sure to be copied in the time that a batch has.")
	}
	return notes
}
