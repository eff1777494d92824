package notify

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/report"
)

var update = flag.Bool("update", false, "write the letters anew")

var happened = time.Date(2026, 11, 25, 6, 0, 0, 0, time.UTC)

func eventOf(kind string, state migration.BatchState, counts migration.BatchCounts) Event {
	return Event{Kind: kind, At: happened, State: state, Batch: migration.BatchRecord{ID: 7, Name: "sales-2026", Version: 12, Created: happened.Add(-26 * time.Hour), Key: []byte("wrapped-key"), Counts: counts,
		Options: migration.BatchOptions{Notify: []string{"team@example.org"}, Interval: 24 * time.Hour, ReportInterval: 24 * time.Hour}}}
}

// events are one of each kind that reads differently.
func events() map[string]Event {
	fine := migration.BatchCounts{Total: 1204, Begun: 1204, Synced: 1204}
	partly := migration.BatchCounts{Total: 1204, Begun: 1204, Synced: 1198, Failed: 4, Stopped: 2, Troubled: 3}
	stalled := eventOf(Stalled, migration.BatchSyncing, migration.BatchCounts{Total: 1204, Begun: 800, Running: 20, Synced: 780})
	stalled.Trouble = &migration.Trouble{Code: migration.CodeConnect, Reason: "imap.old.example cannot be reached since 05:12", Remedy: "See whether the server is up, and whether a firewall lets mailhaul through."}
	quiet := eventOf(Report, migration.BatchIncrementalSyncing, fine)
	quiet.Batch.Options.ReportInterval = 0
	single := eventOf(Completed, migration.BatchCompleted, migration.BatchCounts{Total: 1, Begun: 1, Closed: 1})
	single.Batch.Options.Interval = 5 * time.Minute
	return map[string]Event{
		"synced":                eventOf(Synced, migration.BatchSynced, fine),
		"synced-with-errors":    eventOf(Synced, migration.BatchSyncedWithErrors, partly),
		"report":                eventOf(Report, migration.BatchSyncing, migration.BatchCounts{Total: 1204, Begun: 300, Running: 20, Synced: 280}),
		"last-report":           quiet,
		"completed":             single,
		"completed-with-errors": eventOf(Completed, migration.BatchCompletedWithErrors, migration.BatchCounts{Total: 1204, Begun: 1204, Closed: 1200, Failed: 4, Troubled: 1}),
		"failed":                eventOf(Failed, migration.BatchFailed, migration.BatchCounts{Total: 12, Begun: 12, Failed: 12}),
		"stalled":               stalled,
	}
}

// totalOf is a total that goes with the counts.
func totalOf(c migration.BatchCounts) *report.BatchTotal {
	total := &report.BatchTotal{Mailboxes: c.Total, Score: migration.Perfect, SourceMessages: 2_310_434, SyncedMessages: 2_310_434, CopiedBytes: 184_200_000_000, InProgressSeconds: 90_000, Troubled: c.Failed,
		Statuses: map[migration.MailboxState]int{migration.MailboxQueued: c.Total - c.Begun, migration.MailboxSyncing: c.Running, migration.MailboxSynced: c.Synced, migration.MailboxCompleted: c.Closed, migration.MailboxFailed: c.Failed, migration.MailboxStopped: c.Stopped}}
	if c.Troubled > 0 {
		total.Score, total.SyncedMessages, total.SkippedMessages, total.ApprovedMessages = migration.Investigate, 2_310_422, 12, 3
	}
	if c.Failed == 0 {
		return total
	}
	for i, name := range []string{"carla", "dora"} {
		total.Worst = append(total.Worst, report.Account{EmailAddress: name + "@example.org", Status: migration.MailboxFailed,
			Error: "signing in to imap.old.example as " + name, Remedy: []string{"Give the right password, and start the mailbox.", ""}[i]})
	}
	return total
}

// The letters are in testdata, to be read: go test -run Letters -update
func TestLettersReadAsTheyShould(t *testing.T) {
	for name, event := range events() {
		notices := Composer{Mail: true}.Compose(event, "olga@example.org")
		total := totalOf(event.Batch.Counts)
		f, err := factsOf(notices[0])
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprintf("Subject: %s\n\n%s", notices[0].Subject, letter(notices[0], f, total))
		file := filepath.Join("testdata", name+".txt")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if want, _ := os.ReadFile(file); string(want) != got {
			t.Errorf("%s is\n%s", name, got)
		}
	}
}

func TestSubjectsHaveTheFormOfTheModelledService(t *testing.T) {
	for name, want := range map[string]string{
		"synced":                `E-mail migration batch "sales-2026" has finished`,
		"synced-with-errors":    `E-mail migration batch "sales-2026" has finished - with errors`,
		"report":                `E-mail migration batch "sales-2026" status report`,
		"completed":             `E-mail migration batch "sales-2026" has completed`,
		"completed-with-errors": `E-mail migration batch "sales-2026" has completed - with errors`,
		"failed":                `E-mail migration batch "sales-2026" has failed`,
		"stalled":               `E-mail migration batch "sales-2026" has stalled`,
	} {
		if got := (Composer{Mail: true}).Compose(events()[name], "")[0].Subject; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestEachRecipientHasANoticeOfItsOwn(t *testing.T) {
	event := events()["synced"]
	event.Batch.Options.Notify = []string{"team@example.org", "OLGA@example.org", "no address", "Name <name@example.org>", "a@example.org\r\nBcc: b@example.org", "böse@example.org", "x@example.org,y@example.org", ""}
	notices := Composer{Mail: true, Webhook: true}.Compose(event, "olga@example.org")
	var to []string
	marks := map[string]bool{}
	for _, n := range notices {
		to = append(to, n.Recipients...)
		marks[n.Mark] = true
		if len(n.Recipients) != 1 || n.Batch != 7 || n.BatchName != "sales-2026" || n.Kind != Synced {
			t.Errorf("got %+v", n)
		}
	}
	if got := strings.Join(to, " "); got != "olga@example.org team@example.org böse@example.org webhook" || len(marks) != 4 {
		t.Errorf("got %s, %v", got, marks)
	}
}

func TestEachStallIsTold(t *testing.T) {
	marks := map[string]bool{}
	event := events()["synced"]
	event.Kind = Stalled
	for hour := range 3 {
		event.At = event.At.Add(time.Duration(hour) * time.Hour)
		for _, n := range (Composer{Mail: true}).Compose(event, "olga@example.org") {
			marks[n.Mark+n.Recipients[0]] = true
		}
	}
	if want := 3 * len(Composer{Mail: true}.Compose(event, "olga@example.org")); len(marks) != want {
		t.Errorf("%d marks, want %d", len(marks), want)
	}
}

func TestNoMoreThanTheLimitIsTold(t *testing.T) {
	event := events()["synced"]
	event.Batch.Options.Notify = nil
	for i := range 100 {
		event.Batch.Options.Notify = append(event.Batch.Options.Notify, fmt.Sprintf("user%d@example.org", i))
	}
	if got := len(Composer{Mail: true}.Compose(event, "olga@example.org")); got != migration.MaxRecipients+1 {
		t.Errorf("%d are told", got)
	}
}

func TestNothingIsComposedThatCannotBeSent(t *testing.T) {
	if got := (Composer{}).Compose(events()["synced"], "olga@example.org"); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestTheMarkIsTheSameForTheSameEventAndNoOther(t *testing.T) {
	mark := func(change func(*Event)) string {
		event := events()["synced"]
		change(&event)
		return Composer{Mail: true}.Compose(event, "olga@example.org")[0].Mark
	}
	same := mark(func(*Event) {})
	if got := mark(func(e *Event) { e.At = e.At.Add(time.Second); e.Batch.Counts.Synced-- }); got != same {
		t.Errorf("another node gives %s instead of %s", got, same)
	}
	for name, change := range map[string]func(*Event){
		"another batch": func(e *Event) { e.Batch.ID++ }, "a batch made anew": func(e *Event) { e.Batch.Created = happened },
		"later": func(e *Event) { e.Batch.Version++ }, "another kind": func(e *Event) { e.Kind = Report },
	} {
		if mark(change) == same {
			t.Errorf("%s has the same mark", name)
		}
	}
}

func TestNoKeyIsInANotice(t *testing.T) {
	for _, event := range events() {
		for _, n := range (Composer{Mail: true, Webhook: true}).Compose(event, "olga@example.org") {
			if bytes.Contains(n.Body, []byte("wrapped-key")) || bytes.Contains(n.Body, []byte("d3JhcHBlZC1rZXk")) {
				t.Errorf("the key is in %s", n.Body)
			}
		}
	}
}

func TestHostileNamesStayOnTheirLine(t *testing.T) {
	event := events()["stalled"]
	event.Batch.Name = "x\r\nBcc: evil@example.org\r\n\r\n\u202e"
	event.Trouble.Reason = "no\r\nway\x1b[31m"
	n := Composer{Mail: true}.Compose(event, "olga@example.org")[0]
	f, _ := factsOf(n)
	text := letter(n, f, nil)
	if strings.ContainsAny(n.Subject, "\r\n\u202e") || strings.Contains(text, "\nBcc") || strings.Contains(text, "\nway") || strings.ContainsAny(text, "\x1b\u202e") {
		t.Errorf("got %q and %q", n.Subject, text)
	}
}
