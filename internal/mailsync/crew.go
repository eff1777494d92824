package mailsync

import (
	"sync"
	"time"
)

const (
	// nearby is the round trip below which more connections than two have no waiting
	// to fill: the servers are then as busy with two as with several, and each
	// further one costs them a process, locks and a sign-in.
	nearby = 15 * time.Millisecond
	// signIn is what a server takes for a sign-in beside the round trip, so that not
	// until a folder has been opened is it known whether a line is near.
	signIn = 15 * time.Millisecond
	// joining is how long a pass over near lines goes on with two, and then with each
	// further one, before it takes one more.
	joining = 2 * time.Second
)

// dialMore makes the lines that the work is worth. Far ones are dialled ahead
// while the folders are being paired, if this is the first pass. A line that
// cannot be had is dialled again by its worker, who knows what to do about it.
func (p *pass) dialMore(first *line) {
	if len(p.lines) == 0 {
		p.near, p.lines = first.within(nearby+signIn), []*line{first}
	}
	soon := first.target != nil && !p.near
	if soon {
		p.expectMuch()
	}
	for range p.wantedWorkers() - len(p.lines) {
		p.addLine(soon)
	}
}

// expectMuch has spare connections of a far first pass made before those of the lines are
// full, where the target leaves little unanswered.
func (p *pass) expectMuch() {
	messages := 0
	for _, f := range p.folders {
		if f.stage != done && f.pair.Source.Status != nil {
			messages += int(f.pair.Source.Status.Messages)
		}
	}
	p.seats.expect(messages)
}

// dialSecond makes a second line of a first pass before the folders are listed: few
// mailboxes are so small that one is enough, and a far sign-in takes as long as the
// list.
func (p *pass) dialSecond(first *line) {
	p.near, p.lines = first.within(nearby+signIn), []*line{first}
	if !p.near && p.connections() > 1 {
		p.addLine(true)
	}
}

// addLine makes one more line, and dials it if it is wanted soon.
func (p *pass) addLine(soon bool) {
	l := &line{job: p.Job, meter: &p.meter}
	p.lines = append(p.lines, l)
	if soon {
		l.ahead.Go(func() { _ = l.dialNow(p.work, true) })
	}
}

// within reports whether answers come within a time on both sides, as far as is known.
func (l *line) within(most time.Duration) bool {
	soon := func(s Session) bool {
		trip := s.Profile().RoundTrip
		return trip > 0 && trip < most
	}
	return l.source != nil && soon(l.source) && (l.target == nil || soon(l.target))
}

// learnDistance has the other lines join at once if this one, after some work, turns out
// not to be near.
func (p *pass) learnDistance(l *line) {
	if l.within(nearby) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.near {
		p.near = false
		p.changed.Broadcast()
	}
}

// wantedWorkers is how many lines the work is worth: one for each folder or window.
func (p *pass) wantedWorkers() int {
	windows := 0
	for _, f := range p.folders {
		if f.stage != done {
			windows++
			if f.pair.Source.Status != nil {
				windows += int(f.pair.Source.Status.Messages) / windowMessages
			}
		}
	}
	most := p.connections()
	if p.targetTraits.Load() != nil {
		most = min(most, seatsEach*p.targetConnections())
	}
	return min(most, windows)
}

// runWorkers has the lines work until nothing is left to do: far ones and the first two
// all at once, other near ones one after the other for as long as the work lasts.
func (p *pass) runWorkers(first *line) {
	if p.lines == nil {
		p.lines = []*line{first}
	}
	var all sync.WaitGroup
	begun, apart := time.Now(), time.Duration(0)
	if p.near {
		apart = joining
	}
	for i, l := range p.lines {
		all.Go(func() {
			defer l.close()
			l.ahead.Wait() // or else it keeps a folder from those who are ready
			if p.join(begun.Add(time.Duration(i-1) * apart)) {
				p.runWorker(l)
			}
		})
	}
	all.Wait()
}

// join waits until it is time to take part, or until the lines turn out to be far, and
// counts the worker in. It is false when the pass is over by then.
func (p *pass) join(due time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	alarm := time.AfterFunc(time.Until(due), p.wake)
	defer alarm.Stop()
	for p.near && time.Now().Before(due) {
		if p.stopped() || p.finished() {
			return false
		}
		p.changed.Wait()
	}
	p.workers++
	return true
}

// wake has everybody who waits look again.
func (p *pass) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changed.Broadcast()
}
