package servicetest

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/bench/mailgen"
	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/rigs/dovecotrig"
	"github.com/mailhaul/mailhaul/rigs/effort"
	"github.com/mailhaul/mailhaul/rigs/postgresrig"
)

var users = []string{"anna@example.org", "luc@example.org", "emma@example.org"}

// TestABatchLivesItsWholeLife: through commands and API, on both databases.
func TestABatchLivesItsWholeLifeOnSQLite(t *testing.T) { live(t, newWorld(t, "")) }

func TestABatchLivesItsWholeLifeOnPostgreSQL(t *testing.T) {
	effort.LeaveToLong(t)
	live(t, newWorld(t, postgresrig.DatabaseT(t)))
}

func live(t *testing.T, w *world) {
	w.setUp()
	sent := 0
	for i, user := range users {
		corpus := mailgen.Awkward(uint64(30+i), mailgen.AwkwardOptions{})
		w.load(user, corpus)
		sent += len(corpus.Messages)
	}
	w.migrationFile()
	w.create("pilot")

	w.run("batch", "preflight", "pilot")
	w.await("pilot", "tried", func(live liveBatch) bool { return w.tried() == len(users) })
	w.run("batch", "start", "pilot")
	w.awaitState("pilot", "Synced")
	w.wantEqual(users...)
	w.wantMoved(sent)

	w.load(users[0], mailgen.Corpus{Folders: []string{"INBOX"}, Messages: []mailgen.Message{{Folder: "INBOX", Date: time.Unix(1.7e9, 0), Body: []byte("Subject: new\r\n\r\nnew\r\n")}}})
	w.run("batch", "sync", "pilot")
	w.await("pilot", "in step again", func(liveBatch) bool { return w.passes() == 2*len(users) })
	w.wantEqual(users...)
	w.wantMoved(sent + 1)

	w.run("batch", "stop", "pilot")
	w.awaitState("pilot", "Stopped")
	if r := w.try("batch", "complete", "pilot"); r.status != 2 || !strings.Contains(r.errs, "it is stopped") {
		t.Errorf("completing a stopped batch: %d %s", r.status, r.errs)
	}
	w.run("batch", "start", "pilot")
	w.awaitState("pilot", "Synced")
	w.wantTold("pilot", sent+1)
	w.run("batch", "complete", "pilot")
	w.awaitState("pilot", "Completed")
	w.wantReports()
	w.deleteAndCreateAnew(sent + 1)
	if out := w.run("audit", "verify"); !strings.Contains(out, "whole and unchanged") {
		t.Error(out)
	}
	w.wantNoPassword()
}

func (w *world) migrationFile() {
	rows := "EmailAddress,UserName,Password,TargetPassword\n"
	for _, user := range users {
		rows += fmt.Sprintf("%s,%s,%s,%s\n", user, user, dovecotrig.DefaultPassword, dovecotrig.DefaultPassword)
	}
	w.write("pilot.csv", rows)
}

// create makes the batch after looking at its file.
func (w *world) create(name string) {
	w.t.Helper()
	args := []string{"batch", "create", w.file("pilot.csv"), "--source", "old", "--target", "new"}
	if out := w.run(append(args, "--check-only")...); !strings.Contains(out, fmt.Sprintf("%d mailboxes, 0 errors", len(users))) {
		w.t.Errorf("the check says %s", out)
	}
	if out := w.run("batch", "list"); strings.Contains(out, name) {
		w.t.Errorf("a check has made a batch: %s", out)
	}
	if out := w.run(args...); !strings.Contains(out, "batch "+name+" is made, with 3 mailboxes: Created") {
		w.t.Errorf("creating says %s", out)
	}
}

func (w *world) mailboxes() (list []control.Mailbox) {
	w.t.Helper()
	w.json(&list, "mailbox", "list", "pilot")
	return list
}

// tried is how many mailboxes a trial found well.
func (w *world) tried() (n int) {
	for _, m := range w.mailboxes() {
		if m.Preflight != nil && m.Preflight.OK {
			n++
		}
	}
	return n
}

// passes is how many went through, of all mailboxes.
func (w *world) passes() (n int) {
	for _, m := range w.mailboxes() {
		n += m.Passes
	}
	return n
}

// wantMoved: so many messages were copied in all passes.
func (w *world) wantMoved(want int) {
	w.t.Helper()
	moved := int64(0)
	for _, m := range w.mailboxes() {
		moved += m.Progress.Moved
	}
	if moved != int64(want) {
		w.t.Errorf("%d messages were copied, want %d", moved, want)
	}
}

func (w *world) wantReports() {
	w.t.Helper()
	for form, want := range map[string]string{"statistics": users[0], "errors": "EmailAddress", "html": "<html", "json": "pilot"} {
		w.run("report", form, "pilot", "--output", w.file("report."+form))
		if text, err := os.ReadFile(w.file("report." + form)); err != nil || !strings.Contains(string(text), want) {
			w.t.Errorf("the report %s has no %q: %.300s, %v", form, want, text, err)
		}
	}
}

// deleteAndCreateAnew: the ledger outlives the batch, so nothing is copied twice.
func (w *world) deleteAndCreateAnew(messages int) {
	w.t.Helper()
	w.run("batch", "delete", "pilot", "--yes")
	_ = w.client().WatchBatch(w.t.Context(), "pilot", func(liveBatch) bool { return true }) // ends when it is gone
	w.create("pilot")
	w.run("batch", "start", "pilot")
	w.awaitState("pilot", "Synced")
	w.wantMoved(0)
	w.wantEqual(users...)
	present := 0
	for _, m := range w.mailboxes() {
		present += m.Progress.Counts.Present
	}
	if present != messages {
		w.t.Errorf("%d messages were there already, want %d", present, messages)
	}
}

// wantNoPassword: none is in anything the server said.
func (w *world) wantNoPassword() {
	w.t.Helper()
	for _, password := range []string{dovecotrig.DefaultPassword, operatorPassword} {
		if strings.Contains(w.server.Log.String()+w.server.Out.String(), password) {
			w.t.Error("a password is in the server's log")
		}
	}
}
