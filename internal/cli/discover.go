package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/discover"
	"github.com/mailhaul/mailhaul/internal/migration"
)

type discoverFlags struct {
	timeout       time.Duration
	noProbe       bool
	directory     bool
	allowLoopback bool
	dns           string
	caFile        string
	json          bool
}

// The bounds of --timeout.
const (
	shortestDiscovery = time.Second
	longestDiscovery  = 5 * time.Minute
)

func newDiscoverCommand(streams Streams) *cobra.Command {
	flags := &discoverFlags{}
	command := &cobra.Command{
		Use:   "discover ADDRESS",
		Short: "Find the mail server of an address, and how to sign in there",
		Long: `Finds the IMAP server that holds the mail of an address, from the address alone, and
says with which commands to go on. It asks, all at once:

  the domain's SRV records, its autoconfig file, its Autodiscover service and its MX
  records; a table of known providers; and the usual names such as imap.example.org

and looks at every server that was named, without signing in: whether it answers over
TLS, whether its certificate is good, and what software it says it is. From the
software follow the forms in which an administrator can sign in for all mailboxes.

What is found is shown best first:
  sure     the domain or the table names it, it answers, its certificate is good
  likely   it is named but did not answer, or it answers but only its name speaks for it
  guess    neither

It needs no password and no mailhaul server. Nobody is told more than the domain: where
a question wants an address, postmaster@ stands in it. A server without TLS is never
proposed. The status is 0 when a server was found that answers with a good certificate,
or with --no-probe one that is named, and 5 when none was.
`,
		Example: `  mailhaul discover anna@example.org
  mailhaul discover anna@example.org --json
  mailhaul discover anna@example.org --dns 192.0.2.53 --ca company-ca.pem`,
		Args: oneArg("address of a mailbox, such as anna@example.org"),
		RunE: func(c *cobra.Command, args []string) error {
			return runDiscover(c.Context(), args[0], flags, streams)
		},
	}
	command.Flags().DurationVar(&flags.timeout, "timeout", 15*time.Second, "how long the whole search may take")
	command.Flags().BoolVar(&flags.noProbe, "no-probe", false, "connect to no mail server: only say which are named")
	command.Flags().BoolVar(&flags.directory, "directory", false, "also ask Thunderbird's public database of providers, which tells it the domain")
	command.Flags().StringVar(&flags.dns, "dns", "", "`SERVER` to ask for DNS records, as ADDRESS or ADDRESS:PORT, instead of the system's")
	command.Flags().StringVar(&flags.caFile, "ca", "", "PEM `FILE` with the certificate authorities, instead of the system's")
	command.Flags().BoolVar(&flags.allowLoopback, "allow-loopback", false, "go on when a name leads to this computer itself")
	command.Flags().BoolVar(&flags.json, "json", false, "print all that was asked and found as JSON")
	return command
}

func runDiscover(ctx context.Context, address string, flags *discoverFlags, streams Streams) error {
	if _, _, err := migration.ParseAddress(address); err != nil {
		return usageError("%w", err)
	}
	options, looker, err := flags.options()
	if err != nil {
		return err
	}
	if !flags.noProbe {
		options.Probe = looker.look
	}
	result, err := discover.Find(ctx, address, options)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return &migration.Fault{Class: migration.Stop, Code: migration.CodeInterrupted, Doing: "the search was interrupted"}
		}
		return err
	}
	shown := &discovery{address: address, result: result, flags: flags}
	if flags.json {
		err = writeJSON(streams.Out, shown.json())
	} else {
		shown.print(streams.Out)
	}
	if err != nil {
		return err
	}
	return shown.verdict()
}

// options checks the flags. The looker is the one that looks at servers.
func (f *discoverFlags) options() (discover.Options, *looker, error) {
	if f.timeout < shortestDiscovery || f.timeout > longestDiscovery {
		return discover.Options{}, nil, usageError("--timeout %s: want from %s to %s", f.timeout, shortestDiscovery, longestDiscovery)
	}
	resolver, err := f.resolver()
	if err != nil {
		return discover.Options{}, nil, err
	}
	l := &looker{dial: publicDialler(resolver, f.allowLoopback)}
	options := discover.Options{Resolver: resolver, Dial: l.dial, Directory: f.directory, Timeout: f.timeout}
	if f.caFile == "" {
		return options, l, nil
	}
	if l.ca, err = os.ReadFile(f.caFile); err != nil {
		return options, nil, usageError("--ca: %w", err)
	}
	options.Roots = x509.NewCertPool()
	if !options.Roots.AppendCertsFromPEM(l.ca) {
		return options, nil, usageError("--ca: %s holds no certificate in PEM form", f.caFile)
	}
	return options, l, nil
}

// resolver is the system's, or one that asks the server of --dns.
func (f *discoverFlags) resolver() (namedResolver, error) {
	if f.dns == "" {
		return namedResolver{net.DefaultResolver, ""}, nil
	}
	at, err := netip.ParseAddrPort(f.dns)
	if err != nil {
		ip, err := netip.ParseAddr(f.dns)
		if err != nil {
			return namedResolver{}, usageError("--dns %s: want the IP address of a name server, such as 192.0.2.53 or 192.0.2.53:5353", migration.SafeText(f.dns))
		}
		at = netip.AddrPortFrom(ip, 53)
	}
	return namedResolver{&net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, at.String())
	}}, at.String()}, nil
}

// namedResolver names in its errors the server that was really asked: the library names
// the system's, whichever it was sent to.
type namedResolver struct {
	*net.Resolver
	server string
}

var _ discover.Resolver = namedResolver{}

func (r namedResolver) naming(err error) error {
	var dns *net.DNSError
	if r.server == "" || !errors.As(err, &dns) {
		return err
	}
	named := *dns // who asks the same at the same time has the same error
	named.Server = r.server
	return &named
}

func (r namedResolver) LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error) {
	cname, records, err := r.Resolver.LookupSRV(ctx, service, proto, name)
	return cname, records, r.naming(err)
}

func (r namedResolver) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	records, err := r.Resolver.LookupMX(ctx, name)
	return records, r.naming(err)
}

func (r namedResolver) LookupCNAME(ctx context.Context, host string) (string, error) {
	name, err := r.Resolver.LookupCNAME(ctx, host)
	return name, r.naming(err)
}

// publicDialler connects to what strangers name: to addresses that servers have, and to
// names as they are, without a search list.
func publicDialler(resolver namedResolver, allowLoopback bool) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		absolute := host
		if _, err := netip.ParseAddr(host); err != nil && !strings.HasSuffix(host, ".") {
			absolute += "."
		}
		dialer := &net.Dialer{Resolver: resolver.Resolver, Control: publicOnly(host, allowLoopback)}
		conn, err := dialer.DialContext(ctx, network, net.JoinHostPort(absolute, port))
		return conn, resolver.naming(err)
	}
}

// publicOnly refuses addresses as the server does, and says which flag allows those of
// this computer.
func publicOnly(host string, allowLoopback bool) func(network, address string, _ syscall.RawConn) error {
	check := control.DialPolicy{AllowLoopback: allowLoopback}.Control(host)
	loopback := control.DialPolicy{AllowLoopback: true}.Control(host)
	return func(network, address string, line syscall.RawConn) error {
		err := check(network, address, line)
		fault := migration.FaultOf(err)
		switch {
		case fault == nil:
		case loopback(network, address, line) == nil:
			fault.Remedy = "If the mail server is this computer itself, go on with --allow-loopback."
		default:
			fault.Remedy = "Use the address of a mail server."
		}
		return err
	}
}

// verdict is nil when there is a server to go on with.
func (d *discovery) verdict() error {
	for _, c := range d.result.Candidates {
		if c.Answers() || d.flags.noProbe && c.Named() {
			return nil
		}
	}
	fault := &migration.Fault{Class: migration.Again, Code: migration.CodeConnect, Doing: fmt.Sprintf("no mail server of %s was found that answers with a good certificate", d.result.Domain),
		Remedy: "Ask whoever runs the mail for the name of the IMAP server, and test it: mailhaul endpoint test imaps://HOST"}
	if d.flags.noProbe {
		fault.Doing = fmt.Sprintf("nothing names a mail server of %s", d.result.Domain)
	}
	switch p := d.result.Provider; {
	case d.result.NameServer != "":
		fault.Code, fault.Doing = migration.CodeResolve, fmt.Sprintf("nothing could be looked up for %s: %s", d.result.Domain, d.result.NameServer)
		fault.Remedy = "See to the name service of this computer, or name a server with --dns ADDRESS."
		if d.flags.dns != "" {
			fault.Remedy = "Name another server with --dns, or leave --dns out, which asks the system's."
		}
	case len(d.shown()) > 0:
		fault.Remedy = "See above what is wrong with each server that was found, and whether this computer may reach its port."
	case p != nil:
		fault.Remedy = "Nothing to do here: " + p.Name + " keeps the mail, and has no IMAP server in reach."
	}
	return fault
}
