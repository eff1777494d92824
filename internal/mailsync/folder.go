package mailsync

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// stage is how far a folder has come in this pass.
type stage int

const (
	unopened stage = iota
	opening
	ready // windows, doubts and singles are being worked off
	done
	failed
)

// folder is the work on one pair of folders. The pass's mutex guards it, except
// that the worker with the exclusive claim may use it freely.
type folder struct {
	pair   FolderPair
	target string // raw name
	record FolderRecord
	// opened is the target folder as it was when opened, targetNext the lowest of
	// its UIDs above all copies on record.
	opened     migration.FolderStatus
	targetNext migration.UID
	stage      stage
	// made: this pass has opened it at the target, so that it is there, whatever
	// was listed before.
	made bool
	// active workers, of which helpers copy; exclusive when one has claimed
	// it for something else.
	active, helpers int
	// faults counts the tries that failed for the folder as a whole.
	faults    int
	exclusive bool
	// besideFailed: it could not be finished over a spare connection.
	besideFailed bool

	// pending messages are copied in windows, newest first; singles alone.
	pending catalog
	singles []single
	// doubt are messages that may have reached the target; settled is when
	// the target may be searched for them.
	doubt   []migration.Message
	settled time.Time
	// orphans are UIDs of open intents that the source does not have any more.
	orphans migration.UIDSet
	// stored are messages in doubt that the target has answered with OK.
	stored migration.UIDSet
	// intents that were open when the folder was opened.
	intents []Intent
	// losses counts the lost connections a message was under way in.
	losses map[migration.UID]int
	marks  map[migration.UID]Mark

	// now are the source's flags as enumerated, for the UIDs in looked; before
	// are those last carried over.
	now, before FlagSets
	looked      migration.UIDSet
	// copied before this pass.
	copiedBefore migration.UIDSet
	// examined: the counters are those of the source.
	examined bool
	modSeq   uint64
	messages uint32
	uidNext  migration.UID

	counts migration.Counts
	// about are the findings about the folder itself, which are made once in a
	// pass; findings are all others, which each opening makes anew.
	about        []migration.Finding
	findings     []migration.Finding
	lostKeywords map[string]int
	// dateless counts the messages copied without a date, because the source
	// tells none.
	dateless int
	// silent are messages that the source lists and does not describe, flagless
	// counts those of them that were copied.
	silent       migration.UIDSet
	flagless     int
	planned      int
	plannedBytes int64
	// told is what Progress.PerFolder tells: the counts as they were under the
	// mutex.
	told migration.FolderProgress
	// answered messages are at the target and not settled.
	answered atomic.Int64
}

// tell brings what is told of the folder up to date; the mutex is held.
func (f *folder) tell() {
	f.told = migration.FolderProgress{Source: f.pair.Source.Name, Target: f.pair.Target, Messages: f.counts, Done: f.stage == done || f.stage == failed}
}

// accounted are the messages that the ledger knows what became of.
func (f *folder) accounted() migration.UIDSet {
	uids := f.copiedBefore.Union(f.record.Departed)
	for uid, mark := range f.marks {
		if mark.State != Watched && mark.State != Repaired {
			uids.Add(uid)
		}
	}
	return uids
}

// single is a message to be sent alone on the line.
type single struct {
	message migration.Message
	// tries in this pass.
	tries int
	// plain sends it without keywords.
	plain bool
	// mend repairs it on its way, nil sends it as it is.
	mend *mend
}

func (f *folder) doubtCount() int { return len(f.doubt) }

// unsettled reports whether the target has to be searched before the end.
func (f *folder) unsettled() bool { return len(f.doubt) > 0 || !f.orphans.Empty() }

// open finds out what is to be copied, and recognises what the target has
// already. A folder that went through a pass before is looked at on the source
// alone first: if that leaves nothing to do, the target is not bothered.
func (p *pass) open(l *line, f *folder) error {
	if err := p.views.save(p.work, f.pair.Source.Raw); err != nil {
		return err
	}
	if err := p.recall(f); err != nil {
		return err
	}
	look := newLook(p.Job, f)
	if f.settledBefore() {
		if err := p.lookAtSource(l, f, look); err != nil {
			return err
		}
		if p.nothingNew(f, look) {
			if err := p.forget(f, look); err != nil {
				return err
			}
			p.sortOut(f, look)
			return p.finish(l, f)
		}
	}
	if err := p.openBoth(l, f, look); err != nil {
		return err
	}
	if err := p.checkValidity(l, f, look); err != nil {
		return err
	}
	f.made = true
	if err := look.complete(p.work, l.source); err != nil {
		return onSource(err)
	}
	if err := p.forget(f, look); err != nil {
		return err
	}
	p.sortOut(f, look)
	if err := p.recognise(l, f); err != nil {
		return err
	}
	if err := p.rememberFlags(f); err != nil {
		return err
	}
	p.makeReady(f)
	return nil
}

// settledBefore reports whether an earlier pass left the folder without loose
// ends.
func (f *folder) settledBefore() bool {
	if f.record.SourceUIDNext == 0 || len(f.intents) > 0 {
		return false
	}
	for _, mark := range f.marks {
		if mark.State != Skipped && (mark.State != Repaired || mark.watched()) {
			return false
		}
	}
	return true
}

// lookAtSource enumerates without the target.
func (p *pass) lookAtSource(l *line, f *folder, look *look) error {
	status, err := l.examine(p.work, f.pair.Source.Raw, look.first())
	if err != nil {
		return err
	}
	look.noteStatus(status)
	if status.UIDValidity != f.record.SourceUIDValidity {
		return nil
	}
	return onSource(look.complete(p.work, l.source))
}

// nothingNew reports whether the source leaves nothing to do.
func (p *pass) nothingNew(f *folder, look *look) bool {
	if look.status.UIDValidity != f.record.SourceUIDValidity || look.wentBack() || p.RetrySkipped && len(f.marks) > 0 {
		return false
	}
	settled := f.copiedBefore.Union(f.record.Departed)
	for uid := range f.marks {
		settled.Add(uid)
	}
	return look.messages.uids().Minus(settled).Empty() &&
		len(planFlags(f.before, look.flags, look.looked.Intersect(f.copiedBefore))) == 0
}

func (p *pass) makeReady(f *folder) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f.stage = ready
	f.planned, f.plannedBytes = len(f.pending.entries)+len(f.singles), f.pending.bytes()
	p.Progress.MessagesTotal.Add(int64(f.planned))
	p.Progress.BytesTotal.Add(f.plannedBytes)
	f.tell()
	p.changed.Broadcast()
}

// recall reads what the ledger knows of the folder.
func (p *pass) recall(f *folder) error {
	f.marks, f.losses, f.lostKeywords = map[migration.UID]Mark{}, map[migration.UID]int{}, map[string]int{}
	f.pending, f.singles, f.doubt, f.copiedBefore, f.orphans = catalog{}, nil, nil, migration.UIDSet{}, migration.UIDSet{}
	f.before, f.now, f.looked, f.dateless = FlagSets{}, FlagSets{}, migration.UIDSet{}, 0
	f.silent, f.flagless = migration.UIDSet{}, 0
	f.counts, f.findings, f.intents, f.stored, f.targetNext = migration.Counts{}, nil, nil, migration.UIDSet{}, 0
	if f.record.ID == 0 {
		return nil
	}
	var err error
	if f.intents, err = p.Ledger.Intents(p.work, f.record.ID); err != nil {
		return ledgerFault("reading the ledger", err)
	}
	marks, err := p.Ledger.Marks(p.work, f.record.ID)
	if err != nil {
		return ledgerFault("reading the ledger", err)
	}
	for _, mark := range marks {
		f.marks[mark.Source] = mark
	}
	var sources []migration.UID
	err = p.Ledger.Pairs(p.work, f.record.ID, nil, func(pair Pair) error {
		sources = append(sources, pair.Source)
		f.targetNext = max(f.targetNext, pair.Target+1)
		return nil
	})
	if err != nil {
		return ledgerFault("reading the ledger", err)
	}
	f.copiedBefore = migration.NewUIDSet(sources...)
	f.before, err = p.Ledger.Flags(p.work, f.record.ID)
	return ledgerFault("reading the ledger", err)
}

// openBoth opens the folder on both sides at once, with the questions to the
// source in the same burst, unless the source has been looked at already.
func (p *pass) openBoth(l *line, f *folder, look *look) error {
	if err := l.dial(p.work, true); err != nil {
		return err
	}
	if err := p.listTargets(l); err != nil {
		return err
	}
	if f.record.ID != 0 {
		f.pair.Exists = f.made || p.targetExists(f.target)
		if !f.pair.Exists && f.record.TargetUIDValidity != 0 {
			if err := p.departed(f); err != nil {
				return err
			}
		}
	}
	var both sync.WaitGroup
	var sourceErr, targetErr error
	var from, to migration.FolderStatus
	if !look.asked {
		both.Go(func() { from, sourceErr = l.examine(p.work, f.pair.Source.Raw, look.first()) })
	}
	both.Go(func() { to, targetErr = p.openTarget(l, f) })
	both.Wait()
	if sourceErr != nil {
		return sourceErr
	}
	if targetErr != nil {
		return targetErr
	}
	if !look.asked {
		look.noteStatus(from)
	}
	f.opened = to
	return nil
}

// checkValidity makes or mends the folder's record: new folders get one, and a
// changed UIDVALIDITY on either side means that every number in it is void, a
// UIDNEXT that went back that some are.
func (p *pass) checkValidity(l *line, f *folder, look *look) error {
	r := &f.record
	if r.ID == 0 {
		*r = FolderRecord{Source: f.pair.Source.Raw, Target: f.target, SourceUIDValidity: look.status.UIDValidity,
			TargetUIDValidity: f.opened.UIDValidity, Watermark: f.opened.UIDNext}
		return ledgerFault("writing the ledger", p.Ledger.SaveFolder(p.work, r))
	}
	mend := p.mending(f, look)
	if mend == nil {
		return nil
	}
	if len(f.intents) > 0 {
		if err := p.letSettle(f); err != nil {
			return err
		}
		var err error
		if f.opened, err = l.selectTarget(p.work, migration.Open{Folder: f.target}); err != nil {
			return err
		}
	}
	return mend(l, f, look)
}

// mending is what is to be done about the numbers of the record, nil when they are
// good.
func (p *pass) mending(f *folder, look *look) func(*line, *folder, *look) error {
	sourceAnew, targetAnew := f.record.SourceUIDValidity != look.status.UIDValidity, f.record.TargetUIDValidity != f.opened.UIDValidity
	sourceBack, targetBack := !sourceAnew && look.wentBack(), !targetAnew && f.targetWentBack()
	switch {
	case sourceAnew, sourceBack && (targetAnew || targetBack):
		return p.rematchSource
	case f.record.TargetUIDValidity == 0:
		return p.madeAgain
	case targetAnew:
		return p.rematchTarget
	case sourceBack:
		return p.restoredSource
	case targetBack:
		return p.restoredTarget
	}
	return nil
}

// forget drops what was to be tried again, or was given up, of messages that the
// source does not have any more.
func (p *pass) forget(f *folder, look *look) error {
	var gone migration.UIDSet
	for uid, mark := range f.marks {
		// Each was asked for, so that what did not answer is not there.
		listed := look.full && look.all.Contains(uid)
		// A crash may have come between the record that it is not to be copied
		// again and this one.
		if mark.State == Repaired && !look.full {
			continue
		}
		voided := mark.State == Retry && f.record.Departed.Contains(uid)
		if voided || mark.State != Watched && !listed && !look.looked.Contains(uid) {
			gone.Add(uid)
			delete(f.marks, uid)
		}
	}
	if !gone.Empty() {
		return ledgerFault("writing the ledger", p.Ledger.Settle(p.work, f.record.ID, Outcome{Unmark: gone}))
	}
	return nil
}

// sortOut divides what was enumerated into what is to be copied, what is in
// doubt, and what is settled.
func (p *pass) sortOut(f *folder, look *look) {
	f.now, f.looked, f.silent = look.flags, look.looked, look.silent
	accounted := f.copiedBefore.Union(f.record.Departed)
	var skipped migration.UIDSet
	doubtful := f.inDoubt()
	for uid, mark := range f.marks {
		if mark.State == Repaired {
			f.findings = append(f.findings, mark.Finding)
		}
		if mark.State == Skipped && !p.RetrySkipped && !doubtful.Contains(uid) {
			skipped.Add(uid)
			if look.live(uid) {
				f.counts.Skipped++
				f.findings = append(f.findings, mark.Finding)
			}
		}
	}
	f.counts.Source = look.count()
	look.messages.remove(accounted.Union(skipped))
	f.doubt = look.messages.remove(doubtful)
	f.orphans = doubtful.Minus(uidsOf(f.doubt))
	if len(f.doubt) > 0 || !f.orphans.Empty() {
		f.settled = p.started.Add(p.settleTime())
	}
	for _, m := range look.messages.remove(f.tried()) {
		f.singles = append(f.singles, single{message: m})
	}
	f.pending = look.messages
	f.counts.Present = f.counts.Source - f.counts.Skipped - len(f.pending.entries) - len(f.singles) - len(f.doubt)
}

// tried are the messages that failed alone before, which therefore go alone.
func (f *folder) tried() migration.UIDSet {
	var uids migration.UIDSet
	for uid, mark := range f.marks {
		if mark.State == Skipped || mark.State == Retry && mark.Attempts > 0 {
			uids.Add(uid)
		}
	}
	return uids
}

// rememberFlags records the flags with which the pending messages are going to
// be appended, so that a later look finds only what changed since.
func (p *pass) rememberFlags(f *folder) error {
	uids := f.pending.uids()
	for _, s := range f.singles {
		uids.Add(s.message.UID)
	}
	return p.rememberFlagsOf(f, uids)
}

// rememberFlagsOf records the flags of the messages as they are now.
func (p *pass) rememberFlagsOf(f *folder, uids migration.UIDSet) error {
	if uids.Empty() {
		return nil
	}
	f.before = f.before.replaced(uids, f.now)
	if flagged := f.now[f.now.spelling(migration.FlagFlagged)].Intersect(uids); p.traits().FlaggedByStore && !flagged.Empty() {
		f.before = f.before.with([]FlagChange{{Flag: migration.FlagFlagged, Add: true, Sources: flagged}})
	}
	return ledgerFault("writing the ledger", p.Ledger.SaveFlags(p.work, f.record.ID, f.before))
}

func (f *folder) String() string { return fmt.Sprintf("%q", f.pair.Source.Name) }
