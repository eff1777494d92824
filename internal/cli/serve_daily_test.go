package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/scheduler"
	"github.com/mailhaul/mailhaul/internal/secret"
	"github.com/mailhaul/mailhaul/internal/store"
	"github.com/mailhaul/mailhaul/rigs/effort"
	"github.com/mailhaul/mailhaul/rigs/postgresrig"
)

// dailyVariable names the file with the plan of a test binary that measures itself.
const dailyVariable = "MAILHAUL_TEST_DAILY"

type dailyPlan struct {
	Database, Old, New, CA, File string
	// Mailboxes are in the batch, AtOnce may be under way. Every mailbox has
	// Rounds passes.
	Mailboxes, AtOnce, Rounds int
}

// dailyFigures are what it measured.
type dailyFigures struct {
	Passes int
	// CPU is the processor time of a pass, Took how long all took.
	CPU, Took time.Duration
	// Resident is the memory after each round, Peak the most there was, in bytes.
	Resident []int64
	Peak     int64
	// Running is how many passes were seen under way at most.
	Running int
}

func TestDailyProcess(t *testing.T) {
	name := os.Getenv(dailyVariable)
	if name == "" {
		t.Skip("runs as the process that is measured")
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var plan dailyPlan
	if err := json.Unmarshal(text, &plan); err != nil {
		t.Fatal(err)
	}
	figures, err := plan.measure(t.Context())
	if err != nil {
		t.Fatal(describe(err))
	}
	out, err := json.Marshal(figures)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("figures %s\n", out)
}

func (p dailyPlan) measure(ctx context.Context) (f dailyFigures, err error) {
	keys, err := secret.NewKeyring([]byte(strings.Repeat("k", secret.KeySize)))
	if err != nil {
		return f, err
	}
	s, err := store.Open(ctx, p.Database, store.Options{Queue: true})
	if err != nil {
		return f, err
	}
	defer s.Close()
	service := control.New(control.Options{Store: controlStore{s}, Keys: keys})
	if err := p.create(ctx, service); err != nil {
		return f, err
	}
	log := slog.New(slog.DiscardHandler)
	node, err := scheduler.New(scheduler.Options{Store: schedulerStore{s}, Queue: (&server{store: s}).queue(), Runner: newRunner(s, keys, log), Node: migration.Node{Name: "a"}, Log: log})
	if err != nil {
		return f, err
	}
	if err := node.Start(ctx); err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, node.Stop(context.WithoutCancel(ctx))) }()
	for round := range p.Rounds {
		cpu, began := processorTime(), time.Now()
		if round > 0 {
			if _, err := service.SyncBatch(ctx, boss, "pilot"); err != nil {
				return f, err
			}
			node.Wake()
		}
		if err := p.await(ctx, s, round+1, &f); err != nil {
			return f, err
		}
		if round > 0 {
			f.Passes += p.Mailboxes
			f.CPU += processorTime() - cpu
			f.Took += time.Since(began)
		}
		f.Resident = append(f.Resident, resident())
	}
	f.CPU /= time.Duration(max(1, f.Passes))
	f.Peak = peak()
	return f, nil
}

func (p dailyPlan) create(ctx context.Context, service *control.Service) error {
	if err := service.Prepare(ctx); err != nil {
		return err
	}
	for name, address := range map[string]string{"old": p.Old, "new": p.New} {
		host, port, _ := net.SplitHostPort(address)
		number, _ := strconv.Atoi(port)
		spec := control.EndpointSpec{Name: name, Host: host, Port: number, CA: p.CA, Migrations: &p.AtOnce, Incremental: &p.AtOnce}
		if _, err := service.CreateEndpoint(ctx, boss, spec, true); err != nil {
			return err
		}
	}
	if _, err := service.CreateBatch(ctx, boss, control.BatchSpec{Name: "pilot", Source: "old", Target: "new"}, strings.NewReader(p.File)); err != nil {
		return err
	}
	_, err := service.StartBatch(ctx, boss, "pilot")
	return err
}

// await waits until every mailbox has had so many passes, and counts those under
// way meanwhile.
func (p dailyPlan) await(ctx context.Context, s *store.Store, passes int, f *dailyFigures) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		done := true
		err := s.View(ctx, "looking", func(tx *store.Tx) error {
			b, err := tx.Batch("pilot")
			if err != nil {
				return err
			}
			f.Running = max(f.Running, b.Counts.Running)
			if done = b.Counts.Running == 0 && b.Counts.Synced == p.Mailboxes; !done {
				return nil
			}
			rows, err := tx.Mailboxes(migration.MailboxFilter{Batch: b.ID})
			for _, m := range rows {
				done = done && m.Facts.Passes >= passes
			}
			return err
		})
		if err != nil || done {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func processorTime() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func resident() int64 {
	text, _ := os.ReadFile("/proc/self/statm")
	var size, pages int64
	_, _ = fmt.Sscan(string(text), &size, &pages)
	return pages * int64(os.Getpagesize())
}

// peak is the most memory that this process has had, in bytes.
func peak() int64 {
	text, _ := os.ReadFile("/proc/self/status")
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	var kib int64
	_, _ = fmt.Sscan(after, &kib)
	return kib << 10
}

// dailyRounds is how often every mailbox has its pass.
const dailyRounds = 4

func TestLongAPassWithNothingNewCostsLittleAndMemoryStaysFlat(t *testing.T) {
	effort.LeaveToLong(t)
	plan := dailyPlan{Mailboxes: 20, AtOnce: 50, Rounds: dailyRounds}
	if effort.Long() {
		plan.Mailboxes = 2000
	}
	t.Run("SQLite", func(t *testing.T) { plan.measureDaily(t, filepath.Join(t.TempDir(), "mailhaul.db")) })
	if effort.Long() && !effort.Alone() {
		plan.Mailboxes = 400
	}
	t.Run("PostgreSQL", func(t *testing.T) { plan.measureDaily(t, postgresrig.DatabaseT(t)) })
}

func (p dailyPlan) measureDaily(t *testing.T, database string) {
	t.Helper()
	p.Database = database
	s := newServers(t, p.Mailboxes)
	for n, box := range s.boxes {
		for i := range 20 {
			s.deliver(box, n, i)
		}
	}
	figures := s.runDaily(p)
	flat := float64(figures.Resident[dailyRounds-1]) / float64(figures.Resident[1])
	t.Logf("%d passes with nothing new: %.2f ms of processor time each, %.0f a second; memory %d MiB after the second round, %d MiB after the last",
		figures.Passes, float64(figures.CPU.Microseconds())/1000, float64(figures.Passes)/figures.Took.Seconds(),
		figures.Resident[1]>>20, figures.Resident[dailyRounds-1]>>20)
	if most := 10 * time.Millisecond; figures.CPU > most && !raced {
		t.Errorf("a pass takes %v of processor time, want at most %v", figures.CPU, most)
	}
	if flat > 1.5 && !raced {
		t.Errorf("memory grows from %d to %d bytes", figures.Resident[1], figures.Resident[dailyRounds-1])
	}
}

// TestLongManyMailboxesAtOnceNeedLittleMemory copies large mailboxes, all at once.
func TestLongManyMailboxesAtOnceNeedLittleMemory(t *testing.T) {
	effort.LeaveToLong(t)
	plan := dailyPlan{Mailboxes: 20, Rounds: 1, Database: filepath.Join(t.TempDir(), "mailhaul.db")}
	if effort.Long() {
		plan.Mailboxes = 200
	}
	plan.AtOnce = plan.Mailboxes
	s := newServers(t, plan.Mailboxes)
	large := bytes.Repeat([]byte(strings.Repeat("x", 70)+"\r\n"), 3000)
	for n, box := range s.boxes {
		for i := range 60 {
			body := fmt.Appendf(nil, "Message-ID: <%d.%d@old.example>\r\nSubject: large\r\n\r\n", n, i)
			if i%4 == 0 {
				body = append(body, large...)
			}
			box.Deliver([]string{"INBOX", "Archive", "Sent"}[i%3], body, time.Unix(1_700_000_000+int64(i), 0))
		}
	}
	figures := s.runDaily(plan)
	t.Logf("at most %d of %d mailboxes under way, %d MiB resident", figures.Running, plan.Mailboxes, figures.Peak>>20)
	if figures.Running < plan.Mailboxes*9/10 {
		t.Errorf("only %d mailboxes were under way at a time, want about %d", figures.Running, plan.Mailboxes)
	}
	if figures.Peak > 512<<20 && !raced {
		t.Errorf("%d MiB of memory, want at most 512", figures.Peak>>20)
	}
}

// dailyServers are two servers in memory, and the mailboxes of the old one.
type dailyServers struct {
	*serving
	boxes []*imapfake.Mailbox
}

func newServers(t *testing.T, mailboxes int) *dailyServers {
	t.Helper()
	s := &dailyServers{serving: &serving{T: t, mailboxes: mailboxes, old: imapfake.New(imapfake.Options{}), new: imapfake.New(imapfake.Options{})}}
	t.Cleanup(s.old.Close)
	t.Cleanup(s.new.Close)
	for n := range mailboxes {
		s.boxes = append(s.boxes, s.old.AddUser(person(n), "old-"+person(n)))
		s.new.AddUser(person(n), "new-"+person(n))
	}
	return s
}

// runDaily runs the process that is measured, and gives its figures.
func (s *dailyServers) runDaily(plan dailyPlan) (f dailyFigures) {
	s.Helper()
	ca, err := imapfake.NewCA()
	s.must(err)
	certificate, err := ca.Issue("127.0.0.1")
	s.must(err)
	plan.Old, err = s.old.ListenTLS(certificate)
	s.must(err)
	plan.New, err = s.new.ListenTLS(certificate)
	s.must(err)
	plan.CA, plan.File = string(ca.PEM()), s.file()
	text, err := json.Marshal(plan)
	s.must(err)
	name := filepath.Join(s.TempDir(), "plan")
	s.must(os.WriteFile(name, text, 0o600))
	binary, err := os.Executable()
	s.must(err)
	process := exec.Command(binary, "-test.run=^TestDailyProcess$", "-test.timeout=30m")
	process.Env = append(os.Environ(), dailyVariable+"="+name)
	out, err := process.CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if text, found := strings.CutPrefix(line, "figures "); found {
			s.must(json.Unmarshal([]byte(text), &f))
		}
	}
	if err != nil || len(f.Resident) < plan.Rounds {
		s.Fatalf("%v\n%s", err, out)
	}
	return f
}
