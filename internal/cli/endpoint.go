package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mailhaul/mailhaul/internal/imap"
	"github.com/mailhaul/mailhaul/internal/migration"
)

func newEndpointCommand(streams Streams) *cobra.Command {
	return newNoun(streams, "endpoint", "Work with servers",
		newEndpointListCommand, newEndpointShowCommand, newEndpointCreateCommand, newEndpointSetCommand, newEndpointTestCommand, newEndpointCalibrateCommand, newEndpointDeleteCommand)
}

type endpointFlags struct {
	side           sideFlags
	allowCleartext bool
	user           string
}

func newEndpointTestCommand(r *remote) *cobra.Command {
	flags := &endpointFlags{side: sideFlags{name: "server"}}
	command := &cobra.Command{
		Use:   "test URL|NAME",
		Short: "Test a server step by step",
		Long: `Goes through resolve, connect, TLS, greeting, capabilities, sign-in and folders,
and says at the first step that fails what is wrong and what to do.

With an address it dials from this computer, and needs no mailhaul server. With the
name of an endpoint the mailhaul server dials.

With a user, in the address or by --user, it signs in to that mailbox. Without one it
stops before the sign-in, but for an endpoint with an administrator or application: he
signs in as himself where servers allow that, or it gets a token, which does not show
yet that mailboxes open.

The password of the mailbox comes from --password-file, else from
MAILHAUL_SERVER_PASSWORD, else it is asked for. Where an administrator or application
opens the mailboxes, there is none to give.
`,
		Example: "  mailhaul endpoint test imaps://anna@mail.example.org\n  mailhaul endpoint test old --user anna",
		Args:    oneArg("address of the server, such as imaps://anna@mail.example.org, or name of the endpoint"),
		RunE: func(c *cobra.Command, args []string) error {
			if strings.Contains(args[0], ":") {
				flags.side.url = args[0]
				return runEndpointTest(c.Context(), flags, r.json, r.streams)
			}
			for _, name := range []string{"ca", "pin", "allow-cleartext"} {
				if c.Flags().Changed(name) {
					return usageError("--%s has no use with the name of an endpoint: mailhaul endpoint set changes what it has", name)
				}
			}
			return r.testOnServer(c.Context(), args[0], flags.user, flags.side.passwordFile)
		},
	}
	command.Flags().StringVar(&flags.side.passwordFile, "password-file", "", "`FILE` whose first line is the password")
	command.Flags().StringVar(&flags.side.caFile, "ca", "", "PEM `FILE` with the certificate authorities, instead of the system's")
	command.Flags().StringVar(&flags.side.pin, "pin", "", "base64 SHA-256 of the server's public key, trusted whoever signed it")
	command.Flags().BoolVar(&flags.allowCleartext, "allow-cleartext", false, "allow imap+plain:// addresses")
	command.Flags().StringVar(&flags.user, "user", "", "whose mailbox to sign in to")
	return command
}

// step is one line of the test.
type step struct {
	Step   imap.Step `json:"step"`
	OK     bool      `json:"ok"`
	Detail string    `json:"detail,omitempty"`
	Remedy string    `json:"remedy,omitempty"`
}

func runEndpointTest(ctx context.Context, flags *endpointFlags, asJSON bool, streams Streams) error {
	endpoint, user, err := flags.side.endpoint(flags.allowCleartext)
	if err != nil {
		return err
	}
	switch {
	case flags.user != "" && user != "" && flags.user != user:
		return usageError("--user: the URL names %s already; give one of the two", migration.SafeText(user))
	case flags.user != "":
		user = flags.user
	case user == "" && flags.side.passwordFile != "":
		return usageError("--password-file has no use without a user: give --user, or write one before the host, as in imaps://anna@%s", endpoint.Host)
	}
	options := imap.Options{Endpoint: endpoint}
	if user != "" {
		options.Credential.User = user
		if options.Credential.Password, err = flags.side.password(ctx, streams, user); err != nil {
			return err
		}
	}
	steps := []step{}
	note := func(name imap.Step, detail string, err error) {
		s := step{Step: name, OK: err == nil, Detail: detail}
		if err != nil {
			s.Detail = err.Error()
			if fault := migration.FaultOf(err); fault != nil {
				s.Remedy = fault.Remedy
			}
		}
		steps = append(steps, s)
		if !asJSON {
			printStep(streams, s)
		}
	}
	options.Steps = note
	err = testEndpoint(ctx, options, note)
	if asJSON {
		if printErr := writeJSON(streams.Out, map[string]any{"endpoint": endpoint.Address(), "steps": steps}); printErr != nil {
			return printErr
		}
	}
	if err != nil {
		return &exitError{status: statusOf(err)}
	}
	return nil
}

func printStep(streams Streams, s step) {
	mark := "ok  "
	if !s.OK {
		mark = "FAIL"
	}
	fmt.Fprintf(streams.Out, "%s %-10s %s\n", mark, s.Step, migration.SafeText(s.Detail))
	if s.Remedy != "" {
		fmt.Fprintf(streams.Out, "                what to do: %s\n", migration.SafeText(s.Remedy))
	}
}

// testEndpoint dials, and lists the folders when it is signed in.
func testEndpoint(ctx context.Context, options imap.Options, note func(imap.Step, string, error)) error {
	session, err := imap.Dial(ctx, options)
	if err != nil {
		return err
	}
	defer session.Close()
	if options.Credential.User == "" {
		note(imap.StepLogin, "not tested: without a user nobody signs in; write one before the host, as in imaps://anna@"+options.Endpoint.Host, nil)
		return nil
	}
	folders, err := session.Folders(ctx)
	if err != nil {
		note(imap.StepFolders, "", err)
		return err
	}
	messages, personal := uint32(0), 0
	for _, f := range folders {
		if f.Space == migration.Personal && f.Selectable {
			personal++
			if f.Status != nil {
				messages += f.Status.Messages
			}
		}
	}
	detail := counted(personal, "folder", "folders")
	if session.Profile().ListStatus {
		detail += " with " + counted(int(messages), "message", "messages")
	}
	note(imap.StepFolders, detail+"; "+abilities(session.Profile()), nil)
	return nil
}

// abilities says what will make copying fast or slow.
func abilities(p migration.Profile) string {
	var have, lack []string
	for _, ability := range []struct {
		name string
		has  bool
	}{
		{"CONDSTORE", p.CondStore}, {"UIDPLUS", p.UIDPlus}, {"LIST-STATUS", p.ListStatus},
		{"LITERAL+", p.LiteralPlus}, {"MULTIAPPEND", p.MultiAppend}, {"SPECIAL-USE", p.SpecialUse},
	} {
		if ability.has {
			have = append(have, ability.name)
		} else {
			lack = append(lack, ability.name)
		}
	}
	text := "has " + strings.Join(have, " ")
	if len(lack) > 0 {
		text += ", lacks " + strings.Join(lack, " ")
	}
	return text
}
