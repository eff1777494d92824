package cutover

import (
	"cmp"
	"time"
)

// Seen is what is remembered of a server of the zone. One that was asked and never heard has
// its name alone.
type Seen struct {
	Name string `json:"name,omitempty"`
	// LastOld is when it last answered a record of the old system, or none; zero when
	// it was never seen to.
	LastOld time.Time `json:"lastOld,omitzero"`
	// FirstNew is since when every answer had the new records alone; zero when the last
	// one did not.
	FirstNew time.Time `json:"firstNew,omitzero"`
	// LastNew is when it last answered the new records alone.
	LastNew time.Time `json:"lastNew,omitzero"`
	// Serial is the one that its zone had when it was last heard; 0 where it did not tell.
	Serial uint32 `json:"serial,omitempty"`
	// Raised is whether its zone got another serial when the records changed. Many hosters
	// never change it: then the same one does not tell that nothing happened.
	Raised bool `json:"raised,omitempty"`
	// Unheard is since when nobody had heard it when FirstNew began anew because of that;
	// else zero. NewSince is what FirstNew was before it first began anew so.
	Unheard  time.Time `json:"unheard,omitzero"`
	NewSince time.Time `json:"newSince,omitzero"`
	// BeforeGap is what was remembered when FirstNew last began anew so: it counts again where
	// only a clock that ran ahead made the gap.
	BeforeGap *Seen `json:"beforeGap,omitempty"`
	// Joined: other servers had been heard before it was, and it had the new records at once.
	Joined bool `json:"joined,omitempty"`
	// Silent: it was asked since it last answered, and not heard.
	Silent bool `json:"silent,omitempty"`
	// Left is since when nobody names it, as far as is known; zero while somebody does.
	Left time.Time `json:"left,omitzero"`
	// TTL is for how long, in seconds, caches kept its old records, as last answered.
	TTL int `json:"ttl,omitempty"`
}

// mostUnheard is how long a server may be unheard and still be taken to have answered the
// new records all the time. The TTL of the old ones adds nothing: the longer it is, the
// longer caches keep what a server answered while nobody looked.
const mostUnheard = 2 * time.Hour

// sameName is what is remembered of a server at another address, so that one that moved to a
// new address goes on as it was: it has the new records since the last of its addresses has.
// It is nothing where one of these had not moved.
func sameName(known map[string]Seen, name string) (same Seen) {
	for _, seen := range known {
		switch {
		case seen.Name != name:
		case seen.FirstNew.IsZero():
			return Seen{}
		case seen.FirstNew.After(same.FirstNew), seen.FirstNew.Equal(same.FirstNew) && seen.LastNew.After(same.LastNew):
			same = seen
		}
	}
	return same
}

// goesOnAs is what is remembered of an address that was not asked for a time, while its server was
// heard at another.
func (s Seen) goesOnAs(same Seen) Seen {
	if s.Silent || !same.LastNew.After(s.LastNew) {
		return s
	}
	same.LastOld, same.Left, same.TTL = later(s.LastOld, same.LastOld), s.Left, max(s.TTL, same.TTL)
	return same
}

func (s Seen) neverHeard() bool { return s.FirstNew.IsZero() && s.LastOld.IsZero() }

// hadOld reports whether a server had the old records when it was last heard.
func (s Seen) hadOld() bool { return !s.LastOld.IsZero() && s.FirstNew.IsZero() }

func anyHeard(known map[string]Seen) bool {
	for _, seen := range known {
		if !seen.neverHeard() {
			return true
		}
	}
	return false
}

// answeredNew is what is remembered once a server has answered the new records alone.
// former is the time of the look before, and counts for what was kept before LastNew was;
// wait is when the wait was over by what was known before.
//
// Where nobody heard the server for long, it may have gone back to the old records: then it
// counts as changed now. The same serial tells that it did not where the zone gets another
// with each change, but not that the time has passed at all: a clock that was behind and was
// set makes the same gap. So it counts only where the wait was over before.
func (s Seen) answeredNew(sight Sight, at, former, wait time.Time) Seen {
	heard := s.LastNew
	if heard.IsZero() {
		heard = former
	}
	waited := !wait.IsZero() && !heard.Before(wait)
	same := s.Raised && sight.Serial != 0 && sight.Serial == s.Serial
	switch {
	case s.FirstNew.IsZero():
		s.FirstNew = at
		s.Raised = s.Serial != 0 && sight.Serial != 0 && sight.Serial != s.Serial
	case at.Sub(heard) > mostUnheard && !(same && waited):
		before := s
		before.BeforeGap = nil
		s.NewSince = cmp.Or(s.NewSince, s.FirstNew)
		s.FirstNew, s.Unheard, s.BeforeGap = at, heard, &before
	}
	s.Name, s.LastNew, s.Serial, s.Silent = sight.Name, at, sight.Serial, false
	return s
}

// oldTTL is for how long caches kept the old records of a server that has them still.
func (s Seen) oldTTL() int {
	if s.FirstNew.IsZero() {
		return s.TTL
	}
	return 0
}

// notAfter is what is remembered without what lies after a time. Where a gap that only that
// clock made has begun FirstNew anew, what was remembered before counts; where that was not
// kept, the server is known to have had the new records until that gap began.
func (s Seen) notAfter(at time.Time) Seen {
	if s.BeforeGap != nil && s.FirstNew.After(at) {
		before := *s.BeforeGap
		before.Left = s.Left
		return before.notAfter(at)
	}
	if s.LastOld.After(at) {
		s.LastOld = at
	}
	if s.Left.After(at) {
		s.Left = at
	}
	if s.FirstNew.After(at) {
		if s.FirstNew = s.Unheard; s.FirstNew.After(at) {
			s.FirstNew = time.Time{}
		}
		s.LastNew = s.FirstNew
	}
	if s.FirstNew.IsZero() {
		s.Unheard, s.NewSince = time.Time{}, time.Time{}
	}
	switch ahead := s.LastNew.Sub(at); {
	case ahead > mostUnheard:
		s.LastNew = s.FirstNew
	case ahead > 0: // by less than makes a gap, and none was seen
		s.LastNew = at
	}
	return s
}
