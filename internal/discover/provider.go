package discover

import (
	"context"
	"slices"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// provider is who keeps the mail of many domains.
type provider struct {
	name string
	// domains are those whose addresses are the provider's own. mx and alias are ends
	// of names: of hosts that take mail, and of what autodiscover.DOMAIN is an alias
	// of.
	domains, mx, alias []string
	// tenants are domains below which each customer has one, which has no records of its
	// own before mail is set up.
	tenants []string
	// host is the server, on port 993 with TLS from the first byte. It is empty where
	// there is none that mailhaul could reach, and note says why.
	host   string
	logins []migration.LoginForm
	note   string
}

// gateways are hosts that take mail, look at it and pass it on: ends of names, and
// whose they are. They say nothing about where mailboxes are.
var gateways = []struct{ end, name string }{
	{"pphosted.com", "Proofpoint"}, {"ppe-hosted.com", "Proofpoint Essentials"}, {"gpphosted.com", "Proofpoint"},
	{"mimecast.com", "Mimecast"}, {"mimecast.co.za", "Mimecast"}, {"messagelabs.com", "Broadcom"},
	{"barracudanetworks.com", "Barracuda"}, {"iphmx.com", "Cisco"}, {"hornetsecurity.com", "Hornetsecurity"},
	{"antispameurope.com", "Hornetsecurity"}, {"antispamcloud.com", "N-able Mail Assure"}, {"mailcontrol.com", "Forcepoint"},
	{"fireeyecloud.com", "Trellix"}, {"hydra.sophos.com", "Sophos"}, {"retarus.com", "Retarus"}, {"expurgate.net", "Cyren"},
	{"mx.cloudflare.net", "Cloudflare Email Routing"}, {"forwardemail.net", "Forward Email"},
}

// byDomain is the provider whose own domain it is.
func byDomain(domain string) *provider {
	return findProvider(func(p *provider) bool {
		for _, own := range p.domains {
			if own == domain {
				return true
			}
		}
		return false
	})
}

// byMX is the provider whose host takes the mail.
func byMX(host string) *provider {
	return findProvider(func(p *provider) bool { return endsWithin(host, p.mx) })
}

// byAlias is the provider whose name autodiscover.DOMAIN is an alias of.
func byAlias(name string) *provider {
	return findProvider(func(p *provider) bool { return endsWithin(name, p.alias) })
}

func findProvider(fits func(*provider) bool) *provider {
	for i := range providers {
		if fits(&providers[i]) {
			return &providers[i]
		}
	}
	return nil
}

func endsWithin(host string, ends []string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, end := range ends {
		if within(host, end) {
			return true
		}
	}
	return false
}

// gatewayOf is whose gateway a host is, empty for none.
func gatewayOf(host string) string {
	for _, g := range gateways {
		if endsWithin(host, []string{g.end}) {
			return g.name
		}
	}
	return ""
}

// knownDomain looks the domain up in the table.
func (b *board) knownDomain(ctx context.Context) {
	if p := byDomain(b.domain); p != nil {
		b.known(ctx, p, weightKnownDomain, "mail of "+b.domain+" is kept by "+p.name)
	}
	if p := byTenant(b.domain); p != nil {
		b.known(ctx, p, weightKnownTenant, b.domain+" is the domain of a tenant of "+p.name)
	}
}

// byTenant is the provider below whose domain a customer's is.
func byTenant(domain string) *provider {
	return findProvider(func(p *provider) bool {
		return endsWithin(domain, p.tenants) && !slices.Contains(p.tenants, domain)
	})
}

// known takes a provider in. Whose own domain it is, is certain; an alias, which is
// made for clients, tells more than an MX.
func (b *board) known(ctx context.Context, p *provider, weight int, detail string) {
	b.mu.Lock()
	certain := b.providerWeight == weightKnownDomain
	if weight > b.providerWeight {
		b.provider, b.providerWeight = p, weight
	}
	b.mu.Unlock()
	if p.host != "" && !certain {
		b.propose(ctx, proposal{host: p.host, port: 993, security: migration.Implicit, evidence: Evidence{FromProvider, detail, weight}})
	}
}
