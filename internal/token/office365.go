package token

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/secret"
)

// Office365 is how an app signs in to a tenant of Office 365. Certificate or Secret is
// given, not both.
type Office365 struct {
	// Tenant is the directory's number or one of its domains.
	Tenant string
	// ClientID is the application (client) ID of the app registration.
	ClientID string
	// Secret is the value of a client secret, not its ID. A key or a file is refused:
	// it would be sent as it is.
	Secret secret.Text
	// Certificate is a PEM text, see ReadCertificate.
	Certificate secret.Text
	// Cloud is where the tenant lives. Its empty fields are those of the cloud of its
	// name, which is worldwide without one.
	Cloud Cloud
	// forGraph: its tokens are for Microsoft Graph.
	forGraph bool
}

var (
	guid   = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	domain = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}$`)
)

// The settings of Office365 that a SettingFault is about.
const (
	SettingTenant    = "tenant"
	SettingClient    = "client"
	SettingSecret    = "secret"
	SettingScope     = "scope"
	SettingAuthority = "authority"
)

// SettingFault is what is wrong with one setting.
type SettingFault struct {
	Setting string
	Err     error
}

// Check says what is wrong with the settings, a certificate's dates included. hosts are
// further hosts that may be the authority, as in Options.
func (o Office365) Check(hosts []string) error {
	for _, fault := range o.Faults(hosts) {
		return fault.Err
	}
	o = o.withDefaults()
	if o.Secret.Empty() == o.Certificate.Empty() {
		return errors.New("give either a client secret or a certificate")
	}
	return nil
}

// Faults are all faults of the settings, as in Check, in a fixed order. Whether there is
// a secret is for the caller.
func (o Office365) Faults(hosts []string) (faults []SettingFault) {
	o = o.withDefaults()
	for _, one := range []SettingFault{{SettingTenant, o.checkTenant()}, {SettingClient, o.checkClient()}, {SettingScope, o.checkScope()},
		{SettingAuthority, o.checkAuthority(hosts)}, {SettingSecret, o.checkSecret()}} {
		if one.Err != nil {
			faults = append(faults, one)
		}
	}
	return faults
}

func (o Office365) checkTenant() error {
	switch lower := strings.ToLower(o.Tenant); {
	case o.Tenant == "":
		return errors.New("the tenant is missing: give the directory (tenant) ID, or a domain of it")
	case lower == "common" || lower == "organizations" || lower == "consumers":
		return fmt.Errorf("tenant %q is no tenant: an app signs in to one directory; give its ID, or a domain of it", o.Tenant)
	case !guid.MatchString(o.Tenant) && !domain.MatchString(o.Tenant):
		return fmt.Errorf("tenant %q is neither a directory (tenant) ID nor a domain, such as contoso.onmicrosoft.com", o.Tenant)
	}
	return nil
}

func (o Office365) checkClient() error {
	switch {
	case o.ClientID == "":
		return errors.New("the client ID is missing: it is the application (client) ID of the app registration")
	case !guid.MatchString(o.ClientID):
		return fmt.Errorf("client ID %q is not one: it looks like 00000000-0000-0000-0000-000000000000 and stands on the app registration's overview", o.ClientID)
	}
	return nil
}

func (o Office365) checkScope() error {
	if !strings.HasSuffix(o.Cloud.Scope, "/.default") {
		return fmt.Errorf("scope %q must end in /.default, as an app asks for all it was granted", o.Cloud.Scope)
	}
	return nil
}

func (o Office365) checkAuthority(hosts []string) error {
	if err := checkAuthority(o.Cloud.Authority, hosts); err != nil {
		return err
	}
	if u, _ := url.Parse(o.Cloud.Authority); u.Path != "" {
		return fmt.Errorf("authority %q must hold no path: the tenant is added to it", o.Cloud.Authority)
	}
	return nil
}

func (o Office365) checkSecret() error {
	if o.Certificate.Empty() {
		return checkSecretForm(o.Secret)
	}
	certificate, err := ReadCertificate(o.Certificate)
	if err != nil {
		return err
	}
	return certificate.check(time.Now())
}

// Graph is the same app, with tokens for Microsoft Graph instead of IMAP.
func (o Office365) Graph() Office365 {
	o = o.withDefaults()
	o.forGraph = true
	if named, err := CloudNamed(o.Cloud.Name); err == nil {
		o.Cloud.Scope = named.GraphAddress + "/.default"
	}
	return o
}

// permission is the application permission that the app's tokens are for.
func (o Office365) permission() string {
	if o.forGraph {
		return PermissionGraph + " of Microsoft Graph"
	}
	return roleIMAP + " of Office 365 Exchange Online"
}

// withDefaults fills in what the cloud's name says.
func (o Office365) withDefaults() Office365 {
	fill := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	if named, err := CloudNamed(o.Cloud.Name); err == nil {
		o.Cloud.Name = named.Name
		fill(&o.Cloud.IMAPHost, named.IMAPHost)
		fill(&o.Cloud.Authority, named.Authority)
		fill(&o.Cloud.Scope, named.Scope)
		fill(&o.Cloud.GraphAddress, named.GraphAddress)
		fill(&o.Cloud.Portal, named.Portal)
		fill(&o.Cloud.Exchange, named.Exchange)
		fill(&o.Cloud.Graph, named.Graph)
		fill(&o.Cloud.Azure, named.Azure)
	}
	o.Cloud.Authority = strings.TrimSuffix(o.Cloud.Authority, "/")
	o.Tenant, o.ClientID = strings.TrimSpace(o.Tenant), strings.TrimSpace(o.ClientID)
	return o
}

// NewOffice365 makes the provider of a tenant. It asks for nothing yet.
func NewOffice365(o Office365, options Options) (*Provider, error) {
	if err := o.Check(options.Hosts); err != nil {
		return nil, err
	}
	g := &entraGrant{settings: o.withDefaults()}
	if !o.Certificate.Empty() {
		var err error
		if g.certificate, err = ReadCertificate(o.Certificate); err != nil {
			return nil, err
		}
	}
	return newProvider(g, options), nil
}

// entraGrant is the client credentials grant at Entra ID.
type entraGrant struct {
	settings    Office365
	certificate *Certificate // nil with a secret
}

func (g *entraGrant) address() string {
	return g.settings.Cloud.Authority + "/" + url.PathEscape(g.settings.Tenant) + "/oauth2/v2.0/token"
}

// holder is the app: its token is good for every mailbox it was given.
func (g *entraGrant) holder(string) string { return "" }

func (g *entraGrant) doing(string) string {
	return "asking " + hostOf(g.settings.Cloud.Authority) + " for a token of app " + g.settings.ClientID + " in tenant " + g.settings.Tenant
}

func (g *entraGrant) form(_ string, now time.Time) (url.Values, error) {
	form := url.Values{
		"grant_type": {"client_credentials"},
		"client_id":  {g.settings.ClientID},
		"scope":      {g.settings.Cloud.Scope},
	}
	if g.certificate == nil {
		form.Set("client_secret", g.settings.Secret.Reveal())
		return form, nil
	}
	// A minute back, because clocks differ. Ten minutes are the most that Entra ID
	// recommends.
	begin := now.Add(-time.Minute)
	assertion, err := sign(g.certificate.key, header{Algorithm: algorithmPS256, Thumbprint: g.certificate.sha256}, claims{
		Issuer: g.settings.ClientID, Subject: g.settings.ClientID, Audience: g.address(), ID: rand.Text(),
		IssuedAt: begin.Unix(), NotBefore: begin.Unix(), Expires: begin.Add(10 * time.Minute).Unix(),
	})
	if err != nil {
		return nil, err
	}
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", assertion)
	return form, nil
}

// lacking is true of a token for IMAP that says that it has not the role for IMAP.
func (g *entraGrant) lacking(token secret.Text) bool {
	if g.settings.forGraph {
		return false // several permissions do; Graph says so itself
	}
	c, err := ReadClaims(token)
	return err == nil && !c.has(roleIMAP)
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Host
}
