package discover

import (
	"slices"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Login is a form of signing in to a server.
type Login struct {
	Form migration.LoginForm `json:"form"`
	// How says who signs in, and how.
	How string `json:"how"`
	// Admin: an administrator's user name is given with the endpoint.
	Admin bool `json:"admin"`
}

// logins are all forms.
var logins = []Login{
	{migration.LoginUser, "each mailbox with its own user name and password", false},
	{migration.LoginAuthzid, "an administrator by SASL PLAIN, with the mailbox as authorisation identity", true},
	{migration.LoginMaster, "a master user, as User*Admin", true},
	{migration.LoginExchange, "an administrator with full access, as Domain/Admin/User", true},
	{migration.LoginMirapoint, "an administrator, as #user@domain#Admin#", true},
	{migration.LoginUserRoot, "an administrator who sees all mailboxes in shared folders; the column UserRoot names each", true},
	{migration.LoginProxyAuth, "an administrator, then PROXYAUTH for each mailbox", true},
	{migration.LoginKerio, "the master password, by X-MASTERAUTH", false},
	{migration.LoginGoogle, "a service account with domain-wide delegation", false},
	{migration.LoginOffice365, "an app registration with IMAP.AccessAsApp", false},
}

func loginOf(form migration.LoginForm) Login {
	for _, login := range logins {
		if login.Form == form {
			return login
		}
	}
	return Login{Form: form}
}

// takesPasswords reports whether capabilities seen over TLS leave a way for a user
// name and a password.
func takesPasswords(capabilities []string) bool {
	return !slices.Contains(capabilities, "LOGINDISABLED") || slices.ContainsFunc(capabilities, func(word string) bool {
		mechanism, found := strings.CutPrefix(word, "AUTH=")
		return found && (mechanism == "PLAIN" || mechanism == "LOGIN")
	})
}
