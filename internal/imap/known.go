package imap

import "sync"

// Known is what the sessions of one account know of its server. The zero value knows
// nothing. It is used by several goroutines.
type Known struct {
	mu           sync.Mutex
	capabilities [2]capabilities
}

// The states in which a server tells its capabilities.
const (
	signedOut = iota
	signedIn
)

// get gives the capabilities as they were told in a state; nil when they are not known.
func (k *Known) get(state int) capabilities {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.capabilities[state]
}

func (k *Known) put(state int, told capabilities) {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.capabilities[state] = told
}
