package cli

import (
	"github.com/spf13/cobra"
)

func newSessionCommand(streams Streams) *cobra.Command {
	return newNoun(streams, "session", "Work with your own sessions in browsers", newSessionListCommand, newSessionEndCommand)
}

func newSessionListCommand(r *remote) *cobra.Command {
	return &cobra.Command{Use: "list", Short: "List your own sessions", Args: noArgs, RunE: func(c *cobra.Command, _ []string) error {
		client, err := r.client()
		if err != nil {
			return err
		}
		sessions, err := client.Sessions(c.Context())
		if err != nil {
			return err
		}
		return r.print(sessions, func() {
			rows := [][]string{}
			for _, s := range sessions {
				rows = append(rows, []string{s.ID, s.Address, moment(s.Created), moment(s.Used)})
			}
			r.grid([]string{"session", "from", "begun", "used"}, rows)
		})
	}}
}

func newSessionEndCommand(r *remote) *cobra.Command {
	return &cobra.Command{Use: "end SESSION", Short: "End one of your own sessions", Args: oneArg("session, as the list names it"), RunE: func(c *cobra.Command, args []string) error {
		client, err := r.client()
		if err != nil {
			return err
		}
		return client.EndSession(c.Context(), args[0])
	}}
}
