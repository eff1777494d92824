package migration

import (
	"cmp"
	"fmt"
	"strings"
)

// LoginForm says how mailboxes of an endpoint are signed in to.
type LoginForm string

// The login forms. In all but LoginUser one credential of the endpoint opens every
// mailbox, and the rows of a migration file have plain user names and no password.
const (
	// LoginUser: each mailbox with its own user name and password; an app password
	// is one. A user name that packs an administrator's in is sent as it is.
	LoginUser LoginForm = "user"
	// LoginAuthzid: SASL PLAIN (RFC 4616) with the administrator's name and password,
	// and the user name as authorisation identity, as Cyrus, Zimbra and Dovecot
	// have it.
	LoginAuthzid LoginForm = "authzid"
	// LoginMaster: the user name is User*Admin, as Dovecot and UW-IMAP have it.
	LoginMaster LoginForm = "master"
	// LoginExchange: the user name is Domain/Admin/User, as Exchange servers have it.
	LoginExchange LoginForm = "exchange"
	// LoginMirapoint: the user name is #User@Domain#Admin#.
	LoginMirapoint LoginForm = "mirapoint"
	// LoginUserRoot: the administrator signs in as himself and sees each person's
	// folders below a root, as Courier's and Oracle's shared folders have it.
	LoginUserRoot LoginForm = "userroot"
	// LoginProxyAuth: the administrator signs in and becomes the user by the command
	// PROXYAUTH, as iPlanet, Sun and Oracle Messaging have it.
	LoginProxyAuth LoginForm = "proxyauth"
	// LoginKerio: the master password of Kerio Connect, by X-MASTERAUTH and X-SETUSER.
	LoginKerio LoginForm = "kerio"
	// LoginGoogle: a service account with domain-wide delegation, by XOAUTH2.
	LoginGoogle LoginForm = "google"
	// LoginOffice365: an application registered with the tenant, by XOAUTH2.
	LoginOffice365 LoginForm = "office365"
)

// LoginForms are all forms.
func LoginForms() []LoginForm {
	return []LoginForm{LoginUser, LoginAuthzid, LoginMaster, LoginExchange, LoginMirapoint, LoginUserRoot, LoginProxyAuth, LoginKerio, LoginGoogle, LoginOffice365}
}

// HasAdmin reports whether the endpoint has the credential, and rows none.
func (f LoginForm) HasAdmin() bool { return f != LoginUser && f != "" }

// NamesAdmin reports whether the credential has a user name of its own.
func (f LoginForm) NamesAdmin() bool { return f.HasAdmin() && f != LoginKerio && !f.HasToken() }

// HasToken reports whether it signs in with bearer tokens that an authority gives.
func (f LoginForm) HasToken() bool { return f == LoginGoogle || f == LoginOffice365 }

// LoginMethod is a login form with what it needs beside the secret.
type LoginMethod struct {
	Form LoginForm `json:"form"`
	// Admin is the administrator's user name, where NamesAdmin.
	Admin string `json:"admin,omitempty"`
	// Separator stands between user and administrator: with LoginMaster "*" by
	// default, with LoginExchange "/".
	Separator string `json:"separator,omitempty"`
	// Domain is the administrator's with LoginExchange; with LoginMirapoint it is put
	// behind user names that have none.
	Domain string `json:"domain,omitempty"`
	// Root is where a person's folders are with LoginUserRoot, with {user} for the user
	// name, where a row has no UserRoot: "/users/{user}".
	Root string `json:"root,omitempty"`
	// App is the application of LoginOffice365.
	App App `json:"app,omitzero"`
}

// App is an application registered with an Office 365 tenant. Where Authority, Scope
// and Graph are empty, those of the cloud are used.
type App struct {
	Tenant string `json:"tenant,omitempty"`
	Client string `json:"client,omitempty"`
	// Credential says what the secret is, CredentialSecret or CredentialCertificate.
	Credential string `json:"credential,omitempty"`
	Cloud      string `json:"cloud,omitempty"`
	Authority  string `json:"authority,omitempty"`
	Scope      string `json:"scope,omitempty"`
	// Graph is the address of Microsoft Graph, which is asked for the default folders
	// of each mailbox if GraphFolders is true.
	Graph        string `json:"graph,omitempty"`
	GraphFolders bool   `json:"graphFolders,omitempty"`
}

// What an application shows to prove itself.
const (
	CredentialSecret      = "client-secret"
	CredentialCertificate = "certificate"
)

// The mechanisms of SignIn that are a matter of the form; with an empty one the
// client chooses what the server offers.
const (
	MechanismPlain      = "PLAIN"
	MechanismXOAuth2    = "XOAUTH2"
	MechanismProxyAuth  = "PROXYAUTH"
	MechanismMasterAuth = "X-MASTERAUTH"
)

// SignIn is what a server hears when a mailbox is opened, beside the secret.
type SignIn struct {
	// User is whose password or token is shown.
	User string
	// AuthorizeAs is whose mailbox is opened, when that is not said by User.
	AuthorizeAs string
	Mechanism   string
}

// SignIn says how the mailbox of a user is opened. Without a user it is how the
// administrator signs in as himself, as far as the form knows that.
func (l LoginMethod) SignIn(user string) SignIn {
	switch l.Form {
	case LoginAuthzid:
		return SignIn{User: l.Admin, AuthorizeAs: user, Mechanism: MechanismPlain}
	case LoginProxyAuth:
		return SignIn{User: l.Admin, AuthorizeAs: user, Mechanism: MechanismProxyAuth}
	case LoginKerio:
		return SignIn{AuthorizeAs: user, Mechanism: MechanismMasterAuth}
	case LoginGoogle, LoginOffice365:
		return SignIn{User: user, Mechanism: MechanismXOAuth2}
	case LoginUserRoot:
		return SignIn{User: l.Admin}
	case LoginMaster, LoginExchange, LoginMirapoint:
		return SignIn{User: l.packed(user)}
	default:
		return SignIn{User: user}
	}
}

func (l LoginMethod) separator() string {
	if l.Form == LoginExchange {
		return cmp.Or(l.Separator, "/")
	}
	return cmp.Or(l.Separator, "*")
}

// packed is the user name that says both who signs in and whose mailbox it is.
func (l LoginMethod) packed(user string) string {
	switch {
	case l.Form == LoginExchange:
		parts := []string{l.Domain, l.Admin, user}
		if l.Domain == "" {
			parts = parts[1:]
		}
		if user == "" {
			parts = parts[:len(parts)-1]
		}
		return strings.Join(parts, l.separator())
	case user == "":
		return l.Admin
	case l.Form == LoginMirapoint:
		if l.Domain != "" && !strings.Contains(user, "@") {
			user += "@" + l.Domain
		}
		return "#" + user + "#" + l.Admin + "#"
	}
	return user + l.separator() + l.Admin
}

// Plain takes the administrator off a user name that was written in the packed form.
// A name that packs in another one is an error.
func (l LoginMethod) Plain(name string) (string, error) {
	user, domain, admin := name, "", ""
	switch l.Form {
	case LoginMaster:
		if at := strings.LastIndex(name, l.separator()); at > 0 {
			user, admin = name[:at], name[at+len(l.separator()):]
		}
	case LoginMirapoint:
		if parts := strings.Split(name, "#"); len(parts) == 4 && parts[0] == "" && parts[3] == "" {
			user, admin = parts[1], parts[2]
		}
	case LoginExchange:
		user, domain, admin = l.plainExchange(name)
	}
	switch {
	case admin == "":
		return name, nil
	case !strings.EqualFold(admin, l.Admin), domain != "" && l.Domain != "" && !strings.EqualFold(domain, l.Domain):
		return "", fmt.Errorf("it names the administrator %q, and the endpoint signs in as %q", SafeText(strings.TrimPrefix(domain+"/"+admin, "/")), SafeText(l.Admin))
	case user == "":
		return "", fmt.Errorf("it names the administrator and no user")
	}
	return user, nil
}

// plainExchange takes Domain/Admin/User apart, and Admin/User where that is what it
// must be: DOMAIN\user is a plain user name. The user is an alias and has no
// separator in it.
func (l LoginMethod) plainExchange(name string) (user, domain, admin string) {
	parts := strings.FieldsFunc(name, func(r rune) bool { return r == '/' || r == '\\' || string(r) == l.Separator })
	switch {
	case len(parts) == 3:
		return parts[2], parts[0], parts[1]
	case len(parts) == 2 && strings.EqualFold(parts[0], l.Admin):
		return parts[1], "", parts[0]
	}
	return name, "", ""
}

// RootOf is where a user's folders are: what his row says, or what the endpoint says
// for all.
func (l LoginMethod) RootOf(user, row string) string {
	if row != "" || l.Form != LoginUserRoot {
		return row
	}
	return strings.ReplaceAll(l.Root, "{user}", user)
}

// rights say how an administrator gets the right to open other people's mailboxes, by
// form.
var rights = map[LoginForm]string{
	LoginAuthzid:   "With Cyrus name him in admins (imapd.conf) and give him rights to the folders; with Zimbra make him an administrator who may view mail; with Dovecot make him a master user.",
	LoginMaster:    "With Dovecot he must be in a passdb with master = yes, and the ACLs must let him in; with UW-IMAP he must be in the group mailadm.",
	LoginExchange:  "Give him full access: Add-MailboxPermission -Identity USER -User ADMIN -AccessRights FullAccess. The user is named by the alias, not by the address.",
	LoginMirapoint: "Give him the role of administrator for the user's domain.",
	LoginUserRoot:  "Let the shared folders or ACLs of the server show him the person's folders.",
	LoginProxyAuth: "Make him a member of the group of the message store's administrators (store.admins), and allow proxy authentication.",
	LoginKerio:     "Allow master authentication in the server's advanced options, for this computer's address.",
}

// RightRemedy says how the administrator gets the right to open mailboxes.
func (f LoginForm) RightRemedy() string { return rights[f] }
