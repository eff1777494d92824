package mailsync

import (
	"slices"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// task is what a worker can do with a folder.
type task int

const (
	nothing task = iota
	openTask
	copyTask
	isolateTask
	resolveTask
	finishTask
)

// runWorker does what is to be done until there is nothing left.
func (p *pass) runWorker(l *line) {
	defer p.wake()
	var own *folder
	failures := 0
	for {
		f, todo := p.next(own)
		if todo == nothing {
			return
		}
		own = f
		if todo == finishTask && p.finishAside(l, f) {
			own = nil
			continue
		}
		before := p.Progress.Messages.Load()
		err := p.do(l, f, todo)
		p.judge(f, err)
		p.release(f, todo, err)
		if err == nil {
			failures = 0
			p.learnDistance(l)
			continue
		}
		if p.Progress.Messages.Load() > before {
			failures = 0
		}
		l.dropDead(err)
		if !p.bear(l, f, err, failures) {
			return
		}
		if !told(err) {
			failures++
		}
	}
}

// do performs a task, dialling first what is missing.
func (p *pass) do(l *line, f *folder, todo task) error {
	if err := l.dial(p.work, todo != openTask || f.record.SourceUIDNext == 0); err != nil {
		return err
	}
	switch todo {
	case openTask:
		return p.open(l, f)
	case copyTask:
		return p.copyWindows(l, f)
	case isolateTask:
		return p.isolate(l, f)
	case resolveTask:
		return p.resolve(l, f)
	default:
		return p.finish(l, f)
	}
}

// folderTries is how often a folder is tried on which the server has an internal
// error.
const folderTries = 3

// concernsFolder reports whether a task failed for its folder alone. A single
// message never ends a task; if it does, the server's answer made no sense for
// the folder.
func concernsFolder(err error) bool {
	class := migration.ClassOf(err)
	return class == migration.OneFolder || class == migration.OneMessage
}

// judge gives up the folder of a task that failed for it, while it is still
// claimed: nobody may begin with it again before that is told. One on which the
// server has an internal error is tried some times.
func (p *pass) judge(f *folder, err error) {
	if !concernsFolder(err) || p.stoppedNow() {
		return
	}
	p.mu.Lock()
	f.faults++
	again := f.faults < folderTries && migration.CodeOf(err) == migration.CodeServerBug
	p.mu.Unlock()
	if !again {
		p.giveUpFolder(f, err)
	}
}

// bear decides what a failed task means: wait and go on (true), or this worker
// ends (false).
func (p *pass) bear(l *line, f *folder, err error, failures int) bool {
	if p.stoppedNow() {
		return false
	}
	if concernsFolder(err) {
		p.mu.Lock()
		faults, over := f.faults, f.stage == failed
		p.mu.Unlock()
		if !over {
			p.pause(backOff(faults), err.Error()) // it may have passed by then
		}
		return true
	}
	refused := migration.CodeOf(err) == migration.CodeTooManyConns || migration.ClassOf(err) == migration.Login
	if refused && (l.source == nil || l.target == nil) {
		if left, spared := p.spare(); spared {
			p.log().Info("the server allows no more connections; going on with fewer", "connections", left)
			return false
		}
	}
	wait, again := p.patience(err, failures)
	if !again {
		p.fail(err)
		return false
	}
	if told(err) {
		if p.quietFor() == 0 {
			p.heed(err)
		}
		wait = p.quietFor()
	}
	p.log().Info("waiting", "for", wait.Round(time.Millisecond), "because", err.Error())
	p.pause(wait, err.Error())
	return true
}

// spare reports whether the mailbox can do without this worker, takes it off the
// count, and says how many are left.
func (p *pass) spare() (left int, spared bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.workers > 1 {
		p.workers--
		return p.workers, true
	}
	return p.workers, false
}

// next gives the worker something to do, waiting for it if need be: its own
// folder first, then one that nobody has opened, then help with the folder that
// has most left.
func (p *pass) next(own *folder) (*folder, task) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		if p.stopped() || p.finished() {
			return nil, nothing
		}
		// One look at the clock: were a folder not settled yet for choose and settled
		// for nextSettle, nobody would be woken for it.
		now := time.Now()
		if wait := p.quietUntil.Sub(now); wait > 0 {
			timer := time.AfterFunc(wait, p.wake)
			p.changed.Wait()
			timer.Stop()
			continue
		}
		if f, todo := p.choose(own, now); todo != nothing {
			p.claim(f, todo)
			return f, todo
		}
		if wait, ok := p.nextSettle(now); ok {
			timer := time.AfterFunc(wait, p.wake)
			p.changed.Wait()
			timer.Stop()
			continue
		}
		p.changed.Wait()
	}
}

func (p *pass) choose(own *folder, now time.Time) (*folder, task) {
	if own != nil {
		if todo := p.runnable(own, now); todo != nothing {
			return own, todo
		}
	}
	for _, f := range p.folders {
		if f.stage == unopened {
			return f, openTask
		}
	}
	var best *folder
	for _, f := range p.folders {
		todo := p.runnable(f, now)
		switch {
		case todo == nothing:
		case todo != copyTask:
			return f, todo
		case best == nil || len(f.pending.entries)/(f.helpers+1) > len(best.pending.entries)/(best.helpers+1):
			best = f
		}
	}
	if best != nil {
		return best, copyTask
	}
	return nil, nothing
}

// runnable is what can be done with the folder right now.
func (p *pass) runnable(f *folder, now time.Time) task {
	switch {
	case f.stage == unopened:
		return openTask
	case f.stage != ready || f.exclusive:
		return nothing
	case len(f.pending.entries) > 0 && f.doubtCount() < p.doubtLimit():
		return copyTask
	case f.active > 0:
		return nothing
	case f.unsettled():
		if now.Before(f.settled) {
			return nothing
		}
		return resolveTask
	case len(f.singles) > 0:
		return isolateTask
	default:
		return finishTask
	}
}

// doubtLimit bounds how many messages of a folder may be in doubt before they
// are settled (invariant I2).
func (p *pass) doubtLimit() int { return 2 * windowMessages * p.connections() }

// claim notes that a worker is at it.
func (p *pass) claim(f *folder, todo task) {
	f.active++
	switch todo {
	case copyTask:
		f.helpers++
	default:
		f.exclusive = true
	}
	if todo == openTask {
		f.stage = opening
	}
}

// release takes the note back.
func (p *pass) release(f *folder, todo task, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f.active--
	if todo == copyTask {
		f.helpers--
	} else {
		f.exclusive = false
	}
	if todo == openTask && err != nil && f.stage == opening {
		f.stage = unopened
	}
	p.changed.Broadcast()
}

// nextSettle is the time until the first folder in doubt has settled.
func (p *pass) nextSettle(now time.Time) (time.Duration, bool) {
	var waits []time.Duration
	for _, f := range p.folders {
		if f.stage == ready && f.unsettled() && now.Before(f.settled) {
			waits = append(waits, f.settled.Sub(now))
		}
	}
	if len(waits) == 0 {
		return 0, false
	}
	return slices.Min(waits), true
}

// giveUpFolder leaves a folder out, with a finding, and counts what it holds as
// skipped.
func (p *pass) giveUpFolder(f *folder, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f.stage == done || f.stage == failed {
		return
	}
	f.stage = failed
	p.foldersFailed++
	uncounted := false
	if f.counts.Source == 0 {
		f.counts.Source, uncounted = f.holds(err)
	}
	f.counts.Skipped += f.counts.Source - f.counts.Copied - f.counts.Present - f.counts.Skipped - f.counts.Gone
	finding := migration.Finding{Code: migration.CodeOf(err), Folder: f.pair.Source.Name, Count: f.counts.Skipped, Reason: err.Error()}
	if fault := migration.FaultOf(err); fault != nil {
		finding.Remedy = fault.Remedy
	}
	switch inbox := f.pair.Source.IsInbox(); {
	case inbox:
		p.unread = migration.InboxUnread
		if finding.Code == migration.CodeFolderMissing {
			finding.Remedy = remedyInbox
		}
	case uncounted:
		p.unread = max(p.unread, migration.FolderUncounted)
	}
	if uncounted {
		finding.Reason += "; nobody knows how many messages it has"
	}
	f.findings = append(f.findings, finding)
	f.tell()
	p.Progress.Folders.Add(1)
	p.changed.Broadcast()
}

// holds is how many messages a folder has that is given up before they were counted: as
// many as the list tells. Where it does not, nobody counted them: they are as many as in the
// ledger of earlier passes, or one, since nobody knows that the folder is empty. One that the
// server says is not there has none, unless it had some; an INBOX always is (RFC 3501
// section 5.1).
func (f *folder) holds(err error) (messages int, uncounted bool) {
	switch status := f.pair.Source.Status; {
	case status != nil:
		return int(status.Messages), false
	case f.examined:
		return int(f.messages), false
	case migration.CodeOf(err) == migration.CodeFolderMissing && f.record.SourceMessages == 0 && !f.pair.Source.IsInbox():
		return 0, false
	default:
		return max(1, int(f.record.SourceMessages)), true
	}
}
