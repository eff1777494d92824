package cutover

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// pictured is a look at two servers and one resolver. The serial of the zone is always 1.
func pictured(at time.Time, ns1, ns2, resolver Sight) Look {
	ns1.Serial, ns2.Serial = 1, 1
	ns1.Server = Server{"ns1.example.test", "192.0.2.1:53", true}
	ns2.Server = Server{"ns2.example.test", "192.0.2.2:53", true}
	resolver.Server = Server{"198.51.100.1:53", "198.51.100.1:53", false}
	return Look{At: at, Domain: "example.test", Zone: "example.test", Sights: []Sight{ns1, ns2, resolver}}
}

func mx(ttl int, hosts ...string) (s Sight) {
	for i, h := range hosts {
		s.Records = append(s.Records, Record{Name: "example.test", Type: "MX", Preference: 10 * i, Value: h, TTL: ttl})
	}
	return s
}

var (
	oldSight = mx(3600, "mx.old.test")
	newSight = mx(3600, "mx.new.test")
	bothTell = mx(3600, "mx.new.test", "mx.old.test")
)

func codes(v Verdict) (all []Code) {
	for _, f := range v.Findings {
		all = append(all, f.Code)
	}
	return all
}

// A switch as it should be, told hour by hour.
func TestTheClockRunsFromTheLastServer(t *testing.T) {
	w := newWorld(t, oldMX+goodSPF)
	watch := w.watchOf(t)
	step := func(hours int) Verdict {
		for w.now.Before(hoursOn(hours)) {
			w.now = earlier(w.now.Add(mostUnheard), hoursOn(hours))
			watch = watch.See(w.look(t))
		}
		return Judge(watch, nil, w.now)
	}
	w.publish(t, newMX+goodSPF, w.ns1)
	if v := step(1); v.State != Switching || !v.Clock.SafeAt.IsZero() || !slices.Contains(codes(v), CodeStaleSecondary) {
		t.Errorf("one server moved: %s %+v %v", v.State, v.Clock, codes(v))
	}
	w.publish(t, newMX+goodSPF)
	v := step(2)
	if want := begun.Add(2 * time.Hour); !v.Clock.SwitchedAt.Equal(want) || !v.Clock.SafeAt.Equal(want.Add(time.Hour+Wait)) {
		t.Errorf("the clock is %+v", v.Clock)
	}
	v = step(12)
	if v.State != Switching || len(v.Findings) != 1 || v.Findings[0].Code != CodeWaiting || !strings.Contains(v.Findings[0].Sentence, "moved 10 h ago. Mail may still arrive at the old system until 2026-03-04 15:00 UTC") {
		t.Errorf("moved 10 h ago: %s %+v", v.State, v.Findings)
	}
	if v = step(74); v.State != Switching {
		t.Errorf("an hour before the end: %s", v.State)
	}
	v = step(82)
	if v.State != Settled || len(v.Findings) != 1 || v.Findings[0].Code != CodeWaitOver || !strings.Contains(v.Findings[0].Sentence, "moved 80 h ago, and the wait is over") {
		t.Errorf("moved 80 h ago: %s %+v", v.State, v.Findings)
	}
	w.publish(t, oldMX+goodSPF, w.ns2)
	if v = step(83); v.State != Switching || !v.Clock.SwitchedAt.IsZero() {
		t.Errorf("a server went back: %s %+v", v.State, v.Clock)
	}
	w.publish(t, newMX+goodSPF, w.ns2)
	if v = step(84); v.State != Switching || !v.Clock.SwitchedAt.Equal(begun.Add(84*time.Hour)) {
		t.Errorf("and came again: %s %+v", v.State, v.Clock)
	}
}

// What keeps a domain from having settled although the time is over.
func TestTimeAloneSettlesNothing(t *testing.T) {
	at := begun.Add(200 * time.Hour)
	for _, c := range []struct {
		name string
		last Look
		now  time.Time
		want State
	}{
		{"all as it should be", pictured(at, newSight, newSight, newSight), at, Settled},
		{"a server is silent", pictured(at, newSight, Sight{Trouble: Silent}, newSight), at, Switching},
		{"a server fails", pictured(at, newSight, Sight{Trouble: Failing}, newSight), at, Switching},
		{"a server is not of the zone at all", pictured(at, newSight, Sight{Trouble: Lame}, newSight), at, Settled},
		{"a server has the old too", pictured(at, newSight, bothTell, newSight), at, Mixed},
		{"a resolver has the old", pictured(at, newSight, newSight, oldSight), at, Switching},
		{"a resolver finds wrong signatures", pictured(at, newSight, newSight, Sight{Trouble: Bogus}), at, Switching},
		{"a resolver is silent", pictured(at, newSight, newSight, Sight{Trouble: Silent}), at, Settled},
		{"nobody has looked for long", pictured(at, newSight, newSight, newSight), at.Add(2 * time.Hour), Switching},
		{"nobody has looked since the wait was over", pictured(begun.Add(70*time.Hour), newSight, newSight, newSight), begun.Add(90 * time.Hour), Switching},
		{"not all could be looked at", cutShort(pictured(at, newSight, newSight, newSight)), at, Switching},
		{"all are silent", pictured(at, Sight{Trouble: Silent}, Sight{Trouble: Silent}, newSight), at, Unknown},
	} {
		w := Watch{Domain: "example.test", Target: elsewhere(t)}.See(pictured(begun.Add(-time.Hour), oldSight, oldSight, oldSight)).See(pictured(begun, newSight, newSight, newSight))
		w = looked(w, c.last.At).See(c.last)
		if got := Judge(w, nil, c.now).State; got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func cutShort(l Look) Look {
	l.Cut = true
	return l
}

// A server that had the old records may refuse mailhaul alone: it is not known to serve nobody.
func TestAServerThatHadTheOldRecordsAndRefusesHolds(t *testing.T) {
	w := switchSeen(t).See(pictured(hoursOn(1), newSight, oldSight, newSight))
	for hour := 2; hour <= 90; hour++ {
		w = w.See(pictured(hoursOn(hour), newSight, Sight{Trouble: Lame}, newSight))
	}
	v := Judge(w, inStep, hoursOn(90))
	wantUnsafe(t, v, "Not every server")
	wantFinding(t, v, CodeServerLame, "ns2.example.test (192.0.2.2) had the old MX records when it was last heard", "Take it out of the NS records")
	if v = Judge(w.See(pictured(hoursOn(91), newSight, newSight, newSight)), inStep, hoursOn(91)); !v.Clock.SwitchedAt.Equal(hoursOn(91)) {
		t.Errorf("it answers the new records: %+v", v.Clock)
	}
	w = w.See(only(pictured(hoursOn(91), newSight, newSight, newSight), "ns1.example.test"))
	if v = Judge(w, inStep, hoursOn(91)); !v.Delete.Yes {
		t.Errorf("nobody names it any more: %s %+v", v.State, v.Delete)
	}
}

// only is a look at a zone that has one server.
func only(l Look, name string) Look {
	l.Sights = slices.DeleteFunc(l.Sights, func(s Sight) bool { return s.Authoritative && s.Name != name })
	return l
}

// Only one combination of what the DNS says and what is known of the mailboxes is safe.
func TestOneCombinationAloneIsSafe(t *testing.T) {
	settled := begun.Add(200 * time.Hour)
	moving := Watch{Domain: "example.test", Target: elsewhere(t)}.See(pictured(begun.Add(-time.Hour), oldSight, oldSight, oldSight)).See(pictured(begun, newSight, newSight, newSight))
	waited := looked(moving, settled)
	histories := map[string]struct {
		state State
		watch Watch
	}{
		"unknown":            {Unknown, waited.See(pictured(settled, Sight{Trouble: Silent}, Sight{Trouble: Silent}, Sight{Trouble: Silent}))},
		"not prepared":       {NotPrepared, waited.See(pictured(settled, mx(86400, "mx.old.test"), oldSight, oldSight))},
		"ready":              {ReadyToSwitch, waited.See(pictured(settled, oldSight, oldSight, oldSight))},
		"mixed":              {Mixed, waited.See(pictured(settled, newSight, bothTell, newSight))},
		"waiting":            {Switching, looked(moving, begun.Add(10*time.Hour))},
		"a gap":              {Switching, moving.See(pictured(settled, newSight, newSight, newSight))},
		"said before a gap":  {Switching, moving.Say(begun, begun).See(pictured(settled, newSight, newSight, newSight))},
		"a later server":     {Switching, waited.See(joined(pictured(settled, newSight, newSight, newSight)))},
		"a cache that kept":  {Switching, waited.See(pictured(settled, newSight, newSight, oldSight)).See(pictured(settled.Add(time.Minute), newSight, newSight, Sight{Trouble: Silent}))},
		"a silent resolver":  {Settled, waited.See(pictured(settled, newSight, newSight, Sight{Trouble: Silent}))},
		"said after the gap": {Settled, moving.See(pictured(settled, newSight, newSight, newSight)).Say(begun, settled)},
		"settled":            {Settled, waited.See(pictured(settled, newSight, newSight, newSight))},
	}
	facts := map[string]*Mailboxes{
		"not known":                  nil,
		"none":                       {},
		"never synchronised":         {Total: 3},
		"one never synchronised":     {Total: 3, Synced: 2, SyncedAfterSwitch: 2, SyncedAfterWait: 2},
		"before the switch":          {Total: 3, Synced: 3},
		"some after the switch":      {Total: 3, Synced: 3, SyncedAfterSwitch: 2},
		"all after the switch":       {Total: 3, Synced: 3, SyncedAfterSwitch: 3},
		"all, and some once it ends": {Total: 3, Synced: 3, SyncedAfterSwitch: 3, SyncedAfterWait: 2},
		"all after the wait":         {Total: 3, Synced: 3, SyncedAfterSwitch: 3, SyncedAfterWait: 3},
		"one lacks mail":             {Total: 3, Synced: 3, SyncedAfterSwitch: 2, SyncedAfterWait: 2, Lacking: 1},
		"all lack mail":              {Total: 3, Synced: 3, Lacking: 3},
	}
	var complete, remove []string
	for history, h := range histories {
		for name, mailboxes := range facts {
			v := Judge(h.watch, mailboxes, h.watch.Last.At)
			if v.State != h.state {
				t.Fatalf("%s is %s", history, v.State)
			}
			combination := fmt.Sprintf("%s, %s", h.state, name)
			if v.Complete.Yes {
				complete = append(complete, combination)
			}
			if v.Delete.Yes {
				remove = append(remove, combination)
			}
			if v.Complete.Yes == (len(v.Complete.Reasons) > 0) || v.Delete.Yes == (len(v.Delete.Reasons) > 0) {
				t.Errorf("%s: reasons do not fit: %+v %+v", combination, v.Complete, v.Delete)
			}
		}
	}
	complete, remove = distinct(complete), distinct(remove)
	if want := []string{"settled, all after the switch", "settled, all after the wait", "settled, all, and some once it ends"}; !slices.Equal(complete, want) {
		t.Errorf("completing is safe with %q", complete)
	}
	if want := []string{"settled, all after the wait"}; !slices.Equal(remove, want) {
		t.Errorf("deleting is safe with %q", remove)
	}
}

// What an operator says of the switch counts only where nothing else was seen.
func TestWhatWasSeenWinsOverWhatIsStated(t *testing.T) {
	hour := func(n int) time.Time { return begun.Add(time.Duration(n) * time.Hour) }
	for _, c := range []struct {
		name         string
		stated, want time.Time
		contradicted bool
	}{
		{"nothing", time.Time{}, hour(10), false},
		{"between what was seen", hour(5), hour(5), false},
		{"at what was seen", hour(10), hour(10), false},
		{"before the old records were seen", hour(-1), hour(10), true},
		{"after the new records were seen", hour(11), hour(10), true},
	} {
		w := Watch{Domain: "example.test", Target: elsewhere(t), Stated: c.stated}.See(pictured(hour(0), oldSight, oldSight, oldSight)).See(pictured(hour(10), newSight, newSight, newSight))
		clock := w.Clock()
		if !clock.SwitchedAt.Equal(c.want) || clock.Contradicted != c.contradicted {
			t.Errorf("%s: %+v, want %s", c.name, clock, c.want)
		}
	}
	never := Watch{Domain: "example.test", Target: elsewhere(t)}.Say(hour(-100), hour(0)).See(pictured(hour(0), newSight, newSight, newSight))
	if clock := never.Clock(); !clock.SwitchedAt.Equal(hour(-100)) || !clock.Assumed || !clock.SafeAt.Equal(hour(-100).Add(24*time.Hour+Wait)) {
		t.Errorf("a switch that nobody saw: %+v", clock)
	}
}

// A TTL that was lowered shortly before the switch does not shorten what caches hold.
func TestALoweredTTLCountsOnceTheFormerHasRunOut(t *testing.T) {
	watch := Watch{Domain: "example.test", Target: elsewhere(t)}.See(pictured(begun, mx(86400, "mx.old.test"), mx(86400, "mx.old.test"), oldSight))
	watch = watch.See(pictured(begun.Add(time.Hour), oldSight, oldSight, oldSight))
	if v := Judge(watch, nil, begun.Add(time.Hour)); v.State != NotPrepared || !slices.Contains(codes(v), CodeTTLLowered) {
		t.Errorf("an hour after: %s %v", v.State, codes(v))
	}
	early := watch.See(pictured(begun.Add(2*time.Hour), newSight, newSight, newSight))
	if want := begun.Add(25*time.Hour + Wait); !early.Clock().SafeAt.Equal(want) {
		t.Errorf("safe at %s, want %s", early.Clock().SafeAt, want)
	}
	watch = watch.See(pictured(begun.Add(24*time.Hour), oldSight, oldSight, oldSight))
	if v := Judge(watch, nil, begun.Add(24*time.Hour)); v.State != ReadyToSwitch {
		t.Errorf("a day after: %s", v.State)
	}
}

func TestAWatchIsTheSameAfterBeingKept(t *testing.T) {
	w := Watch{Domain: "example.test", Target: elsewhere(t)}.See(pictured(begun, oldSight, newSight, oldSight))
	text, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	var again Watch
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	now := begun.Add(time.Minute)
	if a, b := fmt.Sprintf("%+v", Judge(w, nil, now)), fmt.Sprintf("%+v", Judge(again, nil, now)); a != b {
		t.Errorf("%s\n%s", a, b)
	}
}

func TestOfficeTakesMailAtAnyOfItsHosts(t *testing.T) {
	for _, c := range []struct {
		kind Kind
		host string
		want bool
	}{
		{Office365, "contoso-com.mail.protection.outlook.com", true},
		{Office365, "contoso-com.o-v1.mx.microsoft", true},
		{Office365, "mail.protection.outlook.com.example.org", false},
		{Office365, "evilmail.protection.outlook.com", false},
		{Office365, "contoso-com.mail.protection.partner.outlook.cn", false},
		{Office365China, "contoso-cn.mail.protection.partner.outlook.cn", true},
		{Office365China, "contoso-com.mail.protection.outlook.com", false},
	} {
		if got := (Target{Kind: c.kind}).Takes(c.host); got != c.want {
			t.Errorf("%s at %s: %v", c.host, c.kind, got)
		}
	}
}

func TestThePlanHasTheRecordsToPublish(t *testing.T) {
	w := newWorld(t, "example.test. 86400 IN MX 10 mx.old.test.\nexample.test. 60 IN TXT \"v=spf1 mx -all\"\n")
	v := Judge(Watch{Domain: "example.test", Target: office(t)}.See(w.look(t)), nil, begun)
	published := toPublish(v)
	want := []string{
		"lower-ttl: example.test 3600 MX 10 mx.old.test",
		"other-records: example.test 3600 TXT 0 v=spf1 include:spf.protection.outlook.com mx -all",
		"other-records: selector1._domainkey.example.test 3600 CNAME 0 selector1-example-test._domainkey.contoso.onmicrosoft.com",
		"other-records: selector2._domainkey.example.test 3600 CNAME 0 selector2-example-test._domainkey.contoso.onmicrosoft.com",
		"other-records: autodiscover.example.test 3600 CNAME 0 autodiscover.outlook.com",
		"move-mx: example.test 3600 MX 0 example-test.mail.protection.outlook.com",
	}
	if !slices.Equal(published, want) {
		t.Errorf("%s", strings.Join(published, "\n"))
	}
}

// toPublish are the records of the plan, each with its step.
func toPublish(v Verdict) (published []string) {
	for _, s := range v.Steps {
		for _, r := range s.Publish {
			published = append(published, fmt.Sprintf("%s: %s %d %s %d %s", s.Code, r.Name, r.TTL, r.Type, r.Preference, r.Value))
		}
	}
	return published
}

func office(t *testing.T) Target {
	t.Helper()
	target, flaws := Target{Kind: Office365, Tenant: "contoso.onmicrosoft.com"}.Checked()
	if len(flaws) > 0 {
		t.Fatal(flaws)
	}
	return target
}

// Of what could not be asked nothing is found, nothing is proposed that would replace it,
// and nothing is done.
func TestWhatCouldNotBeAskedIsNotJudged(t *testing.T) {
	all := append([]string{"example.test"}, append(autodiscoverNames("example.test"), keyNames("example.test")...)...)
	for i, name := range all {
		deaf := newSight
		deaf.Unknown = []string{name}
		v := Judge(Watch{Domain: "example.test", Target: office(t)}.See(pictured(begun, deaf, deaf, deaf)), nil, begun)
		code := []Code{CodeSPFMissing, CodeAutodiscover, CodeAutodiscover, CodeDKIM, CodeDKIM}[i]
		if slices.Contains(codes(v), code) {
			t.Errorf("without an answer about %s there is %s", name, code)
		}
		proposed := slices.ContainsFunc(toPublish(v), func(line string) bool { return strings.Contains(line, "v=spf1") })
		if proposed == (name == "example.test") {
			t.Errorf("without an answer about %s: %q", name, toPublish(v))
		}
	}
	healthy := newSight
	for _, r := range slices.Concat(office(t).newSPF("example.test", nil), office(t).newDKIM("example.test"), office(t).newAutodiscover("example.test")) {
		healthy.Records = append(slices.Clone(healthy.Records), r)
	}
	for _, unknown := range append(all, "") {
		deaf := healthy
		deaf.Unknown = []string{unknown}
		v := Judge(Watch{Domain: "example.test", Target: office(t)}.See(pictured(begun, deaf, deaf, deaf)), nil, begun)
		if v.Steps[2].Code != "other-records" || v.Steps[2].Done != (unknown == "") {
			t.Errorf("without an answer about %q the step is done: %v", unknown, v.Steps[2].Done)
		}
		v = Judge(Watch{Domain: "example.test", Target: office(t)}.See(pictured(begun, deaf, healthy, deaf)), nil, begun)
		if !v.Steps[2].Done {
			t.Errorf("another server told about %q, but the step is not done", unknown)
		}
	}
}

// An SPF record that would leave out what one of several says is not proposed.
func TestOfTwoSPFRecordsNoneIsProposed(t *testing.T) {
	twice := newSight
	for _, text := range []string{"v=spf1 mx -all", "V=SPF1 a -all"} {
		twice.Records = append(slices.Clone(twice.Records), Record{Name: "example.test", Type: "TXT", Value: text})
	}
	v := Judge(Watch{Domain: "example.test", Target: elsewhere(t)}.See(pictured(begun, twice, twice, twice)), nil, begun)
	for _, line := range toPublish(v) {
		if strings.Contains(line, "TXT") {
			t.Error(line)
		}
	}
}

// What was seen stays as long as the new target takes mail at the same hosts; else what was
// stated goes, too.
func TestATargetWithTheSameHostsKeepsWhatWasSeen(t *testing.T) {
	w := Watch{Domain: "example.test", Target: elsewhere(t), Stated: begun}.See(pictured(begun, oldSight, oldSight, oldSight)).See(pictured(begun.Add(time.Hour), newSight, newSight, newSight)).See(pictured(begun.Add(9*time.Hour), newSight, newSight, newSight))
	same := w.Target
	same.SPF, same.Autodiscover, same.MX = "spf.other.test", "mail.new.test", []string{"mx2.new.test", "mx.new.test"}
	if got := w.Retarget(same); got.Clock() != w.Clock() || got.Target.SPF != "spf.other.test" || got.OldTTL != 3600 {
		t.Errorf("%+v", got.Clock())
	}
	other := w.Target
	other.MX = []string{"mx.new.test"}
	if got := w.Retarget(other); got.Seen["192.0.2.1:53"].FirstNew != begun.Add(9*time.Hour) || got.CachedUntil != w.CachedUntil || !got.Stated.IsZero() {
		t.Errorf("%+v", got)
	}
}

// A server that left the zone with a high TTL, or has another address, has caches keep that until
// it runs out, and no longer.
func TestTheTTLOfAServerThatLeftRunsOut(t *testing.T) {
	moves := func(l Look) Look {
		l.Sights[1].Address = "192.0.2.9:53"
		return l
	}
	left := func(l Look) Look { return only(l, "ns1.example.test") }
	day, low := mx(86400, "mx.old.test"), mx(300, "mx.old.test")
	for name, change := range map[string]func(Look) Look{"it left": left, "it has another address": moves} {
		w := Watch{Domain: "example.test", Target: elsewhere(t)}.See(pictured(begun, day, day, oldSight))
		for hour := 1; hour <= 24; hour++ {
			w = w.See(change(pictured(hoursOn(hour), low, low, oldSight)))
			if v := Judge(w, nil, w.Last.At); (v.State == ReadyToSwitch) != (hour == 24) || hour < 24 && !slices.Contains(codes(v), CodeTTLLowered) {
				t.Errorf("%s, after %d hours: %s %v", name, hour, v.State, codes(v))
			}
		}
		w = w.See(change(pictured(hoursOn(25), newSight, newSight, newSight)))
		if want := hoursOn(25).Add(300*time.Second + Wait); !w.Clock().SafeAt.Equal(want) {
			t.Errorf("%s: safe at %s, want %s", name, w.Clock().SafeAt, want)
		}
	}
}

// While a cache may hold the records with a former TTL, that is what is told.
func TestReadySaysHowLongCachesKeepTheRecords(t *testing.T) {
	w := Watch{Domain: "example.test", Target: elsewhere(t)}.See(pictured(begun, mx(86400, "mx.old.test"), oldSight, oldSight)).
		See(pictured(begun.Add(15*time.Minute), mx(300, "mx.old.test"), mx(300, "mx.old.test"), oldSight)).
		See(pictured(begun.Add(23*time.Hour+45*time.Minute), mx(300, "mx.old.test"), mx(300, "mx.old.test"), oldSight))
	v := Judge(w, nil, w.Last.At)
	if says, _ := v.sentence(CodeReady); v.State != ReadyToSwitch || !strings.Contains(says, "longer than 30 min") {
		t.Errorf("%s: %s", v.State, says)
	}
}

func TestTheMailboxesThatAreNotNamedAreCounted(t *testing.T) {
	ten := make([]Behind, 10)
	for _, c := range []struct {
		m    Mailboxes
		want int
	}{
		{Mailboxes{Total: 50, SyncedAfterSwitch: 30, SyncedAfterWait: 5, Behind: ten}, 10},
		{Mailboxes{Total: 50, SyncedAfterSwitch: 50, SyncedAfterWait: 5, Behind: ten}, 35},
		{Mailboxes{Total: 50, SyncedAfterSwitch: 50, SyncedAfterWait: 50}, 0},
	} {
		if got := c.m.Unnamed(); got != c.want {
			t.Errorf("%+v: %d", c.m, got)
		}
	}
}

func TestTargetsAreChecked(t *testing.T) {
	for _, c := range []struct {
		target      Target
		field, says string
	}{
		{Target{Kind: "gmail"}, "kind", "not known"},
		{Target{Kind: Other}, "mx", "not named"},
		{Target{Kind: Other, MX: []string{"192.0.2.1"}}, "mx", "not a domain"},
		{Target{Kind: Other, MX: []string{""}}, "mx", "not a domain"},
		{Target{Kind: Other, MX: []string{"mx.example.org"}, Tenant: "contoso.onmicrosoft.com"}, "tenant", "only Office 365"},
		{Target{Kind: Office365, SPF: "not a domain"}, "spf", "not a domain"},
		{Target{Kind: Office365, MX: strings.Split(strings.Repeat("mx.example.org ", 11), " ")[:11]}, "mx", "more than 10"},
	} {
		if _, flaws := c.target.Checked(); len(flaws) != 1 || flaws[0].Field != c.field || !strings.Contains(flaws[0].Text, c.says) {
			t.Errorf("%+v: %v", c.target, flaws)
		}
	}
	if _, flaws := (Target{Kind: Other, SPF: "no", Autodiscover: "no", Tenant: "no"}).Checked(); len(flaws) != 5 {
		t.Errorf("not all that is wrong is told: %v", flaws)
	}
}
