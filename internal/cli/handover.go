package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mailhaul/mailhaul/internal/control"
)

func newMailboxHandoverCommand(r *remote) *cobra.Command {
	var page bool
	var contact, out string
	command := &cobra.Command{Use: "handover BATCH ADDRESS", Short: "Show what the owner of a mailbox gets to see that everything is there", Args: someArgs("BATCH ADDRESS", 2),
		Long: `The hand-over tells the owner of a mailbox how many messages were brought over in each
folder, what was left out and why, and what to look at now. It holds no password.
mailhaul batch handover mails it.
`,
		RunE: func(c *cobra.Command, args []string) error {
			client, err := r.client()
			if err != nil {
				return err
			}
			file := "handover.txt"
			if page {
				file = "handover.html"
			}
			body, err := client.Handover(c.Context(), args[0], args[1], file, contact)
			if err != nil {
				return err
			}
			return r.save(c.Context(), body, out)
		}}
	command.Flags().BoolVar(&page, "html", false, "as a page instead of text")
	command.Flags().StringVar(&contact, "contact", "", "whom the owner asks when something is missing: `TEXT` of some lines")
	command.Flags().StringVarP(&out, "output", "o", "", "`FILE` to write instead of standard output")
	return command
}

func newBatchHandoverCommand(r *remote) *cobra.Command {
	var yes bool
	mail := &control.HandoverMail{}
	command := &cobra.Command{Use: "handover NAME", Short: "Mail their hand-overs to the owners of mailboxes", Args: oneArg("name of the batch"),
		Long: `Each owner gets a mail with what was brought over, what was left out and why, and what to
look at now; see mailhaul mailbox handover. It goes to the new mailbox: to the user at the
target if that is an address, else to the address of the mailbox. Mailboxes that were never
synchronised are left out. Without --address it goes to the owners of all others.

It says who gets one, and asks for the name of the batch, or takes --yes. Each mail is sent
once; asked for again, it is sent again. What became of them shows mailhaul report mails.
`,
		RunE: func(c *cobra.Command, args []string) error {
			mail.All = len(mail.Addresses) == 0
			return r.handOver(c.Context(), args[0], *mail, yes)
		}}
	command.Flags().StringVar(&mail.Contact, "contact", "", "whom owners ask when something is missing: `TEXT` of some lines")
	command.Flags().StringSliceVar(&mail.Addresses, "address", nil, "the mailbox of this `ADDRESS` only (several)")
	command.Flags().BoolVar(&mail.DryRun, "dry-run", false, "only say who would get one")
	command.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return command
}

// handOver shows who gets a hand-over, and sends them when that is confirmed.
func (r *remote) handOver(ctx context.Context, batch string, mail control.HandoverMail, yes bool) error {
	if !mail.DryRun && strings.TrimSpace(mail.Contact) == "" {
		return usageError("--contact is missing: say whom owners ask when something is missing")
	}
	client, err := r.client()
	if err != nil {
		return err
	}
	if mail.DryRun || !yes {
		rehearsal := mail
		rehearsal.DryRun = true
		plan, err := client.SendHandovers(ctx, batch, rehearsal)
		if err != nil {
			return err
		}
		if mail.DryRun {
			return r.print(plan, func() { r.showHandovers(plan, "would go") })
		}
		if plan.Mails == 0 {
			return r.nobodyMailed(plan)
		}
		fmt.Fprintf(r.streams.Err, "%s would get a mail.\n", counted(plan.Mails, "owner", "owners"))
		if err := r.confirm(yes, "mail the owners of", batch); err != nil {
			return err
		}
	}
	sent, err := client.SendHandovers(ctx, batch, mail)
	if err != nil {
		return err
	}
	if sent.Mails == 0 {
		return r.nobodyMailed(sent)
	}
	return r.print(sent, func() { r.showHandovers(sent, "go") })
}

// nobodyMailed shows why no owner gets a hand-over, and makes that an error.
func (r *remote) nobodyMailed(h control.HandoversMailed) error {
	if err := r.print(h, func() { r.showHandovers(h, "go") }); err != nil {
		return err
	}
	return usageError("no hand-over was mailed")
}

func (r *remote) showHandovers(h control.HandoversMailed, what string) {
	r.say("hand-overs %s to %s", what, counted(h.Mails, "owner", "owners"))
	rows := [][]string{}
	for _, to := range h.Recipients {
		rows = append(rows, []string{to.Mailbox, to.To})
	}
	for _, m := range h.Refused {
		rows = append(rows, []string{m.Address, "none: " + strings.TrimSuffix(m.Detail, ".")})
	}
	r.grid([]string{"mailbox", "mail to"}, rows)
	if more := h.Mails + h.RefusedCount - len(rows); more > 0 {
		r.say("and %d more", more)
	}
}
