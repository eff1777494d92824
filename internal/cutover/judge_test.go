package cutover

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// pictured is a look at two servers and one resolver.
func pictured(at time.Time, ns1, ns2, resolver Sight) Look {
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
		w.now = begun.Add(time.Duration(hours) * time.Hour)
		watch = watch.See(w.look(t))
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
		{"all are silent", pictured(at, Sight{Trouble: Silent}, Sight{Trouble: Silent}, newSight), at, Unknown},
	} {
		w := Watch{Domain: "example.test", Target: elsewhere(t)}.See(pictured(begun.Add(-time.Hour), oldSight, oldSight, oldSight)).See(pictured(begun, newSight, newSight, newSight)).See(c.last)
		if got := Judge(w, nil, c.now).State; got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// Only one combination of what the DNS says and what is known of the mailboxes is safe.
func TestOneCombinationAloneIsSafe(t *testing.T) {
	settled := begun.Add(200 * time.Hour)
	looks := map[State]Look{
		Unknown:       pictured(settled, Sight{Trouble: Silent}, Sight{Trouble: Silent}, Sight{Trouble: Silent}),
		NotPrepared:   pictured(settled, mx(86400, "mx.old.test"), oldSight, oldSight),
		ReadyToSwitch: pictured(settled, oldSight, oldSight, oldSight),
		Mixed:         pictured(settled, newSight, bothTell, newSight),
		Switching:     pictured(begun.Add(10*time.Hour), newSight, newSight, newSight),
		Settled:       pictured(settled, newSight, newSight, newSight),
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
	}
	var complete, remove []string
	for _, state := range States() {
		w := Watch{Domain: "example.test", Target: elsewhere(t)}.See(pictured(begun.Add(-time.Hour), oldSight, oldSight, oldSight)).See(pictured(begun, newSight, newSight, newSight)).See(looks[state])
		for name, mailboxes := range facts {
			v := Judge(w, mailboxes, looks[state].At)
			if v.State != state {
				t.Fatalf("%s is %s", state, v.State)
			}
			combination := fmt.Sprintf("%s, %s", state, name)
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
	slices.Sort(complete)
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
	never := Watch{Domain: "example.test", Target: elsewhere(t), Stated: hour(-100)}.See(pictured(hour(0), newSight, newSight, newSight))
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
	if want := begun.Add(24*time.Hour + Wait); !early.Clock().SafeAt.Equal(want) {
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
	target, err := Target{Kind: Office365, Tenant: "contoso.onmicrosoft.com"}.Checked()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, "example.test. 86400 IN MX 10 mx.old.test.\nexample.test. 60 IN TXT \"v=spf1 mx -all\"\n")
	v := Judge(Watch{Domain: "example.test", Target: target}.See(w.look(t)), nil, begun)
	var published []string
	for _, s := range v.Steps {
		for _, r := range s.Publish {
			published = append(published, fmt.Sprintf("%s: %s %d %s %d %s", s.Code, r.Name, r.TTL, r.Type, r.Preference, r.Value))
		}
	}
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

func TestTargetsAreChecked(t *testing.T) {
	for _, c := range []struct {
		target Target
		says   string
	}{
		{Target{Kind: "gmail"}, "not known"},
		{Target{Kind: Other}, "not named"},
		{Target{Kind: Other, MX: []string{"192.0.2.1"}}, "not a domain"},
		{Target{Kind: Other, MX: []string{"mx.example.org"}, Tenant: "contoso.onmicrosoft.com"}, "only Office 365"},
		{Target{Kind: Office365, SPF: "not a domain"}, "not a domain"},
	} {
		if _, err := c.target.Checked(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", c.target, err)
		}
	}
}
