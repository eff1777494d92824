package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mailhaul/mailhaul/internal/api"
	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/secret"
)

func newOperatorCommand(streams Streams) *cobra.Command {
	return newNoun(streams, "operator", "Work with the people who may use the server",
		newOperatorSetupCommand, newOperatorListCommand, newOperatorCreateCommand, newOperatorSetCommand, newOperatorPasswordCommand, newOperatorDeleteCommand)
}

const passwordHelp = `
The password comes from --password-file, else from MAILHAUL_PASSWORD, else it is
asked for. It has 12 to 256 characters.
`

// secretFrom gets a secret from a file, a variable or the terminal.
func (r *remote) secretFrom(ctx context.Context, flag, path, variable, whose string) (control.Password, error) {
	read := func() (secret.Text, error) {
		if path != "" {
			return readPasswordFile(flag, path)
		}
		if value := os.Getenv(variable); value != "" {
			return secret.New(value), nil
		}
		return askPasswordOf(ctx, r.streams, whose, fmt.Sprintf("give %s, or set %s", flag, variable))
	}
	text, err := read()
	return control.Password(text.Reveal()), err
}

// newSecretFrom is secretFrom for a password to be: at the terminal it is asked for
// twice.
func (r *remote) newSecretFrom(ctx context.Context, path, whose string) (control.Password, error) {
	const flag, variable = "--password-file", "MAILHAUL_PASSWORD"
	first, err := r.secretFrom(ctx, flag, path, variable, whose)
	if err != nil || path != "" || os.Getenv(variable) != "" {
		return first, err
	}
	second, err := r.secretFrom(ctx, flag, path, variable, whose+", once more")
	if err == nil && second != first {
		err = usageError("the two passwords differ; nothing was changed")
	}
	return first, err
}

// askPasswordOf asks at the terminal, if there is one; else it says how to give the
// password.
func askPasswordOf(ctx context.Context, streams Streams, whose, how string) (secret.Text, error) {
	file, ok := streams.In.(*os.File)
	if !ok || !isTerminal(file) {
		return secret.Text{}, usageError("no password of %s: there is no terminal to ask at; %s", whose, how)
	}
	return askPassword(ctx, streams.Err, int(file.Fd()), whose)
}

func newOperatorSetupCommand(r *remote) *cobra.Command {
	spec := control.OperatorSpec{Role: string(control.Admin)}
	var tokenFile, passwordFile string
	command := &cobra.Command{Use: "setup NAME", Short: "Make the first operator, an admin, of a new server", Args: oneArg("name of the operator"),
		Long: `Takes the setup token that the server printed when it first started, from
--setup-token-file, else from MAILHAUL_SETUP_TOKEN, else it is asked for. Afterwards
you are signed in as with "mailhaul login".
` + passwordHelp,
		RunE: func(c *cobra.Command, args []string) error {
			token, err := r.secretFrom(c.Context(), "--setup-token-file", tokenFile, "MAILHAUL_SETUP_TOKEN", "the setup (the setup token)")
			if err != nil {
				return err
			}
			spec.Name = args[0]
			if spec.Password, err = r.newSecretFrom(c.Context(), passwordFile, args[0]); err != nil {
				return err
			}
			return r.enter(c.Context(), func(client *api.Client) (control.SignedIn, error) {
				return client.Setup(c.Context(), api.Setup{Token: token, Operator: spec})
			})
		}}
	command.Flags().StringVar(&spec.Email, "email", "", "`ADDRESS` for reports of the operator's batches")
	command.Flags().StringVar(&tokenFile, "setup-token-file", "", "`FILE` whose first line is the setup token")
	command.Flags().StringVar(&passwordFile, "password-file", "", "`FILE` whose first line is the password")
	return command
}

func newLoginCommand(streams Streams) *cobra.Command {
	r := &remote{streams: streams}
	var passwordFile, codeFile string
	command := &cobra.Command{Use: "login NAME", Short: "Sign in to a server, and keep an API token for the other commands", Args: oneArg("name of the operator"),
		Long: "Signs in, makes an API token that lives for 90 days, and keeps it in a file that\nonly you can read.\n" + remoteHelp + passwordHelp + codeHelp,
		RunE: func(c *cobra.Command, args []string) error {
			password, err := r.secretFrom(c.Context(), "--password-file", passwordFile, "MAILHAUL_PASSWORD", args[0])
			if err != nil {
				return err
			}
			return r.enter(c.Context(), func(client *api.Client) (control.SignedIn, error) {
				return r.signIn(c.Context(), client, args[0], password, codeFile)
			})
		}}
	command.Flags().StringVar(&passwordFile, "password-file", "", "`FILE` whose first line is the password")
	command.Flags().StringVar(&codeFile, "code-file", "", "`FILE` whose first line is the code, where there is a second factor")
	r.register(command)
	return command
}

const codeHelp = `
Where there is a second factor, the code comes from --code-file, else from
MAILHAUL_CODE, else it is asked for: the 6 digits of the app, or a recovery code.
`

// signIn signs in, and gets a code only when one is wanted.
func (r *remote) signIn(ctx context.Context, client *api.Client, name string, password control.Password, codeFile string) (control.SignedIn, error) {
	session, err := client.SignIn(ctx, name, password, "")
	var problem *api.Problem
	if !errors.As(err, &problem) || problem.Code != "totp-needed" {
		return session, err
	}
	code, err := r.secretFrom(ctx, "--code-file", codeFile, "MAILHAUL_CODE", name+" (the code of the app)")
	if err != nil {
		return session, err
	}
	return client.SignIn(ctx, name, password, code)
}

// enter signs in, and keeps a token instead of the session.
func (r *remote) enter(ctx context.Context, signIn func(*api.Client) (control.SignedIn, error)) error {
	client, err := r.clientWith(secret.Text{})
	if err != nil {
		return err
	}
	session, err := signIn(client)
	if err != nil {
		return err
	}
	host, _ := os.Hostname()
	token, err := client.CreateToken(ctx, control.TokenSpec{Name: "commands on " + host})
	if err != nil {
		return err
	}
	path, err := r.keepToken(string(token.Secret))
	if err != nil {
		return err
	}
	if err := client.SignOut(ctx); err != nil {
		return err
	}
	fmt.Fprintf(r.streams.Err, "signed in as %s (%s); the API token is in %s until %s\n", session.Operator.Name, session.Operator.Role, path, moment(token.Expires))
	return nil
}

func newOperatorListCommand(r *remote) *cobra.Command {
	return &cobra.Command{Use: "list", Short: "List operators", Args: noArgs, RunE: func(c *cobra.Command, _ []string) error {
		client, err := r.client()
		if err != nil {
			return err
		}
		operators, err := client.Operators(c.Context())
		if err != nil {
			return err
		}
		return r.print(operators, func() {
			rows := [][]string{}
			for _, o := range operators {
				disabled, code := "", ""
				if o.Disabled {
					disabled = "disabled"
				}
				if o.TOTP {
					code = "code"
				}
				rows = append(rows, []string{o.Name, o.Role, o.Email, disabled, code, moment(o.Created), o.CreatedBy})
			}
			r.grid([]string{"operator", "role", "e-mail", "", "second factor", "created", "by"}, rows)
		})
	}}
}

func newOperatorCreateCommand(r *remote) *cobra.Command {
	spec := &control.OperatorSpec{}
	var passwordFile string
	command := &cobra.Command{Use: "create NAME", Short: "Create an operator", Args: oneArg("name of the operator"), Long: "Creates an operator.\n" + passwordHelp,
		RunE: func(c *cobra.Command, args []string) error {
			client, err := r.client()
			if err != nil {
				return err
			}
			spec.Name = args[0]
			if spec.Password, err = r.newSecretFrom(c.Context(), passwordFile, args[0]); err != nil {
				return err
			}
			made, err := client.CreateOperator(c.Context(), *spec)
			if err != nil {
				return err
			}
			return r.print(made, func() { r.say("operator %s: %s", made.Name, made.Role) })
		}}
	command.Flags().StringVar(&spec.Role, "role", string(control.Operate), "admin, operator or viewer")
	command.Flags().StringVar(&spec.Email, "email", "", "`ADDRESS` for reports of the operator's batches")
	command.Flags().StringVar(&passwordFile, "password-file", "", "`FILE` whose first line is the password")
	return command
}

func newOperatorSetCommand(r *remote) *cobra.Command {
	var role, email string
	var disabled, newPassword, resetTOTP bool
	var passwordFile string
	command := &cobra.Command{Use: "set NAME", Short: "Change an operator", Args: oneArg("name of the operator"), Long: "Changes what the flags name; a new password, role or disabling ends all sessions.\n",
		RunE: func(c *cobra.Command, args []string) error {
			client, err := r.client()
			if err != nil {
				return err
			}
			change := control.OperatorPatch{ResetTOTP: resetTOTP}
			c.Flags().Visit(func(flag *pflag.Flag) {
				switch flag.Name {
				case "role":
					change.Role = &role
				case "email":
					change.Email = &email
				case "disabled":
					change.Disabled = &disabled
				}
			})
			if newPassword || passwordFile != "" {
				password, err := r.newSecretFrom(c.Context(), passwordFile, args[0])
				if err != nil {
					return err
				}
				change.Password = &password
			}
			if change == (control.OperatorPatch{}) {
				return usageError("nothing to change; see: %s --help", c.CommandPath())
			}
			o, err := client.SetOperator(c.Context(), args[0], change, 0)
			if err != nil {
				return err
			}
			return r.print(o, func() { r.say("operator %s: %s", o.Name, o.Role) })
		}}
	command.Flags().StringVar(&role, "role", "", "admin, operator or viewer")
	command.Flags().StringVar(&email, "email", "", "`ADDRESS` for reports")
	command.Flags().BoolVar(&disabled, "disabled", false, "whether the operator is kept out; --disabled=false lets in again")
	command.Flags().BoolVar(&newPassword, "new-password", false, "ask for a new password")
	command.Flags().BoolVar(&resetTOTP, "reset-totp", false, "end the second factor, of who has lost the device")
	command.Flags().StringVar(&passwordFile, "password-file", "", "`FILE` whose first line is the new password")
	return command
}

func newOperatorPasswordCommand(r *remote) *cobra.Command {
	var oldFile, newFile, codeFile string
	command := &cobra.Command{Use: "password", Short: "Change your own password", Args: noArgs, Long: "Changes your own password, and ends all your sessions and tokens: sign in again.\n" + codeHelp,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := r.client()
			if err != nil {
				return err
			}
			me, err := client.Me(c.Context())
			if err != nil {
				return err
			}
			change := api.NewPassword{}
			if change.Old, err = r.secretFrom(c.Context(), "--old-password-file", oldFile, "MAILHAUL_OLD_PASSWORD", "yours until now"); err != nil {
				return err
			}
			if change.New, err = r.newSecretFrom(c.Context(), newFile, "yours from now on"); err != nil {
				return err
			}
			// A token can't change the password: a session can.
			if _, err := r.signIn(c.Context(), client, me.Name, change.Old, codeFile); err != nil {
				return err
			}
			if err := client.SetPassword(c.Context(), change); err != nil {
				return err
			}
			fmt.Fprintf(r.streams.Err, "the password of %s was changed; sign in again with: mailhaul login %s\n", me.Name, me.Name)
			return nil
		}}
	command.Flags().StringVar(&oldFile, "old-password-file", "", "`FILE` whose first line is the old password")
	command.Flags().StringVar(&newFile, "password-file", "", "`FILE` whose first line is the new password")
	command.Flags().StringVar(&codeFile, "code-file", "", "`FILE` whose first line is the code, where there is a second factor")
	return command
}

func newOperatorDeleteCommand(r *remote) *cobra.Command {
	var yes bool
	command := &cobra.Command{Use: "delete NAME", Short: "Delete an operator, with all sessions and tokens", Args: oneArg("name of the operator"), RunE: func(c *cobra.Command, args []string) error {
		if err := r.confirm(yes, "delete", args[0]); err != nil {
			return err
		}
		client, err := r.client()
		if err != nil {
			return err
		}
		return client.DeleteOperator(c.Context(), args[0])
	}}
	command.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return command
}
