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
	command := &cobra.Command{
		Use:   "endpoint",
		Short: "Work with servers",
		Args:  noArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	command.AddCommand(newEndpointTestCommand(streams))
	return command
}

type endpointFlags struct {
	side           sideFlags
	allowCleartext bool
	json           bool
}

func newEndpointTestCommand(streams Streams) *cobra.Command {
	flags := &endpointFlags{side: sideFlags{name: "server"}}
	command := &cobra.Command{
		Use:   "test URL",
		Short: "Test a server step by step",
		Long: `Goes through resolve, connect, TLS, greeting, capabilities, sign-in and folders,
and says at the first step that fails what is wrong and what to do. Without a user
in the address it stops before the sign-in.

The password comes from --password-file, else from MAILHAUL_SERVER_PASSWORD, else
it is asked for.
`,
		Example: "  mailhaul endpoint test imaps://anna@mail.example.org",
		Args:    oneArg("address of the server, such as imaps://anna@mail.example.org"),
		RunE: func(c *cobra.Command, args []string) error {
			flags.side.url = args[0]
			return runEndpointTest(c.Context(), flags, streams)
		},
	}
	command.Flags().StringVar(&flags.side.passwordFile, "password-file", "", "`FILE` whose first line is the password")
	command.Flags().StringVar(&flags.side.caFile, "ca", "", "PEM `FILE` with the certificate authorities, instead of the system's")
	command.Flags().StringVar(&flags.side.pin, "pin", "", "base64 SHA-256 of the server's public key, trusted whoever signed it")
	command.Flags().BoolVar(&flags.allowCleartext, "allow-cleartext", false, "allow imap+plain:// addresses")
	command.Flags().BoolVar(&flags.json, "json", false, "print the steps as JSON")
	return command
}

// step is one line of the test.
type step struct {
	Step   imap.Step `json:"step"`
	OK     bool      `json:"ok"`
	Detail string    `json:"detail,omitempty"`
	Remedy string    `json:"remedy,omitempty"`
}

func runEndpointTest(ctx context.Context, flags *endpointFlags, streams Streams) error {
	endpoint, user, err := flags.side.endpoint(flags.allowCleartext)
	if err != nil {
		return err
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
				s.Remedy = oneSided.Replace(fault.Remedy)
			}
		}
		steps = append(steps, s)
		if !flags.json {
			printStep(streams, s)
		}
	}
	options.Steps = note
	err = testEndpoint(ctx, options, note)
	if flags.json {
		if printErr := writeJSON(streams.Out, map[string]any{"endpoint": endpoint.Address(), "steps": steps}); printErr != nil {
			return printErr
		}
	}
	if err != nil {
		return &exitError{status: statusOf(err)}
	}
	return nil
}

// oneSided puts the flags of this command where a remedy names those of copy.
var oneSided = strings.NewReplacer(" (for the target, --target-pin)", "", "--source-pin", "--pin")

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
