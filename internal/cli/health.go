package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mailhaul/mailhaul/internal/secret"
)

// healthTime is how long a server has to say that it is well.
const healthTime = 10 * time.Second

func newHealthCommand(streams Streams) *cobra.Command {
	r := &remote{streams: streams}
	command := &cobra.Command{
		Use:   "health",
		Short: "Ask whether the server is well, for what watches over it",
		Long: `Asks the server of --server, else of MAILHAUL_SERVER, else at
` + defaultServer + `, whether it answers and reaches its database. It needs no token.
The exit status says it: 0, or 5 where the server is not well or not there. This is
the health check of containers.
`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runHealth(c.Context(), r) },
	}
	command.Flags().StringVar(&r.server, "server", "", "`URL` of the mailhaul server")
	command.Flags().StringVar(&r.caFile, "server-ca", "", "PEM `FILE` with the authorities of the server's certificate, instead of the system's")
	command.Flags().StringVar(&r.pin, "server-pin", "", "base64 SHA-256 of the server's public key, trusted whoever signed it")
	return command
}

func runHealth(ctx context.Context, r *remote) error {
	client, err := r.clientWith(secret.Text{})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, healthTime, errors.New("the server gave no answer within 10 s"))
	defer cancel()
	if err := client.Ready(ctx); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return &exitError{exitConnection, context.Cause(ctx)}
		}
		return err
	}
	_, err = fmt.Fprintln(r.streams.Out, "the server is well")
	return err
}
