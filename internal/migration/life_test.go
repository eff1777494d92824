package migration

import (
	"maps"
	"slices"
	"sync"
	"testing"
)

// A happening is something that the service or an operator does. All of them
// together are a small world, from which the drawings of docs/states.md are made.
// Verbs happen only where they are allowed.
type happening[F comparable] struct {
	name string
	// to gives what becomes of facts, none when it cannot happen.
	to func(F) []F
}

// when happens if it can, by changing a copy of the facts.
func when[F any](can func(F) bool, how ...func(*F)) func(F) []F {
	return func(f F) []F {
		if !can(f) {
			return nil
		}
		for _, change := range how {
			change(&f)
		}
		return []F{f}
	}
}

func ends(f *MailboxFacts) { f.Running, f.Begun = "", false }

func asked(verb Verb) func(MailboxFacts) bool {
	return func(f MailboxFacts) bool { answer, _ := f.State().Ask(verb); return answer == Allowed }
}

func atWork(f MailboxFacts) bool { return f.Running != "" && f.Running != Preflight && f.Begun }

var mailboxLife = []happening[MailboxFacts]{
	{"preflight begins", when(func(f MailboxFacts) bool {
		return f.Running == "" && f.Phase != Closed && !f.Broken && f.Intent != Remove && f.Batch != Remove
	}, func(f *MailboxFacts) { f.Running, f.Begun = Preflight, true })},
	{"preflight ends", when(func(f MailboxFacts) bool { return f.Running == Preflight }, ends)},
	{"pass given out", when(func(f MailboxFacts) bool {
		return f.Running == "" && f.Phase != Closed && !f.Failed && !f.Broken && f.Intent == Run && (f.Batch == Run || f.Batch == Finish)
	}, func(f *MailboxFacts) {
		switch {
		case f.Phase == Initial:
			f.Running = InitialPass
		case f.Batch == Finish:
			f.Running = FinalPass
		default:
			f.Running = IncrementalPass
		}
	})},
	{"node takes it up", when(func(f MailboxFacts) bool { return f.Running != "" && !f.Begun }, func(f *MailboxFacts) { f.Begun = true })},
	{"pass goes through", when(atWork, goesThrough)},
	{"pass leaves messages out", when(atWork, goesThrough, func(f *MailboxFacts) { f.Skipped, f.Approved = 1, 0 })},
	{"pass fails for good", when(atWork, ends, func(f *MailboxFacts) { f.Failed = true })},
	{"pass laid down", when(func(f MailboxFacts) bool { return f.Running != "" && f.Running != Preflight }, ends)},
	{"credentials useless", when(func(f MailboxFacts) bool { return f.Running == "" && f.Phase != Closed && !f.Broken }, func(f *MailboxFacts) { f.Broken = true })},
	{"start", when(asked(VerbStart), func(f *MailboxFacts) { f.Intent, f.Failed = Run, false })},
	{"stop", when(asked(VerbStop), func(f *MailboxFacts) { f.Intent = Halt })},
	{"retry", when(asked(VerbRetry), func(f *MailboxFacts) { f.Intent, f.Failed = Run, false })},
	{"approve", when(asked(VerbApprove), func(f *MailboxFacts) { f.Approved = f.Skipped })},
	{"rotate", when(asked(VerbRotate), func(f *MailboxFacts) { f.Broken = false })},
	{"delete", when(asked(VerbDelete), func(f *MailboxFacts) { f.Intent = Remove })},
}

// batchVerbsOnMailbox is what the verbs of its batch do to a mailbox.
var batchVerbsOnMailbox = []happening[MailboxFacts]{
	{"batch: start", when(func(f MailboxFacts) bool { return f.Batch == Hold || f.Batch == Halt }, func(f *MailboxFacts) {
		if f.Batch = Run; f.Intent == Run && f.Running == "" {
			f.Failed = false
		}
	})},
	{"batch: stop", when(func(f MailboxFacts) bool { return f.Batch == Run || f.Batch == Finish }, func(f *MailboxFacts) { f.Batch = Halt })},
	{"batch: complete", when(func(f MailboxFacts) bool { return f.Batch == Run }, func(f *MailboxFacts) { f.Batch = Finish })},
	{"batch: delete", when(func(f MailboxFacts) bool { return f.Batch != Remove }, func(f *MailboxFacts) { f.Batch = Remove })},
}

func goesThrough(f *MailboxFacts) {
	switch f.Running {
	case InitialPass:
		f.Phase = Incremental
	case FinalPass:
		f.Phase = Closed
	}
	f.Passes = min(f.Passes+1, 2)
	f.Failed = false
	ends(f)
}

// batchWorld is a batch of two mailboxes.
type batchWorld struct {
	intent Intent
	early  bool // its time to start has not come
	a, b   MailboxFacts
}

func (w batchWorld) state() BatchState {
	f := BatchFacts{Intent: w.intent}
	if w.early {
		f.StartAfter = f.Now.AddDate(0, 0, 1)
	}
	for _, m := range []MailboxFacts{w.a, w.b} {
		countFacts(&f.Counts, m)
	}
	return f.State()
}

// countFacts counts a mailbox as the words at BatchCounts say.
func countFacts(c *BatchCounts, f MailboxFacts) {
	count := func(to *int, is bool) {
		if is {
			*to++
		}
	}
	open := f.Phase != Closed
	count(&c.Total, true)
	count(&c.Begun, f.Passes > 0 || f.Failed || f.Running != "" && f.Running != Preflight)
	count(&c.Running, f.Running != "")
	count(&c.Validating, f.Running == Preflight)
	count(&c.IncrementalRunning, f.Running == IncrementalPass || f.Running == FinalPass)
	count(&c.Closed, !open)
	count(&c.Failed, open && (f.Failed || f.Broken))
	count(&c.Broken, open && f.Broken)
	count(&c.Stopped, open && !f.Failed && !f.Broken && f.Intent == Halt)
	count(&c.Synced, f.Phase == Incremental && !f.Failed && !f.Broken && f.Intent != Halt)
	count(&c.Troubled, f.Skipped > f.Approved && !f.Failed)
}

func askedOfBatch(verb Verb) func(batchWorld) bool {
	return func(w batchWorld) bool { answer, _ := w.state().Ask(verb); return answer == Allowed }
}

func (w *batchWorld) want(intent Intent) { w.intent, w.a.Batch, w.b.Batch = intent, intent, intent }

func (w *batchWorld) each(change func(*MailboxFacts)) { change(&w.a); change(&w.b) }

var batchLife = []happening[batchWorld]{
	{"start", when(askedOfBatch(VerbStart), func(w *batchWorld) {
		if w.intent != Finish {
			w.want(Run)
		}
		w.each(func(f *MailboxFacts) {
			if f.Intent == Run && f.Running == "" {
				f.Failed = false
			}
		})
	})},
	{"stop", when(askedOfBatch(VerbStop), func(w *batchWorld) { w.want(Halt) })},
	{"complete", when(askedOfBatch(VerbComplete), func(w *batchWorld) { w.want(Finish) })},
	{"approve", when(askedOfBatch(VerbApprove), func(w *batchWorld) { w.each(func(f *MailboxFacts) { f.Approved = f.Skipped }) })},
	{"delete", when(askedOfBatch(VerbDelete), func(w *batchWorld) { w.want(Remove) })},
	{"its time comes", when(func(w batchWorld) bool { return w.early }, func(w *batchWorld) { w.early = false })},
	{"mailboxes go on", func(w batchWorld) (all []batchWorld) {
		for _, h := range mailboxLife {
			if w.early && h.name == "pass given out" {
				continue
			}
			for _, m := range h.to(w.a) {
				all = append(all, inOrder(w, m, w.b))
			}
			for _, m := range h.to(w.b) {
				all = append(all, inOrder(w, w.a, m))
			}
		}
		return all
	}},
}

// inOrder makes one world of those that differ in the order of mailboxes, or in
// what no batch looks at.
func inOrder(w batchWorld, a, b MailboxFacts) batchWorld {
	for _, m := range []*MailboxFacts{&a, &b} {
		m.Passes, m.Begun = min(m.Passes, 1), m.Running != ""
	}
	if rank(b) < rank(a) {
		a, b = b, a
	}
	w.a, w.b = a, b
	return w
}

func rank(f MailboxFacts) int {
	n := slices.Index([]Intent{Run, Halt, Remove}, f.Intent)
	n = n*3 + slices.Index([]Phase{Initial, Incremental, Closed}, f.Phase)
	n = n*5 + slices.Index([]PassKind{"", Preflight, InitialPass, IncrementalPass, FinalPass}, f.Running)
	n = n*2 + f.Passes
	n = n*2 + f.Skipped
	n = n*2 + f.Approved
	for _, is := range []bool{f.Failed, f.Broken} {
		if n *= 2; is {
			n++
		}
	}
	return n
}

// move is a change of state.
type move struct{ from, to, by string }

// explore goes through everything that can happen, from the beginning on, and
// gives each change of state and the states that were reached.
func explore[F comparable](beginnings []F, state func(F) string, life []happening[F]) (moves map[move]bool, reached map[string]bool) {
	moves, reached = map[move]bool{}, map[string]bool{}
	seen := map[F]bool{}
	queue := slices.Clone(beginnings)
	for len(queue) > 0 {
		f := queue[0]
		queue = queue[1:]
		if seen[f] {
			continue
		}
		seen[f] = true
		reached[state(f)] = true
		for _, h := range life {
			for _, after := range h.to(f) {
				if state(after) != state(f) {
					moves[move{state(f), state(after), h.name}] = true
				}
				if !seen[after] {
					queue = append(queue, after)
				}
			}
		}
	}
	return moves, reached
}

var exploreMailbox = sync.OnceValues(func() (map[move]bool, map[string]bool) {
	return explore([]MailboxFacts{{Batch: Hold, Intent: Run, Phase: Initial}}, func(f MailboxFacts) string { return string(f.State()) }, slices.Concat(mailboxLife, batchVerbsOnMailbox))
})

var exploreBatch = sync.OnceValues(func() (map[move]bool, map[string]bool) {
	m := MailboxFacts{Batch: Hold, Intent: Run, Phase: Initial}
	return explore([]batchWorld{{Hold, false, m, m}, {Hold, true, m, m}}, func(w batchWorld) string { return string(w.state()) }, batchLife)
})

func TestEveryStateOfAMailboxIsReached(t *testing.T) {
	moves, reached := exploreMailbox()
	t.Logf("%d changes of state", len(moves))
	wantStates(t, reached, MailboxStates())
}

func TestEveryStateOfABatchIsReached(t *testing.T) {
	moves, reached := exploreBatch()
	t.Logf("%d changes of state", len(moves))
	wantStates(t, reached, BatchStates())
}

func wantStates[S ~string](t *testing.T, reached map[string]bool, states []S) {
	t.Helper()
	for _, state := range states {
		if !reached[string(state)] {
			t.Errorf("nothing leads to %s", state)
		}
	}
	if len(reached) > len(states) {
		t.Errorf("states that are in no list: %v", slices.Sorted(maps.Keys(reached)))
	}
}

// What is closed or being removed never comes back to life.
func TestEndsAreEnds(t *testing.T) {
	moves, _ := exploreMailbox()
	for m := range moves {
		done := m.from == string(MailboxCompleted) || m.from == string(MailboxCompletedWithWarnings)
		if m.from == string(MailboxRemoving) || done && m.to != string(MailboxRemoving) && m.to != string(MailboxCompleted) {
			t.Errorf("%s becomes %s by: %s", m.from, m.to, m.by)
		}
	}
	moves, _ = exploreBatch()
	for m := range moves {
		if m.from == string(BatchRemoving) || m.from == string(BatchCompleted) && m.to != string(BatchRemoving) {
			t.Errorf("%s becomes %s by: %s", m.from, m.to, m.by)
		}
	}
}
