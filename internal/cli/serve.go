package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mailhaul/mailhaul/internal/api"
	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/metrics"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/notify"
	"github.com/mailhaul/mailhaul/internal/scheduler"
	"github.com/mailhaul/mailhaul/internal/secret"
	"github.com/mailhaul/mailhaul/internal/store"
	"github.com/mailhaul/mailhaul/internal/token"
	"github.com/mailhaul/mailhaul/internal/web"
)

func newServeCommand(streams Streams) *cobra.Command {
	flags := &serveFlags{}
	command := &cobra.Command{
		Use:   "serve",
		Short: "Run the server: batches that migrate and synchronise by themselves",
		Long: `Runs the server until it is told to stop; then work under way is laid down, and
goes on at the next start or on another node. It ends by itself, with status 1, when
its SQLite file cannot be written any more, such as on a full disk: what is written is
safe, and the next start goes on.

Every setting is a flag, an environment variable (MAILHAUL_DATA_DIR for --data-dir)
and a line of the file of --config ("data-dir = /var/lib/mailhaul"). The command line
counts most, then the environment, then the file. What is left out of the smtp
settings and of keep-completed can be set while it runs: mailhaul setting set.

At the first start it makes the key that passwords are sealed with, and prints the
setup token with which the first operator is made: mailhaul operator setup.

It runs on Linux and macOS, not on Windows.
`,
		Example: "  mailhaul serve\n  mailhaul serve --config /etc/mailhaul.conf --check-config",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := noServerOn(runtime.GOOS, "serve"); err != nil {
				return err
			}
			if err := flags.read(c.Flags()); err != nil {
				return err
			}
			if flags.checkConfig {
				fmt.Fprintln(streams.Out, "the settings are right")
				return nil
			}
			return runServe(c.Context(), flags, streams)
		},
	}
	flags.register(command.Flags())
	command.AddCommand(newServeRescueCommand(streams))
	return command
}

// noServerOn says why a command that has a server does not run on a system.
func noServerOn(system, command string) error {
	if system != "windows" {
		return nil
	}
	return usageError("%s does not run on Windows, where a server cannot tell who may read its key: run it on Linux or macOS; the commands without a server of their own work here, against one elsewhere or with copy", command)
}

// read fills in the settings from the environment and the settings file, and checks them.
func (f *serveFlags) read(flags *pflag.FlagSet) error {
	if err := f.noSecretOnTheLine(); err != nil {
		return err
	}
	if f.config == "" {
		f.config = os.Getenv("MAILHAUL_CONFIG")
	}
	if err := settle(flags, f.config); err != nil {
		return err
	}
	if err := f.complete(); err != nil {
		return err
	}
	f.keepFixed = flags.Changed("keep-completed")
	return nil
}

// server is everything that serves, joined.
type server struct {
	flags   *serveFlags
	streams Streams
	log     *slog.Logger

	store     *store.Store
	service   *control.Service
	scheduler *scheduler.Scheduler
	sender    *notify.Sender
	figures   *metrics.Metrics
	// hooked: a webhook is told of what notices tell.
	hooked   bool
	api      *api.API
	http     *http.Server
	listener net.Listener
}

// runServe serves until the context ends.
func runServe(ctx context.Context, flags *serveFlags, streams Streams) (err error) {
	s := &server{flags: flags, streams: streams}
	level, _ := flags.level()
	s.log = slog.New(slog.NewJSONHandler(streams.Err, &slog.HandlerOptions{Level: level})).With("node", flags.node)
	if err := s.open(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.store.Close()) }()
	if err := s.join(ctx); err != nil {
		return err
	}
	if err := s.listen(ctx); err != nil {
		return err
	}
	s.greet(ctx)
	return s.run(ctx)
}

// open opens the store.
func (s *server) open(ctx context.Context) (err error) {
	address := s.flags.database
	if address == "" {
		if err := os.MkdirAll(s.flags.dataDir, 0o700); err != nil {
			return usageError("data-dir: %w", err)
		}
		address = s.databaseFile()
	}
	s.store, err = store.Open(ctx, address, store.Options{Queue: true})
	if fault := migration.FaultOf(err); fault != nil && errors.Is(err, store.ErrOpenElsewhere) {
		fault.Remedy = "Stop the process that uses it, or choose another --data-dir."
	}
	return err
}

// scrub removes the traces of what was wiped. What was asked for has been done by
// then, so a failure is no answer to it: the scheduler tries again.
func (s *server) scrub(ctx context.Context) error {
	if err := s.store.Scrub(ctx); err != nil {
		s.log.Error("what was wiped may still be on the disk; it is tried again", "error", err)
	}
	return nil
}

func (s *server) databaseFile() string { return filepath.Join(s.flags.dataDir, "mailhaul.db") }

// join makes everything and joins it. Nothing runs yet.
func (s *server) join(ctx context.Context) error {
	keys, err := s.keys(ctx)
	if err != nil {
		return err
	}
	networks, _ := prefixes(s.flags.allowNetworks)
	policy := control.DialPolicy{AllowLoopback: s.flags.allowLoopback, RefusePrivate: s.flags.refusePrivate, Networks: networks}
	door := &doorman{authorities: token.Options{Dial: policy.Dial, Hosts: s.flags.tokenHosts}}
	visits, post := visitor{dial: policy.Dial, log: s.log, doorman: door}, postman{policy.Dial}
	fixed, err := s.flags.fixed()
	if err != nil {
		return err
	}
	looker, err := s.flags.looker(policy)
	if err != nil {
		return err
	}
	s.service = control.New(control.Options{Store: controlStore{s.store}, Keys: keys, Prober: visits, Source: visits, Ledgers: ledgers{s.store}, Report: s.reportNow, Handovers: s.handovers, Wake: func() { s.scheduler.Wake() }, Scrub: s.scrub, TokenHosts: s.flags.tokenHosts,
		Fixed: fixed, Mailer: post, Looker: looker, CutoverNews: s.cutoverNews})
	if err := s.service.Prepare(ctx); err != nil {
		return err
	}
	s.figures = metrics.New(metrics.Options{Version: version(), Figures: figures{s.store}.Figures})
	hook, err := s.flags.hook(policy)
	if err != nil {
		return err
	}
	s.sender, err = notify.New(notify.Options{Store: notices{s.store, s.flags.node}, Reports: reports{s.store}, Mail: post.through(s.service), Webhook: hook, Log: s.log, Observer: s.figures})
	if err != nil {
		return usageError("reports: %w", err)
	}
	s.hooked = hook != nil
	host, _ := os.Hostname()
	s.scheduler, err = scheduler.New(scheduler.Options{
		Store: schedulerStore{s.store}, Queue: s.queue(), Slots: s.flags.slots, Observer: s.figures, Log: s.log,
		KeepCompleted: func(tx scheduler.Tx) (time.Duration, error) { return s.service.KeepCompleted(tx) },
		Runner:        &runner{ledgers: s.store, keys: keys, dial: policy.Dial, log: s.log, doorman: door},
		Node:          migration.Node{Name: s.flags.node, Host: host, PID: os.Getpid(), Version: version()},
		Hold: func(tx scheduler.Tx, batch migration.BatchRecord) (bool, error) {
			waits, err := control.CompletionWaits(tx.(control.Tx), batch)
			return len(waits) > 0, err
		},
		Retain: func(tx scheduler.Tx, batch migration.BatchRecord) (bool, error) {
			waits, err := control.RemovalWaits(tx.(control.Tx), batch)
			if err == nil && !waits {
				err = control.HandOver(tx.(control.Tx), batch)
			}
			return waits, err
		},
		Compose: func(tx scheduler.Tx, event scheduler.Event) ([]migration.Notice, error) {
			composer, err := s.composer(tx)
			if err != nil {
				return nil, err
			}
			return composing(composer, tx, notify.Event(event))
		},
		Record: func(tx scheduler.Tx, action, object string) error {
			return s.service.Record(tx.(control.AuditTx), "mailhaul", action, object, nil)
		},
	})
	if err != nil {
		return err
	}
	return s.face()
}

// reportNow makes the notices by which a report is mailed to people.
func (s *server) reportNow(tx control.Tx, b migration.BatchRecord, to []string) ([]migration.Notice, error) {
	composer, err := s.composer(tx)
	if err != nil {
		return nil, err
	}
	return composer.ComposeReport(notify.Event{At: tx.Now(), Batch: b, State: b.Facts(tx.Now()).State()}, to), nil
}

// handovers prepares the notices by which hand-overs are mailed.
func (s *server) handovers(tx control.Tx, b migration.BatchRecord, mail control.HandoverMail) (func(migration.MailboxRecord) (migration.Notice, bool), error) {
	composer, err := s.composer(tx)
	if err != nil {
		return nil, err
	}
	composer.Mail = composer.Mail || mail.DryRun
	return composer.ComposeHandovers(notify.Event{At: tx.Now(), Batch: b, State: b.Facts(tx.Now()).State()}, mail.Contact), nil
}

// composer makes notices for where they go just now.
func (s *server) composer(tx control.SettingReader) (notify.Composer, error) {
	mail, err := s.service.SendsMail(tx)
	return notify.Composer{Mail: mail, Webhook: s.hooked}, err
}

// keys loads the key that passwords are sealed with, and makes it at the first
// start.
func (s *server) keys(ctx context.Context) (*secret.Keyring, error) {
	source := secret.KeySource{Command: s.flags.keyCommand, Credentials: os.Getenv("CREDENTIALS_DIRECTORY"), File: s.flags.keyFile, Create: true, Data: s.flags.dataDir, Environment: os.Getenv("MAILHAUL_KEY")}
	if source.File == "" && source.Command == "" && source.Credentials == "" && source.Environment == "" {
		directory, err := os.UserConfigDir()
		if err != nil {
			return nil, usageError("key-file: no place for it: %w", err)
		}
		source.File = filepath.Join(directory, "mailhaul", "server.key")
		if err := os.MkdirAll(filepath.Dir(source.File), 0o700); err != nil {
			return nil, usageError("key-file: %w", err)
		}
	}
	keys, warning, err := source.Load(ctx)
	if err != nil {
		return nil, usageError("the server key: %w", err)
	}
	if warning != "" {
		s.log.Warn(warning)
	}
	return keys, nil
}

func (s *server) queue() scheduler.Queue {
	if pool := s.store.Pool(); pool != nil {
		return scheduler.PostgreSQL(pool)
	}
	return scheduler.SQLite(s.store.DB())
}

// The bounds of connections. What takes longer, such as a download, sets its own.
const (
	headerWithin = 10 * time.Second
	answerWithin = time.Minute
	idleWithin   = 2 * time.Minute
	maxHeader    = 64 << 10
)

// face makes what clients see.
func (s *server) face() (err error) {
	options := api.Options{Service: s.service, Version: version(), Secure: s.flags.secure(), Reports: reports{s.store}, Log: s.log}
	if s.store.Pool() == nil {
		options.Backup = s.backup
	}
	if s.api, err = api.New(options); err != nil {
		return err
	}
	proxies, _ := prefixes(s.flags.trustedProxies)
	s.http = &http.Server{
		Handler: web.New(web.Options{API: s.api, Metrics: s.api.Require(s.figures.Handler()), Ready: s.service.Ready, TLS: s.flags.secure(), Proxies: proxies,
			Log: s.log, Observe: s.figures.Request}),
		ReadHeaderTimeout: headerWithin, WriteTimeout: answerWithin, IdleTimeout: idleWithin, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	s.http.RegisterOnShutdown(s.api.EndLive)
	if s.flags.tlsCert != "" {
		certificate, err := s.flags.certificate()
		if err != nil {
			return err
		}
		s.http.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}}
	}
	return nil
}

// backup copies the database to a file beside it, and from there to who asks.
func (s *server) backup(ctx context.Context, w io.Writer) error {
	directory, err := os.MkdirTemp(s.flags.dataDir, "backup-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(directory) }()
	path := filepath.Join(directory, "mailhaul.db")
	if err := s.store.Backup(ctx, path); err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(w, file)
	return err
}

// listen takes the address; who comes waits until the server runs.
func (s *server) listen(ctx context.Context) (err error) {
	if s.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", s.flags.listen); err != nil {
		return usageError("listen: %w", err)
	}
	return nil
}

// address is where clients find the server.
func (s *server) address() string {
	scheme := "http"
	if s.flags.tlsCert != "" {
		scheme = "https"
	}
	return scheme + "://" + s.listener.Addr().String()
}

// run runs everything until the context ends or the database has failed for good,
// and then stops it in turn: nothing new is taken in, work is laid down, mails under
// way are finished.
func (s *server) run(ctx context.Context) error {
	if err := s.scheduler.Start(ctx); err != nil {
		s.listener.Close()
		return err
	}
	sending, endSending := context.WithCancel(context.WithoutCancel(ctx))
	defer endSending()
	var senders sync.WaitGroup
	senders.Go(func() { _ = s.sender.Run(sending) }) // it ends with its context only
	looking, endLooking := context.WithCancel(ctx)
	defer endLooking()
	senders.Go(func() { s.watchDomains(looking, lookForDue) })
	failed := make(chan error, 1)
	go func() { failed <- s.serve() }()
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	case <-s.store.Broken():
		err = s.store.View(ctx, "serving", func(*store.Tx) error { return nil }) // it says why
		s.log.Error("the database has failed", "error", err)
	}
	s.log.Info("stopping")
	draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.flags.drain)
	defer cancel()
	err = errors.Join(err, s.drain(draining))
	endLooking()
	endSending()
	senders.Wait()
	s.log.Info("stopped")
	return err
}

// drain ends requests and passes at the same time, so that each has all of the time that
// there is.
func (s *server) drain(ctx context.Context) error {
	var requests error
	var answering sync.WaitGroup
	answering.Go(func() { requests = ignoreDeadline(s.http.Shutdown(ctx)) })
	passes := s.scheduler.Stop(ctx)
	answering.Wait()
	return errors.Join(requests, passes)
}

// ignoreDeadline: requests that are too slow are cut off.
func ignoreDeadline(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

func (s *server) serve() error {
	var err error
	if s.flags.tlsCert != "" {
		err = s.http.ServeTLS(s.listener, "", "")
	} else {
		err = s.http.Serve(s.listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// greet says on the console where the server is, and how to make the first
// operator of a new one. The token is not in the log.
func (s *server) greet(ctx context.Context) {
	address := s.address()
	fmt.Fprintf(s.streams.Out, "mailhaul serves at %s\n", address)
	s.log.Info("serving", "address", address, "version", version())
	needed, err := s.service.SetupNeeded(ctx)
	if err != nil || !needed {
		return
	}
	token, err := s.service.NewSetupToken(ctx)
	if err != nil {
		s.log.Error("making a setup token", "error", err)
		return
	}
	fmt.Fprintf(s.streams.Out, "There is no operator yet. Make the first with this setup token, which works once:\n\n  %s\n\nin a browser at %s/setup, or by\n\n  mailhaul operator setup NAME --server %s\n\n", token.Reveal(), address, address)
}
