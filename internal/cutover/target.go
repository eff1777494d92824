package cutover

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Kind says how the new system's records are known.
type Kind string

// The kinds.
const (
	// Office365 is Exchange Online, worldwide.
	Office365 Kind = "office365"
	// Office365China is Exchange Online operated by 21Vianet.
	Office365China Kind = "office365-china"
	// Other is any other system, whose hosts are named.
	Other Kind = "other"
)

// Target is where a domain's mail moves to.
type Target struct {
	Kind         Kind     `json:"kind" enum:"office365,office365-china,other" doc:"how the records of the new system are known"`
	MX           []string `json:"mx,omitempty" maxItems:"10" doc:"the hosts of the new MX records; Office 365 needs none, since any of its hosts is taken"`
	SPF          string   `json:"spf,omitempty" maxLength:"253" doc:"the domain that the SPF record must include"`
	Autodiscover string   `json:"autodiscover,omitempty" maxLength:"253" doc:"the host that autodiscover.DOMAIN must be an alias of"`
	Tenant       string   `json:"tenant,omitempty" maxLength:"253" doc:"of Office 365: the first domain of the tenant, such as contoso.onmicrosoft.com, to propose DKIM records"`
}

// hosts are the suffixes of what the service's own records name.
type hosts struct {
	mx           []string
	spf          string
	autodiscover string
	dkim         []string
}

// services are the records of Exchange Online, as "External Domain Name System records
// for Office 365" has them. Domains with DNSSEC take mail at a host below mx.microsoft,
// and since May 2025 new domains have DKIM keys below dkim.mail.microsoft.
var services = map[Kind]hosts{
	Office365: {[]string{"mail.protection.outlook.com", "mx.microsoft"}, "spf.protection.outlook.com", "autodiscover.outlook.com",
		[]string{"onmicrosoft.com", "dkim.mail.microsoft"}},
	Office365China: {[]string{"mail.protection.partner.outlook.cn"}, "spf.protection.partner.outlook.cn", "autodiscover.partner.outlook.cn",
		[]string{"partner.onmschina.cn"}},
}

// mostHosts is how many hosts of new MX records may be named.
const mostHosts = 10

// Flaw is what is wrong with a field of a target.
type Flaw struct{ Field, Text string }

// Checked is the target with what its kind says filled in and names as records have
// them. It can be used only without flaws.
func (t Target) Checked() (checked Target, flaws []Flaw) {
	service, known := services[t.Kind]
	switch {
	case !known && t.Kind != Other:
		return t, []Flaw{{"kind", fmt.Sprintf("the kind of target %q is not known: want office365, office365-china or other", migration.SafeText(string(t.Kind)))}}
	case !known && len(t.MX) == 0:
		flaws = append(flaws, Flaw{"mx", "the hosts of the new MX records are not named: name each that the new system has"})
	case len(t.MX) > mostHosts:
		flaws = append(flaws, Flaw{"mx", fmt.Sprintf("more than %d hosts for MX records", mostHosts)})
	}
	if !known && t.Tenant != "" {
		flaws = append(flaws, Flaw{"tenant", "only Office 365 has a tenant"})
	}
	if t.SPF == "" {
		t.SPF = service.spf
	}
	if t.Autodiscover == "" {
		t.Autodiscover = service.autodiscover
	}
	t.MX = slices.Clone(t.MX)
	name := func(field string, text *string) {
		if *text == "" && field != "mx" {
			return
		}
		domain, err := ParseDomain(*text)
		if err != nil {
			flaws = append(flaws, Flaw{field, err.Error()})
		}
		*text = domain
	}
	for i := range t.MX {
		name("mx", &t.MX[i])
	}
	name("spf", &t.SPF)
	name("autodiscover", &t.Autodiscover)
	name("tenant", &t.Tenant)
	return t, flaws
}

// ParseDomain checks a name of DNS that a person wrote, and gives it in ASCII, in lower
// case and without a last dot.
func ParseDomain(text string) (string, error) {
	_, domain, err := migration.ParseAddress("postmaster@" + strings.TrimSuffix(strings.TrimSpace(text), "."))
	if err != nil || strings.Contains(text, "@") || !strings.Contains(domain, ".") {
		return "", fmt.Errorf("%q is not a domain: want a name such as example.org", migration.SafeText(text))
	}
	return domain, nil
}

// Takes reports whether mail for a host arrives at the new system.
func (t Target) Takes(host string) bool {
	if slices.Contains(t.MX, host) {
		return true
	}
	return len(t.MX) == 0 && slices.ContainsFunc(services[t.Kind].mx, func(suffix string) bool { return strings.HasSuffix(host, "."+suffix) })
}

// takesAs reports whether mail for the same hosts arrives at another target.
func (t Target) takesAs(other Target) bool {
	return t.Kind == other.Kind && slices.Equal(distinct(slices.Clone(t.MX)), distinct(slices.Clone(other.MX)))
}

// ttlToPublish is what the records to publish are proposed with, in seconds.
const ttlToPublish = 3600

// newMX are the MX records to publish. For Office 365 without named hosts the host is
// only the usual one: the admin center shows the right one.
func (t Target) newMX(domain string) (records []Record) {
	if len(t.MX) == 0 {
		return []Record{{Name: domain, Type: "MX", Value: dashed(domain) + "." + services[t.Kind].mx[0], TTL: ttlToPublish}}
	}
	for i, host := range t.MX {
		records = append(records, Record{Name: domain, Type: "MX", Preference: 10 * (i + 1), Value: host, TTL: ttlToPublish})
	}
	return records
}

// dashed is a domain as hosts of Office 365 have it in their names.
func dashed(domain string) string { return strings.ReplaceAll(domain, ".", "-") }

// selectors are the names of the DKIM keys of Office 365.
var selectors = []string{"selector1", "selector2"}

// keyNames are the names at which the two keys of a domain are looked for.
func keyNames(domain string) []string {
	return []string{selectors[0] + "._domainkey." + domain, selectors[1] + "._domainkey." + domain}
}

// newDKIM are the DKIM records to publish, where the tenant is known.
func (t Target) newDKIM(domain string) (records []Record) {
	if t.Tenant == "" {
		return nil
	}
	for i, name := range keyNames(domain) {
		records = append(records, Record{Name: name, Type: "CNAME", Value: selectors[i] + "-" + dashed(domain) + "._domainkey." + t.Tenant, TTL: ttlToPublish})
	}
	return records
}

// newSPF is the SPF record to publish with what the one of the domain says: both systems
// send until the mail has moved. Of several records it is not known which is meant.
func (t Target) newSPF(domain string, now []Record) []Record {
	if t.SPF == "" || len(now) > 1 {
		return nil
	}
	include, text := "include:"+t.SPF, "v=spf1 include:"+t.SPF+" -all"
	if len(now) > 0 && !includes(now[0].Value, t.SPF) {
		text = strings.TrimSpace("v=spf1 " + include + " " + strings.TrimSpace(now[0].Value[len("v=spf1"):]))
	} else if len(now) > 0 {
		text = now[0].Value
	}
	return []Record{{Name: domain, Type: "TXT", Value: text, TTL: ttlToPublish}}
}

// autodiscoverNames are the names by which Outlook finds the system of a domain: of an
// alias, and of an SRV record.
func autodiscoverNames(domain string) []string {
	return []string{"autodiscover." + domain, "_autodiscover._tcp." + domain}
}

// newAutodiscover is the alias that leads Outlook to the new system.
func (t Target) newAutodiscover(domain string) []Record {
	if t.Autodiscover == "" {
		return nil
	}
	return []Record{{Name: autodiscoverNames(domain)[0], Type: "CNAME", Value: t.Autodiscover, TTL: ttlToPublish}}
}

// spfOf are the SPF records of a domain (RFC 7208 section 4.5).
func spfOf(s Sight, domain string) []Record {
	return slices.DeleteFunc(s.at("TXT", domain), func(r Record) bool { return !isSPF(r.Value) })
}

func isSPF(text string) bool {
	version, _, _ := strings.Cut(text, " ")
	return strings.EqualFold(version, "v=spf1")
}

func isDMARC(text string) bool { return strings.HasPrefix(strings.ToLower(text), "v=dmarc1") }

// includes reports whether an SPF record includes a domain (RFC 7208 section 5.2), or
// hands over to it (section 6.1).
func includes(spf, domain string) bool {
	return slices.ContainsFunc(strings.Fields(strings.ToLower(spf)), func(term string) bool {
		return strings.TrimPrefix(term, "+") == "include:"+domain || term == "redirect="+domain
	})
}
