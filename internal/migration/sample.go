package migration

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// InitialCopy is what the initial copy of a mailbox took.
type InitialCopy struct {
	Messages, Bytes int64
	// Worked is how long passes were at it. Stalled is how long nothing moved in all
	// passes, later ones too: short pauses that a server asks for are sat out there.
	Worked, Stalled time.Duration
	// Began and Done are when the first pass began and the last one ended. What lies
	// between them and is not Worked was spent between passes: long pauses, the budgets
	// of days, the turns of others after a slice, halts.
	Began, Done time.Time
}

// paused is how long it lay between passes.
func (c InitialCopy) paused() time.Duration { return max(c.Done.Sub(c.Began)-c.Worked, 0) }

// Sample are the initial copies of some mailboxes.
type Sample []InitialCopy

// totals are the sums over a sample.
type totals struct {
	messages, bytes         int64
	worked, paused, stalled float64 // seconds
	squares, longest        float64 // of the seconds at work
	began, done             time.Time
	atATime                 int
}

func (s Sample) totals() totals {
	t := totals{atATime: s.atATime()}
	for _, c := range s {
		seconds := c.Worked.Seconds()
		t.messages, t.bytes = t.messages+c.Messages, t.bytes+c.Bytes
		t.worked, t.paused, t.stalled = t.worked+seconds, t.paused+c.paused().Seconds(), t.stalled+c.Stalled.Seconds()
		t.squares, t.longest = t.squares+seconds*seconds, max(t.longest, seconds)
		if t.began.IsZero() || c.Began.Before(t.began) {
			t.began = c.Began
		}
		if c.Done.After(t.done) {
			t.done = c.Done
		}
	}
	return t
}

// atATime is how many were under way together at most.
func (s Sample) atATime() (most int) {
	type edge struct {
		at   time.Time
		step int
	}
	edges := make([]edge, 0, 2*len(s))
	for _, c := range s {
		edges = append(edges, edge{c.Began, 1}, edge{c.Done, -1})
	}
	// Who begins as another ends was under way with him, as far as is known.
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Or(a.at.Compare(b.at), b.step-a.step) })
	now := 0
	for _, e := range edges {
		now += e.step
		most = max(most, now)
	}
	return most
}

// cost is how many seconds a mailbox takes: so many each, for each byte and for each
// message.
type cost struct{ each, perByte, perMessage float64 }

func (c cost) of(size MailboxSize) float64 {
	return c.each + c.perByte*float64(size.Bytes) + c.perMessage*float64(size.Messages)
}

// cost finds what makes the mailboxes of the sample take as long as they do: of a time
// for each, for bytes and for messages, those that together leave the least unexplained
// for what the sample can tell apart. None of them is negative. The second figure is how
// far the seconds of one mailbox are off, as a standard deviation.
func (s Sample) cost() (best cost, off float64) {
	t := s.totals()
	n := float64(len(s))
	means := [3]float64{1, max(float64(t.bytes)/n, 1), max(float64(t.messages)/n, 1)}
	off = math.Inf(1)
	// Of equals the first counts: of mailboxes of one size, bytes.
	const each, bytes, perMessage = 0, 1, 2
	for i, terms := range [][]int{{bytes}, {perMessage}, {each, bytes}, {each, perMessage}, {bytes, perMessage}, {each, bytes, perMessage}, {each}} {
		if len(terms) >= len(s) && i > 0 {
			continue // it would explain everything
		}
		c, ok := s.fit(terms, means)
		if !ok {
			continue
		}
		var squares float64
		for _, copy := range s {
			d := copy.Worked.Seconds() - c.of(MailboxSize{copy.Messages, copy.Bytes})
			squares += d * d
		}
		// A term more must leave clearly less: with few mailboxes chance explains much.
		if d := math.Sqrt(squares / max(n-float64(len(terms)), 1)); d < off*0.95 || math.IsInf(off, 1) {
			best, off = c, d
		}
	}
	return best, off
}

// fit finds the terms by least squares, in units of their means; not ok when one is
// negative or they cannot be told apart.
func (s Sample) fit(terms []int, means [3]float64) (c cost, ok bool) {
	n := len(terms)
	rows := make([][]float64, n) // the normal equations, with the right side last
	for i := range rows {
		rows[i] = make([]float64, n+1)
	}
	for _, copy := range s {
		x := [3]float64{1, float64(copy.Bytes) / means[1], float64(copy.Messages) / means[2]}
		for i, term := range terms {
			for j, other := range terms {
				rows[i][j] += x[term] * x[other]
			}
			rows[i][n] += x[term] * copy.Worked.Seconds()
		}
	}
	var found [3]float64
	solution, ok := solve(rows)
	for i, term := range terms {
		if !ok || solution[i] < 0 {
			return cost{}, false
		}
		found[term] = solution[i] / means[term]
	}
	return cost{found[0], found[1], found[2]}, true
}

// solve solves linear equations by Gauss's elimination.
func solve(rows [][]float64) (x []float64, ok bool) {
	n := len(rows)
	for i := range rows {
		pivot := i
		for j := i + 1; j < n; j++ {
			if math.Abs(rows[j][i]) > math.Abs(rows[pivot][i]) {
				pivot = j
			}
		}
		rows[i], rows[pivot] = rows[pivot], rows[i]
		if math.Abs(rows[i][i]) < 1e-9 {
			return nil, false
		}
		for j := range rows {
			if j == i {
				continue
			}
			factor := rows[j][i] / rows[i][i]
			for k := i; k <= n; k++ {
				rows[j][k] -= factor * rows[i][k]
			}
		}
	}
	for i := range rows {
		x = append(x, rows[i][n]/rows[i][i])
	}
	return x, true
}

// Comparison holds the initial copies of a batch against those of another.
type Comparison struct {
	Batch        string    `json:"batch"`
	Measured     int       `json:"mailboxesMeasured" doc:"Mailboxes of the other batch whose initial copy was measured"`
	From         time.Time `json:"from,omitzero" doc:"When the first of them began"`
	To           time.Time `json:"to,omitzero" doc:"When the last of them was done"`
	SharedHours  float64   `json:"sharedHours" doc:"Which part of the work fell into the same hours of the day, 0 to 1"`
	SimilarHours bool      `json:"similarHours" doc:"Half of the work or more did"`
	RateRatio    float64   `json:"rateRatio" doc:"Bytes a second of a mailbox of this batch, for one of the other's; 0 when nothing can be said"`
	PausedRatio  float64   `json:"pausedRatio" doc:"Time between passes for an hour of work, for that of the other batch; 0 when nothing can be said"`
	Note         string    `json:"note" doc:"What that means"`
}

// similar is from which part of the work in the same hours of the day on two batches
// count as run at similar hours.
const similar = 0.5

// Compare holds the sample against that of another batch.
func (s Sample) Compare(batch string, other Sample) Comparison {
	ours, theirs := s.totals(), other.totals()
	c := Comparison{Batch: batch, Measured: len(other), From: theirs.began, To: theirs.done}
	if ours.bytes == 0 || theirs.bytes == 0 || ours.worked == 0 || theirs.worked == 0 {
		c.Note = "Nothing was measured that could be compared."
		return c
	}
	a, b := s.hours(), other.hours()
	for hour := range a {
		c.SharedHours += min(a[hour], b[hour])
	}
	c.SimilarHours = c.SharedHours >= similar
	c.RateRatio = float64(ours.bytes) / ours.worked / (float64(theirs.bytes) / theirs.worked)
	if theirs.paused > 0 {
		c.PausedRatio = ours.paused / ours.worked / (theirs.paused / theirs.worked)
	}
	c.Note = "They ran at different hours of the day: a server that is busier at one of them makes the rates differ."
	if c.SimilarHours {
		c.Note = "They ran at similar hours of the day: what differs is the mailboxes, the settings or the servers."
	}
	return c
}

// hoursMost bounds how long a mailbox is followed through the hours of the day.
const hoursMost = 24 * 366

// hours are which part of the time fell into each hour of the day, in UTC.
func (s Sample) hours() (share [24]float64) {
	var all float64
	for _, c := range s {
		for at, n := c.Began, 0; at.Before(c.Done) && n < hoursMost; n++ {
			next := at.Truncate(time.Hour).Add(time.Hour)
			if next.After(c.Done) {
				next = c.Done
			}
			spent := next.Sub(at).Seconds()
			share[at.UTC().Hour()] += spent
			all += spent
			at = next
		}
	}
	if all > 0 {
		for i := range share {
			share[i] /= all
		}
	}
	return share
}
