package cutover

import (
	"slices"
	"strings"
	"testing"
)

// A resolver that had the old records has them until they run out, also when it is silent.
func TestAResolverThatKeptTheOldRecordsIsRemembered(t *testing.T) {
	silent, day := Sight{Trouble: Silent}, mx(20*3600, "mx.old.test")
	look := func(hour int, resolver Sight) Look {
		l := pictured(hoursOn(hour), newSight, newSight, resolver)
		other := newSight
		other.Server = Server{"198.51.100.2:53", "198.51.100.2:53", false}
		l.Sights = append(l.Sights, other)
		return l
	}
	hourly := func(w Watch, from, to int, resolver Sight) Watch {
		for hour := from; hour <= to; hour++ {
			w = w.See(look(hour, resolver))
		}
		return w
	}
	waited := looked(switchSeen(t), hoursOn(80)).See(look(80, day))
	wantUnsafe(t, Judge(waited, inStep, hoursOn(80)), "until 2026-03-08 16:00 UTC") // 72 hours after it has lost them
	for _, c := range []struct {
		name  string
		hour  int
		after func(Watch) Watch
		safe  bool
	}{
		{"it is silent", 81, func(w Watch) Watch { return w.See(look(81, silent)) }, false},
		{"it fails", 81, func(w Watch) Watch { return w.See(look(81, Sight{Trouble: Failing})) }, false},
		{"it is asked no more", 81, func(w Watch) Watch { l := look(81, silent); l.Sights = slices.Delete(l.Sights, 2, 3); return w.See(l) }, false},
		{"it has the new", 81 + 71, func(w Watch) Watch { return hourly(w, 81, 81+71, newSight) }, false},
		{"it has the new for 72 hours", 81 + 72, func(w Watch) Watch { return hourly(w, 81, 81+72, newSight) }, true},
		{"it had the new before it was silent", 81 + 72, func(w Watch) Watch { return hourly(w.See(look(81, newSight)), 82, 81+72, silent) }, true},
		{"it says that there is no such domain, and is silent", 83, func(w Watch) Watch {
			return w.See(look(81, newSight)).See(look(82, Sight{Trouble: Missing, Absent: 7200})).See(look(83, silent))
		}, false},
		{"they have run out", 100 + 71, func(w Watch) Watch { return hourly(w, 81, 100+71, silent) }, false},
		{"they have run out 72 hours ago", 100 + 72, func(w Watch) Watch { return hourly(w, 81, 100+72, silent) }, true},
	} {
		v := Judge(c.after(waited), inStep, hoursOn(c.hour))
		if v.Delete.Yes != c.safe || v.Complete.Yes != c.safe {
			t.Errorf("%s: %s %+v", c.name, v.State, v.Delete)
		}
		if told, _ := v.sentence(CodeCacheHeld); c.hour < 100 && !strings.Contains(told, "198.51.100.1 answered the old MX records") {
			t.Errorf("%s: %v", c.name, codes(v))
		}
		if !v.Clock.SafeAt.After(hoursOn(80)) { // a pass before then may have left mail at the old system
			t.Errorf("%s: a pass counts that began after %s", c.name, v.Clock.SafeAt)
		}
	}
}

// A cache also keeps for a time that there is no such domain.
func TestItIsSeenHowLongACacheKeepsThatThereIsNoDomain(t *testing.T) {
	w, empty := newWorld(t, newMX), startServer(t, "")
	sight := Sight{Server: Server{Name: empty.address, Address: empty.address}}
	w.asker.see(t.Context(), &sight, "example.test", "example.test")
	if sight.Trouble != Missing || sight.Absent != 300 {
		t.Errorf("%+v", sight)
	}
}

// Of a resolver that gives an absurd TTL, or was asked by a clock that ran ahead, no more is
// believed than a cache keeps.
func TestNoCacheKeepsTheOldRecordsForEver(t *testing.T) {
	ever := mx(1<<31-1, "mx.old.test")
	w := looked(switchSeen(t), hoursOn(4)).See(pictured(hoursOn(4), newSight, newSight, ever))
	if got := w.Caches["198.51.100.1:53"].OldUntil; !got.Equal(hoursOn(4 + 7*24)) {
		t.Errorf("until %s", got)
	}
	w = looked(switchSeen(t), hoursOn(3)).See(pictured(hoursOn(40000), newSight, newSight, oldSight)).See(pictured(hoursOn(4), newSight, newSight, Sight{Trouble: Silent}))
	if got := w.Caches["198.51.100.1:53"].OldUntil; !got.Equal(hoursOn(5)) {
		t.Errorf("until %s", got)
	}
}

// Nor do caches keep what a server of the zone answers with an absurd TTL.
func TestNoServerHasCachesKeepTheOldRecordsForEver(t *testing.T) {
	ever := mx(1<<31-1, "mx.old.test")
	w := Watch{Domain: "example.test", Target: elsewhere(t)}.See(pictured(hoursOn(-1), ever, oldSight, newSight)).See(pictured(begun, newSight, newSight, newSight))
	if got := w.Clock().SafeAt; !got.Equal(hoursOn(7 * 24).Add(Wait)) {
		t.Errorf("safe at %s", got)
	}
	w.OldTTL, w.LongestTTL, w.CachedUntil = 1<<31-1, 1<<31-1, hoursOn(1<<31/3600) // as it was kept before
	if got := w.See(pictured(hoursOn(1), newSight, newSight, newSight)).Clock().SafeAt; !got.Equal(hoursOn(1 + 7*24).Add(Wait)) {
		t.Errorf("kept before: safe at %s", got)
	}
}

// Where no resolver answers, the longest time that a cache keeps the records passes once
// more; then the domain settles all the same, and that is told.
func TestADomainWithoutAResolverSettlesLater(t *testing.T) {
	silent := Sight{Trouble: Silent}
	w := Watch{Domain: "example.test", Target: elsewhere(t)}.See(pictured(hoursOn(-1), oldSight, oldSight, silent))
	for hour := 0; hour <= 75; hour++ {
		w = w.See(pictured(hoursOn(hour), newSight, newSight, silent))
		v := Judge(w, inStep, hoursOn(hour))
		if v.Delete.Yes != (hour >= 74) || !slices.Contains(codes(v), CodeCachesUnheard) {
			t.Fatalf("after %d hours: %s %+v %v", hour, v.State, v.Delete, codes(v))
		}
		if hour == 73 {
			wantUnsafe(t, v, "until 2026-03-04 14:00 UTC")
		}
	}
	w = w.See(pictured(hoursOn(76), newSight, newSight, newSight))
	if v := Judge(w, inStep, hoursOn(76)); !v.Delete.Yes || slices.Contains(codes(v), CodeCachesUnheard) {
		t.Errorf("%+v %v", v.Delete, codes(v))
	}
}
