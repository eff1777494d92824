package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mailhaul/mailhaul/internal/api"
	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/cutover"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// lookByServer has the server look. A domain that is watched keeps what it was set to.
func (f *cutoverFlags) lookByServer(ctx context.Context, r *remote, domain string) (seen, error) {
	client, err := r.client()
	if err != nil {
		return seen{}, err
	}
	spec, now, err := f.spec(ctx, client, domain)
	if err != nil {
		return seen{}, err
	}
	if now.Watched && (f.targeted() || f.given["switched-at"] || f.given["batch"]) {
		return seen{}, usageError("the server watches %s already; change that with: mailhaul cutover watch %[1]s", domain)
	}
	c, err := client.CheckCutover(ctx, domain, spec)
	return seen{c.Verdict, c, f.assumed}, err
}

// watchByServer has the server watch.
func (f *cutoverFlags) watchByServer(ctx context.Context, r *remote, domain string) error {
	client, err := r.client()
	if err != nil {
		return err
	}
	c, err := f.set(ctx, client, domain)
	if err != nil {
		return err
	}
	return r.print(c, func() {
		r.say("%s", verdictLine(c.Verdict))
		r.say("%s", targetLine(c.Target, f.assumed))
		warnOfMail(ctx, r, client, c.Notify)
		r.say("the server looks again every %d minutes; see: mailhaul cutover check %s", int(control.CutoverEvery.Minutes()), domain)
	})
}

// set has the server watch as the flags say; what they do not name stays as others have
// set it meanwhile.
func (f *cutoverFlags) set(ctx context.Context, client *api.Client, domain string) (c control.Cutover, err error) {
	var p *api.Problem
	for range 3 {
		spec, now, err := f.spec(ctx, client, domain)
		if err != nil {
			return c, err
		}
		if c, err = client.SetCutover(ctx, domain, spec, now.Version); !errors.As(err, &p) || p.Status != http.StatusPreconditionFailed {
			return c, err
		}
	}
	return c, p
}

// warnOfMail tells who is to be mailed but cannot be, since there is no mail server.
func warnOfMail(ctx context.Context, r *remote, client *api.Client, notify []string) {
	if len(notify) == 0 {
		return
	}
	if settings, err := client.Settings(ctx); err == nil && settings.SMTP.Host == "" {
		fmt.Fprintf(r.streams.Err, "nobody is mailed when the state changes: the server has no mail server\n  what to do: mailhaul setting set --smtp-host HOST --smtp-from ADDRESS\n")
	}
}

// spec is what the server has for a domain now, with what the flags change. Now is nothing
// where the domain is not watched.
func (f *cutoverFlags) spec(ctx context.Context, client *api.Client, domain string) (spec control.CutoverSpec, now control.Cutover, err error) {
	now, err = client.Cutover(ctx, domain)
	var p *api.Problem
	switch {
	case errors.As(err, &p) && p.Status == http.StatusNotFound:
	case err != nil:
		return spec, now, err
	default:
		spec = control.CutoverSpec{Target: now.Target, Batches: now.Batches, Notify: now.Notify}
		if !now.StatedAt.IsZero() {
			spec.SwitchedAt = &now.StatedAt
		}
	}
	if spec.Target, err = f.wanted(spec.Target); err != nil {
		return spec, now, err
	}
	if f.given["switched-at"] {
		at, err := f.stated()
		if err != nil {
			return spec, now, err
		}
		spec.SwitchedAt, spec.SaidAnew = &at, true
		if at.IsZero() {
			spec.SwitchedAt = nil
		}
	}
	if f.given["batch"] {
		spec.Batches = f.batches
	}
	if f.given["notify"] {
		spec.Notify = f.notify
	}
	return spec, now, nil
}

func newCutoverListCommand(r *remote) *cobra.Command {
	return &cobra.Command{Use: "list", Short: "List the domains that the server watches", Args: noArgs, RunE: func(c *cobra.Command, _ []string) error {
		client, err := r.client()
		if err != nil {
			return err
		}
		all, err := client.Cutovers(c.Context(), "")
		if err != nil {
			return err
		}
		return r.print(all, func() {
			rows := [][]string{}
			for _, d := range all {
				rows = append(rows, []string{d.Domain, string(d.State), targetWords(d.Target), moment(d.Clock.SwitchedAt), moment(d.Clock.SafeAt), yesNo(d.Complete.Yes), yesNo(d.Delete.Yes), moment(d.LookedAt)})
			}
			r.grid([]string{"domain", "state", "target", "switched", "wait until", "safe to complete", "safe to delete", "looked at"}, rows)
		})
	}}
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

func newCutoverDeleteCommand(r *remote) *cobra.Command {
	var yes bool
	careful := &guard{verb: "end the watch of"}
	command := &cobra.Command{Use: "delete DOMAIN", Short: "End the watch of a domain, and forget what was seen", Args: oneArg("domain, such as contoso.com"),
		Long: `Ends the watch of a domain and forgets what was seen. It asks for the domain once more,
or takes --yes. Where batches with --complete-after wait until it is safe for the domain,
it names them and wants the domain in any case: typed, or with --despite-cutover. They do
not complete by themselves any more, since nobody asks whether it is safe.
`,
		RunE: func(c *cobra.Command, args []string) error {
			if !yes && !isTerminal(r.streams.In) {
				return r.confirm(yes, "delete", args[0])
			}
			client, err := r.client()
			if err != nil {
				return err
			}
			watch, err := client.Cutover(c.Context(), args[0])
			if err != nil {
				return err
			}
			asked, err := careful.ofWatch(r, watch, args[0])
			if err == nil && !asked {
				err = r.confirm(yes, "delete", args[0])
			}
			if err != nil {
				return err
			}
			if err := client.DeleteCutover(c.Context(), args[0]); err != nil {
				return err
			}
			for _, batch := range watch.HeldBatches {
				r.say("batch %s does not complete by itself any more; do so with: mailhaul batch complete %s", migration.SafeText(batch), quoted(batch))
			}
			return nil
		}}
	command.Flags().BoolVar(&yes, "yes", false, "do not ask")
	command.Flags().StringVar(&careful.despite, "despite-cutover", "", "`DOMAIN`, to go on, with --yes, although batches wait for it")
	return command
}

// guard keeps what loses mail from being done by mistake: where the server watches a
// domain of the batch, and it is not safe, the name must be typed or given.
type guard struct {
	verb    string // "complete" or "delete"
	safe    func(cutover.Verdict) cutover.Safe
	despite string
}

func guardOfCompleting() *guard { return &guard{verb: "complete", safe: safeToComplete} }

func guardOfDeleting() *guard { return &guard{verb: "delete", safe: safeToDelete} }

// register adds the flag that takes the name of what is guarded.
func (g *guard) register(c *cobra.Command, name string) {
	c.Flags().StringVar(&g.despite, "despite-cutover", "", name+", to go on, with --yes, although mail may still arrive at the old system")
}

// ofBatch asks for the name of a batch where it is not safe. asked reports that it did.
func (g *guard) ofBatch(ctx context.Context, r *remote, client *api.Client, batch string) (asked bool, err error) {
	watched, err := client.Cutovers(ctx, batch)
	if err != nil {
		return false, err
	}
	return g.check(r, watched, batch)
}

// ofMailbox asks for the address of a mailbox where it is not safe for its domain.
func (g *guard) ofMailbox(ctx context.Context, r *remote, client *api.Client, batch, address string) (asked bool, err error) {
	watched, err := client.Cutovers(ctx, batch)
	if err != nil {
		return false, err
	}
	if _, domain, err := migration.ParseAddress(address); err == nil {
		watched = slices.DeleteFunc(watched, func(c control.Cutover) bool { return c.Domain != domain })
	}
	return g.check(r, watched, address)
}

// check asks for a name where it is not safe for the mail of the domains.
func (g *guard) check(r *remote, watched []control.Cutover, name string) (asked bool, err error) {
	var told []string
	unsafe := ""
	for _, d := range watched {
		if s := g.safe(d.Verdict); !s.Yes {
			unsafe = d.Domain
			told = append(told, fmt.Sprintf("the mail of %s is %s: %s", d.Domain, d.State, strings.Join(s.Reasons, " ")))
		}
	}
	return g.ask(r, told, name, unsafe, "Mail that arrives at the old system after this is lost to the new one.")
}

// ofWatch asks for the name of a domain whose watch holds batches.
func (g *guard) ofWatch(r *remote, watch control.Cutover, name string) (asked bool, err error) {
	var told []string
	for _, batch := range watch.HeldBatches {
		told = append(told, fmt.Sprintf("batch %s waits to complete until it is safe for the mail of %s", batch, watch.Domain))
	}
	return g.ask(r, told, name, watch.Domain, "Nobody asks then whether it is safe, and they do not complete by themselves any more.")
}

// ask asks for a name where there is something to be told that speaks against it.
func (g *guard) ask(r *remote, told []string, name, domain, follows string) (asked bool, err error) {
	if len(told) == 0 || g.despite == name {
		return len(told) > 0, nil
	}
	for _, line := range told {
		fmt.Fprintln(r.streams.Err, migration.SafeText(line))
	}
	if g.despite != "" || !isTerminal(r.streams.In) {
		return false, usageError("it is not safe to %s %s; nothing was done\n  what to do: see mailhaul cutover check %s, and wait; or say --yes --despite-cutover %s", g.verb, name, domain, quoted(name))
	}
	fmt.Fprintf(r.streams.Err, "%s To %s it all the same, type its name, %s: ", follows, g.verb, migration.SafeText(name))
	typed, err := bufio.NewReader(r.streams.In).ReadString('\n')
	if err != nil || strings.TrimSpace(typed) != name {
		return false, usageError("that is not its name; nothing was done")
	}
	return true, nil
}

func safeToComplete(v cutover.Verdict) cutover.Safe { return v.Complete }

func safeToDelete(v cutover.Verdict) cutover.Safe { return v.Delete }
