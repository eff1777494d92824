package mailsync

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// pass is one run over a mailbox.
type pass struct {
	*Job
	// work outlives a stop wish by the grace, so that what is under way ends
	// well; stopping is closed at once.
	work     context.Context
	stopping <-chan struct{}
	started  time.Time
	meter    meter
	latency  latencies

	// sourceTraits and targetTraits are the habits of the servers, once they were
	// asked.
	sourceTraits, targetTraits atomic.Pointer[migration.Traits]

	mu      sync.Mutex
	changed *sync.Cond
	folders []*folder
	workers int
	lines   []*line
	seats   *targets
	// near: the lines have no latency worth hiding.
	near bool
	// failure ends the pass; abort cuts what is under way.
	failure error
	// quietUntil is the end of a pause that a server asked for: no connection
	// begins anything before.
	quietUntil time.Time
	// heeded are the words about pauses that were taken to heart.
	heeded map[*migration.Fault]bool
	// spell is the time between two pauses of the target; see newSpell.
	spell    context.Context
	endSpell context.CancelCauseFunc
	// foldersFailed were left out, and unread is what nobody could look into of them.
	foldersFailed int
	unread        migration.Unread
	abort         context.CancelCauseFunc
	findings      []migration.Finding
	named         []string // rules that name a folder of the source

	// sourceAsked and targetAsked are the answers of Defaults.Ask.
	sourceAsked, targetAsked asked

	views        *views
	rules        nameRules
	sourcePrefix string
	listing      sync.Mutex
	targets      []migration.Folder
}

// Run makes one pass: everything that is at the source and was not copied yet is
// copied, flags that changed at the source since the last pass are changed at the
// target, and the counts are made to add up. The summary is valid beside an
// error too. When ctx ends, messages under way are finished and settled, and the
// next Run goes on from there.
func Run(ctx context.Context, job Job) (Summary, error) {
	p, release := newPass(ctx, &job)
	defer release()
	first := &line{job: p.Job, meter: &p.meter}
	err := p.prepare(first)
	if err == nil {
		p.publish()
		p.runWorkers(first)
		err = p.failure
	}
	p.close(first)
	if err == nil && ctx.Err() != nil && !p.finished() {
		err = &migration.Fault{Class: migration.Stop, Code: migration.CodeInterrupted, Doing: "copying was interrupted",
			Remedy: "Run the same command again: it goes on where it stopped."}
	}
	if err != nil {
		p.countUnopened(err)
	}
	return p.summary(), err
}

// close closes the lines, and what connections are no line's.
func (p *pass) close(first *line) {
	for _, l := range append(p.lines, first) {
		l.close()
	}
	p.seats.close()
}

func newPass(ctx context.Context, job *Job) (*pass, func()) {
	work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	p := &pass{Job: job, work: work, abort: cancel, stopping: ctx.Done(), started: time.Now()}
	p.changed, p.views = sync.NewCond(&p.mu), newViews(job)
	p.dialViews()
	p.dialTraits()
	p.dialSeats()
	if p.Progress == nil {
		p.Progress = &Progress{}
	}
	if p.Pace == nil {
		p.Pace = &Pace{}
	}
	stop := context.AfterFunc(ctx, func() {
		p.wake()
		if err := p.held(); err != nil {
			p.fail(err) // there is nothing to be ended well any more
			return
		}
		timer := time.AfterFunc(p.grace(), func() { cancel(context.Cause(ctx)) })
		context.AfterFunc(work, func() { timer.Stop() })
	})
	return p, func() { stop(); cancel(nil) }
}

// prepare lists the folders of both sides, pairs them and decides which need
// work. When nothing has changed the target is not even dialled.
func (p *pass) prepare(l *line) error {
	records, err := p.Ledger.Folders(p.work)
	if err != nil {
		return ledgerFault("reading the ledger", err)
	}
	fresh := len(records) == 0
	if err := p.dialFirst(l, fresh); err != nil {
		return err
	}
	if fresh {
		p.dialSecond(l)
	}
	var wanted []migration.Folder
	err = p.lasting(l, fresh, func() (err error) {
		wanted, err = p.list(l, fresh, records)
		return err
	})
	if err != nil {
		return err
	}
	byName := map[string]FolderRecord{}
	for _, record := range records {
		byName[record.Source] = record
	}
	needed, err := p.triage(wanted, byName)
	p.order()
	if err != nil || !needed {
		return err
	}
	p.dialMore(l)
	if !slices.ContainsFunc(p.folders, func(f *folder) bool { return f.record.ID == 0 }) {
		return nil // every name is known, the target is dialled when it is needed
	}
	if err := l.dial(p.work, true); err != nil {
		return err
	}
	if err := p.lasting(l, true, func() error { return p.listTargets(l) }); err != nil {
		return err
	}
	p.pairUp(l)
	return nil
}

// listTargets lists the target's folders, once in a pass.
func (p *pass) listTargets(l *line) error {
	p.listing.Lock()
	defer p.listing.Unlock()
	if p.targets != nil {
		return nil
	}
	targets, err := l.target.Folders(p.work)
	if err != nil {
		return onTarget(err)
	}
	p.targets = targets
	return nil
}

// targetExists reports whether the target has the folder with this raw name.
func (p *pass) targetExists(raw string) bool {
	return slices.ContainsFunc(p.targets, func(t migration.Folder) bool {
		return t.Selectable && t.Raw == raw || t.IsInbox() && strings.EqualFold(raw, "INBOX")
	})
}

// targetSubscribed reports whether the target's folder was subscribed to when the
// folders were listed.
func (p *pass) targetSubscribed(raw string) bool {
	return slices.ContainsFunc(p.targets, func(t migration.Folder) bool {
		return t.Subscribed && (t.Raw == raw || t.IsInbox() && strings.EqualFold(raw, "INBOX"))
	})
}

// list lists the source's folders, and beside it the target's if both is true.
func (p *pass) list(l *line, both bool, records []FolderRecord) (wanted []migration.Folder, err error) {
	var all sync.WaitGroup
	var targetErr error
	if both {
		all.Go(func() { targetErr = p.listTargets(l) })
	}
	wanted, err = p.sourceFolders(l, records)
	all.Wait()
	if err != nil {
		return nil, err
	}
	return wanted, targetErr
}

// dialFirst makes the first connections. What fails here is told at once: a
// wrong name, certificate or password does not mend itself.
func (p *pass) dialFirst(l *line, both bool) error {
	err := l.dial(p.work, both)
	if err != nil && migration.ClassOf(err) == migration.Later {
		return p.retry(l, err, func() error { return l.dial(p.work, both) })
	}
	return err
}

// sourceFolders lists what is to be migrated, with counters.
func (p *pass) sourceFolders(l *line, records []FolderRecord) ([]migration.Folder, error) {
	all, err := l.source.Folders(p.work)
	if err != nil {
		return nil, onSource(err)
	}
	p.sourcePrefix = personalPrefix(l.source.Profile())
	all, p.findings = p.views.formerly(all, records), nil
	root := strings.Trim(p.SourceRoot, "/")
	if root != "" {
		if all, p.findings, err = rooted(all, root, p.sourcePrefix, records); err != nil {
			return nil, err
		}
		p.sourcePrefix = ""
	}
	if root == "" || hadInbox(records) { // below a root nobody knows whether there is to be one
		if err := p.inboxListed(all); err != nil {
			return nil, onSource(err)
		}
	}
	if root == "" {
		p.findings = append(p.findings, sharedFinding(all)...)
	}
	all, left := withoutNotMail(all, p.sourcePrefix, l.source.Profile().Traits, p.Include)
	p.findings = append(p.findings, left...)
	wanted := p.chosen(all, root == "")
	p.views.choose(wanted)
	var unknown []string
	for _, f := range wanted {
		if f.Status == nil {
			unknown = append(unknown, f.Raw)
		}
	}
	if len(unknown) > 0 {
		statuses, err := l.source.Status(p.work, unknown)
		if err != nil {
			return nil, onSource(err)
		}
		for i := range wanted {
			if n := slices.Index(unknown, wanted[i].Raw); n >= 0 {
				wanted[i].Status = statuses[n]
			}
		}
	}
	p.findings = append(p.findings, p.views.told()...)
	return p.views.withoutIdle(wanted), nil
}

// triage makes the list of folders and settles at once those in which nothing
// has happened. It reports whether any is left.
func (p *pass) triage(wanted []migration.Folder, records map[string]FolderRecord) (bool, error) {
	needed := false
	for _, from := range wanted {
		f := &folder{pair: FolderPair{Source: from}, stage: unopened}
		if record, known := records[from.Raw]; known {
			f.record, f.target, f.pair.Target = record, record.Target, record.Target
			quiet, err := p.quiet(f)
			if err != nil {
				return false, err
			}
			if quiet {
				f.stage = done
			}
		}
		needed = needed || f.stage != done
		p.folders = append(p.folders, f)
		p.Progress.FoldersTotal.Add(1)
		if f.stage == done {
			p.Progress.Folders.Add(1)
		}
	}
	return needed, nil
}

// quiet reports whether the counters prove that nothing has changed since the
// last pass and nothing is left over from it; it then fills in the counts.
func (p *pass) quiet(f *folder) (bool, error) {
	now, was := f.pair.Source.Status, f.record
	if now == nil || was.SourceUIDNext == 0 || now.HighestModSeq == 0 || now.UIDNext != was.SourceUIDNext ||
		now.UIDValidity != was.SourceUIDValidity || now.Messages != was.SourceMessages || now.HighestModSeq != was.SourceModSeq {
		return false, nil
	}
	marks, err := p.Ledger.Marks(p.work, was.ID)
	if err != nil {
		return false, ledgerFault("reading the ledger", err)
	}
	intents, err := p.Ledger.Intents(p.work, was.ID)
	if err != nil || len(intents) > 0 {
		return false, ledgerFault("reading the ledger", err)
	}
	if beyond, err := p.copiedBeyond(was); err != nil || beyond {
		return false, err
	}
	if f.counts.Source, err = p.counted(f, int(now.Messages)); err != nil {
		return false, err
	}
	for _, mark := range marks {
		switch {
		case mark.State == Repaired && !mark.watched():
		case mark.State != Skipped || p.RetrySkipped:
			return false, nil
		default:
			f.counts.Skipped++
		}
		f.findings = append(f.findings, mark.Finding)
	}
	f.counts.Present = max(f.counts.Source-f.counts.Skipped, 0)
	f.counts.Source = f.counts.Present + f.counts.Skipped
	return true, nil
}

// counted is how many of a folder's messages count when none is enumerated: all,
// unless dates leave some out, whose number nothing tells.
func (p *pass) counted(f *folder, all int) (int, error) {
	if !p.chooses() {
		return all, nil
	}
	if err := p.recall(f); err != nil {
		return 0, err
	}
	return f.accounted().Len(), nil
}

// copiedBeyond reports whether the ledger knows of copies of messages that the
// source was yet to get at the end of the last pass. Where it still is, it was
// restored from a backup after a pass that was cut short.
func (p *pass) copiedBeyond(was FolderRecord) (bool, error) {
	beyond, any := migration.UIDsFrom(was.SourceUIDNext, ^migration.UID(0)), was.Departed.Max() >= was.SourceUIDNext
	err := p.Ledger.Pairs(p.work, was.ID, &beyond, func(Pair) error {
		any = true
		return nil
	})
	return any, ledgerFault("reading the ledger", err)
}

// pairUp gives every folder that the ledger does not remember its target name.
func (p *pass) pairUp(l *line) {
	p.rules = rulesFor(l.target.Profile(), p.targets)
	p.rules.source, p.rules.target = p.sourceGuide(), p.targetGuide()
	var sources []migration.Folder
	p.rules.known = map[string]string{}
	for _, f := range p.folders {
		sources = append(sources, p.asArchive(f.pair.Source))
		for _, t := range p.targets {
			if f.record.ID != 0 && t.Raw == f.record.Target {
				p.rules.known[f.pair.Source.Raw] = t.Name
			}
		}
	}
	pairs := map[string]FolderPair{}
	for _, pair := range pairFolders(sources, p.targets, p.sourcePrefix, p.rules) {
		pairs[pair.Source.Raw] = pair
	}
	for _, f := range p.folders {
		if f.record.ID != 0 {
			continue
		}
		f.pair = pairs[f.pair.Source.Raw]
		f.target = f.pair.TargetRaw
		if f.target == "" {
			f.target = l.target.RawName(f.pair.Target)
		}
		if f.pair.Finding != nil {
			f.about = append(f.about, *f.pair.Finding)
		}
	}
}

// order puts INBOX first, because people look there first, then the biggest, so
// that the connections end at about the same time.
func (p *pass) order() {
	messages := func(f *folder) uint32 {
		if f.pair.Source.Status == nil {
			return 0
		}
		return f.pair.Source.Status.Messages
	}
	slices.SortStableFunc(p.folders, func(a, b *folder) int {
		switch {
		case a.pair.Source.IsInbox() != b.pair.Source.IsInbox():
			if a.pair.Source.IsInbox() {
				return -1
			}
			return 1
		case messages(a) != messages(b):
			return int(int64(messages(b)) - int64(messages(a)))
		default:
			return strings.Compare(a.pair.Source.Name, b.pair.Source.Name)
		}
	})
}

// stopped reports whether no new work may begin.
func (p *pass) stopped() bool {
	select {
	case <-p.stopping:
		return true
	default:
		return p.failure != nil
	}
}

func (p *pass) finished() bool {
	return !slices.ContainsFunc(p.folders, func(f *folder) bool { return f.stage != done && f.stage != failed })
}

func (p *pass) anyUnopened() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.folders, func(f *folder) bool { return f.stage == unopened })
}

// fail ends the pass; the first failure counts.
func (p *pass) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failure == nil {
		p.failure = err
	}
	if migration.ClassOf(err) == migration.Stop {
		p.abort(err)
	}
	p.changed.Broadcast()
}

func (p *pass) stoppedNow() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stopped()
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
