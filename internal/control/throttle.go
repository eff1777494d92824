package control

import (
	"net/netip"
	"sync"
	"time"
)

// The pauses after wrong passwords: after so many free tries they double, from one
// second to a quarter of an hour. Nobody is ever locked out.
const (
	freeForAccount = 3
	freeForAddress = 10
	firstPause     = time.Second
	longestPause   = 15 * time.Minute
	// forgetAfter is when a failure is forgotten.
	forgetAfter = 2 * longestPause
	// throttled is how many accounts and addresses are remembered.
	throttled = 20_000
)

// throttle slows down who guesses passwords. It knows accounts and addresses by
// what they are called, whether there are such or not.
type throttle struct {
	mu    sync.Mutex
	known map[string]*failures
}

type failures struct {
	count int
	last  time.Time
	until time.Time
}

func newThrottle() *throttle { return &throttle{known: map[string]*failures{}} }

// attempt is one try to sign in.
type attempt struct{ account, address string }

func (a attempt) keys() map[string]int {
	return map[string]int{"account " + lower(a.account): freeForAccount, "address " + network(a.address): freeForAddress}
}

// network is the address, for IPv6 its /64, which is one customer's.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if ip = ip.Unmap(); ip.Is6() {
		if prefix, err := ip.WithZone("").Prefix(64); err == nil {
			return prefix.String()
		}
	}
	return ip.String()
}

// begin lets a try through, or says how long to wait. A try counts as a failure
// until it has succeeded, so that many at once gain nothing.
func (t *throttle) begin(a attempt) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	for key := range a.keys() {
		if f := t.known[key]; f != nil {
			wait = max(wait, f.until.Sub(now))
		}
	}
	if wait > 0 {
		return wait
	}
	t.forget(now)
	for key, free := range a.keys() {
		f := t.known[key]
		if f == nil || now.Sub(f.last) > forgetAfter {
			f = &failures{}
			t.known[key] = f
		}
		f.count++
		f.last = now
		f.until = now.Add(pause(f.count - free))
	}
	return 0
}

// pause is the wait after so many failures beyond the free ones.
func pause(beyond int) time.Duration {
	switch {
	case beyond <= 0:
		return 0
	case beyond > 10:
		return longestPause
	default:
		return min(firstPause<<(beyond-1), longestPause)
	}
}

// succeeded forgets the failures of the account, and of the address this one only:
// who has one account must not guess others for free.
func (t *throttle) succeeded(a attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.known, "account "+lower(a.account))
	if f := t.known["address "+network(a.address)]; f != nil {
		f.count--
		f.until = time.Time{}
	}
}

// excused takes back a try that was neither right nor wrong, such as a right password
// whose code is still to come. Unlike success it forgets no failure before it: who has
// the password must not guess codes for free.
func (t *throttle) excused(a attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key := range a.keys() {
		if f := t.known[key]; f != nil {
			f.count--
			f.until = time.Time{}
		}
	}
}

// forget makes room: what is old goes, and if that is not enough what is least
// suspicious.
func (t *throttle) forget(now time.Time) {
	if len(t.known) < throttled {
		return
	}
	for key, f := range t.known {
		if now.Sub(f.last) > forgetAfter {
			delete(t.known, key)
		}
	}
	for key, f := range t.known {
		if len(t.known) < throttled*3/4 {
			return
		}
		if !f.until.After(now) {
			delete(t.known, key)
		}
	}
	if len(t.known) >= throttled {
		clear(t.known)
	}
}
