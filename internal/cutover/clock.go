package cutover

import "time"

// Clock is the wait after the change.
type Clock struct {
	// SwitchedAt is when the last server of the zone began to answer the new records
	// alone, by what is known; zero while one does not, or is not known to.
	SwitchedAt time.Time `json:"switchedAt,omitzero" doc:"when the last server of the zone began to answer the new MX records alone; absent while one does not"`
	// SafeAt is when the wait is over; zero as SwitchedAt is.
	SafeAt time.Time `json:"safeAt,omitzero" doc:"when the wait is over: 72 hours after the caches must have lost the old records, those of the resolvers that are asked, too"`
	// OldTTL is what the old records were kept for, in seconds.
	OldTTL int `json:"oldTTL" doc:"for how many seconds caches keep the old records"`
	// Assumed: the old records were never seen, and OldTTL is a guess.
	Assumed bool `json:"assumed,omitempty" doc:"whether that is a guess, because the old records were never seen"`
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
	clock := Clock{OldTTL: min(w.OldTTL, mostCached)} // it was kept before without a bound
	var last, newest time.Time
	asked := 0
	for _, s := range w.Last.zone() {
		if !w.counts(s) {
			continue
		}
		seen := w.Seen[s.Address]
		if seen.FirstNew.IsZero() {
			return clock
		}
		asked++
		last, newest = later(last, w.since(seen)), later(newest, seen.FirstNew)
		clock.Contradicted = clock.Contradicted || w.denies(seen)
	}
	if asked == 0 {
		return clock
	}
	for _, seen := range w.Seen {
		last = later(last, seen.LastOld) // of those, too, that the zone has no more
	}
	if w.unseen() {
		clock.OldTTL, clock.Assumed = max(clock.OldTTL, assumedTTL), true
	} else if w.Stated.After(newest) {
		clock.Contradicted = true
	}
	clock.SwitchedAt = last
	clock.SafeAt = later(last.Add(seconds(clock.OldTTL)), w.CachedUntil).Add(Wait).Add(w.unwitnessed(clock))
	for _, c := range w.Caches { // who asks one sends mail to the old system until then
		clock.SafeAt = later(clock.SafeAt, c.OldUntil.Add(Wait))
	}
	return clock
}

// Say has an operator say when the MX records were changed, and when that is said; zero
// takes it back.
func (w Watch) Say(changed, on time.Time) Watch {
	if changed.IsZero() {
		on = time.Time{}
	}
	w.Stated, w.StatedOn = changed, on
	return w
}

// ignores reports whether what is stated does not count for a server: what was said before
// it was heard, again or at all, tells nothing of what happened until then.
func (w Watch) ignores(seen Seen) bool {
	unsure := seen.LastOld.IsZero() || !seen.Unheard.IsZero()
	return !w.Stated.IsZero() && unsure && w.StatedOn.Add(mostAhead).Before(seen.FirstNew)
}

// denies reports whether what is stated cannot be: the server, or one that a cache had asked,
// still had the old records then.
func (w Watch) denies(seen Seen) bool {
	return !w.Stated.IsZero() && !w.ignores(seen) && w.Stated.Before(later(seen.LastOld, w.answeredOld()))
}

// since is when a server changed: as stated, where that lies between what was seen
// before and after. Where the old records were never seen, those that were there all the
// time may be taken for the new ones: what is stated counts.
func (w Watch) since(seen Seen) time.Time {
	if w.Stated.IsZero() || w.ignores(seen) || w.denies(seen) || !w.unseen() && w.Stated.After(seen.FirstNew) {
		return seen.FirstNew
	}
	return w.Stated
}
