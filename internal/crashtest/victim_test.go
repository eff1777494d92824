package crashtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"syscall"

	"github.com/mailhaul/mailhaul/internal/imap"
	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/store"
)

// victimVariable holds the plan of a test binary that runs as the client.
const victimVariable = "MAILHAUL_CRASHTEST_VICTIM"

// victimPlan is what the victim copies, and when it dies.
type victimPlan struct {
	Source, Target, User, Ledger string
	// Step is the step to die at, 0 for never; After is after it, not before.
	Step  int64
	After bool
}

// fuse counts the steps and kills the process at one of them.
type fuse struct {
	steps atomic.Int64
	at    int64
	after bool
}

// step does something that may be the last.
func (f *fuse) step(do func() error) error {
	n := f.steps.Add(1)
	if n == f.at && !f.after {
		die()
	}
	err := do()
	if n == f.at && f.after {
		die()
	}
	return err
}

// die ends the process as a power cut would, as far as a process can.
func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// fusedConn is a connection whose writes are steps, in pieces that end within
// commands and messages too.
type fusedConn struct {
	net.Conn
	fuse *fuse
}

// piece is the most bytes of a step.
const piece = 300

func (c *fusedConn) Write(data []byte) (int, error) {
	written := 0
	for part := range slices.Chunk(data, piece) {
		err := c.fuse.step(func() error {
			n, err := c.Conn.Write(part)
			written += n
			return err
		})
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// fusedLedger is a ledger whose writes are steps.
type fusedLedger struct {
	mailsync.Ledger
	fuse *fuse
}

func (l *fusedLedger) SaveFolder(ctx context.Context, record *mailsync.FolderRecord) error {
	return l.fuse.step(func() error { return l.Ledger.SaveFolder(ctx, record) })
}

func (l *fusedLedger) SaveSerials(ctx context.Context, set mailsync.SerialSet) error {
	return l.fuse.step(func() error { return l.Ledger.SaveSerials(ctx, set) })
}

func (l *fusedLedger) SaveFlags(ctx context.Context, folder int64, flags mailsync.FlagSets) error {
	return l.fuse.step(func() error { return l.Ledger.SaveFlags(ctx, folder, flags) })
}

func (l *fusedLedger) Intend(ctx context.Context, folder int64, intent mailsync.Intent) (id int64, err error) {
	err = l.fuse.step(func() error {
		id, err = l.Ledger.Intend(ctx, folder, intent)
		return err
	})
	return id, err
}

func (l *fusedLedger) Settle(ctx context.Context, folder int64, outcome mailsync.Outcome) error {
	return l.fuse.step(func() error { return l.Ledger.Settle(ctx, folder, outcome) })
}

func (l *fusedLedger) Rematch(ctx context.Context, record *mailsync.FolderRecord, outcome mailsync.Outcome) error {
	return l.fuse.step(func() error { return l.Ledger.Rematch(ctx, record, outcome) })
}

// victimReport is what a victim prints that lived.
type victimReport struct {
	Steps  int64
	Copied int
}

// runVictim makes one pass and reports.
func runVictim(text string) int {
	var plan victimPlan
	err := json.Unmarshal([]byte(text), &plan)
	if err == nil {
		var report victimReport
		if report, err = plan.pass(); err == nil {
			err = json.NewEncoder(os.Stdout).Encode(report)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (plan victimPlan) pass() (report victimReport, err error) {
	f := &fuse{at: plan.Step, after: plan.After}
	file, err := store.Open(context.Background(), plan.Ledger, store.Options{})
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	ledger, err := file.Mailbox(context.Background(), plan.User, "target")
	if err != nil {
		return report, err
	}
	job := jobFor(plan.options(plan.Source, f), plan.options(plan.Target, f), &fusedLedger{ledger, f})
	summary, err := run(job)
	if n := summary.Messages; err == nil && n.Source != n.Copied+n.Present+n.Skipped+n.Gone {
		err = fmt.Errorf("the counts do not add up: %+v", n)
	}
	return victimReport{f.steps.Load(), summary.Messages.Copied}, err
}

func (plan victimPlan) options(addr string, f *fuse) imap.Options {
	options := optionsFor(addr, plan.User)
	options.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &fusedConn{conn, f}, nil
	}
	return options
}
