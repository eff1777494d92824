package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mailhaul/mailhaul/internal/api"
	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/migration"
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
	f.registerKind(command.Flags())
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
