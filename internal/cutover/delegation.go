package cutover

import (
	"cmp"
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// What the zone above is asked, at most.
const (
	mostParents = 4 // servers of it, each at one address
	mostLabels  = 8 // names at which it is looked for
)

// Delegation is what the servers of the zone above say of the servers of a domain's zone.
// Senders come by it, whatever the NS records of the zone itself are.
type Delegation struct {
	Parent string `json:"parent,omitempty"` // the zone above
	// Trouble is why it was not heard in this look.
	Trouble Trouble `json:"trouble,omitempty"`
	// Heard is when it was, and Servers whom it named then.
	Heard   time.Time   `json:"heard,omitzero"`
	Servers []Delegated `json:"servers,omitempty"`
	// DelegatedOnly and ZoneOnly are servers that only one of the two names, and OldGlue
	// those with an address that their name has no more.
	DelegatedOnly []string `json:"delegatedOnly,omitempty"`
	ZoneOnly      []string `json:"zoneOnly,omitempty"`
	OldGlue       []Server `json:"oldGlue,omitempty"`
}

// Delegated is a server that the zone above names, with the addresses told along (glue).
type Delegated struct {
	Name      string   `json:"name"`
	Addresses []string `json:"addresses,omitempty"`
	// Above: nobody names it, but it serves the zone above and this one as well, and so
	// answers senders itself.
	Above bool `json:"above,omitempty"`
}

// delegation asks the zone above whom it names as the servers of the zone of a look, within
// a part of the time that the look has. Where it is not heard, what it said last counts.
func (a *Asker) delegation(ctx context.Context, look *Look, w Watch) *Delegation {
	ctx, done := context.WithTimeout(ctx, a.options.Whole/3)
	defer done()
	d := &Delegation{}
	var parents []string
	if d.Parent, parents, d.Trouble = a.above(ctx, look.Zone); d.Trouble == NoTrouble {
		d.Servers, d.Trouble = a.referral(ctx, parents, look.Zone)
	}
	if d.Trouble == NoTrouble {
		d.Heard = look.At
	} else {
		known := w.delegated(look.Zone)
		d.Heard, d.Servers = known.Heard, known.Servers
	}
	return d
}

// delegated is what the zone above said of a zone when it was last heard: in the last look, or
// before where that did not get so far. Senders come by it until it is heard to say otherwise.
func (w Watch) delegated(zone string) Delegation {
	if d := w.Last.Delegation; w.Last.Zone == zone && d != nil && !d.Heard.IsZero() {
		return *d
	}
	return w.Delegations[zone]
}

// keepDelegation remembers it beyond the last look.
func (w *Watch) keepDelegation() {
	if d := w.delegated(w.Last.Zone); !d.Heard.IsZero() {
		w.Delegations = copied(w.Delegations)
		w.Delegations[w.Last.Zone] = Delegation{Heard: d.Heard, Servers: d.Servers}
	}
}

// above finds the zone that a zone is delegated from, and its servers: the next name
// upwards that has NS records. It may be the root.
func (a *Asker) above(ctx context.Context, zone string) (parent string, servers []string, trouble Trouble) {
	for range mostLabels {
		_, zone, _ = strings.Cut(zone, ".")
		zone = cmp.Or(zone, ".")
		answer, trouble := a.resolve(ctx, zone, dns.TypeNS)
		if trouble != NoTrouble && trouble != Missing {
			return "", nil, trouble
		}
		if servers = serversIn(answer, zone); len(servers) > 0 {
			return zone, servers, NoTrouble
		}
		if zone == "." {
			break
		}
	}
	return "", nil, Lame
}

// serversIn are those that the NS records of a zone name, each once.
func serversIn(records []dns.RR, zone string) (names []string) {
	for _, rr := range records {
		if ns, ok := rr.(*dns.NS); ok && plainName(ns.Hdr.Name) == zone {
			names = append(names, plainName(ns.Ns))
		}
	}
	return distinct(names)
}

// referral asks servers of the zone above. What any of them says counts: a change reaches
// one after the other. The trouble is that of the first, where none can tell.
func (a *Asker) referral(ctx context.Context, parents []string, zone string) ([]Delegated, Trouble) {
	parents = parents[:min(len(parents), mostParents)]
	told, troubles := make([][]Delegated, len(parents)), make([]Trouble, len(parents))
	var asked sync.WaitGroup
	for i, name := range parents {
		asked.Go(func() { told[i], troubles[i] = a.refer(ctx, name, zone) })
	}
	asked.Wait()
	all := slices.Concat(told...)
	if len(all) == 0 {
		return nil, troubles[0]
	}
	return merged(all), NoTrouble
}

// refer asks one server of the zone above. One that serves the zone, too, does not refer
// to others but answers with authority: then it is itself a server that senders ask.
func (a *Asker) refer(ctx context.Context, parent, zone string) (all []Delegated, trouble Trouble) {
	addresses, none := a.addresses(ctx, parent)
	if len(addresses) == 0 {
		return nil, none
	}
	reply, trouble := a.ask(ctx, Server{parent, net.JoinHostPort(addresses[0], "53"), true}, zone, dns.TypeNS)
	if reply == nil {
		return nil, trouble
	}
	named := reply.Ns
	if reply.Authoritative {
		named = reply.Answer
	}
	for _, name := range serversIn(named, zone) {
		all = append(all, Delegated{Name: name, Addresses: glue(reply.Extra, name)})
	}
	if len(all) == 0 {
		return nil, cmp.Or(trouble, Lame)
	}
	if reply.Authoritative {
		all = append(all, Delegated{Name: parent, Addresses: addresses[:1], Above: true})
	}
	return all, NoTrouble
}

// glue are the addresses of a server that a referral tells along.
func glue(extra []dns.RR, name string) (all []string) {
	for _, rr := range extra {
		if plainName(rr.Header().Name) != name {
			continue
		}
		switch r := rr.(type) {
		case *dns.A:
			all = append(all, r.A.String())
		case *dns.AAAA:
			all = append(all, r.AAAA.String())
		}
	}
	return all
}

// merged has each server once, and of servers and addresses one more than are asked, so
// that it shows that there are more.
func merged(all []Delegated) (once []Delegated) {
	slices.SortStableFunc(all, func(a, b Delegated) int { return strings.Compare(a.Name, b.Name) })
	for _, d := range all {
		if n := len(once); n > 0 && once[n-1].Name == d.Name {
			once[n-1].Addresses = append(once[n-1].Addresses, d.Addresses...)
			once[n-1].Above = once[n-1].Above && d.Above
			continue
		}
		once = append(once, d)
	}
	once = once[:min(len(once), mostServers+1)]
	for i := range once {
		addresses := preferIPv4(once[i].Addresses)
		once[i].Addresses = addresses[:min(len(addresses), mostAddresses+1)]
	}
	return once
}

// preferIPv4 leaves the addresses of IPv6 out where there are others, and has each once.
func preferIPv4(addresses []string) []string {
	isIPv4 := func(text string) bool {
		ip, err := netip.ParseAddr(text)
		return err == nil && ip.Is4()
	}
	if slices.ContainsFunc(addresses, isIPv4) {
		addresses = slices.DeleteFunc(slices.Clone(addresses), func(text string) bool { return !isIPv4(text) })
	}
	return distinct(addresses)
}

// compare notes which servers only one of the two names, and gives the names that the NS
// records of the zone lack.
func (d *Delegation) compare(names []string) (lacking []string) {
	for _, s := range d.Servers {
		if slices.Contains(names, s.Name) {
			continue
		}
		lacking = append(lacking, s.Name)
		if !s.Above {
			d.DelegatedOnly = append(d.DelegatedOnly, s.Name)
		}
	}
	for _, name := range names {
		if _, named := d.find(name); !named && len(d.Servers) > 0 && len(d.Servers) <= mostServers {
			d.ZoneOnly = append(d.ZoneOnly, name)
		}
	}
	return lacking
}

func (d *Delegation) find(name string) (Delegated, bool) {
	at := slices.IndexFunc(d.Servers, func(s Delegated) bool { return s.Name == name })
	if at < 0 {
		return Delegated{}, false
	}
	return d.Servers[at], true
}

// addGlue adds to the addresses of a server those that only the delegation has: who comes
// by it asks there.
func (d *Delegation) addGlue(h home) home {
	s, _ := d.find(h.name)
	all := preferIPv4(slices.Concat(h.addresses, s.Addresses))
	for _, ip := range all {
		if len(h.addresses) > 0 && !slices.Contains(h.addresses, ip) {
			d.OldGlue = append(d.OldGlue, Server{h.name, net.JoinHostPort(ip, "53"), true})
		}
	}
	h.addresses = all
	return h
}

// delegation tells of servers that only the delegation names, or only the zone.
func (j *judge) delegation() {
	d, zone := j.Last.Delegation, j.Last.Zone
	if d == nil {
		return
	}
	if d.Trouble != NoTrouble {
		j.notCompared(d)
	}
	if names := strings.Join(d.DelegatedOnly, ", "); names != "" {
		j.add(CodeDelegatedOnly, Odd, "The delegation of "+zone+" names "+names+", and the NS records of the zone do not: senders ask there all the same.",
			"Take what is of a former provider out of the delegation at the registrar, and add what is to stay to the NS records. Until then it must have the same records as the others.")
	}
	if names := strings.Join(d.ZoneOnly, ", "); names != "" {
		j.add(CodeZoneOnly, Odd, "The NS records of the zone "+zone+" name "+names+", and its delegation does not: only some senders ask there.",
			"Add what is to stay to the delegation at the registrar, and take the rest out of the NS records.")
	}
	var old []string
	for _, s := range d.OldGlue {
		old = append(old, shown(s))
	}
	if len(old) > 0 {
		j.add(CodeGlueDiffers, Odd, "The delegation of "+zone+" has an address of a server that its name does not have: "+strings.Join(old, ", ")+". Senders ask there all the same.",
			"Correct the address of the name server at the registrar.")
	}
}

// notCompared tells why. It keeps nothing from being safe: the network may never let
// anybody ask.
func (j *judge) notCompared(d *Delegation) {
	why := "the servers of the zone above, " + d.Parent + ", "
	advice := "See that this computer may reach them over UDP and TCP port 53, or look at the registrar yourself whether the delegation names the servers of the NS records and no other."
	switch {
	case d.Parent == "":
		why = "the resolvers do not tell which zone is above it"
		advice = "Name a resolver that answers about the public DNS with --dns ADDRESS, or look at the registrar yourself whether the delegation names the servers of the NS records and no other."
	case d.Trouble == Missing:
		why += "know of no such zone (NXDOMAIN)"
		advice = "See that the domain is registered and not expired."
	case d.Trouble == Failing:
		why += "could not tell (SERVFAIL)"
	case d.Trouble == Silent:
		why += "do not answer in time"
	case d.Trouble == Forbidden:
		why += "were not asked, since the settings of mailhaul do not allow it"
		advice = "Let mailhaul connect to them, or look at the registrar yourself whether the delegation names the servers of the NS records and no other."
	default:
		why += "gave no usable answer"
	}
	known := "A server that only the delegation names is not known."
	if !d.Heard.IsZero() {
		known = "What it named at " + moment(d.Heard) + " counts until it is heard again."
	}
	j.add(CodeNotCompared, Odd, "The delegation of "+j.Last.Zone+" was not compared with the NS records of the zone: "+why+". "+known, advice)
}
