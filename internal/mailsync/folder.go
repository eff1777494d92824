package mailsync

import (
	"fmt"
	"slices"
	"strings"
	"sync"
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
	// opened is the target folder as it was when opened.
	opened migration.FolderStatus
	stage  stage
	// made: this pass has opened it at the target, so that it is there, whatever
	// was listed before.
	made bool
	// active workers, of which helpers copy; exclusive when one has claimed
	// it for something else.
	active, helpers int
	// faults counts the tries that failed for the folder as a whole.
	faults    int
	exclusive bool

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
	modSeq       uint64
	messages     uint32
	uidNext      migration.UID

	counts migration.Counts
	// naming are the findings about the folder's name, findings all others.
	naming       []migration.Finding
	findings     []migration.Finding
	lostKeywords map[string]int
	// dateless counts the messages copied without a date, because the source
	// tells none.
	dateless     int
	planned      int
	plannedBytes int64
}

// single is a message to be sent alone on the line.
type single struct {
	message migration.Message
	// tries in this pass.
	tries int
	// plain sends it without keywords.
	plain bool
}

func (f *folder) doubtCount() int { return len(f.doubt) }

// unsettled reports whether the target has to be searched before the end.
func (f *folder) unsettled() bool { return len(f.doubt) > 0 || !f.orphans.Empty() }

// open finds out what is to be copied, and recognises what the target has
// already. A folder that went through a pass before is looked at on the source
// alone first: if that leaves nothing to do, the target is not bothered.
func (p *pass) open(l *line, f *folder) error {
	if err := p.recall(f); err != nil {
		return err
	}
	look := newLook(f)
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
		if mark.State != Skipped {
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
	if look.status.UIDValidity != f.record.SourceUIDValidity || p.RetrySkipped && len(f.marks) > 0 {
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
	p.changed.Broadcast()
}

// recall reads what the ledger knows of the folder.
func (p *pass) recall(f *folder) error {
	f.marks, f.losses, f.lostKeywords = map[migration.UID]Mark{}, map[migration.UID]int{}, map[string]int{}
	f.pending, f.singles, f.doubt, f.copiedBefore, f.orphans = catalog{}, nil, nil, migration.UIDSet{}, migration.UIDSet{}
	f.before, f.now, f.looked, f.dateless = FlagSets{}, FlagSets{}, migration.UIDSet{}, 0
	f.counts, f.findings, f.intents, f.stored = migration.Counts{}, nil, nil, migration.UIDSet{}
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

// openTarget opens the target folder, which is made if need be. A new folder
// whose name the target refuses, or takes for that of another, is tried once more
// under another name.
func (p *pass) openTarget(l *line, f *folder) (migration.FolderStatus, error) {
	status, err := p.openNamed(l, f)
	if f.pair.Exists || f.record.ID != 0 || err != nil && migration.ClassOf(err) != migration.OneFolder {
		return status, err
	}
	refused, was := err != nil, f.pair.Target
	if !refused {
		meets, err := p.meetsAnother(l, f)
		if err != nil || !meets {
			return status, err
		}
	}
	if !p.rename(l, f, refused) {
		return status, err
	}
	status, again := p.openNamed(l, f)
	if refused && migration.ClassOf(again) == migration.OneFolder {
		p.nameTarget(l, f, was)
		f.naming = f.naming[:len(f.naming)-1]
		return status, err
	}
	return status, again
}

// openNamed opens the target folder under the name it has, and sees to it that it
// is subscribed to when the source's is.
func (p *pass) openNamed(l *line, f *folder) (migration.FolderStatus, error) {
	subscribe := f.pair.Source.Subscribed && (f.record.ID == 0 || !f.pair.Exists)
	status, err := l.selectTarget(p.work, migration.Open{Folder: f.target, Create: !f.pair.Exists, Subscribe: subscribe})
	if err != nil || !subscribe || !f.pair.Exists || p.targetSubscribed(f.target) {
		return status, err
	}
	if err := l.target.Subscribe(p.work, f.target); err != nil && migration.ClassOf(err) != migration.OneFolder {
		return status, onTarget(err)
	}
	return status, nil
}

// meetsAnother reports whether the target takes the name of a folder just made
// for that of another one, because it does not tell case apart.
func (p *pass) meetsAnother(l *line, f *folder) (bool, error) {
	p.mu.Lock()
	twin := p.targetTaken(f, f.pair.Target)
	p.mu.Unlock()
	if !twin {
		return false, nil
	}
	folders, err := l.target.Folders(p.work)
	if err != nil {
		return false, onTarget(err)
	}
	return !slices.ContainsFunc(folders, func(t migration.Folder) bool { return t.Raw == f.target }), nil
}

// rename gives the target folder a name that no other source folder has, made
// plain if it was refused. It is false when that leaves it as it is.
func (p *pass) rename(l *line, f *folder, refused bool) bool {
	p.mu.Lock()
	plain := f.pair.Target
	if refused {
		plain = p.plainName(plain)
	}
	name := plain
	for n := 2; p.targetTaken(f, name); n++ {
		name = fmt.Sprintf("%s (%d)", plain, n)
	}
	p.mu.Unlock()
	if name == f.pair.Target {
		return false
	}
	p.nameTarget(l, f, name)
	f.naming = append(f.naming, *renamed(f.pair.Source.Name, name))
	return true
}

func (p *pass) nameTarget(l *line, f *folder, name string) {
	raw := l.target.RawName(name)
	p.mu.Lock()
	defer p.mu.Unlock()
	f.target, f.pair.Target = raw, name
}

// targetTaken reports whether another source folder goes to the name, or to one
// that differs in case alone.
func (p *pass) targetTaken(f *folder, name string) bool {
	return slices.ContainsFunc(p.folders, func(other *folder) bool {
		return other != f && sameName(other.pair.Target, name)
	})
}

// plainName is a name without the characters that servers refuse most, and with
// short levels.
func (p *pass) plainName(name string) string {
	levels := strings.Split(name, string(p.rules.delimiter))
	for i, level := range levels {
		level = strings.Map(func(r rune) rune {
			if strings.ContainsRune(`"%*\/.~&^#|<>?:`, r) {
				return '_'
			}
			return r
		}, strings.TrimSpace(shortened(level)))
		if level == "" {
			level = "_"
		}
		levels[i] = level
	}
	return strings.Join(levels, string(p.rules.delimiter))
}

// shortened is as much of a level as every server takes, whole characters.
func shortened(level string) string {
	const most = 60
	for i := range level {
		if i > most {
			return level[:i]
		}
	}
	return level
}

// checkValidity makes or mends the folder's record: new folders get one, and a
// changed UIDVALIDITY on either side means that every number in it is void.
func (p *pass) checkValidity(l *line, f *folder, look *look) error {
	r := &f.record
	switch {
	case r.ID == 0:
		*r = FolderRecord{Source: f.pair.Source.Raw, Target: f.target, SourceUIDValidity: look.status.UIDValidity,
			TargetUIDValidity: f.opened.UIDValidity, Watermark: f.opened.UIDNext}
		return ledgerFault("writing the ledger", p.Ledger.SaveFolder(p.work, r))
	case !f.pair.Exists:
		return p.departed(l, f, look)
	case r.TargetUIDValidity == f.opened.UIDValidity && r.SourceUIDValidity == look.status.UIDValidity:
		return nil
	}
	if err := p.letSettle(f); err != nil {
		return err
	}
	if r.TargetUIDValidity != f.opened.UIDValidity {
		if err := p.rematchTarget(l, f, look); err != nil {
			return err
		}
	}
	if r.SourceUIDValidity != look.status.UIDValidity {
		return p.rematchSource(l, f, look)
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
		voided := mark.State == Retry && f.record.Departed.Contains(uid)
		if voided || mark.State != Watched && !listed && !look.looked.Contains(uid) {
			gone.Add(uid)
			delete(f.marks, uid)
		}
	}
	if !gone.Empty() {
		if err := p.Ledger.Settle(p.work, f.record.ID, Outcome{Unmark: gone}); err != nil {
			return ledgerFault("writing the ledger", err)
		}
	}
	return p.forgetVoid(f, look)
}

// forgetVoid drops the record of messages whose numbers the source will give
// again: those at or above its UIDNEXT that it does not have. RFC 3501 section
// 2.3.1.1 forbids it, but a server restored from a backup goes on counting from
// there, and the new message must not be taken for the old one.
func (p *pass) forgetVoid(f *folder, look *look) error {
	above := migration.UIDsFrom(look.status.UIDNext, ^migration.UID(0)).Minus(look.looked)
	if f.copiedBefore.Union(f.record.Departed).Intersect(above).Empty() || len(f.intents) > 0 {
		return nil
	}
	var outcome Outcome
	err := p.Ledger.Pairs(p.work, f.record.ID, nil, func(pair Pair) error {
		if !above.Contains(pair.Source) {
			outcome.Copied = append(outcome.Copied, pair)
		}
		return nil
	})
	if err != nil {
		return ledgerFault("reading the ledger", err)
	}
	for _, mark := range f.marks {
		if !above.Contains(mark.Source) {
			outcome.Marks = append(outcome.Marks, mark)
		}
	}
	record := f.record
	record.Departed = record.Departed.Minus(above)
	return p.rematched(f, record, outcome)
}

// sortOut divides what was enumerated into what is to be copied, what is in
// doubt, and what is settled.
func (p *pass) sortOut(f *folder, look *look) {
	f.now, f.looked = look.flags, look.looked
	accounted := f.copiedBefore.Union(f.record.Departed)
	var skipped migration.UIDSet
	var doubtful migration.UIDSet
	for _, intent := range f.intents {
		doubtful = doubtful.Union(intent.Sources)
	}
	for uid, mark := range f.marks {
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
	return ledgerFault("writing the ledger", p.Ledger.SaveFlags(p.work, f.record.ID, f.before))
}

func (f *folder) String() string { return fmt.Sprintf("%q", f.pair.Source.Name) }
