package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mailhaul/mailhaul/internal/api"
	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/token"
)

func newEndpointListCommand(r *remote) *cobra.Command {
	return &cobra.Command{Use: "list", Short: "List the endpoints of the server", Args: noArgs, RunE: func(c *cobra.Command, _ []string) error {
		client, err := r.client()
		if err != nil {
			return err
		}
		endpoints, err := client.Endpoints(c.Context())
		if err != nil {
			return err
		}
		return r.print(endpoints, func() {
			rows := [][]string{}
			for _, e := range endpoints {
				rows = append(rows, []string{e.Name, endpointURL(e), e.Login, strconv.Itoa(e.Migrations), strconv.Itoa(e.Incremental), strconv.Itoa(e.Connections), strings.Join(e.Batches, ", ")})
			}
			r.grid([]string{"endpoint", "address", "login", "migrations", "incremental", "connections", "used by"}, rows)
		})
	}}
}

// endpointURL is the endpoint as addresses are written.
func endpointURL(e control.Endpoint) string {
	scheme := map[string]string{string(migration.Implicit): "imaps", string(migration.StartTLS): "imap", string(migration.Cleartext): "imap+plain"}[e.Security]
	return scheme + "://" + migration.Endpoint{Host: e.Host, Port: e.Port}.Address()
}

func newEndpointShowCommand(r *remote) *cobra.Command {
	return &cobra.Command{Use: "show NAME", Short: "Show an endpoint of the server", Args: oneArg("name of the endpoint"), RunE: func(c *cobra.Command, args []string) error {
		return r.withEndpoint(func(client *api.Client) (control.Endpoint, error) { return client.Endpoint(c.Context(), args[0]) })
	}}
}

// withEndpoint asks for an endpoint and shows it.
func (r *remote) withEndpoint(ask func(*api.Client) (control.Endpoint, error)) error {
	client, err := r.client()
	if err != nil {
		return err
	}
	e, err := ask(client)
	if err != nil {
		return err
	}
	return r.print(e, func() { r.showEndpoint(e) })
}

func (r *remote) showEndpoint(e control.Endpoint) {
	rate := func(n float64, unit string) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatFloat(n, 'f', -1, 64) + unit
	}
	trust := "the system's authorities"
	if e.CA != "" {
		trust = "authorities of its own"
	}
	if e.Pin != "" {
		trust = "the key " + e.Pin
	}
	r.facts("endpoint", e.Name, "address", endpointURL(e), "trusts", trust, "TLS from", e.MinTLS, "kind", e.Type, "login", e.Login, "administrator", e.AdminUser, "secret", secretOf(e), "separator", e.Separator, "domain", e.Domain, "user root", e.UserRoot,
		"tenant", e.Tenant, "application", e.ClientID, "cloud", e.Cloud, "authority", e.Authority, "scope", e.Scope, "Graph", graphOf(e), "default folders", migration.DefaultFolders(e.DefaultFolders).String(),
		"migrations", strconv.Itoa(e.Migrations), "incremental", strconv.Itoa(e.Incremental), "connections", strconv.Itoa(e.Connections),
		"unanswered", unanswered(e.Unanswered),
		"ceiling", rate(float64(e.BytesPerSecond), " B/s"), "ceiling of messages", rate(e.MessagesPerSec, "/s"),
		"daily for each account", dayBudget(e.BytesPerDayDown, e.BytesPerDayUp),
		"used by", strings.Join(e.Batches, ", "), "created", moment(e.Created)+" by "+e.CreatedBy)
	if p := e.Profile; p != nil {
		r.facts("tested", moment(p.At), "server", p.Server, "TLS", p.TLS, "key", p.Pin, "round trip", fmt.Sprintf("%.0f ms", p.RoundTripSeconds*1000), "extensions", strings.Join(p.Extensions, " "), "sign-in", p.SignIn)
	}
	if e.Calibration != nil {
		r.showCalibration(*e.Calibration)
	}
}

// secretOf says what the secret of an endpoint is, and never the secret itself.
func secretOf(e control.Endpoint) string {
	s := e.Secret
	switch {
	case !migration.LoginForm(e.Login).HasAdmin():
		return ""
	case s == nil:
		return "none that may be used: give it with mailhaul endpoint set"
	case s.Kind == migration.CredentialCertificate:
		return "certificate, thumbprint " + s.Thumbprint + ", ends " + s.Ends.UTC().Format(time.DateOnly)
	case s.Account != "":
		return "key of the service account " + s.Account
	}
	return map[string]string{migration.CredentialSecret: "client secret", "service-account": "key of a service account", "password": "password"}[s.Kind]
}

// unanswered is how a limit is shown that is seldom set.
func unanswered(most int) string {
	if most == 0 {
		return ""
	}
	return "at most " + counted(most, "message", "messages") + " on a connection"
}

// graphOf says whether Microsoft Graph is asked, and where.
func graphOf(e control.Endpoint) string {
	if !e.GraphFolders {
		return e.Graph
	}
	return strings.TrimSuffix("asked for default folders at "+e.Graph, " at ")
}

const loginHelp = `
Forms of --login. With all but user one credential opens every mailbox, and the
migration file has plain user names and no passwords.
  user       each mailbox with its own password; an app password is one
  authzid    SASL PLAIN by an administrator: Cyrus, Zimbra, Dovecot
  master     User*Admin: Dovecot, UW-IMAP (--separator)
  exchange   Domain/Admin/User, without --domain Admin/User: Exchange servers; the
             domain is not part of --admin-user
  mirapoint  #User@Domain#Admin#: Mirapoint; --domain is put behind user names that
             have none, and without it they go as they are
  userroot   an administrator who sees each person's folders below a root: Courier,
             Oracle (--user-root, or the column UserRoot)
  proxyauth  PROXYAUTH by an administrator: iPlanet, Sun and Oracle Messaging
  kerio      X-MASTERAUTH with the master password: Kerio Connect
  google     a service account: --type gmail --service-account-file FILE
  office365  an application: --type office365 --tenant T --client-id C
             and --client-secret-file FILE or --certificate-file FILE
`

// dayBudget is a day's budget in words, empty for none.
func dayBudget(down, up int64) string {
	var parts []string
	for _, way := range []struct {
		name  string
		bytes int64
	}{{"down", down}, {"up", up}} {
		if way.bytes > 0 {
			parts = append(parts, byteSize(way.bytes)+" "+way.name)
		}
	}
	return strings.Join(parts, ", ")
}

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
	flags.StringVar(&f.caFile, "ca", "", "PEM `FILE` with the certificate authorities, instead of the system's")
	flags.StringVar(&f.spec.Pin, "pin", "", "base64 SHA-256 of the server's public key, trusted whoever signed it")
	flags.Var(choice{&f.spec.MinTLS, []string{"1.0", "1.1", "1.2", "1.3"}}, "min-tls", "lowest TLS version, 1.0 to 1.3 (default 1.2)")
	flags.BoolVar(&f.spec.AllowCleartext, "allow-cleartext", false, "allow imap+plain:// addresses")
	flags.IntVar(&f.migrations, "migrations", 0, "how many mailboxes may be in their initial pass at a time (default 20)")
	flags.IntVar(&f.incremental, "incremental", 0, "how many may be in a later pass at a time (default 10)")
	flags.IntVar(&f.connection, "connections", 0, "how many connections a mailbox may open (default 4, with --type office365 2)")
	flags.IntVar(&f.spec.Unanswered, "unanswered", 0, "messages on their way to it on one connection without an answer, at most (default 128, to Exchange 9: it ends a connection after ten refusals; more only while Microsoft has lifted your throttling)")
	flags.Var(amount{&f.spec.BytesPerSecond}, "bytes-per-second", "ceiling for all mailboxes together, such as 10M; 0 is none")
	flags.Float64Var(&f.spec.MessagesPerSec, "messages-per-second", 0, "ceiling for all mailboxes together; 0 is none")
	flags.Var(amount{&f.dayDown}, "bytes-per-day-down", "what each account may read in 24 hours; such as 2500M; 0 is any number (default 2500M for Gmail)")
	flags.Var(amount{&f.dayUp}, "bytes-per-day-up", "what each account may write in 24 hours; such as 500M; 0 is any number (default 500M for Gmail)")
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
	flags.StringArrayVar(&f.defaultFolders, "default-folder", nil, defaultFolderHelp)
	flags.BoolVar(&f.spec.GraphFolders, "graph-folders", false, "Office 365: ask Microsoft Graph which are the default folders of each mailbox; takes the permission Mail.ReadBasic.All")
	flags.StringVar(&f.spec.Graph, "graph", "", "Office 365: `URL` of Microsoft Graph, instead of the cloud's")
	flags.BoolVar(&f.skipVerification, "skip-verification", false, "do not test the connection")
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

// createArgs are a name and, mostly, an address.
func createArgs(c *cobra.Command, args []string) error {
	if len(args) != 1 && len(args) != 2 {
		return usageError("want the name of the endpoint and the URL of its server, such as: %s old imaps://imap.example.org\n  see: %[1]s --help", c.CommandPath())
	}
	return nil
}

func newEndpointCreateCommand(r *remote) *cobra.Command {
	f := &endpointSpecFlags{}
	command := &cobra.Command{Use: "create NAME [URL]", Short: "Create an endpoint on the server, after testing it", Args: createArgs,
		Long: `Creates an endpoint. The URL names the server; --type office365 and gmail know theirs.
` + loginHelp,
		Example: `  mailhaul endpoint create old imaps://imap.old.example.org
  mailhaul endpoint create old imaps://imap.old.example.org --login master --admin-user admin --admin-password-file pw
  mailhaul endpoint create new --type office365 --tenant contoso.onmicrosoft.com --client-id ID --client-secret-file secret`,
		RunE: func(c *cobra.Command, args []string) error {
			f.spec.Name = args[0]
			switch {
			case len(args) > 1:
				f.url = args[1]
			case f.spec.Type == "" || f.spec.Type == string(migration.KindIMAP):
				return usageError("the URL of the server is missing; see: %s --help", c.CommandPath())
			}
			if err := f.complete(c.Context(), r, c.Flags()); err != nil {
				return err
			}
			return r.withEndpoint(func(client *api.Client) (control.Endpoint, error) {
				e, err := client.CreateEndpoint(c.Context(), f.spec, f.skipVerification)
				if err == nil && e.Type == string(migration.KindGmail) && e.Login == string(migration.LoginUser) && f.spec.Login == "" {
					fmt.Fprintln(r.streams.Err, "Without --service-account-file each mailbox signs in by itself: the migration file needs an app password for each (login user).")
				}
				return e, err
			})
		}}
	command.Flags().Var(choice{&f.spec.Type, []string{string(migration.KindIMAP), string(migration.KindOffice365), string(migration.KindGmail)}}, "type", "`KIND` of server: imap (default), office365 or gmail")
	command.Flags().Var(choice{&f.spec.Login, loginNames()}, "login", "`FORM` of signing in, see above (default user, with --type office365 that)")
	f.register(command.Flags())
	return command
}

func newEndpointSetCommand(r *remote) *cobra.Command {
	f := &endpointSpecFlags{}
	command := &cobra.Command{Use: "set NAME", Short: "Change an endpoint of the server", Args: oneArg("name of the endpoint"),
		Long: `Changes what the flags name; type and login stay as they were made: for others make
a new endpoint. Passwords are bound to host, port and security, and the secret of an
application to its tenant, ID, cloud and authority too: when those change, what is kept
is worth nothing, and is needed anew (with the same command, or later).
`,
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.complete(c.Context(), r, c.Flags()); err != nil {
				return err
			}
			change := f.change(c.Flags())
			if change == (control.EndpointPatch{}) {
				return usageError("nothing to change; see: %s --help", c.CommandPath())
			}
			return r.withEndpoint(func(client *api.Client) (control.Endpoint, error) {
				return client.SetEndpoint(c.Context(), args[0], change, 0, f.skipVerification)
			})
		}}
	f.register(command.Flags())
	command.Flags().StringVar(&f.url, "address", "", "`URL` of the server")
	return command
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

func newEndpointDeleteCommand(r *remote) *cobra.Command {
	return &cobra.Command{Use: "delete NAME", Short: "Delete an endpoint that no batch uses", Args: oneArg("name of the endpoint"), RunE: func(c *cobra.Command, args []string) error {
		client, err := r.client()
		if err != nil {
			return err
		}
		if err := client.DeleteEndpoint(c.Context(), args[0]); err != nil {
			return err
		}
		r.say("endpoint %s is deleted", args[0])
		return nil
	}}
}

// testOnServer tests an endpoint from the server, and shows each step.
func (r *remote) testOnServer(ctx context.Context, name, user, passwordFile string) error {
	client, err := r.client()
	if err != nil {
		return err
	}
	spec := control.TestSpec{Name: name, User: user}
	if user != "" || passwordFile != "" {
		if spec.Password, err = r.mailboxPassword(ctx, client, name, user, passwordFile); err != nil {
			return err
		}
	}
	probe, err := client.TestEndpoint(ctx, spec)
	if err != nil {
		return err
	}
	if err := r.print(probe, func() { r.showProbe(probe) }); err != nil {
		return err
	}
	if !probe.OK {
		return &exitError{status: statusOfProbe(probe)}
	}
	return nil
}

// mailboxPassword gets the password of a mailbox of an endpoint, if the endpoint signs in
// by that of each mailbox.
func (r *remote) mailboxPassword(ctx context.Context, client *api.Client, name, user, passwordFile string) (control.Password, error) {
	e, err := client.Endpoint(ctx, name)
	switch form := migration.LoginForm(e.Login); {
	case err != nil:
		return "", err
	case form.HasAdmin() && passwordFile != "":
		return "", usageError("--password-file has no use here: the endpoint %s opens mailboxes by the login %s, without their passwords", name, form)
	case form.HasAdmin():
		return "", nil
	case user == "":
		return "", usageError("--password-file has no use without --user: nobody signs in")
	}
	return r.secretFrom(ctx, "--password-file", passwordFile, "MAILHAUL_SERVER_PASSWORD", user)
}

// statusOfProbe is the exit status of a test that did not go well.
func statusOfProbe(probe control.Probe) int {
	for _, s := range probe.Steps {
		if s.SignInRefused() {
			return exitLogin
		}
	}
	return exitConnection
}

func (r *remote) showProbe(probe control.Probe) {
	marks := map[string]string{control.StepOK: "ok  ", control.StepFailed: "FAIL", control.StepSkipped: "-   "}
	for _, s := range probe.Steps {
		r.say("%s %-10s %s", marks[s.Result], s.Step, migration.SafeText(s.Detail))
		if s.Remedy != "" {
			r.say("                what to do: %s", migration.SafeText(s.Remedy))
		}
	}
}
