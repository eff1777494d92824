package cli

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/mailhaul/mailhaul/internal/control"
)

func newBatchHistoryCommand(r *remote) *cobra.Command {
	const some = 100
	most := some
	command := &cobra.Command{Use: "history NAME", Short: "List what was done to a batch and its mailboxes, newest first", Args: oneArg("name of the batch"),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := r.client()
			if err != nil {
				return err
			}
			records := []control.HistoryRecord{}
			for record, err := range client.History(c.Context(), args[0]) {
				if err != nil {
					return err
				}
				if records = append(records, record); len(records) == most {
					break
				}
			}
			return r.print(records, func() {
				rows := [][]string{}
				for _, h := range records {
					detail := ""
					if len(h.Detail) > 0 {
						text, _ := json.Marshal(h.Detail) // it was JSON before
						detail = string(text)
					}
					rows = append(rows, []string{moment(h.At), h.Actor, h.Action, h.Object, detail})
				}
				r.grid([]string{"at", "who", "did", "to", "detail"}, rows)
			})
		}}
	command.Flags().IntVar(&most, "limit", some, "how many at most; 0 is all")
	return command
}

func newReportSendCommand(r *remote) *cobra.Command {
	mail := &control.ReportMail{}
	command := &cobra.Command{Use: "send BATCH", Short: "Mail the report of a batch now", Args: oneArg("name of the batch"),
		Long: "Without --to it goes to those who get the reports of the batch. What became of it shows\nmailhaul report mails.\n",
		RunE: func(c *cobra.Command, args []string) error {
			client, err := r.client()
			if err != nil {
				return err
			}
			sent, err := client.SendReport(c.Context(), args[0], *mail)
			if err != nil {
				return err
			}
			return r.print(sent, func() {
				for _, to := range sent.Recipients {
					r.say("the report of %s is on its way to %s", args[0], to)
				}
			})
		}}
	command.Flags().StringSliceVar(&mail.To, "to", nil, "`ADDRESS` that gets it (several)")
	return command
}
