package mailsync

import "github.com/mailhaul/mailhaul/internal/migration"

// tally is what the two sides hold of one content: bytes and date.
type tally struct {
	alive    int // source letters
	accepted int // of these, copied or departed by the ledger
	served   int // of these, with a copy of their own that is there
	free     int // letters at the target that we stored and that are nobody's copy
	foreign  int // letters at the target that others stored and that are somebody's copy
	orphans  int // of the free ones, those whose original was gone for a while
	excused  int // of the free ones, late copies with nothing to be compared with
}

// check is the oracle: it compares both sides, letter by letter.
func (w *world) check() {
	there, e := w.there(), w.entry()
	pairs := w.real(e.pairs)
	departed := w.record().Departed
	tallies := map[int]*tally{}
	of := func(l *letter) *tally {
		t := tallies[w.class(l)]
		if t == nil {
			t = &tally{}
			tallies[w.class(l)] = t
		}
		return t
	}
	stored := map[migration.UID]*letter{}
	for _, l := range there.letters {
		stored[l.key] = l
	}
	owner := map[migration.UID]migration.UID{}
	for source, target := range pairs {
		owner[target] = source
	}
	for _, l := range w.inbox.letters {
		t := of(l)
		target, paired := pairs[l.uid]
		if !paired && w.kept.unseen[l.uid] {
			continue
		}
		t.alive++
		if paired || departed.Contains(l.uid) {
			t.accepted++
		}
		if copied := stored[l.uid]; !paired && departed.Contains(l.uid) && copied != nil && !w.renumbered && !w.kept.source && !w.kept.deleted && !w.mapped(copied.uid) {
			t.served, t.free = t.served+1, t.free-1 // answered with OK and not found
		}
		copied := there.find(target)
		if !paired || copied == nil || owner[target] != l.uid {
			continue
		}
		if w.class(copied) != w.class(l) {
			w.violate("lost: source %d is paired with target %d, which is another message", l.uid, target)
			continue
		}
		t.served++
		w.checkFlags(l, copied)
	}
	for _, l := range there.letters {
		_, mapped := owner[l.uid]
		if l.key != 0 && !mapped {
			of(l).free++
			if w.kept.risen[l.key] {
				of(l).orphans++
			} else if _, copied := pairs[l.key]; l.late && (w.inbox.find(l.key) == nil || !copied || there.find(pairs[l.key]) == nil) {
				of(l).excused++
			}
		}
		if l.key == 0 && mapped {
			of(l).foreign++
		}
	}
	for class, t := range tallies {
		w.checkTally(class, *t)
	}
	w.checkLedger(e)
}

func (w *world) checkTally(class int, t tally) {
	if t.accepted < t.alive && w.mutant == sound {
		w.violate("content %x: %d of %d messages are not accounted for", class, t.alive-t.accepted, t.alive)
	}
	if lost := t.alive - t.served - w.users[class]; lost > 0 {
		w.violate("lost: content %x: %d of %d messages have no copy, and nobody deleted one", class, lost, t.alive)
	}
	// A copy may be nobody's when its source was expunged while the copy was
	// in doubt, or when after a rebuild an equal foreign letter got its place.
	tolerated := 2*w.dead[class] + w.kept.returned[class] + t.orphans
	if w.late {
		// The audit compares with the copy; where a person has deleted it, or
		// its source went before there was one, its late copies stay.
		tolerated += t.excused
	}
	anew := w.rebuilt || w.renumbered || w.kept.source || w.kept.target
	if anew {
		tolerated += t.foreign
	}
	// Or when a person deleted the equal foreign letter, or the copy itself
	// before the audit could tell that there was another.
	if anew || w.late || w.whims {
		tolerated += w.users[class] + w.kept.undone[class]
	}
	if doubled := t.free - tolerated; doubled > 0 {
		w.violate("doubled: content %x: %d copies too many", class, doubled)
	}
}

func (w *world) checkLedger(e *ledgerEntry) {
	if w.mutant != sound {
		return
	}
	if len(e.intents) > 0 {
		w.violate("I7: intents are open at the end: %+v", e.intents)
	}
	if len(e.marks) > 0 {
		w.violate("I7: messages are marked at the end: %+v", e.marks)
	}
	if w.rebuilt || w.renumbered {
		return
	}
	bound := map[migration.UID]bool{}
	for _, target := range e.pairs {
		bound[target] = true
	}
	if w.kept.reused || w.kept.source {
		return // where numbers were given anew, no loss comes first
	}
	for id, uid := range w.removed {
		if !bound[uid] {
			w.violate("letter %d, target %d, was deleted by a person and is no longer on record", id, uid)
		}
	}
}

// checkFlags: what changed at the source has come over, and what a person did at
// the target is still there.
func (w *world) checkFlags(l, copied *letter) {
	if w.mutant != sound {
		return
	}
	if w.flagged[copied.id] && !copied.flags.Has("Mine") {
		w.violate("flags: the keyword a person set on target %d is gone", copied.uid)
	}
	if copied.key == 0 || w.renumbered || w.rebuilt || w.kept.target || w.kept.source || w.late || w.made[w.class(l)] > 1 {
		return // recognised, or one of several equal letters: whose flags these were is not known
	}
	for _, flag := range []string{migration.FlagSeen, migration.FlagFlagged} {
		if l.flags.Has(flag) != copied.flags.Has(flag) {
			w.violate("flags: source %d has %v, its copy %d has %v", l.uid, l.flags, copied.uid, copied.flags)
		}
	}
}

// removing and flagging: nothing of other people's is touched, unless it was
// recognised as a copy.
func (w *world) removing(l *letter) {
	w.note("removed", int(l.uid), int(l.key), "")
	w.kept.audited[l.id] = true
	w.audited = true
	if l.key == 0 {
		w.violate("harmed: target %d was removed, and is not ours", l.uid)
	}
	if w.mutant == sound && w.mapped(l.uid) {
		w.violate("harmed: target %d was removed, and is a copy on record", l.uid)
	}
}

func (w *world) flagging(l *letter) {
	if l.key == 0 && w.mutant == sound && !w.mapped(l.uid) {
		w.violate("harmed: the flags of target %d were changed, and it is not ours", l.uid)
	}
}
