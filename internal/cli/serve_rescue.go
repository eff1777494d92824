package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/mailhaul/mailhaul/internal/control"
)

func newServeRescueCommand(streams Streams) *cobra.Command {
	flags, passwordFile := &serveFlags{}, ""
	command := &cobra.Command{Use: "rescue NAME", Short: "Let an operator in who cannot sign in any more", Args: oneArg("name of the operator"),
		Long: `Gives an operator a new password and ends the second factor, all sessions and tokens.
It is for an only admin who has lost the password, or the device and the recovery
codes: it takes the server's settings, database and key instead of a sign-in, and is
told in the audit log. A server on SQLite must be stopped meanwhile.
` + passwordHelp,
		RunE: func(c *cobra.Command, args []string) error {
			if err := flags.read(c.Flags()); err != nil {
				return err
			}
			r := &remote{streams: streams}
			password, err := r.newSecretFrom(c.Context(), passwordFile, args[0])
			if err != nil {
				return err
			}
			return rescue(c.Context(), flags, streams, args[0], password)
		}}
	flags.register(command.Flags())
	command.Flags().StringVar(&passwordFile, "password-file", "", "`FILE` whose first line is the new password")
	return command
}

func rescue(ctx context.Context, flags *serveFlags, streams Streams, name string, password control.Password) (err error) {
	s := &server{flags: flags, streams: streams, log: slog.New(slog.DiscardHandler)}
	if err := s.open(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.store.Close()) }()
	keys, err := s.keys(ctx)
	if err != nil {
		return err
	}
	service := control.New(control.Options{Store: controlStore{s.store}, Keys: keys})
	if err := service.Prepare(ctx); err != nil {
		return err
	}
	o, err := service.Rescue(ctx, name, password)
	if problem := control.ProblemOf(err); problem != nil {
		return usageError("%s %s", problem.Detail, problem.Remedy)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(streams.Err, "%s (%s) has a new password and no second factor\n", o.Name, o.Role)
	return nil
}
