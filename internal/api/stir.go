package api

import (
	"sync"
	"time"
)

// stir has those who watch look again at once after something was asked for, so that
// who asked and everybody else see it without waiting for their next look.
type stir struct {
	mu   sync.Mutex
	next chan struct{}
	last time.Time
}

// watch gives what is closed at the next stir, and when the last one was.
func (s *stir) watch() (next <-chan struct{}, last time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == nil {
		s.next = make(chan struct{})
	}
	return s.next, s.last
}

func (s *stir) now() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = time.Now()
	if s.next != nil {
		close(s.next)
		s.next = nil
	}
}
