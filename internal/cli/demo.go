package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/mailhaul/mailhaul/internal/demo"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/report"
)

// demoLasts is how long the servers stay up when nobody ends them.
const demoLasts = time.Hour

// What copying leaves in the directory of the demo.
const (
	demoLedger = "ledger.db"
	demoReport = "report"
)

type demoFlags struct {
	once bool
	keep string
}

func newDemoCommand(streams Streams) *cobra.Command {
	flags := &demoFlags{}
	command := &cobra.Command{
		Use:   "demo",
		Short: "Try it all on two servers in memory",
		Long: `Starts two IMAP servers in memory, fills six mailboxes with difficult mail, copies
them with the code of "mailhaul copy", and compares every byte. It needs no
network, no rights and a few seconds, and leaves nothing behind.

Afterwards the servers stay up for an hour, until Ctrl-C, with commands to try on
them; with --once it ends there.
`,
		Example: `  mailhaul demo
  mailhaul demo --once --keep demo-files`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return runDemo(c.Context(), flags, streams)
		},
	}
	command.Flags().BoolVar(&flags.once, "once", false, "end after the comparison")
	command.Flags().StringVar(&flags.keep, "keep", "", "put the files into this new or empty `DIR` and leave them there")
	command.AddCommand(newDemoDeliverCommand(streams))
	return command
}

func runDemo(ctx context.Context, flags *demoFlags, streams Streams) (err error) {
	directory, remove, err := demoDirectory(flags.keep)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	servers, err := demo.Start()
	if err != nil {
		return err
	}
	defer servers.Close()
	if err := servers.WriteFiles(directory); err != nil {
		return err
	}
	run := &demoRun{servers: servers, directory: directory, streams: streams}
	run.introduce()
	started := time.Now()
	if err := runCopy(ctx, run.copyFlags(), streams); err != nil {
		return err
	}
	run.praise(time.Since(started))
	if flags.keep != "" {
		fmt.Fprintf(streams.Out, "The files stay in %s, with %s.\n", directory, filepath.Join(demoReport, report.HTMLFile))
	}
	if flags.once {
		return nil
	}
	run.suggest()
	run.wait(ctx)
	return nil
}

// demoDirectory makes the place for the files, and how to get rid of it.
func demoDirectory(keep string) (directory string, remove func() error, err error) {
	if keep == "" {
		directory, err = os.MkdirTemp("", "mailhaul-demo-")
		if err != nil {
			return "", nil, fmt.Errorf("making a directory for the demo: %w", err)
		}
		return directory, func() error { return os.RemoveAll(directory) }, nil
	}
	if directory, err = filepath.Abs(keep); err == nil {
		err = os.MkdirAll(directory, 0o700)
	}
	if err != nil {
		return "", nil, usageError("--keep: %w", err)
	}
	entries, err := os.ReadDir(directory)
	if err != nil {
		return "", nil, usageError("--keep: %w", err)
	}
	if len(entries) > 0 {
		return "", nil, usageError("--keep: %s is not empty; name a new directory", directory)
	}
	// It holds passwords, whoever made it.
	if err := os.Chmod(directory, 0o700); err != nil { //nolint:gosec // a directory needs x
		return "", nil, usageError("--keep: %w", err)
	}
	return directory, func() error { return nil }, nil
}

// demoRun is one demo under way.
type demoRun struct {
	servers   *demo.Demo
	directory string
	streams   Streams
}

func (d *demoRun) file(name string) string { return filepath.Join(d.directory, name) }

// copyFlags are those of the copy command that suggest prints, with a report and
// a comparison.
func (d *demoRun) copyFlags() *copyFlags {
	flags := &copyFlags{verify: "all", reportDir: d.file(demoReport)}
	flags.source = sideFlags{name: "source", url: "imaps://" + d.servers.SourceAddress, caFile: d.file(demo.CAFile)}
	flags.target = sideFlags{name: "target", url: "imaps://" + d.servers.TargetAddress, caFile: d.file(demo.CAFile)}
	flags.csvFile, flags.ledger = d.file(demo.MigrationFile), d.file(demoLedger)
	flags.connections, flags.workers = 2, 3
	return flags
}

func (d *demoRun) introduce() {
	fmt.Fprintf(d.streams.Out, `Two IMAP servers are up, in memory and on this computer only:
  source  imaps://%s  an old one, its folders in six languages
  target  imaps://%s  a new one, its mailboxes empty
Copying %d mailboxes with %d messages (%s), then comparing every byte:

`, d.servers.SourceAddress, d.servers.TargetAddress, len(d.servers.Mailboxes), d.servers.Messages(), byteSize(d.servers.Bytes()))
}

func (d *demoRun) praise(took time.Duration) {
	fmt.Fprintf(d.streams.Out, "\nAll %d messages are at the target, once each and byte for byte, after %.1f s.\n", d.servers.Messages(), took.Seconds())
}

// suggest prints what to try next. Every line that begins with "mailhaul" is a
// command that works as it stands, from the directory of the files.
func (d *demoRun) suggest() {
	first := d.servers.Mailboxes[0]
	account := fmt.Sprintf("imaps://%s@%s \\\n    --ca %s --password-file %s", first.User, d.servers.SourceAddress, demo.CAFile, first.SourcePasswordFile())
	both := fmt.Sprintf("--csv %s --ledger %s \\\n    --source imaps://%s --source-ca %s \\\n    --target imaps://%s --target-ca %s",
		demo.MigrationFile, demoLedger, d.servers.SourceAddress, demo.CAFile, d.servers.TargetAddress, demo.CAFile)
	for _, suggested := range []struct{ why, command string }{
		{"What to try next. The servers stay up for an hour, or until Ctrl-C. In another\nterminal, go to the files of the demo:", "cd " + quoted(d.directory) + d.alias()},
		{"Copy again. The ledger knows what was copied, so nothing is copied twice:", "mailhaul copy " + both},
		{"Compare both sides again, folder by folder and byte by byte:", "mailhaul verify " + both},
		{"Let a message arrive at the source; then copy again, and it alone is copied:", "mailhaul demo deliver " + account},
		{"Test the source as an endpoint, step by step:", "mailhaul endpoint test " + account},
		{"See the problems of a bad migration file, all at once:", "mailhaul csv check " + demo.BrokenFile},
	} {
		fmt.Fprintf(d.streams.Out, "\n%s\n  %s\n", suggested.why, suggested.command)
	}
	fmt.Fprintf(d.streams.Out, "\nThe report of the first copy, for a browser:\n  %s\n", filepath.Join(d.file(demoReport), report.HTMLFile))
}

// alias makes "mailhaul" mean this program where the shell would not find it.
func (d *demoRun) alias() string {
	self, err := os.Executable()
	if err != nil {
		return ""
	}
	found, err := exec.LookPath("mailhaul")
	if err == nil {
		found, err = filepath.EvalSymlinks(found)
	}
	if actual, err2 := filepath.EvalSymlinks(self); err == nil && err2 == nil && actual == found {
		return ""
	}
	return "\n  alias mailhaul=" + quoted(self)
}

// quoted is a text as one word of a shell.
func quoted(text string) string {
	if strings.IndexFunc(text, func(r rune) bool {
		return !strings.ContainsRune("+-./:_", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// wait leaves the servers up until the context or the time ends.
func (d *demoRun) wait(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, demoLasts)
	defer cancel()
	<-ctx.Done()
	fmt.Fprintln(d.streams.Out, "\nThe demo has ended.")
}

func newDemoDeliverCommand(streams Streams) *cobra.Command {
	side := &sideFlags{name: "server"}
	command := &cobra.Command{
		Use:   "deliver URL",
		Short: "Let a new message arrive in a mailbox of the demo",
		Long: `Adds a short message to the INBOX of a mailbox, as if it had just arrived, to see
that the next copy brings it and nothing else. It works for servers on this
computer only.
`,
		Args: oneArg("address of the mailbox, such as imaps://anna@127.0.0.1:40993"),
		RunE: func(c *cobra.Command, args []string) error {
			side.url = args[0]
			return runDemoDeliver(c.Context(), side, streams)
		},
	}
	command.Flags().StringVar(&side.passwordFile, "password-file", "", "`FILE` whose first line is the password")
	command.Flags().StringVar(&side.caFile, "ca", "", "PEM `FILE` with the certificate authorities, instead of the system's")
	return command
}

func runDemoDeliver(ctx context.Context, side *sideFlags, streams Streams) error {
	endpoint, user, err := side.endpoint(false)
	if err != nil {
		return err
	}
	if address := net.ParseIP(endpoint.Host); endpoint.Host != "localhost" && !address.IsLoopback() {
		return usageError("%s is not on this computer; the demo delivers to its own servers only", endpoint.Host)
	}
	if user == "" {
		return usageError("the user name is missing; write it before the host, as in imaps://anna@%s", endpoint.Host)
	}
	password, err := side.password(ctx, streams, user)
	if err != nil {
		return err
	}
	session, err := account{endpoint: endpoint, user: user, password: password}.dial(ctx)
	if err != nil {
		return err
	}
	defer session.Close()
	subject, raw := demo.NewMail(user, time.Now())
	var refused error
	appender := session.Appender("INBOX", migration.AppendOptions{Single: true}, func(r migration.AppendResult) { refused = r.Err })
	if err := appender.Append(ctx, migration.AppendMessage{Size: int64(len(raw)), Date: time.Now()}, bytes.NewReader(raw)); err != nil {
		return err
	}
	if err := errors.Join(appender.Flush(ctx), refused); err != nil {
		return err
	}
	_, err = fmt.Fprintf(streams.Out, "The message %q is in the INBOX of %s.\n", subject, user)
	return err
}
