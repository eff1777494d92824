package control

import (
	"cmp"
	"errors"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

// Account is a mailbox on a server, with all that is needed to sign in.
type Account struct {
	Endpoint migration.Endpoint
	Login    migration.LoginMethod
	// User is whose mailbox it is, empty for none.
	User string
	// Password is that of the user, or the secret of the login's credential where
	// it has one.
	Password secret.Text
	// Root is where the person's folders are, when the sign-in sees more.
	Root string
	// Labels is what the batch makes of labels at the source.
	Labels migration.LabelPolicy
	// DefaultFolders are those that the endpoint names.
	DefaultFolders migration.DefaultFolders
}

// Side is one end of a migration.
type Side string

// The sides.
const (
	SourceSide Side = "source"
	TargetSide Side = "target"
)

func (s Side) purpose() string { return string(s) + " password" }

// errNoSecret: there is no password.
var errNoSecret = errors.New("there is no password; give one")

// OpenAccount opens what is needed to sign in to one side of a mailbox. An error is
// for people to read: secret.ErrKey, secret.ErrDamaged or *secret.BoundError are in
// its chain. The mailbox is then broken until it has a new password.
func OpenAccount(keys *secret.Keyring, e migration.EndpointRecord, b migration.BatchRecord, m migration.MailboxRecord, side Side) (Account, error) {
	a := Account{Endpoint: e.Endpoint, Login: e.Login, User: m.SourceUser, Root: m.UserRoot, Labels: b.Options.Labels, DefaultFolders: e.DefaultFolders}
	sealed := m.SourceSecret
	if side == TargetSide {
		a.User, a.Root, sealed = m.TargetUser, "", m.TargetSecret
	}
	var err error
	if e.Login.Form.HasAdmin() {
		a.Password, err = adminOf(keys, e)
		return a, err
	}
	if len(sealed) == 0 {
		return a, errNoSecret
	}
	key, err := keys.UnwrapKey(b.Key)
	if err == nil {
		a.Password, err = key.Open(sealed, rowBinding(e, b.Name, m.Address, side))
	}
	return a, err
}

// rowBinding is where the password of a row may be used.
func rowBinding(e migration.EndpointRecord, batch, address string, side Side) secret.Binding {
	return secret.Binding{Purpose: side.purpose(), Host: e.Host, Port: e.Port, Security: string(e.Security), Batch: batch, Address: address}
}

// adminBinding is where the administrator's password may be used. That of an application
// goes to the authority of its tenant.
func adminBinding(e migration.EndpointRecord) secret.Binding {
	app := e.Login.App.Tenant + "/" + e.Login.App.Client
	if e.Login.App.Cloud != "" || e.Login.App.Authority != "" {
		app += "/" + e.Login.App.Cloud + "/" + e.Login.App.Authority
	}
	return secret.Binding{Purpose: "administrator's password", Host: e.Host, Port: e.Port, Security: string(e.Security), Address: e.Name + "/" + cmp.Or(e.Login.Admin, app)}
}

// adminOf opens the administrator's password of an endpoint.
func adminOf(keys *secret.Keyring, e migration.EndpointRecord) (secret.Text, error) {
	if len(e.AdminSecret) == 0 {
		return secret.Text{}, errNoSecret
	}
	return keys.OpenAlone(e.AdminSecret, adminBinding(e))
}

// opens reports whether both sides of a mailbox can be signed in to, as far as
// secrets go.
func (s *Service) opens(source, target migration.EndpointRecord, b migration.BatchRecord, m migration.MailboxRecord) bool {
	_, err := OpenAccount(s.keys, source, b, m, SourceSide)
	if err == nil {
		_, err = OpenAccount(s.keys, target, b, m, TargetSide)
	}
	return err == nil
}
