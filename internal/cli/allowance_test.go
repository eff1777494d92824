package cli

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailhaul/mailhaul/internal/imap"
	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
	"github.com/mailhaul/mailhaul/internal/store"
)

// rationed is a mailbox at a server that ends the day of who moves more than the
// budget, reached by pipes in a bubble.
type rationed struct {
	*testing.T
	from, to *imapfake.Server
	ledger   string
	source   migration.DayBudget
	target   migration.DayBudget
	serving  sync.WaitGroup
}

const (
	rationedLetters = 120
	rationedSize    = 10_000
)

func newRationed(t *testing.T, source, target migration.DayBudget) *rationed {
	t.Helper()
	gmail, other := imapfake.Gmail(), imapfake.Dovecot()
	gmail.Limits.Daily = &imapfake.Daily{Down: source.Down, Up: source.Up}
	other.Limits.Daily = &imapfake.Daily{Down: target.Down}
	if target.Up > 0 { // what waits in the buffers of a connection is not counted yet
		other.Limits.Daily.Up = target.Up + 2*(64<<10)
	}
	record := imapfake.RecordOptions{Canaries: [][]byte{overDay}}
	r := &rationed{T: t, from: imapfake.New(imapfake.Options{Personality: gmail, Record: record}), to: imapfake.New(imapfake.Options{Personality: other, Record: record}),
		ledger: filepath.Join(t.TempDir(), "ledger.db"), source: source, target: target}
	box := r.from.AddUser("anna", "secret")
	r.to.AddUser("anna", "secret")
	for n := range rationedLetters {
		box.DeliverLabelled(fmt.Appendf(nil, "Subject: %d\r\n\r\n%s\r\n", n, strings.Repeat("x", rationedSize)), time.Unix(1e9+int64(n), 0), []string{imapfake.LabelInbox})
	}
	return r
}

// overDay is what a server says to who has moved too much.
var overDay = []byte("OVERQUOTA")

// close ends the servers, which must not have had to say anything about the day.
func (r *rationed) close() {
	for _, server := range []*imapfake.Server{r.from, r.to} {
		if _, n := server.Saw(overDay); n > 0 {
			r.Errorf("the server ended the day %d times", n)
		}
	}
	r.end()
}

func (r *rationed) end() {
	r.from.Close()
	r.to.Close()
	r.serving.Wait()
}

func (r *rationed) dial(server *imapfake.Server, a *allowance) func(context.Context) (*imap.Session, error) {
	return func(ctx context.Context) (*imap.Session, error) {
		if err := a.check(); err != nil {
			return nil, err
		}
		return imap.Dial(ctx, imap.Options{
			Endpoint:   migration.Endpoint{Host: "127.0.0.1", Port: 143, Security: migration.Cleartext, AllowCleartext: true},
			Credential: imap.Credential{User: "anna", Password: secret.New("secret")}, Line: a.counted,
			Dial: func(context.Context, string, string) (net.Conn, error) {
				near, far := net.Pipe()
				r.serving.Go(func() { server.Serve(far) })
				return near, nil
			},
		})
	}
}

// pass opens the ledger, as a process that begins does, and makes a pass. It gives
// what is left to be moved at its end, and when that can be done.
func (r *rationed) pass(longest time.Duration) (mailsync.Summary, time.Time, error) {
	r.Helper()
	file, err := store.Open(r.Context(), r.ledger, store.Options{})
	if err != nil {
		r.Fatal(err)
	}
	defer file.Close()
	var all allowances
	source, err := all.of(r.Context(), file, "anna", migration.Endpoint{Host: "source.example.org"}, r.source)
	if err != nil {
		r.Fatal(err)
	}
	target, err := all.of(r.Context(), file, "anna", migration.Endpoint{Host: "target.example.org"}, r.target)
	if err != nil {
		r.Fatal(err)
	}
	ledger, err := file.Mailbox(r.Context(), "source", "target")
	if err != nil {
		r.Fatal(err)
	}
	dialSource, dialTarget := r.dial(r.from, source), r.dial(r.to, target)
	progress := &mailsync.Progress{}
	summary, err := mailsync.Run(r.Context(), mailsync.Job{Ledger: ledger, Connections: 2, LongestPause: longest, Progress: progress,
		Source: func(ctx context.Context) (mailsync.Session, error) {
			session, err := dialSource(ctx)
			if err != nil {
				return nil, err
			}
			return source.source(session), nil
		},
		Target: func(ctx context.Context) (mailsync.Target, error) {
			session, err := dialTarget(ctx)
			if err != nil {
				return nil, err
			}
			return target.target(targetSession{session}), nil
		}})
	return summary, earliestEnd(source, target, progress.BytesTotal.Load()-progress.Bytes.Load()), err
}

func (r *rationed) expectAll() {
	r.Helper()
	seen := map[[32]byte]int{}
	for _, m := range r.to.User("anna").Messages("INBOX") {
		seen[m.Sum]++
	}
	for _, l := range r.from.User("anna").Letters() {
		if seen[l.Sum] != 1 {
			r.Fatalf("a message is at the target %d times; of %d there are %d", seen[l.Sum], rationedLetters, len(seen))
		}
	}
}

func TestACopyPausesForItsDayBudgetAndGoesOn(t *testing.T) {
	for name, budgets := range map[string][2]migration.DayBudget{
		"read at the source":    {{Down: 600_000}, {}},
		"written at the target": {{}, {Up: 600_000}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRationed(t, budgets[0], budgets[1])
				defer r.close()
				began := time.Now()
				summary, _, err := r.pass(0)
				if err != nil || summary.Messages.Copied != rationedLetters {
					t.Fatalf("%+v, %v", summary.Messages, err)
				}
				if took := time.Since(began); took < 24*time.Hour || took > 100*time.Hour {
					t.Errorf("twice the budget took %s", took)
				}
				r.expectAll()
			})
		})
	}
}

func TestADayBudgetOutlivesTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRationed(t, migration.DayBudget{Down: 600_000}, migration.DayBudget{})
		defer r.close()
		began := time.Now()
		copied := 0
		for passes := 1; ; passes++ {
			summary, end, err := r.pass(time.Minute)
			copied += summary.Messages.Copied
			if err == nil {
				if passes < 3 || copied != rationedLetters {
					t.Errorf("%d passes copied %d", passes, copied)
				}
				break
			}
			fault := migration.FaultOf(err)
			if fault == nil || fault.Class != migration.Later || fault.Code != migration.CodeDayBudget || fault.After <= 0 || fault.After > 26*time.Hour || passes > 20 {
				t.Fatalf("after %d passes %v", passes, err)
			}
			if copied > 0 && !end.After(time.Now().Add(20*time.Hour)) {
				t.Errorf("with %d of %d copied the end is said to be in %s", copied, rationedLetters, time.Until(end))
			}
			// Who begins too early is told the same, and asks the server nothing.
			before := r.from.Counts().Connections
			if _, _, again := r.pass(time.Minute); migration.CodeOf(again) != migration.CodeDayBudget || migration.FaultOf(again).After != fault.After {
				t.Fatalf("begun again at once: %v, first %v", again, err)
			}
			if n := r.from.Counts().Connections; n != before {
				t.Errorf("%d connections were made", n-before)
			}
			time.Sleep(fault.After)
		}
		if took := time.Since(began); took < 24*time.Hour {
			t.Errorf("twice the budget took %s", took)
		}
		r.expectAll()
	})
}

func TestGmailMayLockOutWhoHasNoDayBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRationed(t, migration.DayBudget{Down: 600_000}, migration.DayBudget{})
		defer r.end()
		r.source = migration.DayBudget{}
		began := time.Now()
		summary, _, err := r.pass(0)
		if err != nil || summary.Messages.Source != rationedLetters {
			t.Fatalf("%+v, %v", summary.Messages, err)
		}
		if took := time.Since(began); took < 24*time.Hour || took > 100*time.Hour {
			t.Errorf("twice what the server allows took %s", took)
		}
		r.expectAll()
	})
}

func TestDayBudgetsAreRead(t *testing.T) {
	for text, want := range map[string]migration.DayBudget{
		"2500M,500m": {Down: 2_500_000_000, Up: 500_000_000}, "0,0": {}, "1,2k": {Down: 1, Up: 2000}, "": {},
	} {
		if got, err := parseDayBudget("--source-day-budget", text, "imap.example.org"); err != nil || got != want {
			t.Errorf("%q is %+v, %v", text, got, err)
		}
	}
	if got, err := parseDayBudget("", "", "imap.gmail.com"); err != nil || got.Down != 2_500_000_000 {
		t.Errorf("%+v, %v", got, err)
	}
	for _, text := range []string{"1", "M,1", "-1,0", "1,", "9999999T,1", "1,2,3"} {
		if _, err := parseDayBudget("--source-day-budget", text, ""); err == nil || !strings.Contains(err.Error(), "--source-day-budget") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
