package migration

import (
	"strings"
	"testing"
	"time"
)

func TestEachLineOfAMailboxStateCounts(t *testing.T) {
	run := MailboxFacts{Batch: Run, Intent: Run, Phase: Initial}
	with := func(how func(*MailboxFacts)) MailboxFacts { f := run; how(&f); return f }
	for _, c := range []struct {
		facts MailboxFacts
		want  MailboxState
	}{
		{run, MailboxQueued},
		{with(func(f *MailboxFacts) { f.Batch = Hold }), MailboxQueued},
		{with(func(f *MailboxFacts) { f.Running = Preflight }), MailboxValidating},
		{with(func(f *MailboxFacts) { f.Running, f.Batch = Preflight, Halt }), MailboxValidating},
		{with(func(f *MailboxFacts) { f.Running = InitialPass }), MailboxStarting},
		{with(func(f *MailboxFacts) { f.Running, f.Begun = InitialPass, true }), MailboxSyncing},
		{with(func(f *MailboxFacts) { f.Running, f.Begun, f.Intent = InitialPass, true, Halt }), MailboxStopping},
		{with(func(f *MailboxFacts) { f.Batch = Halt }), MailboxStopped},
		{with(func(f *MailboxFacts) { f.Failed = true }), MailboxFailed},
		{with(func(f *MailboxFacts) { f.Failed, f.Batch = true, Halt }), MailboxFailed},
		{with(func(f *MailboxFacts) { f.Phase, f.Passes = Incremental, 1 }), MailboxSynced},
		{with(func(f *MailboxFacts) { f.Phase, f.Passes = Incremental, 2 }), MailboxIncrementalSynced},
		{with(func(f *MailboxFacts) { f.Phase, f.Running = Incremental, IncrementalPass }), MailboxIncrementalSyncing},
		{with(func(f *MailboxFacts) { f.Phase, f.Intent = Incremental, Halt }), MailboxIncrementalStopped},
		{with(func(f *MailboxFacts) { f.Phase, f.Failed = Incremental, true }), MailboxIncrementalFailed},
		{with(func(f *MailboxFacts) { f.Phase, f.Batch = Incremental, Finish }), MailboxCompleting},
		{with(func(f *MailboxFacts) { f.Phase, f.Batch, f.Running = Incremental, Finish, FinalPass }), MailboxCompleting},
		{with(func(f *MailboxFacts) { f.Phase, f.Batch, f.Failed = Incremental, Finish, true }), MailboxCompletionFailed},
		{with(func(f *MailboxFacts) { f.Phase = Closed }), MailboxCompleted},
		{with(func(f *MailboxFacts) { f.Phase, f.Skipped, f.Approved = Closed, 2, 2 }), MailboxCompleted},
		{with(func(f *MailboxFacts) { f.Phase, f.Skipped, f.Approved = Closed, 2, 1 }), MailboxCompletedWithWarnings},
		{with(func(f *MailboxFacts) { f.Broken, f.Failed = true, true }), MailboxCorrupted},
		{with(func(f *MailboxFacts) { f.Intent, f.Broken = Remove, true }), MailboxRemoving},
		{with(func(f *MailboxFacts) { f.Batch = Remove }), MailboxRemoving},
	} {
		if got := c.facts.State(); got != c.want {
			t.Errorf("%+v is %s, want %s", c.facts, got, c.want)
		}
	}
}

func TestEachLineOfABatchStateCounts(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		intent Intent
		early  bool
		counts BatchCounts
		want   BatchState
	}{
		{Hold, false, BatchCounts{Total: 3}, BatchCreated},
		{Hold, false, BatchCounts{Total: 3, Running: 1, Validating: 1}, BatchCreated},
		{Run, true, BatchCounts{Total: 3}, BatchWaiting},
		{Run, true, BatchCounts{Total: 3, Begun: 1}, BatchSyncing},
		{Run, false, BatchCounts{Total: 3}, BatchStarting},
		{Run, false, BatchCounts{Total: 3, Begun: 1, Running: 1}, BatchSyncing},
		{Run, false, BatchCounts{Total: 3, Begun: 2, Synced: 2}, BatchSyncing},
		{Run, false, BatchCounts{Total: 3, Begun: 3, Synced: 3}, BatchSynced},
		{Run, false, BatchCounts{Total: 3, Begun: 3, Synced: 2, Closed: 1}, BatchSynced},
		{Run, false, BatchCounts{Total: 3, Begun: 3, Synced: 3, Troubled: 1}, BatchSyncedWithErrors},
		{Run, false, BatchCounts{Total: 3, Begun: 3, Synced: 2, Failed: 1}, BatchSyncedWithErrors},
		{Run, false, BatchCounts{Total: 3, Begun: 2, Synced: 2, Stopped: 1}, BatchSyncedWithErrors},
		{Run, false, BatchCounts{Total: 3, Begun: 3, Synced: 3, Running: 1, IncrementalRunning: 1}, BatchIncrementalSyncing},
		{Run, false, BatchCounts{Total: 3, Begun: 3, Failed: 3}, BatchFailed},
		{Run, false, BatchCounts{Total: 3, Begun: 3, Failed: 3, Broken: 3}, BatchCorrupted},
		{Run, false, BatchCounts{Total: 3, Begun: 3, Failed: 2, Broken: 2, Closed: 1}, BatchCorrupted},
		{Run, false, BatchCounts{Total: 3, Begun: 3, Failed: 2, Broken: 2, Synced: 1}, BatchSyncedWithErrors},
		{Halt, false, BatchCounts{Total: 3, Begun: 1, Running: 1}, BatchStopping},
		{Halt, false, BatchCounts{Total: 3, Begun: 1, Running: 1, Validating: 1}, BatchStopped},
		{Halt, false, BatchCounts{Total: 3}, BatchStopped},
		{Finish, false, BatchCounts{Total: 3, Begun: 3, Closed: 2, Synced: 1}, BatchCompleting},
		{Finish, false, BatchCounts{Total: 3, Begun: 3, Closed: 3}, BatchCompleted},
		{Finish, false, BatchCounts{Total: 3, Begun: 3, Closed: 3, Troubled: 1}, BatchCompletedWithErrors},
		{Finish, false, BatchCounts{Total: 3, Begun: 3, Closed: 2, Failed: 1}, BatchCompletedWithErrors},
		{Remove, false, BatchCounts{Total: 3, Running: 3}, BatchRemoving},
	} {
		f := BatchFacts{Intent: c.intent, Now: now, Counts: c.counts}
		if c.early {
			f.StartAfter = now.Add(time.Second)
		}
		if got := f.State(); got != c.want {
			t.Errorf("%s %+v is %s, want %s", c.intent, c.counts, got, c.want)
		}
	}
}

// asksAll expects an answer to every verb in every state: a refusal is part of a
// sentence, and every verb is allowed somewhere.
func asksAll[S ~string](t *testing.T, states []S, verbs []Verb, ask func(S, Verb) (Answer, string)) {
	t.Helper()
	for _, verb := range verbs {
		allowed := 0
		for _, state := range states {
			answer, reason := ask(state, verb)
			switch {
			case answer == Allowed:
				allowed++
			case answer == Refused && (len(reason) < 10 || strings.HasSuffix(reason, ".") || strings.ToLower(reason[:1]) != reason[:1]):
				t.Errorf("%s of %s is refused with %q", verb, state, reason)
			}
		}
		if allowed == 0 {
			t.Errorf("%s is allowed nowhere", verb)
		}
	}
	if answer, reason := ask(states[0], "dance"); answer != Refused || !strings.Contains(reason, "dance") {
		t.Errorf("an unknown verb: %v, %q", answer, reason)
	}
}

func TestEveryVerbMeetsAnAnswerInEveryState(t *testing.T) {
	asksAll(t, MailboxStates(), MailboxVerbs(), MailboxState.Ask)
	asksAll(t, BatchStates(), BatchVerbs(), BatchState.Ask)
	if len(MailboxVerbs()) != len(mailboxVerbs) || len(BatchVerbs()) != len(batchVerbs) {
		t.Error("the lists of verbs lack one")
	}
}

// An idempotent verb changes nothing where it is so already, and what it has
// brought about is never a reason to refuse it.
func TestVerbsMayBeAskedTwice(t *testing.T) {
	for _, h := range mailboxLife {
		verb := Verb(h.name)
		if _, known := mailboxVerbs[verb]; !known {
			continue
		}
		everyFact(func(f MailboxFacts) {
			for _, after := range h.to(f) {
				if answer, reason := after.State().Ask(verb); answer == Refused && verb != VerbApprove {
					t.Errorf("%s makes %s of %s, and is then refused: %s", verb, after.State(), f.State(), reason)
				}
			}
		})
	}
}

// everyFact calls for each combination of facts that can be.
func everyFact(each func(MailboxFacts)) {
	var f MailboxFacts
	for _, f.Batch = range []Intent{Hold, Run, Halt, Finish, Remove} {
		for _, f.Intent = range []Intent{Run, Halt, Remove} {
			for _, f.Phase = range []Phase{Initial, Incremental, Closed} {
				for _, f.Running = range []PassKind{"", Preflight, InitialPass, IncrementalPass, FinalPass} {
					for bits := range 8 {
						f.Begun, f.Failed, f.Broken = bits&1 != 0, bits&2 != 0, bits&4 != 0
						if f.Phase != Closed || f.Running == "" && bits == 0 {
							each(f)
						}
					}
				}
			}
		}
	}
}

func TestScores(t *testing.T) {
	for _, c := range []struct {
		messages, skipped, approved, minor int
		want                               Score
	}{
		{0, 0, 0, 0, Perfect},
		{1000, 0, 0, 0, Perfect},
		{1000, 0, 0, 1, Good},
		{1000, 5, 5, 0, Good},
		{1000, 5, 9, 0, Good},
		{1000, 1, 0, 0, Investigate},
		{0, 9, 0, 0, Investigate},
		{9_999, 10, 0, 0, Poor},
		{10_000, 10, 0, 0, Investigate},
		{10_000, 11, 0, 0, Poor},
		{10_000, 11, 1, 3, Investigate},
		{10, 10, 0, 0, Poor},
	} {
		if got := ScoreOf(c.messages, c.skipped, c.approved, c.minor); got != c.want {
			t.Errorf("%d left out of %d, %d approved, %d minor: %s, want %s", c.skipped, c.messages, c.approved, c.minor, got, c.want)
		}
	}
	for i, better := range Scores() {
		for _, worse := range Scores()[i:] {
			if better.Worse(worse) != worse || worse.Worse(better) != worse {
				t.Errorf("the worse of %q and %q is not %q", better, worse, worse)
			}
		}
	}
	var m MailboxRecord
	if m.Facts.Phase = Initial; m.Score() != "" {
		t.Errorf("a score before the first pass: %s", m.Score())
	}
	if m.Facts.Passes = 1; m.Score() != Perfect {
		t.Errorf("score %s", m.Score())
	}
}
