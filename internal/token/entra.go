package token

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// aadsts finds Entra ID's number in its description.
var aadsts = regexp.MustCompile(`AADSTS([0-9]{4,9})`)

// entraRefusal is what a number means to an administrator. In the texts {app},
// {tenant}, {portal}, {cloud}, {scope}, {thumbprint} and {host} stand for those of the
// endpoint, {usual} for the cloud's own scope, {permission} for what the app is to be granted, and {clock} for what is known of the clock.
type entraRefusal struct {
	numbers       []int
	says          string // what the description must hold, in lower case, besides the number
	cause, remedy string
}

const (
	remedyRenew       = "In {portal}, App registrations, app {app}, Certificates & secrets, make a new client secret, copy its value (not its ID; it is shown once), and give that to the endpoint."
	remedyUpload      = "In {portal}, App registrations, app {app}, Certificates & secrets, Certificates, upload the certificate with thumbprint {thumbprint}, or give the endpoint the one that is listed there."
	remedyTenant      = "Compare the endpoint's tenant with the directory (tenant) ID on the app's overview in {portal}, and its cloud ({cloud}) with the one the tenant is in."
	remedyApp         = "Compare the endpoint's client ID with the application (client) ID on the overview in {portal}, App registrations; an app of another tenant needs admin consent in this one first."
	remedyConsent     = "In {portal}, App registrations, app {app}, API permissions, add the application permission {permission}, and grant admin consent."
	remedyScope       = "Take the scope that belongs to the cloud, for {cloud} normally {usual}, and make sure that the tenant is in that cloud and has Exchange Online."
	remedyConditional = "Exempt app {app} from the Conditional Access policy for workload identities, or let that policy allow this computer's address."
	remedyClock       = "Set this computer's clock by NTP, and try again."
)

// entraRefusals are looked at in order.
func entraRefusals() []entraRefusal {
	return []entraRefusal{
		{[]int{7000215}, "", "the client secret is wrong", remedyRenew},
		{[]int{7000222}, "", "the client secret has expired", remedyRenew},
		{[]int{7000216, 7000218, 90014}, "", "the request holds no credential that the authority takes", "Give the endpoint a client secret or a certificate."},
		{[]int{700027}, "expired", "the certificate has expired", "Make a new certificate, upload it to app {app} in {portal}, and give it to the endpoint."},
		{[]int{700027}, "not found", "the certificate is not registered with the app", remedyUpload},
		{[]int{700027, 50012, 700030}, "", "the certificate is not one that the app has", remedyUpload},
		{[]int{7000214}, "", "the certificate was revoked", "Make a new certificate, upload it to app {app} in {portal}, and give it to the endpoint."},
		{[]int{1000502}, "", "the certificate is not valid at this time", "Compare the dates of the certificate with thumbprint {thumbprint} with today, and this computer's clock."},
		{[]int{700024}, "", "{clock}", remedyClock},
		{[]int{700023, 50027, 5002730}, "", "the assertion does not fit the authority", "Compare the endpoint's authority and cloud ({cloud}) with the one the tenant is in."},
		{[]int{700016}, "", "the tenant does not know the app", remedyApp},
		{[]int{7000229}, "", "the app has no enterprise application in the tenant", "Make it with az ad sp create --id {app}, or grant admin consent to the app in {portal}."},
		{[]int{7000112}, "", "the app is disabled in the tenant", "In {portal}, Enterprise applications, app {app}, Properties, allow users to sign in."},
		{[]int{90002, 900023, 90019, 50059, 50049, 90051}, "", "there is no such tenant in this cloud", remedyTenant},
		{[]int{900432, 900382, 90038}, "", "the tenant is in another cloud", remedyTenant},
		{[]int{5000224, 500021}, "", "the tenant does not allow this sign-in", "Ask the administrator of tenant {tenant} whether it is active, and whether tenant restrictions apply to this network."},
		{[]int{50034}, "", "the tenant does not know this account", remedyTenant},
		{[]int{65001, 650051, 650052, 650056}, "", "nobody has granted admin consent to the app", remedyConsent},
		{[]int{500011, 650057, 70011, 1002012}, "", "the scope {scope} is not one of this tenant", remedyScope},
		{[]int{500014}, "", "Exchange Online is disabled in the tenant", "Make sure that tenant {tenant} has a subscription with Exchange Online that has not ended."},
		{[]int{53003, 530004, 530035}, "", "Conditional Access blocks the app", remedyConditional},
	}
}

// entraPassing are numbers of troubles that pass.
var entraPassing = map[int]string{
	90033: migration.CodeServerBusy, 90012: migration.CodeServerBusy, 50000: migration.CodeServerBusy, 90006: migration.CodeServerBusy,
	90055: migration.CodeThrottled, 50196: migration.CodeThrottled, 90041: migration.CodeThrottled,
}

// meaning explains what Entra ID says (RFC 6749 section 5.2 with AADSTS numbers).
func (g *entraGrant) meaning(r refusal) meaning {
	if found := aadsts.FindStringSubmatch(r.description); found != nil {
		r.number, _ = strconv.Atoi(found[1])
	}
	if code, passes := entraPassing[r.number]; passes || r.code == "temporarily_unavailable" || r.code == "server_error" {
		if code == "" {
			code = migration.CodeServerBusy
		}
		return meaning{migration.Later, code, "the authority has a trouble of its own", remedyBusy}
	}
	fill := g.filler(r)
	lower := strings.ToLower(r.description)
	for _, known := range entraRefusals() {
		for _, number := range known.numbers {
			if number == r.number && strings.Contains(lower, known.says) {
				return meaning{migration.Login, migration.CodeLogin, fmt.Sprintf("%s (AADSTS%d)", fill.Replace(known.cause), number), fill.Replace(known.remedy)}
			}
		}
	}
	return g.byCode(r, fill)
}

// byCode goes by the field error alone.
func (g *entraGrant) byCode(r refusal, fill *strings.Replacer) meaning {
	m := meaning{migration.Login, migration.CodeLogin, "the authority refuses the app", "Look at the app's sign-in log in {portal}, Enterprise applications, app {app}, Sign-in logs, Service principal sign-ins."}
	switch {
	case r.number > 0:
		m.cause = fmt.Sprintf("the authority refuses the app (AADSTS%d)", r.number)
		m.remedy = fmt.Sprintf("Look the number up at https://{host}/error?code=%d, and at the app's sign-in log in {portal}, Enterprise applications.", r.number)
	case r.code == "invalid_client":
		m.cause, m.remedy = "the app's credential is wrong", remedyRenew
	case r.code == "unauthorized_client":
		m.cause, m.remedy = "the tenant does not know the app", remedyApp
	case r.code == "invalid_scope", r.code == "invalid_resource":
		m.cause, m.remedy = "the scope {scope} is not one of this tenant", remedyScope
	}
	m.cause, m.remedy = fill.Replace(m.cause), fill.Replace(m.remedy)
	return m
}

func (g *entraGrant) filler(r refusal) *strings.Replacer {
	thumbprint := "(none: the endpoint has a secret)"
	if g.certificate != nil {
		thumbprint = g.certificate.Thumbprint
	}
	s := g.settings
	return strings.NewReplacer("{app}", s.ClientID, "{tenant}", s.Tenant, "{portal}", s.Cloud.Portal, "{cloud}", s.Cloud.Name,
		"{scope}", s.Cloud.Scope, "{usual}", s.usualScope(), "{permission}", s.permission(), "{thumbprint}", thumbprint, "{host}", hostOf(s.Cloud.Authority), "{clock}", r.clock())
}
