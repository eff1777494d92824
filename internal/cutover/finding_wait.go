package cutover

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// waiting tells how long ago the switch was and what is known of it.
func (j *judge) waiting() {
	c := j.clock
	fresh := j.fresh()
	if c.Contradicted {
		j.add(CodeContradicted, Odd, "The switch is stated to have been at "+moment(j.Stated)+", but something else was seen: what was seen counts.",
			"Correct the time, or take it back: "+j.sayWhen("''"))
	}
	j.ignored()
	if c.SafeAt.IsZero() {
		return
	}
	if c.Assumed {
		j.add(CodeSwitchUnseen, Note, "The old MX records were never seen: it is assumed that caches keep them for a day.", "")
	}
	ago := duration(j.now.Sub(c.SwitchedAt))
	switch {
	case j.unstated():
		j.add(CodeSwitchUnstated, Odd, "Nobody saw the MX records of "+j.Domain+" change, and nobody has said with --switched-at when they did: whether they have is not known.",
			"Say when they were changed: "+j.sayWhen("TIME"))
	case j.Last.At.Before(c.SafeAt):
		began := "The MX records moved "
		if gap, joined := j.gap(), j.joined(); gap || joined {
			began = "The wait began anew "
		}
		j.add(CodeWaiting, Note, began+ago+" ago. Mail may still arrive at the old system until "+moment(c.SafeAt)+".",
			"Keep the old system and the batches running; every pass brings along what arrived there.")
	case fresh:
		j.add(CodeWaitOver, Note, "The MX records moved "+ago+" ago, and the wait is over.", "Synchronise every mailbox once more, then complete the batches.")
	}
}

// fresh reports whether the last look tells what is so now, and tells why it does not.
func (j *judge) fresh() bool {
	advice := "Look again: mailhaul cutover check " + j.Domain
	switch age := j.now.Sub(j.Last.At); {
	case j.Last.At.IsZero():
	case age > MostAge:
		j.add(CodeLookOld, Odd, "The last look was "+duration(age)+" ago: what is so now is not known.", advice)
		return false
	case ahead(j.Last, j.now):
		j.add(CodeLookAhead, Odd, "The last look is dated "+duration(-age)+" ahead of the clock: what is so now is not known.",
			"Set the clocks of the computers that look right. "+advice)
		return false
	}
	return true
}

// ignored tells that what is stated does not count, since it was said before a server was
// heard again, or at all.
func (j *judge) ignored() {
	for _, s := range j.Last.zone() {
		if seen := j.Seen[s.Address]; j.ignores(seen) {
			j.add(CodeStatedIgnored, Odd, "The switch is stated to have been at "+moment(j.Stated)+", but that was said before "+shown(s.Server)+" was heard at "+moment(seen.FirstNew)+
				" after a time in which nobody had: it does not tell what happened until then, and does not count.",
				"If it is right still, say it again: "+j.sayWhen(j.Stated.UTC().Format(time.RFC3339)))
			return
		}
	}
}

// gap tells for how long nobody heard a server, so that the wait begins anew, and whether
// that is so.
func (j *judge) gap() bool {
	var longest Seen
	var since time.Time // the last of them had the new records
	for _, s := range j.Last.zone() {
		seen := j.Seen[s.Address]
		if seen.Unheard.IsZero() || !j.since(seen).Equal(seen.FirstNew) {
			continue
		}
		if seen.NewSince.IsZero() { // it was not remembered
			seen.NewSince = seen.Unheard
		}
		since = later(since, seen.NewSince)
		if longest.FirstNew.IsZero() || seen.FirstNew.Sub(seen.Unheard) > longest.FirstNew.Sub(longest.Unheard) {
			longest = seen
		}
	}
	if since.IsZero() {
		return false
	}
	why := "Until " + moment(longest.FirstNew) + " nobody had heard a server of the zone for " + duration(longest.FirstNew.Sub(longest.Unheard))
	if longest.FirstNew.Equal(longest.Unheard) {
		why = "A look after " + moment(longest.FirstNew) + " had a time that was yet to come"
	}
	j.add(CodeLookGap, Odd, why+", and it is not known that its records were the same all the time: the wait begins anew then.",
		"If they were since "+moment(since)+", say so: "+j.sayWhen(since.UTC().Format(time.RFC3339))+"; if they were changed meanwhile, with the time of that.")
	return true
}

// joined tells of servers that were first heard once the others had the new records, so that
// the wait runs from then, and whether that is so.
func (j *judge) joined() bool {
	var names []string
	var others, last time.Time
	for _, s := range j.Last.zone() {
		if seen := j.Seen[s.Address]; !seen.Joined && !seen.FirstNew.IsZero() {
			others = later(others, j.since(seen))
		}
	}
	for _, seen := range j.Seen {
		others = later(others, seen.LastOld)
	}
	for _, s := range j.Last.zone() {
		seen := j.Seen[s.Address]
		if seen.Joined && seen.Unheard.IsZero() && j.since(seen).After(others) && !others.IsZero() {
			names, last = append(names, shown(s.Server)), later(last, seen.FirstNew)
		}
	}
	if len(names) == 0 {
		return false
	}
	j.add(CodeServerJoined, Odd, strings.Join(names, ", ")+" "+verb(len(names), "was", "were")+" first heard at "+moment(last)+
		", when other servers of the zone had moved: which MX records "+verb(len(names), "it", "they")+" had before is not known, and the wait runs from then.",
		"If "+verb(len(names), "it", "they")+" had no other records than they had, say so: "+j.sayWhen(others.UTC().Format(time.RFC3339)))
	return true
}

// sayWhen is the command that states when the MX records were changed.
func (j *judge) sayWhen(at string) string {
	return "mailhaul cutover watch " + j.Domain + " --switched-at " + at
}

// resolvers tells of caches.
func (j *judge) resolvers() {
	switched := j.state == Switching || j.state == Settled || j.state == Mixed
	for _, s := range j.Last.resolvers() {
		stand := s.stand(j.Target)
		switch {
		case s.Trouble == Bogus && j.Last.Trouble != Bogus:
			j.bogus("Resolvers such as " + shown(s.Server))
		case s.Trouble == Bogus || s.Trouble == j.Last.Trouble && s.Trouble != NoTrouble:
			// told already
		case s.Trouble != NoTrouble:
			j.add(CodeResolver, Odd, "The resolver "+shown(s.Server)+" "+resolverTrouble(s.Trouble)+".", "See to it, or leave it out.")
		case switched && (stand == old || stand == both):
			j.add(CodeCacheOld, Odd, fmt.Sprintf("The resolver %s still answers the old MX records, for %s more: who asks it sends mail to the old system.", shown(s.Server), duration(seconds(s.ttl()))),
				"Wait, or clear its cache where it is yours.")
		}
	}
	if switched {
		j.held()
		j.unseenCaches()
	}
}

// held tells of resolvers that may keep the old records that they answered before.
func (j *judge) held() {
	for _, address := range j.Watch.held() {
		answers := slices.ContainsFunc(j.Last.resolvers(), func(s Sight) bool {
			return s.Address == address && (s.Trouble == NoTrouble || s.Trouble == Missing) // told already
		})
		if !answers {
			j.add(CodeCacheHeld, Odd, "The resolver "+shortAddress(address)+" answered the old MX records, or none, and may keep that until "+moment(j.Caches[address].OldUntil)+"; it has given no other answer since.",
				"Wait until then, or see to it that it answers.")
		}
	}
}

// unseenCaches tells that no resolver could be asked what it has cached.
func (j *judge) unseenCaches() {
	longer := j.unwitnessed(j.clock)
	if j.clock.SafeAt.IsZero() || j.unstated() || longer == 0 || j.cachesOld() || len(j.Watch.held()) > 0 {
		return
	}
	j.add(CodeCachesUnheard, Odd, "No resolver has answered the new MX records since the switch, so that nobody knows what caches have: the wait is longer by "+duration(longer)+", as long as caches were seen to keep records.",
		"See that a resolver answers, or name another, such as a public one: mailhaul serve --dns ADDRESS")
}

func resolverTrouble(t Trouble) string {
	switch t {
	case Missing:
		return "says that there is no such domain (NXDOMAIN)"
	case Failing:
		return "could not tell (SERVFAIL)"
	case Silent:
		return "does not answer in time"
	case Lame:
		return "refuses to answer"
	}
	return "gives no usable answer"
}
