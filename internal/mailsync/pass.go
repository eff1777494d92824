package mailsync

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
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

	mu      sync.Mutex
	changed *sync.Cond
	folders []*folder
	workers int
	lines   []*line
	// near: the lines have no latency worth hiding.
	near bool
	// failure ends the pass; abort cuts what is under way.
	failure error
	// foldersFailed were left out.
	foldersFailed int
	abort         context.CancelCauseFunc
	findings      []migration.Finding

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
		p.runWorkers(first)
		err = p.failure
	}
	for _, l := range append(p.lines, first) {
		l.close()
	}
	if err == nil && ctx.Err() != nil && !p.finished() {
		err = &migration.Fault{Class: migration.Stop, Code: migration.CodeInterrupted, Doing: "copying was interrupted",
			Remedy: "Run the same command again: it goes on where it stopped."}
	}
	return p.summary(), err
}

func newPass(ctx context.Context, job *Job) (*pass, func()) {
	work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	p := &pass{Job: job, work: work, abort: cancel, stopping: ctx.Done(), started: time.Now()}
	p.changed = sync.NewCond(&p.mu)
	if p.Progress == nil {
		p.Progress = &Progress{}
	}
	stop := context.AfterFunc(ctx, func() {
		p.wake()
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

// lasting does something and, when the line breaks, does it again on a new one.
func (p *pass) lasting(l *line, needTarget bool, do func() error) error {
	err := do()
	if err == nil || migration.ClassOf(err) != migration.Again {
		return err
	}
	return p.retry(l, err, func() error {
		if err := l.dial(p.work, needTarget); err != nil {
			return err
		}
		return do()
	})
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
	root := strings.Trim(p.SourceRoot, "/")
	if root != "" {
		if all, p.findings, err = rooted(all, root, p.sourcePrefix, records); err != nil {
			return nil, err
		}
		p.sourcePrefix = ""
	}
	byUse := uses(all, p.sourcePrefix)
	useOf := func(levels []string) string {
		for use, f := range byUse {
			if slices.Equal(f.Levels(p.sourcePrefix), levels) {
				return use
			}
		}
		return ""
	}
	var wanted []migration.Folder
	var unknown []string
	for _, f := range all {
		if f.Space != migration.Personal && root == "" || !f.Selectable || !p.wants(f, p.sourcePrefix, useOf) {
			continue
		}
		wanted = append(wanted, f)
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
	return wanted, nil
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
	f.counts.Source = int(now.Messages)
	for _, mark := range marks {
		if mark.State != Skipped || p.RetrySkipped {
			return false, nil
		}
		f.counts.Skipped++
		f.findings = append(f.findings, mark.Finding)
	}
	f.counts.Present = max(f.counts.Source-f.counts.Skipped, 0)
	f.counts.Source = f.counts.Present + f.counts.Skipped
	return true, nil
}

// pairUp gives every folder that the ledger does not remember its target name.
func (p *pass) pairUp(l *line) {
	p.rules = rulesFor(l.target.Profile(), p.targets)
	var sources []migration.Folder
	p.rules.known = map[string]string{}
	for _, f := range p.folders {
		sources = append(sources, f.pair.Source)
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
			f.naming = append(f.naming, *f.pair.Finding)
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

// pause waits for the duration or until the pass is to stop.
func (p *pass) pause(d time.Duration, why string) {
	p.Progress.Waiting.Store(why)
	defer p.Progress.Waiting.Store("")
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.stopping:
	case <-p.work.Done():
	}
}

// backOff is the pause before the n-th try: full jitter below a doubling bound
// from 2 s to 15 min.
func backOff(n int) time.Duration {
	bound := min(2*time.Second<<min(n, 10), 15*time.Minute)
	return time.Duration(rand.Int64N(int64(bound)))
}

// retry does something again after a pause, as the class of the error asks, until
// it succeeds or fails for good.
func (p *pass) retry(l *line, err error, do func() error) error {
	for n := 0; err != nil; {
		l.dropDead(err)
		wait, ok := p.patience(err, n)
		if !ok {
			return err
		}
		p.log().Info("waiting", "for", wait.Round(time.Second), "because", err.Error())
		p.pause(wait, err.Error())
		if p.stoppedNow() {
			return err
		}
		if !told(err) {
			n++
		}
		err = do()
	}
	return nil
}

// patience says how long to wait after the n-th fault in a row, and whether to
// try again at all.
func (p *pass) patience(err error, n int) (time.Duration, bool) {
	fault := migration.FaultOf(err)
	switch migration.ClassOf(err) {
	case migration.Later:
		if fault.After > 0 {
			return fault.After, true
		}
		return backOff(max(n, 3)), n < p.tries()
	case migration.Again:
		return backOff(n), n < p.tries()
	default:
		return 0, false
	}
}

// told reports whether the server said how long to wait, which costs no try.
func told(err error) bool {
	return migration.ClassOf(err) == migration.Later && migration.FaultOf(err).After > 0
}

func (p *pass) stoppedNow() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stopped()
}

func (p *pass) summary() Summary {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Summary{Folders: len(p.folders), FoldersFailed: p.foldersFailed, Source: p.meter.onSource, Target: p.meter.onTarget, Bytes: p.Progress.Bytes.Load()}
	s.Findings = append(s.Findings, p.findings...)
	for _, f := range p.folders {
		if f.stage == failed { // others may have copied on while it was given up
			f.counts.Skipped = f.counts.Source - f.counts.Copied - f.counts.Present - f.counts.Gone
		}
		s.Messages.Add(f.counts)
		s.Findings = slices.Concat(s.Findings, f.naming, f.findings)
		s.PerFolder = append(s.PerFolder, FolderSummary{Source: f.pair.Source.Name, Target: f.pair.Target, Messages: f.counts,
			ToCopy: f.planned, Bytes: f.plannedBytes, New: !f.pair.Exists && f.record.ID == 0})
	}
	return s
}

// latencies keeps the slowest answers to APPEND, to know how long a target may
// take to finish what was under way.
type latencies struct {
	mu   sync.Mutex
	seen []time.Duration
}

func (l *latencies) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	const keep = 1000
	if len(l.seen) == keep {
		l.seen = l.seen[:0]
	}
	l.seen = append(l.seen, d)
}

func (l *latencies) percentile99() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.seen) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(l.seen))
	return sorted[len(sorted)*99/100]
}

// settleTime is how long the target may still be finishing what was cut off.
func (p *pass) settleTime() time.Duration {
	if p.Settle > 0 {
		return p.Settle
	}
	return min(max(4*p.latency.percentile99(), 5*time.Second), 2*time.Minute)
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
