package cli

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/mailhaul/mailhaul/internal/api"
	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/demo"
	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/report"
)

// demoLasts is how long the servers stay up when nobody ends them.
const demoLasts = time.Hour

// What the demo leaves in its directory.
const (
	demoLedger = "ledger.db"
	demoBackup = "backup.db"
	demoReport = "report.html"
	demoToken  = "token"
	demoLog    = "server.log"
	demoBatch  = "office"
	// demoArchive is the batch that is under way as long as somebody watches.
	demoArchive = "archive"
	demoName    = "demo"
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
		Long: `Starts two IMAP servers in memory, fills six mailboxes with difficult mail, and
starts the server of "mailhaul serve" on SQLite. Through its API it makes the
endpoints and a batch, migrates it, and compares every byte. It needs no network, no
rights and a few seconds, and leaves nothing behind.

Afterwards everything stays up for an hour, until Ctrl-C, with commands to try on
it; with --once it ends there. As it has a server, it runs on Linux and macOS, not on
Windows.
`,
		Example: `  mailhaul demo
  mailhaul demo --once --keep demo-files`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := noServerOn(runtime.GOOS, "demo"); err != nil {
				return err
			}
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
	stop, err := run.serve(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	run.introduce()
	started := time.Now()
	if err := run.migrate(ctx); err != nil {
		return err
	}
	if err := run.compare(ctx); err != nil {
		return err
	}
	run.praise(time.Since(started))
	if flags.keep != "" {
		fmt.Fprintf(streams.Out, "The files stay in %s, with %s.\n", directory, demoReport)
	}
	if flags.once {
		return nil
	}
	if err := run.keepBusy(ctx); err != nil {
		return err
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
	server    *server
	client    *api.Client
	// password is that of the operator.
	password control.Password
}

func (d *demoRun) file(name string) string { return filepath.Join(d.directory, name) }

// serve starts the server, and makes its first operator with a token in a file.
func (d *demoRun) serve(ctx context.Context) (stop func() error, err error) {
	log, err := os.OpenFile(d.file(demoLog), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("making the server's log: %w", err)
	}
	flags := &serveFlags{dataDir: d.file("data"), keyFile: d.file("server.key"), listen: "127.0.0.1:0", node: "demo", allowLoopback: true, slots: defaultSlots, drain: demoDrain}
	d.server = &server{flags: flags, streams: Streams{Out: io.Discard, Err: log}, log: slog.New(slog.NewJSONHandler(log, nil))}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	stop = func() error {
		cancel()
		// The batch that takes long is cut off.
		return errors.Join(ignoreDeadline(<-ended), d.server.store.Close(), log.Close())
	}
	if err := d.server.open(ctx); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	if err := errors.Join(d.server.join(ctx), d.server.listen(ctx)); err != nil {
		return nil, errors.Join(err, d.server.store.Close(), log.Close())
	}
	go func() { ended <- d.server.run(ctx) }()
	if err := d.signIn(ctx); err != nil {
		return nil, errors.Join(err, stop())
	}
	return stop, nil
}

// demoDrain is short: nobody minds when the demo's last pass is cut off.
const demoDrain = 5 * time.Second

func (d *demoRun) signIn(ctx context.Context) error {
	token, err := d.server.service.NewSetupToken(ctx)
	if err != nil {
		return err
	}
	if d.client, err = api.NewClient(api.ClientOptions{Server: d.server.address()}); err != nil {
		return err
	}
	d.password = control.Password(rand.Text())
	admin := control.OperatorSpec{Name: demoName, Role: string(control.Admin), Password: d.password}
	if _, err := d.client.Setup(ctx, api.Setup{Token: control.Password(token.Reveal()), Operator: admin}); err != nil {
		return err
	}
	made, err := d.client.CreateToken(ctx, control.TokenSpec{Name: "demo", Days: 1})
	if err != nil {
		return err
	}
	return writePrivate(d.file(demoToken), []byte(string(made.Secret)+"\n"))
}

// migrate makes endpoints and a batch, and watches it until it is Synced.
func (d *demoRun) migrate(ctx context.Context) error {
	for name, address := range map[string]string{"old": d.servers.SourceAddress, "new": d.servers.TargetAddress} {
		if err := d.createEndpoint(ctx, name, address, 0); err != nil {
			return err
		}
	}
	if err := d.createBatch(ctx, demoBatch, "old", demo.MigrationFile); err != nil {
		return err
	}
	return d.watch(ctx)
}

// keepBusy starts a batch that takes long, below a ceiling of its endpoint.
func (d *demoRun) keepBusy(ctx context.Context) error {
	if _, err := d.servers.AddArchive(d.directory); err != nil {
		return err
	}
	if err := d.createEndpoint(ctx, "old-slow", d.servers.SourceAddress, demo.ArchivePerSecond); err != nil {
		return err
	}
	return d.createBatch(ctx, demoArchive, "old-slow", demo.ArchiveFile)
}

func (d *demoRun) createEndpoint(ctx context.Context, name, address string, perSecond float64) error {
	endpoint, _, err := migration.ParseURL("imaps://" + address)
	if err != nil {
		return err
	}
	spec := control.EndpointSpec{Name: name, Host: endpoint.Host, Port: endpoint.Port, CA: string(d.servers.CA), MessagesPerSec: perSecond}
	_, err = d.client.CreateEndpoint(ctx, spec, false)
	return err
}

// createBatch makes a batch of a migration file, and starts it.
func (d *demoRun) createBatch(ctx context.Context, name, source, path string) error {
	file, size, err := openMigrationFile(d.file(path))
	if err != nil {
		return err
	}
	defer file.Close()
	spec := control.BatchSpec{Name: name, Source: source, Target: "new", AutoStart: true, FileOptions: control.FileOptions{FileName: path, FileBytes: size}}
	_, err = d.client.CreateBatch(ctx, spec, file, "")
	return err
}

func (d *demoRun) watch(ctx context.Context) error {
	r := &remote{streams: d.streams}
	show, end := r.watcher()
	var last control.Batch
	err := d.client.WatchBatch(ctx, demoBatch, func(live api.LiveBatch) bool {
		show(live)
		last = live.Batch
		return !isResting(last) || last.State == string(migration.BatchCreated)
	})
	end()
	if err != nil {
		return err
	}
	mailboxes := []control.Mailbox{}
	for m, err := range d.client.Mailboxes(ctx, control.MailboxQuery{Batch: demoBatch}) {
		if err != nil {
			return err
		}
		mailboxes = append(mailboxes, m)
	}
	fmt.Fprintln(d.streams.Out)
	r.listMailboxes(mailboxes)
	if last.State != string(migration.BatchSynced) {
		return fmt.Errorf("the batch of the demo is %s", last.State)
	}
	body, err := d.client.Report(ctx, demoBatch, report.HTMLFile)
	if err != nil {
		return err
	}
	return (&remote{streams: Streams{Out: io.Discard, Err: io.Discard}}).save(ctx, body, d.file(demoReport))
}

// compare proves with a copy of the ledger that the target holds every message.
func (d *demoRun) compare(ctx context.Context) error {
	fmt.Fprint(d.streams.Out, "\nComparing every byte:\n\n")
	if err := d.server.store.Backup(ctx, d.file(demoLedger)); err != nil {
		return err
	}
	flags := &verifyFlags{moveFlags: moveFlags{csvFile: d.file(demo.MigrationFile), ledger: d.file(demoLedger), workers: 3}}
	flags.source = sideFlags{name: "source", url: "imaps://" + d.servers.SourceAddress, caFile: d.file(demo.CAFile)}
	flags.target = sideFlags{name: "target", url: "imaps://" + d.servers.TargetAddress, caFile: d.file(demo.CAFile)}
	everything, err := mailsync.ParseSample("all")
	if err != nil {
		return err
	}
	return runVerify(ctx, flags, everything, Streams{In: d.streams.In, Out: summaryLines{d.streams.Out}, Err: d.streams.Err})
}

// summaryLines leaves out the lines of folders that are the same.
type summaryLines struct{ out io.Writer }

// Write passes on what is not one of them.
func (s summaryLines) Write(line []byte) (int, error) {
	if bytes.HasPrefix(line, []byte("= ")) {
		return len(line), nil
	}
	return s.out.Write(line)
}

func (d *demoRun) introduce() {
	fmt.Fprintf(d.streams.Out, `Two IMAP servers are up, in memory and on this computer only:
  source  imaps://%s  an old one, its folders in six languages
  target  imaps://%s  a new one, its mailboxes empty
and a mailhaul server on SQLite between them, at %s.
Migrating a batch of %d mailboxes with %d messages (%s) through its API:

`, d.servers.SourceAddress, d.servers.TargetAddress, d.server.address(), len(d.servers.Mailboxes), d.servers.Messages(), byteSize(d.servers.Bytes()))
}

func (d *demoRun) praise(took time.Duration) {
	fmt.Fprintf(d.streams.Out, "\nAll %d messages are at the target, once each and byte for byte, after %.1f s.\n", d.servers.Messages(), took.Seconds())
}

// suggest prints what to try next: commands of this very program, which work as
// they stand from the directory of the files.
func (d *demoRun) suggest() {
	first := d.servers.Mailboxes[0]
	account := fmt.Sprintf("imaps://%s@%s \\\n    --ca %s --password-file %s", first.User, d.servers.SourceAddress, demo.CAFile, first.SourcePasswordFile())
	both := fmt.Sprintf("--csv %s --ledger %s \\\n    --source imaps://%s --source-ca %s \\\n    --target imaps://%s --target-ca %s",
		demo.MigrationFile, demoBackup, d.servers.SourceAddress, demo.CAFile, d.servers.TargetAddress, demo.CAFile)
	enter := fmt.Sprintf("cd %s\n  export MAILHAUL_SERVER=%s MAILHAUL_TOKEN_FILE=%s", quoted(d.directory), d.server.address(), demoToken)
	fmt.Fprintf(d.streams.Out, "\nThe web console shows it all, with a second batch that is under way for half an hour:\n  %s\n  name %s, password %s\n", d.server.address(), demoName, string(d.password))
	for _, suggested := range []struct{ why, command string }{
		{"What to try next. All stays up for an hour, or until Ctrl-C. In another terminal,\ngo to the files of the demo, and say where the server is:", enter},
		{"Look at the batch and its mailboxes:", "mailhaul batch show " + demoBatch},
		{"", "mailhaul mailbox list " + demoBatch},
		{"Let a message arrive at the source, and bring it, and it alone, to the target:", "mailhaul demo deliver " + account},
		{"", "mailhaul mailbox sync " + demoBatch + " " + first.Address},
		{"", "mailhaul mailbox show " + demoBatch + " " + first.Address},
		{"Test the source as an endpoint, step by step; from the server, and from here:", "mailhaul endpoint test old"},
		{"", "mailhaul endpoint test " + account},
		{"Compare both sides again, with a copy of the server's ledger:", "mailhaul backup " + demoBackup},
		{"", "mailhaul verify " + both},
		{"See the problems of a bad migration file, all at once:", "mailhaul csv check " + demo.BrokenFile},
		{"See who did what:", "mailhaul audit list"},
	} {
		if suggested.why != "" {
			fmt.Fprintf(d.streams.Out, "\n%s\n", suggested.why)
		}
		command := suggested.command
		if arguments, ok := strings.CutPrefix(command, "mailhaul "); ok {
			command = program() + " " + arguments
		}
		fmt.Fprintf(d.streams.Out, "  %s\n", command)
	}
	fmt.Fprintf(d.streams.Out, "\nThe report of the batch, for a browser:\n  %s\n", d.file(demoReport))
}

// program is how this program is called from any directory.
func program() string {
	self, err := os.Executable()
	if err != nil {
		return "mailhaul"
	}
	return quoted(self)
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
