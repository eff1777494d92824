package discover

import (
	"cmp"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// The weights of evidence: how much a server that is named so is worth, from 1 to 100.
const (
	weightKnownDomain  = 90 // the provider's own domain
	weightSRVTLS       = 85
	weightSRVStartTLS  = 83
	weightAutoconfig   = 80
	weightKnownAlias   = 78
	weightKnownTenant  = 77 // below a domain that the provider gives to its customers
	weightAutodiscover = 76
	weightKnownMX      = 75
	weightDirectory    = 70
	weightMXAutoconfig = 62
	weightExchange     = 45 // Autodiscover shows Exchange there
	weightAutoSRV      = 35
	weightMXHost       = 30
	weightCleartext    = 28 // named, but for a line without TLS
	weightIMAPName     = 25
	weightMailName     = 22
	weightBareName     = 15
	// named is the least weight of evidence that is more than a guess.
	named = 60
)

// weight is that of the best evidence.
func (c *Candidate) weight() (best int) {
	for _, e := range c.Evidence {
		best = max(best, e.weight)
	}
	return best
}

// score orders candidates. One that answers with a good certificate is always before
// one that does not; among the others, what is named is before a guess with a bad
// certificate.
func (c *Candidate) score() int {
	score := 3 * c.weight()
	sources := map[Source]bool{}
	for _, e := range c.Evidence {
		sources[e.Source] = true
	}
	score += 10 * (len(sources) - 1)
	switch {
	case c.Answers():
		score += 1000
	case c.Seen != nil && c.Seen.Answered:
		score += 100
	case c.Seen != nil:
		score -= 50
	}
	if c.Endpoint.Security == migration.Implicit {
		score += 5 // RFC 8314 section 3
	}
	return score
}

func (c *Candidate) confidence() Confidence {
	switch {
	case c.Named() && c.Answers():
		return Sure
	case c.Named() || c.Answers():
		return Likely
	}
	return Guess
}

// rank puts the best first; what is equal is ordered by name.
func rank(candidates []Candidate) {
	slices.SortStableFunc(candidates, func(a, b Candidate) int {
		return cmp.Or(cmp.Compare(b.score(), a.score()), cmp.Compare(a.Endpoint.Host, b.Endpoint.Host), cmp.Compare(b.Endpoint.Port, a.Endpoint.Port))
	})
}

// onlyDNS reports whether nothing but DNS, which nobody authenticates, has led to it.
func (c *Candidate) onlyDNS() bool {
	return !slices.ContainsFunc(c.Evidence, func(e Evidence) bool {
		byDNS := e.Source == FromSRV || e.Source == FromMX || e.weight == weightMXAutoconfig || e.weight == weightAutoSRV
		return !byDNS
	})
}

// provided reports whether the table of providers names it.
func (c *Candidate) provided() bool {
	return slices.ContainsFunc(c.Evidence, func(e Evidence) bool { return e.Source == FromProvider })
}

// within reports whether a host is in a domain.
func within(host, domain string) bool { return host == domain || strings.HasSuffix(host, "."+domain) }

var hostLabel = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$`)

// hostName checks a host that a stranger names, and gives it in lower case: a full
// name (RFC 1123, with the underscore that is found in the field), or an IP address.
func hostName(host string) (string, bool) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.WithZone("").String(), ip.Zone() == ""
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	labels := strings.Split(host, ".")
	ok := len(host) <= 253 && len(labels) > 1 && !slices.ContainsFunc(labels, func(label string) bool { return !hostLabel.MatchString(label) })
	// A name whose last label is a number would be read as an address by some.
	return host, ok && strings.Trim(labels[len(labels)-1], "0123456789") != ""
}
