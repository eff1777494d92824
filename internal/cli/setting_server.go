package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/migration"
)

func newSettingCommand(streams Streams) *cobra.Command {
	return newNoun(streams, "setting", "Work with the settings that all nodes of a server share", newSettingShowCommand, newSettingSetCommand, newSettingTestMailCommand)
}

func newSettingShowCommand(r *remote) *cobra.Command {
	return &cobra.Command{Use: "show", Short: "Show the settings", Args: noArgs, RunE: func(c *cobra.Command, _ []string) error {
		client, err := r.client()
		if err != nil {
			return err
		}
		settings, err := client.Settings(c.Context())
		if err != nil {
			return err
		}
		return r.print(settings, func() { r.settings(settings) })
	}}
}

// settings shows settings to a person, by the names of their flags.
func (r *remote) settings(s control.Settings) {
	fixed := func(is bool) string {
		if is {
			return " (the server was started with it)"
		}
		return ""
	}
	if s.SMTP.Host == "" {
		r.facts("smtp-host", "none: no mail is sent")
	} else {
		password, ca := "", ""
		if s.SMTP.HasPassword {
			password = "kept"
		}
		if s.SMTP.CA != "" {
			ca = "authorities of its own"
		}
		r.facts("smtp-host", s.SMTP.Host+fixed(s.SMTP.Fixed), "smtp-port", fmt.Sprint(s.SMTP.Port), "smtp-security", s.SMTP.Security,
			"smtp-user", s.SMTP.User, "password", password, "smtp-from", s.SMTP.From, "smtp-ca", ca)
	}
	kept := "until they are deleted"
	if s.KeepCompletedSeconds > 0 {
		kept = length(s.KeepCompletedSeconds)
	}
	r.facts("keep-completed", kept+fixed(s.KeepCompletedFixed))
}

// settingFlags are changes of settings on a command line.
type settingFlags struct {
	host, security       string
	port                 int
	user, from           string
	passwordFile, caFile string
	keepCompleted        time.Duration
}

func newSettingSetCommand(r *remote) *cobra.Command {
	f := &settingFlags{}
	command := &cobra.Command{Use: "set", Short: "Change the settings, for all nodes at once", Args: noArgs,
		Long: `Changes what the flags name; nodes go by it from then on. What the server was
started with can't be changed here. With another host, port, security or user the
password is to be given again.

The password at the mail server comes from --smtp-password-file, else from
MAILHAUL_SMTP_PASSWORD, else it is asked for where --smtp-user names somebody.
`,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := r.client()
			if err != nil {
				return err
			}
			change, err := f.patch(c.Context(), r, c.Flags())
			if err != nil {
				return err
			}
			if change == (control.SettingsPatch{}) {
				return usageError("nothing to change; see: %s --help", c.CommandPath())
			}
			settings, err := client.SetSettings(c.Context(), change, 0)
			if err != nil {
				return err
			}
			return r.print(settings, func() { r.settings(settings) })
		}}
	flags := command.Flags()
	flags.StringVar(&f.host, "smtp-host", "", "`HOST` of the mail server that reports go through; empty: none are sent, and the rest is forgotten")
	flags.IntVar(&f.port, "smtp-port", 0, "its port; 0 is 465 for implicit, else 587")
	flags.Var(choice{&f.security, []string{"starttls", "implicit", "none"}}, "smtp-security", "starttls, implicit or none")
	flags.StringVar(&f.user, "smtp-user", "", "user name at the mail server; empty: nobody signs in")
	flags.StringVar(&f.passwordFile, "smtp-password-file", "", "`FILE` whose first line is the password at the mail server")
	flags.StringVar(&f.from, "smtp-from", "", "`ADDRESS` that reports come from")
	flags.StringVar(&f.caFile, "smtp-ca", "", "PEM `FILE` with the authorities of the mail server; empty: the system's")
	flags.DurationVar(&f.keepCompleted, "keep-completed", 0, "how long the records of a batch stay that completed without errors, such as 2160h for 90 days; 0: until they are deleted")
	return command
}

// patch is the change that the flags name.
func (f *settingFlags) patch(ctx context.Context, r *remote, flags *pflag.FlagSet) (change control.SettingsPatch, err error) {
	smtp := control.SMTPPatch{}
	for name, text := range map[string]struct {
		into **string
		from *string
	}{"smtp-host": {&smtp.Host, &f.host}, "smtp-security": {&smtp.Security, &f.security}, "smtp-user": {&smtp.User, &f.user}, "smtp-from": {&smtp.From, &f.from}} {
		if flags.Changed(name) {
			*text.into = text.from
		}
	}
	if flags.Changed("smtp-port") {
		smtp.Port = &f.port
	}
	if flags.Changed("smtp-ca") {
		var pem []byte
		if f.caFile != "" {
			if pem, err = os.ReadFile(f.caFile); err != nil {
				return change, usageError("--smtp-ca: %w", err)
			}
		}
		text := string(pem)
		smtp.CA = &text
	}
	if f.user != "" || f.passwordFile != "" {
		password, err := r.secretFrom(ctx, "--smtp-password-file", f.passwordFile, "MAILHAUL_SMTP_PASSWORD", "the mail server")
		if err != nil {
			return change, err
		}
		smtp.Password = &password
	}
	if smtp != (control.SMTPPatch{}) {
		change.SMTP = &smtp
	}
	if flags.Changed("keep-completed") {
		seconds := int64(f.keepCompleted / time.Second)
		change.KeepCompletedSeconds = &seconds
	}
	return change, nil
}

func newSettingTestMailCommand(r *remote) *cobra.Command {
	return &cobra.Command{Use: "test-mail [ADDRESS]", Short: "Send a mail now, to see whether reports can be sent", Args: cobra.MaximumNArgs(1),
		Long: "Sends a mail through the mail server in force, to the address or to your own, and says\nwhat the server answered.\n",
		RunE: func(c *cobra.Command, args []string) error {
			client, err := r.client()
			if err != nil {
				return err
			}
			spec := control.MailTest{}
			if len(args) > 0 {
				spec.To = args[0]
			}
			tested, err := client.TestMail(c.Context(), spec)
			if err != nil {
				return err
			}
			if err := r.print(tested, func() {
				if tested.OK {
					r.say("%s", tested.Detail)
				}
			}); err != nil || tested.OK {
				return err
			}
			return &exitError{statusOfMail(tested.Code), errors.New(tested.Detail + "\n  what to do: " + tested.Remedy)}
		}}
}

// statusOfMail is the exit status of a test mail that was not taken.
func statusOfMail(code string) int {
	switch {
	case code == migration.CodeLogin:
		return exitLogin
	case connectionCodes[code]:
		return exitConnection
	default:
		return exitUsage
	}
}
