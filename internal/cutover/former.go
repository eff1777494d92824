package cutover

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// mostFormer is how many servers are asked that nobody names any more.
const mostFormer = 8

// former are the servers that neither the zone nor its delegation names in a look and that
// answered the old records when they were last heard: caches may still name them. One that
// serves the zone for ever is asked until they do not.
func (w Watch) former(look Look) (all []Sight) {
	for _, address := range slices.Sorted(maps.Keys(w.Seen)) {
		seen := w.Seen[address]
		if seen.hadOld() && !look.names(address) && !w.forgotten(seen, look.Zone) {
			all = append(all, Sight{Server: Server{cmp.Or(seen.Name, address), address, true}, Former: true})
		}
	}
	slices.SortStableFunc(all, func(a, b Sight) int { return w.Seen[b.Address].LastOld.Compare(w.Seen[a.Address].LastOld) })
	return all[:min(len(all), mostFormer)]
}

// namedUntil is until when caches may name a server that nobody else does.
func (s Seen) namedUntil() time.Time { return s.Left.Add(seconds(mostCached)) }

// forgotten reports whether no cache names a server any more, by when the zone above was last
// heard not to.
func (w Watch) forgotten(seen Seen, zone string) bool {
	return !seen.Left.IsZero() && !w.delegated(zone).Heard.Before(seen.namedUntil())
}

// leave remembers since when nobody names a server. While the zone above is not heard that is
// not known: where it was not for long, the time begins anew.
func (w Watch) leave() {
	d, before := w.Last.Delegation, w.Delegations[w.Last.Zone].Heard
	for address, seen := range w.Seen {
		switch {
		case w.Last.names(address):
			seen.Left = time.Time{}
		case d == nil || d.Trouble != NoTrouble:
		case seen.Left.IsZero() || w.Last.At.Sub(before).Abs() > mostUnheard:
			seen.Left = w.Last.At
		}
		w.Seen[address] = seen
	}
}
