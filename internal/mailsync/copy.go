package mailsync

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// lanes is how many windows a line has under way, so that the next ones are on their way
// while the answers of the last are awaited. Of small ones two are not enough for that.
func (p *pass) lanes() int {
	if p.traits().Unanswered > 0 {
		return 3
	}
	return 2
}

// copyWindows sends windows of the folder until none is left or something breaks.
func (p *pass) copyWindows(l *line, f *folder) error {
	if l.sourceFolder != f.pair.Source.Raw {
		if err := p.examineAgain(l, f); err != nil {
			return err
		}
	}
	p.seats.expect(p.left(f))
	errs := make([]error, p.lanes())
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			for errs[i] == nil {
				messages := p.takeWindow(f)
				if len(messages) == 0 {
					return
				}
				errs[i] = p.send(l, f, p.newWindow(f, messages))
				p.heed(errs[i])
			}
		})
	}
	all.Wait()
	return worst(errs)
}

// left is how many messages of the folder no window has taken yet.
func (p *pass) left(f *folder) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(f.pending.entries)
}

// examineAgain opens the source folder anew. Its numbers must be those of before.
func (p *pass) examineAgain(l *line, f *folder) error {
	status, err := l.examine(p.work, f.pair.Source.Raw, nil)
	if err == nil && status.UIDValidity != f.record.SourceUIDValidity {
		err = folderFault(migration.CodeUIDValidity, "the source folder was rebuilt while it was copied; the next pass goes on")
	}
	return err
}

// worst is the error that matters most: one that stops everything, before one of
// the target, before any.
func worst(errs []error) error {
	var found error
	for _, err := range errs {
		switch {
		case err == nil:
		case migration.ClassOf(err) == migration.Stop:
			return err
		case found == nil:
			found = err
		default:
			var side *sideFault
			if asSide(err, &side) && side.target {
				found = err
			}
		}
	}
	return found
}

// send copies a window: the intent becomes durable while the first bytes flow,
// and no last byte leaves before it is. What became of each message is settled
// in the ledger before send returns.
func (p *pass) send(l *line, f *folder, w *window) error {
	defer w.end()
	durable := newGate(p.held)
	var intended sync.WaitGroup
	intended.Go(func() {
		_, err := p.Ledger.Intend(p.work, f.record.ID, Intent{Sources: uidsOf(w.messages),
			Watermark: f.opened.UIDNext, UIDValidity: f.record.TargetUIDValidity})
		if err = ledgerFault("writing the ledger", err); err != nil {
			p.fail(err) // at once: other windows are under way (invariant I9)
		}
		durable.open(err)
	})
	err := p.pump(l, f, w, durable)
	intended.Wait()
	if failure := durable.failed(); failure != nil {
		p.fail(failure)
		return failure
	}
	if settleErr := p.settle(f, w, err); settleErr != nil {
		p.fail(settleErr)
		return settleErr
	}
	if err == nil {
		return p.lookForMissing(l, f, w)
	}
	if w.hopeless != nil {
		if failure := p.leaveOut(l, f, *w.hopeless, hangsUp()); failure != nil {
			return failure
		}
	}
	return err
}

// pump moves the bytes.
func (p *pass) pump(l *line, f *folder, w *window, durable *gate) error {
	ctx, cancel := context.WithCancel(p.work)
	defer cancel()
	appender := l.target.Appender(f.target, migration.AppendOptions{Single: w.single}, w.done)
	if err := begin(ctx, appender); err != nil {
		return onTarget(err)
	}
	var targetErr, brokeOff error
	sourceErr := l.source.Bodies(ctx, uidsOf(w.messages), func(body migration.Body) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := p.Pace.wait(w.spell); err != nil {
			return err
		}
		parcel := w.start(body)
		if parcel == nil {
			return nil
		}
		if body.Size < 2 {
			if targetErr = durable.wait(ctx); targetErr != nil {
				return targetErr
			}
		}
		message := p.outgoing(f, w, parcel)
		reader := &withheld{ctx: ctx, body: p.genuine(body), left: message.Size, gate: durable}
		if parcel.mend != nil {
			reader.body = parcel.mend.reader(reader.body)
		}
		targetErr = appender.Append(ctx, message, reader)
		if targetErr != nil {
			brokeOff = reader.broke
			w.brokeOff(parcel, brokeOff)
		}
		return targetErr
	})
	flushErr := appender.Flush(p.work)
	switch {
	case durable.failed() != nil:
		return durable.failed()
	case brokeOff != nil:
		// Half a message is on the target's line: both are to be made anew.
		l.targetBroken.Store(true)
		return onSource(brokeOff)
	case targetErr != nil:
		if refusal := w.refusal(); refusal != nil && migration.CodeOf(targetErr) == migration.CodeWorn {
			return refusal
		}
		return onTarget(targetErr)
	case sourceErr != nil && !errors.Is(sourceErr, context.Cause(w.spell)):
		return onSource(sourceErr)
	case flushErr != nil:
		return onTarget(flushErr)
	}
	if refusal := w.refusal(); refusal != nil {
		return refusal
	}
	return context.Cause(w.spell)
}

// failed is the error of an open gate, or why it has let something not through;
// nil while it is closed.
func (g *gate) failed() error {
	if lost := g.lost.Load(); lost != nil {
		return *lost
	}
	select {
	case <-g.done:
		return g.err
	default:
		return nil
	}
}

// outgoing is the message as the target takes it.
func (p *pass) outgoing(f *folder, w *window, parcel *parcel) migration.AppendMessage {
	m := parcel.message
	kept, lost := p.keepable(f, m.Flags)
	if w.plain {
		kept, lost = systemOnly(kept), append(lost, withoutSystem(kept)...)
	}
	parcel.lost = lost
	size := parcel.size
	if parcel.mend != nil {
		size = parcel.mend.size
	}
	return migration.AppendMessage{Key: m.UID, Size: size, Date: m.Date, Flags: kept}
}

func withoutSystem(flags migration.Flags) migration.Flags {
	system := systemOnly(flags)
	return slices.DeleteFunc(slices.Clone(flags), system.Has)
}

// settle writes down what became of the window's messages and puts the rest back.
func (p *pass) settle(f *folder, w *window, pumped error) error {
	var outcome Outcome
	var back, doubtful []migration.Message
	var alone []single
	var size int64
	blamed := false
	w.mu.Lock()
	for _, m := range w.messages {
		parcel := w.byUID[m.UID]
		switch r := parcel.result; {
		case parcel.broke:
			// One that breaks the source's line each time must not be asked
			// for among others for ever: a loss counts against it.
			doubtful, blamed = append(doubtful, m), true
		case r == nil && !parcel.sent && pumped == nil:
			// Asked for and not delivered: lookForMissing finds out why.
		case r == nil && !parcel.sent:
			back = append(back, m)
		case r == nil, r.Doubt:
			doubtful = append(doubtful, m)
		case r.Err == nil && p.sane(f, r):
			outcome.Copied = append(outcome.Copied, Pair{Source: m.UID, Target: r.UID})
			size += parcel.size
			f.noteLost(p, parcel)
		case r.Err == nil:
			// Stored, but where was not told: found by looking.
			doubtful = append(doubtful, m)
			f.noteStored(p, m.UID)
			size += parcel.size
		case w.single && migration.CodeOf(r.Err) == migration.CodeWorn:
			// isolate sends it again on a new connection.
		case migration.CodeOf(r.Err) == migration.CodeGroupRefused:
			alone = append(alone, single{message: m})
		case migration.ClassOf(r.Err) == migration.OneMessage && !w.single:
			alone = append(alone, single{message: m})
		case migration.ClassOf(r.Err) == migration.OneMessage:
			// isolate judges it.
		default:
			back = append(back, m)
		}
	}
	w.mu.Unlock()
	if hungUp(pumped) && !blamed {
		back, alone = p.suspect(f, w, back, alone)
	}
	return p.book(f, w, outcome, back, doubtful, alone, size)
}

// sane reports whether an APPENDUID can be true (RFC 4315 section 3): servers
// have been seen to swap and to invent them.
func (p *pass) sane(f *folder, r *migration.AppendResult) bool {
	return r.UID != 0 && r.UIDValidity == f.record.TargetUIDValidity && r.UID >= f.opened.UIDNext
}

// book brings the folder and the ledger up to date with a window's outcome.
func (p *pass) book(f *folder, w *window, outcome Outcome, back, doubtful []migration.Message, alone []single, size int64) error {
	released := append(slices.Clone(back), messagesOf(alone)...)
	missing := w.missing(outcome, released, doubtful)
	outcome.Released = uidsOf(append(released, missing...))
	for _, pair := range outcome.Copied {
		mark, marked := f.markOf(p, pair.Source)
		switch {
		case !marked:
		case w.byUID[pair.Source].mend != nil:
			outcome.Marks = append(outcome.Marks, repaired(mark))
			f.tellRepair(p, mark)
		case mark.wasInDoubt():
			outcome.Marks = append(outcome.Marks, watchOf(mark))
		default:
			outcome.Unmark.Add(pair.Source)
		}
	}
	if err := p.Ledger.Settle(context.WithoutCancel(p.work), f.record.ID, outcome); err != nil {
		return ledgerFault("writing the ledger", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, mark := range outcome.Marks {
		f.marks[mark.Source] = mark
	}
	for _, m := range back {
		f.pending.add(m)
	}
	if len(back) > 0 {
		f.pending.sort()
	}
	f.singles = append(f.singles, alone...)
	if len(doubtful) > 0 {
		f.doubt = append(f.doubt, doubtful...)
		if !uidsOf(doubtful).Minus(f.stored).Empty() { // what was answered is not still coming
			f.settled = time.Now().Add(p.settleTime())
		}
		for _, m := range doubtful {
			f.losses[m.UID]++
		}
	}
	f.counts.Copied += len(outcome.Copied)
	f.tell()
	p.Progress.Messages.Add(int64(len(outcome.Copied)))
	p.Progress.Bytes.Add(size)
	p.changed.Broadcast()
	return nil
}

func messagesOf(singles []single) []migration.Message {
	out := make([]migration.Message, len(singles))
	for i, s := range singles {
		out[i] = s.message
	}
	return out
}

func (f *folder) markOf(p *pass, uid migration.UID) (Mark, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	mark, ok := f.marks[uid]
	return mark, ok
}

// tellRepair adds the finding of a repaired copy.
func (f *folder) tellRepair(p *pass, mark Mark) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f.findings = append(f.findings, mark.Finding)
}

// noteLost counts what a copy lacks, for one finding a folder: keywords the target
// does not keep, and a date or flags the source does not tell.
func (f *folder) noteLost(p *pass, parcel *parcel) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, flag := range parcel.lost {
		f.lostKeywords[flag]++
	}
	if parcel.message.Date.IsZero() {
		f.dateless++
	}
	if f.silent.Contains(parcel.message.UID) {
		f.flagless++
	}
}
