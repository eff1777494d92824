package mailsync

import (
	"github.com/mailhaul/mailhaul/internal/migration"
)

// lives is what a world has to remember because letters come back: of people and
// of what was restored and deleted.
type lives struct {
	from, to *backup
	// dead and taken are letters that were expunged at the source, and removed by
	// people at the target; audited are those that we removed.
	dead, taken, audited map[int]bool
	// risen are source messages that were expunged and are back; of unseen ones
	// the restore shows in no counter, so that nothing is promised.
	risen, unseen map[migration.UID]bool
	// returned are second copies that we had removed and a restore brought back,
	// by class.
	returned map[int]int
	// undone are removals by people that a restore has undone, by class.
	undone map[int]int
	// source and target were restored; deleted was the target's folder; reused:
	// numbers on record were given anew before we looked.
	source, target, deleted, reused bool
	// excused are source messages, expunged by now, of whose loss nothing tells.
	excused map[migration.UID]bool
	// buried are source messages that were copied when the folder was deleted.
	buried map[migration.UID]bool
	// restoredAt is the target's UIDNEXT at the restore, the lowest of several that
	// nobody has noticed.
	restoredAt migration.UID
}

func newLives() lives {
	return lives{dead: map[int]bool{}, taken: map[int]bool{}, audited: map[int]bool{}, returned: map[int]int{}, undone: map[int]int{}, excused: map[migration.UID]bool{}, risen: map[migration.UID]bool{}, unseen: map[migration.UID]bool{}, buried: map[migration.UID]bool{}}
}

// backUp makes a backup of both sides.
func (w *world) backUp() {
	if !w.restores {
		return
	}
	w.kept.from, w.kept.to = w.inbox.backup(), w.there().backup()
	w.note("backups made", int(w.inbox.next), int(w.there().next), "")
}

// sourceKnown and targetKnown are the lowest numbers of which the ledger knows
// nothing.
func (w *world) sourceKnown() migration.UID {
	e, record := w.entry(), w.record()
	known := max(record.SourceUIDNext, record.Departed.Max()+1)
	for source := range e.pairs {
		known = max(known, source+1)
	}
	for source := range e.marks {
		known = max(known, source+1)
	}
	for _, intent := range e.intents {
		known = max(known, intent.Sources.Max()+1)
	}
	return known
}

func (w *world) targetKnown() migration.UID {
	e := w.entry()
	known := w.record().Watermark
	for _, target := range e.pairs {
		known = max(known, target+1)
	}
	for _, intent := range e.intents {
		known = max(known, intent.Watermark)
	}
	return known
}

func (w *world) record() FolderRecord {
	for _, record := range w.ledger.state.folders {
		return record
	}
	return FolderRecord{}
}

// mayDeliver reports whether a letter may come. A restored folder that catches up
// with what is on record before anybody looks cannot be told from one that was not
// restored: no promise covers that.
func (w *world) mayDeliver(b *box, known migration.UID) bool {
	if b.next >= known {
		return true
	}
	w.kept.reused = w.kept.reused || b != w.inbox
	return b.next+1 < known
}

func (w *world) deliverAtSource(d *dice) {
	if w.mayDeliver(w.inbox, w.sourceKnown()) {
		l := w.deliver(w.from, w.inbox, d.below(12), d)
		w.note("source: delivered", int(l.uid), 0, "")
	}
}

// restoreSource: what came since the backup is gone, what went since is back, and
// the numbers since are given anew.
func (w *world) restoreSource() {
	for _, l := range w.inbox.letters {
		w.dead[w.class(l)]++
		w.kept.dead[l.id] = true
	}
	w.inbox.restore(w.kept.from)
	for _, l := range w.inbox.letters {
		if w.kept.dead[l.id] {
			w.dead[w.class(l)]--
			delete(w.kept.dead, l.id)
			w.kept.risen[l.uid] = true
			if w.kept.excused[l.uid] {
				w.users[w.class(l)]++
				delete(w.kept.excused, l.uid)
			}
			w.kept.unseen[l.uid] = w.inbox.next >= w.sourceKnown()
		}
	}
	w.kept.source = true
	w.note("source: restored", len(w.inbox.letters), int(w.inbox.next), "")
	// What people had taken away may come again: it is not told from what has got
	// its number.
	clear(w.sent)
	clear(w.removed)
	clear(w.kept.buried)
}

// restoreTarget: the same at the target. It takes the server down, and what was
// held up on the way to it.
func (w *world) restoreTarget() {
	there := w.there()
	if there.validity != w.kept.to.validity {
		return
	}
	w.to.late = nil
	if there.next >= w.targetKnown() {
		w.kept.restoredAt = ^migration.UID(0)
	}
	there.restore(w.kept.to)
	w.kept.target, w.kept.restoredAt = true, min(w.kept.restoredAt, there.next)
	for id, uid := range w.removed {
		if uid >= there.next {
			delete(w.removed, id)
		}
	}
	for _, l := range there.letters {
		// One taken while it was in doubt counts as departed, whatever comes back.
		if w.kept.taken[l.id] && w.mapped(l.uid) {
			w.users[w.class(l)]--
			w.kept.undone[w.class(l)]++
		}
		delete(w.kept.taken, l.id)
		delete(w.removed, l.id)
		if w.kept.audited[l.id] {
			w.kept.returned[w.class(l)]++
			delete(w.kept.audited, l.id)
		}
		w.flagged[l.id] = l.flags.Has("Mine")
	}
	w.note("target: restored", len(there.letters), int(there.next), "")
}

// misnamed reports whether a letter came under a number that the ledger, which
// knows nothing of the restore yet, takes for that of a copy.
func (w *world) misnamed(there *box, l *letter) bool {
	return w.kept.target && there.next < w.targetKnown() && l.uid >= w.kept.restoredAt
}

// forgetReuse: with such a letter goes the only sign that the copy was taken by
// the restore, and not by the person.
func (w *world) forgetReuse(uid migration.UID) {
	for source, target := range w.entry().pairs {
		if target == uid {
			w.excuse(source)
		}
	}
}

// excuse: that the message's copy was taken by a restore, nothing can tell any more.
func (w *world) excuse(source migration.UID) {
	if l := w.inbox.find(source); l != nil {
		w.users[w.class(l)]++
	} else {
		w.kept.excused[source] = true
	}
}

// deleteFolder: a person deletes the target's folder with all that is in it.
func (w *world) deleteFolder() {
	there := w.to.box(w.folder)
	if there == nil {
		return
	}
	for _, l := range there.letters {
		w.users[w.class(l)]++
	}
	unnoticed := w.kept.target && there.next < w.targetKnown()
	for source, target := range w.entry().pairs {
		// What a restore had taken before anybody looked counts as deleted too.
		if unnoticed && target >= w.kept.restoredAt {
			w.excuse(source)
		}
		w.kept.buried[source] = !w.kept.source
	}
	w.to.remove(there)
	w.kept.deleted = true
	clear(w.removed)
	w.note("target: folder deleted", len(there.letters), 0, "")
}

// checkSent: what was copied once is not copied again, unless it was taken away by
// a restore, and nothing that a person deleted with its folder is brought back.
func (w *world) checkSent(key migration.UID) {
	if _, copied := w.entry().pairs[key]; copied || w.record().Departed.Contains(key) {
		w.violate("I8: source %d was sent although it is on record as copied", key)
	}
	if w.kept.buried[key] {
		w.violate("brought back: source %d was copied, and deleted with its folder", key)
	}
}
