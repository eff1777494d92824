package cutover

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Seen is what is remembered of a server of the zone.
type Seen struct {
	// LastOld is when it last answered a record of the old system, or none; zero when
	// it was never seen to.
	LastOld time.Time `json:"lastOld,omitzero"`
	// FirstNew is since when every answer had the new records alone; zero when the last
	// one did not.
	FirstNew time.Time `json:"firstNew,omitzero"`
}

// Watch is what is remembered of a domain. It is kept as JSON.
type Watch struct {
	Domain string `json:"domain"`
	Target Target `json:"target"`
	// Stated is when an operator says that the MX records were changed, zero when
	// nobody did.
	Stated time.Time       `json:"stated,omitzero"`
	Seen   map[string]Seen `json:"seen,omitempty"` // by address
	// OldTTL is, in seconds, how long caches keep the old records, as last answered.
	OldTTL int `json:"oldTTL,omitempty"`
	// CachedUntil is until when a cache may hold old records of all that was answered.
	CachedUntil time.Time `json:"cachedUntil,omitzero"`
	// Last is the last look; its time is zero when there was none.
	Last Look `json:"last"`
}

// mostSeen bounds how many servers are remembered: those of the last look always are.
const mostSeen = 4 * mostServers

// See adds what was seen to what is remembered. A look before the last one is not
// counted.
func (w Watch) See(look Look) Watch {
	if !w.Last.At.IsZero() && look.At.Before(w.Last.At) {
		return w
	}
	w.Last, w.Seen = look, maps.Clone(w.Seen)
	if w.Seen == nil {
		w.Seen = map[string]Seen{}
	}
	heard := 0 // of old records in this look, seconds
	stale := false
	for _, s := range look.zone() {
		seen := w.Seen[s.Address]
		switch s.stand(w.Target) {
		case unheard:
			continue
		case moved:
			if seen.FirstNew.IsZero() {
				seen.FirstNew = look.At
			}
		default:
			seen = Seen{LastOld: look.At}
			stale, heard = true, max(heard, s.ttl())
			w.CachedUntil = later(w.CachedUntil, look.At.Add(seconds(s.ttl())))
		}
		w.Seen[s.Address] = seen
	}
	if stale {
		w.OldTTL = heard
	}
	w.forget()
	return w
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

// Clock is the wait after the change.
type Clock struct {
	// SwitchedAt is when the last server of the zone began to answer the new records
	// alone, by what is known; zero while one does not, or is not known to.
	SwitchedAt time.Time `json:"switchedAt,omitzero" doc:"when the last server of the zone began to answer the new MX records alone; absent while one does not"`
	// SafeAt is when the wait is over; zero as SwitchedAt is.
	SafeAt time.Time `json:"safeAt,omitzero" doc:"when the wait is over: 72 hours after the caches have lost the old records"`
	// OldTTL is what the old records were kept for, in seconds.
	OldTTL int `json:"oldTTL" doc:"for how many seconds caches keep the old records"`
	// Assumed: the old records were never seen, and OldTTL is a guess.
	Assumed bool `json:"assumed,omitempty" doc:"whether that is a guess, because the old records were never seen"`
	// Stated: SwitchedAt is what an operator said.
	Stated bool `json:"stated,omitempty" doc:"whether switchedAt is what an operator said"`
	// Contradicted: what an operator said is not what was seen.
	Contradicted bool `json:"contradicted,omitempty" doc:"whether what an operator said of the change is not what was seen"`
}

// Wait is how long old senders and stragglers are waited for once the caches have lost
// the old records.
const Wait = 72 * time.Hour

// assumedTTL is how long caches are taken to keep old records that were never seen, in
// seconds: a day, the usual default.
const assumedTTL = 86400

// Clock says when the switch was and when the wait is over. Servers that do not serve
// the zone at all do not count; those that cannot be heard do.
func (w Watch) Clock() Clock {
	clock := Clock{OldTTL: w.OldTTL}
	var last time.Time
	asked := 0
	for _, s := range w.Last.zone() {
		if s.Trouble == Lame {
			continue
		}
		seen := w.Seen[s.Address]
		if seen.FirstNew.IsZero() {
			return clock
		}
		asked++
		last = later(last, w.since(seen, &clock))
	}
	if asked == 0 {
		return clock
	}
	if w.CachedUntil.IsZero() {
		clock.OldTTL, clock.Assumed = assumedTTL, true
	}
	clock.SwitchedAt = last
	clock.SafeAt = later(last.Add(seconds(clock.OldTTL)), w.CachedUntil).Add(Wait)
	return clock
}

// since is when a server changed: as stated, where that lies between what was seen
// before and after.
func (w Watch) since(seen Seen, clock *Clock) time.Time {
	switch {
	case w.Stated.IsZero():
		return seen.FirstNew
	case w.Stated.Before(seen.LastOld) || w.Stated.After(seen.FirstNew):
		clock.Contradicted = true
		return seen.FirstNew
	}
	clock.Stated = true
	return w.Stated
}

// Retarget gives the watch another target. What was seen was judged by the former one,
// so that only the last look counts, anew.
func (w Watch) Retarget(t Target) Watch {
	fresh := Watch{Domain: w.Domain, Target: t, Stated: w.Stated}
	if !w.Last.At.IsZero() {
		fresh = fresh.See(w.Last)
	}
	return fresh
}

// Same reports whether two targets are the same.
func (t Target) Same(other Target) bool {
	return t.Kind == other.Kind && slices.Equal(t.MX, other.MX) && strings.EqualFold(t.SPF, other.SPF) && t.Autodiscover == other.Autodiscover && t.Tenant == other.Tenant
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
