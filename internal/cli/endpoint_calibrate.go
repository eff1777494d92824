package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/migration"
)

func newEndpointCalibrateCommand(r *remote) *cobra.Command {
	var mailbox, passwordFile string
	command := &cobra.Command{
		Use:   "calibrate NAME",
		Short: "Measure what an endpoint of the server keeps of messages",
		Long: `Has the mailhaul server sign in to a mailbox of the endpoint, make a folder of its
own there ("mailhaul calibration" and a random number), add ten small messages, read
them back, and delete the folder. No other folder is touched.

What was measured is stored with the endpoint, and decides from then on how copies are
recognised at this target: a server that makes messages anew is noticed whatever it
looks like. It is void once the endpoint has another host or port. Take a mailbox for
tests; any of the server will do. Gmail is not calibrated.

Where the endpoint has no administrator or application, the password of the mailbox
comes from --password-file, else from MAILHAUL_SERVER_PASSWORD, else it is asked for.
`,
		Example: "  mailhaul endpoint calibrate new --mailbox test@example.org --password-file pw",
		Args:    oneArg("name of the endpoint"),
		RunE: func(c *cobra.Command, args []string) error {
			if mailbox == "" {
				return usageError("--mailbox is missing: the user name of a mailbox of the endpoint")
			}
			return r.calibrate(c.Context(), args[0], mailbox, passwordFile)
		},
	}
	command.Flags().StringVar(&mailbox, "mailbox", "", "`USER` name of the mailbox to measure in")
	command.Flags().StringVar(&passwordFile, "password-file", "", "`FILE` whose first line is the password of the mailbox")
	return command
}

// calibrate has the server calibrate an endpoint, and shows what it found.
func (r *remote) calibrate(ctx context.Context, name, mailbox, passwordFile string) error {
	client, err := r.client()
	if err != nil {
		return err
	}
	password, err := r.mailboxPassword(ctx, client, name, mailbox, passwordFile)
	if err != nil {
		return err
	}
	spec := control.CalibrationSpec{Mailbox: mailbox, Password: password}
	calibration, err := client.CalibrateEndpoint(ctx, name, spec)
	if err != nil {
		return err
	}
	return r.print(calibration, func() { r.showCalibration(calibration) })
}

func (r *remote) showCalibration(c control.Calibration) {
	r.facts("calibrated", moment(c.At), "in the mailbox", c.Mailbox, "compares", c.Strength, "follows", c.Follows)
	rows := [][]string{}
	for _, m := range c.Measures {
		rows = append(rows, []string{m.Quality, m.Verdict, m.Detail})
	}
	r.grid([]string{"quality", "verdict", "detail"}, rows)
	if c.Left != "" {
		r.say("The folder %q of this mailbox could not be deleted: %s", migration.SafeText(c.Left), migration.SafeText(c.Reason))
		r.say("  what to do: delete it by hand; nothing but the messages of the calibration is in it")
	}
}
