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
	mostRecords   = 20   // with one name and type
	longestText   = 4096 // bytes of a TXT record
	sideBySide    = 8    // servers asked at once
)

// Options say whom an Asker asks, and how.
type Options struct {
	// Resolvers are the addresses, with port, of resolvers. The servers of the zone are
	// found through them, the first that can tell counts, and their caches are looked at.
	// At least one is needed, and more than eight are refused.
	Resolvers []string
	// Dial connects to the servers of a zone, whose addresses strangers write; nil is
	// net.Dialer's. Resolvers, which the operator names, are not dialled with it.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Timeout is how long one answer may take; 0 is 3 s. A question without answer over
	// UDP is asked once more.
	Timeout time.Duration
	// Whole is how long one look may take; 0 is 40 s. Who was not asked by then counts as
	// not heard.
	Whole time.Duration
	// Now is the time of looks; nil is time.Now.
	Now func() time.Time
}

// Asker looks at domains. It is used by several goroutines.
type Asker struct{ options Options }

// NewAsker makes one, or says that there are too many resolvers.
func NewAsker(options Options) (*Asker, error) {
	if n := len(options.Resolvers); n > mostResolvers {
		return nil, fmt.Errorf("%d resolvers are more than %d: name fewer", n, mostResolvers)
	}
	if options.Dial == nil {
		options.Dial = (&net.Dialer{}).DialContext
	}
	if options.Timeout == 0 {
		options.Timeout = 3 * time.Second
	}
	if options.Whole == 0 {
		options.Whole = 40 * time.Second
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Asker{options}, nil
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

// Look asks all servers of the zone of a watch's domain, as its NS records or its delegation
// name them, those that were of the zone and had the old records when they were last heard,
// and all resolvers. What could not be asked is in the look; an error is that the context
// ended.
func (a *Asker) Look(ctx context.Context, w Watch) (Look, error) {
	within, done := context.WithTimeout(ctx, a.options.Whole)
	defer done()
	return a.lookWithin(within, w), ctx.Err()
}

func (a *Asker) lookWithin(ctx context.Context, w Watch) Look {
	look := Look{At: a.options.Now().UTC(), Domain: w.Domain, Sights: []Sight{}}
	look.Sights = append(look.Sights, a.servers(ctx, &look, w)...)
	zone := len(look.Sights)
	if zone > 0 {
		look.Sights = append(look.Sights, w.former(look)...)
	}
	former := len(look.Sights)
	for _, r := range a.options.Resolvers {
		look.Sights = append(look.Sights, Sight{Server: Server{Name: r, Address: r}})
	}
	room := make(chan struct{}, sideBySide)
	var asked sync.WaitGroup
	for i := range look.Sights {
		asked.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			a.see(ctx, &look.Sights[i], look.Zone, w.Domain)
		})
	}
	asked.Wait()
	answering := slices.DeleteFunc(look.Sights[zone:former:former], func(s Sight) bool { return s.stand(w.Target) == unheard })
	look.Sights = slices.Concat(look.Sights[:zone], answering, look.Sights[former:])
	a.resolveMX(ctx, &look)
	for _, s := range look.Sights {
		look.Cut = look.Cut || s.Cut
	}
	return look
}

// home is where a server of a zone is found. Without addresses, none is why.
type home struct {
	name      string
	addresses []string
	none      Trouble
}

// servers finds the zone that the domain is in, and the addresses of its servers: those of
// its NS records, and those of its delegation, which senders come by; each address once.
// Those without address have their trouble already.
func (a *Asker) servers(ctx context.Context, look *Look, w Watch) (all []Sight) {
	names, trouble := a.zoneOf(ctx, look)
	if look.Trouble = trouble; trouble != NoTrouble {
		return nil
	}
	var asked sync.WaitGroup
	asked.Go(func() { look.Delegation = a.delegation(ctx, look, w) })
	homes := a.homes(ctx, names[:min(len(names), mostServers)])
	asked.Wait()
	lacking := look.Delegation.compare(names)
	look.Cut = len(names)+len(lacking) > mostServers
	homes = append(homes, a.homes(ctx, lacking[:min(len(lacking), mostServers-len(homes))])...)
	for _, h := range homes {
		h = look.Delegation.addGlue(h)
		look.Cut = look.Cut || len(h.addresses) > mostAddresses
		for _, s := range h.sights() {
			if s.Address == "" || !slices.ContainsFunc(all, func(other Sight) bool { return other.Address == s.Address }) {
				all = append(all, s)
			}
		}
	}
	return all
}

// homes looks up where servers are.
func (a *Asker) homes(ctx context.Context, names []string) []home {
	all := make([]home, len(names))
	var asked sync.WaitGroup
	for i, name := range names {
		asked.Go(func() {
			addresses, none := a.addresses(ctx, name)
			all[i] = home{name, addresses, none}
		})
	}
	asked.Wait()
	return all
}

// sights are those to come of a server, one for each address that is asked.
func (h home) sights() (all []Sight) {
	if len(h.addresses) == 0 {
		return []Sight{{Server: Server{Name: h.name, Authoritative: true}, Trouble: h.none}}
	}
	for _, ip := range h.addresses[:min(len(h.addresses), mostAddresses)] {
		all = append(all, Sight{Server: Server{h.name, net.JoinHostPort(ip, "53"), true}})
	}
	return all
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
		if names = serversIn(answer, name); len(names) > 0 {
			look.Zone = name
			return names, NoTrouble
		}
	}
	if missing {
		return nil, Missing
	}
	return nil, Lame
}

// addresses are those of a server: of IPv6 only where it has no other, since many
// networks lead nowhere with it. Without any, none is why.
func (a *Asker) addresses(ctx context.Context, host string) (all []string, none Trouble) {
	none = Homeless
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		answer, trouble := a.resolve(ctx, host, kind)
		if trouble != NoTrouble && trouble != Missing {
			none = Silent
		}
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
	return distinct(all), none
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
	autodiscover := autodiscoverNames(domain)
	all := []question{{domain, dns.TypeTXT}, {autodiscover[0], dns.TypeCNAME}, {autodiscover[1], dns.TypeSRV}, {"_dmarc." + domain, dns.TypeTXT}}
	for _, name := range keyNames(domain) {
		all = append(all, question{name, dns.TypeCNAME})
	}
	return all
}

// see asks one server for everything. Who does not answer about MX records is asked no
// more.
func (a *Asker) see(ctx context.Context, sight *Sight, zone, domain string) {
	sight.Records = []Record{}
	if sight.Address == "" {
		return
	}
	reply, trouble := a.ask(ctx, sight.Server, domain, dns.TypeMX)
	switch trouble {
	case Lame:
		sight.take(reply, dns.TypeMX)
	case Missing:
		sight.Absent = absentFor(reply)
	}
	if trouble != NoTrouble {
		sight.Trouble = trouble
		return
	}
	sight.Cut = !sight.take(reply, dns.TypeMX)
	sight.Absent = absentFor(reply)
	if len(sight.Records) == 0 && holds(reply, dns.TypeCNAME) {
		sight.Trouble = Alias
		return
	}
	if sight.Authoritative {
		sight.Serial = a.serial(ctx, sight.Server, zone)
	}
	for _, q := range questions(domain) {
		reply, trouble := a.ask(ctx, sight.Server, q.name, q.kind)
		if trouble != NoTrouble && trouble != Missing || !sight.take(reply, q.kind) {
			sight.Unknown = append(sight.Unknown, q.name)
		}
	}
}

func holds(reply *dns.Msg, kind uint16) bool {
	return slices.ContainsFunc(reply.Answer, func(rr dns.RR) bool { return rr.Header().Rrtype == kind })
}

// absentFor is for how long a cache keeps that there is no such record (RFC 2308
// section 5), 0 when the answer does not tell.
func absentFor(reply *dns.Msg) int {
	for _, rr := range reply.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			return int(min(soa.Hdr.Ttl, soa.Minttl))
		}
	}
	return 0
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

// take keeps the records of a type that an answer has, of TXT only those that say who may
// send for the domain. whole is whether it kept all of them.
func (s *Sight) take(reply *dns.Msg, kind uint16) (whole bool) {
	taken := 0
	for _, rr := range reply.Answer {
		if rr.Header().Rrtype != kind {
			continue
		}
		r := Record{Name: plainName(rr.Header().Name), Type: dns.TypeToString[kind], TTL: lifetime(rr.Header().Ttl)}
		switch rr := rr.(type) {
		case *dns.MX:
			r.Preference, r.Value = int(rr.Preference), plainName(rr.Mx)
		case *dns.TXT:
			r.Value = strings.Join(rr.Txt, "") // RFC 7208 section 3.3
			if !isSPF(r.Value) && !isDMARC(r.Value) {
				continue
			}
			if len(r.Value) > longestText {
				return false
			}
			r.Value = migration.SafeText(r.Value)
		case *dns.CNAME:
			r.Value = plainName(rr.Target)
		case *dns.SRV:
			r.Value = plainName(rr.Target)
		}
		if taken == mostRecords {
			return false
		}
		s.Records = append(s.Records, r)
		taken++
	}
	return true
}

// lifetime reads a TTL: one with the highest bit set counts as 0 (RFC 2181 section 8).
func lifetime(ttl uint32) int {
	if ttl > 1<<31-1 {
		return 0
	}
	return int(ttl)
}

func plainName(name string) string {
	if name == "." {
		return name
	}
	return migration.SafeText(strings.ToLower(strings.TrimSuffix(name, ".")))
}
