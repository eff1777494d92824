package dovecotrig

import (
	"fmt"
	"strings"

	"github.com/mailhaul/mailhaul/rigs/rig"
)

// Mail storage formats, the values of Options.Format.
const (
	Maildir = "maildir"
	Mdbox   = "mdbox"
	Sdbox   = "sdbox"
)

// Options describes one server. The zero value is a roomy server with every
// extension Dovecot has, mail in mdbox, "/" as separator and no prefix.
type Options struct {
	// Dir is the directory to make; empty means a new temporary one.
	Dir string
	// Format is Maildir, Mdbox or Sdbox; empty means Mdbox, the fastest.
	Format string
	// Separator is the hierarchy separator, "/" or "."; empty means "/".
	Separator string
	// Prefix is the personal namespace's prefix, such as "INBOX."; it must end
	// in the separator.
	Prefix string
	// SpecialUse is Dovecot's auto setting of the Drafts, Sent, Junk, Trash and
	// Archive folders: "no" (the default) tells their use once they exist,
	// "create" makes them, "subscribe" makes and subscribes them.
	SpecialUse string
	// Password is every user's password; empty means DefaultPassword.
	Password string
	// Hide names capabilities that the server no longer announces, such as
	// "MULTIAPPEND". Dovecot still obeys the hidden commands.
	Hide []string
	// QuotaBytes is every mailbox's storage quota; 0 means none.
	QuotaBytes int64
	// MaxUserIPConnections is the limit of connections per user and address;
	// 0 means 1,000.
	MaxUserIPConnections int
	// Durable makes the server sync mail to disk as Dovecot does by default.
	Durable bool
	// Extra is appended to the configuration as it stands.
	Extra string
}

// DefaultPassword is every user's password unless Options.Password differs.
const DefaultPassword = rig.DefaultPassword

// MasterUser may log in as any user with "user*admin" and MasterPassword.
const (
	MasterUser     = rig.Admin
	MasterPassword = rig.AdminPassword
)

// withDefaults fills the empty fields and refuses what Dovecot would refuse.
func (o Options) withDefaults() (Options, error) {
	if o.Format == "" {
		o.Format = Mdbox
	}
	if o.Separator == "" {
		o.Separator = "/"
	}
	if o.SpecialUse == "" {
		o.SpecialUse = "no"
	}
	if o.Password == "" {
		o.Password = DefaultPassword
	}
	if o.MaxUserIPConnections == 0 {
		o.MaxUserIPConnections = 1000
	}
	if o.Format != Maildir && o.Format != Mdbox && o.Format != Sdbox {
		return o, fmt.Errorf("unknown mail format %q", o.Format)
	}
	if o.Separator != "/" && o.Separator != "." {
		return o, fmt.Errorf("separator %q is neither a slash nor a dot", o.Separator)
	}
	if o.Prefix != "" && !strings.HasSuffix(o.Prefix, o.Separator) {
		return o, fmt.Errorf("prefix %q does not end in separator %q", o.Prefix, o.Separator)
	}
	return o, rig.CheckPassword(o.Password)
}
