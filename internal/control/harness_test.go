package control

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
	"github.com/mailhaul/mailhaul/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// template is the content of a new database. Making one takes long.
var template = sync.OnceValues(func() ([]byte, error) {
	folder, err := os.MkdirTemp("", "control-test-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "mailhaul.db")
	db, err := store.Open(context.Background(), path, store.Options{})
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// newDatabase gives the path of a new database.
func newDatabase(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mailhaul.db")
	content, err := template()
	if err == nil {
		err = os.WriteFile(path, content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// The passwords of the tests. None may show anywhere.
const (
	sourceCanary = "C4nary!Source-77"
	targetCanary = "C4nary!Target-88"
	adminCanary  = "C4nary!Admin-99"
	peopleCanary = "C4nary!People-55"
)

// kept is the store with control's interface.
type kept struct{ *store.Store }

func (k kept) Change(ctx context.Context, doing string, change func(Tx) error) error {
	return k.Store.Change(ctx, doing, func(tx *store.Tx) error { return change(tx) })
}

func (k kept) View(ctx context.Context, doing string, view func(Tx) error) error {
	return k.Store.View(ctx, doing, func(tx *store.Tx) error { return view(tx) })
}

// world is a service on a database of its own, with an operator of each role.
type world struct {
	*Service
	t        testing.TB
	db       *store.Store
	path     string
	prober   *fakeProber
	source   *fakeSource
	ledgers  *fakeLedgers
	woken    int
	admin    Actor
	operator Actor
	viewer   Actor
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, path: newDatabase(t), prober: &fakeProber{}, source: &fakeSource{}, ledgers: &fakeLedgers{}}
	w.open(key(t, 1))
	w.admin = w.setUp()
	w.operator = w.person("olga", Operate)
	w.viewer = w.person("vera", Viewer)
	return w
}

func key(t testing.TB, fill byte, earlier ...byte) *secret.Keyring {
	t.Helper()
	var before [][]byte
	for _, b := range earlier {
		before = append(before, bytes.Repeat([]byte{b}, secret.KeySize))
	}
	keys, err := secret.NewKeyring(bytes.Repeat([]byte{fill}, secret.KeySize), before...)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// open opens the database with a server key.
func (w *world) open(keys *secret.Keyring) {
	w.t.Helper()
	db, err := store.Open(context.Background(), w.path, store.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = db.Close() })
	w.db = db
	w.serve(keys)
	if err := w.Prepare(w.ctx()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) serve(keys *secret.Keyring) {
	w.Service = New(Options{Store: kept{w.db}, Keys: keys, Prober: w.prober, Source: w.source, Ledgers: w.ledgers, Report: reportTo, Handovers: handoversOf, Wake: func() { w.woken++ }, Scrub: w.db.Scrub})
	w.hashing.cost = cost{8, 1, 1}
	w.hashing.dummy = w.hashing.cost.encode(make([]byte, saltSize), make([]byte, hashSize))
}

func (w *world) ctx() context.Context { return w.t.Context() }

func (w *world) setUp() Actor {
	w.t.Helper()
	token, err := w.NewSetupToken(w.ctx())
	if err != nil {
		w.t.Fatal(err)
	}
	signed, err := w.Setup(w.ctx(), Password(token.Reveal()), OperatorSpec{Name: "ada", Email: "ada@example.org", Password: peopleCanary}, "192.0.2.1")
	if err != nil {
		w.t.Fatal(err)
	}
	return w.as(signed)
}

// as gives the actor of a session.
func (w *world) as(signed SignedIn) Actor {
	w.t.Helper()
	actor, err := w.Authenticate(w.ctx(), signed.Secret.Reveal(), "192.0.2.1")
	if err != nil {
		w.t.Fatal(err)
	}
	return actor
}

func (w *world) person(name string, role Role) Actor {
	w.t.Helper()
	if _, err := w.CreateOperator(w.ctx(), w.admin, OperatorSpec{Name: name, Role: string(role), Password: peopleCanary}); err != nil {
		w.t.Fatal(err)
	}
	signed, err := w.SignIn(w.ctx(), name, peopleCanary, "", "192.0.2.1")
	if err != nil {
		w.t.Fatal(err)
	}
	return w.as(signed)
}

// endpoints makes two endpoints, "old" and "new".
func (w *world) endpoints() {
	w.t.Helper()
	for _, name := range []string{"old", "new"} {
		if _, err := w.CreateEndpoint(w.ctx(), w.admin, EndpointSpec{Name: name, Host: "imap." + name + ".example"}, true); err != nil {
			w.t.Fatal(err)
		}
	}
}

const csvHeader = "EmailAddress,UserName,Password,TargetPassword\n"

// rows is a migration file with that many mailboxes.
func rows(n int) string { return rowsOf("u", n) }

// rowsOf is rows for people whose names begin so.
func rowsOf(name string, n int) string {
	var b strings.Builder
	b.WriteString(csvHeader)
	for i := range n {
		fmt.Fprintf(&b, "%s%d@example.org,%[1]s%[2]d,%s,%s\n", name, i, sourceCanary, targetCanary)
	}
	return b.String()
}

// batch makes a batch of that many mailboxes between the two endpoints.
func (w *world) batch(name string, n int) Batch {
	w.t.Helper()
	created, err := w.CreateBatch(w.ctx(), w.operator, BatchSpec{Name: name, Source: "old", Target: "new"}, strings.NewReader(rows(n)))
	if err != nil {
		w.t.Fatal(err)
	}
	return *created.Batch
}

// edit changes a mailbox as the scheduler would.
func (w *world) edit(batch, address string, change func(*migration.MailboxRecord)) {
	w.t.Helper()
	err := w.db.Change(w.ctx(), "editing", func(tx *store.Tx) error {
		b, err := tx.Batch(batch)
		if err != nil {
			return err
		}
		m, err := tx.Mailbox(b.ID, address)
		if err != nil {
			return err
		}
		change(&m)
		return tx.SaveMailbox(&m)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// synced makes mailboxes synced, as the scheduler would.
func (w *world) synced(batch string, n int) {
	w.t.Helper()
	for i := range n {
		w.edit(batch, fmt.Sprintf("u%d@example.org", i), func(m *migration.MailboxRecord) {
			m.Facts.Phase, m.Facts.Passes = migration.Incremental, 1
			m.Progress.Counts = migration.Counts{Source: 100, Copied: 100}
		})
	}
}

func (w *world) record(batch, address string) (e ends, b migration.BatchRecord, m migration.MailboxRecord) {
	w.t.Helper()
	err := w.db.View(w.ctx(), "reading", func(tx *store.Tx) (err error) {
		if b, err = tx.Batch(batch); err != nil {
			return err
		}
		if e, err = endsOf(tx, b); err != nil {
			return err
		}
		m, err = tx.Mailbox(b.ID, address)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return e, b, m
}

func (w *world) state(batch string) string {
	w.t.Helper()
	b, err := w.Batch(w.ctx(), w.viewer, batch)
	if err != nil {
		w.t.Fatal(err)
	}
	return b.State
}

// log gives the audit log, oldest first, as "actor action object".
func (w *world) log() (lines []string) {
	w.t.Helper()
	page, err := w.AuditRecords(w.ctx(), w.admin, Page{Limit: maxLimit})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range page.Items {
		lines = append([]string{r.Actor + " " + r.Action + " " + r.Object}, lines...)
	}
	return lines
}

// wants fails unless the error is a problem of that kind and code with that text.
func wants(t testing.TB, err error, kind Kind, code, text string) {
	t.Helper()
	p := ProblemOf(err)
	if p == nil || p.Kind != kind || p.Code != code || !strings.Contains(p.Error(), text) {
		t.Errorf("got %v, want %s %s with %q", err, kind, code, text)
	}
	for _, canary := range []string{sourceCanary, targetCanary, adminCanary, peopleCanary} {
		if err != nil && strings.Contains(err.Error(), canary) {
			t.Errorf("the problem holds a password: %v", err)
		}
	}
}

// secretFree fails when the JSON of a value holds a password or anything sealed.
func secretFree(t testing.TB, value any) {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	for _, canary := range []string{sourceCanary, targetCanary, adminCanary, peopleCanary, "argon2", "[redacted]"} {
		if bytes.Contains(text, []byte(canary)) {
			t.Errorf("%T holds %q", value, canary)
		}
	}
}

// fakeProber answers tests with what it is told, and keeps what it was asked.
type fakeProber struct {
	fails string // a step
	// meanwhile happens while an endpoint is calibrated.
	meanwhile func()
	asked     []Account
}

func (p *fakeProber) Probe(_ context.Context, account Account) ([]ProbeStep, *migration.Learned) {
	p.asked = append(p.asked, account)
	var steps []ProbeStep
	for _, name := range ProbeSteps() {
		if name == p.fails {
			return append(steps, ProbeStep{Step: name, Result: StepFailed, Code: "connect", Detail: "connecting to it: refused", Remedy: "Check the port."}), nil
		}
		steps = append(steps, ProbeStep{Step: name, Result: StepOK})
	}
	return steps, &migration.Learned{At: time.Unix(1e9, 0).UTC(), Server: "Dovecot", TLS: "TLS 1.3"}
}

func (p *fakeProber) Calibrate(_ context.Context, account Account) (migration.Calibration, error) {
	p.asked = append(p.asked, account)
	if p.meanwhile != nil {
		p.meanwhile()
	}
	if p.fails != "" {
		return migration.Calibration{}, &migration.Fault{Class: migration.OneFolder, Code: migration.CodeFolderRefused, Doing: "making the folder", Text: "no", Remedy: "Ask them."}
	}
	return migration.Calibration{At: time.Unix(1e9, 0).UTC(), Strength: migration.StrengthCanonical,
		Measures: []migration.Measure{{Quality: migration.QualityBytes, Verdict: migration.VerdictDiffers, Detail: "plain: other\x1b[2J"}}}, nil
}

// fakeSource is a source with one message.
type fakeSource struct{ asked []Account }

func (s *fakeSource) Folders(_ context.Context, account Account, exclude, _ []migration.FolderRule) ([]FolderHit, error) {
	s.asked = append(s.asked, account)
	return []FolderHit{{Folder: "INBOX", Taken: len(exclude) == 0, Messages: 3}}, nil
}

func (s *fakeSource) Message(_ context.Context, account Account, folder string, uid migration.UID) (io.ReadCloser, error) {
	s.asked = append(s.asked, account)
	return io.NopCloser(strings.NewReader(fmt.Sprintf("Subject: %s %d\r\n\r\n", folder, uid))), nil
}

// fakeLedgers have what they are told.
type fakeLedgers struct {
	folders []MailboxFolder
	asked   [2]Account
}

func (l *fakeLedgers) Folders(_ context.Context, source, target Account) ([]MailboxFolder, error) {
	l.asked = [2]Account{source, target}
	return slices.Clone(l.folders), nil
}

// reportTo makes a notice for each reader.
func reportTo(tx Tx, b migration.BatchRecord, to []string) (notices []migration.Notice, err error) {
	for _, reader := range to {
		notices = append(notices, migration.Notice{Mark: reader + tx.Now().String(), Batch: b.ID, BatchName: b.Name, Kind: "report", Recipients: []string{reader}})
	}
	return notices, nil
}

// handoversOf makes a notice for each but one, who has no address.
func handoversOf(tx Tx, b migration.BatchRecord, mail HandoverMail) (func(migration.MailboxRecord) (migration.Notice, bool), error) {
	return func(m migration.MailboxRecord) (migration.Notice, bool) {
		return migration.Notice{Mark: m.Address + tx.Now().String(), Batch: b.ID, BatchName: b.Name, Kind: "handover", Recipients: []string{m.NewAddress()}, Body: []byte(mail.Contact)}, m.Address != "u3@example.org"
	}, nil
}

func ptr[T any](value T) *T { return &value }
