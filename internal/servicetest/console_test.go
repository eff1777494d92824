package servicetest

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/rigs/dovecotrig"
)

// wantTold expects what the server tells of a batch whose mailboxes have had a pass.
func (w *world) wantTold(batch string, messages int) {
	w.t.Helper()
	var folders []control.MailboxFolder
	w.json(&folders, "mailbox", "folders", batch, users[0])
	copied := int64(0)
	for _, f := range folders {
		copied += f.Copied
		if f.State != control.FolderDone || f.Skipped != 0 || f.Copied != f.SourceMessages {
			w.t.Errorf("the folder %+v", f)
		}
	}
	if copied == 0 {
		w.t.Errorf("the folders %+v", folders)
	}
	if said := w.run("mailbox", "transcript", batch, users[0]); !strings.Contains(said, "initial pass") || !strings.Contains(said, " source 1 C: ") || !strings.Contains(said, "APPEND") || strings.Contains(said, dovecotrig.DefaultPassword) {
		w.t.Errorf("the transcript is %s", said)
	}
	var estimate migration.Estimate
	w.json(&estimate, "batch", "estimate", batch, "--mailboxes", "100")
	if estimate.Measured != len(users) || estimate.Enough || estimate.Seconds == 0 || estimate.Mailboxes != 100 {
		w.t.Errorf("the estimate is %+v", estimate)
	}
	survey := filepath.Join(w.t.TempDir(), "survey.csv")
	if err := os.WriteFile(survey, []byte("EmailAddress,Messages,Bytes\na@example.org,1000,50000000\nb@example.org,,\nc@example.org,20,1000000\n"), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.json(&estimate, "batch", "estimate", batch, "--survey", survey, "--at-a-time", "1", "--within", "1000h", "--compare", batch)
	if estimate.Sized != 2 || estimate.Bytes != 51_000_000 || estimate.AtATime != 1 || estimate.MailboxesWithin != 2 || estimate.Batches != 1 || estimate.Comparison == nil || !estimate.Comparison.SimilarHours {
		w.t.Errorf("the estimate by a survey is %+v", estimate)
	}
	if said := w.run("batch", "estimate", batch, "--mailboxes", "50", "--within", "500h", "--compare", batch); !strings.Contains(said, "within 500h0m0s") || !strings.Contains(said, "compared with") || !strings.Contains(said, "similar hours") {
		w.t.Error(said)
	}
	if history := w.run("batch", "history", batch); !strings.Contains(history, "batch.create") || !strings.Contains(history, "batch.start") || strings.Contains(history, "127.0.0.1") {
		w.t.Errorf("the history is %s", history)
	}
	if r := w.try("report", "send", batch, "--to", "boss@example.org"); r.status != 2 || !strings.Contains(r.errs, "no mail server") {
		w.t.Errorf("a report without a mail server: %d %s", r.status, r.errs)
	}
	if out := w.run("mailbox", "stop", batch, "--search", "an"); !strings.Contains(out, "stop: 1 done, 0 refused") { // anna
		w.t.Error(out)
	}
	if r := w.try("mailbox", "sync", batch, users[0], users[1]); r.status != 3 || !strings.Contains(r.out, users[0]+": it is IncrementalStopped") || !strings.Contains(r.out, "1 done, 1 refused") {
		w.t.Errorf("of two, one stopped: %d %s %s", r.status, r.out, r.errs)
	}
	w.run("mailbox", "start", batch, "--state", "IncrementalStopped")
	w.wantMeasured(batch, messages)
}

// wantMeasured expects the dashboard and the throughput to count all messages.
func (w *world) wantMeasured(batch string, messages int) {
	w.t.Helper()
	client := w.client()
	err := client.WatchDashboard(w.t.Context(), func(d control.Dashboard) bool {
		if d.Counts.Total != len(users) || d.Nodes != 1 || len(d.Batches) != 1 || d.Batches[0].Figures.Moved != int64(messages) {
			w.t.Errorf("the dashboard is %+v", d)
		}
		return false
	})
	if err != nil {
		w.t.Error(err)
	}
	deadline, tick := time.After(patience), time.NewTicker(100*time.Millisecond)
	defer tick.Stop()
	for {
		throughput, err := client.Throughput(w.t.Context(), control.ThroughputQuery{Batch: batch})
		sum := int64(0)
		for _, p := range throughput.Points {
			sum += p.Messages
		}
		if err == nil && sum == int64(messages) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			w.t.Fatalf("%d messages were measured, want %d: %v", sum, messages, err)
		}
	}
}
