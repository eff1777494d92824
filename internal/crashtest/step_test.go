package crashtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/rigs/effort"
)

// victims is how many clients run at a time.
const victims = 4

// stage is a fixed scenario on two servers in memory, played anew by a new user
// for each step at which the client dies.
type stage struct {
	source, target *fake
	dir            string
	serial         atomic.Int64
	// before brings a user's mailboxes and ledger to where the dying begins.
	before func(*stage, victimPlan) error
}

// scene is a named scenario.
type scene struct {
	name   string
	before func(*stage, victimPlan) error
}

func scenes() []scene {
	return []scene{
		{"first pass", func(*stage, victimPlan) error { return nil }},
		{"recovery", (*stage).diedOnce},
		{"second pass", (*stage).changedSince},
	}
}

func newStage(t *testing.T, s scene) *stage {
	t.Helper()
	return &stage{source: startFake(t, imapfake.Options{}), target: startFake(t, imapfake.Options{}), dir: t.TempDir(), before: s.before}
}

// begin makes a new user with mail at the source.
func (s *stage) begin() (victimPlan, error) {
	user := userName(int(s.serial.Add(1)))
	box, mail := s.source.AddUser(user, password), newCorpus(3)
	s.target.AddUser(user, password)
	box.Create(vacant)
	post(box, mail.odd()...)
	post(box, mail.many(20)...)
	plan := victimPlan{Source: s.source.addr, Target: s.target.addr, User: user, Ledger: filepath.Join(s.dir, user+".db")}
	return plan, s.before(s, plan)
}

// diedOnce lets a client die in the middle of its copying, so that intents are
// open.
func (s *stage) diedOnce(plan victimPlan) error {
	plan.Step, plan.After = 40, true
	_, killed, err := play(plan)
	if err == nil && !killed {
		err = errors.New("the first death did not come")
	}
	return err
}

// leftMark begins a message that leaves the source after it was copied.
const leftMark = "Subject: leaves later"

// changedSince makes a whole pass and changes the source then.
func (s *stage) changedSince(plan victimPlan) error {
	box := s.source.User(plan.User)
	left := box.Deliver("INBOX", []byte(leftMark+"\r\n\r\n"), time.Unix(1e9, 0))
	if _, err := whole(plan); err != nil {
		return err
	}
	if err := box.Expunge("INBOX", left); err != nil {
		return err
	}
	post(box, newCorpus(4).many(12)...)
	for _, folder := range []string{"INBOX", "Sent"} {
		for uid := range migration.UID(4) {
			if err := box.SetFlags(folder, uid+1, `\Answered`, "$Later"); err != nil {
				return err
			}
		}
	}
	return nil
}

// play runs a client in a process of its own: never in this one, because a lock
// on a ledger is inherited by every process that is being started meanwhile.
// killed is true when the client died.
func play(plan victimPlan) (report victimReport, killed bool, err error) {
	text, err := json.Marshal(plan)
	if err != nil {
		return report, false, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), passLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	// The race detector would wait a second at each end.
	cmd.Env = append(os.Environ(), victimVariable+"="+string(text), "GORACE=atexit_sleep_ms=0")
	var talk strings.Builder
	cmd.Stderr = &talk
	out, err := cmd.Output()
	switch {
	case err == nil:
		return report, false, json.Unmarshal(out, &report)
	case ctx.Err() == nil && cmd.ProcessState != nil && cmd.ProcessState.ExitCode() == -1:
		return report, true, nil
	}
	return report, false, fmt.Errorf("%w: %s", err, talk.String())
}

// whole makes a pass that nobody disturbs.
func whole(plan victimPlan) (victimReport, error) {
	plan.Step = 0
	report, killed, err := play(plan)
	if killed {
		err = errors.New("the client died by itself")
	}
	return report, err
}

// dieAt lets a client die at a step, finishes its work and compares. It reports
// whether the client lived to that step.
func (s *stage) dieAt(step int64, after bool) (bool, error) {
	plan, err := s.begin()
	if err != nil {
		return false, err
	}
	plan.Step, plan.After = step, after
	_, killed, err := play(plan)
	if err != nil {
		return killed, err
	}
	if _, err := whole(plan); err != nil {
		return killed, fmt.Errorf("going on: %w", err)
	}
	if again, err := whole(plan); err != nil || again.Copied > 0 {
		return killed, fmt.Errorf("one more pass copied %d: %w", again.Copied, err)
	}
	return killed, s.compare(plan.User)
}

func (s *stage) compare(user string) error {
	var lines []string
	left := func(_ string, m imapfake.Message) bool { return strings.HasPrefix(string(m.Raw), leftMark) }
	for _, d := range imapfake.Compare(s.source.User(user), s.target.User(user), imapfake.CompareOptions{Exclude: left}) {
		lines = append(lines, d.String())
	}
	if lines != nil {
		return errors.New(strings.Join(lines, "; "))
	}
	return nil
}

// count is the number of steps of a client that lives.
func (s *stage) count(t *testing.T) int64 {
	t.Helper()
	plan, err := s.begin()
	if err != nil {
		t.Fatal(err)
	}
	report, err := whole(plan)
	if err != nil {
		t.Fatal(err)
	}
	return report.Steps
}

// death is one place to die at.
type death struct {
	step  int64
	after bool
}

func (s *stage) dieEach(t *testing.T, deaths []death) {
	t.Helper()
	begun, queue := time.Now(), make(chan death)
	var died atomic.Int64
	var all sync.WaitGroup
	for range victims {
		all.Go(func() {
			for d := range queue {
				killed, err := s.dieAt(d.step, d.after)
				if killed {
					died.Add(1)
				}
				if err != nil {
					t.Errorf("killed at step %d (after it: %t): %v", d.step, d.after, err)
				}
			}
		})
	}
	for _, d := range deaths {
		queue <- d
	}
	close(queue)
	all.Wait()
	t.Logf("%d of %d clients died, in %v", died.Load(), len(deaths), time.Since(begun).Round(time.Millisecond))
}

func TestKillsAtSomeStepsLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	for _, scene := range scenes() {
		t.Run(scene.name, func(t *testing.T) {
			s := newStage(t, scene)
			steps := s.count(t)
			t.Logf("%d steps", steps)
			var deaths []death
			samples := int64(9 / sparser())
			for i := range samples {
				deaths = append(deaths, death{1 + i*(steps-1)/(samples-1), i%2 == 0})
			}
			s.dieEach(t, deaths)
		})
	}
}

func TestLongKillsAtEveryStepLoseAndDoubleNothing(t *testing.T) {
	effort.NeedLong(t)
	for _, scene := range scenes() {
		t.Run(scene.name, func(t *testing.T) {
			s := newStage(t, scene)
			steps := s.count(t)
			t.Logf("%d steps", steps)
			var deaths []death
			// The steps of two clients differ a little, as their goroutines race.
			for step := int64(1); step <= steps+steps/10; step++ {
				deaths = append(deaths, death{step, false}, death{step, true})
			}
			s.dieEach(t, deaths)
		})
	}
}
