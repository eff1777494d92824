package api_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/api"
	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/report"
	"github.com/mailhaul/mailhaul/internal/secret"
	"github.com/mailhaul/mailhaul/internal/store"
)

// records is a store as control needs it.
type records struct{ *store.Store }

func (s records) Change(ctx context.Context, doing string, change func(control.Tx) error) error {
	return s.Store.Change(ctx, doing, func(tx *store.Tx) error { return change(tx) })
}

func (s records) View(ctx context.Context, doing string, view func(control.Tx) error) error {
	return s.Store.View(ctx, doing, func(tx *store.Tx) error { return view(tx) })
}

// prober finds every server well.
type prober struct{}

func (prober) Probe(context.Context, control.Account) ([]control.ProbeStep, *migration.Learned) {
	var steps []control.ProbeStep
	for _, step := range control.ProbeSteps() {
		steps = append(steps, control.ProbeStep{Step: step, Result: control.StepOK})
	}
	return steps, &migration.Learned{At: time.Now(), Server: "a fake"}
}

func (prober) Calibrate(context.Context, control.Account) (migration.Calibration, error) {
	return migration.Calibration{At: time.Now(), Strength: migration.StrengthExact}, nil
}

// source has one folder and one message.
type source struct{}

func (source) Folders(context.Context, control.Account, []migration.FolderRule, []migration.FolderRule) ([]control.FolderHit, error) {
	return []control.FolderHit{{Folder: "INBOX", Taken: true, Messages: 7}}, nil
}

func (source) Message(context.Context, control.Account, string, migration.UID) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader("Subject: skipped\r\n\r\n")), nil
}

// figures is a report of one message that was left out.
type figures struct{}

func (figures) ReportOf(context.Context, string) (report.Batch, bool, error) {
	findings := func(yield func(migration.FindingRecord, error) bool) {
		yield(migration.FindingRecord{Finding: migration.Finding{Code: migration.CodeRejected, Subject: "takeover"}, Lost: true}, nil)
	}
	return report.Batch{At: time.Now(), Mailboxes: func(yield func(report.BatchMailbox, error) bool) {
		yield(report.BatchMailbox{MailboxRecord: migration.MailboxRecord{Address: "anna@example.org"}, Findings: findings}, nil)
	}}, true, nil
}

func (f figures) HandoverOf(ctx context.Context, name, address string) (report.Handover, bool, error) {
	batch, _, _ := f.ReportOf(ctx, name)
	for m := range batch.Mailboxes {
		m.Address = address
		return batch.Handover(m), true, nil
	}
	return report.Handover{}, false, nil
}

// server is an API with everything behind it but the scheduler.
type server struct {
	t       *testing.T
	store   *store.Store
	service *control.Service
	api     *api.API
	http    *httptest.Server
	log     *bytes.Buffer
}

const adminPassword = "correct horse battery"

func newServer(t *testing.T) *server {
	t.Helper()
	return newServerLooking(t, 10*time.Millisecond)
}

// newServerLooking looks for what watchers are to be told at these intervals.
func newServerLooking(t *testing.T, every time.Duration) *server {
	t.Helper()
	empty, err := emptyDatabase()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "mailhaul.db")
	if err := os.WriteFile(path, empty, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	keys, err := secret.ParseKeyring([]byte(secret.GenerateKey()))
	if err != nil {
		t.Fatal(err)
	}
	service := control.New(control.Options{Store: records{db}, Keys: keys, Prober: prober{}, Source: source{}})
	if err := service.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, store: db, service: service, log: &bytes.Buffer{}}
	s.api, err = api.New(api.Options{Service: service, Version: "test", Reports: figures{}, LiveEvery: every,
		Backup: func(_ context.Context, w io.Writer) error { _, err := io.WriteString(w, "a copy"); return err },
		Log:    slog.New(slog.NewTextHandler(s.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	s.http = httptest.NewServer(s.api)
	t.Cleanup(s.http.Close)
	t.Cleanup(s.api.EndLive)
	return s
}

// emptyDatabase is a database with its tables, which take a while to make.
var emptyDatabase = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "mailhaul-api-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	db, err := store.Open(context.Background(), filepath.Join(dir, "new.db"), store.Options{})
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "empty.db")
	if err := errors.Join(db.Backup(context.Background(), path), db.Close()); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// setUp makes the first admin, and gives a client with its session.
func (s *server) setUp() *api.Client {
	s.t.Helper()
	token, err := s.service.NewSetupToken(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	client := s.client("")
	setup := api.Setup{Token: control.Password(token.Reveal()), Operator: control.OperatorSpec{Name: "root", Role: "admin", Password: adminPassword}}
	if _, err := client.Setup(s.t.Context(), setup); err != nil {
		s.t.Fatal(err)
	}
	return client
}

// operator makes an operator with a session and a token straight in the store,
// which is faster than with a password. Those of the same name are given.
func (s *server) operator(name, role string) (session, token string) {
	s.t.Helper()
	session, token = "session-of-"+name, "mh_token-of-"+name
	err := s.store.Change(s.t.Context(), "making an operator", func(tx *store.Tx) error {
		o := migration.Operator{Name: name, Role: role, Password: "none"}
		if err := tx.CreateOperator(&o); err != nil {
			return err
		}
		if err := tx.CreateSession(migration.Session{Hash: hashOf(session), Operator: o.ID}); err != nil {
			return err
		}
		return tx.CreateToken(&migration.Token{Name: name, Operator: o.ID, Role: role, Hash: hashOf(token), Expires: tx.Now().Add(time.Hour)})
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return session, token
}

func hashOf(credential string) []byte {
	sum := sha256.Sum256([]byte(credential))
	return sum[:]
}

func (s *server) client(token string) *api.Client {
	s.t.Helper()
	client, err := api.NewClient(api.ClientOptions{Server: s.http.URL, Token: secret.New(token)})
	if err != nil {
		s.t.Fatal(err)
	}
	return client
}

// answer is what a plain request gets.
type answer struct {
	status  int
	headers http.Header
	body    string
}

func (a answer) problem(t *testing.T) api.Problem {
	t.Helper()
	var p api.Problem
	if err := json.Unmarshal([]byte(a.body), &p); err != nil || a.headers.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("%d is no problem: %q, %v", a.status, a.body, err)
	}
	return p
}

func (s *server) ask(method, path, body string, headers map[string]string) answer {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, s.http.URL+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	var text []byte
	if strings.HasSuffix(path, "/live") {
		text = make([]byte, 512)
		n, _ := response.Body.Read(text)
		text = text[:n]
	} else if text, err = io.ReadAll(response.Body); err != nil {
		s.t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(text)}
}
