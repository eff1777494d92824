package mailsync

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// lanes is how many windows a connection has under way, so that the next one is
// on its way while the answers of the last are awaited.
const lanes = 2

// copyWindows sends windows of the folder until none is left or something breaks.
func (p *pass) copyWindows(l *line, f *folder) error {
	if l.sourceFolder != f.pair.Source.Raw {
		if err := p.examineAgain(l, f); err != nil {
			return err
		}
	}
	errs := make([]error, lanes)
	var all sync.WaitGroup
	for i := range lanes {
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

func (p *pass) takeWindow(f *folder) []migration.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped() || f.doubtCount() >= p.doubtLimit() || time.Now().Before(p.quietUntil) {
		return nil
	}
	return f.pending.take(p.windowMost())
}

// windowMost is how many messages make a window. Where few may be unanswered a large one
// would keep a connection for long with which others could help.
func (p *pass) windowMost() int {
	if few := p.traits().Unanswered; few > 0 {
		return min(4*few, windowMessages)
	}
	return windowMessages
}

// window is a group of messages under way.
type window struct {
	messages []migration.Message
	// single: alone on the line; plain: without keywords.
	single, plain bool
	// hopeless is a message at which the source hung up too often.
	hopeless *migration.Message

	// spell ends when the target asks for a pause; heed is told of it.
	spell context.Context
	heed  func(error)

	folder   *folder
	progress *Progress

	mu      sync.Mutex
	byUID   map[migration.UID]*parcel
	latency *latencies
	// answered messages count as arrived until the window is over.
	answered, answeredBytes int64
	over                    bool
}

// parcel is one message under way and what became of it.
type parcel struct {
	message migration.Message
	size    int64
	sent    bool // given to the appender
	broke   bool // its body broke off
	result  *migration.AppendResult
	lost    migration.Flags // keywords left behind
	mend    *mend           // how it is repaired, nil as it is
}

func (p *pass) newWindow(f *folder, messages []migration.Message) *window {
	w := &window{folder: f, progress: p.Progress, messages: messages, byUID: make(map[migration.UID]*parcel, len(messages)), latency: &p.latency, spell: p.newSpell(), heed: p.heed}
	for _, m := range messages {
		w.byUID[m.UID] = &parcel{message: m}
	}
	return w
}

// done takes the appender's results.
func (w *window) done(result migration.AppendResult) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if parcel := w.byUID[result.Key]; parcel != nil {
		parcel.result = &result
		if result.Err == nil && !w.over {
			w.arrived(1, parcel.size)
		}
	}
	if result.Took > 0 {
		w.latency.add(result.Took)
	}
	w.heed(onTarget(result.Err)) // what is not sent yet waits
}

// arrived counts messages that the target has taken, before they are settled. The
// caller holds mu.
func (w *window) arrived(messages, bytes int64) {
	w.answered += messages
	w.answeredBytes += bytes
	w.folder.answered.Add(messages)
	w.progress.answered.Add(messages)
	w.progress.answeredBytes.Add(bytes)
}

// end takes back what was counted as arrived: what has, the ledger has by now.
func (w *window) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.arrived(-w.answered, -w.answeredBytes)
	w.over = true
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

// brokeOff notes that a message could not be read to its end, if so.
func (w *window) brokeOff(parcel *parcel, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	parcel.broke = err != nil
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

// start marks the message as sent; nil when it was not asked for or came twice.
func (w *window) start(body migration.Body) *parcel {
	w.mu.Lock()
	defer w.mu.Unlock()
	parcel := w.byUID[body.UID]
	if parcel == nil || parcel.sent {
		return nil
	}
	parcel.sent, parcel.size = true, body.Size
	return parcel
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

// refusal is a refusal that concerns more than its message: throttling, a full
// mailbox, a lost line.
func (w *window) refusal() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.messages {
		if r := w.byUID[m.UID].result; r != nil && r.Err != nil && migration.ClassOf(r.Err) != migration.OneMessage && migration.CodeOf(r.Err) != migration.CodeWorn {
			return onTarget(r.Err)
		}
	}
	return nil
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

// missing are the messages that are in none of the lists: the source sent
// nothing for them, or a single was refused. They leave the intent.
func (w *window) missing(outcome Outcome, lists ...[]migration.Message) []migration.Message {
	seen := map[migration.UID]bool{}
	for _, pair := range outcome.Copied {
		seen[pair.Source] = true
	}
	for _, list := range lists {
		for _, m := range list {
			seen[m.UID] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(w.messages), func(m migration.Message) bool { return seen[m.UID] })
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
