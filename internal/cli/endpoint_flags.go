package cli

import (
	"cmp"
	"context"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/token"
)

// endpointSpecFlags are what an endpoint is made of on a command line.
type endpointSpecFlags struct {
	url, caFile, adminPasswordFile      string
	clientSecretFile, certificateFile   string
	serviceAccountFile                  string
	migrations, incremental, connection int
	skipVerification                    bool
	dayDown, dayUp                      int64
	defaultFolders                      []string
	spec                                control.EndpointSpec
}

func (f *endpointSpecFlags) register(flags *pflag.FlagSet) {
	f.registerLogin(flags)
	flags.StringVar(&f.caFile, "ca", "", "PEM `FILE` with the certificate authorities, instead of the system's")
	flags.StringVar(&f.spec.Pin, "pin", "", "base64 SHA-256 of the server's public key, trusted whoever signed it")
	flags.Var(choice{&f.spec.MinTLS, []string{"1.0", "1.1", "1.2", "1.3"}}, "min-tls", "lowest TLS version, 1.0 to 1.3 (default 1.2)")
	flags.BoolVar(&f.spec.AllowCleartext, "allow-cleartext", false, "allow imap+plain:// addresses")
	flags.IntVar(&f.migrations, "migrations", 0, "how many mailboxes may be in their initial pass at a time (default 20)")
	flags.IntVar(&f.incremental, "incremental", 0, "how many may be in a later pass at a time (default 10)")
	flags.IntVar(&f.connection, "connections", 0, "how many connections a mailbox may open (default 4, with --type office365 2)")
	flags.IntVar(&f.spec.Unanswered, "unanswered", 0, "messages on their way to it on one connection without an answer, at most (default no bound of its own, to Exchange 9: it ends a connection after ten refusals; more only while Microsoft has lifted your throttling)")
	flags.Var(amount{&f.spec.BytesPerSecond}, "bytes-per-second", "ceiling for all mailboxes together, such as 10M; 0 is none")
	flags.Float64Var(&f.spec.MessagesPerSec, "messages-per-second", 0, "ceiling for all mailboxes together; 0 is none")
	flags.Var(amount{&f.dayDown}, "bytes-per-day-down", "what each account may read in 24 hours; such as 2500M; 0 is any number (default 2500M for Gmail)")
	flags.Var(amount{&f.dayUp}, "bytes-per-day-up", "what each account may write in 24 hours; such as 500M; 0 is any number (default 500M for Gmail)")
	flags.StringArrayVar(&f.defaultFolders, "default-folder", nil, defaultFolderHelp)
	flags.BoolVar(&f.skipVerification, "skip-verification", false, "do not test the connection")
}

// registerKind are the flags that stay as they were given when an endpoint was made.
func (f *endpointSpecFlags) registerKind(flags *pflag.FlagSet) {
	flags.Var(choice{&f.spec.Type, []string{string(migration.KindIMAP), string(migration.KindOffice365), string(migration.KindGmail)}}, "type", "`KIND` of server: imap (default), office365 or gmail")
	flags.Var(choice{&f.spec.Login, loginNames()}, "login", "`FORM` of signing in, see above (default user, with --type office365 that)")
}

// registerLogin are the flags of the one credential that opens every mailbox.
func (f *endpointSpecFlags) registerLogin(flags *pflag.FlagSet) {
	flags.StringVar(&f.spec.AdminUser, "admin-user", "", "`NAME` of the administrator, where --login has one")
	flags.StringVar(&f.adminPasswordFile, "admin-password-file", "", "`FILE` whose first line is the administrator's password, or Kerio's master password")
	flags.StringVar(&f.spec.Separator, "separator", "", "`CHARACTER` between user and administrator: default * with --login master, / with exchange")
	flags.StringVar(&f.spec.Domain, "domain", "", "`DOMAIN` of the administrator with --login exchange (optional), of users without one with mirapoint")
	flags.StringVar(&f.spec.UserRoot, "user-root", "", "`PATH` of a person's folders with {user} in it, with --login userroot, for rows without a UserRoot")
	flags.StringVar(&f.spec.Tenant, "tenant", "", "Office 365: `ID` of the directory (tenant), or a domain of it")
	flags.StringVar(&f.spec.ClientID, "client-id", "", "Office 365: `ID` of the application (client)")
	flags.Var(choice{&f.spec.Cloud, []string{"worldwide", "gcc", "gcc-high", "dod", "china"}}, "cloud", "Office 365: worldwide (default), gcc, gcc-high, dod or china")
	flags.StringVar(&f.spec.Authority, "authority", "", "Office 365: `URL` that gives tokens, instead of the cloud's")
	flags.StringVar(&f.spec.Scope, "scope", "", "Office 365: `SCOPE` of the tokens, instead of the cloud's")
	flags.StringVar(&f.clientSecretFile, "client-secret-file", "", "Office 365: `FILE` that holds the value of the client secret, one line")
	flags.StringVar(&f.certificateFile, "certificate-file", "", "Office 365: PEM `FILE` with the certificate and its private key")
	flags.StringVar(&f.serviceAccountFile, "service-account-file", "", "Gmail: JSON key `FILE` of the service account")
	flags.BoolVar(&f.spec.GraphFolders, "graph-folders", false, "Office 365: ask Microsoft Graph which are the default folders of each mailbox; takes the permission Mail.ReadBasic.All")
	flags.StringVar(&f.spec.Graph, "graph", "", "Office 365: `URL` of Microsoft Graph, instead of the cloud's")
}

// complete reads the address and the files.
func (f *endpointSpecFlags) complete(ctx context.Context, r *remote, flags *pflag.FlagSet) error {
	if f.url != "" {
		endpoint, user, err := migration.ParseURL(f.url)
		if err != nil {
			return usageError("URL: %w", err)
		}
		if user != "" {
			return usageError("URL: leave %s out; users come with the batch", migration.SafeText(user))
		}
		f.spec.Host, f.spec.Port, f.spec.Security = endpoint.Host, endpoint.Port, string(endpoint.Security)
	}
	if f.caFile != "" {
		pem, err := os.ReadFile(f.caFile)
		if err != nil {
			return usageError("--ca: %w", err)
		}
		f.spec.CA = string(pem)
	}
	for name, limit := range map[string]struct {
		into **int
		from *int
	}{"migrations": {&f.spec.Migrations, &f.migrations}, "incremental": {&f.spec.Incremental, &f.incremental}, "connections": {&f.spec.Connections, &f.connection}} {
		if flags.Changed(name) {
			*limit.into = limit.from
		}
	}
	if flags.Changed("bytes-per-day-down") {
		f.spec.BytesPerDayDown = &f.dayDown
	}
	if flags.Changed("bytes-per-day-up") {
		f.spec.BytesPerDayUp = &f.dayUp
	}
	folders, err := migration.ParseDefaultFolders(f.defaultFolders)
	if err != nil {
		return usageError("--default-folder: %w", err)
	}
	f.spec.DefaultFolders = folders
	return f.secrets(ctx, r, flags.Lookup("type") == nil)
}

const defaultFolderHelp = "`USE=FOLDER`: the folder that is Sent, Drafts, Trash, Junk or Archive in mailboxes that have it, such as Sent=\"Gesendete Elemente\", before marks and known names (repeatable)"

// secrets reads the secret that the endpoint signs in with. With a change of an endpoint
// it is not asked for where it may be of either kind.
func (f *endpointSpecFlags) secrets(ctx context.Context, r *remote, change bool) (err error) {
	s := &f.spec
	if s.AdminUser != "" || f.adminPasswordFile != "" || s.Login == string(migration.LoginKerio) {
		if s.AdminPassword, err = r.secretFrom(ctx, "--admin-password-file", f.adminPasswordFile, "MAILHAUL_ADMIN_PASSWORD", cmp.Or(s.AdminUser, "the master")); err != nil {
			return err
		}
	}
	if f.clientSecretFile != "" || s.ClientID != "" && f.certificateFile == "" && !change {
		if s.ClientSecret, err = r.clientSecret(ctx, f.clientSecretFile, s.ClientID); err != nil {
			return err
		}
	}
	if s.Certificate, err = wholeFile("--certificate-file", f.certificateFile); err == nil && s.Certificate != "" {
		_, err = token.ReadCertificate(s.Certificate.Text())
		err = aboutFile("--certificate-file", f.certificateFile, err)
	}
	if err != nil {
		return err
	}
	if s.ServiceAccount, err = wholeFile("--service-account-file", f.serviceAccountFile); err == nil && s.ServiceAccount != "" {
		_, err = token.ReadServiceAccount(s.ServiceAccount.Text())
		err = aboutFile("--service-account-file", f.serviceAccountFile, err)
	}
	return err
}

// clientSecret gets a client secret. Its file is read as a whole, so that one that holds
// something else is noticed, and is not sent anywhere.
func (r *remote) clientSecret(ctx context.Context, path, app string) (control.Password, error) {
	const flag = "--client-secret-file"
	if path == "" {
		value, err := r.secretFrom(ctx, flag+" or --certificate-file", "", "MAILHAUL_CLIENT_SECRET", "the application "+app)
		if err != nil {
			return "", err
		}
		return value, aboutFile(flag, "the secret", token.CheckClientSecret(value.Text()))
	}
	text, err := wholeFile(flag, path)
	if err != nil {
		return "", err
	}
	value := control.Password(strings.TrimRight(strings.TrimPrefix(string(text), "\ufeff"), "\r\n"))
	if value == "" {
		return "", usageError("%s: the first line of %s is empty", flag, path)
	}
	return value, aboutFile(flag, path, token.CheckClientSecret(value.Text()))
}

// aboutFile says of a file what is wrong with what it holds.
func aboutFile(flag, path string, err error) error {
	if err == nil {
		return nil
	}
	return usageError("%s: %s: %w", flag, path, err)
}

// wholeFile reads a secret that is a file of its own.
func wholeFile(flag, path string) (control.Password, error) {
	if path == "" {
		return "", nil
	}
	file, err := os.Open(path)
	if err != nil {
		return "", usageError("%s: %w", flag, err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxPassword+1))
	switch {
	case err != nil:
		return "", usageError("%s: %w", flag, err)
	case len(text) == 0 || len(text) > maxPassword:
		return "", usageError("%s: %s must hold from 1 to %d bytes", flag, path, maxPassword)
	}
	return control.Password(text), nil
}

// loginNames are the login forms.
func loginNames() (names []string) {
	for _, form := range migration.LoginForms() {
		names = append(names, string(form))
	}
	return names
}

// change is what the flags that are given change.
func (f *endpointSpecFlags) change(flags *pflag.FlagSet) (change control.EndpointPatch) {
	s := &f.spec
	flags.Visit(func(flag *pflag.Flag) {
		switch flag.Name {
		case "address":
			change.Host, change.Port, change.Security = &s.Host, &s.Port, &s.Security
		case "ca":
			change.CA = &s.CA
		case "pin":
			change.Pin = &s.Pin
		case "min-tls":
			change.MinTLS = &s.MinTLS
		case "allow-cleartext":
			change.AllowCleartext = &s.AllowCleartext
		case "unanswered":
			change.Unanswered = &s.Unanswered
		case "bytes-per-second":
			change.BytesPerSecond = &s.BytesPerSecond
		case "messages-per-second":
			change.MessagesPerSec = &s.MessagesPerSec
		case "admin-user":
			change.AdminUser, change.AdminPassword = &s.AdminUser, &s.AdminPassword
		case "admin-password-file":
			change.AdminPassword = &s.AdminPassword
		case "separator":
			change.Separator = &s.Separator
		case "domain":
			change.Domain = &s.Domain
		case "user-root":
			change.UserRoot = &s.UserRoot
		case "tenant":
			change.Tenant = &s.Tenant
		case "client-id":
			change.ClientID = &s.ClientID
		case "cloud":
			change.Cloud = &s.Cloud
		case "authority":
			change.Authority = &s.Authority
		case "scope":
			change.Scope = &s.Scope
		case "default-folder":
			change.DefaultFolders = &s.DefaultFolders
		case "graph-folders":
			change.GraphFolders = &s.GraphFolders
		case "graph":
			change.Graph = &s.Graph
		case "client-secret-file":
			change.ClientSecret = &s.ClientSecret
		case "certificate-file":
			change.Certificate = &s.Certificate
		case "service-account-file":
			change.ServiceAccount = &s.ServiceAccount
		}
	})
	change.Migrations, change.Incremental, change.Connections = s.Migrations, s.Incremental, s.Connections
	change.BytesPerDayDown, change.BytesPerDayUp = s.BytesPerDayDown, s.BytesPerDayUp
	return change
}
