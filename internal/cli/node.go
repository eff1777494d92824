package cli

import (
	"strconv"

	"github.com/spf13/cobra"
)

func newNodeCommand(streams Streams) *cobra.Command {
	return newNoun(streams, "node", "See the processes that serve", newNodeListCommand)
}

func newNodeListCommand(r *remote) *cobra.Command {
	return &cobra.Command{Use: "list", Short: "List the running nodes", Args: noArgs, RunE: func(c *cobra.Command, _ []string) error {
		client, err := r.client()
		if err != nil {
			return err
		}
		nodes, err := client.Nodes(c.Context())
		if err != nil {
			return err
		}
		return r.print(nodes, func() {
			rows := [][]string{}
			for _, n := range nodes {
				state := "alive"
				if !n.Alive {
					state = "silent"
				}
				rows = append(rows, []string{n.Name, state, n.Host, strconv.Itoa(n.PID), n.Version, strconv.Itoa(n.Mailboxes), moment(n.Started), moment(n.Beat)})
			}
			r.grid([]string{"node", "state", "host", "process", "version", "mailboxes", "started", "heard of"}, rows)
		})
	}}
}
