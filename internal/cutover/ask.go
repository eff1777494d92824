package cutover

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// What is looked at of a domain, at most. Whoever runs its zone could name thousands.
const (
	mostServers   = 16 // of the zone
	mostAddresses = 3  // of one of them
	mostResolvers = 8
	mostRecords   = 20  // with one name and type
	longestValue  = 512 // bytes of a record's text that are kept
	sideBySide    = 8   // servers asked at once
)

// Options say whom an Asker asks, and how.
type Options struct {
	// Resolvers are the addresses, with port, of resolvers. The servers of the zone are
	// found through them, the first that can tell counts, and their caches are looked at.
	// At least one is needed.
	Resolvers []string
	// Dial connects to the servers of a zone, whose addresses strangers write; nil is
	// net.Dialer's. Resolvers, which the operator names, are not dialled with it.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Timeout is how long one answer may take; 0 is 3 s. A question without answer over
	// UDP is asked once more.
	Timeout time.Duration
	// Now is the time of looks; nil is time.Now.
	Now func() time.Time
}

// Asker looks at domains. It is used by several goroutines.
type Asker struct{ options Options }

// NewAsker makes one.
func NewAsker(options Options) *Asker {
	if options.Dial == nil {
		options.Dial = (&net.Dialer{}).DialContext
	}
	if options.Timeout == 0 {
		options.Timeout = 3 * time.Second
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	options.Resolvers = options.Resolvers[:min(len(options.Resolvers), mostResolvers)]
	return &Asker{options}
}

// SystemResolvers are those of a file such as /etc/resolv.conf (resolv.conf(5)).
func SystemResolvers(file string) ([]string, error) {
	config, err := dns.ClientConfigFromFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading which resolvers the system has: %w", err)
	}
	var all []string
	for _, server := range config.Servers {
		all = append(all, net.JoinHostPort(server, config.Port))
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s names no resolver", file)
	}
	return all, nil
}

// ParseResolver checks the address of a resolver, and adds port 53 where it has none.
func ParseResolver(text string) (string, error) {
	if at, err := netip.ParseAddrPort(text); err == nil && at.Port() != 0 {
		return at.String(), nil
	}
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return "", fmt.Errorf("%q is no address of a resolver: want one such as 192.0.2.53 or 192.0.2.53:5353", migration.SafeText(text))
	}
	return netip.AddrPortFrom(ip, 53).String(), nil
}

// Look asks all servers of the domain's zone and all resolvers. What could not be asked
// is in the look; an error is that the context ended.
func (a *Asker) Look(ctx context.Context, domain string) (Look, error) {
	look := Look{At: a.options.Now().UTC(), Domain: domain, Sights: []Sight{}}
	servers := a.servers(ctx, &look)
	for _, r := range a.options.Resolvers {
		servers = append(servers, Server{Name: r, Address: r})
	}
	look.Sights = make([]Sight, len(servers))
	room := make(chan struct{}, sideBySide)
	var asked sync.WaitGroup
	for i, server := range servers {
		asked.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			look.Sights[i] = a.see(ctx, server, look.Zone, domain)
		})
	}
	asked.Wait()
	a.resolveMX(ctx, &look)
	for _, s := range look.Sights {
		look.Cut = look.Cut || len(s.mx()) >= mostRecords
	}
	return look, ctx.Err()
}

// servers finds the zone that the domain is in, and the addresses of its servers.
func (a *Asker) servers(ctx context.Context, look *Look) []Server {
	names, trouble := a.zoneOf(ctx, look)
	look.Trouble = trouble
	if len(names) > mostServers {
		names, look.Cut = names[:mostServers], true
	}
	all := make([][]Server, len(names))
	var asked sync.WaitGroup
	for i, name := range names {
		asked.Go(func() {
			for _, ip := range a.addresses(ctx, name) {
				all[i] = append(all[i], Server{name, net.JoinHostPort(ip, "53"), true})
			}
			if all[i] == nil {
				all[i] = []Server{{Name: name, Authoritative: true}}
			}
		})
	}
	asked.Wait()
	return slices.Concat(all...)
}

// zoneOf goes up from the domain to the first name that has NS records. A name directly
// below the root is a registry's and never the zone of a domain.
func (a *Asker) zoneOf(ctx context.Context, look *Look) (names []string, trouble Trouble) {
	missing := false
	for name := look.Domain; strings.Contains(name, "."); _, name, _ = strings.Cut(name, ".") {
		answer, trouble := a.resolve(ctx, name, dns.TypeNS)
		if trouble != NoTrouble && trouble != Missing {
			return nil, trouble
		}
		missing = missing || trouble == Missing
		for _, rr := range answer {
			if ns, ok := rr.(*dns.NS); ok && plainName(ns.Hdr.Name) == name {
				names = append(names, plainName(ns.Ns))
			}
		}
		if len(names) > 0 {
			look.Zone = name
			slices.Sort(names)
			return slices.Compact(names), NoTrouble
		}
	}
	if missing {
		return nil, Missing
	}
	return nil, Lame
}

// addresses are those of a server: of IPv6 only where it has no other, since many
// networks lead nowhere with it.
func (a *Asker) addresses(ctx context.Context, host string) (all []string) {
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		answer, _ := a.resolve(ctx, host, kind)
		for _, rr := range answer {
			switch r := rr.(type) {
			case *dns.A:
				all = append(all, r.A.String())
			case *dns.AAAA:
				all = append(all, r.AAAA.String())
			}
		}
		if len(all) > 0 {
			break
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	return all[:min(len(all), mostAddresses)]
}

// resolve asks the resolvers in turn until one can tell.
func (a *Asker) resolve(ctx context.Context, name string, kind uint16) ([]dns.RR, Trouble) {
	worst := Silent
	for _, r := range a.options.Resolvers {
		reply, trouble := a.ask(ctx, Server{Name: r, Address: r}, name, kind)
		if trouble == NoTrouble || trouble == Missing {
			return reply.Answer, trouble
		}
		if worst == Silent {
			worst = trouble
		}
	}
	return nil, worst
}

// resolveMX looks whether the hosts of the MX records are names that mail can be sent to:
// no aliases (RFC 2181 section 10.3), and with an address.
func (a *Asker) resolveMX(ctx context.Context, look *Look) {
	var all []string
	for _, s := range look.Sights {
		for _, r := range s.mx() {
			if r.Value != "." {
				all = append(all, r.Value)
			}
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	if len(all) > mostRecords {
		all, look.Cut = all[:mostRecords], true
	}
	var mu sync.Mutex
	var asked sync.WaitGroup
	for _, host := range all {
		asked.Go(func() {
			alias, missing := a.lookAt(ctx, host)
			mu.Lock()
			defer mu.Unlock()
			if alias {
				look.Aliases = append(look.Aliases, host)
			}
			if missing {
				look.Unresolved = append(look.Unresolved, host)
			}
		})
	}
	asked.Wait()
	slices.Sort(look.Aliases)
	slices.Sort(look.Unresolved)
}

// lookAt tells of a host whether it is an alias, and whether it surely has no address.
func (a *Asker) lookAt(ctx context.Context, host string) (alias, missing bool) {
	missing = true
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		answer, trouble := a.resolve(ctx, host, kind)
		if trouble != NoTrouble && trouble != Missing {
			missing = false
		}
		for _, rr := range answer {
			switch rr.Header().Rrtype {
			case dns.TypeCNAME:
				alias = true
			case kind:
				missing = false
			}
		}
	}
	return alias, missing
}

// question is one that every server is asked.
type question struct {
	name string
	kind uint16
}

func questions(domain string) []question {
	all := []question{{domain, dns.TypeTXT}, {"autodiscover." + domain, dns.TypeCNAME}, {"_autodiscover._tcp." + domain, dns.TypeSRV}, {"_dmarc." + domain, dns.TypeTXT}}
	for _, s := range selectors {
		all = append(all, question{s + "._domainkey." + domain, dns.TypeCNAME})
	}
	return all
}

// see asks one server for everything. Who does not answer about MX records is asked no
// more.
func (a *Asker) see(ctx context.Context, server Server, zone, domain string) Sight {
	sight := Sight{Server: server, Records: []Record{}}
	if server.Address == "" {
		sight.Trouble = Silent
		return sight
	}
	reply, trouble := a.ask(ctx, server, domain, dns.TypeMX)
	if trouble != NoTrouble {
		sight.Trouble = trouble
		return sight
	}
	sight.take(reply, dns.TypeMX)
	sight.Absent = absentFor(reply)
	if len(sight.Records) == 0 && holds(reply, dns.TypeCNAME) {
		sight.Trouble = Alias
		return sight
	}
	if server.Authoritative {
		sight.Serial = a.serial(ctx, server, zone)
	}
	for _, q := range questions(domain) {
		reply, trouble := a.ask(ctx, server, q.name, q.kind)
		if trouble != NoTrouble && trouble != Missing {
			sight.Unknown = append(sight.Unknown, q.name)
			continue
		}
		sight.take(reply, q.kind)
	}
	return sight
}

func (a *Asker) serial(ctx context.Context, server Server, zone string) uint32 {
	reply, trouble := a.ask(ctx, server, zone, dns.TypeSOA)
	if trouble != NoTrouble {
		return 0
	}
	for _, rr := range reply.Answer {
		if soa, ok := rr.(*dns.SOA); ok {
			return soa.Serial
		}
	}
	return 0
}

// take keeps the records of a type that an answer has.
func (s *Sight) take(reply *dns.Msg, kind uint16) {
	taken := 0
	for _, rr := range reply.Answer {
		if rr.Header().Rrtype != kind || taken == mostRecords {
			continue
		}
		r := Record{Name: plainName(rr.Header().Name), Type: dns.TypeToString[kind], TTL: lifetime(rr.Header().Ttl)}
		switch rr := rr.(type) {
		case *dns.MX:
			r.Preference, r.Value = int(rr.Preference), plainName(rr.Mx)
		case *dns.TXT:
			r.Value = cut(strings.Join(rr.Txt, "")) // RFC 7208 section 3.3
		case *dns.CNAME:
			r.Value = plainName(rr.Target)
		case *dns.SRV:
			r.Value = plainName(rr.Target)
		}
		s.Records = append(s.Records, r)
		taken++
	}
}

// lifetime reads a TTL: one with the highest bit set counts as 0 (RFC 2181 section 8).
func lifetime(ttl uint32) int {
	if ttl > 1<<31-1 {
		return 0
	}
	return int(ttl)
}

func cut(text string) string {
	if len(text) > longestValue {
		text = text[:longestValue] + "..."
	}
	return migration.SafeText(text)
}

func plainName(name string) string {
	if name == "." {
		return name
	}
	return migration.SafeText(strings.ToLower(strings.TrimSuffix(name, ".")))
}
