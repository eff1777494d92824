package api

import (
	"sync"
	"time"
)

// limiter allows each name so many times in a while.
type limiter struct {
	most  int
	while time.Duration

	mu    sync.Mutex
	times map[string][]time.Time
}

func newLimiter(most int, while time.Duration) *limiter {
	return &limiter{most: most, while: while, times: map[string][]time.Time{}}
}

// allow counts one more of the name, unless it had its share; then it says how
// long until the next.
func (l *limiter) allow(name string) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for other, times := range l.times {
		if now.Sub(times[len(times)-1]) > l.while {
			delete(l.times, other)
		}
	}
	times := l.times[name]
	for len(times) > 0 && now.Sub(times[0]) >= l.while {
		times = times[1:]
	}
	if len(times) >= l.most {
		l.times[name] = times
		return l.while - now.Sub(times[0]), false
	}
	l.times[name] = append(times, now)
	return 0, true
}

// places bound what is under way at a time: in all, and of each operator.
type places struct {
	most, each int

	mu  sync.Mutex
	all int
	of  map[int64]int
}

func newPlaces(most, each int) *places {
	return &places{most: most, each: each, of: map[int64]int{}}
}

// take takes a place for an operator, if one is free.
func (p *places) take(operator int64) (leave func(), ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all >= p.most || p.of[operator] >= p.each {
		return nil, false
	}
	p.all++
	p.of[operator]++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.all--
		if p.of[operator]--; p.of[operator] == 0 {
			delete(p.of, operator)
		}
	}, true
}
