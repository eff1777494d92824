package cli

import (
	"github.com/spf13/cobra"

	"github.com/mailhaul/mailhaul/internal/control"
)

func newTokenCommand(streams Streams) *cobra.Command {
	return newNoun(streams, "token", "Work with API tokens", newTokenListCommand, newTokenCreateCommand, newTokenRevokeCommand)
}

func newTokenListCommand(r *remote) *cobra.Command {
	return &cobra.Command{Use: "list", Short: "List API tokens", Args: noArgs, RunE: func(c *cobra.Command, _ []string) error {
		client, err := r.client()
		if err != nil {
			return err
		}
		tokens, err := client.Tokens(c.Context())
		if err != nil {
			return err
		}
		return r.print(tokens, func() {
			rows := [][]string{}
			for _, t := range tokens {
				rows = append(rows, []string{t.ID, t.Name, t.Operator, t.Role, t.Prefix + "...", moment(t.Expires), moment(t.Used), moment(t.Revoked)})
			}
			r.grid([]string{"number", "name", "operator", "role", "begins", "expires", "used", "revoked"}, rows)
		})
	}}
}

func newTokenCreateCommand(r *remote) *cobra.Command {
	spec := &control.TokenSpec{}
	command := &cobra.Command{Use: "create NAME", Short: "Create an API token, and print its secret", Args: oneArg("name of the token"), RunE: func(c *cobra.Command, args []string) error {
		client, err := r.client()
		if err != nil {
			return err
		}
		spec.Name = args[0]
		token, err := client.CreateToken(c.Context(), *spec)
		if err != nil {
			return err
		}
		return r.print(token, func() { r.say("%s", string(token.Secret)) })
	}}
	command.Flags().StringVar(&spec.Role, "role", "", "at most your own `ROLE`, which is the default")
	command.Flags().IntVar(&spec.Days, "days", 0, "how many days it lives, 1 to 365 (default 90)")
	return command
}

func newTokenRevokeCommand(r *remote) *cobra.Command {
	return &cobra.Command{Use: "revoke NUMBER", Short: "End an API token for good", Args: oneArg("number of the token"), RunE: func(c *cobra.Command, args []string) error {
		client, err := r.client()
		if err != nil {
			return err
		}
		return client.RevokeToken(c.Context(), args[0])
	}}
}
