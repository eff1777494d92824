package cutover

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// former adds a server of a former provider to a world, which has the old records still.
func (w *world) former(t *testing.T, address string) *nameServer {
	t.Helper()
	s := startServer(t, delegation+oldMX+goodSPF)
	s.change(func() { s.authority = true })
	w.places[address+":53"] = s.address
	return s
}

// steps looks at a world every hour until one, as a watch does.
func (w *world) steps(t *testing.T) func(hours int) Verdict {
	t.Helper()
	return w.stepsOf(t, w.watchOf(t))
}

// stepsOf goes on with a watch.
func (w *world) stepsOf(t *testing.T, watch Watch) func(hours int) Verdict {
	t.Helper()
	return func(hours int) Verdict {
		t.Helper()
		for w.now.Before(hoursOn(hours)) {
			w.now = w.now.Add(time.Hour)
			watch = watch.See(w.lookFor(t, watch))
		}
		return Judge(watch, inStep, w.now)
	}
}

// The DNS provider was changed, and the registrar still delegates to a server of the former
// one, of which the zone knows nothing: senders come by it.
func TestAServerThatOnlyTheDelegationNamesCounts(t *testing.T) {
	const ns9 = "ns9.old.test. 3600 IN A 192.0.2.9\n"
	w := newWorld(t, oldMX+goodSPF+ns9)
	step := w.steps(t)
	last := w.former(t, "192.0.2.9")
	w.above.set(t, "example.test. 3600 IN NS ns1.example.test.\nexample.test. 3600 IN NS ns9.old.test.\nns1.example.test. 3600 IN A 192.0.2.1\n")
	w.publish(t, newMX+goodSPF+ns9)
	step(1)
	v := step(90)
	wantUnsafe(t, v, "Not every server")
	wantFinding(t, v, CodeStaleSecondary, "ns9.old.test (192.0.2.9) still has the old", "delegation")
	wantFinding(t, v, CodeDelegatedOnly, "names ns9.old.test, and", "registrar")
	wantFinding(t, v, CodeZoneOnly, "name ns2.example.test, and", "registrar")
	last.set(t, delegation+newMX+goodSPF)
	if v = step(91); !v.Clock.SwitchedAt.Equal(hoursOn(91)) {
		t.Errorf("the wait begins at %s", v.Clock.SwitchedAt)
	}
	if v = step(91 + 80); !v.Delete.Yes {
		t.Errorf("all have the new records: %s %+v", v.State, v.Delete)
	}
}

// Who only the NS records of the zone name is asked as before.
func TestAServerThatOnlyTheZoneNamesCounts(t *testing.T) {
	w := newWorld(t, oldMX+goodSPF)
	step := w.steps(t)
	w.above.set(t, "example.test. 3600 IN NS ns1.example.test.\n")
	w.publish(t, newMX+goodSPF, w.ns1, w.resolver)
	wantUnsafe(t, step(90), "Not every server")
}

// The name of a server leads elsewhere since, but the delegation has its former address.
func TestAnAddressThatOnlyTheDelegationHasIsAsked(t *testing.T) {
	w := newWorld(t, oldMX+goodSPF)
	step := w.steps(t)
	w.former(t, "192.0.2.9")
	w.above.set(t, strings.Replace(referral, "192.0.2.1\n", "192.0.2.9\n", 1))
	w.publish(t, newMX+goodSPF)
	step(1)
	v := step(90)
	wantUnsafe(t, v, "Not every server")
	wantFinding(t, v, CodeStaleSecondary, "ns1.example.test (192.0.2.9) still has the old", "registrar")
	wantFinding(t, v, CodeGlueDiffers, "ns1.example.test (192.0.2.9)", "registrar")
}

// A server of the zone above that has the zone as well refers to nobody.
func TestAServerOfTheZoneAboveThatServesTheZoneCounts(t *testing.T) {
	w := newWorld(t, oldMX+goodSPF)
	step := w.steps(t)
	w.above.change(func() { w.above.cut = "" })
	w.above.set(t, delegation+oldMX+goodSPF)
	w.publish(t, newMX+goodSPF)
	step(1)
	v := step(90)
	wantUnsafe(t, v, "Not every server")
	wantFinding(t, v, CodeStaleSecondary, "a.nic.test (192.0.2.100) still has the old", "")
	if slices.Contains(codes(v), CodeDelegatedOnly) {
		t.Errorf("%+v", v.Findings)
	}
}

// Where the zone above is never heard that is told, and keeps nothing from being safe.
func TestADelegationThatIsNotHeardIsTold(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*world)
		says   string
	}{
		{"it is silent", func(w *world) { w.above.silent = true; w.asker.options.Timeout = time.Second }, "the zone above, test, do not answer in time"},
		{"it refuses", func(w *world) { w.above.rcode = dns.RcodeRefused }, "gave no usable answer"},
		{"it fails", func(w *world) { w.above.rcode = dns.RcodeServerFailure }, "could not tell (SERVFAIL)"},
		{"it knows no such zone", func(w *world) { w.above.rcode, w.above.cut = dns.RcodeNameError, "" }, "know of no such zone (NXDOMAIN)"},
		{"it delegates nothing", func(w *world) { w.above.records, w.above.cut = nil, "." }, "gave no usable answer"},
		{"it may not be asked", func(w *world) { w.forbid("192.0.2.100:53") }, "do not allow it"},
		{"nobody knows it", func(w *world) {
			w.resolver.records = slices.DeleteFunc(w.resolver.records, func(rr dns.RR) bool { return rr.Header().Name == "test." })
		}, "do not tell which zone is above"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, newMX+goodSPF)
			w.above.change(func() { w.resolver.change(func() { c.change(w) }) })
			watch := switchSeen(t)
			for w.now.Before(hoursOn(90)) {
				w.now = w.now.Add(time.Hour)
				watch = watch.See(pictured(w.now, newSight, newSight, newSight))
			}
			v := Judge(watch.See(w.lookFor(t, watch)), inStep, w.now)
			wantFinding(t, v, CodeNotCompared, c.says, "")
			if !v.Delete.Yes || len(v.Findings) != 2 {
				t.Errorf("%s %+v %+v", v.State, v.Delete, v.Findings)
			}
		})
	}
}

// What the zone above said counts until it is heard to say something else.
func TestADelegationIsKeptUntilAnotherIsHeard(t *testing.T) {
	w := newWorld(t, oldMX+goodSPF)
	w.above.set(t, referral+"example.test. 60 IN NS ns9.gone.test.\n")
	step := w.steps(t)
	w.publish(t, newMX+goodSPF)
	step(1)
	step(80)
	w.above.change(func() { w.above.rcode = dns.RcodeServerFailure })
	v := step(80 + 48)
	wantUnsafe(t, v, "Not every server")
	wantFinding(t, v, CodeServerHomeless, "ns9.gone.test", "")
	wantFinding(t, v, CodeNotCompared, "SERVFAIL", "")
	w.above.change(func() { w.above.rcode = dns.RcodeSuccess })
	w.above.set(t, referral)
	if v = step(80 + 49); !v.Delete.Yes {
		t.Errorf("it is named no more: %s %+v", v.State, v.Delete)
	}
}

// A look in which the zone was not found forgets nothing of its delegation.
func TestADelegationOutlastsALookWithoutTheZone(t *testing.T) {
	w := newWorld(t, oldMX+goodSPF)
	w.above.set(t, referral+"example.test. 60 IN NS ns9.gone.test.\n")
	step := w.steps(t)
	w.publish(t, newMX+goodSPF)
	step(1)
	wantUnsafe(t, step(80), "Not every server")
	w.resolver.change(func() { w.resolver.rcode = dns.RcodeServerFailure })
	step(81)
	w.resolver.change(func() { w.resolver.rcode = dns.RcodeSuccess })
	w.above.change(func() { w.above.rcode = dns.RcodeServerFailure })
	wantUnsafe(t, step(82), "Not every server")
}

// What was heard before there was a place for it beside the last look is not forgotten.
func TestADelegationOfAnOlderWatchIsKept(t *testing.T) {
	last := pictured(begun, oldSight, oldSight, oldSight)
	last.Delegation = &Delegation{Heard: begun, Servers: []Delegated{{Name: "ns9.gone.test"}}}
	w := Watch{Domain: "example.test", Target: elsewhere(t), Last: last}.See(Look{At: hoursOn(1), Domain: "example.test", Trouble: Failing})
	if got := w.delegated("example.test"); len(got.Servers) != 1 || !got.Heard.Equal(begun) {
		t.Errorf("%+v", got)
	}
	if got := w.delegated("other.test"); !got.Heard.IsZero() {
		t.Errorf("of another zone: %+v", got)
	}
}

// The zone above need not be the next name.
func TestTheZoneAboveIsFoundAcrossNamesWithoutZone(t *testing.T) {
	const zone = "a.b.test. 60 IN NS ns1.example.test.\na.b.test. 60 IN NS ns2.example.test.\nmail.a.b.test. 60 IN MX 10 mx.old.test.\n"
	w := newWorld(t, zone)
	w.above.change(func() { w.above.cut = "a.b.test." })
	w.above.set(t, zone+"a.b.test. 60 IN NS ns9.old.test.\n")
	look := w.lookFor(t, Watch{Domain: "mail.a.b.test"})
	if d := look.Delegation; look.Zone != "a.b.test" || d.Parent != "test" || d.Trouble != NoTrouble || !slices.Equal(d.DelegatedOnly, []string{"ns9.old.test"}) || len(d.ZoneOnly) > 0 {
		t.Errorf("%+v", look.Delegation)
	}
}

// However many servers and addresses a delegation names, few are asked and kept, and that
// there are more keeps the domain from settling.
func TestADelegationIsBounded(t *testing.T) {
	for _, line := range []string{"example.test. 60 IN NS ns%d.elsewhere.test.\n", "ns1.example.test. 60 IN A 192.0.3.%d\n"} {
		var many strings.Builder
		for i := range 100 {
			fmt.Fprintf(&many, line, i)
		}
		w := newWorld(t, newMX)
		w.above.set(t, referral+many.String())
		look := w.look(t)
		kept := 0
		for _, s := range look.Delegation.Servers {
			kept += 1 + len(s.Addresses)
		}
		if len(look.Sights) > mostServers*mostAddresses+1 || !look.Cut || kept > 2*mostServers {
			t.Errorf("%d are asked, %d are kept, cut: %v", len(look.Sights), kept, look.Cut)
		}
	}
}
