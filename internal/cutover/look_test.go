package cutover

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// goodSPF keeps findings about SPF out of the tables.
const goodSPF = "example.test. 3600 IN TXT \"v=spf1 include:spf.new.test -all\"\n_dmarc.example.test. 300 IN TXT \"v=DMARC1; p=none\"\n"

// Each trouble of the DNS has its own code, sentence and advice.
func TestEachTroubleHasItsFinding(t *testing.T) {
	for _, c := range []struct {
		name    string
		records string
		change  func(*world)
		state   State
		code    Code
		says    string // part of the sentence
		advises string // part of the advice
	}{
		{"high TTL", "example.test. 86400 IN MX 10 mx.old.test.\n", nil, NotPrepared, CodeTTLHigh, "for 24 h", "3600 seconds or less"},
		{"low TTL", oldMX, nil, ReadyToSwitch, CodeReady, "no cache keeps them longer than 60 min", "when every mailbox"},
		{"mixed", newMX + "example.test. 3600 IN MX 100 mx.old.test.\n", nil, Mixed, CodeMXMixed, "mx.old.test", "a high preference does not keep"},
		{"stale secondary", newMX, func(w *world) { w.publishOld(w.ns2) }, Switching, CodeStaleSecondary, "ns2.example.test (192.0.2.2) still has the old", "NOTIFY"},
		{"no such domain", "", func(w *world) { w.each(func(s *nameServer) { s.rcode = dns.RcodeNameError }) }, Unknown, CodeDomainMissing, "NXDOMAIN", "registered"},
		{"the zone's servers know no such domain", oldMX, func(w *world) { w.ns1.rcode, w.ns2.rcode = dns.RcodeNameError, dns.RcodeNameError }, Unknown, CodeDomainMissing, "NXDOMAIN", "registered"},
		{"resolver fails", oldMX, func(w *world) { w.resolver.rcode = dns.RcodeServerFailure }, Unknown, CodeLookupFailing, "SERVFAIL", "delegation"},
		{"signatures are wrong", newMX, func(w *world) { w.resolver.bogus = true }, Unknown, CodeDNSSECBogus, "DNSSEC is broken", "DS record"},
		{"resolver is silent", oldMX, func(w *world) { w.resolver.silent = true }, Unknown, CodeLookupTimeout, "No resolver answers", "--dns"},
		{"resolver refuses", oldMX, func(w *world) { w.resolver.rcode = dns.RcodeRefused }, Unknown, CodeNoZone, "no usable answer", "--dns"},
		{"server fails", newMX, func(w *world) { w.ns2.rcode = dns.RcodeServerFailure }, Switching, CodeServerFailing, "ns2.example.test (192.0.2.2) could not tell (SERVFAIL)", "expired"},
		{"server without authority", oldMX, func(w *world) { w.ns2.authority = false }, ReadyToSwitch, CodeServerLame, "ns2.example.test (192.0.2.2) is named", "delegation"},
		{"server refuses", oldMX, func(w *world) { w.ns1.rcode = dns.RcodeRefused }, ReadyToSwitch, CodeServerLame, "lame delegation", "registrar"},
		{"server is silent", newMX, func(w *world) { w.ns2.silent = true }, Switching, CodeServerTimeout, "ns2.example.test (192.0.2.2) does not answer in time", "port 53"},
		{"server talks nonsense", oldMX, func(w *world) { w.ns2.rcode = dns.RcodeYXDomain }, ReadyToSwitch, CodeServerGarbled, "cannot be understood", "other mail systems"},
		{"no MX", goodSPF, nil, ReadyToSwitch, CodeNoMX, "no MX record", "when you switch"},
		{"null MX", "example.test. 3600 IN MX 0 .\n", nil, ReadyToSwitch, CodeNullMX, "takes no mail", "Replace the record"},
		{"MX is an alias", "example.test. 3600 IN MX 10 also.new.test.\nalso.new.test. 60 IN CNAME mx.new.test.\n", nil, ReadyToSwitch, CodeMXAlias, "also.new.test, which is an alias", "Name the host"},
		{"MX without address", "example.test. 3600 IN MX 10 gone.old.test.\n", nil, ReadyToSwitch, CodeMXUnresolved, "gone.old.test, which has no address", "spelling"},
		{"domain is an alias", "example.test. 60 IN CNAME other.test.\n", nil, Unknown, CodeDomainAlias, "alias of another domain", "Look at"},
		{"resolver keeps the old", newMX, func(w *world) { w.publishOld(w.resolver) }, Switching, CodeCacheOld, "still answers the old MX records, for 60 min more", "Wait"},
		{"other serial", oldMX, func(w *world) { w.ns1.serial = 7 }, ReadyToSwitch, CodeSerialDiffers, "ns2.example.test (192.0.2.2) (1), the newest serial is 7", "transfer"},
		{"no SPF", oldMX, nil, ReadyToSwitch, CodeSPFMissing, "no SPF record", "v=spf1 include:spf.new.test -all"},
		{"SPF twice", oldMX + goodSPF + "example.test. 60 IN TXT \"v=spf1 -all\"\n", nil, ReadyToSwitch, CodeSPFTwice, "2 SPF records", "Make one"},
		{"SPF lacks", oldMX + "example.test. 60 IN TXT \"v=spf1 mx -all\"\n", nil, ReadyToSwitch, CodeSPFLacks, "does not include spf.new.test", "include:spf.new.test"},
		{"no DMARC", oldMX, nil, ReadyToSwitch, CodeDMARC, "no DMARC record", "p=none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, c.records)
			if c.change != nil {
				c.change(w)
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
			at := slices.IndexFunc(v.Findings, func(f Finding) bool { return f.Code == c.code })
			if at < 0 {
				t.Fatalf("no finding %s: %+v", c.code, v.Findings)
			}
			f := v.Findings[at]
			if !strings.Contains(f.Sentence, c.says) || !strings.Contains(f.Advice, c.advises) {
				t.Errorf("%q, %q\nwant %q, %q", f.Sentence, f.Advice, c.says, c.advises)
			}
			if v.Complete.Yes || v.Delete.Yes || len(v.Complete.Reasons) == 0 {
				t.Errorf("safe though nobody knows about the mailboxes: %+v", v.Complete)
			}
		})
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
	var many strings.Builder
	for i := range 15 {
		fmt.Fprintf(&many, "example.test. 60 IN TXT \"%d %s\"\n", i, strings.Repeat("x", 200))
	}
	w := newWorld(t, oldMX+many.String())
	w.ns1.change(func() { w.ns1.short = true })
	look := w.look(t)
	if s := look.Sights[0]; len(s.mx()) != 1 || len(s.at("TXT", "example.test")) != 15 {
		t.Errorf("%+v", s)
	}
	if w.ns1.askedOverTCP() == 0 {
		t.Error("nobody asked over TCP")
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
	look, err := w.asker.Look(t.Context(), "mail.example.test")
	if err != nil || look.Zone != "example.test" || len(look.Sights[0].mx()) != 1 {
		t.Errorf("%+v, %v", look, err)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	var many strings.Builder
	for i := range 500 {
		fmt.Fprintf(&many, "example.test. 60 IN MX %d mx%d.old.test.\n", i, i)
	}
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

func TestALookEndsWithItsContext(t *testing.T) {
	w := newWorld(t, oldMX)
	w.each(func(s *nameServer) { s.silent = true })
	w.asker.options.Timeout = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := w.asker.Look(ctx, "example.test"); err == nil {
		t.Error("no error")
	}
}

func (s *nameServer) askedOverTCP() (n int) {
	s.change(func() { n = s.overTCP })
	return n
}
