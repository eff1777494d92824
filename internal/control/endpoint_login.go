package control

import (
	"strings"
	"unicode/utf8"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
	"github.com/mailhaul/mailhaul/internal/token"
)

// method is the login method of the specification.
func (spec EndpointSpec) method() migration.LoginMethod {
	m := migration.LoginMethod{Form: migration.LoginForm(spec.Login), Admin: spec.AdminUser, Separator: spec.Separator, Domain: spec.Domain, Root: spec.UserRoot,
		App: migration.App{Tenant: spec.Tenant, Client: spec.ClientID, Cloud: spec.Cloud, Authority: spec.Authority, Scope: spec.Scope, Graph: spec.Graph, GraphFolders: spec.GraphFolders}}
	switch {
	case m.Form != "":
	case migration.EndpointKind(spec.Type) == migration.KindOffice365:
		m.Form = migration.LoginOffice365
	case spec.ServiceAccount != "":
		m.Form = migration.LoginGoogle
	default:
		m.Form = migration.LoginUser
	}
	return m
}

// credential is the secret of an endpoint, and the field it came in.
type credential struct {
	field string
	value Password
}

// credentials are the secrets that are given.
func credentials(password, client, certificate, account Password) (given []credential) {
	for _, c := range []credential{{"adminPassword", password}, {"clientSecret", client}, {"certificate", certificate}, {"serviceAccount", account}} {
		if c.value != "" {
			given = append(given, c)
		}
	}
	return given
}

// wanted are the fields of the secret that a form has.
func wanted(form migration.LoginForm) []string {
	switch {
	case form == migration.LoginOffice365:
		return []string{"clientSecret", "certificate"}
	case form == migration.LoginGoogle:
		return []string{"serviceAccount"}
	case form.HasAdmin():
		return []string{"adminPassword"}
	default:
		return nil
	}
}

// credential checks that the one secret is given that the form needs, and gives it.
func (c *checks) credential(form migration.LoginForm, given []credential) (found credential) {
	fields := wanted(form)
	for _, g := range given {
		fits := false
		for _, field := range fields {
			fits = fits || field == g.field
		}
		c.that(fits, g.field, "has no use with login %s", form)
		c.that(found.value == "" || !fits, g.field, "stands beside another secret; give one of the two")
		if fits {
			found = g
		}
	}
	return found
}

// loginMethod checks a login method as it would be stored. Whether there is a secret
// is for the caller.
func (c *checks) loginMethod(m migration.LoginMethod) {
	known := false
	names := make([]string, 0, len(migration.LoginForms()))
	for _, form := range migration.LoginForms() {
		known = known || m.Form == form
		names = append(names, string(form))
	}
	c.that(known, "login", "must be one of %s", strings.Join(names, ", "))
	if !known {
		return
	}
	if m.Form.NamesAdmin() {
		c.user("adminUser", m.Admin)
	} else {
		c.that(m.Admin == "", "adminUser", "has no use with login %s", m.Form)
	}
	c.that(m.Form != migration.LoginExchange || !strings.ContainsAny(m.Admin, `/\`+m.Separator), "adminUser",
		"must be the name alone, without its domain: give the domain as a field of its own (domain)")
	c.only(m.Separator, "separator", m, migration.LoginMaster, migration.LoginExchange)
	c.that(m.Separator == "" || utf8.RuneCountInString(m.Separator) == 1 && migration.SafeText(m.Separator) == m.Separator && m.Separator != " " && m.Separator != "@",
		"separator", "must be one character, and neither a space nor @")
	c.only(m.Domain, "domain", m, migration.LoginExchange, migration.LoginMirapoint)
	c.that(migration.SafeText(m.Domain) == m.Domain && !strings.ContainsAny(m.Domain, `/\#@* `), "domain", "must be a domain such as contoso or example.org")
	c.only(m.Root, "userRoot", m, migration.LoginUserRoot)
	c.that(m.Root == "" || strings.Contains(m.Root, "{user}") && migration.ValidUserRoot(m.Root), "userRoot", "must be the path of a person's folders with {user} for the user name, such as #shared/{user} with Courier or user/{user} with Oracle")
	c.that(!strings.ContainsAny(strings.ReplaceAll(m.Root, "{user}", ""), "{}"), "userRoot", "knows {user} and nothing else in braces")
	for field, value := range map[string]string{"tenant": m.App.Tenant, "clientId": m.App.Client, "cloud": m.App.Cloud, "authority": m.App.Authority, "scope": m.App.Scope, "graph": m.App.Graph} {
		c.only(value, field, m, migration.LoginOffice365)
	}
	c.that(!m.App.GraphFolders || m.Form == migration.LoginOffice365, "graphFolders", "has no use with login %s", m.Form)
}

// only refuses a field that has no use with the form.
func (c *checks) only(value, field string, m migration.LoginMethod, forms ...migration.LoginForm) {
	use := value == ""
	for _, form := range forms {
		use = use || m.Form == form
	}
	c.that(use, field, "has no use with login %s", m.Form)
}

// kind is what an application shows that is given the credential.
func (c credential) kind() string {
	return map[string]string{"clientSecret": migration.CredentialSecret, "certificate": migration.CredentialCertificate}[c.field]
}

// authority checks the secret for an authority of tokens. tokenHosts are those that the
// server allows beside the known ones.
func (c *checks) authority(m migration.LoginMethod, given credential, tokenHosts []string) {
	if m.Form == migration.LoginGoogle {
		if err := (token.Google{Key: given.value.Text()}).Check(tokenHosts); err != nil {
			c.that(false, given.field, "%s", err)
		}
		return
	}
	m.App.Credential = given.kind()
	if wrong := c.application(given); wrong {
		return
	}
	for _, fault := range TokenApp(m.App, given.value.Text()).Faults(tokenHosts) {
		if fault.Setting == token.SettingSecret {
			c.that(false, given.field, "%s", fault.Err)
		}
	}
}

// settings are what is wrong with an application but for its secret.
func (c *checks) settings(app migration.App, tokenHosts []string) {
	if _, err := token.CloudNamed(app.Cloud); err != nil {
		c.that(false, "cloud", "%s", err)
		return
	}
	fields := map[string]string{token.SettingTenant: "tenant", token.SettingClient: "clientId", token.SettingScope: "scope", token.SettingAuthority: "authority"}
	for _, fault := range TokenApp(app, secret.Text{}).Faults(tokenHosts) {
		if field := fields[fault.Setting]; field != "" {
			c.that(false, field, "%s", fault.Err)
		}
	}
}

// application checks that the secret is what its field says.
func (c *checks) application(given credential) (wrong bool) {
	var err error
	if given.field == "certificate" {
		_, err = token.ReadCertificate(given.value.Text())
	} else {
		err = token.CheckClientSecret(given.value.Text())
	}
	c.that(err == nil, given.field, "%v", err)
	return err != nil
}

// graph checks where Microsoft Graph is, since it gets tokens.
func (s *Service) graph(c *checks, m migration.LoginMethod) {
	if m.App.Graph == "" {
		return
	}
	err := token.CheckGraph(m.App.Graph, s.tokenHosts)
	c.that(err == nil, "graph", "%v", err)
}

// defaultFolders changes which folders are the default ones.
func (c *checks) defaultFolders(e *migration.EndpointRecord, changes map[string]string) {
	changed, err := e.DefaultFolders.With(changes)
	if err != nil {
		c.that(false, "defaultFolders", "%s", err)
		return
	}
	e.DefaultFolders = changed
}

// TokenApp is the application of a login method, with its secret: a client secret, or
// a certificate with its key in PEM form.
func TokenApp(app migration.App, value secret.Text) token.Office365 {
	o := token.Office365{Tenant: app.Tenant, ClientID: app.Client, Cloud: token.Cloud{Name: app.Cloud, Authority: app.Authority, Scope: app.Scope, GraphAddress: app.Graph}}
	if app.Credential == migration.CredentialCertificate {
		o.Certificate = value
	} else {
		o.Secret = value
	}
	return o
}

// host is where an endpoint of a known service is.
func (spec EndpointSpec) host() string {
	host := strings.TrimSuffix(spec.Host, ".")
	switch {
	case host != "":
	case migration.EndpointKind(spec.Type) == migration.KindGmail:
		host = "imap.gmail.com"
	case migration.EndpointKind(spec.Type) == migration.KindOffice365:
		if cloud, err := token.CloudNamed(spec.Cloud); err == nil {
			host = cloud.IMAPHost
		}
	}
	return host
}
