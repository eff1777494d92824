package control

import (
	"crypto/tls"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
	"github.com/mailhaul/mailhaul/internal/token"
)

// EndpointSpec is what an endpoint is made of. Fields that are left out take the
// defaults.
type EndpointSpec struct {
	Name            string            `json:"name" doc:"At most 64 letters, digits, dots, underscores and hyphens" example:"old-server"`
	Type            string            `json:"type,omitempty" enum:"imap,office365,gmail" doc:"Kind of server (default imap); the others know their host and how to sign in"`
	Host            string            `json:"host,omitempty" doc:"Needed with type imap" example:"imap.example.org"`
	Port            int               `json:"port,omitempty" doc:"Default 993 with security implicit, else 143"`
	Security        string            `json:"security,omitempty" enum:"implicit,starttls,none" doc:"TLS from the first byte (default), by STARTTLS, or none"`
	AllowCleartext  bool              `json:"allowCleartext,omitempty" doc:"Must be true for security none: passwords and mail go in clear text"`
	CA              string            `json:"ca,omitempty" doc:"PEM certificates of the authorities to trust instead of the system's"`
	Pin             string            `json:"pin,omitempty" doc:"Base64 SHA-256 of the server's public key, trusted whoever signed it"`
	MinTLS          string            `json:"minTls,omitempty" enum:"1.0,1.1,1.2,1.3" doc:"Lowest TLS version (default 1.2)"`
	Migrations      *int              `json:"migrations,omitempty" doc:"Mailboxes in their initial pass at a time, 1 to 300 (default 20)"`
	Incremental     *int              `json:"incremental,omitempty" doc:"Mailboxes in a later pass at a time, at most as many as migrations (default 10)"`
	Connections     *int              `json:"connections,omitempty" doc:"Connections a mailbox may open, 1 to 16 (default 4)"`
	Unanswered      int               `json:"unanswered,omitempty" doc:"Messages on their way to it on one connection without an answer, 1 to 128; 0 is what its make bears: 9 for Exchange, which ends a connection after ten refusals"`
	BytesPerSecond  int64             `json:"bytesPerSecond,omitempty" doc:"Ceiling for all mailboxes together; 0 is none"`
	MessagesPerSec  float64           `json:"messagesPerSecond,omitempty" doc:"Ceiling for all mailboxes together; 0 is none"`
	BytesPerDayDown *int64            `json:"bytesPerDayDown,omitempty" doc:"What each account may read in 24 hours; 0 is any number (default: 2.5 GB for Gmail, else 0)"`
	BytesPerDayUp   *int64            `json:"bytesPerDayUp,omitempty" doc:"What each account may write in 24 hours; 0 is any number (default: 500 MB for Gmail, else 0)"`
	Login           string            `json:"login,omitempty" enum:"user,authzid,master,exchange,mirapoint,userroot,proxyauth,kerio,google,office365" doc:"user: each mailbox with its own password (default). The others open every mailbox with one credential: authzid by SASL PLAIN (Cyrus, Zimbra), master as User*Admin (Dovecot, UW), exchange as Domain/Admin/User, mirapoint as #User@Domain#Admin#, userroot with the folders below a root (Courier, Oracle), proxyauth by PROXYAUTH (Sun, Oracle), kerio by X-MASTERAUTH, google by a service account, office365 by an application"`
	AdminUser       string            `json:"adminUser,omitempty" doc:"Administrator's name"`
	AdminPassword   Password          `json:"adminPassword,omitempty" doc:"Administrator's password, or Kerio's master password; never shown again"`
	Separator       string            `json:"separator,omitempty" doc:"Between user and administrator: default * with login master, / with login exchange"`
	Domain          string            `json:"domain,omitempty" doc:"With login exchange the administrator's; with login mirapoint put behind user names that have none"`
	UserRoot        string            `json:"userRoot,omitempty" doc:"With login userroot: where the folders of a person are whose row has no UserRoot" example:"/users/{user}"`
	Tenant          string            `json:"tenant,omitempty" doc:"Office 365: directory (tenant) ID or a domain of it"`
	ClientID        string            `json:"clientId,omitempty" doc:"Office 365: application (client) ID"`
	Cloud           string            `json:"cloud,omitempty" enum:"worldwide,gcc,gcc-high,dod,china" doc:"Office 365: the cloud of the tenant (default worldwide)"`
	Authority       string            `json:"authority,omitempty" doc:"Office 365: where tokens come from, instead of the cloud's"`
	Scope           string            `json:"scope,omitempty" doc:"Office 365: what tokens are asked for, instead of the cloud's"`
	GraphFolders    bool              `json:"graphFolders,omitempty" doc:"Office 365: ask Microsoft Graph for the default folders of each mailbox, which takes the application permission Mail.ReadBasic.All"`
	Graph           string            `json:"graph,omitempty" doc:"Office 365: where Microsoft Graph is, instead of the cloud's address"`
	DefaultFolders  map[string]string `json:"defaultFolders,omitempty" doc:"Folders that are the default ones in mailboxes that have them, by use: Sent, Drafts, Trash, Junk, Archive. They come before marks and known names"`
	ClientSecret    Password          `json:"clientSecret,omitempty" doc:"Office 365: client secret; never shown again"`
	Certificate     Password          `json:"certificate,omitempty" doc:"Office 365: certificate with its private key in PEM form; never shown again"`
	ServiceAccount  Password          `json:"serviceAccount,omitempty" doc:"Google: key file of the service account; never shown again"`
}

// EndpointPatch changes an endpoint; what is missing stays.
type EndpointPatch struct {
	Host            *string            `json:"host,omitempty"`
	Port            *int               `json:"port,omitempty"`
	Security        *string            `json:"security,omitempty" enum:"implicit,starttls,none"`
	AllowCleartext  *bool              `json:"allowCleartext,omitempty"`
	CA              *string            `json:"ca,omitempty"`
	Pin             *string            `json:"pin,omitempty"`
	MinTLS          *string            `json:"minTls,omitempty" enum:"1.0,1.1,1.2,1.3"`
	Migrations      *int               `json:"migrations,omitempty"`
	Incremental     *int               `json:"incremental,omitempty"`
	Connections     *int               `json:"connections,omitempty"`
	Unanswered      *int               `json:"unanswered,omitempty"`
	BytesPerSecond  *int64             `json:"bytesPerSecond,omitempty"`
	MessagesPerSec  *float64           `json:"messagesPerSecond,omitempty"`
	BytesPerDayDown *int64             `json:"bytesPerDayDown,omitempty"`
	BytesPerDayUp   *int64             `json:"bytesPerDayUp,omitempty"`
	AdminUser       *string            `json:"adminUser,omitempty"`
	AdminPassword   *Password          `json:"adminPassword,omitempty" doc:"Needed anew when host, port or security change, as the other secrets are, and with an application when its tenant, ID, cloud or authority does"`
	Separator       *string            `json:"separator,omitempty"`
	Domain          *string            `json:"domain,omitempty"`
	UserRoot        *string            `json:"userRoot,omitempty"`
	Tenant          *string            `json:"tenant,omitempty"`
	ClientID        *string            `json:"clientId,omitempty"`
	Cloud           *string            `json:"cloud,omitempty" enum:"worldwide,gcc,gcc-high,dod,china" doc:"An endpoint that is where its cloud has its servers goes with it"`
	Authority       *string            `json:"authority,omitempty"`
	Scope           *string            `json:"scope,omitempty"`
	GraphFolders    *bool              `json:"graphFolders,omitempty"`
	Graph           *string            `json:"graph,omitempty"`
	DefaultFolders  *map[string]string `json:"defaultFolders,omitempty" doc:"Uses that are missing stay as they are, and an empty name takes one away"`
	ClientSecret    *Password          `json:"clientSecret,omitempty"`
	Certificate     *Password          `json:"certificate,omitempty"`
	ServiceAccount  *Password          `json:"serviceAccount,omitempty"`
}

// Endpoint is an endpoint as people see it.
type Endpoint struct {
	Name            string            `json:"name"`
	Type            string            `json:"type"`
	Host            string            `json:"host"`
	Port            int               `json:"port"`
	Security        string            `json:"security"`
	AllowCleartext  bool              `json:"allowCleartext"`
	CA              string            `json:"ca,omitempty"`
	Pin             string            `json:"pin,omitempty"`
	MinTLS          string            `json:"minTls"`
	Migrations      int               `json:"migrations"`
	Incremental     int               `json:"incremental"`
	Connections     int               `json:"connections"`
	Unanswered      int               `json:"unanswered"`
	BytesPerSecond  int64             `json:"bytesPerSecond"`
	MessagesPerSec  float64           `json:"messagesPerSecond"`
	BytesPerDayDown int64             `json:"bytesPerDayDown"`
	BytesPerDayUp   int64             `json:"bytesPerDayUp"`
	Login           string            `json:"login"`
	AdminUser       string            `json:"adminUser,omitempty"`
	Separator       string            `json:"separator,omitempty"`
	Domain          string            `json:"domain,omitempty"`
	UserRoot        string            `json:"userRoot,omitempty"`
	Tenant          string            `json:"tenant,omitempty"`
	ClientID        string            `json:"clientId,omitempty"`
	Cloud           string            `json:"cloud,omitempty"`
	Authority       string            `json:"authority,omitempty"`
	Scope           string            `json:"scope,omitempty"`
	GraphFolders    bool              `json:"graphFolders"`
	Graph           string            `json:"graph,omitempty"`
	DefaultFolders  map[string]string `json:"defaultFolders,omitempty"`
	// HasAdminPassword: there is the secret the login needs, and it may be used
	// with this server.
	HasAdminPassword bool         `json:"hasAdminPassword"`
	Secret           *Secret      `json:"secret,omitempty" doc:"What the secret is that the login needs, if there is one that may be used"`
	Profile          *Profile     `json:"profile,omitempty" doc:"What was seen of the server when it was tested"`
	Calibration      *Calibration `json:"calibration,omitempty" doc:"What it was measured to keep of messages"`
	Batches          []string     `json:"batches" doc:"Batches that use it"`
	Created          time.Time    `json:"created"`
	CreatedBy        string       `json:"createdBy"`
	Version          int64        `json:"version" doc:"Grows with every change"`
}

// Secret is what may be known of an endpoint's secret.
type Secret struct {
	Kind       string    `json:"kind" enum:"password,client-secret,certificate,service-account"`
	Thumbprint string    `json:"thumbprint,omitempty" doc:"SHA-1 of the certificate in hex, as the admin centre shows it"`
	Ends       time.Time `json:"ends,omitzero" doc:"When the certificate ends"`
	Account    string    `json:"account,omitempty" doc:"Address of the service account"`
}

// secretView is what may be known of a secret.
func secretView(login migration.LoginMethod, value secret.Text) *Secret {
	switch {
	case login.Form == migration.LoginGoogle:
		view := &Secret{Kind: "service-account"}
		if account, err := token.ReadServiceAccount(value); err == nil {
			view.Account = account.Email
		}
		return view
	case login.Form == migration.LoginOffice365 && login.App.Credential == migration.CredentialCertificate:
		view := &Secret{Kind: migration.CredentialCertificate}
		if certificate, err := token.ReadCertificate(value); err == nil {
			view.Thumbprint, view.Ends = certificate.Thumbprint, certificate.Ends.UTC()
		}
		return view
	case login.Form == migration.LoginOffice365:
		return &Secret{Kind: migration.CredentialSecret}
	}
	return &Secret{Kind: "password"}
}

// Profile is what was seen of a server.
type Profile struct {
	At               time.Time `json:"at"`
	Server           string    `json:"server"`
	TLS              string    `json:"tls"`
	Pin              string    `json:"pin,omitempty" doc:"Base64 SHA-256 of the key it showed"`
	RoundTripSeconds float64   `json:"roundTripSeconds"`
	Extensions       []string  `json:"extensions"`
	SignIn           string    `json:"signIn,omitempty" doc:"What the test could tell of a credential that opens every mailbox, if it has opened none"`
}

// Probe is how far a test of an endpoint came.
type Probe struct {
	OK      bool        `json:"ok"`
	Steps   []ProbeStep `json:"steps"`
	Profile *Profile    `json:"profile,omitempty"`
}

// ProbeStep is one step of a test.
type ProbeStep struct {
	Step   string `json:"step" enum:"resolve,connect,tls,greeting,sign-in,folders"`
	Result string `json:"result" enum:"ok,failed,skipped"`
	Code   string `json:"code,omitempty"`
	Detail string `json:"detail,omitempty"`
	Remedy string `json:"remedy,omitempty"`
}

// SignInRefused reports whether the step failed because somebody was not let in, and not
// because of the line.
func (s ProbeStep) SignInRefused() bool {
	return s.Step == "sign-in" && s.Result == StepFailed && RefusesSignIn(s.Code)
}

// RefusesSignIn reports whether a code is of a credential or user that a server or an
// authority does not let in.
func RefusesSignIn(code string) bool {
	switch code {
	case migration.CodeLogin, migration.CodeToken, migration.CodeNoAccess, migration.CodeNotConnected, migration.CodeCredential:
		return true
	}
	return false
}

// The results of a step.
const (
	StepOK      = "ok"
	StepFailed  = "failed"
	StepSkipped = "skipped"
)

// ProbeSteps are the steps of a test in their order.
func ProbeSteps() []string {
	return []string{"resolve", "connect", "tls", "greeting", "sign-in", "folders"}
}

func (s *Service) endpointView(e migration.EndpointRecord, batches []string) Endpoint {
	var known *Secret
	if value, err := adminOf(s.keys, e); err == nil {
		known = secretView(e.Login, value)
	}
	return Endpoint{
		Name: e.Name, Type: string(e.Kind), Host: e.Host, Port: e.Port, Security: string(e.Security), AllowCleartext: e.AllowCleartext,
		CA: string(e.CA), Pin: e.Pin, MinTLS: tlsName(e.MinTLS),
		Migrations: e.Limits.Migrations, Incremental: e.Limits.Incremental, Connections: e.Limits.Connections, Unanswered: e.Limits.Unanswered,
		BytesPerSecond: e.Limits.BytesPerSecond, MessagesPerSec: e.Limits.MessagesPerSecond,
		Login: string(e.Login.Form), AdminUser: e.Login.Admin, Separator: e.Login.Separator, Domain: e.Login.Domain, UserRoot: e.Login.Root,
		Tenant: e.Login.App.Tenant, ClientID: e.Login.App.Client, Cloud: e.Login.App.Cloud, Authority: e.Login.App.Authority, Scope: e.Login.App.Scope, HasAdminPassword: known != nil, Secret: known,
		GraphFolders: e.Login.App.GraphFolders, Graph: e.Login.App.Graph, DefaultFolders: e.DefaultFolders,
		BytesPerDayDown: e.Limits.BytesPerDayDown, BytesPerDayUp: e.Limits.BytesPerDayUp,
		Profile: profileView(e.Learned), Calibration: calibrationView(e.Calibration), Batches: orEmpty(batches), Created: e.Created, CreatedBy: e.CreatedBy, Version: e.Version,
	}
}

func profileView(l *migration.Learned) *Profile {
	if l == nil {
		return nil
	}
	return &Profile{At: l.At, Server: l.Server, TLS: l.TLS, Pin: l.Pin, RoundTripSeconds: l.RoundTrip.Seconds(), Extensions: orEmpty(l.Extensions), SignIn: l.SignIn}
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// tlsVersions are the versions by name; 0 is the default.
var tlsVersions = map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13, "": 0}

func tlsName(version uint16) string {
	for name, v := range tlsVersions {
		if v == version && v != 0 {
			return name
		}
	}
	return "1.2"
}
