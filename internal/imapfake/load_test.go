package imapfake

import (
	"fmt"
	"sync"
	"testing"
)

// TestManySessionsAtOnce lets sessions of one mailbox and a test's hands work on
// the same folder, for the race detector, and checks that nobody's view broke.
func TestManySessionsAtOnce(t *testing.T) {
	s := serve(t, Options{Record: RecordOptions{Canaries: [][]byte{[]byte("nothing")}}})
	m := s.AddUser("u", "p")
	m.Create("to")
	const rounds, sessions = 30, 4
	clients := make([]*client, sessions)
	for i := range clients {
		clients[i] = dial(t, s)
		clients[i].ok("LOGIN u p")
		clients[i].ok("SELECT INBOX")
	}
	var running sync.WaitGroup
	for i, c := range clients {
		running.Go(func() {
			for round := range rounds {
				c.ok("APPEND INBOX (\\Seen) {5+}\r\nhello")
				c.ok("UID FETCH 1:* (FLAGS BODY.PEEK[])")
				c.ok(`UID STORE %d +FLAGS (k%d)`, round*sessions+i+1, i)
				c.ok("UID MOVE %d to", round*sessions+i+1)
				c.ok("NOOP")
				c.ok("STATUS to (MESSAGES)")
			}
		})
	}
	running.Go(func() {
		for round := range rounds {
			m.Deliver("INBOX", []byte("world"), epoch)
			_ = m.Expunge("INBOX", 3)
			_ = m.SetFlags("INBOX", 5, fmt.Sprint("f", round))
			m.Messages("to")
		}
	})
	running.Wait()
	want := m.Len("INBOX")
	for _, c := range clients {
		c.ok("NOOP")
		if want > 0 {
			contains(t, c.ok("FETCH %d UID", want), fmt.Sprintf("* %d FETCH", want))
		}
		c.bad("FETCH %d UID", want+1)
	}
	expunged := m.Len("to")
	if want+expunged < rounds*(sessions+1)-1 {
		t.Errorf("%d + %d messages are left of %d", want, expunged, rounds*(sessions+1))
	}
}
