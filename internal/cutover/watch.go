package cutover

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Watch is what is remembered of a domain. It is kept as JSON.
type Watch struct {
	Domain string `json:"domain"`
	Target Target `json:"target"`
	// Stated is when an operator says that the MX records were changed, and StatedOn when
	// that was said; zero when nobody did.
	Stated   time.Time        `json:"stated,omitzero"`
	StatedOn time.Time        `json:"statedOn,omitzero"`
	Seen     map[string]Seen  `json:"seen,omitempty"`   // by address
	Caches   map[string]Cache `json:"caches,omitempty"` // by address
	// OldTTL is, in seconds, how long caches keep the old records: the longest of what the
	// servers last answered. LongestTTL is the longest of what they ever answered.
	OldTTL     int `json:"oldTTL,omitempty"`
	LongestTTL int `json:"longestTTL,omitempty"`
	// CachedUntil is until when a cache may hold old records of all that was answered.
	CachedUntil time.Time `json:"cachedUntil,omitzero"`
	// Doubted is what CachedUntil was when that was further off than a cache keeps records:
	// a clock ran ahead before, or is behind now.
	Doubted time.Time `json:"doubted,omitzero"`
	// Delegations are what the zone above said when it was last heard before the last look, by
	// zone: a domain can be a name in one, and get its own.
	Delegations map[string]Delegation `json:"delegations,omitempty"`
	// Last is the last look; its time is zero when there was none.
	Last Look `json:"last"`
}

// mostSeen bounds how many servers are remembered: those of the last look always are.
const mostSeen = 4 * mostServers

// mostAhead is how far a clock may run ahead, and longer than a look takes.
const mostAhead = time.Minute

// See adds what was seen to what is remembered. A look shortly before the last one is not
// counted: another has overtaken it. The last one was dated by a clock that ran ahead where
// a look is long before it: then nothing was seen at a time to come.
func (w Watch) See(look Look) Watch {
	if look.At.Before(w.Last.At) && w.Last.At.Sub(look.At) <= mostAhead {
		return w
	}
	former, wait := w.Last.At, w.Clock().SafeAt
	w.keepDelegation()
	w.Last, w.Seen, w.Caches = look, copied(w.Seen), copied(w.Caches)
	w.forgetAhead(former)
	known, stale := maps.Clone(w.Seen), false
	for _, s := range look.zone() {
		seen := known[s.Address]
		switch s.stand(w.Target) {
		case unheard:
			if s.Address == "" {
				continue
			}
			seen.Name, seen.Silent = cmp.Or(seen.Name, s.Name), true
		case moved:
			seen = seen.goesOnAs(sameName(known, s.Name))
			seen.Joined = seen.Joined || seen.neverHeard() && anyHeard(known)
			seen = seen.answeredNew(s, look.At, former, wait)
		default:
			// Until now caches may have got the records with their former TTL.
			ttl := max(s.ttl(), seen.oldTTL())
			w.LongestTTL = max(w.mostTTL(), ttl)
			w.CachedUntil = later(w.CachedUntil, look.At.Add(seconds(ttl)))
			seen, stale = Seen{Name: s.Name, LastOld: look.At, Serial: s.Serial, Left: seen.Left, TTL: s.ttl()}, true
		}
		w.Seen[s.Address] = seen
	}
	if stale {
		w.OldTTL = w.longestTTL()
	}
	w.leave()
	w.seeCaches()
	w.forget()
	return w
}

func copied[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return maps.Clone(m)
}

// forgetAhead mends what was dated by a clock that ran ahead: what is remembered of a time
// after the last look was seen before it, and no cache keeps what it got before then for
// longer than the longest TTL. former is the time of the look before.
func (w *Watch) forgetAhead(former time.Time) {
	at := w.Last.At
	for address, seen := range w.Seen {
		w.Seen[address] = seen.notAfter(at)
	}
	for address, c := range w.Caches {
		w.Caches[address] = c.notAfter(at)
	}
	if w.StatedOn.Sub(at) > mostAhead {
		w.StatedOn = at
	}
	most := at.Add(seconds(w.mostTTL()))
	switch {
	case w.CachedUntil.After(most):
		w.Doubted, w.CachedUntil = later(w.Doubted, w.CachedUntil), most
	case at.Sub(former) > mostUnheard && !w.Doubted.After(most): // the clock was behind, and was set
		w.Doubted, w.CachedUntil = time.Time{}, later(w.CachedUntil, w.Doubted)
	}
}

// mostTTL is the longest time, in seconds, that a cache may keep what was answered. Where
// records were seen before that was remembered, it is the longest that resolvers keep any.
func (w Watch) mostTTL() int {
	if w.LongestTTL == 0 && !w.CachedUntil.IsZero() {
		return mostCached
	}
	return min(w.LongestTTL, mostCached) // it was kept before without a bound
}

// longestTTL is the longest of what the servers of the zone last answered. What others answered
// is in CachedUntil alone: nobody can lower it.
func (w Watch) longestTTL() (longest int) {
	for _, s := range w.Last.zone() {
		if w.counts(s) && !s.Former {
			longest = max(longest, w.Seen[s.Address].TTL)
		}
	}
	return longest
}

// unseen reports whether no server was ever seen to answer the old records.
func (w Watch) unseen() bool {
	for _, seen := range w.Seen {
		if !seen.LastOld.IsZero() {
			return false
		}
	}
	return true
}

// unstated reports whether nobody knows that the MX records were changed at all: no server
// was seen to answer the old ones, and no operator says when they were changed.
func (w Watch) unstated() bool { return w.unseen() && w.Stated.IsZero() }

// counts is false for a server that does not serve the zone: it sends nobody anywhere. One that
// had the old records and refuses now may refuse us alone, and sends the world there still.
func (w Watch) counts(s Sight) bool {
	return s.Trouble != Lame || s.stand(w.Target) != unheard || w.Seen[s.Address].hadOld()
}

// forget drops servers that are no longer asked, when they have become many.
func (w Watch) forget() {
	if len(w.Seen) <= mostSeen {
		return
	}
	maps.DeleteFunc(w.Seen, func(address string, _ Seen) bool {
		return !slices.ContainsFunc(w.Last.Sights, func(s Sight) bool { return s.Address == address })
	})
}

// Retarget gives the watch another target. What was seen stays where the new one takes
// mail for the same hosts; else it was judged wrongly, and only the last look counts, anew.
// What was stated goes with what could contradict it, and caches hold what they hold.
func (w Watch) Retarget(t Target) Watch {
	if t.takesAs(w.Target) {
		w.Target = t
		return w
	}
	fresh := Watch{Domain: w.Domain, Target: t, CachedUntil: w.CachedUntil, Doubted: w.Doubted, LongestTTL: w.LongestTTL, Caches: copied(w.Caches), Delegations: w.Delegations}
	for address, c := range fresh.Caches {
		c.LastNew, c.LastOld = time.Time{}, time.Time{}
		fresh.Caches[address] = c
	}
	if !w.Last.At.IsZero() {
		fresh = fresh.See(w.Last)
	}
	return fresh
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
