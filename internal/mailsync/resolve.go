package mailsync

import (
	"context"
	"slices"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// resolve finds out which of the messages in doubt have reached the target. It
// runs when nothing else is under way in the folder and the target has had time
// to finish what was cut off (invariant I5). What is found is recorded; the rest
// is sent again. If the target's UIDNEXT has moved meanwhile, it looks again
// before anything is sent.
func (p *pass) resolve(l *line, f *folder) error {
	watermark, err := p.doubtfulSince(f)
	if err != nil {
		return err
	}
	seen := migration.UID(0)
	for {
		opened, err := l.selectTarget(p.work, migration.Open{Folder: f.target})
		if err != nil {
			return err
		}
		if opened.UIDValidity != f.record.TargetUIDValidity || opened.UIDNext < f.opened.UIDNext && !opened.UIDNextGuessed {
			return p.reopen(f)
		}
		if opened.UIDNext == seen {
			return p.sendAgain(l, f)
		}
		seen = opened.UIDNext
		if err := p.adopt(l, f, watermark); err != nil {
			return err
		}
		if len(f.doubt) == 0 {
			return p.sendAgain(l, f)
		}
	}
}

// doubtfulSince is the lowest watermark of the open intents: no copy of theirs
// can have a lower UID.
func (p *pass) doubtfulSince(f *folder) (migration.UID, error) {
	intents, err := p.Ledger.Intents(p.work, f.record.ID)
	if err != nil {
		return 0, ledgerFault("reading the ledger", err)
	}
	watermark := f.record.Watermark
	for i, intent := range intents {
		if i == 0 || intent.Watermark < watermark {
			watermark = intent.Watermark
		}
	}
	return watermark, nil
}

// adopt records the messages in doubt that are found at the target.
func (p *pass) adopt(l *line, f *folder, watermark migration.UID) error {
	candidates, err := p.unmapped(l, f, migration.Query{From: watermark})
	if err != nil {
		return err
	}
	pairs, err := p.pairDoubts(l, f, candidates)
	if err != nil || len(pairs) == 0 {
		return err
	}
	outcome := Outcome{Copied: pairs}
	var size int64
	found, arrived := map[migration.UID]bool{}, migration.UIDSet{}
	for _, pair := range pairs {
		found[pair.Source] = true
		arrived.Add(pair.Source)
		if mark, ok := f.marks[pair.Source]; ok && mark.mended() {
			outcome.Marks = append(outcome.Marks, repaired(mark))
			f.findings = append(f.findings, mark.Finding)
		} else if ok && mark.wasInDoubt() {
			outcome.Marks = append(outcome.Marks, watchOf(mark))
		} else if ok {
			outcome.Unmark.Add(pair.Source)
		}
	}
	if err := p.Ledger.Settle(context.WithoutCancel(p.work), f.record.ID, outcome); err != nil {
		return ledgerFault("writing the ledger", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	f.doubt = slices.DeleteFunc(f.doubt, func(m migration.Message) bool {
		if found[m.UID] {
			size += max(m.Size, 0)
		}
		return found[m.UID]
	})
	for _, mark := range outcome.Marks {
		f.marks[mark.Source] = mark
	}
	// They were sent with the flags of before, perhaps by an earlier run.
	f.copiedBefore = f.copiedBefore.Union(arrived)
	f.counts.Copied += len(pairs)
	p.Progress.Messages.Add(int64(len(pairs)))
	p.Progress.Bytes.Add(size)
	return nil
}

// pairDoubts finds the messages in doubt among the candidates. Those that the
// target has answered with OK come first: what an equal message took of them would
// be missing in the end, because they are not sent again.
func (p *pass) pairDoubts(l *line, f *folder, candidates []migration.Message) ([]Pair, error) {
	stored, others := slices.Clone(f.doubt), slices.Clone(f.doubt)
	stored = slices.DeleteFunc(stored, func(m migration.Message) bool { return !f.stored.Contains(m.UID) })
	others = slices.DeleteFunc(others, func(m migration.Message) bool { return f.stored.Contains(m.UID) })
	pairs, unread, err := p.compareAmong(l, f, stored, candidates)
	if err != nil {
		return nil, err
	}
	f.stored = f.stored.Minus(unread) // of them nothing is known
	taken := map[migration.UID]bool{}
	for _, pair := range pairs {
		taken[pair.Target] = true
	}
	left := slices.DeleteFunc(slices.Clone(candidates), func(m migration.Message) bool { return taken[m.UID] })
	more, err := p.recogniseAmong(l, f, others, left)
	return append(pairs, more...), err
}

func watchOf(mark Mark) Mark {
	mark.State, mark.Passes = Watched, 0
	return mark
}

// noteStored notes that the target has answered a message with OK.
func (f *folder) noteStored(p *pass, uid migration.UID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f.stored.Add(uid)
}

// trust takes those that the target has answered with OK for copied, although
// they are not found: it changes what it stores, or a person has taken them away
// already. To send them again would double them.
func (p *pass) trust(f *folder) error {
	stored := f.stored.Intersect(uidsOf(f.doubt))
	if stored.Empty() {
		return nil
	}
	record := f.record
	record.Departed = record.Departed.Union(stored)
	if err := p.Ledger.SaveFolder(p.work, &record); err != nil {
		return ledgerFault("writing the ledger", err)
	}
	if err := p.Ledger.Settle(p.work, f.record.ID, Outcome{Released: stored, Unmark: stored}); err != nil {
		return ledgerFault("writing the ledger", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	f.record = record
	f.doubt = slices.DeleteFunc(f.doubt, func(m migration.Message) bool { return stored.Contains(m.UID) })
	for uid := range stored.All() {
		delete(f.marks, uid)
	}
	f.counts.Copied += stored.Len()
	p.Progress.Messages.Add(int64(stored.Len()))
	p.log().Info("stored, but not found again at the target", "folder", f.pair.Source.Name, "messages", stored.Len())
	return nil
}

// sendAgain puts what was not found back to be copied. That it was in doubt, and
// since when, is recorded first, so that the audit can look for a copy that
// arrives late after all.
func (p *pass) sendAgain(l *line, f *folder) error {
	if err := p.trust(f); err != nil {
		return err
	}
	intents, err := p.Ledger.Intents(p.work, f.record.ID)
	if err != nil {
		return ledgerFault("reading the ledger", err)
	}
	outcome := Outcome{Released: f.orphans}
	for _, m := range f.doubt {
		outcome.Marks = append(outcome.Marks, p.retryMark(f, m.UID, intents))
	}
	if err := p.Ledger.Settle(p.work, f.record.ID, outcome); err != nil {
		return ledgerFault("writing the ledger", err)
	}
	if again := uidsOf(f.doubt); len(planFlags(f.before, f.now, again)) > 0 {
		if err := p.rememberFlagsOf(f, again); err != nil {
			return err
		}
	}
	for _, m := range p.putBack(f, outcome.Marks) {
		breaks := &migration.Fault{Class: migration.OneMessage, Code: migration.CodeLost,
			Doing:  "sending the message: the connection broke each time it was sent, even alone",
			Remedy: "Save the message from the old mailbox as a file and import it by hand; the next pass tries once more."}
		if err := p.leaveOut(l, f, m, breaks); err != nil {
			return err
		}
	}
	return nil
}

// putBack queues what was in doubt to be sent again: with the others at first,
// alone when the line broke twice with it under way. It returns those that broke
// the line alone too often.
func (p *pass) putBack(f *folder, marks []Mark) []migration.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, mark := range marks {
		f.marks[mark.Source] = mark
	}
	var hopeless []migration.Message
	for _, m := range f.doubt {
		switch {
		case f.losses[m.UID] >= lossesBeforeAlone+triesPerPass:
			hopeless = append(hopeless, m)
		case f.losses[m.UID] >= lossesBeforeAlone || f.marks[m.UID].Attempts > 0:
			f.singles = append(f.singles, single{message: m})
		default:
			f.pending.add(m)
		}
	}
	f.pending.sort()
	f.doubt, f.orphans = nil, migration.UIDSet{}
	p.changed.Broadcast()
	return hopeless
}

func (p *pass) retryMark(f *folder, uid migration.UID, intents []Intent) Mark {
	mark, ok := f.marks[uid]
	if !ok || mark.Watermark == 0 {
		mark.Source = uid
		mark.Watermark, mark.UIDValidity = f.record.Watermark, f.record.TargetUIDValidity
		for _, intent := range intents {
			if intent.Sources.Contains(uid) {
				mark.Watermark, mark.UIDValidity = intent.Watermark, intent.UIDValidity
			}
		}
	}
	mark.State = Retry
	if f.losses[uid] > lossesBeforeAlone {
		mark.Attempts++ // the line broke while it was alone on it
	}
	return mark
}

// reopen starts the folder over: its numbers at the target are void.
func (p *pass) reopen(f *folder) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	f.stage = unopened
	f.counts = migration.Counts{}
	f.pair.Exists = true
	p.changed.Broadcast()
	return nil
}

// unmapped lists the target messages that are nobody's copy yet. The target
// folder must be open.
func (p *pass) unmapped(l *line, f *folder, query migration.Query) ([]migration.Message, error) {
	var uids []migration.UID
	err := p.Ledger.Pairs(p.work, f.record.ID, nil, func(pair Pair) error {
		uids = append(uids, pair.Target)
		return nil
	})
	if err != nil {
		return nil, ledgerFault("reading the ledger", err)
	}
	mapped := migration.NewUIDSet(uids...)
	var free []migration.Message
	query.Flags, query.Date = true, true
	query.Each = func(m migration.Message) error {
		if !mapped.Contains(m.UID) {
			free = append(free, m)
		}
		return nil
	}
	return free, onTarget(l.target.Messages(p.work, query))
}

// recogniseAmong pairs source messages with equal messages among the candidates.
func (p *pass) recogniseAmong(l *line, f *folder, sources, candidates []migration.Message) ([]Pair, error) {
	pairs, _, err := p.compareAmong(l, f, sources, candidates)
	return pairs, err
}

// compareAmong is recogniseAmong and tells which source messages could not be
// read. Those whose date the source does not tell, which the target has dated
// itself, are told by their bytes alone, among what the others leave.
func (p *pass) compareAmong(l *line, f *folder, sources, candidates []migration.Message) ([]Pair, migration.UIDSet, error) {
	undated := slices.DeleteFunc(slices.Clone(sources), func(m migration.Message) bool { return !m.Date.IsZero() })
	dated := slices.DeleteFunc(slices.Clone(sources), func(m migration.Message) bool { return m.Date.IsZero() })
	pairs, unread, err := p.compareDated(l, f, dated, candidates)
	if err != nil || len(undated) == 0 {
		return pairs, unread, err
	}
	taken := map[migration.UID]bool{}
	for _, pair := range pairs {
		taken[pair.Target] = true
	}
	left := slices.DeleteFunc(slices.Clone(candidates), func(m migration.Message) bool { return taken[m.UID] })
	for i := range left {
		left[i].Date = time.Time{}
	}
	more, alsoUnread, err := p.compareDated(l, f, undated, left)
	return append(pairs, more...), unread.Union(alsoUnread), err
}

// compareDated compares by bytes and date. Only messages whose INTERNALDATE occurs
// on both sides are read.
func (p *pass) compareDated(l *line, f *folder, sources, candidates []migration.Message) (pairs []Pair, unread migration.UIDSet, err error) {
	sources, candidates = sameDates(sources, candidates), sameDates(candidates, sources)
	if len(sources) == 0 || len(candidates) == 0 {
		return nil, unread, nil
	}
	if l.sourceFolder != f.pair.Source.Raw {
		if _, err := l.examine(p.work, f.pair.Source.Raw, nil); err != nil {
			return nil, unread, err
		}
	}
	ofSource, ofTarget := p.canonOf(f, sources)
	from, err := identify(p.work, l.source, sources, ofSource)
	if err != nil {
		return nil, unread, onSource(err)
	}
	to, err := identify(p.work, l.target, candidates, ofTarget)
	if err != nil {
		return nil, unread, onTarget(err)
	}
	var read migration.UIDSet
	for _, i := range from {
		read.Add(i.uid)
	}
	return matchCopies(from, to), uidsOf(sources).Minus(read), nil
}

// sameDates keeps the messages whose date one of the others has.
func sameDates(messages, others []migration.Message) []migration.Message {
	dates := make(map[int64]bool, len(others))
	for _, m := range others {
		dates[instant(m.Date)] = true
	}
	return slices.DeleteFunc(slices.Clone(messages), func(m migration.Message) bool { return !dates[instant(m.Date)] })
}

// identify reads the messages of the open folder and takes their fingerprints.
// Those the server does not deliver are left out.
// Those for which canon is true get the canonical one too.
func identify(ctx context.Context, session Session, messages []migration.Message, canon func(migration.UID) bool) ([]identity, error) {
	asked := byUID(messages)
	identities := make([]identity, 0, len(messages))
	err := session.Bodies(ctx, uidsOf(messages), func(body migration.Body) error {
		m, known := asked[body.UID]
		if !known {
			return nil
		}
		print, err := fingerprintOf(body.Reader, canon(body.UID))
		if err == nil {
			identities = append(identities, newIdentity(m, print))
		}
		return err
	})
	slices.SortFunc(identities, func(a, b identity) int { return int(int64(a.uid) - int64(b.uid)) })
	return identities, err
}

// recognise records messages that the target holds already: from an earlier tool,
// from a run whose ledger is lost, or from one that another ledger knows.
func (p *pass) recognise(l *line, f *folder) error {
	if f.opened.Messages == 0 || len(f.pending.entries) == 0 {
		return nil
	}
	started := time.Now()
	pairs, err := p.recogniseEarlier(l, f)
	if err != nil {
		return err
	}
	recognised := sourcesOf(pairs)
	unknown := slices.DeleteFunc(f.pendingMessages(), func(m migration.Message) bool { return recognised.Contains(m.UID) })
	foreign, err := p.recogniseForeign(l, f, unknown)
	if err != nil {
		return err
	}
	if pairs = append(pairs, foreign...); len(pairs) == 0 {
		return nil
	}
	outcome := Outcome{Copied: pairs}
	var known migration.UIDSet
	for _, pair := range pairs {
		known.Add(pair.Source)
		if mark, ok := f.marks[pair.Source]; ok && mark.wasInDoubt() {
			f.marks[pair.Source] = watchOf(mark)
			outcome.Marks = append(outcome.Marks, watchOf(mark))
		} else if ok {
			delete(f.marks, pair.Source)
			outcome.Unmark.Add(pair.Source)
		}
	}
	// They may lack the flags the source has, so they count as copied before
	// with the target's flags unknown: nothing is changed on them now. That is
	// written first, or a crash would leave them with all to be carried.
	f.before = f.before.replaced(known, f.now)
	if err := p.Ledger.SaveFlags(p.work, f.record.ID, f.before); err != nil {
		return ledgerFault("writing the ledger", err)
	}
	if err := p.Ledger.Settle(p.work, f.record.ID, outcome); err != nil {
		return ledgerFault("writing the ledger", err)
	}
	f.pending.remove(known)
	f.copiedBefore = f.copiedBefore.Union(known)
	f.counts.Present += len(pairs)
	p.log().Info("recognised mail that is at the target already", "folder", f.pair.Source.Name, "messages", len(pairs), "took", time.Since(started).Round(time.Millisecond))
	return nil
}

// recogniseEarlier looks, before the first pass over a folder has ended, among what
// was there before it.
func (p *pass) recogniseEarlier(l *line, f *folder) ([]Pair, error) {
	if f.record.SourceUIDNext != 0 || f.record.Watermark <= 1 {
		return nil, nil
	}
	found, err := p.unmapped(l, f, migration.Query{UIDs: migration.UIDsFrom(1, f.record.Watermark-1)})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return p.recogniseAmong(l, f, f.pendingMessages(), found)
}

// recogniseForeign looks among what has come to the target above all that the
// ledger knows: copies that another ledger knows, or this one before it was brought
// back from a backup. While something is in doubt, what is there may be that.
func (p *pass) recogniseForeign(l *line, f *folder, unknown []migration.Message) ([]Pair, error) {
	known := max(f.record.Watermark, f.targetNext)
	if len(unknown) == 0 || f.unsettled() || f.opened.UIDNext <= known {
		return nil, nil
	}
	found, err := p.unmapped(l, f, migration.Query{From: known})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	pairs, err := p.recogniseAmong(l, f, unknown, found)
	if err != nil || len(pairs) == 0 {
		return nil, err
	}
	return p.withoutReturned(l, f, pairs, found)
}

// withoutReturned leaves out pairs whose target message may be an earlier copy that
// a person has moved away and back.
func (p *pass) withoutReturned(l *line, f *folder, pairs []Pair, found []migration.Message) ([]Pair, error) {
	matched := targetsOf(pairs)
	extras, err := identify(p.work, l.target, slices.DeleteFunc(found, func(m migration.Message) bool { return !matched.Contains(m.UID) }), p.canonical)
	if err != nil {
		return nil, onTarget(err)
	}
	if extras, err = p.withoutMoved(l, f, extras); err != nil {
		return nil, err
	}
	foreign := map[migration.UID]bool{}
	for _, extra := range extras {
		foreign[extra.uid] = true
	}
	return slices.DeleteFunc(pairs, func(pair Pair) bool { return !foreign[pair.Target] }), nil
}

func (f *folder) pendingMessages() []migration.Message {
	out := make([]migration.Message, len(f.pending.entries))
	for i, e := range f.pending.entries {
		out[i] = f.pending.message(e)
	}
	return out
}
