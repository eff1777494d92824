package cli

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/cutover"
)

// cutoverFlags say where a domain moves to, and who looks.
type cutoverFlags struct {
	target     cutover.Target
	kind       string
	mx         []string
	switchedAt string
	said       bool // what is stated is remembered
	batches    []string
	notify     []string

	alone         bool
	resolvers     []string
	noSystem      bool
	state         string
	allowLoopback bool
	every         time.Duration

	// assumed: nobody said where the mail moves to, and Office 365 is taken.
	assumed bool
	// dial reaches the servers of zones; nil is as the flags say. given are the names
	// of the flags that were set.
	dial  func(ctx context.Context, network, address string) (net.Conn, error)
	given map[string]bool
}

const cutoverTargetHelp = `
The target is Office 365 unless --target or --mx says otherwise. `

const cutoverChangeHelp = `each flag changes what it names, and the rest of the target stays; another --target
begins it anew.`

const cutoverAloneHelp = `

With --alone this computer looks by itself, without a mailhaul server: it asks the
resolvers of the system and those of --dns, and remembers what it saw in the file of
--state. Whether the mailboxes were synchronised only a server can tell.
`

// cutoverLookHelp is for the commands that look once, cutoverWatchHelp for the one that
// says where a domain moves to.
const (
	cutoverLookHelp = cutoverTargetHelp + `Of a domain that
the server watches, the target is that of the watch, and flags that say otherwise are
refused: change it with "mailhaul cutover watch". Of one that --alone remembers,
` + cutoverChangeHelp + cutoverAloneHelp
	cutoverWatchHelp = cutoverTargetHelp + `Of a domain that is watched
` + cutoverChangeHelp + cutoverAloneHelp
)

const cutoverStatusHelp = `
The status is 0 when the old system is no longer needed (with --alone: as far as the DNS
tells), 3 when it still is, 6 when a finding is an error, and 5 when nothing could be
looked up.
`

func newCutoverCommand(streams Streams) *cobra.Command {
	return newNoun(streams, "cutover", "Move a domain's mail to the new system, and know when the old one may go",
		newCutoverPlanCommand, newCutoverCheckCommand, newCutoverWatchCommand, newCutoverListCommand, newCutoverDeleteCommand)
}

func newCutoverPlanCommand(r *remote) *cobra.Command {
	f := &cutoverFlags{}
	command := &cobra.Command{
		Use: "plan DOMAIN", Short: "Print the steps of the move, with the records as they are and those to publish",
		Long:    "Looks at the domain once and prints the steps of the move in their order.\n" + cutoverLookHelp,
		Example: "  mailhaul cutover plan contoso.com\n  mailhaul cutover plan contoso.com --mx mx1.new.example --mx mx2.new.example --spf spf.new.example --alone",
		Args:    oneArg("domain, such as contoso.com"),
		RunE: func(c *cobra.Command, args []string) error {
			v, err := f.look(c, r, args[0])
			if err != nil {
				return err
			}
			return r.print(v.answer, func() { printPlanOf(r.streams.Out, v.verdict, v.assumed) })
		}}
	f.register(command.Flags())
	return command
}

func newCutoverCheckCommand(r *remote) *cobra.Command {
	f := &cutoverFlags{}
	command := &cobra.Command{
		Use: "check DOMAIN", Short: "Look at a domain once, and say all that was found",
		Long: "Asks every server of the domain's zone and the resolvers where its mail goes, and says\nwhat is so and what to do.\n" + cutoverLookHelp + cutoverStatusHelp,
		Args: oneArg("domain, such as contoso.com"),
		RunE: func(c *cobra.Command, args []string) error {
			v, err := f.look(c, r, args[0])
			if err != nil {
				return err
			}
			if err := r.print(v.answer, func() { printVerdict(r.streams.Out, v.verdict, v.assumed) }); err != nil {
				return err
			}
			return statusOfVerdict(v.verdict, f.alone)
		}}
	f.register(command.Flags())
	return command
}

func newCutoverWatchCommand(r *remote) *cobra.Command {
	f := &cutoverFlags{}
	command := &cobra.Command{
		Use: "watch DOMAIN", Short: "Keep looking at a domain until its old system is no longer needed",
		Long: `Has the server look at the domain every 15 minutes from now on, until it is told to stop
with "mailhaul cutover delete". It mails whoever had it watched first, and those of
--notify, when the state changes, if the server has a mail server to send with. With
--alone this command looks itself, prints a line when the state or a finding changes, and
ends once the domain has settled.
` + cutoverWatchHelp,
		Args: oneArg("domain, such as contoso.com"),
		RunE: func(c *cobra.Command, args []string) error { return f.watch(c, r, args[0]) },
	}
	f.register(command.Flags())
	command.Flags().StringSliceVar(&f.notify, "notify", nil, "`ADDRESS` that is mailed too when the state changes (several)")
	command.Flags().DurationVar(&f.every, "every", control.CutoverEvery, "with --alone: time between looks, at least 1m")
	return command
}

func (f *cutoverFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.kind, "target", "", "where the mail moves to: office365, office365-china or other")
	flags.StringSliceVar(&f.mx, "mx", nil, "`HOST` of a new MX record (several); any of its hosts for Office 365")
	flags.StringVar(&f.target.SPF, "spf", "", "`DOMAIN` that the SPF record must include")
	flags.StringVar(&f.target.Autodiscover, "autodiscover", "", "`HOST` that autodiscover.DOMAIN must lead to")
	flags.StringVar(&f.target.Tenant, "tenant", "", "first `DOMAIN` of the tenant, such as contoso.onmicrosoft.com, to propose DKIM records")
	flags.StringVar(&f.switchedAt, "switched-at", "", "`TIME` at which the MX records were changed, where nobody looked; what was seen counts more; empty takes it back")
	flags.StringSliceVar(&f.batches, "batch", nil, "`BATCH` whose mailboxes count (several); without, those of all batches")
	flags.BoolVar(&f.alone, "alone", false, "look from this computer, without a mailhaul server")
	flags.StringSliceVar(&f.resolvers, "dns", nil, "with --alone: `ADDRESS` of a further resolver to ask (several), which is told the domain")
	flags.BoolVar(&f.noSystem, "no-system-dns", false, "with --alone: ask only the resolvers of --dns, where the system's know another DNS than the world's")
	flags.StringVar(&f.state, "state", "", "with --alone: `FILE` that remembers what was seen (default: mailhaul/cutover.json in $XDG_STATE_HOME or ~/.local/state)")
	flags.BoolVar(&f.allowLoopback, "allow-loopback", false, "with --alone: ask servers of a zone on this computer, too")
}

// check reads the flags that need it. The domain is in the form of DNS then.
func (f *cutoverFlags) check(flags *pflag.FlagSet, domain string) (string, error) {
	f.given = map[string]bool{}
	flags.Visit(func(flag *pflag.Flag) { f.given[flag.Name] = true })
	for _, name := range []string{"dns", "no-system-dns", "state", "allow-loopback", "every"} {
		if f.given[name] && !f.alone {
			return "", usageError("--%s is for --alone: the server has settings of its own", name)
		}
	}
	for _, name := range []string{"batch", "notify"} {
		if f.given[name] && f.alone {
			return "", usageError("--%s is for a server, and with --alone none is asked", name)
		}
	}
	domain, err := cutover.ParseDomain(domain)
	if err != nil {
		return "", usageError("%w", err)
	}
	return domain, nil
}

// targeted reports whether a flag says where the mail moves to.
func (f *cutoverFlags) targeted() bool {
	return f.given["target"] || f.given["mx"] || f.given["spf"] || f.given["autodiscover"] || f.given["tenant"]
}

// wanted is the present target, of which the kind is empty where there is none, with what
// the flags change. Another kind has nothing of the present one.
func (f *cutoverFlags) wanted(t cutover.Target) (cutover.Target, error) {
	kind := cutover.Office365
	if len(f.mx) > 0 {
		kind = cutover.Other
	}
	f.assumed = cmp.Or(cutover.Kind(f.kind), t.Kind) == "" && kind == cutover.Office365
	if kind = cmp.Or(cutover.Kind(f.kind), t.Kind, kind); kind != t.Kind {
		t = cutover.Target{Kind: kind}
	}
	if f.given["mx"] {
		t.MX = f.mx
	}
	if f.given["spf"] {
		t.SPF = f.target.SPF
	}
	if f.given["autodiscover"] {
		t.Autodiscover = f.target.Autodiscover
	}
	if f.given["tenant"] {
		t.Tenant = f.target.Tenant
	}
	checked, flaws := t.Checked()
	if len(flaws) > 0 {
		return t, usageError("--%s: %s", flagOfTarget(flaws[0].Field), flaws[0].Text)
	}
	return checked, nil
}

// flagOfTarget is the flag that says a field of the target.
func flagOfTarget(field string) string {
	if field == "kind" {
		return "target"
	}
	return field
}

// stated is the time of --switched-at; zero is none.
func (f *cutoverFlags) stated() (time.Time, error) {
	t, err := when("switched-at", f.switchedAt)
	if err != nil || t == nil {
		return time.Time{}, err
	}
	if t.After(time.Now()) {
		return time.Time{}, usageError("--switched-at: that time has not come yet")
	}
	return *t, nil
}

// seen is a verdict, how JSON shows it, and whether its target was only assumed.
type seen struct {
	verdict cutover.Verdict
	answer  any
	assumed bool
}

// look looks once, by itself or by the server.
func (f *cutoverFlags) look(c *cobra.Command, r *remote, domain string) (seen, error) {
	domain, err := f.check(c.Flags(), domain)
	if err != nil {
		return seen{}, err
	}
	if !f.alone {
		return f.lookByServer(c.Context(), r, domain)
	}
	v, err := f.lookAlone(c.Context(), domain)
	return seen{v, v, f.assumed}, err
}

// asker asks the resolvers of the system and those that are named.
func (f *cutoverFlags) asker() (*cutover.Asker, error) {
	var resolvers []string
	if !f.noSystem {
		var err error
		if resolvers, err = cutover.SystemResolvers("/etc/resolv.conf"); err != nil && len(f.resolvers) == 0 {
			return nil, usageError("%w; name one with --dns ADDRESS", err)
		}
	} else if len(f.resolvers) == 0 {
		return nil, usageError("--no-system-dns: name a resolver with --dns ADDRESS")
	}
	for _, text := range f.resolvers {
		at, err := cutover.ParseResolver(text)
		if err != nil {
			return nil, usageError("--dns: %w", err)
		}
		resolvers = append(resolvers, at)
	}
	asker, err := cutover.NewAsker(cutover.Options{Resolvers: resolvers, Dial: f.dialler()})
	if err != nil {
		return nil, usageError("--dns: %w", err)
	}
	return asker, nil
}

func (f *cutoverFlags) dialler() func(ctx context.Context, network, address string) (net.Conn, error) {
	if f.dial != nil {
		return f.dial
	}
	return publicDialler(namedResolver{net.DefaultResolver, ""}, f.allowLoopback)
}

// statusOfVerdict is the exit status of a check.
func statusOfVerdict(v cutover.Verdict, alone bool) error {
	for _, finding := range v.Findings {
		if v.State != cutover.Unknown && finding.Severity == cutover.Bad {
			return &exitError{status: exitDifferences}
		}
	}
	switch {
	case v.State == cutover.Unknown:
		return &exitError{status: exitConnection}
	case v.Delete.Yes, alone && v.State == cutover.Settled:
		return nil
	}
	return &exitError{status: exitSkipped}
}

// watch has the server watch, or watches.
func (f *cutoverFlags) watch(c *cobra.Command, r *remote, domain string) error {
	domain, err := f.check(c.Flags(), domain)
	if err != nil {
		return err
	}
	if !f.alone {
		return f.watchByServer(c.Context(), r, domain)
	}
	if f.every < time.Minute {
		return usageError("--every %s: want a minute or more", f.every)
	}
	return f.watchAlone(c.Context(), r, domain)
}

// watchAlone looks until the domain has settled, and tells what changes.
func (f *cutoverFlags) watchAlone(ctx context.Context, r *remote, domain string) error {
	ticker := time.NewTicker(f.every)
	defer ticker.Stop()
	told := ""
	for {
		v, err := f.lookAlone(ctx, domain)
		if err != nil {
			return err
		}
		if told == "" && !r.json {
			r.say("%s", targetLine(v.Target, f.assumed))
		}
		if line := verdictLine(v); line != told {
			if err := f.tell(r, v, line); err != nil {
				return err
			}
			told = line
		}
		if v.State == cutover.Settled {
			return nil
		}
		select {
		case <-ctx.Done():
			return interruptedFault("watching " + domain)
		case <-ticker.C:
		}
	}
}

func (f *cutoverFlags) tell(r *remote, v cutover.Verdict, line string) error {
	if r.json {
		return writeJSONLine(r.streams.Out, v)
	}
	_, err := fmt.Fprintf(r.streams.Out, "%s  %s\n", moment(v.LookedAt), line)
	return err
}

// lookAlone looks once from here, and remembers it.
func (f *cutoverFlags) lookAlone(ctx context.Context, domain string) (cutover.Verdict, error) {
	memory, err := openCutoverMemory(f.state)
	if err != nil {
		return cutover.Verdict{}, err
	}
	asker, err := f.asker()
	if err != nil {
		return cutover.Verdict{}, err
	}
	known, err := memory.watch(domain)
	if err != nil {
		return cutover.Verdict{}, err
	}
	if known, err = f.change(known); err != nil {
		return cutover.Verdict{}, err
	}
	look, err := asker.Look(ctx, known)
	if err != nil {
		return cutover.Verdict{}, interruptedFault("looking at " + domain)
	}
	watch, err := memory.change(ctx, domain, func(w cutover.Watch) (cutover.Watch, error) {
		w, err := f.change(w)
		return w.See(look), err
	})
	if err == nil {
		f.said = true
	}
	return cutover.Judge(watch, nil, look.At), err
}

// change applies the flags to a watch. A time that is stated is said once, by the first look:
// who says it does not know what comes later.
func (f *cutoverFlags) change(w cutover.Watch) (cutover.Watch, error) {
	target, err := f.wanted(w.Target)
	if err != nil {
		return w, err
	}
	w = w.Retarget(target)
	if f.given["switched-at"] && !f.said {
		at, err := f.stated()
		if err != nil {
			return w, err
		}
		w = w.Say(at, time.Now().UTC())
	}
	return w, nil
}
