package cutover

import (
	"slices"
	"testing"
	"time"
)

// What a resolver still answers shows that a mistyped time can't be right, also where no server
// was seen with the old records.
func TestAResolverContradictsWhatIsStated(t *testing.T) {
	watch := func(stated int) Watch {
		w := Watch{Domain: "example.test", Target: elsewhere(t)}.See(pictured(begun, newSight, newSight, oldSight)).Say(hoursOn(stated), begun)
		return w.See(pictured(hoursOn(1), newSight, newSight, newSight))
	}
	w := watch(-200)
	v := Judge(w, inStep, hoursOn(1))
	wantUnsafe(t, v, "until")
	wantFinding(t, v, CodeContradicted, "2026-02-21 04:00 UTC", "Correct the time")
	if !v.Clock.SwitchedAt.Equal(begun) {
		t.Errorf("the switch counts as at %s", v.Clock.SwitchedAt)
	}
	for stated, want := range map[int]bool{-25: true, -24: false, 0: false} {
		if got := watch(stated).Clock().Contradicted; got != want {
			t.Errorf("%d hours before a cache had the old records, which it keeps for a day: contradicted %v", -stated, got)
		}
	}
}

// Who asks a resolver that has the old records still sends as long as its mail waits in queues.
func TestTheWaitRunsFromTheLastResolver(t *testing.T) {
	w := looked(switchSeen(t), hoursOn(10)).See(pictured(hoursOn(10), newSight, newSight, oldSight))
	if got := w.Clock().SafeAt; !got.Equal(hoursOn(11).Add(Wait)) {
		t.Errorf("while it has them: safe at %s", got)
	}
	w = w.See(pictured(hoursOn(10).Add(mostAhead), newSight, newSight, newSight))
	v := Judge(w, inStep, w.Last.At)
	if got := v.Clock.SafeAt; !got.Equal(hoursOn(10).Add(mostAhead+Wait)) || slices.Contains(codes(v), CodeCacheHeld) {
		t.Errorf("once it has the new: safe at %s", got)
	}
}

// What the tool itself advises to say is not contradicted: that one server moved before another
// is how it is.
func TestTheTimeThatIsAdvisedIsNotContradicted(t *testing.T) {
	moved := Watch{Domain: "example.test", Target: elsewhere(t)}.See(pictured(hoursOn(-1), oldSight, oldSight, oldSight)).
		See(pictured(begun, newSight, oldSight, newSight)).See(pictured(hoursOn(1), newSight, newSight, newSight))
	waited := looked(moved, hoursOn(80))
	gap := waited.See(pictured(hoursOn(79), newSight, Sight{Trouble: Silent}, newSight)).See(pictured(hoursOn(81), newSight, Sight{Trouble: Silent}, newSight))
	for name, w := range map[string]Watch{
		"a gap":          gap.See(pictured(hoursOn(82), newSight, newSight, newSight)),
		"a later server": waited.See(joined(pictured(hoursOn(80), newSight, newSight, newSight))),
	} {
		v := Judge(w, inStep, w.Last.At)
		wantUnsafe(t, v, "until")
		code := CodeLookGap
		if name == "a later server" {
			code = CodeServerJoined
		}
		wantFinding(t, v, code, "", "--switched-at 2026-03-01T13:00:00Z")
		if v = Judge(w.Say(hoursOn(1), w.Last.At), inStep, w.Last.At); !v.Delete.Yes || v.Clock.Contradicted || !v.Clock.SwitchedAt.Equal(hoursOn(1)) {
			t.Errorf("%s: %+v %+v", name, v.Clock, v.Delete)
		}
		for _, wrong := range []int{-2, 0, 83} {
			if !w.Say(hoursOn(wrong).Add(-time.Minute), w.Last.At).Clock().Contradicted {
				t.Errorf("%s: stated to have been shortly before %d hours, nothing contradicts it", name, wrong)
			}
		}
	}
}

// What is stated before any server was heard tells nothing of what they had until then.
func TestWhatIsSaidBeforeAServerIsHeardDoesNotCount(t *testing.T) {
	silent := Sight{Trouble: Silent}
	deaf := Watch{Domain: "example.test", Target: elsewhere(t)}.See(pictured(begun, silent, silent, silent)).Say(hoursOn(-1), begun)
	w := deaf.See(pictured(hoursOn(500), newSight, newSight, newSight))
	v := Judge(w, inStep, hoursOn(500))
	wantUnsafe(t, v, "until")
	wantFinding(t, v, CodeStatedIgnored, "before ns1.example.test (192.0.2.1) was heard", "say it again")
	if v = Judge(w.Say(hoursOn(-1), hoursOn(500)), inStep, hoursOn(500)); !v.Delete.Yes {
		t.Errorf("said again: %s %+v", v.State, v.Clock)
	}
	first := Watch{Domain: "example.test", Target: elsewhere(t)}.Say(hoursOn(-200), begun).See(pictured(begun.Add(mostAhead), newSight, newSight, newSight))
	if v = Judge(first, inStep, first.Last.At); !v.Delete.Yes {
		t.Errorf("said with the first look: %s %+v", v.State, v.Clock)
	}
}
