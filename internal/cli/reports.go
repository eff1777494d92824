package cli

import (
	"github.com/spf13/cobra"

	"github.com/mailhaul/mailhaul/internal/report"
)

func newReportCommand(streams Streams) *cobra.Command {
	return newNoun(streams, "report", "Get the reports of a batch",
		reportFormCommand("statistics", report.StatisticsFile, "A row for each mailbox, as CSV"),
		reportFormCommand("errors", report.ErrorsFile, "A row for each message left out and each mailbox that failed, as CSV"),
		reportFormCommand("html", report.HTMLFile, "The report as a page"),
		reportFormCommand("json", "report.json", "The report for programs"),
		reportFormCommand("handover", report.HandoverFile, "A row for each mailbox with what its owner is told, as CSV for a mail merge"),
		newReportMailsCommand, newReportSendCommand)
}

func reportFormCommand(name, file, short string) func(*remote) *cobra.Command {
	return func(r *remote) *cobra.Command {
		var out string
		command := &cobra.Command{Use: name + " BATCH", Short: short, Args: oneArg("name of the batch"), RunE: func(c *cobra.Command, args []string) error {
			client, err := r.client()
			if err != nil {
				return err
			}
			body, err := client.Report(c.Context(), args[0], file)
			if err != nil {
				return err
			}
			return r.save(c.Context(), body, out)
		}}
		command.Flags().StringVarP(&out, "output", "o", "", "`FILE` to write instead of standard output")
		return command
	}
}

func newReportMailsCommand(r *remote) *cobra.Command {
	return &cobra.Command{Use: "mails BATCH", Short: "List the mails that were or will be sent about a batch", Args: oneArg("name of the batch"), RunE: func(c *cobra.Command, args []string) error {
		client, err := r.client()
		if err != nil {
			return err
		}
		notices, err := client.Notices(c.Context(), args[0])
		if err != nil {
			return err
		}
		return r.print(notices, func() {
			rows := [][]string{}
			for _, n := range notices {
				for _, to := range n.Recipients {
					rows = append(rows, []string{moment(n.Created), n.Kind, n.Subject, to, moment(n.Sent), n.Trouble})
				}
			}
			r.grid([]string{"recorded", "kind", "subject", "to", "sent", "trouble"}, rows)
		})
	}}
}
