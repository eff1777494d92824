package cutover

import (
	"context"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// goodSPF keeps findings about SPF out of the tables.
const goodSPF = "example.test. 3600 IN TXT \"v=spf1 include:spf.new.test -all\"\n_dmarc.example.test. 300 IN TXT \"v=DMARC1; p=none\"\n"

// trouble is one of the DNS, and what is found of it.
type trouble struct {
	name    string
	records string
	change  func(*testing.T, *world)
	state   State
	code    Code
	says    string // part of the sentence
	advises string // part of the advice
}

func troubles() []trouble {
	return []trouble{
		{"high TTL", "example.test. 86400 IN MX 10 mx.old.test.\n", nil, NotPrepared, CodeTTLHigh, "for 24 h", "3600 seconds or less"},
		{"low TTL", oldMX, nil, ReadyToSwitch, CodeReady, "no cache keeps them longer than 60 min", "when every mailbox"},
		{"mixed", newMX + "example.test. 3600 IN MX 100 mx.old.test.\n", nil, Mixed, CodeMXMixed, "mx.old.test", "a high preference does not keep"},
		{"stale secondary", newMX, func(_ *testing.T, w *world) { w.publishOld(w.ns2) }, Switching, CodeStaleSecondary, "ns2.example.test (192.0.2.2) still has the old", "NOTIFY"},
		{"no such domain", "", func(_ *testing.T, w *world) { w.each(func(s *nameServer) { s.rcode = dns.RcodeNameError }) }, Unknown, CodeDomainMissing, "NXDOMAIN", "registered"},
		{"the zone's servers know no such domain", oldMX, func(_ *testing.T, w *world) { w.ns1.rcode, w.ns2.rcode = dns.RcodeNameError, dns.RcodeNameError }, Unknown, CodeDomainMissing, "NXDOMAIN", "registered"},
		{"resolver fails", oldMX, func(_ *testing.T, w *world) { w.resolver.rcode = dns.RcodeServerFailure }, Unknown, CodeLookupFailing, "SERVFAIL", "delegation"},
		{"signatures are wrong", newMX, func(_ *testing.T, w *world) { w.resolver.bogus = true }, Unknown, CodeDNSSECBogus, "DNSSEC is broken", "DS record"},
		{"resolver is silent", oldMX, func(_ *testing.T, w *world) { w.resolver.silent = true }, Unknown, CodeLookupTimeout, "No resolver answers", "--dns"},
		{"resolver refuses", oldMX, func(_ *testing.T, w *world) { w.resolver.rcode = dns.RcodeRefused }, Unknown, CodeNoZone, "no usable answer", "--dns"},
		{"server fails", newMX, func(_ *testing.T, w *world) { w.ns2.rcode = dns.RcodeServerFailure }, Switching, CodeServerFailing, "ns2.example.test (192.0.2.2) could not tell (SERVFAIL)", "expired"},
		{"server without authority", oldMX, func(_ *testing.T, w *world) { w.ns2.authority = false }, ReadyToSwitch, CodeServerLame, "ns2.example.test (192.0.2.2) is named", "delegation"},
		{"server refuses", oldMX, func(_ *testing.T, w *world) { w.ns1.rcode = dns.RcodeRefused }, ReadyToSwitch, CodeServerLame, "lame delegation", "registrar"},
		{"server is silent", newMX, func(_ *testing.T, w *world) { w.ns2.silent = true }, Switching, CodeServerTimeout, "ns2.example.test (192.0.2.2) does not answer in time", "port 53"},
		{"server talks nonsense", oldMX, func(_ *testing.T, w *world) { w.ns2.rcode = dns.RcodeYXDomain }, ReadyToSwitch, CodeServerGarbled, "cannot be understood", "other mail systems"},
		{"no MX", goodSPF, nil, ReadyToSwitch, CodeNoMX, "no MX record", "when you switch"},
		{"null MX", "example.test. 3600 IN MX 0 .\n", nil, ReadyToSwitch, CodeNullMX, "takes no mail", "Replace the record"},
		{"MX is an alias", "example.test. 3600 IN MX 10 also.new.test.\nalso.new.test. 60 IN CNAME mx.new.test.\n", nil, ReadyToSwitch, CodeMXAlias, "also.new.test, which is an alias", "Name the host"},
		{"MX without address", "example.test. 3600 IN MX 10 gone.old.test.\n", nil, ReadyToSwitch, CodeMXUnresolved, "gone.old.test, which has no address", "spelling"},
		{"domain is an alias", "example.test. 60 IN CNAME other.test.\n", nil, Unknown, CodeDomainAlias, "alias of another domain", "Look at"},
		{"resolver keeps the old", newMX, func(_ *testing.T, w *world) { w.publishOld(w.resolver) }, Switching, CodeCacheOld, "still answers the old MX records, for 60 min more", "Wait"},
		{"other serial", oldMX, func(_ *testing.T, w *world) { w.ns1.serial = 7 }, ReadyToSwitch, CodeSerialDiffers, "ns2.example.test (192.0.2.2) (1), the newest serial is 7", "transfer"},
		{"no SPF", oldMX, nil, ReadyToSwitch, CodeSPFMissing, "no SPF record", "v=spf1 include:spf.new.test -all"},
		{"SPF twice", oldMX + goodSPF + "example.test. 60 IN TXT \"v=spf1 -all\"\n", nil, ReadyToSwitch, CodeSPFTwice, "2 SPF records", "Make one"},
		{"SPF lacks", oldMX + "example.test. 60 IN TXT \"v=spf1 mx -all\"\n", nil, ReadyToSwitch, CodeSPFLacks, "does not include spf.new.test", "include:spf.new.test"},
		{"no DMARC", oldMX, nil, ReadyToSwitch, CodeDMARC, "no DMARC record", "p=none"},
		{"server may not be asked", oldMX, func(_ *testing.T, w *world) { w.forbid("192.0.2.2:53") }, ReadyToSwitch, CodeServerRefused, "ns2.example.test (192.0.2.2) was not asked", "public addresses"},
		{"server without address", oldMX + "example.test. 60 IN NS ns9.gone.test.\n", nil, ReadyToSwitch, CodeServerHomeless, "ns9.gone.test is named as a server of the zone, but has no address", "spelling"},
		{"another resolver refuses", oldMX, func(t *testing.T, w *world) {
			deaf := startServer(t, "")
			deaf.change(func() { deaf.rcode = dns.RcodeRefused })
			w.asker.options.Resolvers = append(w.asker.options.Resolvers, deaf.address)
		}, ReadyToSwitch, CodeResolver, "refuses to answer", "leave it out"},
		{"a server with four addresses", oldMX + fourAddresses, nil, ReadyToSwitch, CodeTooMany, "or a server with more addresses", "those that are needed"},
		{"server without authority has the old", newMX, func(_ *testing.T, w *world) {
			w.publishOld(w.ns2)
			w.each(func(s *nameServer) { s.authority = s == w.ns1 })
		}, Switching, CodeStaleSecondary, "ns2.example.test (192.0.2.2) still has the old", "NOTIFY"},
		{"only the delegation names a server", oldMX, func(t *testing.T, w *world) {
			w.above.set(t, referral+"example.test. 60 IN NS ns9.old.test.\n")
		}, ReadyToSwitch, CodeDelegatedOnly, "The delegation of example.test names ns9.old.test, and the NS records of the zone do not", "former provider"},
		{"only the zone names a server", oldMX, func(t *testing.T, w *world) {
			w.above.set(t, "example.test. 60 IN NS ns1.example.test.\n")
		}, ReadyToSwitch, CodeZoneOnly, "name ns2.example.test, and its delegation does not", "to the delegation at the registrar"},
		{"the delegation has another address", oldMX, func(t *testing.T, w *world) {
			w.above.set(t, referral+"ns1.example.test. 60 IN A 192.0.2.9\n")
		}, ReadyToSwitch, CodeGlueDiffers, "its name does not have: ns1.example.test (192.0.2.9)", "at the registrar"},
		{"the zone above does not tell", oldMX, func(_ *testing.T, w *world) {
			w.above.change(func() { w.above.rcode = dns.RcodeRefused })
		}, ReadyToSwitch, CodeNotCompared, "the servers of the zone above, test, gave no usable answer", "look at the registrar yourself"},
		{"21 MX records", manyMX(21), nil, ReadyToSwitch, CodeTooMany, "more servers or MX records", "those that are needed"},
	}
}

// fourAddresses are those of a server that the world does not reach beside the first.
const fourAddresses = "ns1.example.test. 60 IN A 192.0.2.5\nns1.example.test. 60 IN A 192.0.2.6\nns1.example.test. 60 IN A 192.0.2.7\n"

// Each trouble of the DNS has its own code, sentence and advice.
func TestEachTroubleHasItsFinding(t *testing.T) {
	for _, c := range troubles() {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, c.records)
			if c.change != nil {
				c.change(t, w)
				w.each(func(s *nameServer) { // the servers see it, too
					if s.silent {
						w.asker.options.Timeout = time.Second
					}
				})
			}
			v := Judge(w.watchOf(t), nil, w.now)
			if v.State != c.state {
				t.Errorf("the state is %s, want %s", v.State, c.state)
			}
			wantFinding(t, v, c.code, c.says, c.advises)
			if v.Complete.Yes || v.Delete.Yes || len(v.Complete.Reasons) == 0 {
				t.Errorf("safe though nobody knows about the mailboxes: %+v", v.Complete)
			}
		})
	}
}

// wantFinding wants one finding of the code that says this.
func wantFinding(t *testing.T, v Verdict, code Code, says, advises string) {
	t.Helper()
	at := slices.IndexFunc(v.Findings, func(f Finding) bool { return f.Code == code })
	if at < 0 {
		t.Fatalf("no finding %s: %+v", code, v.Findings)
	}
	f := v.Findings[at]
	if !strings.Contains(f.Sentence, says) || !strings.Contains(f.Advice, advises) {
		t.Errorf("%q, %q\nwant %q, %q", f.Sentence, f.Advice, says, advises)
	}
}

func manyMX(n int) string {
	var many strings.Builder
	for i := range n {
		fmt.Fprintf(&many, "example.test. 60 IN MX %d mx%d.old.test.\n", i, i)
	}
	return many.String()
}

// forbid has the settings not allow an address.
func (w *world) forbid(forbidden string) {
	dial := w.asker.options.Dial
	w.asker.options.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if address == forbidden {
			return nil, &migration.Fault{Code: migration.CodePolicy}
		}
		return dial(ctx, network, address)
	}
}

// remembered is a watch at a time, and what is found of it.
type remembered struct {
	name    string
	watch   Watch
	now     time.Time
	gone    []string
	code    Code
	says    string
	advises string
}

func memories(t *testing.T) []remembered {
	hour := func(n int) time.Time { return begun.Add(time.Duration(n) * time.Hour) }
	fresh := Watch{Domain: "example.test", Target: elsewhere(t)}
	seen := fresh.See(pictured(begun, oldSight, oldSight, oldSight)).See(pictured(hour(1), newSight, newSight, newSight))
	stated, atOffice := seen, fresh.Retarget(office(t))
	stated.Stated = hour(-9)
	old := seen.Say(begun.Add(30*time.Minute), hour(1))
	return []remembered{
		{"the TTL was lowered", fresh.See(pictured(begun, mx(86400, "mx.old.test"), oldSight, oldSight)).See(pictured(hour(1), oldSight, oldSight, oldSight)), hour(1), nil, CodeTTLLowered, "until 2026-03-02 13:00 UTC", "only after that"},
		{"the switch was not seen", fresh.See(pictured(begun, newSight, newSight, newSight)), begun, nil, CodeSwitchUnseen, "were never seen", ""},
		{"nobody knows of a switch", fresh.See(pictured(begun, newSight, newSight, newSight)), begun, nil, CodeSwitchUnstated, "Nobody saw the MX records of example.test change", "watch example.test --switched-at"},
		{"a clock ran ahead", seen, begun, nil, CodeLookAhead, "dated 60 min ahead of the clock", "Set the clocks"},
		{"nobody looked for long", seen.See(changed(pictured(hour(50), newSight, newSight, newSight), 2)), hour(50), nil, CodeLookGap, "Until 2026-03-03 14:00 UTC nobody had heard a server of the zone for 49 h", "--switched-at 2026-03-01T13:00:00Z"},
		{"the wait began anew", seen.See(pictured(hour(50), newSight, newSight, newSight)), hour(50), nil, CodeWaiting, "The wait began anew 0 s ago", ""},
		{"what is stated is too old", old.See(pictured(hour(50), newSight, newSight, newSight)), hour(50), nil, CodeStatedIgnored, "said before ns1.example.test (192.0.2.1) was heard at 2026-03-03 14:00 UTC", "--switched-at 2026-03-01T12:30:00Z"},
		{"a server came later", seen.See(joined(pictured(hour(2), newSight, newSight, newSight))), hour(2), nil, CodeServerJoined, "ns3.example.test (192.0.2.3) was first heard at 2026-03-01 14:00 UTC, when other servers", "--switched-at 2026-03-01T13:00:00Z"},
		{"a resolver went silent with the old", fresh.See(pictured(begun, oldSight, oldSight, mx(7200, "mx.old.test"))).See(pictured(hour(1), newSight, newSight, Sight{Trouble: Silent})), hour(1), nil, CodeCacheHeld, "198.51.100.1 answered the old MX records, or none, and may keep that until 2026-03-01 14:00 UTC", "see to it that it answers"},
		{"no resolver answers", fresh.See(pictured(begun, oldSight, oldSight, Sight{Trouble: Silent})).See(pictured(hour(1), newSight, newSight, Sight{Trouble: Silent})), hour(1), nil, CodeCachesUnheard, "the wait is longer by 60 min", "mailhaul serve --dns"},
		{"something else is stated", stated, hour(1), nil, CodeContradicted, "stated to have been at 2026-03-01 03:00 UTC", "Correct the time"},
		{"nobody has looked for long", seen, hour(4), nil, CodeLookOld, "The last look was 3 h ago", "mailhaul cutover check example.test"},
		{"the wait goes on", seen, hour(1), nil, CodeWaiting, "until 2026-03-04 14:00 UTC", "Keep the old system"},
		{"the wait is over", looked(seen, hour(99)).See(pictured(hour(99), newSight, newSight, newSight)), hour(99), nil, CodeWaitOver, "4 days ago, and the wait is over", "once more"},
		{"autodiscover leads elsewhere", atOffice.See(pictured(begun, oldSight, oldSight, oldSight)), begun, nil, CodeAutodiscover, "autodiscover.example.test does not lead to autodiscover.outlook.com", "alias"},
		{"no key", atOffice.See(pictured(begun, oldSight, oldSight, oldSight)), begun, nil, CodeDKIM, "selector1._domainkey.example.test does not lead to Office 365", "Defender portal"},
		{"a batch was deleted", seen, hour(1), []string{"pilot"}, CodeBatchGone, "The batch pilot was deleted", "--batch"},
	}
}

// What is remembered has findings, too.
func TestEachMemoryHasItsFinding(t *testing.T) {
	for _, c := range memories(t) {
		t.Run(c.name, func(t *testing.T) {
			wantFinding(t, Judge(c.watch, &Mailboxes{Gone: c.gone}, c.now), c.code, c.says, c.advises)
		})
	}
}

// The tables above have each code of a finding, and so has the page for people.
func TestEachCodeIsFound(t *testing.T) {
	found := map[string]bool{}
	for _, c := range troubles() {
		found[string(c.code)] = true
	}
	for _, c := range memories(t) {
		found[string(c.code)] = true
	}
	source, err := os.ReadFile("finding.go")
	if err != nil {
		t.Fatal(err)
	}
	constants := regexp.MustCompile(`(?m)^\tCode\w+ +Code = "([^"]+)"$`).FindAllStringSubmatch(string(source), -1)
	if len(constants) < len(found) {
		t.Fatalf("%d codes are found, and %d known", len(found), len(constants))
	}
	page, err := os.ReadFile("../../docs/cutover.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range constants {
		if !found[c[1]] {
			t.Errorf("nothing tests the finding %s", c[1])
		}
		if !strings.Contains(string(page), "`"+c[1]+"`") {
			t.Errorf("docs/cutover.md does not tell of %s", c[1])
		}
	}
}

func (w *world) each(change func(*nameServer)) {
	for _, s := range []*nameServer{w.ns1, w.ns2, w.resolver} {
		s.change(func() { change(s) })
	}
}

func (w *world) publishOld(s *nameServer) {
	rr, err := dns.NewRR(oldMX)
	if err != nil {
		panic(err)
	}
	s.change(func() {
		s.records = append(slices.DeleteFunc(slices.Clone(s.records), func(r dns.RR) bool { return r.Header().Rrtype == dns.TypeMX }), rr)
	})
}

// A healthy domain has no finding but the one that says what is next.
func TestAHealthyDomainHasNothingToPutRight(t *testing.T) {
	v := Judge(newWorld(t, oldMX+goodSPF).watchOf(t), nil, begun)
	if len(v.Findings) != 1 || v.Findings[0].Code != CodeReady {
		t.Errorf("%+v", v.Findings)
	}
}

func TestEachServerOfTheZoneIsAskedItself(t *testing.T) {
	w := newWorld(t, "example.test. 1800 IN MX 20 mx.b.test.\nexample.test. 1800 IN MX 10 mx.a.test.\nautodiscover.example.test. 60 IN CNAME mail.old.test.\n")
	look := w.look(t)
	if look.Zone != "example.test" || len(look.Sights) != 3 {
		t.Fatalf("%+v", look)
	}
	for i, name := range []string{"ns1.example.test", "ns2.example.test", w.resolver.address} {
		s := look.Sights[i]
		if s.Name != name || s.Authoritative != (i < 2) || s.Trouble != NoTrouble {
			t.Errorf("server %d is %+v", i, s)
		}
		if mx := s.mx(); len(mx) != 2 || mx[0] != (Record{Name: "example.test", Type: "MX", Preference: 10, Value: "mx.a.test", TTL: 1800}) {
			t.Errorf("%s: %+v", name, mx)
		}
		if alias := s.at("CNAME", "autodiscover.example.test"); len(alias) != 1 || alias[0].Value != "mail.old.test" {
			t.Errorf("%s: %+v", name, alias)
		}
	}
}

func TestAnAnswerTooLongForUDPIsReadOverTCP(t *testing.T) {
	w := newWorld(t, oldMX+goodSPF+verifications(40))
	w.ns1.change(func() { w.ns1.short = true })
	look := w.look(t)
	if s := look.Sights[0]; len(s.mx()) != 1 || len(spfOf(s, "example.test")) != 1 {
		t.Errorf("%+v", s)
	}
	if w.ns1.askedOverTCP() == 0 {
		t.Error("nobody asked over TCP")
	}
}

// verifications are the texts by which a domain proves to others whose it is.
func verifications(n int) string {
	var many strings.Builder
	for i := range n {
		fmt.Fprintf(&many, "example.test. 60 IN TXT \"verification %d %s\"\n", i, strings.Repeat("x", 200))
	}
	return many.String()
}

// Of texts only those that say who may send are kept, whole however long they are; one
// that is too long is not known.
func TestTheSPFRecordIsKeptWholeAmongOtherTexts(t *testing.T) {
	long := func(n int) (text string) {
		for range n {
			text += `" ` + strings.Repeat("ip4:192.0.2.1 ", 16) + `" `
		}
		return "example.test. 60 IN TXT \"v=spf1\" " + text + "\" -all\"\n"
	}
	w := newWorld(t, oldMX+verifications(40)+long(4))
	s := w.look(t).Sights[0]
	if texts := s.at("TXT", "example.test"); len(texts) != 1 || !strings.HasSuffix(texts[0].Value, " -all") || len(texts[0].Value) < 800 || len(s.Unknown) > 0 {
		t.Errorf("%+v", s)
	}
	w.publish(t, oldMX+long(20))
	if s = w.look(t).Sights[0]; len(s.at("TXT", "example.test")) != 0 || !slices.Equal(s.Unknown, []string{"example.test"}) {
		t.Errorf("%+v", s)
	}
}

func TestMoreResolversThanAreAskedAreRefused(t *testing.T) {
	nine := strings.Split(strings.Repeat("192.0.2.53:53 ", 9), " ")[:9]
	if _, err := NewAsker(Options{Resolvers: nine[:8]}); err != nil {
		t.Error(err)
	}
	if _, err := NewAsker(Options{Resolvers: nine}); err == nil || !strings.Contains(err.Error(), "9 resolvers are more than 8") {
		t.Errorf("nine: %v", err)
	}
}

// A look takes a bounded time as a whole; who was not reached is not heard, and what was
// told before that stays.
func TestALookIsBoundedAsAWhole(t *testing.T) {
	w := newWorld(t, newMX)
	w.ns2.change(func() { w.ns2.silent = true })
	w.asker.options.Timeout, w.asker.options.Whole = time.Hour, 3*time.Second
	look := w.look(t)
	if len(look.Sights) != 3 || len(look.Sights[0].mx()) != 1 || look.Sights[1].Trouble != Silent || len(look.Sights[2].mx()) != 1 {
		t.Errorf("%+v", look)
	}
}

func TestAServerThatKnowsNoEDNSIsAskedWithout(t *testing.T) {
	w := newWorld(t, oldMX)
	w.ns1.change(func() { w.ns1.noEDNS = true })
	if s := w.look(t).Sights[0]; len(s.mx()) != 1 {
		t.Errorf("%+v", s)
	}
}

func TestADomainBelowAZoneIsFoundInIt(t *testing.T) {
	w := newWorld(t, "mail.example.test. 60 IN MX 10 mx.old.test.\n")
	look, err := w.asker.Look(t.Context(), Watch{Domain: "mail.example.test"})
	if err != nil || look.Zone != "example.test" || len(look.Sights[0].mx()) != 1 {
		t.Errorf("%+v, %v", look, err)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	var many strings.Builder
	many.WriteString(manyMX(500))
	for i := range 40 {
		fmt.Fprintf(&many, "example.test. 60 IN NS ns%d.elsewhere.test.\nns%d.elsewhere.test. 60 IN A 192.0.2.1\n", i, i)
	}
	w := newWorld(t, many.String())
	look := w.look(t)
	if len(look.Sights) > mostServers*mostAddresses+1 || !look.Cut {
		t.Errorf("%d servers, cut: %v", len(look.Sights), look.Cut)
	}
	for _, s := range look.Sights {
		if len(s.mx()) > mostRecords {
			t.Errorf("%d records", len(s.mx()))
		}
	}
}

func TestTwentyRecordsAreAllLookedAt(t *testing.T) {
	if look := newWorld(t, manyMX(20)).look(t); look.Cut || len(look.Sights[0].mx()) != 20 {
		t.Errorf("%d records, cut: %v", len(look.Sights[0].mx()), look.Cut)
	}
}

func TestALookEndsWithItsContext(t *testing.T) {
	w := newWorld(t, oldMX)
	w.each(func(s *nameServer) { s.silent = true })
	w.asker.options.Timeout = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := w.asker.Look(ctx, Watch{Domain: "example.test"}); err == nil {
		t.Error("no error")
	}
}

func (s *nameServer) askedOverTCP() (n int) {
	s.change(func() { n = s.overTCP })
	return n
}
