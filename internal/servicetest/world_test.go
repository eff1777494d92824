package servicetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/bench/mailgen"
	"github.com/mailhaul/mailhaul/internal/api"
	"github.com/mailhaul/mailhaul/internal/cli"
	"github.com/mailhaul/mailhaul/internal/secret"
	"github.com/mailhaul/mailhaul/rigs/dovecotrig"
	"github.com/mailhaul/mailhaul/rigs/mailhaulrig"
	"github.com/mailhaul/mailhaul/rigs/oracle"
	"github.com/mailhaul/mailhaul/rigs/rig"
)

// world is two mail servers and a mailhaul server between them.
type world struct {
	t              *testing.T
	source, target *rig.Mail
	dir            string
	server         *mailhaulrig.Server
}

// patience bounds everything that is waited for.
const patience = 90 * time.Second

// newWorld starts it all, between two Dovecots; without a database the server has a
// file of SQLite.
func newWorld(t *testing.T, database string) *world {
	t.Helper()
	return newWorldFrom(t, database, dovecotrig.StartT(t, dovecotrig.Options{}).Mail)
}

// newWorldFrom is newWorld with another source.
func newWorldFrom(t *testing.T, database string, source *rig.Mail) *world {
	t.Helper()
	rig.Require(t, oracle.Missing)
	w := &world{t: t, source: source, target: dovecotrig.StartT(t, dovecotrig.Options{}).Mail, dir: t.TempDir()}
	w.write("source.pem", string(w.source.CAPEM))
	w.write("target.pem", string(w.target.CAPEM))
	w.write("password", operatorPassword+"\n")
	for name, value := range map[string]string{"MAILHAUL_DATABASE": database, "MAILHAUL_TOKEN_FILE": w.file("token"), "MAILHAUL_TOKEN": "", "MAILHAUL_CONFIG": ""} {
		t.Setenv(name, value)
	}
	w.start()
	return w
}

const operatorPassword = "one two three four"

func (w *world) file(name string) string { return filepath.Join(w.dir, name) }

func (w *world) write(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(w.file(name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// liveBatch is a batch as it moves.
type liveBatch = api.LiveBatch

// start runs the server, until the test ends or it is stopped.
func (w *world) start() {
	w.t.Helper()
	w.server = mailhaulrig.StartT(w.t, w.dir, "--node", "test")
	w.t.Setenv("MAILHAUL_SERVER", w.server.Address)
}

// result is what a command came to.
type result struct {
	status    int
	out, errs string
}

func (w *world) try(args ...string) result {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	var out, errs bytes.Buffer
	status := cli.Run(ctx, args, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &errs})
	w.t.Logf("mailhaul %s", strings.Join(args[:2], " "))
	return result{status, out.String(), errs.String()}
}

// run executes a command that must succeed.
func (w *world) run(args ...string) string {
	w.t.Helper()
	r := w.try(args...)
	if r.status != 0 {
		w.t.Fatalf("mailhaul %s ended with %d\n%s%s", strings.Join(args, " "), r.status, r.out, r.errs)
	}
	return r.out
}

// json executes a command and reads what it prints.
func (w *world) json(into any, args ...string) {
	w.t.Helper()
	if out := w.run(append(args, "--json")...); json.Unmarshal([]byte(out), into) != nil {
		w.t.Fatalf("%v prints %s", args, out)
	}
}

// setUp makes the first operator and both endpoints, that of the source with more
// flags.
func (w *world) setUp(source ...string) {
	w.t.Helper()
	w.write("setup", w.server.SetupToken(w.t)+"\n")
	w.run("operator", "setup", "anna", "--setup-token-file", w.file("setup"), "--password-file", w.file("password"))
	w.run(append([]string{"endpoint", "create", "old", fmt.Sprintf("imaps://localhost:%d", w.source.TLSPort), "--ca", w.file("source.pem")}, source...)...)
	w.run("endpoint", "create", "new", fmt.Sprintf("imap://localhost:%d", w.target.Port), "--ca", w.file("target.pem"))
}

// client is the API as the operator.
func (w *world) client() *api.Client {
	w.t.Helper()
	token, err := os.ReadFile(w.file("token"))
	if err != nil {
		w.t.Fatal(err)
	}
	client, err := api.NewClient(api.ClientOptions{Server: w.server.Address, Token: secret.New(strings.TrimSpace(string(token)))})
	if err != nil {
		w.t.Fatal(err)
	}
	return client
}

// await follows a batch by the API until it is as wanted.
func (w *world) await(batch, what string, wanted func(api.LiveBatch) bool) api.LiveBatch {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	var last api.LiveBatch
	err := w.client().WatchBatch(ctx, batch, func(live api.LiveBatch) bool {
		last = live
		return !wanted(live)
	})
	if err != nil || !wanted(last) {
		w.t.Fatalf("%s is not %s: %v\n%s\n%s", batch, what, err, w.try("batch", "show", batch).out, w.try("mailbox", "list", batch).out)
	}
	return last
}

// awaitState waits for a state in which nothing runs.
func (w *world) awaitState(batch, state string) api.LiveBatch {
	w.t.Helper()
	return w.await(batch, state, func(live api.LiveBatch) bool { return live.Batch.State == state && live.Batch.Counts.Running == 0 })
}

// load puts mail into a mailbox of the source.
func (w *world) load(user string, corpus mailgen.Corpus) {
	w.t.Helper()
	at := mailgen.Target{Addr: w.source.Addr(), User: user, Password: dovecotrig.DefaultPassword}
	if err := mailgen.Load(w.t.Context(), at, corpus, mailgen.LoadOptions{Connections: 1}); err != nil {
		w.t.Fatal(err)
	}
}

// wantEqual has another client than ours compare both sides.
func (w *world) wantEqual(users ...string) {
	w.t.Helper()
	for _, user := range users {
		snapshots := [2]oracle.Snapshot{}
		for i, server := range []*rig.Mail{w.source, w.target} {
			var err error
			if snapshots[i], err = oracle.Take(w.t.Context(), server.Host, server.Port, user, dovecotrig.DefaultPassword); err != nil {
				w.t.Fatal(err)
			}
		}
		for _, line := range oracle.Diff(snapshots[0], snapshots[1], oracle.DiffOptions{}) {
			w.t.Errorf("%s: %s", user, line)
		}
	}
}
