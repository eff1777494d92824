package onlinetest

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/imap"
	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
	"github.com/mailhaul/mailhaul/internal/store"
)

const (
	user     = "anna@contoso.example"
	password = "online-password"
	// settle is long enough for a server in this process to finish.
	settle = 100 * time.Millisecond
	// passLimit bounds a pass, so that a test that hangs says where. It is by the
	// clock of the bubble, where a throttled pass takes its time.
	passLimit = 3 * time.Hour
)

// host is a server in memory with one mailbox, reached by pipes, which work in
// bubbles of testing/synctest.
type host struct {
	*imapfake.Server
	box  *imapfake.Mailbox
	dial func(context.Context, string, string) (net.Conn, error)
}

// piped starts a server for a bubble.
func piped(t *testing.T, options imapfake.Options) *host {
	t.Helper()
	h := &host{Server: imapfake.New(options)}
	var serving sync.WaitGroup
	t.Cleanup(func() {
		h.Close()
		serving.Wait()
	})
	h.dial = func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		serving.Go(func() { h.Serve(server) })
		return client, nil
	}
	h.box = h.AddUser(user, password)
	return h
}

// options are those of a client who opens a mailbox with its password.
func (h *host) options(name string) imap.Options {
	return imap.Options{
		Endpoint:   migration.Endpoint{Host: "127.0.0.1", Port: 143, Security: migration.Cleartext, AllowCleartext: true},
		Credential: imap.Credential{User: name, Password: secret.New(password)},
		Dial:       h.dial,
	}
}

// bearer are those of a client with a token.
func (h *host) bearer(name, token string) imap.Options {
	options := h.options(name)
	options.Credential = imap.Credential{User: name, Token: secret.New(token)}
	return options
}

// targetSession gives a session the interface of the engine's target.
type targetSession struct{ *imap.Session }

func (s targetSession) Appender(raw string, o migration.AppendOptions, done func(migration.AppendResult)) mailsync.Appender {
	return s.Session.Appender(raw, o, done)
}

func asSource(options imap.Options) func(context.Context) (mailsync.Session, error) {
	return func(ctx context.Context) (mailsync.Session, error) {
		session, err := imap.Dial(ctx, options)
		if err != nil {
			return nil, err
		}
		return session, nil
	}
}

// dialMost is how many connections to the target a pass may make: in a bubble one that
// makes them without a pause would go on for ever.
const dialMost = 400

func tooOften() error {
	return &migration.Fault{Class: migration.Stop, Code: migration.CodeInternal, Doing: fmt.Sprintf("connecting more than %d times", dialMost)}
}

func asTarget(options imap.Options) func(context.Context) (mailsync.Target, error) {
	var dialled atomic.Int64
	return func(ctx context.Context) (mailsync.Target, error) {
		if dialled.Add(1) > dialMost {
			return nil, tooOften()
		}
		session, err := imap.Dial(ctx, options)
		if err != nil {
			return nil, err
		}
		return targetSession{session}, nil
	}
}

// jobFor is the job from one mailbox to another with the usual connections: four to
// the source, two to a mailbox of Exchange Online, with two seats each.
func jobFor(from, to imap.Options, ledger mailsync.Ledger) mailsync.Job {
	return mailsync.Job{
		Source: asSource(from), Target: asTarget(to), Ledger: ledger,
		Settle: settle, Grace: time.Second,
	}
}

func openStore(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(quickDir(t), "ledger.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// quickDir is a temporary folder in memory, where there is such a thing: these
// ledgers need not outlive the power, and there are hundreds of them.
func quickDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "onlinetest-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func ledgerOf(t *testing.T, s *store.Store, name string) mailsync.Ledger {
	t.Helper()
	ledger, err := s.Mailbox(t.Context(), name, "target")
	if err != nil {
		t.Fatal(err)
	}
	return ledger
}

// run makes one pass within the limit.
func run(job mailsync.Job) (mailsync.Summary, error) {
	ctx, cancel := context.WithTimeout(context.Background(), passLimit)
	defer cancel()
	return mailsync.Run(ctx, job)
}

// mustRun makes a pass that has to go well: no error, no folder left out, and counts
// that add up.
func mustRun(t *testing.T, job mailsync.Job) mailsync.Summary {
	t.Helper()
	summary, err := run(job)
	if err != nil {
		t.Fatalf("the pass ended with %v", err)
	}
	expectSum(t, summary)
	if summary.FoldersFailed > 0 {
		t.Errorf("%d folders were left out: %+v", summary.FoldersFailed, summary.Findings)
	}
	return summary
}

// expectSum expects that the counts add up.
func expectSum(t *testing.T, summary mailsync.Summary) {
	t.Helper()
	if !summary.Messages.AddUp() {
		t.Errorf("the counts do not add up: %+v", summary.Messages)
	}
}

// expectIdle makes one more pass, which must copy nothing and leave out what was left
// out before.
func expectIdle(t *testing.T, job mailsync.Job, left int) {
	t.Helper()
	again := mustRun(t, job)
	if again.Messages.Copied != 0 || again.Messages.Skipped != left {
		t.Errorf("one more pass had work: %+v, %d were left out before", again.Messages, left)
	}
}

// expectSame fails the test for each difference, and tells the first of them.
func expectSame(t *testing.T, from, to *imapfake.Mailbox, options imapfake.CompareOptions) {
	t.Helper()
	differences := imapfake.Compare(from, to, options)
	for i, d := range differences {
		if i == 5 {
			t.Errorf("%d more differences", len(differences)-i)
			return
		}
		t.Error(d)
	}
}

// expectFewErrors expects that no connection came to the tenth error, which Exchange
// Online ends it for.
func expectFewErrors(t *testing.T, h *host) {
	t.Helper()
	if n := h.Counts().MostErrors; n > 9 {
		t.Errorf("a connection had %d errors", n)
	}
}

// expectNothingEnabled expects that IMAP4rev2 was not switched on, nor anything else.
func expectNothingEnabled(t *testing.T, h *host) {
	t.Helper()
	if n := h.Counts().Commands["ENABLE"]; n > 0 {
		t.Errorf("ENABLE was sent %d times", n)
	}
}
