package cli

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/imap"
	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/scheduler"
	"github.com/mailhaul/mailhaul/internal/secret"
	"github.com/mailhaul/mailhaul/internal/store"
)

// runner runs the passes of the server: it opens the passwords, dials below the
// endpoints' ceilings, and has the engine do the work on a ledger that is fenced
// by the mailbox's generation.
type runner struct {
	ledgers *store.Store
	keys    *secret.Keyring
	// dial makes connections; it refuses addresses that the policy does.
	dial func(ctx context.Context, network, address string) (net.Conn, error)
	log  *slog.Logger
	// doorman signs in.
	doorman *doorman
	// settle is the engine's; 0 measures.
	settle     time.Duration
	ceilings   ceilings
	allowances allowances
	paces      paces
}

var _ scheduler.Runner = (*runner)(nil)

// How the engine works for the scheduler, which has a patience of its own.
const (
	// serveTries is how often a lost connection is made again within a pass.
	serveTries = 4
	// servePause is the longest pause that a pass sits out.
	servePause = 2 * time.Minute
	// progressEvery is how often a pass tells its progress, and rateOver of how
	// many of them the rate is taken.
	progressEvery = 2 * time.Second
	rateOver      = 5
	// foldersTold is of how many folders the progress tells.
	foldersTold = 200
)

// assignment is a task with what is needed to do it.
type assignment struct {
	source, target serveSide
	job            mailsync.Job
}

// serveSide is one end of a task.
type serveSide struct {
	endpoint migration.EndpointRecord
	account  control.Account
	ceiling  *ceiling
	// allowance is the account's day's budget, nil for none.
	allowance *allowance
	runner    *runner
	// known is what its sessions share.
	known imap.Known
	// trace gives who takes what is said on one more connection, nil for nobody.
	trace func() func(line string)
	// step is how far the last dialling came, unreachable whether it failed
	// before anybody was asked for a password.
	step        atomic.Value // imap.Step
	unreachable atomic.Bool
}

func (r *runner) assign(ctx context.Context, task scheduler.Task) (*assignment, error) {
	a := &assignment{}
	for _, end := range []struct {
		side     *serveSide
		endpoint migration.EndpointRecord
		which    control.Side
	}{{&a.source, task.Source, control.SourceSide}, {&a.target, task.Target, control.TargetSide}} {
		account, err := control.OpenAccount(r.keys, end.endpoint, task.Batch, task.Mailbox, end.which)
		if err != nil {
			return nil, &migration.Fault{Class: migration.Login, Code: migration.CodeCredential, Doing: "opening the " + string(end.which) + " password", Err: err,
				Remedy: "Give the mailbox a new password, or bring back the server key that it was sealed with."}
		}
		end.side.endpoint, end.side.account, end.side.runner = end.endpoint, account, r
		end.side.trace = func() func(string) {
			if task.Trace == nil {
				return nil
			}
			return task.Trace(string(end.which))
		}
		end.side.ceiling = r.ceilings.of(end.endpoint, task.Nodes)
		if end.side.allowance, err = r.allowances.of(ctx, r.ledgers, account.User, end.endpoint.Endpoint, end.endpoint.Limits.Budget()); err != nil {
			return nil, err
		}
	}
	var err error
	a.job, err = r.job(ctx, task, a)
	return a, err
}

func (r *runner) job(ctx context.Context, task scheduler.Task, a *assignment) (mailsync.Job, error) {
	ledger, err := r.ledgers.Mailbox(ctx, a.source.identity(), a.target.identity())
	if err != nil {
		return mailsync.Job{}, err
	}
	exclude, err := parseRules("the batch's excluded folders", task.Batch.Options.Exclude)
	if err != nil {
		return mailsync.Job{}, badRule(err)
	}
	include, err := parseRules("the batch's included folders", task.Batch.Options.Include)
	if err != nil {
		return mailsync.Job{}, badRule(err)
	}
	return mailsync.Job{
		Source: a.source.source, Target: a.target.target, Ledger: ledger.Fence(task.Mailbox.ID, task.Mailbox.Lease.Generation),
		SourceDefaults: r.doorman.defaults(a.source.account), TargetDefaults: r.doorman.defaults(a.target.account),
		Exclude: exclude, Include: include, SourceRoot: a.source.account.Root, Labels: task.Batch.Options.Labels,
		ReceivedFrom: task.Batch.Options.ReceivedFrom, ReceivedBefore: task.Batch.Options.ReceivedBefore,
		Connections: task.Source.Limits.Connections, TargetConnections: task.Target.Limits.Connections,
		Settle: r.settle, Tries: serveTries, LongestPause: servePause, RetrySkipped: task.Mailbox.Retry, AcceptRebuilt: task.AcceptRebuilt,
		Pace: r.paces.of(a.target.identity()), Calibration: task.Target.Calibration, Held: task.Held, Progress: &mailsync.Progress{}, Log: r.log.With("batch", task.Batch.Name, "mailbox", task.Mailbox.Address),
	}, nil
}

func badRule(err error) error {
	return &migration.Fault{Class: migration.OneMailbox, Code: migration.CodeUnsupported, Doing: "reading the folder rules", Err: err,
		Remedy: "Create the batch anew with rules that can be read."}
}

// identity names the side's mailbox in the ledger, whoever signs in.
func (s *serveSide) identity() string {
	return account{endpoint: s.endpoint.Endpoint, user: s.account.User, root: s.account.Root}.identity()
}

func (s *serveSide) session(ctx context.Context) (*imap.Session, error) {
	if err := s.allowance.check(); err != nil {
		return nil, err
	}
	session, err := s.runner.doorman.open(ctx, s.account, imap.Options{Log: s.runner.log, Unanswered: s.endpoint.Limits.Unanswered, Known: &s.known, Line: s.allowance.counted, Trace: s.trace(),
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			line, err := s.runner.dial(ctx, network, address)
			if err != nil || s.endpoint.Limits.BytesPerSecond <= 0 {
				return line, err
			}
			return throttled(line, &s.ceiling.bytes), nil
		},
		Steps: func(step imap.Step, _ string, _ error) { s.step.Store(step) },
	})
	s.unreachable.Store(err != nil && cannotReach(err))
	if fault := migration.FaultOf(err); fault != nil {
		fault.Remedy = asSetting.Replace(fault.Remedy)
	}
	return session, err
}

// cannotReach reports whether an error says that a server is not there.
func cannotReach(err error) bool {
	codes := []string{migration.CodeResolve, migration.CodeConnect, migration.CodeTLS, migration.CodeGreeting, migration.CodeTimeout}
	return migration.ClassOf(err) == migration.Again && slices.Contains(codes, migration.CodeOf(err))
}

func (s *serveSide) source(ctx context.Context) (mailsync.Session, error) {
	session, err := s.session(ctx)
	switch {
	case err != nil:
		return nil, err
	case s.endpoint.Limits.MessagesPerSecond > 0:
		return s.allowance.source(pacedSource{session, &s.ceiling.messages}), nil
	default:
		return s.allowance.source(session), nil
	}
}

func (s *serveSide) target(ctx context.Context) (mailsync.Target, error) {
	session, err := s.session(ctx)
	switch {
	case err != nil:
		return nil, err
	case s.endpoint.Limits.MessagesPerSecond > 0:
		return s.allowance.target(pacedTarget{targetSession{session}, &s.ceiling.messages}), nil
	default:
		return s.allowance.target(targetSession{session}), nil
	}
}

// unreachable is the endpoint that could not be reached, if that is why it failed.
func (a *assignment) unreachable(err error) int64 {
	switch {
	case err == nil || !cannotReach(err):
		return 0
	case a.source.unreachable.Load():
		return a.source.endpoint.ID
	case a.target.unreachable.Load():
		return a.target.endpoint.ID
	default:
		return 0
	}
}

// Run makes a pass.
func (r *runner) Run(ctx context.Context, task scheduler.Task, progress func(migration.MailboxProgress)) scheduler.Outcome {
	a, err := r.assign(ctx, task)
	if err != nil {
		return scheduler.Outcome{Err: err}
	}
	show := follow(a.job.Progress, progress, func(left int64) time.Time { return earliestEnd(a.source.allowance, a.target.allowance, left) })
	summary, err := mailsync.Run(ctx, a.job)
	last := show.stop()
	return scheduler.Outcome{Err: err, Unreachable: a.unreachable(err), Progress: last, Counts: summary.Messages, Bytes: summary.Bytes,
		Findings: foundIn(summary), Unread: summary.Unread}
}

// Forget drops the ledger of a mailbox.
func (r *runner) Forget(ctx context.Context, task scheduler.Task) error {
	source := serveSide{endpoint: task.Source, account: control.Account{User: task.Mailbox.SourceUser, Root: task.Mailbox.UserRoot}}
	target := serveSide{endpoint: task.Target, account: control.Account{User: task.Mailbox.TargetUser}}
	return r.ledgers.Forget(ctx, source.identity(), target.identity())
}

// foundIn tells which findings of a pass mean that messages did not arrive:
// those of a message, and those of a folder that has lost some otherwise.
func foundIn(summary mailsync.Summary) []migration.FindingRecord {
	harmless := []string{migration.CodeFolderRenamed, migration.CodeKeywordDropped, migration.CodeDateUnknown, migration.CodeFlagsUnknown, migration.CodeRestored,
		migration.CodeLateDuplicate, migration.CodeRepaired, migration.CodeNotMail, migration.CodeShared, migration.CodeUserRoot, migration.CodeLabels, migration.CodeFolderLimit,
		migration.CodeDefaultFolders}
	skipped := map[string]int{}
	for _, f := range summary.PerFolder {
		skipped[f.Source] += f.Messages.Skipped
	}
	records := make([]migration.FindingRecord, len(summary.Findings))
	for i, f := range summary.Findings {
		lost := f.UID != 0 && f.Code != migration.CodeRepaired || skipped[f.Folder] > 0 && !slices.Contains(harmless, f.Code)
		f.Remedy = asSetting.Replace(f.Remedy)
		records[i] = migration.FindingRecord{Finding: f, Lost: lost}
	}
	return records
}

// serveProgress tells the progress of a pass from time to time.
type serveProgress struct {
	of   *mailsync.Progress
	tell func(migration.MailboxProgress)
	end  chan struct{}
	all  sync.WaitGroup
	// seen is what was copied at the last samples, newest last.
	seen []migration.Copied
	// earliest is when so many more bytes can have been moved.
	earliest func(left int64) time.Time
}

func follow(of *mailsync.Progress, tell func(migration.MailboxProgress), earliest func(int64) time.Time) *serveProgress {
	p := &serveProgress{of: of, tell: tell, end: make(chan struct{}), earliest: earliest}
	p.all.Go(p.run)
	return p
}

func (p *serveProgress) run() {
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	for {
		select {
		case <-p.end:
			return
		case <-ticker.C:
			p.tell(p.sample())
		}
	}
}

func (p *serveProgress) sample() migration.MailboxProgress {
	now := p.now()
	p.seen = append(p.seen, migration.Copied{Messages: now.Messages, Bytes: now.Bytes})
	if len(p.seen) > rateOver+1 {
		p.seen = p.seen[1:]
	}
	if n := len(p.seen) - 1; n > 0 {
		span := time.Duration(n) * progressEvery
		now.BytesPerSecond = (p.seen[n].Bytes - p.seen[0].Bytes) / int64(span/time.Second)
		now.MessagesPerSecond = float64(p.seen[n].Messages-p.seen[0].Messages) / span.Seconds()
	}
	return now
}

// now is the progress of this moment.
func (p *serveProgress) now() migration.MailboxProgress {
	now := progressOf(p.of)
	now.Earliest = p.earliest(now.BytesTotal - now.Bytes)
	return now
}

// stop gives the last of it.
func (p *serveProgress) stop() migration.MailboxProgress {
	close(p.end)
	p.all.Wait()
	return p.now()
}

func progressOf(of *mailsync.Progress) migration.MailboxProgress {
	waiting, _ := of.Waiting.Load().(string)
	folders := of.PerFolder()
	messages, bytes := of.Arrived()
	return migration.MailboxProgress{
		Folders: of.Folders.Load(), FoldersTotal: of.FoldersTotal.Load(),
		Messages: messages, MessagesTotal: of.MessagesTotal.Load(),
		Bytes: bytes, BytesTotal: of.BytesTotal.Load(),
		Waiting: waiting, PerFolder: folders[:min(len(folders), foldersTold)],
	}
}

// Preflight signs in at both ends, lists the folders, and holds what is to be
// copied against the room at the target.
func (r *runner) Preflight(ctx context.Context, task scheduler.Task) (migration.PreflightResult, int64) {
	result := migration.PreflightResult{Free: -1}
	a, err := r.assign(ctx, task)
	if err != nil {
		result.Trouble = serveTrouble(err)
		return result, 0
	}
	source, target, err := a.try(ctx, &result)
	result.SourceTrouble, result.TargetTrouble = serveTrouble(source), serveTrouble(target)
	err = cmp.Or(source, target, err)
	result.OK = err == nil
	result.Trouble = serveTrouble(err)
	return result, a.unreachable(err)
}

// try gives what is wrong at each side, or with neither.
func (a *assignment) try(ctx context.Context, result *migration.PreflightResult) (source, target, neither error) {
	var both sync.WaitGroup
	both.Go(func() {
		var session mailsync.Session
		if session, source = a.source.source(ctx); source == nil {
			_ = session.Close()
		}
	})
	both.Go(func() { result.Free, target = a.target.room(ctx) })
	both.Wait()
	result.Source, result.Target = a.source.came(source), a.target.came(target)
	if source != nil || target != nil {
		return source, target, nil
	}
	plan, err := mailsync.Preview(ctx, a.job)
	result.Warnings, result.Renamed = warningsOf(plan)
	switch side, told := mailsync.SideOf(err), unsided(err); {
	case side == "target":
		result.Target = "folders"
		return nil, told, nil
	case side == "source":
		result.Source = "folders"
		return told, nil, nil
	case err != nil:
		return nil, nil, err
	}
	result.Folders, result.Messages = plan.Folders, int64(plan.Messages.Source)
	for _, f := range plan.PerFolder {
		result.Bytes += f.Bytes
	}
	if result.Free >= 0 && result.Bytes > result.Free {
		target = &migration.Fault{Class: migration.OneMailbox, Code: migration.CodeQuota,
			Doing:  "there is room for " + byteSize(result.Free) + " at the target, and " + byteSize(result.Bytes) + " to be copied",
			Remedy: "Make room in the target mailbox or raise its quota."}
	}
	return nil, target, nil
}

// unsided is an error without the side that the engine puts before it.
func unsided(err error) error {
	if fault := migration.FaultOf(err); fault != nil {
		return fault
	}
	return err
}

// preflightWarnings is how many warnings a preflight keeps.
const preflightWarnings = 20

// warningsOf are the findings of a preview that concern folders and not single
// messages, which the first pass tells of. Default folders that the target only calls
// differently are counted: that is so between any two makes of servers.
func warningsOf(plan mailsync.Summary) (warnings []migration.Finding, renamed int) {
	expected := map[string]bool{}
	for _, f := range plan.PerFolder {
		if f.Default {
			expected[f.Source] = true
		}
	}
	for _, f := range plan.Findings {
		switch {
		case f.Code == migration.CodeFolderRenamed && expected[f.Folder]:
			renamed++
		case f.UID == 0 && len(warnings) < preflightWarnings:
			f.Remedy = asSetting.Replace(f.Remedy)
			warnings = append(warnings, f)
		}
	}
	return warnings, renamed
}

// room signs in and asks for the room that is left.
func (s *serveSide) room(ctx context.Context) (int64, error) {
	session, err := s.session(ctx)
	if err != nil {
		return -1, err
	}
	defer session.Close()
	if s.account.Login.Form.HasToken() {
		// Exchange Online lets everybody in with a good token, and says at the first
		// folder whether there is a mailbox behind.
		if _, err := session.Open(ctx, migration.Open{Folder: "INBOX", ReadOnly: true}); err != nil {
			return -1, err
		}
	}
	return session.Room(ctx)
}

// came says how far signing in came, in the words of a preflight.
func (s *serveSide) came(err error) string {
	if err == nil {
		return "ok"
	}
	switch step, _ := s.step.Load().(imap.Step); step {
	case imap.StepLogin:
		return "sign-in"
	case imap.StepCapability:
		return string(imap.StepGreeting)
	case "":
		return string(imap.StepResolve)
	default:
		return string(step)
	}
}

// serveTrouble is an error in the words of a mailbox, nil for none.
func serveTrouble(err error) *migration.Trouble {
	if err == nil {
		return nil
	}
	t := &migration.Trouble{At: time.Now().UTC(), Class: migration.ClassOf(err), Code: migration.CodeOf(err), Reason: err.Error()}
	var fault *migration.Fault
	if errors.As(err, &fault) {
		t.Remedy = fault.Remedy
	}
	return t
}
