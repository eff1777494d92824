package metrics

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

var update = flag.Bool("update", false, "write docs/metrics.md anew")

func read(t *testing.T, m *Metrics) string {
	t.Helper()
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	if answer.Code != 200 {
		t.Fatalf("status %d: %s", answer.Code, answer.Body)
	}
	return answer.Body.String()
}

func expect(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains("\n"+text, "\n"+line+"\n") {
			t.Errorf("%s is missing", line)
		}
	}
}

func sample() *Metrics {
	return New(Options{Version: "1.2.3", Figures: func(context.Context) (Figures, error) {
		return Figures{Mailboxes: map[migration.MailboxState]int{migration.MailboxSynced: 12}, Batches: map[migration.BatchState]int{migration.BatchSyncing: 2}, Leases: 3, Intents: 128,
			Slots: []Slots{{"old", "initial", 5, 20}, {"old", "incremental", 0, 10}}, NoticesDue: 4, NoticesFailed: 1}, nil
	}})
}

func TestWhatIsToldIsCounted(t *testing.T) {
	m := sample()
	m.Pass(migration.InitialPass, "done", "", 12*time.Second)
	m.Pass(migration.InitialPass, "failed", migration.Login, time.Second)
	m.Copied(100, 5_000_000)
	m.Copied(1, 1)
	m.Request("/api/v1/batches/{name}", "GET", 200, 3*time.Millisecond)
	m.Request("/api/v1/batches/{name}", "BREW", 405, 3*time.Millisecond)
	m.Notice("synced", "sent")
	expect(t, read(t, m),
		`mailhaul_passes_total{class="",kind="initial",outcome="done"} 1`, `mailhaul_passes_total{class="login",kind="initial",outcome="failed"} 1`,
		`mailhaul_pass_seconds_bucket{kind="initial",le="5"} 1`, `mailhaul_pass_seconds_count{kind="initial"} 2`,
		"mailhaul_copied_messages_total 101", "mailhaul_copied_bytes_total 5.000001e+06",
		`mailhaul_http_requests_total{method="GET",route="/api/v1/batches/{name}",status="200"} 1`, `mailhaul_http_requests_total{method="other",route="/api/v1/batches/{name}",status="405"} 1`,
		`mailhaul_notices_total{kind="synced",outcome="sent"} 1`, `mailhaul_build_info{version="1.2.3"} 1`)
}

func TestHowThingsStandIsAskedFor(t *testing.T) {
	expect(t, read(t, sample()),
		`mailhaul_mailboxes{state="Synced"} 12`, `mailhaul_mailboxes{state="Failed"} 0`, `mailhaul_batches{state="Syncing"} 2`, `mailhaul_batches{state="Completed"} 0`,
		"mailhaul_leases 3", "mailhaul_intents_open 128", `mailhaul_endpoint_slots_used{endpoint="old",kind="initial"} 5`, `mailhaul_endpoint_slots_limit{endpoint="old",kind="incremental"} 10`,
		"mailhaul_notices_due 4", "mailhaul_notices_given_up 1", "mailhaul_figures_up 1")
}

func TestADatabaseThatIsGoneLeavesTheOtherFigures(t *testing.T) {
	m := New(Options{Figures: func(context.Context) (Figures, error) { return Figures{}, errors.New("gone") }})
	m.Copied(1, 1)
	text := read(t, m)
	expect(t, text, "mailhaul_figures_up 0", "mailhaul_copied_messages_total 1")
	if strings.Contains(text, "mailhaul_mailboxes") {
		t.Error("mailboxes are counted though nobody knows how many there are")
	}
}

func TestManyReadersAskTheDatabaseOnce(t *testing.T) {
	var asked atomic.Int32
	s := newStanding(func(context.Context) (Figures, error) {
		asked.Add(1)
		return Figures{}, nil
	}, time.Hour)
	var readers sync.WaitGroup
	for range 10 {
		readers.Go(func() { _, _ = s.figures() })
	}
	readers.Wait()
	if asked.Load() != 1 {
		t.Errorf("asked %d times", asked.Load())
	}
}

func TestAnAnswerAges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		s := newStanding(func(context.Context) (Figures, error) { asked++; return Figures{}, nil }, 5*time.Second)
		for _, want := range []int{1, 1, 2} {
			if _, _ = s.figures(); asked != want {
				t.Errorf("asked %d times, want %d", asked, want)
			}
			time.Sleep(3 * time.Second)
		}
	})
}

// The table in the documentation is that of the program:
// go test -run Documented -update
func TestEveryFigureIsDocumented(t *testing.T) {
	const file, from, to = "../../docs/metrics.md", "<!-- made from internal/metrics/table.go -->\n", "<!-- end -->\n"
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := bytes.Cut(page, []byte(from))
	_, after, ended := bytes.Cut(rest, []byte(to))
	if !ok || !ended {
		t.Fatal("the marks of the table are missing")
	}
	var table bytes.Buffer
	for _, part := range []struct {
		title   string
		metrics []metric
	}{{"The whole service; the same on each node", standingMetrics()}, {"This node", nodeMetrics()}} {
		fmt.Fprintf(&table, "\n## %s\n\n| figure | kind | labels | says |\n|---|---|---|---|\n", part.title)
		for _, m := range part.metrics {
			fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", m.name, m.kind, strings.Join(m.labels, ", "), m.help)
		}
	}
	fmt.Fprintln(&table)
	want := string(before) + from + table.String() + to + string(after)
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(page) != want {
		t.Error("docs/metrics.md is not up to date: go test -run Documented -update ./internal/metrics")
	}
}

func TestTheTableHasAllFigures(t *testing.T) {
	m := sample()
	m.Pass(migration.InitialPass, "done", "", time.Second)
	m.Request("/", "GET", 200, time.Second)
	m.Notice("synced", "sent")
	known := map[string]bool{}
	for _, m := range append(standingMetrics(), nodeMetrics()...) {
		known[m.name] = true
	}
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, family := range families {
		if !strings.HasPrefix(family.GetName(), "mailhaul_") {
			continue
		}
		found++
		if !known[family.GetName()] || family.GetHelp() == "" {
			t.Errorf("%s is not in the table", family.GetName())
		}
	}
	if found != len(known) {
		t.Errorf("%d of %d figures are there", found, len(known))
	}
}
