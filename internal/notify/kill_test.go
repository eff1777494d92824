package notify

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
)

const victimVariable = "MAILHAUL_NOTIFY_VICTIM"

// victim is a node in a process of its own, to be killed at a place it tells.
type victim struct {
	Database, Roots string
	Port            int
	// Record has the change and its notices written first.
	Record bool
	// Handovers has those of two mailboxes be told instead of a batch's being synced.
	Handovers bool
	// Halt is where it waits for its end: "committed", "taken", "accepted", or
	// nowhere.
	Halt   string
	Within time.Duration
}

func TestMain(m *testing.M) {
	if plan := os.Getenv(victimVariable); plan != "" {
		if err := runVictim(plan); err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// reached tells the place, and waits there for ever when it is the one.
func (v victim) reached(place string) {
	fmt.Println(place)
	if v.Halt == place {
		select {}
	}
}

func runVictim(plan string) error {
	var v victim
	if err := json.Unmarshal([]byte(plan), &v); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s, err := store.Open(ctx, v.Database, store.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	if v.Record {
		record := recordSynced
		if v.Handovers {
			record = recordHandovers
		}
		if err := s.Change(ctx, "telling", record); err != nil {
			return err
		}
	}
	v.reached("committed")
	roots := x509.NewCertPool()
	pem, err := os.ReadFile(v.Roots)
	if err != nil {
		return err
	}
	roots.AppendCertsFromPEM(pem)
	mail := &MailServer{Host: "localhost", Port: v.Port, Security: migration.StartTLS, Roots: roots, From: "mailhaul@example.org"}
	mail.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		v.reached("taken")
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	sender, err := New(Options{Store: stored{s, v}, Reports: oneReport{}, Mail: always(mail), Every: 20 * time.Millisecond, Within: v.Within})
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // its end is the order to stop
		cancel()
	}()
	return sender.Run(ctx)
}

// recordSynced is the scheduler's change when a batch has become Synced: its record,
// and what people are told.
func recordSynced(tx *store.Tx) error {
	batch, err := recordBatch(tx)
	if err != nil {
		return err
	}
	for range 2 { // as two who notice the same would
		for _, n := range (Composer{Mail: true}).Compose(Event{Kind: Synced, At: tx.Now(), Batch: batch, State: migration.BatchSynced}, "olga@example.org") {
			if err := tx.Notify(n); err != nil {
				return err
			}
		}
	}
	return nil
}

func recordBatch(tx *store.Tx) (batch migration.BatchRecord, err error) {
	endpoint := migration.EndpointRecord{Name: "here", Endpoint: migration.Endpoint{Host: "imap.example.org", Port: 993, Security: migration.Implicit}}
	if err := tx.CreateEndpoint(&endpoint); err != nil {
		return batch, err
	}
	batch = migration.BatchRecord{Name: "sales-2026", Source: endpoint.ID, Target: endpoint.ID, Intent: migration.Run, Told: migration.BatchSynced,
		Options: migration.BatchOptions{Notify: []string{"team@example.org"}}}
	return batch, tx.CreateBatch(&batch, nil)
}

// recordHandovers is what an operator asks for.
func recordHandovers(tx *store.Tx) error {
	batch, err := recordBatch(tx)
	if err != nil {
		return err
	}
	for range 2 { // as a change that is made anew would
		compose := Composer{Mail: true}.ComposeHandovers(Event{At: tx.Now(), Batch: batch}, "the desk")
		for i, address := range []string{"olga@example.org", "team@example.org"} {
			n, _ := compose(migration.MailboxRecord{ID: int64(i + 1), Address: address})
			if err := tx.Notify(n); err != nil {
				return err
			}
		}
	}
	return nil
}

// stored is the store as a node sees it.
type stored struct {
	*store.Store
	v victim
}

func (s stored) Take(ctx context.Context, within time.Duration) (n migration.Notice, found bool, err error) {
	err = s.Change(ctx, "taking", func(tx *store.Tx) (err error) { n, err = tx.TakeNotice("node", within); return err })
	if errors.Is(err, store.ErrNotFound) {
		return n, false, nil
	}
	return n, err == nil, err
}

func (s stored) Sent(ctx context.Context, id int64) error {
	s.v.reached("accepted")
	err := s.Change(ctx, "noting", func(tx *store.Tx) error { return tx.NoticeSent(id) })
	if err == nil {
		s.v.reached("noted")
	}
	return err
}

func (s stored) Failed(ctx context.Context, id int64, trouble string, again time.Time) error {
	fmt.Println("trouble:", trouble)
	return s.Change(ctx, "noting", func(tx *store.Tx) error { return tx.NoticeFailed(id, trouble, again) })
}

// node is a running victim.
type node struct {
	t       *testing.T
	command *exec.Cmd
	in      io.Closer
	out     *bufio.Scanner
}

func (v victim) start(t *testing.T) *node {
	t.Helper()
	plan, _ := json.Marshal(v)
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), victimVariable+"="+string(plan))
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	return &node{t, command, in, bufio.NewScanner(out)}
}

// until waits until the node has reached the place so many times.
func (n *node) until(place string, times int) {
	n.t.Helper()
	var heard []string
	for times > 0 && n.out.Scan() {
		heard = append(heard, n.out.Text())
		if n.out.Text() == place {
			times--
		}
	}
	if times > 0 {
		n.t.Fatalf("the node never reached %q, but %q", place, heard)
	}
}

func (n *node) kill() {
	n.t.Helper()
	if err := n.command.Process.Kill(); err != nil {
		n.t.Fatal(err)
	}
	_ = n.command.Wait()
}

// stop ends the node in order.
func (n *node) stop() {
	n.t.Helper()
	_ = n.in.Close()
	for n.out.Scan() {
	}
	if err := n.command.Wait(); err != nil {
		n.t.Error(err)
	}
}

// scene is a database and an SMTP server for a node.
func scene(t *testing.T) (victim, *smtpd) {
	t.Helper()
	server := startSMTP(t, smtpdOptions{Mode: "starttls"})
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, server.ca.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	return victim{Database: filepath.Join(t.TempDir(), "ledger.db"), Roots: roots, Port: server.port, Within: 1500 * time.Millisecond}, server
}

// A node that is killed between the commit and the sending, wherever that is:
// after the next start each recipient gets the mail, once.
func TestAMailIsSentOnceThoughTheProcessIsKilledBeforeIt(t *testing.T) {
	for _, place := range []string{"committed", "taken"} {
		t.Run(place, func(t *testing.T) { sentOnceThoughKilled(t, place, false) })
	}
}

func TestAHandoverIsSentOnceThoughTheProcessIsKilledBeforeIt(t *testing.T) {
	for _, place := range []string{"committed", "taken"} {
		t.Run(place, func(t *testing.T) { sentOnceThoughKilled(t, place, true) })
	}
}

func sentOnceThoughKilled(t *testing.T, place string, handovers bool) {
	t.Helper()
	plan, server := scene(t)
	first := plan
	first.Record, first.Handovers, first.Halt = true, handovers, place
	n := first.start(t)
	n.until(place, 1)
	if got := server.taken(t); len(got) != 0 {
		t.Fatalf("%d mails before the kill", len(got))
	}
	n.kill()
	n = plan.start(t)
	n.until("noted", 2)
	n.stop()
	n = plan.start(t) // and once more: nothing is left to send
	n.until("committed", 1)
	n.stop()
	expectOnce(t, server.taken(t))
}

func expectOnce(t *testing.T, mails []taken) {
	t.Helper()
	to := map[string]int{}
	for _, m := range mails {
		to[strings.Join(m.To, " ")]++
	}
	if len(mails) != 2 || to["olga@example.org"] != 1 || to["team@example.org"] != 1 {
		t.Errorf("received: %v", to)
	}
}

// Between the server's yes and our note of it there is no telling. What is sent
// again is the same message then.
func TestAMailSentTwiceIsTheSameMessage(t *testing.T) {
	plan, server := scene(t)
	first := plan
	first.Record, first.Halt = true, "accepted"
	n := first.start(t)
	n.until("accepted", 1)
	n.kill()
	n = plan.start(t)
	n.until("noted", 2)
	n.stop()
	seen := map[string]string{}
	mails := server.taken(t)
	for _, m := range mails {
		id, text := m.mail.Header.Get("Message-ID"), m.mail.Header.Get("Subject")+m.mail.Header.Get("Date")+m.parts["text/plain"]
		if before, known := seen[id]; known && before != text {
			t.Errorf("%s is\n%s\nand\n%s", id, before, text)
		}
		seen[id] = text
	}
	if len(mails) != 3 || len(seen) != 2 {
		t.Errorf("%d mails, %d messages", len(mails), len(seen))
	}
}
