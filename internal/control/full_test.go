package control

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/rigs/effort"
	"github.com/mailhaul/mailhaul/rigs/postgresrig"
)

// The bars of the largest migration file. Where other tests run beside, times may
// be eight times as long.
const (
	fullBar   = 5 * time.Second
	fullRSS   = 200 << 20
	pageBar   = 100 * time.Millisecond
	crowd     = 8
	fullChild = "MAILHAUL_TEST_FULL_FILE"
)

func within(t *testing.T, what string, took, bar time.Duration) {
	t.Helper()
	t.Logf("%s: %v", what, took.Round(100*time.Microsecond))
	if !effort.Alone() {
		bar *= crowd
	}
	if took > bar && !raced {
		t.Errorf("%s took %v, want at most %v", what, took, bar)
	}
}

func TestAFullMigrationFile(t *testing.T) {
	effort.LeaveToLong(t)
	if testing.Short() {
		t.Skip("50,000 rows")
	}
	if path := os.Getenv(fullChild); path != "" {
		w := &world{t: t, path: path, prober: &fakeProber{}, source: &fakeSource{}}
		w.full()
		return
	}
	t.Run("SQLite", func(t *testing.T) { alone50k(t, newDatabase(t)) })
	t.Run("PostgreSQL", func(t *testing.T) { alone50k(t, postgresrig.DatabaseT(t)) })
}

// alone50k takes the largest file in a process of its own, whose memory it looks at.
func alone50k(t *testing.T, path string) {
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAFullMigrationFile$", "-test.v")
	child.Env = append(os.Environ(), fullChild+"="+path)
	out, err := child.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) full() {
	t := w.t.(*testing.T)
	w.open(key(t, 1))
	w.admin = w.setUp()
	w.operator, w.viewer = w.admin, w.admin
	w.endpoints()
	file := rows(fullRows)
	begun := time.Now()
	checked, err := w.create(BatchSpec{Name: "full", FileOptions: FileOptions{CheckOnly: true}}, file)
	if err != nil || checked.File.Mailboxes != fullRows {
		t.Fatal(err)
	}
	within(t, "checking", time.Since(begun), fullBar)
	begun = time.Now()
	created, err := w.create(BatchSpec{Name: "full", AutoStart: true}, file)
	if err != nil || created.Batch.Counts.Total != fullRows {
		t.Fatal(err)
	}
	within(t, "accepting", time.Since(begun), fullBar)
	rss := peakRSS(t)
	t.Logf("at most %d MiB resident", rss>>20)
	if rss > fullRSS && !raced {
		t.Errorf("%d MiB", rss>>20)
	}
	_, err = w.create(BatchSpec{Name: "again"}, file)
	wants(t, err, Invalid, "migration-file", "full")
	for name, query := range map[string]MailboxQuery{
		"a page": {Batch: "full"}, "a page of all batches": {}, "a page of a state": {Batch: "full", States: []string{"Queued"}}, "a page of a search": {Batch: "full", Search: "u1999"},
	} {
		within(t, name+", p95", p95(func(n int) {
			if query.Search == "" {
				query.Cursor = strconv.Itoa(1 + n*fullRows/50)
			}
			if page, err := w.Mailboxes(w.ctx(), w.viewer, query); err != nil || len(page.Items) == 0 {
				t.Fatal(err)
			}
		}), pageBar)
	}
	within(t, "the batch, p95", p95(func(int) {
		if _, err := w.Batch(w.ctx(), w.viewer, "full"); err != nil {
			t.Fatal(err)
		}
	}), 5*pageBar)
	w.everySynced()
	for what, mail := range map[string]HandoverMail{"hand-overs, counted": {All: true, Contact: "the desk", DryRun: true}, "hand-overs": {All: true, Contact: "the desk"}} {
		begun = time.Now()
		sent, err := w.SendHandovers(w.ctx(), w.operator, "full", mail)
		if err != nil || sent.Mails != fullRows-1 || sent.RefusedCount != 1 || len(sent.Recipients) > shownRefused {
			t.Fatal(sent.Mails, sent.Refused, err)
		}
		within(t, what, time.Since(begun), 4*fullBar)
	}
	begun = time.Now()
	if _, err := w.StopBatch(w.ctx(), w.operator, "full"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.SetEndpoint(w.ctx(), w.admin, "old", EndpointPatch{Host: ptr("moved.example")}, 0, true); err != nil {
		t.Fatal(err)
	}
	within(t, "re-pointing its endpoint", time.Since(begun), 12*fullBar)
	begun = time.Now()
	if _, err := w.DeleteBatch(w.ctx(), w.operator, "full", false); err != nil {
		t.Fatal(err)
	}
	within(t, "wiping", time.Since(begun), fullBar)
}

// everySynced makes all mailboxes synchronised.
func (w *world) everySynced() {
	w.t.Helper()
	const update = "UPDATE mailbox SET last_synced = 1"
	var err error
	if pool := w.db.Pool(); pool != nil {
		_, err = pool.Exec(w.ctx(), update)
	} else {
		_, err = w.db.DB().ExecContext(w.ctx(), update)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func p95(ask func(n int)) time.Duration {
	var took []time.Duration
	for n := range 40 {
		begun := time.Now()
		ask(n)
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	return took[len(took)*95/100]
}

// peakRSS is the most memory that this process has had.
func peakRSS(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("no /proc")
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); fields[0] == "VmHWM:" {
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatal("no VmHWM")
	return 0
}

// TestTwoNodesOnPostgreSQL has two services on one database ask at the same time.
func TestTwoNodesOnPostgreSQL(t *testing.T) {
	address := postgresrig.DatabaseT(t)
	one := &world{t: t, path: address, prober: &fakeProber{}, source: &fakeSource{}}
	two := &world{t: t, path: address, prober: &fakeProber{}, source: &fakeSource{}}
	one.open(key(t, 1))
	two.open(key(t, 1))
	first, err := one.NewSetupToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if second, err := two.NewSetupToken(t.Context()); err != nil || first != second {
		t.Fatalf("the nodes print different tokens: %v", err)
	}
	both := func(ask func(w *world, n int) error) (won int) {
		t.Helper()
		var group sync.WaitGroup
		errs := make([]error, 2)
		for n, w := range []*world{one, two} {
			group.Go(func() { errs[n] = ask(w, n) })
		}
		group.Wait()
		for _, err := range errs {
			switch {
			case err == nil:
				won++
			case ProblemOf(err) == nil:
				t.Errorf("it is no problem but %v", err)
			}
		}
		return won
	}
	if won := both(func(w *world, n int) error {
		_, err := w.Setup(context.WithoutCancel(t.Context()), Password(first.Reveal()), OperatorSpec{Name: fmt.Sprint("ada", n), Password: peopleCanary}, "192.0.2.1")
		return err
	}); won != 1 {
		t.Fatalf("%d have set it up", won)
	}
	name := "ada0"
	if _, err := one.SignIn(t.Context(), name, peopleCanary, "", "192.0.2.1"); err != nil {
		name = "ada1"
	}
	one.admin = one.as(errOr(one.SignIn(t.Context(), name, peopleCanary, "", "192.0.2.1")))
	one.operator, two.admin, two.operator = one.admin, one.admin, one.admin
	one.endpoints()
	for round := range 5 {
		file := rowsOf(fmt.Sprintf("r%d-u", round), 20)
		if won := both(func(w *world, n int) error {
			_, err := w.create(BatchSpec{Name: fmt.Sprintf("batch%d-%d", round, n)}, file)
			return err
		}); won != 1 {
			t.Errorf("%d batches have the same mailboxes", won)
		}
	}
	if _, err := one.CreateOperator(t.Context(), one.admin, OperatorSpec{Name: "bob", Role: "admin", Password: peopleCanary}); err != nil {
		t.Fatal(err)
	}
	if won := both(func(w *world, n int) error {
		_, err := w.SetOperator(t.Context(), w.admin, []string{name, "bob"}[n], OperatorPatch{Role: ptr("viewer")}, 0)
		return err
	}); won != 1 {
		t.Errorf("%d administrators have gone at once", won)
	}
	if verified, err := two.VerifyAudit(t.Context(), two.admin); err != nil || !verified.OK {
		t.Errorf("%+v %v", verified, err)
	}
	if err := one.db.Close(); err != nil {
		t.Error(err)
	}
	if err := one.Ready(t.Context()); err == nil || errors.Is(err, migration.ErrNotFound) {
		t.Errorf("a closed store is ready: %v", err)
	}
}

func errOr(signed SignedIn, err error) SignedIn {
	if err != nil {
		panic(err)
	}
	return signed
}
