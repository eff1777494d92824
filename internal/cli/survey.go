package cli

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/imap"
	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/report"
)

type surveyFlags struct {
	moveFlags
	login  endpointSpecFlags
	sizes  bool
	output string
}

func newSurveyCommand(streams Streams) *cobra.Command {
	flags := &surveyFlags{}
	command := &cobra.Command{
		Use:   "survey --source URL",
		Short: "Count what the mailboxes of a source hold, and copy nothing",
		Long: `Signs in to one mailbox, or to all of a migration file, and counts what copy would
take: messages, folders and the largest of them, and bytes where the server tells them
(STATUS=SIZE, RFC 8438). Rules for folders count as they do in copy, and so do the
folders that are left out without any. Nothing is changed, without --sizes no folder is
opened, and the target is not needed.

With --sizes every message is asked for its size: that takes a round trip for each
folder more, tells the bytes of servers that do not tell them by themselves, and the
largest message.

Each mailbox has one connection, and --workers says how many have theirs at a time.
When the server asks for a pause, all of them keep it.

"mailhaul batch estimate NAME --survey FILE" takes the file of --output.
` + loginHelp + folderHelp + surveyAddressHelp,
		Example: `  mailhaul survey --source imaps://anna@old.example.org
  mailhaul survey --csv mailboxes.csv --source imaps://old.example.org --workers 16 --output survey.csv
  mailhaul survey --csv mailboxes.csv --source imaps://old.example.org --login master --admin-user admin`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return inFlagsOf(c, runSurvey(c.Context(), flags, streams))
		},
	}
	flags.source.name = "source"
	flags.source.registerLook(command.Flags())
	flags.registerWhich(command.Flags())
	flags.login.registerKind(command.Flags())
	flags.login.registerLogin(command.Flags())
	command.Flags().IntVar(&flags.workers, "workers", 8, "with --csv: mailboxes at the same time, with a connection each")
	command.Flags().BoolVar(&flags.sizes, "sizes", false, "ask every message for its size")
	command.Flags().StringVarP(&flags.output, "output", "o", "", "also write a row for each mailbox to this CSV `FILE`")
	command.Flags().BoolVar(&flags.json, "json", false, "print everything as JSON")
	return command
}

const surveyAddressHelp = `
Addresses:
  imaps://user@host[:993]       TLS from the first byte
  imap://user@host[:143]        TLS by STARTTLS, which is required
  imap+plain://user@host:port   no protection; only with --allow-cleartext
  An @ in the user name may be written %40. With --type office365 or gmail there is
  none to give but for a user.

Passwords come from the migration file, for a single mailbox from
--source-password-file, else from MAILHAUL_SOURCE_PASSWORD, else they are asked for;
that of an administrator from --admin-password-file or MAILHAUL_ADMIN_PASSWORD. They
are never arguments.
`

// surveyor is one run of survey.
type surveyor struct {
	*mover
	options  *surveyFlags
	doorman  *doorman
	accounts []control.Account // as the tasks
	results  []report.SurveyedMailbox
	errors   []error
	pause    pause
}

func runSurvey(ctx context.Context, flags *surveyFlags, streams Streams) error {
	s := &surveyor{mover: &mover{flags: &flags.moveFlags, streams: streams, log: slog.New(slog.NewTextHandler(streams.Err, nil))}, options: flags, doorman: &doorman{}}
	if err := s.readWhich(); err != nil {
		return err
	}
	if sameFile(flags.output, flags.csvFile) {
		return usageError("--output: %s is the migration file itself; name another file", flags.output)
	}
	if err := s.openTrace(); err != nil {
		return err
	}
	defer s.trace.close()
	if err := s.load(ctx); err != nil {
		return err
	}
	if err := s.greet(ctx); err != nil {
		return err
	}
	started := time.Now()
	s.run(ctx)
	return s.conclude(ctx, started)
}

// load reads who is to be counted, and how to sign in.
func (s *surveyor) load(ctx context.Context) error {
	account, user, err := s.account(ctx)
	if err != nil {
		return err
	}
	if s.flags.csvFile == "" {
		return s.loadOne(ctx, account, user)
	}
	if user != "" {
		return usageError("with --csv the address has no user: the file names them")
	}
	if s.flags.sourceRoot != "" {
		return usageError("with --csv there is no --source-root: the file names it in the column UserRoot")
	}
	admin := account.Login.Form.HasAdmin()
	rows, err := s.readRows(migration.CSVOptions{SourceHasAdmin: admin})
	if err != nil {
		return err
	}
	for _, row := range rows {
		a := account
		a.User = cmp.Or(row.UserName, row.EmailAddress)
		a.Root = a.Login.RootOf(a.User, row.UserRoot)
		if !admin {
			a.Password = row.Password
		}
		s.add(row.EmailAddress, a)
	}
	return nil
}

func (s *surveyor) loadOne(ctx context.Context, a control.Account, user string) (err error) {
	if user == "" {
		return usageError("--source: the user name is missing; write it before the host, as in imaps://anna@%s, or name a migration file with --csv", a.Endpoint.Host)
	}
	a.User, a.Root = user, a.Login.RootOf(user, s.flags.sourceRoot)
	if !a.Login.Form.HasAdmin() {
		if a.Password, err = s.flags.source.password(ctx, s.streams, user); err != nil {
			return err
		}
	}
	s.add(user, a)
	return nil
}

func (s *surveyor) add(address string, a control.Account) {
	s.accounts = append(s.accounts, a)
	s.tasks = append(s.tasks, task{address: address})
	s.results = append(s.results, report.SurveyedMailbox{EmailAddress: address, SourceUser: a.User, Status: report.Queued})
	s.errors = append(s.errors, nil)
}

// account is what the flags say of the source, and the user of its address.
func (s *surveyor) account(ctx context.Context) (a control.Account, user string, err error) {
	login, side := &s.options.login, &s.flags.source
	spec := &login.spec
	spec.Name, spec.AllowCleartext = "source", s.flags.allowCleartext
	if side.url != "" || spec.Type == "" || spec.Type == string(migration.KindIMAP) {
		endpoint, named, err := side.endpoint(s.flags.allowCleartext)
		if err != nil {
			return a, "", err
		}
		user = named
		spec.Host, spec.Port, spec.Security, spec.CA, spec.Pin = endpoint.Host, endpoint.Port, string(endpoint.Security), string(endpoint.CA), endpoint.Pin
	}
	if err := login.secrets(ctx, &remote{streams: s.streams}, false); err != nil {
		return a, "", err
	}
	if spec.DefaultFolders, err = migration.ParseDefaultFolders(side.defaultFolders); err != nil {
		return a, "", usageError("%s: %w", side.flag("default-folder"), err)
	}
	e, value, err := spec.SignIn()
	return control.Account{Endpoint: e.Endpoint, Login: e.Login, Password: value, Labels: s.labels, DefaultFolders: e.DefaultFolders}, user, err
}

// greet tries the server of a file once, without signing in: what none of its mailboxes
// could get past is told once.
func (s *surveyor) greet(ctx context.Context) error {
	if len(s.accounts) < 2 {
		return nil
	}
	session, err := imap.Dial(ctx, imap.Options{Endpoint: s.accounts[0].Endpoint, Trace: s.trace.named("source")})
	switch {
	case err == nil:
		return session.Close()
	case ctx.Err() != nil:
		return interruptedFault("trying the server")
	case connectionCodes[migration.CodeOf(err)]:
		return naming("source", err)
	}
	return nil
}

// run counts every mailbox and tells how far it is.
func (s *surveyor) run(ctx context.Context) {
	var done atomic.Int64
	end := make(chan struct{})
	var telling sync.WaitGroup
	if len(s.tasks) > 1 {
		telling.Go(func() {
			every(logEvery, end, func() { s.log.Info("counting", "mailboxes", len(s.tasks), "done", done.Load()) })
		})
	}
	s.each(ctx, func(i int, t task) {
		begun := time.Now()
		r := &s.results[i]
		s.errors[i] = s.countPatiently(ctx, s.accounts[i], r, s.trace.named(t.address))
		r.Seconds = seconds(time.Since(begun))
		s.judge(r, s.errors[i])
		done.Add(1)
	})
	close(end)
	telling.Wait()
}

// How often a mailbox is tried whose line is lost, and how often one that is asked for
// a pause; and how long a pause is that the server does not tell the length of, or is at
// most.
const (
	surveyTries     = 3
	surveyPauses    = 5
	surveyBreath    = time.Second
	surveyPause     = 5 * time.Second
	surveyPauseMost = 5 * time.Minute
)

// countPatiently counts a mailbox, again when the line was lost, and after the pause
// that the server asks for. Pauses are kept by all mailboxes: they are one load to it.
func (s *surveyor) countPatiently(ctx context.Context, a control.Account, r *report.SurveyedMailbox, trace func(string)) error {
	for try := 1; ; try++ {
		if err := s.pause.keep(ctx); err != nil {
			return interruptedFault("counting")
		}
		err := s.countOne(ctx, a, r, trace)
		switch fault := migration.FaultOf(err); {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return interruptedFault("counting")
		case fault != nil && fault.Class == migration.Later && try < surveyPauses:
			s.pause.until(time.Now().Add(min(cmp.Or(fault.After, surveyPause<<(try-1)), surveyPauseMost)))
		case fault != nil && fault.Class == migration.Again && try < surveyTries:
			s.pause.until(time.Now().Add(surveyBreath << (try - 1)))
		default:
			return naming("source", err)
		}
	}
}

// countOne counts a mailbox. Of a try whose sign-in failed no round trips count.
func (s *surveyor) countOne(ctx context.Context, a control.Account, r *report.SurveyedMailbox, trace func(string)) error {
	session, err := s.doorman.open(ctx, a, imap.Options{Compress: s.flags.source.compress, Trace: trace})
	if err != nil {
		return err
	}
	defer session.Close()
	job := mailsync.Job{SourceRoot: a.Root, SourceDefaults: s.doorman.defaults(a), Labels: s.labels, Exclude: s.exclude, Include: s.include}
	extent, err := mailsync.Survey(ctx, session, job, s.options.sizes)
	r.RoundTrips += session.Traffic().RoundTrips
	if err != nil {
		return err
	}
	r.Folders, r.LeftOut, r.Uncounted, r.Messages = extent.Folders, extent.LeftOut, extent.Uncounted, extent.Messages
	r.LargestFolder, r.LargestFolderMessages = extent.Largest.Name, extent.Largest.Messages
	if extent.Sized {
		r.Bytes = &extent.Bytes
	}
	if extent.Sized && extent.Largest.Name != "" {
		r.LargestFolderBytes = &extent.Largest.Bytes
	}
	if s.options.sizes {
		r.LargestMessage = &extent.LargestMessage
	}
	return nil
}

// judge says what a mailbox has come to.
func (s *surveyor) judge(r *report.SurveyedMailbox, err error) {
	tell := func(code, reason, remedy string) { r.Code, r.Reason, r.Remedy = code, reason, remedy }
	switch {
	case err != nil:
		r.Status = report.Failed
		if statusOf(err) == exitInterrupted {
			r.Status = report.Stopped
		}
		remedy := ""
		if fault := migration.FaultOf(err); fault != nil {
			remedy = fault.Remedy
		}
		tell(migration.CodeOf(err), err.Error(), remedy)
	case r.Folders == 0 && s.hasRules():
		r.Status = report.Empty
		fault := s.nothingLeft()
		tell(fault.Code, fault.Error(), strings.ReplaceAll(fault.Remedy, "copy --dry-run without", "survey without"))
	case r.Uncounted > 0:
		r.Status = report.Measured
		tell(migration.CodeFolderRefused, counted(r.Uncounted, "folder was", "folders were")+" not counted, because the server refuses to look into "+pick(r.Uncounted, "it", "them"),
			"See that whoever signs in may read every folder of the mailbox.")
	case r.Messages == 0:
		r.Status = report.Empty
		tell(migration.CodeEmpty, "the mailbox holds no message", "Check that this is the mailbox that is meant; if it is, it can be made anew at the target.")
	default:
		r.Status = report.Measured
	}
}

// pick is one word of one thing, and another of several.
func pick(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// pause holds all who keep it until a time.
type pause struct {
	mu  sync.Mutex
	end time.Time
}

func (p *pause) until(end time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if end.After(p.end) {
		p.end = end
	}
}

// keep waits for the end of the pause, which may be put off meanwhile.
func (p *pause) keep(ctx context.Context) error {
	for {
		p.mu.Lock()
		left := time.Until(p.end)
		p.mu.Unlock()
		if left <= 0 {
			return ctx.Err()
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// inFlagsOf has a problem with the settings of an endpoint name the flags of the command.
func inFlagsOf(c *cobra.Command, err error) error {
	var p *control.Problem
	if !errors.As(err, &p) {
		return err
	}
	var lines []string
	for _, field := range p.Fields {
		names := strings.Split(field.Name, " or ")
		for i, name := range names {
			names[i] = flagFor(c, name)
		}
		lines = append(lines, strings.Join(names, " or ")+" "+inWords(c, field.Detail))
	}
	return usageError("%s", strings.Join(lines, "\n"))
}
