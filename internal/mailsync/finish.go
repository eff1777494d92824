package mailsync

import (
	"fmt"
	"slices"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// finish closes a folder's pass: changed flags are carried over, late duplicates
// are looked for, the counts are checked, and only then the ledger says that
// everything up to here is accounted for.
func (p *pass) finish(l *line, f *folder) error {
	if err := p.carryFlags(l, f); err != nil {
		return err
	}
	if err := p.audit(l, f); err != nil {
		return err
	}
	if finding, any := f.keywordFinding(); any {
		f.findings = append(f.findings, finding)
	}
	if f.dateless > 0 {
		f.findings = append(f.findings, migration.Finding{Code: migration.CodeDateUnknown, Folder: f.pair.Source.Name, Count: f.dateless,
			Reason: fmt.Sprintf("the source tells no date of arrival for %s; the target shows that of the migration", plural(f.dateless, "message")),
			Remedy: "Nothing to do: mail programs can sort by the date in the message instead."})
	}
	if f.flagless > 0 {
		f.findings = append(f.findings, migration.Finding{Code: migration.CodeFlagsUnknown, Folder: f.pair.Source.Name, Count: f.flagless,
			Reason: fmt.Sprintf("the source lists %s without describing it; the target shows no marks (read, flagged) there", plural(f.flagless, "message")),
			Remedy: "Nothing to do: the messages are there. Mark them at the target if it matters."})
	}
	if !f.counts.AddUp() {
		return &migration.Fault{Class: migration.Stop, Code: migration.CodeInternal,
			Doing: fmt.Sprintf("counting folder %s: %+v does not add up", f, f.counts)}
	}
	intents, err := p.Ledger.Intents(p.work, f.record.ID)
	if err != nil {
		return ledgerFault("reading the ledger", err)
	}
	if len(intents) > 0 {
		return &migration.Fault{Class: migration.Stop, Code: migration.CodeInternal, Doing: fmt.Sprintf("closing folder %s: %s still in doubt", f, plural(len(intents), "window"))}
	}
	// What went meanwhile is not counted: a restore may bring it back.
	f.record.SourceModSeq, f.record.SourceMessages = f.modSeq, f.messages-min(uint32(f.counts.Gone), f.messages)
	f.record.SourceUIDNext = max(f.uidNext, f.looked.Max()+1, 1)
	if err := p.Ledger.SaveFolder(p.work, &f.record); err != nil {
		return ledgerFault("writing the ledger", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	f.stage = done
	f.tell()
	p.Progress.Folders.Add(1)
	p.changed.Broadcast()
	return nil
}

// finishAside finishes a folder over a spare connection to the target, while the line opens
// the next one, and reports whether it does. What does not succeed there is done as if it
// had not been tried.
func (p *pass) finishAside(l *line, f *folder) bool {
	if f.besideFailed || len(f.watched()) > 0 || !p.anyUnopened() {
		return false
	}
	s, own := p.seats.beside()
	if own == nil {
		return false
	}
	l.aside.Go(func() {
		defer p.seats.leave(own)
		err := p.finish(&line{job: l.job, meter: l.meter, target: own}, f)
		if err != nil {
			f.besideFailed = true
			p.heed(err)
			switch migration.ClassOf(err) {
			case migration.Stop:
				p.fail(err)
			case migration.Again, migration.Later:
				p.seats.lose(s, err)
			}
		}
		p.release(f, finishTask, err)
	})
	return true
}

// carryFlags changes at the target what changed at the source since the last
// look, in messages copied before this pass.
func (p *pass) carryFlags(l *line, f *folder) error {
	scope := f.looked.Intersect(f.copiedBefore)
	if p.traits().FlaggedByStore {
		scope = f.looked // what was appended just now needs its STORE
	}
	changes := planFlags(f.before, f.now, scope)
	if len(changes) == 0 {
		return nil
	}
	// Should the process die meanwhile, and the source change its mind, the target
	// may have what nobody remembers to have carried.
	f.before = f.before.with(changes)
	if err := p.Ledger.SaveFlags(p.work, f.record.ID, f.before); err != nil {
		return ledgerFault("writing the ledger", err)
	}
	kept, lost := p.carriable(f, changes)
	for _, change := range kept {
		if err := p.carry(l, f, change); err != nil {
			return err
		}
	}
	for _, change := range lost {
		f.lostKeywords[change.Flag] += change.Sources.Len()
	}
	f.before = f.before.replaced(scope, f.now)
	return ledgerFault("writing the ledger", p.Ledger.SaveFlags(p.work, f.record.ID, f.before))
}

// carriable splits changes into those that the target keeps and those that people miss
// there.
func (p *pass) carriable(f *folder, changes []FlagChange) (kept, lost []FlagChange) {
	for _, change := range changes {
		switch {
		case p.traits().Unwanted.Has(change.Flag):
		case f.opened.Keeps(change.Flag) && validFlag(change.Flag):
			kept = append(kept, change)
		case change.Add:
			lost = append(lost, change)
		}
	}
	return kept, lost
}

func (p *pass) carry(l *line, f *folder, change FlagChange) error {
	if l.targetFolder != f.target {
		opened, err := l.selectTarget(p.work, migration.Open{Folder: f.target})
		if err != nil {
			return err
		}
		if opened.UIDValidity != f.record.TargetUIDValidity {
			return folderFault(migration.CodeUIDValidity, "the target folder was rebuilt during the pass; the next one goes on")
		}
	}
	var targets []migration.UID
	err := p.Ledger.Pairs(p.work, f.record.ID, &change.Sources, func(pair Pair) error {
		targets = append(targets, pair.Target)
		return nil
	})
	if err != nil {
		return ledgerFault("reading the ledger", err)
	}
	if len(targets) == 0 {
		return nil
	}
	if err := p.held(); err != nil {
		return err
	}
	return onTarget(l.target.StoreFlags(p.work, migration.NewUIDSet(targets...), change.Add, migration.Flags{change.Flag}))
}

// auditPasses is in how many passes a message is audited.
const auditPasses = 2

// audit looks for late duplicates: messages that were in doubt, were not found
// and were sent again, and whose first copy came in after all. Such a copy has a
// UID at or above the first attempt's watermark, is nobody's copy, and equals the
// message in bytes and date. It is removed where the server can remove exactly
// one message (UIDPLUS), otherwise reported. Each message is audited in two
// passes.
func (p *pass) audit(l *line, f *folder) error {
	watched := f.watched()
	if len(watched) == 0 {
		return nil
	}
	opened, err := l.selectTarget(p.work, migration.Open{Folder: f.target})
	if err != nil {
		return err
	}
	if opened.UIDValidity == f.record.TargetUIDValidity {
		if err := p.removeLate(l, f, watched); err != nil {
			return err
		}
	}
	outcome := Outcome{}
	for _, mark := range watched {
		if mark.Passes++; mark.State == Watched && mark.Passes >= auditPasses {
			outcome.Unmark.Add(mark.Source)
		} else {
			outcome.Marks = append(outcome.Marks, mark)
		}
	}
	return ledgerFault("writing the ledger", p.Ledger.Settle(p.work, f.record.ID, outcome))
}

func (f *folder) watched() []Mark {
	var watched []Mark
	for _, mark := range f.marks {
		if mark.watched() && (mark.UIDValidity == f.record.TargetUIDValidity || mark.UIDValidity == 0) {
			watched = append(watched, mark)
		}
	}
	slices.SortFunc(watched, func(a, b Mark) int { return int(int64(a.Source) - int64(b.Source)) })
	return watched
}

func (p *pass) removeLate(l *line, f *folder, watched []Mark) error {
	extras, err := p.findLate(l, f, watched)
	if err == nil && len(extras) > 0 {
		extras, err = p.withoutMoved(l, f, extras)
	}
	if err != nil || len(extras) == 0 {
		return err
	}
	var late migration.UIDSet
	for _, extra := range extras {
		late.Add(extra.uid)
	}
	if err := p.held(); err != nil {
		return err
	}
	finding := migration.Finding{Code: migration.CodeLateDuplicate, Folder: f.pair.Source.Name, Count: late.Len(),
		Reason: fmt.Sprintf("%s arrived twice, because the target finished an interrupted transfer late; the second copy was removed", plural(late.Len(), "message"))}
	err = l.target.Expunge(p.work, late)
	if migration.CodeOf(err) == migration.CodeUnsupported && err != nil {
		finding.Reason = fmt.Sprintf("%s arrived twice, because the target finished an interrupted transfer late", plural(late.Len(), "message"))
		finding.Remedy = "The target cannot remove single messages (no UIDPLUS): delete the second copy by hand."
		err = nil
	}
	f.findings = append(f.findings, finding)
	return onTarget(err)
}

// findLate gives what looks like late duplicates.
func (p *pass) findLate(l *line, f *folder, watched []Mark) ([]identity, error) {
	from := watched[0].Watermark
	since := map[migration.UID]migration.UID{}
	var sources []migration.UID
	for _, mark := range watched {
		from = min(from, mark.Watermark)
		since[mark.Source] = mark.Watermark
		sources = append(sources, mark.Source)
	}
	free, err := p.unmapped(l, f, migration.Query{From: from})
	if err != nil || len(free) == 0 {
		return nil, err
	}
	asked := migration.NewUIDSet(sources...)
	sourceOf := map[migration.UID]migration.UID{}
	var copies []migration.UID
	err = p.Ledger.Pairs(p.work, f.record.ID, &asked, func(pair Pair) error {
		sourceOf[pair.Target] = pair.Source
		copies = append(copies, pair.Target)
		return nil
	})
	if err != nil {
		return nil, ledgerFault("reading the ledger", err)
	}
	mine, err := p.messages(l, migration.NewUIDSet(copies...))
	if err != nil || len(mine) == 0 {
		return nil, err
	}
	return p.equalTo(l, mine, free, func(copied migration.UID) migration.UID { return since[sourceOf[copied]] })
}

// messages gets the attributes of target messages.
func (p *pass) messages(l *line, uids migration.UIDSet) ([]migration.Message, error) {
	var found []migration.Message
	if uids.Empty() {
		return nil, nil
	}
	err := l.target.Messages(p.work, migration.Query{UIDs: uids, Date: true, Each: func(m migration.Message) error {
		found = append(found, m)
		return nil
	}})
	return found, onTarget(err)
}

// withoutMoved leaves out as many of the extras as copies of equal messages are gone from
// the target: a person who moves a message out of the folder and back gives it a
// new number, and it looks like a late duplicate of its equals.
func (p *pass) withoutMoved(l *line, f *folder, extras []identity) ([]identity, error) {
	gone, err := p.takenAway(l, f, extras)
	if err != nil {
		return nil, err
	}
	slices.Reverse(extras) // moved back is newer than arrived late
	return slices.DeleteFunc(extras, func(extra identity) bool {
		same := p.exactly(extra)
		gone[same]--
		return gone[same] >= 0
	}), nil
}

// takenAway counts the messages whose copies are no longer at the target, of those
// that have the date of one of the extras. The source tells what they were.
func (p *pass) takenAway(l *line, f *folder, extras []identity) (map[sameness]int, error) {
	there, err := l.target.UIDs(p.work)
	if err != nil {
		return nil, onTarget(err)
	}
	var sources []migration.UID
	err = p.Ledger.Pairs(p.work, f.record.ID, nil, func(pair Pair) error {
		if !there.Contains(pair.Target) {
			sources = append(sources, pair.Source)
		}
		return nil
	})
	gone := map[sameness]int{}
	if err != nil || len(sources) == 0 {
		return gone, ledgerFault("reading the ledger", err)
	}
	if err := p.examineAgain(l, f); err != nil {
		return nil, err
	}
	dates := map[int64]bool{}
	for _, extra := range extras {
		dates[extra.at] = true
	}
	var alike []migration.Message
	err = l.source.Messages(p.work, migration.Query{UIDs: migration.NewUIDSet(sources...), Date: true, Each: func(m migration.Message) error {
		if dates[instant(m.Date)] {
			alike = append(alike, m)
		}
		return nil
	}})
	if err != nil || len(alike) == 0 {
		return gone, onSource(err)
	}
	originals, err := identify(p.work, l.source, alike, p.canonical)
	for _, original := range originals {
		gone[p.exactly(original)]++
	}
	return gone, onSource(err)
}

// equalTo gives the free messages that equal one of mine and are not older than
// its watermark.
func (p *pass) equalTo(l *line, mine, free []migration.Message, since func(migration.UID) migration.UID) ([]identity, error) {
	mine, free = sameDates(mine, free), sameDates(free, mine)
	if len(mine) == 0 {
		return nil, nil
	}
	originals, err := identify(p.work, l.target, mine, p.canonical)
	if err != nil {
		return nil, onTarget(err)
	}
	extras, err := identify(p.work, l.target, free, p.canonical)
	if err != nil {
		return nil, onTarget(err)
	}
	return slices.DeleteFunc(extras, func(extra identity) bool {
		return !slices.ContainsFunc(originals, func(o identity) bool {
			return p.exactly(o) == p.exactly(extra) && extra.uid >= since(o.uid)
		})
	}), nil
}
