package cli

import (
	"sync"

	"github.com/mailhaul/mailhaul/internal/mailsync"
)

// paces are what passes have learned of the patience of targets, by mailbox, so that
// the pass after a pause does not begin as if there had been none. A new process learns
// anew.
type paces struct {
	mu     sync.Mutex
	byName map[string]*mailsync.Pace
}

// of gives the pace of a target mailbox.
func (p *paces) of(identity string) *mailsync.Pace {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byName == nil {
		p.byName = map[string]*mailsync.Pace{}
	}
	if p.byName[identity] == nil {
		p.byName[identity] = &mailsync.Pace{}
	}
	return p.byName[identity]
}
