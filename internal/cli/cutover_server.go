package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
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
	spec, watched, err := f.spec(ctx, client, domain)
	if err != nil {
		return seen{}, err
	}
	if watched && (f.targeted() || f.given["switched-at"] || f.given["batch"]) {
		return seen{}, usageError("the server watches %s already; change that with: mailhaul cutover watch %[1]s", domain)
	}
	c, err := client.CheckCutover(ctx, domain, spec)
	return seen{c.Verdict, c}, err
}

// watchByServer has the server watch.
func (f *cutoverFlags) watchByServer(ctx context.Context, r *remote, domain string) error {
	client, err := r.client()
	if err != nil {
		return err
	}
	spec, _, err := f.spec(ctx, client, domain)
	if err != nil {
		return err
	}
	c, err := client.SetCutover(ctx, domain, spec)
	if err != nil {
		return err
	}
	return r.print(c, func() {
		r.say("%s", verdictLine(c.Verdict))
		r.say("the server looks again every %d minutes; see: mailhaul cutover check %s", int(usualLook.Minutes()), domain)
	})
}

// spec is what the server has for a domain, with what the flags change.
func (f *cutoverFlags) spec(ctx context.Context, client *api.Client, domain string) (spec control.CutoverSpec, watched bool, err error) {
	now, err := client.Cutover(ctx, domain)
	var p *api.Problem
	switch {
	case errors.As(err, &p) && p.Status == http.StatusNotFound:
	case err != nil:
		return spec, false, err
	default:
		watched = true
		spec = control.CutoverSpec{Target: now.Target, Batches: now.Batches, Notify: now.Notify}
		if !now.StatedAt.IsZero() {
			spec.SwitchedAt = &now.StatedAt
		}
	}
	if !watched || f.targeted() {
		if spec.Target, err = f.wanted(); err != nil {
			return spec, watched, err
		}
	}
	if f.given["switched-at"] {
		at, err := f.stated()
		if err != nil {
			return spec, watched, err
		}
		if spec.SwitchedAt = &at; at.IsZero() {
			spec.SwitchedAt = nil
		}
	}
	if f.given["batch"] {
		spec.Batches = f.batches
	}
	if f.given["notify"] {
		spec.Notify = f.notify
	}
	return spec, watched, nil
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
				rows = append(rows, []string{d.Domain, string(d.State), moment(d.Clock.SwitchedAt), moment(d.Clock.SafeAt), yesNo(d.Complete.Yes), yesNo(d.Delete.Yes), moment(d.LookedAt)})
			}
			r.grid([]string{"domain", "state", "switched", "wait until", "safe to complete", "safe to delete", "looked at"}, rows)
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
	command := &cobra.Command{Use: "delete DOMAIN", Short: "End the watch of a domain, and forget what was seen", Args: oneArg("domain, such as contoso.com"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := r.confirm(yes, "delete", args[0]); err != nil {
				return err
			}
			client, err := r.client()
			if err != nil {
				return err
			}
			return client.DeleteCutover(c.Context(), args[0])
		}}
	command.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return command
}

// guard keeps what loses mail from being done by mistake: where the server watches a
// domain of the batch, and it is not safe, the name must be typed or given.
type guard struct{ despite string }

func (g *guard) register(c *cobra.Command) {
	c.Flags().StringVar(&g.despite, "despite-cutover", "", "`NAME` of the batch, to go on although mail may still arrive at the old system")
}

// check asks for the name where it is not safe. asked reports that it did.
func (g *guard) check(ctx context.Context, r *remote, client *api.Client, verb, batch string, safe func(cutover.Verdict) cutover.Safe) (asked bool, err error) {
	watched, err := client.Cutovers(ctx, batch)
	if err != nil {
		return false, err
	}
	var told []string
	for _, d := range watched {
		if s := safe(d.Verdict); !s.Yes {
			told = append(told, fmt.Sprintf("the mail of %s is %s: %s", d.Domain, d.State, strings.Join(s.Reasons, " ")))
		}
	}
	if len(told) == 0 || g.despite == batch {
		return len(told) > 0, nil
	}
	for _, line := range told {
		fmt.Fprintln(r.streams.Err, migration.SafeText(line))
	}
	if g.despite != "" || !isTerminal(r.streams.In) {
		return false, usageError("it is not safe to %s %s; nothing was done\n  what to do: wait, see mailhaul cutover list, or say --despite-cutover %s", verb, batch, quoted(batch))
	}
	fmt.Fprintf(r.streams.Err, "Mail that arrives at the old system after this is lost to the new one. To %s it all the same, type its name, %s: ", verb, migration.SafeText(batch))
	typed, err := bufio.NewReader(r.streams.In).ReadString('\n')
	if err != nil || strings.TrimSpace(typed) != batch {
		return false, usageError("that is not its name; nothing was done")
	}
	return true, nil
}

func safeToComplete(v cutover.Verdict) cutover.Safe { return v.Complete }

func safeToDelete(v cutover.Verdict) cutover.Safe { return v.Delete }
