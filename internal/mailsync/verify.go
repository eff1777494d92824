package mailsync

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// The symbols of a verification line.
const (
	Equal     = '=' // the same on both sides
	OnlyHere  = '+' // at the source, not at the target
	OnlyThere = '-' // at the target twice, or a copy of nothing
	Differs   = '*' // on both sides, but not the same
	Unread    = '!' // could not be compared
)

// Difference is one line of a verification.
type Difference struct {
	Symbol rune
	Folder string
	// UID is the source's, or for OnlyThere the target's; zero for a line
	// about the folder.
	UID    migration.UID
	Reason string
	// Lost: what is missing was copied once.
	Lost bool
}

// String is the line as it is printed.
func (d Difference) String() string {
	if d.UID == 0 {
		return fmt.Sprintf("%c %s: %s", d.Symbol, d.Folder, d.Reason)
	}
	return fmt.Sprintf("%c %s uid %d: %s", d.Symbol, d.Folder, d.UID, d.Reason)
}

// Remedy says what to do about a difference; it depends on the symbol and Lost.
func (d Difference) Remedy() string {
	switch d.Symbol {
	case OnlyHere:
		if d.Lost {
			return "What was copied once and has gone from the target, most likely by a person's hand, comes again only with a new ledger."
		}
		return "Copy once more: what was never copied is brought."
	case OnlyThere:
		return "Look at the message at the target, and delete it if it is a double."
	case Differs:
		return "See whether a person did it at the target, where it stays so; copying does not undo it."
	case Unread:
		return "Verify again; what stays so cannot be read on one of the sides."
	}
	return ""
}

// Verification is the result of Verify.
type Verification struct {
	Folders int
	// Equal messages, of which Read were compared byte by byte.
	Equal, Read int
	// Differences is how many messages are not equal, and empty folders missing.
	Differences int
	// Others is how many target messages have nothing to do with the
	// migration, such as mail delivered there.
	Others int
	// RulesUsed are the rules that name a folder, as in Summary.
	RulesUsed      []string
	Source, Target migration.Traffic
}

// Verify proves that the target holds what the source holds: by count, by the
// ledger's map, by date and flags, and by the bytes of a sample. Messages the
// ledger does not know are found by their bytes, and those missing in their folder
// are looked for in the others. It writes nothing. report gets a line for each
// folder that is equal and for each difference, missing messages last.
func Verify(ctx context.Context, job Job, sample Sample, report func(Difference)) (Verification, error) {
	p, release := newPass(ctx, &job)
	defer release()
	l := &line{job: p.Job, meter: &p.meter}
	v := &verifier{pass: p, line: l, sample: sample, report: report, taken: map[string]migration.UIDSet{}}
	err := v.run()
	p.close(l)
	v.result.RulesUsed = v.named
	v.result.Source, v.result.Target = p.meter.onSource, p.meter.onTarget
	return v.result, err
}

type verifier struct {
	*pass
	line   *line
	sample Sample
	report func(Difference)
	result Verification
	// missing messages, and the copies in each target folder by its raw name.
	missing []absentee
	taken   map[string]migration.UIDSet
}

func (v *verifier) run() error {
	err := v.compareFolders()
	if err == nil {
		err = v.findMoved()
	}
	v.tellMissing()
	return err
}

func (v *verifier) compareFolders() error {
	records, err := v.Ledger.Folders(v.work)
	if err != nil {
		return ledgerFault("reading the ledger", err)
	}
	if err := v.line.dial(v.work, true); err != nil {
		return err
	}
	wanted, err := v.sourceFolders(v.line, records)
	if err != nil {
		return err
	}
	if err := v.listTargets(v.line); err != nil {
		return err
	}
	for _, from := range wanted {
		f := &folder{pair: FolderPair{Source: from}}
		for _, record := range records {
			if record.Source == from.Raw {
				f.record, f.target, f.pair.Target = record, record.Target, record.Target
			}
		}
		v.folders = append(v.folders, f)
	}
	v.pairUp(v.line)
	v.order()
	v.result.Folders = len(v.folders)
	for _, f := range v.folders {
		if v.stoppedNow() {
			return &migration.Fault{Class: migration.Stop, Code: migration.CodeInterrupted, Doing: "verifying was interrupted",
				Remedy: "Run the same command again; it begins anew."}
		}
		if err := v.folder(f); err != nil {
			if migration.ClassOf(err) != migration.OneFolder {
				return err
			}
			v.tell(Unread, f, 0, err.Error())
		}
	}
	return nil
}

func (v *verifier) tell(symbol rune, f *folder, uid migration.UID, reason string) {
	if symbol != Equal {
		v.result.Differences++
	}
	v.report(Difference{Symbol: symbol, Folder: f.pair.Source.Name, UID: uid, Reason: reason})
}

// missFolder tells of a folder that the target does not have: each of its messages
// is a difference, and an empty folder is one.
func (v *verifier) missFolder(f *folder, messages int) {
	v.result.Differences += max(messages, 1)
	v.report(Difference{Symbol: OnlyHere, Folder: f.pair.Source.Name, Lost: f.record.ID != 0,
		Reason: fmt.Sprintf("the folder with %s is missing at the target", plural(messages, "message"))})
}

// side is one folder as enumerated.
type side struct {
	messages []migration.Message
	byUID    map[migration.UID]migration.Message
}

func (s *side) see(m migration.Message) error {
	if s.byUID == nil {
		s.byUID = map[migration.UID]migration.Message{}
	}
	m.Flags = slices.Clone(m.Flags)
	s.messages = append(s.messages, m)
	s.byUID[m.UID] = m
	return nil
}

func (s *side) query() *migration.Query {
	return &migration.Query{From: 1, Flags: true, Date: true, Size: true, Each: s.see}
}

func (v *verifier) folder(f *folder) error {
	var here, there side
	if _, err := v.line.examine(v.work, f.pair.Source.Raw, here.query()); err != nil {
		return err
	}
	here.messages = slices.DeleteFunc(here.messages, func(m migration.Message) bool { return !v.received(m) })
	if !v.targetExists(f.target) && !f.pair.Source.IsInbox() {
		v.missFolder(f, len(here.messages))
		return nil
	}
	status, err := v.line.selectTarget(v.work, migration.Open{Folder: f.target, ReadOnly: true, Query: there.query()})
	if err != nil {
		return err
	}
	f.opened = keeping(status, &there)
	pairs, err := v.pairs(f, &here, &there)
	if err != nil {
		return err
	}
	before := v.result.Differences
	equal, err := v.compare(f, &here, &there, pairs)
	if err != nil {
		return err
	}
	if v.result.Differences == before {
		v.tell(Equal, f, 0, plural(equal, "message"))
	}
	return nil
}

// keeping puts what the folder is taken to keep where it was opened for reading,
// which tells of no PERMANENTFLAGS (RFC 3501 section 6.3.2): the system flags, and
// the keywords that it names or that one of its messages has.
func keeping(status migration.FolderStatus, there *side) migration.FolderStatus {
	if status.PermanentFlags == nil || len(status.PermanentFlags) > 0 {
		return status
	}
	kept := migration.Flags{`\Answered`, `\Flagged`, `\Deleted`, `\Seen`, `\Draft`}
	add := func(flags []string) {
		for _, flag := range flags {
			if !strings.HasPrefix(flag, `\`) && !kept.Has(flag) {
				kept = append(kept, flag)
			}
		}
	}
	add(status.Flags)
	for _, m := range there.messages {
		add(m.Flags)
	}
	status.PermanentFlags = kept
	return status
}

// pairs gives what the ledger says, where it still holds, and finds the rest by
// date and bytes.
func (v *verifier) pairs(f *folder, here, there *side) (map[migration.UID]migration.UID, error) {
	pairs := map[migration.UID]migration.UID{}
	taken := map[migration.UID]bool{}
	if err := v.readMarks(f); err != nil {
		return nil, err
	}
	if f.record.ID != 0 && f.record.TargetUIDValidity == f.opened.UIDValidity {
		err := v.Ledger.Pairs(v.work, f.record.ID, nil, func(pair Pair) error {
			pairs[pair.Source] = pair.Target
			taken[pair.Target] = true
			return nil
		})
		if err != nil {
			return nil, ledgerFault("reading the ledger", err)
		}
	}
	var open, free []migration.Message
	for _, m := range here.messages {
		if _, known := pairs[m.UID]; !known {
			open = append(open, m)
		}
	}
	for _, m := range there.messages {
		if !taken[m.UID] {
			free = append(free, m)
		}
	}
	found, err := v.recogniseAmong(v.line, f, open, free)
	for _, pair := range found {
		pairs[pair.Source] = pair.Target
	}
	return pairs, err
}

// readMarks gets what the ledger says of single messages: which copies were repaired.
func (v *verifier) readMarks(f *folder) error {
	if f.record.ID == 0 {
		return nil
	}
	marks, err := v.Ledger.Marks(v.work, f.record.ID)
	if err != nil {
		return ledgerFault("reading the ledger", err)
	}
	f.marks = map[migration.UID]Mark{}
	for _, mark := range marks {
		f.marks[mark.Source] = mark
	}
	return nil
}

// compare goes through every source message, then looks for doubles.
func (v *verifier) compare(f *folder, here, there *side, pairs map[migration.UID]migration.UID) (equal int, err error) {
	var both []migration.Message
	taken := map[migration.UID]bool{}
	var copies []migration.UID
	for _, m := range here.messages {
		target, paired := pairs[m.UID]
		copied, exists := there.byUID[target]
		if taken[target] = exists; exists {
			copies = append(copies, target)
		}
		switch {
		case f.record.Departed.Contains(m.UID):
			v.miss(f, m, true, "was copied once, and is not found at the target")
		case !paired:
			v.miss(f, m, false, "is missing at the target")
		case !exists:
			v.miss(f, m, true, fmt.Sprintf("its copy, uid %d, is missing at the target", target))
		case instant(m.Date) != instant(copied.Date):
			v.tell(Differs, f, m.UID, fmt.Sprintf("INTERNALDATE is %s at the source and %s at the target", shown(m), shown(copied)))
		case !v.sameFlags(f, m, copied):
			v.tell(Differs, f, m.UID, fmt.Sprintf("flags are (%s) at the source and (%s) at the target", strings.Join(m.Flags, " "), strings.Join(copied.Flags, " ")))
		default:
			both = append(both, m)
		}
	}
	v.taken[f.target] = v.taken[f.target].Union(migration.NewUIDSet(copies...))
	equal, err = v.read(f, both, there, pairs)
	if err != nil {
		return equal, err
	}
	v.result.Equal += equal
	return equal, v.doubles(f, there, taken)
}

func shown(m migration.Message) string {
	if m.Date.IsZero() {
		return "unknown"
	}
	return m.Date.Format("2006-01-02 15:04:05 -0700")
}

// sameFlags compares what the target keeps of the flags.
func (v *verifier) sameFlags(f *folder, m, copied migration.Message) bool {
	wanted, _ := v.keepable(f, m.Flags)
	return wanted.Equal(slices.DeleteFunc(slices.Clone(copied.Flags), func(flag string) bool { return !f.opened.Keeps(flag) }))
}

// read compares the bytes of a sample and returns how many messages are equal as
// far as they were looked at.
func (v *verifier) read(f *folder, both []migration.Message, there *side, pairs map[migration.UID]migration.UID) (int, error) {
	chosen := v.sample.choose(both)
	equal := len(both) - chosen.Len()
	var sources, targets []migration.Message
	for _, m := range both {
		if chosen.Contains(m.UID) {
			sources = append(sources, m)
			targets = append(targets, there.byUID[pairs[m.UID]])
		}
	}
	if len(sources) == 0 {
		return equal, nil
	}
	ofSource, ofTarget := v.canonOf(f, sources)
	from, err := identify(v.work, v.line.source, sources, ofSource)
	if err != nil {
		return equal, onSource(err)
	}
	to, err := identify(v.work, v.line.target, targets, ofTarget)
	if err != nil {
		return equal, onTarget(err)
	}
	prints := map[migration.UID]fingerprint{}
	for _, i := range to {
		prints[i.uid] = i.print
	}
	seen := map[migration.UID]bool{}
	for _, i := range from {
		seen[i.uid] = true
		print, read := prints[pairs[i.uid]]
		v.result.Read++
		switch {
		case !read:
			v.tell(Unread, f, i.uid, "the target does not deliver its copy")
		case print.plain != i.print.plain && (!i.print.hasCanon || !print.hasCanon || print.canon != i.print.canon):
			v.tell(Differs, f, i.uid, "the bytes of the message differ")
		default:
			equal++
		}
	}
	for _, m := range sources {
		if !seen[m.UID] {
			v.tell(Unread, f, m.UID, "the source lists the message but does not deliver it")
		}
	}
	return equal, nil
}

// doubles looks among the target's other messages for second copies of ours:
// from the watermark up, with the date and bytes of a message that is there.
func (v *verifier) doubles(f *folder, there *side, taken map[migration.UID]bool) error {
	var mine, free []migration.Message
	for _, m := range there.messages {
		if taken[m.UID] {
			mine = append(mine, m)
		} else {
			free = append(free, m)
		}
	}
	v.result.Others += len(free)
	late, err := v.equalTo(v.line, mine, free, func(migration.UID) migration.UID { return f.record.Watermark })
	if err != nil {
		return err
	}
	for _, extra := range late {
		v.result.Others--
		v.tell(OnlyThere, f, extra.uid, "is a second copy of a message that is there already")
	}
	return nil
}
