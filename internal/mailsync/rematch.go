package mailsync

import (
	"fmt"
	"slices"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// leastRecognised is the share of earlier copies that must be found again in a
// rebuilt folder; below it a person has to decide.
const leastRecognised = 0.8

// departed deals with a target folder that a person has deleted: what was copied
// into it is not brought back, and what is new goes into a new folder, which is
// made once this is on record. What was ever in doubt may yet arrive there
// and is watched.
func (p *pass) departed(f *folder) error {
	if err := p.letSettle(f); err != nil {
		return err
	}
	gone := f.copiedBefore.Union(f.record.Departed)
	if !f.copiedBefore.Empty() {
		f.about = append(f.about, migration.Finding{Code: migration.CodeFolderMissing, Folder: f.pair.Source.Name, Count: f.copiedBefore.Len(),
			Reason: "the folder was deleted at the target; its messages are not copied again, only new ones",
			Remedy: "If it was deleted by mistake, restore it at the target."})
	}
	unsure := f.inDoubt()
	for uid, mark := range f.marks {
		if mark.wasInDoubt() {
			unsure.Add(uid)
		}
	}
	var doubts Outcome
	for uid := range unsure.Minus(gone).All() {
		doubts.Marks = append(doubts.Marks, Mark{Source: uid, State: Retry, Watermark: 1})
	}
	record := f.record
	record.Departed, record.TargetUIDValidity, record.Watermark, record.SourceUIDNext = gone, 0, 0, 0
	return p.rematched(f, record, doubts)
}

// madeAgain takes up the folder that was made in the place of one that a person
// has deleted. Messages may still be owed to it, so that the source is asked for
// everything.
func (p *pass) madeAgain(l *line, f *folder, k *look) error {
	if err := k.everything(p.work, l.source); err != nil {
		return onSource(err)
	}
	f.record.TargetUIDValidity, f.record.Watermark = f.opened.UIDValidity, f.opened.UIDNext
	return ledgerFault("writing the ledger", p.Ledger.SaveFolder(p.work, &f.record))
}

// rematchTarget finds the copies in a target folder whose UIDVALIDITY has
// changed, by their bytes and dates. Nothing is appended before.
func (p *pass) rematchTarget(l *line, f *folder, k *look) error {
	if err := k.everything(p.work, l.source); err != nil {
		return onSource(err)
	}
	there, err := p.unmappedAll(l)
	if err != nil {
		return err
	}
	pairs, err := p.recogniseInTurn(l, f, k, there, f.copiedBefore, f.inDoubt().Minus(f.copiedBefore))
	if err != nil {
		return err
	}
	found := sourcesOf(pairs).Intersect(f.copiedBefore)
	if err := p.enough(f, "target", found.Len(), f.copiedBefore.Intersect(k.all).Len()); err != nil {
		return err
	}
	record := f.record
	// Should the process die, all that is owed has to be asked for again.
	record.TargetUIDValidity, record.Watermark, record.SourceUIDNext = f.opened.UIDValidity, f.opened.UIDNext, 0
	record.Departed = record.Departed.Union(f.copiedBefore.Minus(found))
	return p.rematched(f, record, Outcome{Copied: pairs})
}

// recogniseInTurn finds copies of earlier messages, and of those in doubt among
// what these leave: what was in doubt must not claim the copy of an equal message,
// which would then seem to be deleted.
func (p *pass) recogniseInTurn(l *line, f *folder, k *look, there []migration.Message, earlier, doubtful migration.UIDSet) ([]Pair, error) {
	pairs, err := p.recogniseAmong(l, f, k.selected(earlier), there)
	if err != nil {
		return nil, err
	}
	taken := targetsOf(pairs)
	left := slices.DeleteFunc(slices.Clone(there), func(m migration.Message) bool { return taken.Contains(m.UID) })
	landed, err := p.recogniseAmong(l, f, k.selected(doubtful), left)
	return append(pairs, landed...), err
}

// rematchSource does the same when the source folder's UIDVALIDITY has changed, or
// the numbers of both sides are no longer good.
// Messages not recognised are new, or were deleted at the target: they are copied
// (no loss comes first), unless so few are recognised that a person must decide.
func (p *pass) rematchSource(l *line, f *folder, k *look) error {
	before := f.copiedBefore.Len()
	if err := k.everything(p.work, l.source); err != nil {
		return onSource(err)
	}
	there, err := p.unmappedAll(l)
	if err != nil {
		return err
	}
	pairs, err := p.recogniseAmong(l, f, k.selected(k.all), there)
	if err != nil {
		return err
	}
	if err := p.enough(f, "source", len(pairs), min(before, k.all.Len())); err != nil {
		return err
	}
	record := f.record
	record.SourceUIDValidity, record.SourceUIDNext, record.SourceModSeq, record.Departed = k.status.UIDValidity, 0, 0, migration.UIDSet{}
	record.TargetUIDValidity, record.Watermark = f.opened.UIDValidity, f.opened.UIDNext
	// The flags first: pairs without them would have all flags carried, and undo
	// what a person did at the target.
	f.before = FlagSets{}.replaced(sourcesOf(pairs), k.flags)
	if err := p.Ledger.SaveFlags(p.work, f.record.ID, f.before); err != nil {
		return ledgerFault("writing the ledger", err)
	}
	return p.rematched(f, record, Outcome{Copied: pairs})
}

// rematched makes the new pairs and marks the truth.
func (p *pass) rematched(f *folder, record FolderRecord, truth Outcome) error {
	if err := p.Ledger.Rematch(p.work, &record, truth); err != nil {
		return ledgerFault("writing the ledger", err)
	}
	f.record, f.marks, f.intents = record, map[migration.UID]Mark{}, nil
	for _, mark := range truth.Marks {
		f.marks[mark.Source] = mark
	}
	f.copiedBefore = sourcesOf(truth.Copied)
	return nil
}

func sourcesOf(pairs []Pair) migration.UIDSet {
	uids := make([]migration.UID, len(pairs))
	for i, pair := range pairs {
		uids[i] = pair.Source
	}
	return migration.NewUIDSet(uids...)
}

// letSettle waits until the target has had time to finish what an earlier run
// left under way there, before the record of it is replaced (invariant I5).
func (p *pass) letSettle(f *folder) error {
	wait := time.Until(p.started.Add(p.settleTime()))
	if len(f.intents) == 0 || wait <= 0 {
		return nil
	}
	p.pause(wait, "the target may still be storing what was interrupted")
	if p.stoppedNow() {
		return &migration.Fault{Class: migration.Stop, Code: migration.CodeInterrupted, Doing: "recognising a rebuilt folder was interrupted"}
	}
	return nil
}

// enough refuses to go on when a rebuilt folder holds too little of what was
// copied before.
func (p *pass) enough(f *folder, side string, found, copied int) error {
	if p.AcceptRebuilt || float64(found) >= leastRecognised*float64(copied) {
		return nil
	}
	return &migration.Fault{Class: migration.OneFolder, Code: migration.CodeUIDValidity,
		Doing:  fmt.Sprintf("the %s folder %q was rebuilt (its UIDVALIDITY changed), and only %d of %d copied messages are recognised in it", side, f.pair.Source.Name, found, copied),
		Remedy: "Nothing was changed. If the folder was emptied or replaced on purpose, run again with --accept-rebuilt."}
}

// unmappedAll lists every message of the open target folder: no number in the
// ledger counts any more.
func (p *pass) unmappedAll(l *line) ([]migration.Message, error) {
	var all []migration.Message
	err := l.target.Messages(p.work, migration.Query{From: 1, Flags: true, Date: true, Each: func(m migration.Message) error {
		all = append(all, m)
		return nil
	}})
	return all, onTarget(err)
}

// selected gives the enumerated messages with these UIDs.
func (k *look) selected(uids migration.UIDSet) []migration.Message {
	var out []migration.Message
	for _, e := range k.messages.entries {
		if uids.Contains(e.uid) {
			out = append(out, k.messages.message(e))
		}
	}
	return out
}

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}
