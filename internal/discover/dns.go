package discover

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// askDNS asks for SRV and MX records, and for the alias of autodiscover.DOMAIN.
func (b *board) askDNS(ctx context.Context, web *web) {
	b.work.Go(func() { b.askSRV(ctx) })
	b.work.Go(func() { b.askMX(ctx, web) })
	b.work.Go(func() { b.askAlias(ctx) })
	b.work.Go(func() { b.askAutodiscoverSRV(ctx) })
}

// services are the SRV records of RFC 6186 section 3.2. With _imap, STARTTLS is asked
// for.
var services = []struct {
	name     string
	security migration.Security
	weight   int
}{{"imaps", migration.Implicit, weightSRVTLS}, {"imap", migration.StartTLS, weightSRVStartTLS}}

func (b *board) askSRV(ctx context.Context) {
	refused := 0
	for _, s := range services {
		question := "SRV record _" + s.name + "._tcp." + b.domain
		_, records, err := b.options.Resolver.LookupSRV(ctx, s.name, "tcp", b.domain+".")
		if len(records) == 0 {
			b.answered(FromSRV, question, b.dnsTrouble(err))
			continue
		}
		b.heard(nil)
		if records[0].Target == "." {
			refused++
			b.answered(FromSRV, question, "says that the service is not there")
			continue
		}
		b.answered(FromSRV, question, b.proposeRecords(ctx, records, s.security, Evidence{FromSRV, question, s.weight}))
	}
	if refused == len(services) {
		b.note("By its SRV records, " + b.domain + " has no IMAP server.")
	}
}

// proposeRecords proposes the first few records, and says what there was.
func (b *board) proposeRecords(ctx context.Context, records []*net.SRV, security migration.Security, evidence Evidence) string {
	var told []string
	for _, r := range records[:min(len(records), recordsMost)] {
		text := fmt.Sprintf("%s port %d", strings.TrimSuffix(r.Target, "."), r.Port)
		if !b.propose(ctx, proposal{host: r.Target, port: int(r.Port), security: security, evidence: evidence}) {
			text = "not usable: " + text
		}
		told = append(told, text)
	}
	return strings.Join(told, ", ")
}

// askMX asks who takes the domain's mail: a known provider, or a host that may be the
// server itself.
func (b *board) askMX(ctx context.Context, web *web) {
	question := "MX records of " + b.domain
	records, err := b.options.Resolver.LookupMX(ctx, b.domain+".")
	if len(records) == 0 {
		b.answered(FromMX, question, b.dnsTrouble(err))
		return
	}
	b.heard(nil)
	var told []string
	for _, r := range records[:min(len(records), recordsMost)] {
		host := strings.ToLower(strings.TrimSuffix(r.Host, "."))
		if host == "" { // RFC 7505
			b.note("By its MX record, " + b.domain + " takes no mail.")
			told = append(told, "takes no mail")
			continue
		}
		told = append(told, host)
		b.judgeMX(ctx, web, host)
	}
	b.answered(FromMX, question, strings.Join(told, ", "))
}

func (b *board) judgeMX(ctx context.Context, web *web, host string) {
	if p := byMX(host); p != nil {
		b.known(ctx, p, weightKnownMX, "MX "+host+" is of "+p.name)
		return
	}
	if name := gatewayOf(host); name != "" {
		b.note("Mail comes in through " + host + " (" + name + "), which passes it on: that does not tell where the mailboxes are.")
		return
	}
	if b.options.Probe != nil {
		b.proposeHost(ctx, host, Evidence{FromMX, "it takes the mail of " + b.domain, weightMXHost})
	}
	if base := hostingDomain(host, b.domain); base != "" {
		b.askAutoconfigOf(ctx, web, base, weightMXAutoconfig)
	}
}

// hostingDomain is the domain that an MX host is in, for its autoconfig file; empty
// where it would be the domain itself, or might be one that anybody registers names
// in, such as co.uk: who owns autoconfig.co.uk must be asked nothing.
func hostingDomain(host, domain string) string {
	_, base, found := strings.Cut(host, ".")
	labels := strings.Split(base, ".")
	n := len(labels)
	switch {
	case !found || n < 2 || within(host, domain) || within(domain, base):
		return ""
	case n == 2 && len(labels[1]) == 2 && len(labels[0]) <= 3:
		return ""
	}
	base, ok := hostName(base)
	if !ok {
		return ""
	}
	return base
}

// askAlias asks what autodiscover.DOMAIN is an alias of: domains on Microsoft 365 have
// it point there.
func (b *board) askAlias(ctx context.Context) {
	host := "autodiscover." + b.domain
	question := "alias of " + host
	name, err := b.options.Resolver.LookupCNAME(ctx, host+".")
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	switch {
	case err != nil:
		b.answered(FromAutodiscover, question, b.dnsTrouble(err))
	case name == "" || name == host:
		b.heard(nil)
		b.answered(FromAutodiscover, question, "none")
	default:
		b.heard(nil)
		b.answered(FromAutodiscover, question, name)
		if p := byAlias(name); p != nil {
			b.known(ctx, p, weightKnownAlias, host+" is an alias of "+name+", of "+p.name)
		}
	}
}

// askAutodiscoverSRV asks for the host of Autodiscover, which is often that of the mail.
func (b *board) askAutodiscoverSRV(ctx context.Context) {
	question := "SRV record _autodiscover._tcp." + b.domain
	_, records, err := b.options.Resolver.LookupSRV(ctx, "autodiscover", "tcp", b.domain+".")
	if len(records) == 0 {
		b.answered(FromAutodiscover, question, b.dnsTrouble(err))
		return
	}
	b.heard(nil)
	b.answered(FromAutodiscover, question, strings.TrimSuffix(records[0].Target, "."))
	if p := byAlias(records[0].Target); p != nil {
		b.known(ctx, p, weightKnownAlias, question+" names "+strings.TrimSuffix(records[0].Target, ".")+", of "+p.name)
	} else if b.options.Probe != nil {
		b.proposeHost(ctx, records[0].Target, Evidence{FromAutodiscover, question, weightAutoSRV})
	}
}

// dnsTrouble says why there are no records.
func (b *board) dnsTrouble(err error) string {
	b.heard(err)
	var trouble *net.DNSError
	if err == nil || errors.As(err, &trouble) && trouble.IsNotFound {
		return "none"
	}
	return Plain(err)
}
