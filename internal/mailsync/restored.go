package mailsync

import (
	"fmt"
	"slices"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// A server restored from a backup keeps its UIDVALIDITY, and goes on counting from
// where it was when the backup was made (RFC 3501 section 2.3.1.1 forbids that).
// Numbers of the ledger then name nothing, or other messages that came since.
// Which, the messages tell: the pairs are compared from the highest number down,
// until a whole window of them is as it was.

// wentBack reports whether the source counts from lower than it did.
func (k *look) wentBack() bool {
	status, record := k.status, k.f.record
	return status.UIDNext != 0 && status.UIDNext < k.f.sourceKnown() || status.HighestModSeq != 0 && status.HighestModSeq < record.SourceModSeq
}

// sourceKnown is the lowest UID of the source of which the ledger knows nothing.
func (f *folder) sourceKnown() migration.UID {
	highest := max(f.copiedBefore.Max(), f.record.Departed.Max(), f.inDoubt().Max())
	for uid := range f.marks {
		highest = max(highest, uid)
	}
	return max(f.record.SourceUIDNext, highest+1)
}

// targetWentBack is wentBack for the target. Where it does not tell its UIDNEXT
// that cannot be known.
func (f *folder) targetWentBack() bool {
	known := max(f.record.Watermark, f.targetNext)
	for _, intent := range f.intents {
		known = max(known, intent.Watermark)
	}
	return !f.opened.UIDNextGuessed && f.opened.UIDNext < known
}

// inDoubt are the messages of the intents that were open when the folder was
// opened.
func (f *folder) inDoubt() migration.UIDSet {
	var doubtful migration.UIDSet
	for _, intent := range f.intents {
		doubtful = doubtful.Union(intent.Sources)
	}
	return doubtful
}

// restoredTarget deals with a target restored from a backup: what the restore
// took away is to be copied again. Copies that are missing below what is proved to
// be as it was, a person had taken away before: they stay away.
func (p *pass) restoredTarget(l *line, f *folder, k *look) error {
	r, err := p.review(l, f, k, restoration{side: "target", next: f.opened.UIDNext, number: func(pair Pair) migration.UID { return pair.Target }})
	if err != nil {
		return err
	}
	void := sourcesOf(r.void)
	found, err := p.recogniseInTurn(l, f, k, r.free(), void, f.inDoubt().Minus(f.copiedBefore))
	if err != nil {
		return err
	}
	lost := void.Intersect(k.all).Minus(sourcesOf(found))
	record := f.record
	// Should the process die, all that is owed has to be asked for again.
	record.Watermark, record.SourceUIDNext = f.opened.UIDNext, 0
	truth := Outcome{Copied: append(r.kept, found...)}
	truth.Marks = f.marksBeside(found, func(mark Mark) bool { return mark.State == Watched && void.Contains(mark.Source) })
	for i := range truth.Marks {
		truth.Marks[i].Watermark = min(truth.Marks[i].Watermark, record.Watermark)
	}
	if err := p.rematched(f, record, truth); err != nil || lost.Empty() {
		return err
	}
	f.about = append(f.about, migration.Finding{Code: migration.CodeRestored, Folder: f.pair.Source.Name, Count: lost.Len(),
		Reason: fmt.Sprintf("the target folder was restored from a backup (its UIDNEXT went back); %s copied since then went with it and come again", plural(lost.Len(), "message")),
		Remedy: "Nothing to do here; what people did in the folder since the backup is lost."})
	return nil
}

// marksBeside are the marks that stay beside found copies, of all but the void
// messages.
func (f *folder) marksBeside(found []Pair, void func(Mark) bool) []Mark {
	copied := sourcesOf(found)
	var marks []Mark
	for uid, mark := range f.marks {
		switch {
		case void(mark):
		case !copied.Contains(uid):
			marks = append(marks, mark)
		case mark.wasInDoubt():
			marks = append(marks, watchOf(mark))
		case mark.State == Repaired:
			marks = append(marks, mark)
		}
	}
	return marks
}

// restoredSource deals with a source restored from a backup. A message of which
// it is not proved that it was copied counts as new: it may have got the number of
// another. What the target holds already, as the copy of nothing else, is not doubled.
func (p *pass) restoredSource(l *line, f *folder, k *look) error {
	// Where only the HIGHESTMODSEQ went back, mostly an index was made anew, and all
	// numbers are good unless a message shows the opposite.
	anew := k.status.UIDNext < f.sourceKnown()
	r, err := p.review(l, f, k, restoration{side: "source", next: k.status.UIDNext, strict: anew, number: func(pair Pair) migration.UID { return pair.Source }})
	if err != nil {
		return err
	}
	record := f.record
	record.SourceUIDNext, record.SourceModSeq = 0, 0
	record.Departed = record.Departed.Minus(r.unproved())
	settled := sourcesOf(r.kept).Union(record.Departed)
	found, err := p.recogniseAmong(l, f, k.selected(k.all.Minus(settled)), r.free())
	if err != nil {
		return err
	}
	// The flags first: pairs without them would have all flags carried.
	f.before = f.before.replaced(sourcesOf(found).Minus(f.inDoubt()), k.flags)
	if err := p.Ledger.SaveFlags(p.work, f.record.ID, f.before); err != nil {
		return ledgerFault("writing the ledger", err)
	}
	truth := Outcome{Copied: append(r.kept, found...)}
	truth.Marks = f.marksBeside(found, func(mark Mark) bool { return r.unproved().Contains(mark.Source) })
	p.log().Info("the source was restored from a backup", "folder", f.pair.Source.Name, "void", len(r.void), "found", len(found))
	if err := p.rematched(f, record, truth); err != nil || !anew || len(r.void) == 0 {
		return err
	}
	f.about = append(f.about, migration.Finding{Code: migration.CodeRestored, Folder: f.pair.Source.Name, Count: len(r.void),
		Reason: fmt.Sprintf("the source folder was restored from a backup (its UIDNEXT went back); of %s copied before it is not proved that they are still what they were, and those that the target does not hold are copied", plural(len(r.void), "message")),
		Remedy: "Nothing to do here; what people had deleted at the target since the backup may have come again."})
	return nil
}

// restoration is one side of a folder that went back, and what a review of its
// pairs has shown.
type restoration struct {
	side string
	// number is the pair's on this side, next the side's UIDNEXT.
	number func(Pair) migration.UID
	next   migration.UID
	// strict: what is not proved is void even where nothing is proved wrong.
	strict bool

	here, there map[migration.UID]migration.Message
	// right and wrong are the source UIDs of pairs that hold and do not hold.
	right, wrong migration.UIDSet
	// proved is the highest number up to which all is as it was.
	proved     migration.UID
	kept, void []Pair
}

// review lists both sides and tells the pairs that hold from those that do not.
func (p *pass) review(l *line, f *folder, k *look, r restoration) (*restoration, error) {
	if err := k.everything(p.work, l.source); err != nil {
		return nil, onSource(err)
	}
	listed, err := p.unmappedAll(l)
	if err != nil {
		return nil, err
	}
	r.here, r.there = byUID(k.selected(k.all)), byUID(listed)
	var pairs []Pair
	err = p.Ledger.Pairs(p.work, f.record.ID, nil, func(pair Pair) error {
		pairs = append(pairs, pair)
		return nil
	})
	if err != nil {
		return nil, ledgerFault("reading the ledger", err)
	}
	slices.SortFunc(pairs, func(a, b Pair) int { return int(int64(r.number(b)) - int64(r.number(a))) })
	if err := p.prove(l, f, &r, pairs); err != nil {
		return nil, err
	}
	r.divide(pairs)
	return &r, nil
}

// prove compares the pairs, window by window. A target that changes what it stores
// would make all of them look wrong: when too few of the same date are equal, a
// person must decide.
func (p *pass) prove(l *line, f *folder, r *restoration, pairs []Pair) error {
	whole := slices.DeleteFunc(slices.Clone(pairs), func(pair Pair) bool { return !r.complete(pair) })
	alike := 0
	for window := range slices.Chunk(whole, windowMessages) {
		wrong := r.wrong.Len()
		read, err := p.compare(l, r, window)
		if err != nil {
			return err
		}
		if alike += read; !p.AcceptRebuilt && float64(r.right.Len()) < leastRecognised*float64(alike) {
			return &migration.Fault{Class: migration.OneFolder, Code: migration.CodeUIDValidity,
				Doing:  fmt.Sprintf("the %s folder %q was restored from a backup (its numbers went back), and only %d of %d copies compared are as they were", r.side, f.pair.Source.Name, r.right.Len(), alike),
				Remedy: "Nothing was changed. If the target does not change what it stores, run again with --accept-rebuilt."}
		}
		if r.wrong.Len() == wrong {
			return nil
		}
	}
	return nil
}

// complete reports whether both messages of the pair are there.
func (r *restoration) complete(pair Pair) bool {
	_, source := r.here[pair.Source]
	_, target := r.there[pair.Target]
	return source && target
}

// compare tells of the pairs, which are complete, whether they hold, and returns
// how many have been read for that: those of the same date.
func (p *pass) compare(l *line, r *restoration, pairs []Pair) (read int, err error) {
	var sources, targets []migration.Message
	for _, pair := range pairs {
		source, target := r.here[pair.Source], r.there[pair.Target]
		if !source.Date.IsZero() && instant(source.Date) != instant(target.Date) {
			r.wrong.Add(pair.Source)
			continue
		}
		sources, targets = append(sources, source), append(targets, target)
	}
	originals, err := printsOf(identify(p.work, l.source, sources, p.canonical))
	if err != nil {
		return 0, onSource(err)
	}
	copies, err := printsOf(identify(p.work, l.target, targets, p.canonical))
	if err != nil {
		return 0, onTarget(err)
	}
	for i := range sources {
		original, got := originals[sources[i].UID]
		copied, have := copies[targets[i].UID]
		switch {
		case !got || !have: // what was not read proves nothing
		case original.raw == copied.raw || original.plain == copied.plain || p.canonical(0) && original.canon == copied.canon:
			r.right.Add(sources[i].UID)
			read++
		default:
			r.wrong.Add(sources[i].UID)
			read++
		}
	}
	return read, nil
}

func printsOf(identities []identity, err error) (map[migration.UID]fingerprint, error) {
	prints := make(map[migration.UID]fingerprint, len(identities))
	for _, i := range identities {
		prints[i.uid] = i.print
	}
	return prints, err
}

// divide keeps the pairs, highest number first, that hold or can be believed.
func (r *restoration) divide(pairs []Pair) {
	lowestWrong := ^migration.UID(0)
	for _, pair := range pairs {
		if r.wrong.Contains(pair.Source) {
			lowestWrong = r.number(pair)
		}
	}
	for _, pair := range pairs {
		if n := r.number(pair); r.right.Contains(pair.Source) && n < lowestWrong {
			r.proved = max(r.proved, n)
		}
	}
	doubts := r.strict || !r.wrong.Empty()
	if !doubts {
		r.proved = max(r.proved, r.next-1)
	}
	for _, pair := range pairs {
		n := r.number(pair)
		holds := !r.wrong.Contains(pair.Source) && n < r.next && !(doubts && n > r.proved)
		if holds || r.right.Contains(pair.Source) {
			r.kept = append(r.kept, pair)
		} else {
			r.void = append(r.void, pair)
		}
	}
}

// unproved are the numbers that may have been given anew.
func (r *restoration) unproved() migration.UIDSet {
	return migration.UIDsFrom(r.proved+1, ^migration.UID(0)).Minus(sourcesOf(r.kept))
}

// free are the target's messages that are nobody's copy.
func (r *restoration) free() []migration.Message {
	taken := targetsOf(r.kept)
	var free []migration.Message
	for uid, m := range r.there {
		if !taken.Contains(uid) {
			free = append(free, m)
		}
	}
	slices.SortFunc(free, func(a, b migration.Message) int { return int(int64(a.UID) - int64(b.UID)) })
	return free
}

func byUID(messages []migration.Message) map[migration.UID]migration.Message {
	m := make(map[migration.UID]migration.Message, len(messages))
	for _, message := range messages {
		m[message.UID] = message
	}
	return m
}

func targetsOf(pairs []Pair) migration.UIDSet {
	uids := make([]migration.UID, len(pairs))
	for i, pair := range pairs {
		uids[i] = pair.Target
	}
	return migration.NewUIDSet(uids...)
}
