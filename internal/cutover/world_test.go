package cutover

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// nameServer is a DNS server on loopback, over UDP and TCP, that answers from records in
// the form of a zone file. It knows nothing of what is tested.
type nameServer struct {
	address string // of both

	mu        sync.Mutex
	records   []dns.RR
	authority bool // answers with authority
	silent    bool // answers nothing
	rcode     int  // answers this to everything
	bogus     bool // SERVFAIL unless told not to check signatures
	short     bool // answers over UDP are cut, without records
	noEDNS    bool // FORMERR to who speaks EDNS
	overTCP   int  // how many questions came over TCP
	serial    uint32
	negative  uint32 // TTL and minimum of the SOA
	cut       string // the zone that it delegates: it refers to the servers of that
}

func startServer(t *testing.T, zone string) *nameServer {
	t.Helper()
	s := &nameServer{serial: 1, negative: 300}
	s.set(t, zone)
	var stream net.Listener
	var packets net.PacketConn
	var err error
	for range 20 { // the same port for both
		if stream, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		if packets, err = net.ListenPacket("udp", stream.Addr().String()); err == nil {
			break
		}
		stream.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	s.address = stream.Addr().String()
	for _, server := range []*dns.Server{{Listener: stream, Handler: s.handler(true)}, {PacketConn: packets, Handler: s.handler(false)}} {
		started := make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		go func() { _ = server.ActivateAndServe() }()
		<-started
		t.Cleanup(func() { _ = server.Shutdown() })
	}
	return s
}

// set replaces the records.
func (s *nameServer) set(t *testing.T, zone string) {
	t.Helper()
	parser := dns.NewZoneParser(strings.NewReader(zone), ".", "")
	var records []dns.RR
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		records = append(records, rr)
	}
	if err := parser.Err(); err != nil {
		t.Fatal(err)
	}
	s.change(func() { s.records = records })
}

func (s *nameServer) change(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *nameServer) handler(tcp bool) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if tcp {
			s.overTCP++
		}
		if s.silent {
			return
		}
		m := new(dns.Msg).SetReply(q)
		m.Authoritative = s.authority
		switch {
		case s.noEDNS && q.IsEdns0() != nil:
			m.Rcode = dns.RcodeFormatError
		case s.rcode != 0:
			m.Rcode = s.rcode
		case s.bogus && !q.CheckingDisabled:
			m.Rcode = dns.RcodeServerFailure
		case s.short && !tcp:
			m.Truncated = true
		default:
			s.fill(m, q.Question[0])
		}
		if !tcp {
			size := dns.MinMsgSize
			if opt := q.IsEdns0(); opt != nil {
				size = int(opt.UDPSize())
			}
			m.Truncate(size)
		}
		_ = w.WriteMsg(m)
	}
}

func (s *nameServer) fill(m *dns.Msg, q dns.Question) {
	if s.cut != "" && dns.IsSubDomain(s.cut, q.Name) {
		s.refer(m)
		return
	}
	name, known := strings.ToLower(q.Name), false
	for _, rr := range s.records {
		h := rr.Header()
		same := strings.EqualFold(h.Name, name)
		known = known || same || strings.HasSuffix(strings.ToLower(h.Name), "."+name)
		if same && (h.Rrtype == q.Qtype || h.Rrtype == dns.TypeCNAME) {
			m.Answer = append(m.Answer, rr)
		}
	}
	soa := &dns.SOA{Hdr: dns.RR_Header{Name: "example.test.", Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: s.negative}, Ns: "ns1.example.test.", Mbox: "root.example.test.", Serial: s.serial, Minttl: s.negative}
	switch {
	case q.Qtype == dns.TypeSOA && name == "example.test.":
		m.Answer = append(m.Answer, soa)
	case len(m.Answer) == 0:
		m.Ns = append(m.Ns, soa)
		if !known {
			m.Rcode = dns.RcodeNameError
		}
	}
}

// refer answers with whom the zone below has as servers, and every address there is.
func (s *nameServer) refer(m *dns.Msg) {
	m.Authoritative = false
	for _, rr := range s.records {
		switch rr.(type) {
		case *dns.NS:
			if strings.EqualFold(rr.Header().Name, s.cut) {
				m.Ns = append(m.Ns, rr)
			}
		case *dns.A, *dns.AAAA:
			m.Extra = append(m.Extra, rr)
		}
	}
}

// world is a domain example.test with two servers, the zone above with one, which delegates
// to the two, and one resolver.
type world struct {
	ns1, ns2, above, resolver *nameServer
	places                    map[string]string // where addresses of servers are in truth
	asker                     *Asker
	now                       time.Time
}

const delegation = `
example.test. 3600 IN NS ns1.example.test.
example.test. 3600 IN NS ns2.example.test.
ns1.example.test. 3600 IN A 192.0.2.1
ns2.example.test. 3600 IN A 192.0.2.2
test. 3600 IN NS a.nic.test.
a.nic.test. 3600 IN A 192.0.2.100
mx.old.test. 3600 IN A 192.0.2.10
mx.new.test. 3600 IN A 192.0.2.20
mx2.new.test. 3600 IN A 192.0.2.21
example-test.mail.protection.outlook.com. 60 IN A 192.0.2.30
`

// referral is what the zone above has of the domain.
const referral = `
example.test. 3600 IN NS ns1.example.test.
example.test. 3600 IN NS ns2.example.test.
ns1.example.test. 3600 IN A 192.0.2.1
ns2.example.test. 3600 IN A 192.0.2.2
`

const (
	oldMX = "example.test. 3600 IN MX 10 mx.old.test.\n"
	newMX = "example.test. 3600 IN MX 10 mx.new.test.\n"
)

// begun is the time at which every world begins.
var begun = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// newWorld has all answer the same records.
func newWorld(t *testing.T, records string) *world {
	t.Helper()
	w := &world{ns1: startServer(t, delegation+records), ns2: startServer(t, delegation+records), resolver: startServer(t, delegation+records), now: begun,
		above: startServer(t, referral)}
	for _, s := range []*nameServer{w.ns1, w.ns2, w.above} {
		s.change(func() { s.authority = true })
	}
	w.above.change(func() { w.above.cut = "example.test." })
	w.places = map[string]string{"192.0.2.1:53": w.ns1.address, "192.0.2.2:53": w.ns2.address, "192.0.2.100:53": w.above.address}
	var err error
	w.asker, err = NewAsker(Options{Resolvers: []string{w.resolver.address}, Timeout: 10 * time.Second, Now: func() time.Time { return w.now },
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, w.places[address])
		}})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// publish has every server, or those given, answer records from now on.
func (w *world) publish(t *testing.T, records string, servers ...*nameServer) {
	t.Helper()
	if servers == nil {
		servers = []*nameServer{w.ns1, w.ns2, w.resolver}
	}
	for _, s := range servers {
		s.set(t, delegation+records)
	}
}

func (w *world) look(t *testing.T) Look {
	t.Helper()
	return w.lookFor(t, Watch{Domain: "example.test"})
}

// lookFor looks for a watch that has seen something.
func (w *world) lookFor(t *testing.T, watch Watch) Look {
	t.Helper()
	look, err := w.asker.Look(t.Context(), watch)
	if err != nil {
		t.Fatal(err)
	}
	return look
}

// watchOf is a watch of the world's domain that has looked once.
func (w *world) watchOf(t *testing.T) Watch {
	t.Helper()
	return Watch{Domain: "example.test", Target: elsewhere(t)}.See(w.look(t))
}

// elsewhere is a target that is no Office 365.
func elsewhere(t *testing.T) Target {
	t.Helper()
	target, flaws := Target{Kind: Other, MX: []string{"mx.new.test", "mx2.new.test"}, SPF: "spf.new.test"}.Checked()
	if len(flaws) > 0 {
		t.Fatal(flaws)
	}
	return target
}
