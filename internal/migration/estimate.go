package migration

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Sample sums up what the initial copies of some mailboxes took.
type Sample struct {
	Mailboxes       int
	Messages, Bytes int64
	// Seconds at work, the sum of their squares, and those of the mailbox that took
	// longest.
	Seconds, SquaredSeconds, Longest float64
}

// Course is under which limits mailboxes are to be copied.
type Course struct {
	Mailboxes int
	// AtATime is how many the endpoints allow.
	AtATime int
	// BytesPerSecond is the ceiling of both endpoints, BytesPerDay what an account may
	// move in a day; 0 is none.
	BytesPerSecond, BytesPerDay int64
}

// Estimate is how long initial copies are likely to take.
type Estimate struct {
	Measured                 int     `json:"mailboxesMeasured" doc:"Mailboxes whose initial copy was measured"`
	Mailboxes                int     `json:"mailboxes" doc:"How many the estimate is for"`
	MessagesPerMailbox       float64 `json:"messagesPerMailbox"`
	BytesPerMailbox          int64   `json:"bytesPerMailbox"`
	BytesPerSecondPerMailbox int64   `json:"bytesPerSecondPerMailbox"`
	AtATime                  int     `json:"atATime" doc:"Mailboxes that the endpoints allow at a time"`
	Seconds                  int64   `json:"seconds" doc:"How long it takes; 0 when nothing can be said"`
	Low                      int64   `json:"low" doc:"Seconds it takes at least, in 19 of 20 cases; 0 when nothing can be said"`
	High                     int64   `json:"high" doc:"Seconds it takes at most, in 19 of 20 cases; 0 when nothing can be said"`
	Enough                   bool    `json:"enough" doc:"The sample is large and even enough to plan with"`
	Note                     string  `json:"note,omitempty" doc:"What to know before planning with it"`
}

const (
	// leastMeasured is how many mailboxes must have been measured, and loosest how far
	// the mean may be off, to plan with.
	leastMeasured = 5
	loosest       = 0.5
)

// Estimate says how long mailboxes like those of the sample take. It takes them for
// a random choice of all, and copying for as fast in the future as it was.
func (s Sample) Estimate(c Course) Estimate {
	e := Estimate{Measured: s.Mailboxes, Mailboxes: c.Mailboxes, AtATime: max(c.AtATime, 1)}
	if s.Mailboxes == 0 {
		e.Note = "No mailbox has its initial copy yet: nothing was measured."
		return e
	}
	n := float64(s.Mailboxes)
	e.MessagesPerMailbox, e.BytesPerMailbox = float64(s.Messages)/n, s.Bytes/int64(s.Mailboxes)
	if s.Bytes == 0 || s.Seconds <= 0 {
		e.Note = "The mailboxes with an initial copy had nothing to be copied, which says nothing of others."
		return e
	}
	e.BytesPerSecondPerMailbox = int64(float64(s.Bytes) / s.Seconds)
	mean := s.Seconds / n
	margin := s.margin(c.Mailboxes)
	e.Seconds = s.course(c, mean, e.AtATime, min(s.Longest, mean*float64(c.Mailboxes)))
	if s.Mailboxes > 1 {
		// At worst more at a time than were measured bring nothing more.
		e.Low = min(s.course(c, max(mean-margin, 0), e.AtATime, 0), e.Seconds)
		e.High = max(s.course(c, mean+margin, min(e.AtATime, s.Mailboxes), 0)+int64(s.Longest), e.Seconds)
	}
	e.Enough = s.Mailboxes >= leastMeasured && margin <= loosest*mean
	e.Note = strings.Join(s.notes(c, e, margin/mean), " ")
	return e
}

// course is how many seconds mailboxes take that take so long each, so many at a
// time, but not less than the least, the ceilings and the days' budgets.
func (s Sample) course(c Course, each float64, atATime int, least float64) int64 {
	total := max(each*float64(c.Mailboxes)/float64(atATime), least)
	perMailbox := float64(s.Bytes) / float64(s.Mailboxes)
	if c.BytesPerSecond > 0 {
		total = max(total, perMailbox*float64(c.Mailboxes)/float64(c.BytesPerSecond))
	}
	if c.BytesPerDay > 0 && c.Mailboxes > 0 {
		const day = 24 * time.Hour
		total = max(total, math.Floor(perMailbox/float64(c.BytesPerDay))*day.Seconds())
	}
	return int64(math.Ceil(total))
}

// margin is how far the mean time of so many further mailboxes is off that of the
// sample, in 19 of 20 cases: Student's t for both means. With one mailbox it is all.
func (s Sample) margin(further int) float64 {
	n, mean := float64(s.Mailboxes), s.Seconds/float64(s.Mailboxes)
	if s.Mailboxes < 2 {
		return mean
	}
	variance := max(s.SquaredSeconds-n*mean*mean, 0) / (n - 1)
	quantiles := []float64{12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23}
	quantile := 2.1
	if at := s.Mailboxes - 2; at < len(quantiles) {
		quantile = quantiles[at]
	}
	return quantile * math.Sqrt(variance*(1/n+1/float64(max(further, 1))))
}

// notes say what the numbers do not.
func (s Sample) notes(c Course, e Estimate, off float64) (notes []string) {
	switch {
	case s.Mailboxes < leastMeasured:
		notes = append(notes, fmt.Sprintf("Only %d of at least %d mailboxes were measured.", s.Mailboxes, leastMeasured))
	case !e.Enough:
		notes = append(notes, fmt.Sprintf("The mailboxes differ so much that their mean may be off by %d %%; measure more of them.", int(math.Ceil(off*100))))
	}
	if s.Mailboxes < e.AtATime && c.Mailboxes > s.Mailboxes {
		notes = append(notes, fmt.Sprintf("At most %d of them were under way together; with %d at a time the servers may be slower for each.", s.Mailboxes, e.AtATime))
	}
	if c.BytesPerDay > 0 && e.BytesPerMailbox > c.BytesPerDay {
		notes = append(notes, "A mailbox has more than an account may move in a day.")
	}
	return notes
}

// MailboxSize is what a mailbox holds. Bytes are 0 where they are not known.
type MailboxSize struct {
	Messages int64 `json:"messages"`
	Bytes    int64 `json:"bytes"`
}
