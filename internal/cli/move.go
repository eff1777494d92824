package cli

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

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
	skipBadRows      bool
	ledger           string
	exclude, include []string
	connections      int
	workers          int
	json             bool
	traceFile        string
}

func (f *moveFlags) register(flags *pflag.FlagSet) {
	f.source.name, f.target.name = "source", "target"
	f.source.register(flags)
	f.target.register(flags)
	flags.StringVar(&f.sourceRoot, "source-root", "", "`PATH` of the person's folders, where the source's sign-in sees those of others too; with --csv the column UserRoot")
	flags.BoolVar(&f.allowCleartext, "allow-cleartext", false, "allow imap+plain:// addresses")
	flags.StringVar(&f.csvFile, "csv", "", "migration `FILE` with a row for each mailbox; the addresses then have no user")
	flags.BoolVar(&f.skipBadRows, "skip-bad-rows", false, "with --csv: go on without the rows that have errors")
	flags.StringVar(&f.ledger, "ledger", "", "`FILE` that remembers what was copied (default: mailhaul/ledger.db in $XDG_STATE_HOME or ~/.local/state)")
	flags.StringArrayVar(&f.exclude, "exclude", nil, "leave out the folder `NAME` and all below it; #SentItems# and the like name it in any language (repeatable)")
	flags.StringArrayVar(&f.include, "include", nil, "take only the folder `NAME` and all below it (repeatable)")
	flags.IntVar(&f.connections, "connections", 4, "connections to each side for one mailbox, at most")
	flags.IntVar(&f.workers, "workers", 4, "with --csv: mailboxes at the same time")
	flags.BoolVar(&f.json, "json", false, "print the summary as JSON")
	flags.StringVar(&f.traceFile, "trace", "", "write every command and answer to `FILE`, without secrets and messages")
}

// mover is the checked form of moveFlags.
type mover struct {
	flags            *moveFlags
	streams          Streams
	exclude, include []migration.FolderRule
	tasks            []task
	trace            *tracer
	log              *slog.Logger
}

// task is one mailbox.
type task struct {
	address        string // for people
	source, target account
}

func newMover(ctx context.Context, flags *moveFlags, streams Streams) (*mover, error) {
	m := &mover{flags: flags, streams: streams, log: slog.New(slog.NewTextHandler(streams.Err, nil))}
	if flags.connections < 1 || flags.connections > 64 {
		return nil, usageError("--connections %d: want 1 to 64", flags.connections)
	}
	if flags.workers < 1 || flags.workers > 1000 {
		return nil, usageError("--workers %d: want 1 to 1000", flags.workers)
	}
	var err error
	if m.exclude, err = parseRules("--exclude", flags.exclude); err != nil {
		return nil, err
	}
	if m.include, err = parseRules("--include", flags.include); err != nil {
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
	if err != nil {
		m.trace.close()
		return nil, err
	}
	return m, nil
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
	rows, err := m.readRows()
	if err != nil {
		return err
	}
	targets := map[string]int{} // the row that has each
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
		key := strings.ToLower(t.target.user)
		if first, taken := targets[key]; taken {
			return usageError("%s: rows %d and %d go to the same mailbox, %s; copy the second one later, with a file of its own", m.flags.csvFile, first, row.Row, t.target.identity())
		}
		targets[key] = row.Row
		m.tasks = append(m.tasks, t)
	}
	return m.fillPasswords(ctx, rows)
}

// readRows reads the migration file and tells its problems.
func (m *mover) readRows() ([]migration.Row, error) {
	file, err := readMigrationFile(m.flags.csvFile)
	if err != nil {
		return nil, err
	}
	if len(file.Problems) > 0 {
		printProblems(m.streams.Err, file)
	}
	switch {
	case file.Errors > 0 && !m.flags.skipBadRows && !file.FileRefused:
		return nil, usageError("%s: nothing was started; mend the file, or leave the bad rows out with --skip-bad-rows", m.flags.csvFile)
	case len(file.Rows) == 0:
		return nil, usageError("%s: nothing was started; mend the file", m.flags.csvFile)
	}
	return file.Rows, nil
}

// fillPasswords gives the targets without a password the one for all.
func (m *mover) fillPasswords(ctx context.Context, rows []migration.Row) error {
	var forAll secret.Text
	for i := range m.tasks {
		target := &m.tasks[i].target
		if !target.password.Empty() {
			continue
		}
		if forAll.Empty() {
			if !m.flags.target.hasPassword() {
				return usageError("%s row %d: no password for the target: add the column TargetPassword, or give one for all with --target-password-file", m.flags.csvFile, rows[i].Row)
			}
			var err error
			if forAll, err = m.flags.target.password(ctx, m.streams, target.user); err != nil {
				return err
			}
		}
		target.password = forAll
	}
	return nil
}

// openStore opens the ledger.
func (m *mover) openStore(ctx context.Context) (*store.Store, error) {
	path := m.flags.ledger
	if path == "" {
		directory, err := stateDirectory()
		if err != nil {
			return nil, usageError("no place for the ledger: %w; name a file with --ledger", err)
		}
		path = filepath.Join(directory, "ledger.db")
	}
	ledgers, err := store.Open(ctx, path, store.Options{})
	if err != nil && ctx.Err() != nil {
		return nil, interruptedFault("opening the ledger")
	}
	return ledgers, err
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
func (m *mover) job(ctx context.Context, ledgers *store.Store, t task) (mailsync.Job, error) {
	ledger, err := ledgers.Mailbox(ctx, t.source.identity(), t.target.identity())
	if err != nil {
		return mailsync.Job{}, err
	}
	return mailsync.Job{
		Source: t.source.source, Target: t.target.target, Ledger: ledger,
		Exclude: m.exclude, Include: m.include, SourceRoot: t.source.root, Connections: m.flags.connections,
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
