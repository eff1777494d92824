package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/mailhaul/mailhaul/internal/imap"
	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
	"github.com/mailhaul/mailhaul/internal/store"
)

// moveFlags are what copy and verify have in common.
type moveFlags struct {
	source, target   sideFlags
	sourceRoot       string
	allowCleartext   bool
	csvFile          string
	skipBad          bool
	ledger           string
	exclude, include []string
	labels           string
	connections      int
	unanswered       int
	workers          int
	json             bool
	traceFile        string
	given            func(flag string) bool // nil: none
}

func (f *moveFlags) register(flags *pflag.FlagSet) {
	f.source.name, f.target.name = "source", "target"
	f.source.register(flags)
	f.target.register(flags)
	f.registerWhich(flags)
	flags.StringVar(&f.ledger, "ledger", "", "`FILE` that remembers what was copied (default: mailhaul/ledger.db in $XDG_STATE_HOME or ~/.local/state)")
	flags.IntVar(&f.workers, "workers", 4, "with --csv: mailboxes at the same time")
	flags.BoolVar(&f.json, "json", false, "print the summary as JSON")
}

// registerWhich are the flags that say which mailboxes and folders are meant.
func (f *moveFlags) registerWhich(flags *pflag.FlagSet) {
	f.given = flags.Changed
	flags.StringVar(&f.sourceRoot, "source-root", "", "`PATH` of the person's folders, where the source's sign-in sees those of others too; with --csv the column UserRoot")
	flags.BoolVar(&f.allowCleartext, "allow-cleartext", false, "allow imap+plain:// addresses")
	flags.StringVar(&f.csvFile, "csv", "", "migration `FILE` with a row for each mailbox; the addresses then have no user")
	registerSkipBad(flags, &f.skipBad, "with --csv: go on without the rows that have errors")
	flags.StringArrayVar(&f.exclude, "exclude", nil, "leave out the folder `NAME` and all below it; #SentItems# and the like name it in any language (repeatable)")
	flags.StringArrayVar(&f.include, "include", nil, "take only the folder `NAME` and all below it (repeatable)")
	flags.StringVar(&f.labels, "labels", "", labelsHelp)
	flags.StringVar(&f.traceFile, "trace", "", "write every command and answer to `FILE`, without secrets and messages")
}

// labelsHelp is what --labels says.
const labelsHelp = "what becomes of Gmail's labels: one (default) copies each message once, copies makes a copy for each label, keywords keeps the other labels as keywords (`POLICY`)"

// mover is the checked form of moveFlags.
type mover struct {
	flags            *moveFlags
	streams          Streams
	exclude, include []migration.FolderRule
	labels           migration.LabelPolicy
	// sourceDefaults and targetDefaults are the default folders of each side.
	sourceDefaults, targetDefaults mailsync.Defaults
	// sourceDay and targetDay are the day's budgets of each account.
	sourceDay, targetDay migration.DayBudget
	allowances           allowances
	tasks                []task
	trace                *tracer
	log                  *slog.Logger
}

// task is one mailbox.
type task struct {
	address        string // for people
	source, target account
}

func newMover(ctx context.Context, flags *moveFlags, streams Streams) (*mover, error) {
	m := &mover{flags: flags, streams: streams, log: slog.New(slog.NewTextHandler(streams.Err, nil))}
	if asked := flags.given != nil && flags.given("connections"); flags.connections < 0 || asked && flags.connections == 0 || flags.connections > 64 {
		return nil, usageError("--connections %d: want 1 to 64", flags.connections)
	}
	if flags.unanswered < 0 || flags.unanswered > 128 {
		return nil, usageError("--target-unanswered %d: want 1 to 128, or 0 for the usual", flags.unanswered)
	}
	err := m.readWhich()
	if err != nil {
		return nil, err
	}
	if m.sourceDefaults, err = flags.source.defaults(); err != nil {
		return nil, err
	}
	if m.targetDefaults, err = flags.target.defaults(); err != nil {
		return nil, err
	}
	if err := m.openTrace(); err != nil {
		return nil, err
	}
	if flags.csvFile != "" {
		err = m.loadFile(ctx)
	} else {
		err = m.loadPair(ctx)
	}
	if err == nil {
		for i := range m.tasks {
			m.tasks[i].target.unanswered = flags.unanswered
		}
		err = m.readBudgets()
	}
	if err != nil {
		m.trace.close()
		return nil, err
	}
	return m, nil
}

// readWhich checks the flags of registerWhich, and how many workers there are.
func (m *mover) readWhich() (err error) {
	flags := m.flags
	if flags.workers < 1 || flags.workers > 1000 {
		return usageError("--workers %d: want 1 to 1000", flags.workers)
	}
	if err := flags.checkFileFlags(); err != nil {
		return err
	}
	if m.exclude, err = parseRules("--exclude", flags.exclude); err != nil {
		return err
	}
	if m.include, err = parseRules("--include", flags.include); err != nil {
		return err
	}
	if m.labels, err = migration.ParseLabelPolicy(flags.labels); err != nil {
		return usageError("--labels: %w", err)
	}
	return nil
}

// readBudgets reads the day's budgets, whose defaults are by host.
func (m *mover) readBudgets() (err error) {
	if len(m.tasks) == 0 {
		return nil
	}
	source, target := &m.flags.source, &m.flags.target
	if m.sourceDay, err = parseDayBudget(source.flag("day-budget"), source.dayBudget, m.tasks[0].source.endpoint.Host); err != nil {
		return err
	}
	m.targetDay, err = parseDayBudget(target.flag("day-budget"), target.dayBudget, m.tasks[0].target.endpoint.Host)
	return err
}

// checkFileFlags refuses what means something with a migration file only.
func (f *moveFlags) checkFileFlags() error {
	if f.csvFile != "" || f.given == nil {
		return nil
	}
	for _, flag := range []string{"skip-bad", "workers"} {
		if f.given(flag) {
			return usageError("--%s is for the mailboxes of a file; name the file with --csv, or leave the flag out", flag)
		}
	}
	return nil
}

func parseRules(flag string, texts []string) ([]migration.FolderRule, error) {
	var rules []migration.FolderRule
	for _, text := range texts {
		rule, err := migration.ParseFolderRule(text)
		if err != nil {
			return nil, usageError("%s: %w", flag, err)
		}
		rules = append(rules, rule)
	}
	return rules, nil
}

// loadPair makes the one task of --source and --target.
func (m *mover) loadPair(ctx context.Context) error {
	source, err := m.account(&m.flags.source)
	if err != nil {
		return err
	}
	target, err := m.account(&m.flags.target)
	if err != nil {
		return err
	}
	if source.sameAs(target) {
		return usageError("--source and --target are the same mailbox, %s", source.identity())
	}
	source.root = m.flags.sourceRoot
	if source.password, err = m.flags.source.password(ctx, m.streams, source.user); err != nil {
		return err
	}
	if target.password, err = m.flags.target.password(ctx, m.streams, target.user); err != nil {
		return err
	}
	m.tasks = []task{{address: target.user, source: source, target: target}}
	return nil
}

// account is what the flags say of a side, without the password.
func (m *mover) account(side *sideFlags) (account, error) {
	endpoint, user, err := side.endpoint(m.flags.allowCleartext)
	if err != nil {
		return account{}, err
	}
	if user == "" {
		return account{}, usageError("--%s: the user name is missing; write it before the host, as in imaps://anna@%s", side.name, endpoint.Host)
	}
	return account{endpoint: endpoint, user: user, compress: side.compress, trace: m.trace.named(side.name)}, nil
}

// loadFile makes a task for each row of the migration file.
func (m *mover) loadFile(ctx context.Context) error {
	if m.flags.sourceRoot != "" {
		return usageError("with --csv there is no --source-root: the file names it in the column UserRoot")
	}
	source, user, err := m.flags.source.endpoint(m.flags.allowCleartext)
	if err != nil {
		return err
	}
	target, targetUser, err := m.flags.target.endpoint(m.flags.allowCleartext)
	if err != nil {
		return err
	}
	if user != "" || targetUser != "" {
		return usageError("with --csv the addresses have no user: the file names them")
	}
	rows, err := m.readRows(migration.CSVOptions{TargetPasswordRequired: !m.flags.target.hasPassword()})
	if err != nil {
		return err
	}
	for _, row := range rows {
		t := task{
			address: row.EmailAddress,
			source: account{endpoint: source, user: row.UserName, password: row.Password, root: row.UserRoot,
				compress: m.flags.source.compress, trace: m.trace.named(row.EmailAddress + " source")},
			target: account{endpoint: target, user: cmp.Or(row.TargetUserName, row.EmailAddress), password: row.TargetPassword,
				compress: m.flags.target.compress, trace: m.trace.named(row.EmailAddress + " target")},
		}
		if t.source.sameAs(t.target) {
			return usageError("%s row %d: source and target are the same mailbox, %s", m.flags.csvFile, row.Row, t.target.identity())
		}
		m.tasks = append(m.tasks, t)
	}
	return m.fillPasswords(ctx)
}

// greetBoth tries both servers of a file once, without signing in: what none of its
// mailboxes could get past is told once, before the first of them.
func (m *mover) greetBoth(ctx context.Context) error {
	if m.flags.csvFile == "" {
		return nil
	}
	for _, a := range []struct {
		side string
		account
	}{{"source", m.tasks[0].source}, {"target", m.tasks[0].target}} {
		session, err := account{endpoint: a.endpoint, trace: m.trace.named(a.side)}.dial(ctx)
		switch {
		case err == nil:
			session.Close()
		case ctx.Err() != nil:
			return interruptedFault("trying the servers")
		case connectionCodes[migration.CodeOf(err)]:
			return naming(a.side, fmt.Errorf("%s: %w", a.side, err))
		}
	}
	return nil
}

// readRows reads the migration file and tells its problems.
func (m *mover) readRows(options migration.CSVOptions) ([]migration.Row, error) {
	file, err := readMigrationFile(m.flags.csvFile, options)
	if err != nil {
		return nil, err
	}
	if len(file.Problems) > 0 {
		printProblems(m.streams.Err, file)
	}
	switch {
	case file.Errors > 0 && !m.flags.skipBad && !file.FileRefused:
		return nil, usageError("%s: nothing was started; mend the file, or leave the bad rows out with --skip-bad", m.flags.csvFile)
	case len(file.Rows) == 0:
		return nil, usageError("%s: nothing was started; mend the file", m.flags.csvFile)
	}
	return file.Rows, nil
}

// fillPasswords gives the targets without a password the one for all.
func (m *mover) fillPasswords(ctx context.Context) error {
	var forAll secret.Text
	for i := range m.tasks {
		target := &m.tasks[i].target
		if !target.password.Empty() {
			continue
		}
		if forAll.Empty() {
			var err error
			if forAll, err = m.flags.target.password(ctx, m.streams, target.user); err != nil {
				return err
			}
		}
		target.password = forAll
	}
	return nil
}

// hasRules reports whether some folders may be left out.
func (m *mover) hasRules() bool { return len(m.include)+len(m.exclude) > 0 }

// nothingLeft is the fault of rules that leave no folder of a mailbox.
func (m *mover) nothingLeft() *migration.Fault {
	var rules []string
	for _, rule := range m.include {
		rules = append(rules, "--include "+rule.String())
	}
	for _, rule := range m.exclude {
		rules = append(rules, "--exclude "+rule.String())
	}
	return &migration.Fault{Class: migration.OneMailbox, Code: migration.CodeFolderRules, Doing: "no folder is left by " + strings.Join(rules, " "),
		Remedy: "Correct the names; copy --dry-run without --include and --exclude shows the folders."}
}

// warnOfIdleRules names the rules that are used in no mailbox of the run: each is a
// slip, most likely.
func (m *mover) warnOfIdleRules(used map[string]bool) {
	warn := func(flag string, rules []migration.FolderRule) {
		for _, rule := range rules {
			if !used[rule.String()] {
				m.log.Warn("no folder of any mailbox has the name", flag, rule.String())
			}
		}
	}
	warn("include", m.include)
	warn("exclude", m.exclude)
}

// noteNothing tells of rules that leave no folder of a mailbox: it is an error of
// a single one, while of a file's others may have such folders.
func (m *mover) noteNothing(job mailsync.Job) error {
	fault := m.nothingLeft()
	if m.flags.csvFile == "" {
		return fault
	}
	job.Log.Warn(fault.Error())
	return nil
}

// openLedger opens the ledger; a new one is told, so that a mistyped name is seen.
// Where none is to be made and there is none, the person reads what that means, and
// an empty one stands in that release removes.
func (m *mover) openLedger(ctx context.Context, create bool, without string) (ledgers *store.Store, release func(), err error) {
	path, err := m.ledgerPath()
	if err != nil {
		return nil, nil, err
	}
	_, missing := os.Stat(path)
	isNew, remove := errors.Is(missing, fs.ErrNotExist), func() {}
	if isNew && !create {
		fmt.Fprintf(m.streams.Err, "no ledger %s: %s\n", path, without)
		directory, err := os.MkdirTemp("", "mailhaul-")
		if err != nil {
			return nil, nil, fmt.Errorf("making a ledger for the time being: %w", err)
		}
		path, remove = filepath.Join(directory, "ledger.db"), func() { _ = os.RemoveAll(directory) }
	}
	ledgers, err = store.Open(ctx, path, store.Options{})
	if err != nil {
		remove()
		if ctx.Err() != nil {
			err = interruptedFault("opening the ledger")
		}
		return nil, nil, err
	}
	if isNew && create {
		fmt.Fprintln(m.streams.Err, "new ledger", path)
	}
	return ledgers, func() { ledgers.Close(); remove() }, nil
}

// ledgerPath is the file that --ledger names, or the default.
func (m *mover) ledgerPath() (string, error) {
	if m.flags.ledger != "" {
		return m.flags.ledger, nil
	}
	directory, err := stateDirectory()
	if err != nil {
		return "", usageError("no place for the ledger: %w; name a file with --ledger", err)
	}
	return filepath.Join(directory, "ledger.db"), nil
}

// stateDirectory is where the ledger lives by default.
func stateDirectory() (string, error) {
	if directory := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(directory) {
		return filepath.Join(directory, "mailhaul"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".local", "state", "mailhaul"), nil
}

// job is the engine's form of a task.
func (m *mover) job(ctx context.Context, ledgers *store.Store, t *task) (mailsync.Job, error) {
	ledger, err := ledgers.Mailbox(ctx, t.source.identity(), t.target.identity())
	if err != nil {
		return mailsync.Job{}, err
	}
	if t.source.allowance, err = m.allowances.of(ctx, ledgers, t.source.user, t.source.endpoint, m.sourceDay); err != nil {
		return mailsync.Job{}, err
	}
	if t.target.allowance, err = m.allowances.of(ctx, ledgers, t.target.user, t.target.endpoint, m.targetDay); err != nil {
		return mailsync.Job{}, err
	}
	t.source.known, t.target.known = &imap.Known{}, &imap.Known{}
	return mailsync.Job{
		SourceDefaults: m.sourceDefaults, TargetDefaults: m.targetDefaults,
		Source: t.source.source, Target: t.target.target, Ledger: ledger,
		Exclude: m.exclude, Include: m.include, SourceRoot: t.source.root, Labels: m.labels, Connections: m.flags.connections,
		Progress: &mailsync.Progress{}, Log: m.log.With("mailbox", t.address),
	}, nil
}

// each runs do for every task, as many at a time as the workers allow, until the
// context ends.
func (m *mover) each(ctx context.Context, do func(int, task)) {
	var all sync.WaitGroup
	queue := make(chan int)
	for range min(m.flags.workers, len(m.tasks)) {
		all.Go(func() {
			for i := range queue {
				if ctx.Err() == nil {
					do(i, m.tasks[i])
				}
			}
		})
	}
	for i := range m.tasks {
		if ctx.Err() != nil {
			break
		}
		queue <- i
	}
	close(queue)
	all.Wait()
}

func seconds(d time.Duration) float64 {
	return float64(d.Round(time.Millisecond)) / float64(time.Second)
}

// tracer writes the wire trace; nil writes none.
type tracer struct {
	mu   sync.Mutex
	file *os.File
}

func (m *mover) openTrace() error {
	if m.flags.traceFile == "" {
		return nil
	}
	file, err := os.OpenFile(m.flags.traceFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return usageError("--trace: %w", err)
	}
	m.trace = &tracer{file: file}
	return nil
}

func (t *tracer) named(name string) func(string) {
	if t == nil {
		return nil
	}
	return func(line string) {
		t.mu.Lock()
		defer t.mu.Unlock()
		fmt.Fprintf(t.file, "%s %s %s\n", time.Now().UTC().Format("15:04:05.000"), name, line)
	}
}

func (t *tracer) close() {
	if t != nil {
		_ = t.file.Close()
	}
}
