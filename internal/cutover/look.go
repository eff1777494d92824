package cutover

import (
	"slices"
	"strings"
	"time"
)

// Record is a record as a server answered it. Names are in lower case and without the
// last dot; "." alone is the root.
type Record struct {
	Name       string `json:"name" doc:"whose record it is"`
	Type       string `json:"type" doc:"MX, TXT, CNAME or SRV"`
	Preference int    `json:"preference,omitempty" doc:"of an MX record: the lowest is tried first"`
	Value      string `json:"value" doc:"the host that an MX, CNAME or SRV record names, or the text of an SPF or DMARC record"`
	TTL        int    `json:"ttl" doc:"how many seconds a cache may keep it; from a resolver, how many are left"`
}

// Trouble is why a server gave no answer that counts.
type Trouble string

// The troubles.
const (
	// NoTrouble: it answered.
	NoTrouble Trouble = ""
	// Missing: there is no such domain (NXDOMAIN, RFC 1035 section 4.1.1).
	Missing Trouble = "nxdomain"
	// Failing: the server could not tell (SERVFAIL).
	Failing Trouble = "servfail"
	// Bogus: a resolver has the records, but their DNSSEC signatures are wrong (RFC 4035
	// section 5.5): it answers SERVFAIL, and the records when told not to check.
	Bogus Trouble = "bogus"
	// Lame: the zone or its delegation names the server, but it does not serve the zone:
	// it refuses, or does not answer with authority (RFC 8499 section 7).
	Lame Trouble = "lame"
	// Silent: no answer in time.
	Silent Trouble = "timeout"
	// Garbled: an answer that cannot be understood or is to another question.
	Garbled Trouble = "garbled"
	// Forbidden: the server's settings do not allow connecting to that address.
	Forbidden Trouble = "forbidden"
	// Homeless: a server of the zone whose name has no address, so that nobody can ask it.
	Homeless Trouble = "no-address"
	// Alias: the domain is an alias of another, whose records would have to be looked at.
	Alias Trouble = "alias"
)

// Server is one that was asked.
type Server struct {
	Name          string `json:"name" doc:"of a server of the zone its name, of a resolver its address"`
	Address       string `json:"address" doc:"IP address and port"`
	Authoritative bool   `json:"authoritative" doc:"whether it is a server of the domain's zone; the others are resolvers with a cache"`
}

// Sight is what one server answered.
type Sight struct {
	Server
	Former  bool     `json:"former,omitempty" doc:"whether neither the zone nor its delegation names it any more"`
	Trouble Trouble  `json:"trouble,omitempty" enum:"nxdomain,servfail,bogus,lame,timeout,garbled,forbidden,no-address,alias" doc:"why it gave no answer that counts"`
	Serial  uint32   `json:"serial,omitempty" doc:"of the zone, by a server of it"`
	Absent  int      `json:"absent,omitempty" doc:"for how many seconds a cache may keep that a record is not there (RFC 2308 section 5)"`
	Records []Record `json:"records"`
	Unknown []string `json:"unknown,omitempty" doc:"the names about which it could not be asked, or answered more than is kept"`
	Cut     bool     `json:"cut,omitempty" doc:"whether it has more MX records than are looked at"`
}

// Look is what was answered when a domain was looked at.
type Look struct {
	At      time.Time `json:"at"`
	Domain  string    `json:"domain"`
	Zone    string    `json:"zone,omitempty" doc:"the zone that the domain is in"`
	Trouble Trouble   `json:"trouble,omitempty" doc:"why the servers of the zone could not be found"`
	// Delegation is nil where the zone was not found, and in looks of before it was asked.
	Delegation *Delegation `json:"delegation,omitempty" doc:"which servers the zone above names"`
	Sights     []Sight     `json:"sights"`
	Aliases    []string    `json:"aliases,omitempty" doc:"hosts of MX records that are aliases"`
	Unresolved []string    `json:"unresolved,omitempty" doc:"hosts of MX records that have no address"`
	Cut        bool        `json:"cut,omitempty" doc:"whether there were more servers or records than are looked at"`
}

// Shifted is the look as dated by a clock that is ahead by so much of the one that dated it.
func (l Look) Shifted(by time.Duration) Look {
	l.At = l.At.Add(by)
	if d := l.Delegation; d != nil && d.Trouble == NoTrouble {
		heard := *d
		heard.Heard = l.At
		l.Delegation = &heard
	}
	return l
}

// zone are the sights of the zone's servers, resolvers those of the resolvers.
func (l Look) zone() []Sight {
	return slices.DeleteFunc(slices.Clone(l.Sights), func(s Sight) bool { return !s.Authoritative })
}

func (l Look) resolvers() []Sight {
	return slices.DeleteFunc(slices.Clone(l.Sights), func(s Sight) bool { return s.Authoritative })
}

// names reports whether the zone or its delegation names a server at an address.
func (l Look) names(address string) bool {
	return slices.ContainsFunc(l.zone(), func(s Sight) bool { return s.Address == address && !s.Former })
}

// heard is the first server of the zone that could be asked about all the names, else the
// first resolver that could.
func (l Look) heard(names ...string) (Sight, bool) {
	for _, s := range slices.Concat(l.zone(), l.resolvers()) {
		if s.Trouble == NoTrouble && !slices.ContainsFunc(names, func(name string) bool { return slices.Contains(s.Unknown, name) }) {
			return s, true
		}
	}
	return Sight{}, false
}

// mx are the MX records of the domain, best first.
func (s Sight) mx() []Record {
	found := slices.DeleteFunc(slices.Clone(s.Records), func(r Record) bool { return r.Type != "MX" })
	slices.SortStableFunc(found, func(a, b Record) int {
		if a.Preference != b.Preference {
			return a.Preference - b.Preference
		}
		return strings.Compare(a.Value, b.Value)
	})
	return found
}

// at are the records of a kind with a name.
func (s Sight) at(kind, name string) []Record {
	return slices.DeleteFunc(slices.Clone(s.Records), func(r Record) bool { return r.Type != kind || r.Name != name })
}

// ttl is the longest time, in seconds, that a cache keeps what the server says of the
// domain's MX records, or of there being none.
func (s Sight) ttl() int {
	records, longest := s.mx(), 0
	if len(records) == 0 {
		longest = s.Absent
	}
	for _, r := range records {
		longest = max(longest, r.TTL)
	}
	return min(longest, mostCached)
}

// stance is where a server sends the domain's mail.
type stance int

const (
	unheard stance = iota // it gave no answer that counts
	old                   // to the old system, or to no host by MX
	both                  // to the old and the new
	moved                 // to the new alone
)

// stand is where a server sends mail, by the hosts the target takes. A lame server that
// answers old records, though without authority, sends there who believes it.
func (s Sight) stand(t Target) stance {
	if s.Trouble != NoTrouble && s.Trouble != Lame {
		return unheard
	}
	taken, records := 0, s.mx()
	for _, r := range records {
		if t.Takes(r.Value) {
			taken++
		}
	}
	switch {
	case s.Trouble == Lame && taken == len(records):
		return unheard
	case taken == 0:
		return old
	case taken < len(records):
		return both
	}
	return moved
}
