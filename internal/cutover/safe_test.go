package cutover

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// inStep are mailboxes that keep nothing from being safe.
var inStep = &Mailboxes{Total: 1, Synced: 1, SyncedAfterSwitch: 1, SyncedAfterWait: 1}

func hoursOn(n int) time.Time { return begun.Add(time.Duration(n) * time.Hour) }

// switchSeen is a watch that saw the MX records move when the world began.
func switchSeen(t *testing.T) Watch {
	t.Helper()
	return Watch{Domain: "example.test", Target: elsewhere(t)}.See(pictured(hoursOn(-1), oldSight, oldSight, oldSight)).See(pictured(begun, newSight, newSight, newSight))
}

// changed is a look at a zone with another serial; 0 is none.
func changed(l Look, serial uint32) Look {
	for i := range l.Sights {
		l.Sights[i].Serial = serial
	}
	return l
}

// looked is a watch that looks every two hours from its last look on until a time, and sees
// the new records alone.
func looked(w Watch, until time.Time) Watch {
	for at := w.Last.At.Add(mostUnheard); at.Before(until); at = at.Add(mostUnheard) {
		w = w.See(pictured(at, newSight, newSight, newSight))
	}
	return w
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// raising is a watch as of switchSeen, of a zone whose serial was raised by the switch.
func raising(t *testing.T) Watch {
	t.Helper()
	return Watch{Domain: "example.test", Target: elsewhere(t)}.See(pictured(hoursOn(-1), oldSight, oldSight, oldSight)).See(changed(pictured(begun, newSight, newSight, newSight), 2))
}

// joined is a look that a third server of the zone has, too.
func joined(l Look) Look {
	s := l.Sights[0]
	s.Server = Server{"ns3.example.test", "192.0.2.3:53", true}
	l.Sights = append([]Sight{s}, l.Sights...)
	return l
}

func wantUnsafe(t *testing.T, v Verdict, why string) {
	t.Helper()
	if v.Complete.Yes || v.Delete.Yes {
		t.Errorf("it is safe, being %s by %+v", v.State, v.Clock)
	}
	if !slices.ContainsFunc(v.Delete.Reasons, func(reason string) bool { return strings.Contains(reason, why) }) {
		t.Errorf("%q does not say %q", v.Delete.Reasons, why)
	}
}

// A look that is dated by a clock that runs ahead counts for nothing, and those after it do.
func TestAClockThatRanAheadSettlesNothing(t *testing.T) {
	w := switchSeen(t).See(pictured(hoursOn(200), newSight, newSight, newSight))
	wantUnsafe(t, Judge(w, inStep, hoursOn(1)), "ahead of the clock")
	if got := w.See(pictured(hoursOn(200).Add(-mostAhead), oldSight, oldSight, oldSight)); got.Last.At != hoursOn(200) {
		t.Error("a look that was overtaken counts")
	}
	w = w.See(pictured(hoursOn(2), oldSight, newSight, newSight))
	wantUnsafe(t, Judge(w, inStep, hoursOn(2)), "Not every server")
	late := Watch{Domain: "example.test", Target: elsewhere(t)}.See(pictured(begun, oldSight, oldSight, oldSight)).See(pictured(hoursOn(200), newSight, newSight, newSight)).
		See(pictured(hoursOn(2), newSight, Sight{Trouble: Silent}, newSight))
	if a, b := late.Seen["192.0.2.1:53"], late.Seen["192.0.2.2:53"]; a.FirstNew != hoursOn(2) || !b.FirstNew.IsZero() {
		t.Errorf("since a time to come: %+v %+v", a, b)
	}
	w = switchSeen(t).See(pictured(hoursOn(200), newSight, newSight, newSight)).See(pictured(hoursOn(1), newSight, newSight, newSight))
	if got := w.Clock().SwitchedAt; got != begun {
		t.Errorf("the switch was seen before, and counts as at %s", got)
	}
}

// A clock that was behind once makes no wait shorter.
func TestAClockThatWasBehindShortensNoWait(t *testing.T) {
	w := switchSeen(t).See(pictured(hoursOn(-200), newSight, newSight, newSight)).See(pictured(hoursOn(1), newSight, newSight, newSight))
	if clock := w.Clock(); clock.SwitchedAt.Before(hoursOn(-1)) || clock.SafeAt.Before(begun.Add(Wait)) {
		t.Errorf("%+v", clock)
	}
}

// A time that was wrong for one target is not right for another.
func TestAnotherTargetForgetsWhatIsStated(t *testing.T) {
	w := switchSeen(t)
	w.Stated = hoursOn(-120)
	other := w.Target
	other.MX = append([]string{"mx3.new.test"}, other.MX...)
	w = w.Retarget(other).See(pictured(hoursOn(2), newSight, newSight, newSight))
	wantUnsafe(t, Judge(w, inStep, hoursOn(2)), "--switched-at")
}

// Every error is a reason against, whatever else is so.
func TestNothingIsSafeWithAnError(t *testing.T) {
	source, err := os.ReadFile("finding.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range regexp.MustCompile(`Code = "([^"]+)"`).FindAllStringSubmatch(string(source), -1) {
		for severity, want := range map[Severity]bool{Bad: false, Odd: true, Note: true} {
			v := Verdict{State: Settled, Findings: []Finding{{Code: Code(c[1]), Severity: severity, Sentence: "so it is"}}}
			if got := safe(v, inStep, func(m Mailboxes) int { return m.SyncedAfterWait }, ""); got.Yes != want {
				t.Errorf("with %s as %s: %+v", c[1], severity, got)
			}
		}
	}
	settled := looked(switchSeen(t), hoursOn(100)).See(pictured(hoursOn(100), newSight, newSight, newSight))
	if v := Judge(settled, inStep, hoursOn(100)); !v.Delete.Yes {
		t.Fatalf("%+v", v.Delete)
	}
	settled.Last.Unresolved = []string{"mx.new.test"}
	wantUnsafe(t, Judge(settled, inStep, hoursOn(100)), "mx.new.test, which has no address")
}

// Records that were never seen to change may not have changed.
func TestASwitchThatNobodyKnowsOfIsNotSafe(t *testing.T) {
	w := Watch{Domain: "example.test", Target: elsewhere(t)}.See(pictured(begun, newSight, newSight, newSight)).See(pictured(hoursOn(200), newSight, newSight, newSight))
	wantUnsafe(t, Judge(w, inStep, hoursOn(200)), "--switched-at")
	for hours, want := range map[int]bool{-10: true, 80: true, 120: false} {
		w = w.Say(hoursOn(hours), hoursOn(200))
		if v := Judge(w, inStep, hoursOn(200)); v.Delete.Yes != want || !v.Clock.SwitchedAt.Equal(w.Stated) {
			t.Errorf("stated to have been at %d: %+v %+v", hours, v.Clock, v.Delete)
		}
	}
}

// Where nobody looked for long the records may have been the old ones again.
func TestTheWaitBeginsAnewAfterAGap(t *testing.T) {
	for _, c := range []struct {
		name     string
		hours    int // of the look after the switch
		serial   uint32
		stated   int // hours, 0 is nothing
		statedOn int // hours
		want     int // hours of the switch
	}{
		{"two hours", 2, 2, 0, 0, 0},
		{"longer", 3, 2, 0, 0, 3},
		{"longer, another serial", 100, 3, 0, 0, 100},
		{"longer, no serial", 100, 0, 0, 0, 100},
		{"longer, the same serial, but time may not have passed", 100, 2, 0, 0, 100},
		{"longer, but somebody says when", 100, 2, 5, 100, 5},
		{"longer, and somebody says when before", 100, 2, -1, 100, -1},
		{"longer, and somebody said when before", 100, 2, -1, 0, 100},
		{"longer, and somebody said when meanwhile", 100, 2, 5, 6, 100},
	} {
		w := raising(t).See(changed(pictured(hoursOn(c.hours), newSight, newSight, newSight), c.serial))
		if c.stated != 0 {
			w = w.Say(hoursOn(c.stated), hoursOn(c.statedOn))
		}
		v := Judge(w, inStep, hoursOn(c.hours))
		anew := c.want == c.hours && c.hours > 2
		if !v.Clock.SwitchedAt.Equal(hoursOn(c.want)) || slices.Contains(codes(v), CodeLookGap) != anew || slices.Contains(codes(v), CodeStatedIgnored) != (anew && c.stated != 0) {
			t.Errorf("%s: %+v %v", c.name, v.Clock, codes(v))
		}
	}
}

// Many hosters never change the serial: then it does not tell that the records did not go
// back while nobody looked.
func TestASerialThatNeverChangesBridgesNoGap(t *testing.T) {
	w := looked(switchSeen(t), hoursOn(2)).See(pictured(hoursOn(74), newSight, newSight, newSight))
	wantUnsafe(t, Judge(w, inStep, hoursOn(74)), "until")
	if got := w.Clock().SwitchedAt; !got.Equal(hoursOn(74)) {
		t.Errorf("switched and rolled back while nobody looked, the switch counts as at %s", got)
	}
	settled := looked(switchSeen(t), hoursOn(81))
	if v := Judge(settled, inStep, hoursOn(80)); !v.Delete.Yes {
		t.Fatalf("%s %+v", v.State, v.Delete)
	}
	wantUnsafe(t, Judge(settled.See(pictured(hoursOn(100), newSight, newSight, newSight)), inStep, hoursOn(100)), "until")
}

// Once the wait is over, a serial that was raised by the switch and is the same tells that
// nothing happened in a gap.
func TestASerialThatTheSwitchRaisedBridgesAGapAfterTheWait(t *testing.T) {
	w := raising(t)
	for at := 2; at <= 80; at += 2 {
		w = w.See(changed(pictured(hoursOn(at), newSight, newSight, newSight), 2))
	}
	for serial, want := range map[uint32]bool{2: true, 3: false, 0: false} {
		if v := Judge(w.See(changed(pictured(hoursOn(100), newSight, newSight, newSight), serial)), inStep, hoursOn(100)); v.Delete.Yes != want {
			t.Errorf("with serial %d: %+v %+v", serial, v.Clock, v.Delete)
		}
	}
}

// A high TTL of the old records makes a gap worse, and does not allow a longer one.
func TestAHighTTLAllowsNoLongerGap(t *testing.T) {
	day := mx(86400, "mx.old.test")
	w := Watch{Domain: "example.test", Target: elsewhere(t)}.See(pictured(hoursOn(-1), day, day, oldSight)).See(pictured(begun, newSight, newSight, newSight)).
		See(pictured(hoursOn(25), newSight, newSight, newSight))
	if got := w.Clock().SwitchedAt; !got.Equal(hoursOn(25)) {
		t.Errorf("nobody looked for 25 hours, and the switch counts as at %s", got)
	}
}

// One look by a clock far ahead that saw the old records keeps no domain from settling.
func TestAnOldAnswerFromATimeToComeIsForgotten(t *testing.T) {
	w := switchSeen(t).See(pictured(hoursOn(40000), oldSight, oldSight, oldSight)).See(pictured(hoursOn(2), newSight, newSight, newSight))
	if clock := w.Clock(); !clock.SwitchedAt.Equal(hoursOn(2)) || !clock.SafeAt.Equal(hoursOn(3).Add(Wait)) {
		t.Errorf("%+v", clock)
	}
	wantUnsafe(t, Judge(looked(w, hoursOn(75)), inStep, hoursOn(74)), "until")
	if v := Judge(looked(w, hoursOn(77)), inStep, hoursOn(76)); !v.Delete.Yes {
		t.Errorf("%s %+v %+v", v.State, v.Clock, v.Delete)
	}
}

// A clock that is behind once does not shorten for how long caches keep the records.
func TestAClockThatWasBehindForgetsNoCache(t *testing.T) {
	week := mx(7*86400, "mx.old.test")
	w := Watch{Domain: "example.test", Target: elsewhere(t)}.See(pictured(begun, week, week, oldSight)).See(pictured(hoursOn(1), oldSight, oldSight, oldSight)).
		See(pictured(hoursOn(-200), oldSight, oldSight, oldSight)).See(pictured(hoursOn(2), newSight, newSight, newSight))
	if want := hoursOn(1 + 7*24).Add(Wait); !w.Clock().SafeAt.Equal(want) {
		t.Errorf("safe at %s, want %s", w.Clock().SafeAt, want)
	}
}

// A clock that was behind until after the switch, and was set, makes a gap in which no time
// has passed.
func TestAClockThatIsSetIsNoWait(t *testing.T) {
	w := Watch{Domain: "example.test", Target: elsewhere(t)}.See(pictured(hoursOn(-97), oldSight, oldSight, oldSight)).
		See(changed(pictured(hoursOn(-96), newSight, newSight, newSight), 2)).See(changed(pictured(begun, newSight, newSight, newSight), 2))
	wantUnsafe(t, Judge(w, inStep, begun), "until")
	if got := w.Clock().SwitchedAt; !got.Equal(begun) {
		t.Errorf("the switch counts as at %s", got)
	}
}

// A clock that runs ahead once begins no wait anew: the looks around it are close together.
func TestAClockThatRanAheadBeginsNoWaitAnew(t *testing.T) {
	for _, ahead := range []int{1, 200} {
		before := looked(switchSeen(t), hoursOn(71))
		w := before.See(pictured(hoursOn(70+ahead), newSight, newSight, newSight)).See(pictured(hoursOn(70).Add(2*mostAhead), newSight, newSight, newSight))
		if got := w.Clock(); got != before.Clock() || !got.SwitchedAt.Equal(begun) {
			t.Errorf("by %d hours: %+v", ahead, got)
		}
		if kept := w.Seen["192.0.2.1:53"]; !kept.Unheard.IsZero() || !kept.NewSince.IsZero() {
			t.Errorf("by %d hours: %+v", ahead, kept)
		}
	}
}

// Nor does it undo that the wait began anew before.
func TestAClockThatRanAheadKeepsTheGapBefore(t *testing.T) {
	gap := switchSeen(t).See(pictured(hoursOn(10), newSight, newSight, newSight))
	w := gap.See(pictured(hoursOn(300), newSight, newSight, newSight)).See(pictured(hoursOn(10).Add(2*mostAhead), newSight, newSight, newSight))
	if got := w.Clock(); !got.SwitchedAt.Equal(hoursOn(10)) || got != gap.Clock() {
		t.Errorf("%+v", got)
	}
	w = gap.See(pictured(hoursOn(300), newSight, newSight, newSight)).See(pictured(hoursOn(20), newSight, newSight, newSight))
	if got := w.Clock().SwitchedAt; !got.Equal(hoursOn(20)) {
		t.Errorf("nobody looked for ten hours but a clock that ran ahead, and the switch counts as at %s", got)
	}
}

// A clock that ran ahead by less than a gap hides no gap that comes after.
func TestAClockThatRanAheadHidesNoGap(t *testing.T) {
	w := switchSeen(t).See(pictured(hoursOn(1), newSight, newSight, newSight)).See(pictured(begun.Add(2*time.Minute), Sight{Trouble: Silent}, newSight, newSight)).
		See(pictured(begun.Add(150*time.Minute), newSight, newSight, newSight))
	if got := w.Seen["192.0.2.1:53"].FirstNew; !got.Equal(begun.Add(150 * time.Minute)) {
		t.Errorf("nobody heard it for more than two hours, and it counts as changed at %s", got)
	}
}

// Who looks once a day settles by saying once more when the switch was.
func TestWhatIsSaidAfterTheGapsCounts(t *testing.T) {
	w := switchSeen(t).Say(begun, begun)
	for day := 1; day <= 5; day++ {
		w = w.See(pictured(hoursOn(24*day), newSight, newSight, newSight))
	}
	v := Judge(w, inStep, w.Last.At)
	wantUnsafe(t, v, "until")
	wantFinding(t, v, CodeStatedIgnored, "2026-03-01 12:00 UTC", "--switched-at 2026-03-01T12:00:00Z")
	wantFinding(t, v, CodeLookGap, "for 24 h", "--switched-at 2026-03-01T12:00:00Z")
	if v = Judge(w.Say(begun, w.Last.At), inStep, w.Last.At); !v.Delete.Yes || slices.Contains(codes(v), CodeStatedIgnored) {
		t.Errorf("said anew: %s %+v %v", v.State, v.Delete, codes(v))
	}
	kept := w.Say(begun, hoursOn(40000)).See(pictured(hoursOn(24*6), newSight, newSight, newSight)).See(pictured(hoursOn(24*7), newSight, newSight, newSight))
	wantFinding(t, Judge(kept, inStep, kept.Last.At), CodeStatedIgnored, "that was said before", "say it again")
}

// A server that is new in the zone is no switch.
func TestAServerThatIsFirstHeardLaterIsTold(t *testing.T) {
	w := looked(switchSeen(t), hoursOn(80)).See(joined(pictured(hoursOn(80), newSight, newSight, newSight)))
	v := Judge(w, inStep, hoursOn(80))
	wantUnsafe(t, v, "until")
	wantFinding(t, v, CodeServerJoined, "ns3.example.test (192.0.2.3) was first heard at 2026-03-04 20:00 UTC", "--switched-at 2026-03-01T12:00:00Z")
	if told, _ := v.sentence(CodeWaiting); !strings.Contains(told, "The wait began anew") {
		t.Error(told)
	}
	wantUnsafe(t, Judge(w.Say(begun, begun), inStep, hoursOn(80)), "until") // said before anybody knew of it
	if v = Judge(w.Say(begun, hoursOn(80)), inStep, hoursOn(80)); !v.Delete.Yes || slices.Contains(codes(v), CodeServerJoined) {
		t.Errorf("said afterwards: %s %+v %v", v.State, v.Delete, codes(v))
	}
}

// A server that gets another address goes on as it was, unless something speaks against it.
func TestAServerAtANewAddressGoesOnAsItWas(t *testing.T) {
	for _, c := range []struct {
		name   string
		before Sight // what the new address answered before
		hours  int   // since the last look
		safe   bool
	}{
		{"it was never asked", Sight{}, 1, true},
		{"nobody heard the server for long", Sight{}, 9, false},
		{"it had the old records", oldSight, 1, false},
		{"it was silent until now", Sight{Trouble: Silent}, 1, false},
	} {
		w := looked(switchSeen(t), hoursOn(78))
		look := pictured(hoursOn(78), newSight, newSight, newSight)
		if asked := c.before; asked.Trouble != NoTrouble || asked.Records != nil {
			asked.Server = Server{"ns1.example.test", "192.0.2.9:53", true}
			look.Sights = append([]Sight{asked}, look.Sights...)
		}
		w = w.See(look)
		at := hoursOn(78 + c.hours)
		look = pictured(at, newSight, newSight, newSight)
		look.Sights[0].Address = "192.0.2.9:53"
		if v := Judge(w.See(look), inStep, at); v.Delete.Yes != c.safe {
			t.Errorf("%s: %s %+v %v", c.name, v.State, v.Clock, codes(v))
		}
	}
}

// What was kept before there was a time of the last answer is judged by that of the look.
func TestAGapIsSeenInWhatWasKeptBefore(t *testing.T) {
	for hours, want := range map[int]int{1: 0, 100: 100} {
		w := switchSeen(t)
		for address, seen := range w.Seen {
			w.Seen[address] = Seen{LastOld: seen.LastOld, FirstNew: seen.FirstNew}
		}
		w = w.See(pictured(hoursOn(hours), newSight, newSight, newSight))
		if got := w.Clock().SwitchedAt; !got.Equal(hoursOn(want)) {
			t.Errorf("after %d hours the switch was at %s", hours, got)
		}
	}
}

// A server that could not be heard keeps the TTL that it answered last.
func TestTheLongestTTLOfAllServersCounts(t *testing.T) {
	w := Watch{Domain: "example.test", Target: elsewhere(t)}.See(pictured(begun, oldSight, mx(86400, "mx.old.test"), oldSight)).
		See(pictured(hoursOn(30), oldSight, Sight{Trouble: Silent}, oldSight)).See(pictured(hoursOn(31), newSight, newSight, newSight))
	if want := hoursOn(31 + 24).Add(Wait); !w.Clock().SafeAt.Equal(want) {
		t.Errorf("safe at %s, want %s", w.Clock().SafeAt, want)
	}
}

// leave has neither the zone nor its delegation name the second server any more, and gives
// the records of the zone then.
func (w *world) leave(t *testing.T) (records string) {
	t.Helper()
	const second = "example.test. 3600 IN NS ns2.example.test.\n"
	w.above.set(t, strings.Replace(referral, second, "", 1))
	return strings.Replace(delegation, second, "", 1) + newMX + goodSPF
}

// Caches may name a server still that neither the zone nor its delegation does.
func TestAServerThatLeftTheZoneIsAskedUntilItHasTheNewRecords(t *testing.T) {
	w := newWorld(t, oldMX+goodSPF)
	watch := w.watchOf(t)
	one := w.leave(t)
	w.ns1.set(t, one)
	w.resolver.set(t, one)
	step := func(hours int) Verdict {
		for w.now.Before(hoursOn(hours)) {
			w.now = earlier(w.now.Add(mostUnheard), hoursOn(hours))
			watch = watch.See(w.lookFor(t, watch))
		}
		return Judge(watch, inStep, w.now)
	}
	v := step(80)
	wantUnsafe(t, v, "Not every server")
	if says, _ := v.sentence(CodeStaleSecondary); !strings.Contains(says, "ns2.example.test (192.0.2.2)") {
		t.Errorf("%+v", v.Findings)
	}
	w.ns2.change(func() { w.ns2.authority = false })
	wantUnsafe(t, step(81), "Not every server")
	w.forbid("192.0.2.2:53")
	v = step(82)
	if len(v.Servers) != 2 || !v.Clock.SwitchedAt.Equal(hoursOn(81)) || !v.Clock.SafeAt.Equal(hoursOn(82).Add(Wait)) {
		t.Errorf("it stopped answering: %+v %+v", v.Clock, v.Servers)
	}
	if v = step(82 + 72); !v.Delete.Yes {
		t.Errorf("72 hours later: %s %+v", v.State, v.Delete)
	}
}

func TestAServerThatLeftTheZoneIsAskedNoMoreOnceItHasTheNewRecords(t *testing.T) {
	w := newWorld(t, oldMX+goodSPF)
	watch := w.watchOf(t)
	one := w.leave(t)
	for _, s := range []*nameServer{w.ns1, w.ns2, w.resolver} {
		s.set(t, one)
	}
	for _, want := range []int{3, 2} {
		look := w.lookFor(t, watch)
		if watch = watch.See(look); len(look.Sights) != want {
			t.Errorf("%d were asked, want %d", len(look.Sights), want)
		}
	}
}
