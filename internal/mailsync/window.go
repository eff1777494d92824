package mailsync

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

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
		return windowOf(few)
	}
	return windowMessages
}

// windowOf is the window where so few may be unanswered.
func windowOf(few int) int { return min(4*few, windowMessages) }

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

// brokeOff notes that a message could not be read to its end, if so.
func (w *window) brokeOff(parcel *parcel, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	parcel.broke = err != nil
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
