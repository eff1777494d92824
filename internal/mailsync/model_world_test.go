package mailsync

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// The model is the engine itself, run against servers and a ledger in memory in
// which a random history takes place: lines break before, while and after a
// message is stored, answers are lost, messages land long after the client has
// given up, the process dies at any write, people receive, delete and flag mail
// on both sides, folders are rebuilt, restored from a backup and deleted. Time is
// that of testing/synctest.
//
// A world is one such history. Everything that happens in it is drawn from the
// seed and from what is being done, not from a common sequence, so that a seed
// gives nearly the same history again although goroutines race.

// settleTime and the bounds of delays in a world.
const (
	worldSettle = time.Minute
	worldLatest = 10 * time.Minute // a late message takes no longer than this
)

type world struct {
	mu     sync.Mutex
	seed   uint64
	mutant mutant
	counts map[uint64]uint32

	from, to *server
	ledger   *memLedger
	folder   string
	inbox    *box // the source's; the target's is looked up, it may be deleted

	exclude []migration.FolderRule

	// The character of this history.
	late     bool // messages may land later than settle
	rebuilds bool // UIDVALIDITY changes at the target
	renumber bool // and at the source
	restores bool // both are restored from backups
	deletes  bool // the folder is deleted at the target
	churn    int  // permille of operations in which somebody does something
	cuts     int  // permille of operations in which the line breaks
	crashes  int  // permille of operations in which the process dies
	lanes    int
	shared   int // connections to the target that the lanes share, 0 for one each; more than lanes has spare ones
	passes   int

	calm, crashed       bool
	rebuilt, renumbered bool
	kept                lives
	audited             bool
	sent                map[migration.UID]time.Time // when a message came into doubt
	whims               bool                        // the source did not deliver what it has
	users               map[int]int                 // letters removed by people at the target, by class
	removed             map[int]migration.UID       // letters removed while mapped: their UID
	dead                map[int]int                 // source letters expunged, by class
	made                map[int]int                 // letters there ever were at the source, by class
	flagged             map[int]bool                // letters whose keyword a person has set
	violations          []string
	events              []event
	started             time.Time
}

type event struct {
	at    time.Duration
	what  string
	a, b  int
	extra string
}

func (w *world) note(what string, a, b int, extra string) {
	w.events = append(w.events, event{time.Since(w.started), what, a, b, extra})
}

func (w *world) violate(format string, args ...any) {
	w.violations = append(w.violations, fmt.Sprintf(format, args...))
}

func newWorld(seed uint64, m mutant) *world {
	w := &world{seed: seed, mutant: m, counts: map[uint64]uint32{}, sent: map[migration.UID]time.Time{}, users: map[int]int{},
		removed: map[int]migration.UID{}, kept: newLives(), dead: map[int]int{}, made: map[int]int{}, flagged: map[int]bool{}, started: time.Now()}
	d := w.dice(1)
	w.late = d.chance(350)
	w.rebuilds = !w.late && d.chance(400)
	w.renumber = w.rebuilds && d.chance(200)
	w.restores = !w.rebuilds && d.chance(300)
	w.deletes = !w.rebuilds && d.chance(200)
	w.churn = d.pick(0, 10, 40)
	w.cuts = d.pick(5, 30, 80)
	w.crashes = d.pick(0, 5, 20)
	w.lanes = d.pick(1, 1, 2, 3)
	apart := w.dice(7)
	w.shared = apart.pick(0, 1, 2)
	spares := apart.chance(300)
	w.passes = d.between(1, 3)
	if w.restores || w.deletes {
		w.passes++
	}

	w.from, w.to = newServer(), newServer()
	w.ledger = newLedger()
	w.from.mu, w.to.mu, w.ledger.mu = &w.mu, &w.mu, &w.mu
	w.from.profile.CondStore = d.chance(500)
	w.to.profile.UIDPlus = w.late || d.chance(850) // without it late duplicates can only be reported
	w.to.group = d.pick(1, 1, 3, 8)
	if spares {
		w.to.profile.Traits.Unanswered, w.shared = 1, w.lanes+apart.pick(1, 2)
	}
	w.from.before, w.to.before = w.hook(w.from), w.hook(w.to)
	w.to.fate, w.to.wreck = w.fate, w.wreck
	w.to.received, w.to.landed = w.received, w.landed
	w.to.removing, w.to.flagging = w.removing, w.flagging
	w.ledger.before, w.ledger.after = w.beforeWrite, w.afterWrite
	if m == journalRollsBack {
		w.ledger.remember = 3
	}
	w.ledger.loose = m != sound
	w.folder, w.inbox = "INBOX", w.from.box("INBOX")
	if w.deletes { // nobody can delete an INBOX
		w.folder, w.inbox = "Work", w.from.make("Work")
		w.exclude = []migration.FolderRule{ruleOf("INBOX")}
		w.from.boxes = []*box{w.inbox}
	}
	w.populate(&d)
	w.backUp()
	return w
}

// populate fills both sides: many source letters are the same bytes with the
// same date, and some of them are at the target already.
func (w *world) populate(d *dice) {
	n := d.between(5, 30)
	kinds := d.between(1, n)
	for range n {
		w.deliver(w.from, w.inbox, d.below(kinds), d)
	}
	n = d.pick(0, 0, 2, 6)
	if n > 0 && w.to.box(w.folder) == nil {
		w.to.make(w.folder)
	}
	for range n {
		w.deliver(w.to, w.there(), d.below(kinds), d)
	}
}

// classOf is the content of a letter: bytes and date.
func classOf(body, date int) (string, time.Time) {
	return fmt.Sprintf("Subject: %d\r\n\r\nletter number %d\r\n", body, body), time.Unix(1_000_000_000+int64(date), 0).UTC()
}

// there is the target's folder, an empty one when there is none.
func (w *world) there() *box {
	if b := w.to.box(w.folder); b != nil {
		return b
	}
	return &box{next: 1}
}

func (w *world) deliver(s *server, b *box, class int, d *dice) *letter {
	body, date := classOf(class/2, class%2)
	var flags []string
	if d.chance(500) {
		flags = append(flags, migration.FlagSeen)
	}
	l := s.put(b, body, date, flags...)
	if s == w.from {
		w.made[w.class(l)]++
	}
	return l
}

// hook is what can go wrong before an operation of a server.
func (w *world) hook(s *server) func(operation) error {
	side := uint64(2)
	if s == w.to {
		side = 3
	}
	return func(op operation) error {
		d := w.dice(side, uint64(op.kind), uint64(op.uid), uint64(op.n))
		d.nap(20 * time.Millisecond)
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.crashed {
			return crashFault()
		}
		if w.calm {
			return nil
		}
		switch {
		case d.chance(w.churn):
			w.somethingHappens(&d)
		case d.chance(w.crashes):
			w.crash("at " + op.kind.String())
			return crashFault()
		case d.chance(w.cuts):
			w.note("cut at "+op.kind.String(), int(side), int(op.uid), "")
			if op.kind == opBody && d.chance(500) {
				return errHalfBody
			}
			return lostFault()
		case op.kind == opBody && s == w.from && !w.rebuilds && w.to.profile.UIDPlus && d.chance(5):
			// What is not read is not recognised, and sent again; only with
			// UIDPLUS can the audit make that good.
			w.whims = true
			return errNoBody
		case op.kind != opAppend && op.kind != opFlush && d.chance(2):
			return &migration.Fault{Class: migration.Later, Code: migration.CodeThrottled, After: 3 * time.Second}
		}
		return nil
	}
}

func crashFault() *migration.Fault {
	return &migration.Fault{Class: migration.Stop, Code: migration.CodeInternal, Doing: "being dead"}
}

// crash ends the process: no line and no write after it has any effect.
func (w *world) crash(where string) {
	w.note("crash "+where, 0, 0, "")
	w.crashed = true
	for len(w.from.sessions) > 0 {
		w.from.sessions[0].hangUp()
	}
	for len(w.to.sessions) > 0 {
		w.to.sessions[0].hangUp()
	}
	if w.mutant == journalRollsBack && len(w.ledger.past) > 0 {
		d := w.diceLocked(true, 9)
		w.ledger.state = w.ledger.past[d.below(len(w.ledger.past))]
		w.ledger.past = nil
	}
}

func (w *world) beforeWrite(string) error {
	d := w.dice(uint64(opLedger), 1)
	d.nap(3 * time.Millisecond)
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.crashed && !w.calm && d.chance(w.crashes) {
		w.crash("before a write")
	}
	if w.crashed {
		return crashFault()
	}
	return nil
}

func (w *world) afterWrite(what string) error {
	d := w.dice(uint64(opLedger), 2)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.note("wrote "+what, 0, 0, "")
	w.forgetDoubts()
	if !w.crashed && !w.calm && d.chance(w.crashes) {
		w.crash("after a write")
		return crashFault()
	}
	return nil
}

// fate decides about an APPEND that has come whole.
func (w *world) fate(c *command) fate {
	d := w.diceLocked(true, uint64(opFate), uint64(c.members[0].message.Key), uint64(len(c.members)))
	if w.calm {
		return fate{}
	}
	switch {
	case d.chance(w.cuts):
		f := fate{cut: true, lost: d.chance(400)}
		w.doubt(c)
		return f
	case d.chance(5):
		return fate{silent: true}
	case d.chance(10):
		return fate{refused: &migration.Fault{Class: migration.OneMessage, Code: migration.CodeRejected, Doing: "storing"}}
	case d.chance(5):
		return fate{refused: &migration.Fault{Class: migration.Later, Code: migration.CodeThrottled, After: 3 * time.Second}}
	}
	return fate{}
}

// wreck decides what the target gets to see of n commands after the cut, and how
// late.
func (w *world) wreck(commands []*command) (now, later int, after time.Duration) {
	for _, c := range commands {
		w.doubt(c)
	}
	n := len(commands)
	d := w.diceLocked(true, uint64(opWreck), uint64(n))
	now = d.below(n + 1)
	if d.chance(500) {
		later = d.below(n - now + 1)
	}
	bound := worldSettle
	if w.late && d.chance(700) {
		bound = worldLatest
	}
	after = time.Duration(d.below(int(bound - time.Second)))
	w.note("wreck", now, later, after.String())
	return now, later, after
}

// received checks invariants I1 and I5 the moment a message's last byte comes.
func (w *world) received(m migration.AppendMessage) {
	if w.mutant != sound {
		return
	}
	w.checkSent(m.Key)
	open := migration.UIDSet{}
	for _, e := range w.ledger.state.entries {
		for _, intent := range e.intents {
			open = open.Union(intent.Sources)
		}
	}
	if !open.Contains(m.Key) {
		w.violate("I1: source %d was sent without a durable intent", m.Key)
	}
	if at, doubtful := w.sent[m.Key]; doubtful && time.Since(at) < worldSettle {
		w.violate("I5: source %d was sent again %v after it came into doubt", m.Key, time.Since(at))
	}
	w.note("received", int(m.Key), 0, "")
}

func (w *world) landed(b *box, l *letter) {
	if w.mutant == dateNotCompared {
		if original := w.inbox.find(l.key); original != nil {
			l.date = original.date
		}
	}
	w.note("stored", int(l.key), int(l.uid), "")
}

// doubt notes since when the fate of messages is unknown.
func (w *world) doubt(c *command) {
	for _, m := range c.members {
		w.sent[m.message.Key] = time.Now()
	}
}

// forgetDoubts drops what the ledger has settled, and notes that an audit has
// had its first look.
func (w *world) forgetDoubts() {
	for _, e := range w.ledger.state.entries {
		for _, mark := range e.marks {
			w.audited = w.audited || mark.State == Watched && mark.Passes > 0
		}
		for key := range w.sent {
			if _, copied := e.pairs[key]; copied {
				delete(w.sent, key)
			}
		}
	}
}

// somethingHappens on one of the two sides, that is none of our doing.
func (w *world) somethingHappens(d *dice) {
	there := w.there()
	switch d.below(7) {
	case 0:
		w.deliverAtSource(d)
	case 1:
		w.expungeSource(d)
	case 2:
		w.flagSource(d)
	case 3:
		// The same content comes by another way, at its own time.
		body, _ := classOf(d.below(6), 0)
		if w.mayDeliver(there, w.targetKnown()) {
			l := w.to.put(there, body, time.Unix(1_500_000_000+int64(len(w.events)), 0).UTC())
			w.note("target: delivered", int(l.uid), 0, "")
		}
	case 4:
		w.deleteAtTarget(d, there)
	case 5:
		w.flagAtTarget(d, there)
	case 6:
		w.backUp()
	}
}

func (w *world) expungeSource(d *dice) {
	if n := len(w.inbox.letters); n > 0 {
		l := w.inbox.letters[d.below(n)]
		w.note("source: expunged", int(l.uid), 0, "")
		w.dead[w.class(l)]++
		w.kept.dead[l.id] = true
		w.inbox.remove(l.uid)
	}
}

func (w *world) flagSource(d *dice) {
	if n := len(w.inbox.letters); n > 0 {
		l := w.inbox.letters[d.below(n)]
		flag := []string{migration.FlagSeen, migration.FlagFlagged}[d.below(2)]
		w.note("source: "+flag, int(l.uid), 0, "")
		w.inbox.setFlags(l, toggled(l.flags, flag))
	}
}

func toggled(flags migration.Flags, flag string) migration.Flags {
	if flags.Has(flag) {
		return slices.DeleteFunc(slices.Clone(flags), func(f string) bool { return f == flag })
	}
	return append(slices.Clone(flags), flag)
}

// deleteAtTarget: a person deletes a message, or moves it to another folder.
func (w *world) deleteAtTarget(d *dice, there *box) {
	if n := len(there.letters); n > 0 {
		l := there.letters[d.below(n)]
		w.note("target: deleted", int(l.uid), int(l.key), "")
		w.users[w.class(l)]++
		w.kept.taken[l.id] = true
		if w.misnamed(there, l) {
			w.forgetReuse(l.uid)
		} else if w.mapped(l.uid) {
			w.removed[l.id] = l.uid
		}
		there.remove(l.uid)
	}
}

func (w *world) flagAtTarget(d *dice, there *box) {
	if n := len(there.letters); n > 0 {
		l := there.letters[d.below(n)]
		w.note("target: keyword", int(l.uid), int(l.key), "")
		w.flagged[l.id] = true
		there.setFlags(l, append(slices.Clone(l.flags), "Mine"))
	}
}

// class numbers contents.
func (w *world) class(l *letter) int {
	var body int
	_, _ = fmt.Sscanf(l.body, "Subject: %d", &body)
	return body<<32 | int(l.date.Unix())
}

func (w *world) entry() *ledgerEntry {
	for _, e := range w.ledger.state.entries {
		return e
	}
	return newEntry()
}

func (w *world) mapped(uid migration.UID) bool {
	for _, target := range w.entry().pairs {
		if target == uid {
			return true
		}
	}
	return false
}

// String is the history as it went.
func (w *world) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, mutant %q: %d passes, connections %d (%d), group %d, late %v, rebuilds %v, renumber %v, restores %v, deletes %v, uidplus %v, condstore %v\n", w.seed, w.mutant,
		w.passes, w.lanes, w.shared, w.to.group, w.late, w.rebuilds, w.renumber, w.restores, w.deletes, w.to.profile.UIDPlus, w.from.profile.CondStore)
	for _, e := range w.events {
		fmt.Fprintf(&b, "%14v %-28s %3d %3d %s\n", e.at, e.what, e.a, e.b, e.extra)
	}
	for _, l := range w.inbox.letters {
		fmt.Fprintf(&b, "source %3d: %x %v\n", l.uid, w.class(l), l.flags)
	}
	for _, l := range w.there().letters {
		fmt.Fprintf(&b, "target %3d: %x %v, copy of %d\n", l.uid, w.class(l), l.flags, l.key)
	}
	e := w.entry()
	for _, source := range slices.Sorted(maps.Keys(e.pairs)) {
		fmt.Fprintf(&b, "pair %d -> %d\n", source, e.pairs[source])
	}
	fmt.Fprintf(&b, "record %+v\nmarks %+v\nintents %+v\n", w.ledger.state.folders, e.marks, e.intents)
	return b.String()
}
