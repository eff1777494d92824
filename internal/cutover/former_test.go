package cutover

import (
	"slices"
	"testing"
)

// corrected is a world whose delegation named a server of a former provider until now, with the
// old records kept for a day.
func corrected(t *testing.T) (w *world, watch Watch) {
	t.Helper()
	const ns9 = "ns9.old.test. 3600 IN A 192.0.2.9\n"
	w = newWorld(t, oldMX+goodSPF+ns9)
	w.former(t, "192.0.2.9").set(t, delegation+"example.test. 86400 IN MX 10 mx.old.test.\n"+goodSPF)
	w.above.set(t, referral+"example.test. 3600 IN NS ns9.old.test.\n")
	watch = w.watchOf(t)
	w.publish(t, newMX+goodSPF+ns9)
	w.above.set(t, referral)
	return w, watch
}

// A former provider may serve the zone for ever: who asks its server comes by records that
// caches have for a week at most.
func TestAServerThatNobodyNamesIsAskedForAWeek(t *testing.T) {
	w, watch := corrected(t)
	step := w.stepsOf(t, watch)
	v := step(24)
	wantUnsafe(t, v, "Not every server")
	wantFinding(t, v, CodeStaleSecondary, "ns9.old.test (192.0.2.9) still has the old MX records, and nobody names it any more", "until 2026-03-08 13:00 UTC")
	if v = step(1 + 7*24); v.State != Switching || !v.Clock.SwitchedAt.IsZero() {
		t.Errorf("a week later: %s %+v", v.State, v.Clock)
	}
	v = step(2 + 7*24)
	if want := hoursOn(1 + 7*24); !v.Clock.SwitchedAt.Equal(want) || !v.Clock.SafeAt.Equal(hoursOn(1+8*24).Add(Wait)) || slices.Contains(codes(v), CodeStaleSecondary) {
		t.Errorf("after the week: %+v %v", v.Clock, codes(v))
	}
	if v = step(1 + 11*24); !v.Delete.Yes {
		t.Errorf("%s %+v", v.State, v.Delete)
	}
}

// formerLooks looks at every hour, as a watch of a zone whose delegation is heard does; a server
// of a former provider answers the old records when asked.
func formerLooks(w Watch, from, to int, change func(*Look)) Watch {
	for hour := from; hour <= to; hour++ {
		look := pictured(hoursOn(hour), newSight, newSight, newSight)
		look.Delegation = &Delegation{Heard: look.At}
		change(&look)
		for _, s := range w.former(look) {
			s.Records = oldSight.Records
			look.Sights = append(look.Sights, s)
		}
		w = w.See(look)
	}
	return w
}

// A week in which it is not known whether somebody names the server is none.
func TestTheWeekOfAFormerServerIsSeenWhole(t *testing.T) {
	never := func(*Look) {}
	named := func(l *Look) {
		ns9 := oldSight
		ns9.Server = Server{"ns9.old.test", "192.0.2.9:53", true}
		l.Sights = append(l.Sights, ns9)
	}
	silent := func(l *Look) { l.Delegation = &Delegation{Trouble: Silent, Heard: hoursOn(10)} }
	for _, c := range []struct {
		name    string
		between func(Watch) Watch // 10 and 100 hours
		left    int               // hours
	}{
		{"each look tells", func(w Watch) Watch { return formerLooks(w, 11, 99, never) }, 1},
		{"nobody looked", func(w Watch) Watch { return w }, 100},
		{"a clock ran ahead", func(w Watch) Watch { return formerLooks(formerLooks(w, 11, 99, never), 3000, 3000, never) }, 100},
		{"the zone above was not heard", func(w Watch) Watch { return formerLooks(w, 11, 99, silent) }, 100},
		{"the zone above was not heard once", func(w Watch) Watch { return formerLooks(formerLooks(w, 11, 11, silent), 12, 99, never) }, 1},
		{"it was named again", func(w Watch) Watch { return formerLooks(w, 11, 99, named) }, 100},
	} {
		w := formerLooks(Watch{Domain: "example.test", Target: elsewhere(t)}, 0, 0, named)
		w = formerLooks(c.between(formerLooks(w, 1, 10, never)), 100, 100, never)
		if got := w.Seen["192.0.2.9:53"].Left; !got.Equal(hoursOn(c.left)) {
			t.Errorf("%s: nobody names it since %s", c.name, got)
		}
		last := c.left + 7*24
		w = formerLooks(w, 101, last, never)
		if v := Judge(w, inStep, w.Last.At); v.State != Switching || !v.Clock.SwitchedAt.IsZero() {
			t.Errorf("%s: %s %+v", c.name, v.State, v.Clock)
		}
		w = formerLooks(w, last+1, last+1, never)
		if got := w.Clock().SwitchedAt; !got.Equal(hoursOn(last)) {
			t.Errorf("%s: the wait begins at %s", c.name, got)
		}
	}
}
