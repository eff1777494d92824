package cutover

import (
	"maps"
	"slices"
	"time"
)

// Cache is what is remembered of a resolver.
type Cache struct {
	// OldUntil is until when it has the old records that it last answered: as long as they
	// may be kept, or until it answers the new ones alone. TTL is the longest, in seconds, that
	// any were to be kept.
	OldUntil time.Time `json:"oldUntil,omitzero"`
	TTL      int       `json:"ttl,omitempty"`
	// LastOld is when it last answered old records; zero in what was kept before that was
	// remembered.
	LastOld time.Time `json:"lastOld,omitzero"`
	// LastNew is when it last answered the new records alone; zero once it answers others.
	LastNew time.Time `json:"lastNew,omitzero"`
}

// mostCached is how long resolvers keep a record, in seconds, whatever its TTL: a week at
// most as they are shipped.
const mostCached = 7 * 86400

// seeCaches remembers what the resolvers of the last look have cached. Those that are asked
// no more are forgotten when they have become many.
func (w Watch) seeCaches() {
	asked, at := map[string]bool{}, w.Last.At
	for _, s := range w.Last.resolvers() {
		asked[s.Address] = true
		c := w.Caches[s.Address]
		switch {
		case s.Trouble == NoTrouble && s.stand(w.Target) == moved:
			c.LastNew = at
			if c.OldUntil.After(at) {
				c.OldUntil = at
			}
		case s.Trouble == NoTrouble || s.Trouble == Missing:
			c.TTL = max(c.TTL, s.ttl())
			c.OldUntil, c.LastNew = at.Add(seconds(s.ttl())), time.Time{}
			if s.Trouble == NoTrouble {
				c.LastOld = at
			}
		default:
			continue
		}
		w.Caches[s.Address] = c
	}
	if len(w.Caches) > mostSeen {
		maps.DeleteFunc(w.Caches, func(address string, c Cache) bool { return !asked[address] && !c.OldUntil.After(at) })
	}
}

// held are the resolvers that may keep the old records that they answered.
func (w Watch) held() (all []string) {
	for _, address := range slices.Sorted(maps.Keys(w.Caches)) {
		if w.Caches[address].OldUntil.After(w.Last.At) {
			all = append(all, address)
		}
	}
	return all
}

// witnessed reports whether a resolver has answered the new records since the switch.
func (w Watch) witnessed(clock Clock) bool {
	for _, c := range w.Caches {
		if !c.LastNew.IsZero() && !c.LastNew.Before(clock.SwitchedAt) {
			return true
		}
	}
	return false
}

// unwitnessed is by how much the wait is longer while no resolver has answered the new
// records since the switch. Where none can tell what the world is answered, time is all there
// is: the longest time that a cache was seen to keep anything passes once more. A domain whose
// administrator has no resolver that answers still settles then.
func (w Watch) unwitnessed(clock Clock) time.Duration {
	if w.witnessed(clock) {
		return 0
	}
	return seconds(max(clock.OldTTL, w.mostTTL()))
}

// answeredOld is a time at which a server still answered the old records: a resolver has what
// one answered no longer than a cache keeps it.
func (w Watch) answeredOld() (last time.Time) {
	for _, c := range w.Caches {
		last = later(last, c.LastOld.Add(-seconds(max(c.TTL, w.mostTTL(), assumedTTL))))
	}
	return last
}

func (c Cache) notAfter(at time.Time) Cache {
	if most := at.Add(seconds(c.TTL)); c.OldUntil.After(most) {
		c.OldUntil = most
	}
	if c.LastNew.After(at) {
		c.LastNew = time.Time{}
	}
	if c.LastOld.After(at) {
		c.LastOld = at
	}
	return c
}
