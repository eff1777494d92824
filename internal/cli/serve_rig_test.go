package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/scheduler"
	"github.com/mailhaul/mailhaul/internal/secret"
	"github.com/mailhaul/mailhaul/internal/store"
	"github.com/mailhaul/mailhaul/rigs/postgresrig"
)

// serving is the server without its front: a store, the control of it, a node,
// and two mail servers.
type serving struct {
	*testing.T
	database  string
	key       []byte
	store     *store.Store
	keys      *secret.Keyring
	service   *control.Service
	old, new  *imapfake.Server
	mailboxes int
	node      *scheduler.Scheduler
}

var boss = control.Actor{ID: 1, Name: "boss", Role: control.Admin}

// serveBoth acts on SQLite and on PostgreSQL.
func serveBoth(t *testing.T, o servingOptions, act func(s *serving)) {
	t.Run("SQLite", func(t *testing.T) { act(newServing(t, filepath.Join(t.TempDir(), "mailhaul.db"), o)) })
	t.Run("PostgreSQL", func(t *testing.T) { act(newServing(t, postgresrig.DatabaseT(t), o)) })
}

type servingOptions struct {
	mailboxes, letters int
	old, new           imapfake.Options
	// endpoint changes what is asked for of the endpoints.
	endpoint func(*control.EndpointSpec)
	// tls protects the lines.
	tls bool
	// doorman signs in; nil is a plain one.
	doorman *doorman
	// tokenHosts are further authorities.
	tokenHosts []string
	// elsewhere: the node runs in another process.
	elsewhere bool
}

func newServing(t *testing.T, database string, o servingOptions) *serving {
	t.Helper()
	s := &serving{T: t, database: database, key: make([]byte, secret.KeySize), mailboxes: o.mailboxes, old: imapfake.New(o.old), new: imapfake.New(o.new)}
	_, _ = rand.Read(s.key)
	t.Cleanup(s.old.Close)
	t.Cleanup(s.new.Close)
	for n := range o.mailboxes {
		box := s.old.AddUser(person(n), "old-"+person(n))
		s.new.AddUser(person(n), "new-"+person(n))
		for i := range o.letters {
			s.deliver(box, n, i)
		}
	}
	var err error
	if s.store, err = store.Open(t.Context(), database, store.Options{Queue: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.store.Close() })
	if s.keys, err = secret.NewKeyring(s.key); err != nil {
		t.Fatal(err)
	}
	s.service = control.New(control.Options{Store: controlStore{s.store}, Keys: s.keys, Ledgers: ledgers{s.store}, Scrub: s.store.Scrub, TokenHosts: o.tokenHosts, Wake: func() {
		if s.node != nil {
			s.node.Wake()
		}
	}})
	s.must(s.service.Prepare(t.Context()))
	s.endpoint("old", s.old, o)
	s.endpoint("new", s.new, o)
	if !o.elsewhere {
		s.node = s.play("a", func(options *scheduler.Options) {
			if o.doorman != nil {
				options.Runner.(*runner).doorman = o.doorman
			}
		})
	}
	return s
}

func person(n int) string { return fmt.Sprintf("user%d@example.org", n) }

// deliver puts the i-th letter of a person into one of his folders.
func (s *serving) deliver(box *imapfake.Mailbox, n, i int) {
	s.deliverTo(box, []string{"INBOX", "INBOX", "Sent", "Work/Old"}[i%4], n, i)
}

func (s *serving) deliverTo(box *imapfake.Mailbox, folder string, n, i int) {
	body := fmt.Sprintf("From: a@example.org\r\nTo: %s\r\nSubject: letter %d\r\nMessage-ID: <%d.%d@example.org>\r\n\r\n%s\r\n", person(n), i, n, i, strings.Repeat("text ", i%50))
	box.Deliver(folder, []byte(body), time.Unix(1_700_000_000+int64(i), 0), `\Seen`)
}

func (s *serving) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatalf("%v", describe(err))
	}
}

func describe(err error) string {
	var problem *control.Problem
	if errors.As(err, &problem) {
		return fmt.Sprintf("%+v", *problem)
	}
	return err.Error()
}

func (s *serving) endpoint(name string, server *imapfake.Server, o servingOptions) {
	s.Helper()
	spec := control.EndpointSpec{Name: name}
	var address string
	var err error
	if o.tls {
		ca, bad := imapfake.NewCA()
		s.must(bad)
		certificate, bad := ca.Issue("127.0.0.1")
		s.must(bad)
		address, err = server.ListenTLS(certificate)
		spec.Security, spec.CA = string(migration.Implicit), string(ca.PEM())
	} else {
		address, err = server.Listen()
		spec.Security, spec.AllowCleartext = string(migration.Cleartext), true
	}
	s.must(err)
	host, port, _ := net.SplitHostPort(address)
	spec.Host = host
	spec.Port, _ = strconv.Atoi(port)
	if o.endpoint != nil {
		o.endpoint(&spec)
	}
	_, err = s.service.CreateEndpoint(s.Context(), boss, spec, true)
	s.must(err)
}

// newRunner is a runner that connects to this machine.
func newRunner(s *store.Store, keys *secret.Keyring, log *slog.Logger) *runner {
	return &runner{ledgers: s, keys: keys, dial: (&net.Dialer{}).DialContext, log: log, doorman: &doorman{}, settle: 500 * time.Millisecond}
}

// play starts a node.
func (s *serving) play(name string, change func(*scheduler.Options)) *scheduler.Scheduler {
	s.Helper()
	log := slog.New(slog.DiscardHandler)
	o := scheduler.Options{Store: schedulerStore{s.store}, Queue: (&server{store: s.store}).queue(), Runner: newRunner(s.store, s.keys, log), Node: migration.Node{Name: name}, Log: log}
	if change != nil {
		change(&o)
	}
	node, err := scheduler.New(o)
	s.must(err)
	s.must(node.Start(s.Context()))
	s.Cleanup(func() {
		if err := node.Stop(context.WithoutCancel(s.Context())); err != nil {
			s.Errorf("stopping: %v", err)
		}
	})
	return node
}

// file is a migration file of all people.
func (s *serving) file() string {
	var rows strings.Builder
	rows.WriteString("EmailAddress,UserName,Password,TargetPassword\n")
	for n := range s.mailboxes {
		fmt.Fprintf(&rows, "%s,%s,old-%s,new-%s\n", person(n), person(n), person(n), person(n))
	}
	return rows.String()
}

func (s *serving) create(name string) {
	s.Helper()
	_, err := s.service.CreateBatch(s.Context(), boss, control.BatchSpec{Name: name, Source: "old", Target: "new"}, strings.NewReader(s.file()))
	s.must(err)
}

func (s *serving) do(verb func(context.Context, control.Actor, string) (control.Batch, error), batch string) {
	s.Helper()
	_, err := verb(s.Context(), boss, batch)
	s.must(err)
}

// record is the batch as the store has it.
func (s *serving) record(batch string) (b migration.BatchRecord) {
	s.Helper()
	s.must(s.store.View(s.Context(), "looking", func(tx *store.Tx) (err error) {
		b, err = tx.Batch(batch)
		return err
	}))
	return b
}

func (s *serving) rows(batch string) (rows []migration.MailboxRecord) {
	s.Helper()
	id := s.record(batch).ID
	s.must(s.store.View(s.Context(), "looking", func(tx *store.Tx) (err error) {
		rows, err = tx.Mailboxes(migration.MailboxFilter{Batch: id})
		return err
	}))
	return rows
}

func (s *serving) await(within time.Duration, what string, so func() bool) {
	s.Helper()
	deadline := time.After(within)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-deadline:
			s.Fatalf("not within %v: %s\n%s", within, what, s.overview())
		}
	}
}

func (s *serving) overview() string {
	var text strings.Builder
	_ = s.store.View(s.Context(), "looking", func(tx *store.Tx) error {
		batches, err := tx.Batches()
		for _, b := range batches {
			fmt.Fprintf(&text, "%s %s %+v\n", b.Name, b.Facts(tx.Now()).State(), b.Counts)
		}
		all, _ := tx.Mailboxes(migration.MailboxFilter{Limit: 30})
		for _, m := range all {
			fmt.Fprintf(&text, "  %s %s due %v faults %d trouble %+v progress %+v\n", m.Address, m.Facts.State(), time.Until(m.Due).Round(time.Second), m.Faults, m.Trouble, m.Progress.Counts)
		}
		return err
	})
	return text.String()
}

func (s *serving) awaitState(batch string, state migration.BatchState) {
	s.Helper()
	s.await(time.Minute, batch+" is "+string(state), func() bool { return s.record(batch).Facts(time.Now()).State() == state })
}

// expectSame compares all mailboxes on both sides.
func (s *serving) expectSame() {
	s.Helper()
	for n := range s.mailboxes {
		for _, d := range imapfake.Compare(s.old.User(person(n)), s.new.User(person(n)), imapfake.CompareOptions{IgnoreFolders: true}) {
			s.Errorf("%s: %v", person(n), d)
		}
	}
}

// moved is how many messages all passes of a batch have copied.
func (s *serving) moved(batch string) (sum int64) {
	s.Helper()
	for _, m := range s.rows(batch) {
		sum += m.Progress.Moved
	}
	return sum
}
