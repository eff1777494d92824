package crashtest

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"sync"
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
	password = "crash-password"
	// settle is long enough for a server on this machine to finish.
	settle = 100 * time.Millisecond
	// passLimit bounds a pass, so that a test that hangs says where.
	passLimit = 90 * time.Second
)

// fake is a server in memory, listening.
type fake struct {
	*imapfake.Server
	addr string
}

func startFake(t *testing.T, options imapfake.Options) *fake {
	t.Helper()
	s := imapfake.New(options)
	t.Cleanup(s.Close)
	addr, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	return &fake{s, addr}
}

// pipeFake is a server in memory that is reached by pipes, for bubbles of
// testing/synctest: there is no waiting in them.
func pipeFake(t *testing.T, options imapfake.Options) *fake {
	t.Helper()
	s := imapfake.New(options)
	t.Cleanup(s.Close)
	return &fake{s, "127.0.0.1:143"}
}

// pipeTo makes the options of a client reach the server by a pipe.
func (f *fake) pipeTo(t *testing.T, user string) imap.Options {
	options := optionsFor(f.addr, user)
	options.Timeouts.Idle = 10 * time.Second
	var serving sync.WaitGroup
	t.Cleanup(serving.Wait)
	options.Dial = func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		serving.Go(func() { f.Serve(server) })
		return client, nil
	}
	return options
}

// post delivers letters to a mailbox.
func post(box *imapfake.Mailbox, letters ...letter) {
	for _, l := range letters {
		box.Deliver(l.folder, l.raw, l.date, l.flags...)
	}
}

// optionsFor are the client's options to reach a user.
func optionsFor(addr, user string) imap.Options {
	host, port, _ := net.SplitHostPort(addr)
	number, _ := strconv.Atoi(port)
	return imap.Options{
		Endpoint:   migration.Endpoint{Host: host, Port: number, Security: migration.Cleartext, AllowCleartext: true},
		Credential: imap.Credential{User: user, Password: secret.New(password)},
	}
}

// targetSession gives a session the interface of the engine's target.
type targetSession struct{ *imap.Session }

func (s targetSession) Appender(raw string, o migration.AppendOptions, done func(migration.AppendResult)) mailsync.Appender {
	return s.Session.Appender(raw, o, done)
}

// jobFor is a job between two accounts.
func jobFor(source, target imap.Options, ledger mailsync.Ledger) mailsync.Job {
	return mailsync.Job{
		Source: func(ctx context.Context) (mailsync.Session, error) {
			session, err := imap.Dial(ctx, source)
			if err != nil {
				return nil, err
			}
			return session, nil
		},
		Target: func(ctx context.Context) (mailsync.Target, error) {
			session, err := imap.Dial(ctx, target)
			if err != nil {
				return nil, err
			}
			return targetSession{session}, nil
		},
		Ledger: ledger, Settle: settle, Connections: 2, Grace: time.Second,
	}
}

// openStore opens a ledger file in a temporary folder.
func openStore(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "ledger.db"), store.Options{})
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

// ledgerOf gives a mailbox's ledger.
func ledgerOf(t *testing.T, s *store.Store, name string) *store.Ledger {
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

// mustRun makes a pass that has to go well: no error, and counts that add up.
func mustRun(t testing.TB, job mailsync.Job) mailsync.Summary {
	t.Helper()
	summary, err := run(job)
	if err != nil {
		t.Fatalf("the pass ended with %v", err)
	}
	if n := summary.Messages; n.Source != n.Copied+n.Present+n.Skipped+n.Gone {
		t.Errorf("the counts do not add up: %+v", n)
	}
	return summary
}

// expectSame fails the test for every difference of the target.
func expectSame(t testing.TB, source, target *imapfake.Mailbox, options imapfake.CompareOptions) {
	t.Helper()
	differences := imapfake.Compare(source, target, options)
	for i, d := range differences {
		if i == 5 {
			t.Errorf("%d more differences", len(differences)-i)
			break
		}
		t.Error(d)
	}
}

// expectIdle makes one more pass, which must have nothing to do.
func expectIdle(t testing.TB, job mailsync.Job) {
	t.Helper()
	if summary := mustRun(t, job); summary.Messages.Copied != 0 || summary.Messages.Skipped != 0 {
		t.Errorf("one more pass had work: %+v", summary.Messages)
	}
}

func userName(n int) string { return fmt.Sprintf("u%05d", n) }

// stopWhen makes a pass and ends its context as soon as something holds.
func stopWhen(t *testing.T, job mailsync.Job, holds func() bool) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), passLimit)
	defer cancel()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		ticks := time.NewTicker(2 * time.Millisecond)
		defer ticks.Stop()
		for ctx.Err() == nil && !holds() {
			<-ticks.C
		}
		cancel()
	}()
	_, err := mailsync.Run(ctx, job)
	cancel()
	<-watched
	return err
}
