package cli

import (
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
)

func TestABatchIsSyncedStoppedResumedCompletedAndCopiesNothingTwice(t *testing.T) {
	t.Parallel()
	serveBoth(t, servingOptions{mailboxes: 6, letters: 60}, func(s *serving) {
		s.create("pilot")
		s.do(s.service.StartBatch, "pilot")
		s.awaitState("pilot", migration.BatchSynced)
		s.expectSame()
		if moved := s.moved("pilot"); moved != 6*60 {
			s.Errorf("%d messages were copied, want %d", moved, 6*60)
		}
		s.deliver(s.old.User(person(2)), 2, 1000)
		s.do(s.service.SyncBatch, "pilot")
		s.await(time.Minute, "new mail arrives", func() bool { return s.moved("pilot") == 6*60+1 })
		s.expectSame()
		s.do(s.service.StopBatch, "pilot")
		s.awaitState("pilot", migration.BatchStopped)
		s.do(s.service.StartBatch, "pilot")
		s.awaitState("pilot", migration.BatchSynced)
		s.deliver(s.old.User(person(3)), 3, 1001)
		s.do(s.service.CompleteBatch, "pilot")
		s.awaitState("pilot", migration.BatchCompleted)
		s.expectSame()
		s.await(time.Minute, "the key is wiped", func() bool { return len(s.record("pilot").Key) == 0 })
		for _, m := range s.rows("pilot") {
			if len(m.SourceSecret)+len(m.TargetSecret) > 0 || m.Facts.State() != migration.MailboxCompleted {
				s.Errorf("%s is %s and has its secrets", m.Address, m.Facts.State())
			}
		}
		s.remove("pilot")
		s.create("pilot")
		s.do(s.service.StartBatch, "pilot")
		s.awaitState("pilot", migration.BatchSynced)
		if moved := s.moved("pilot"); moved != 0 {
			s.Errorf("created anew, it copied %d messages", moved)
		}
		s.expectSame()
	})
}

func (s *serving) remove(batch string) {
	s.Helper()
	_, err := s.service.DeleteBatch(s.Context(), boss, batch, false)
	s.must(err)
	s.await(time.Minute, "it is removed", func() bool {
		gone := false
		s.must(s.store.View(s.Context(), "looking", func(tx *store.Tx) error {
			all, err := tx.Batches()
			gone = len(all) == 0
			return err
		}))
		return gone
	})
}

// watch notes when APPEND commands of a person come and messages are stored.
type watch struct {
	mu     sync.Mutex
	asked  map[string][]time.Time
	stored map[string][]time.Time
}

func (w *watch) hook(e imapfake.Event) {
	if e.Command != "APPEND" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e.Point {
	case imapfake.CommandRead:
		w.asked[e.User] = append(w.asked[e.User], time.Now())
	case imapfake.AfterCommit:
		w.stored[e.User] = append(w.stored[e.User], time.Now())
	}
}

// longest is the longest time between two messages of a person, and when it ended.
func longest(times []time.Time) (gap time.Duration, until time.Time) {
	for i := 1; i < len(times); i++ {
		if d := times[i].Sub(times[i-1]); d > gap {
			gap, until = d, times[i]
		}
	}
	return gap, until
}

// oneByOne is a server that takes one message with each APPEND.
func oneByOne() imapfake.Personality {
	p := imapfake.Generic()
	p.After = slices.DeleteFunc(p.After, func(capability string) bool { return capability == "MULTIAPPEND" })
	return p
}

func TestAThrottledMailboxPausesExactlyAsLongAsItIsToldAndOthersGoOn(t *testing.T) {
	const backoff = 3000 * time.Millisecond
	answers := map[string]string{
		"NO":  "NO Request is throttled. Suggested Backoff Time: 3000 milliseconds",
		"BAD": "BAD Request is throttled. Suggested Backoff Time: 3000 milliseconds",
		"BYE": "BYE Request is throttled. Suggested Backoff Time: 3000 milliseconds",
	}
	for kind, answer := range answers {
		t.Run(kind, func(t *testing.T) {
			t.Parallel() // they mostly wait
			w := &watch{asked: map[string][]time.Time{}, stored: map[string][]time.Time{}}
			o := servingOptions{mailboxes: 3, letters: 400, new: imapfake.Options{Hook: w.hook, Personality: oneByOne(),
				Faults: []imapfake.Rule{{User: person(0), Command: "APPEND", Nth: 100, Do: imapfake.Action{Kind: imapfake.Answer, Text: answer}}}}}
			s := newServing(t, t.TempDir()+"/mailhaul.db", o)
			s.create("pilot")
			s.do(s.service.StartBatch, "pilot")
			s.awaitState("pilot", migration.BatchSynced)
			s.expectSame()
			w.mu.Lock()
			defer w.mu.Unlock()
			_, again := longest(w.asked[person(0)])
			pause := again.Sub(w.asked[person(0)][99]) // what was on the line already still comes
			if pause < backoff || pause > backoff+2*time.Second {
				t.Errorf("told to pause for %v, it paused for %v", backoff, pause)
			}
			t.Logf("told to pause for %v, it paused for %v", backoff, pause.Round(time.Millisecond))
			if other, _ := longest(w.asked[person(1)]); other >= backoff {
				t.Errorf("another mailbox paused for %v, too", other)
			}
			if m := s.rows("pilot")[0]; m.Faults != 0 || m.Facts.Skipped != 0 {
				t.Errorf("it counts %d faults, %d skipped", m.Faults, m.Facts.Skipped)
			}
		})
	}
}

func TestAMailboxToldToPauseForLongIsLaidDownUntilThen(t *testing.T) {
	o := servingOptions{mailboxes: 2, letters: 40, new: imapfake.Options{Personality: oneByOne(), Faults: []imapfake.Rule{{User: person(0), Command: "APPEND", Nth: 5,
		Do: imapfake.Action{Kind: imapfake.Answer, Text: "NO Request is throttled. Suggested Backoff Time: 600000 milliseconds"}}}}}
	s := newServing(t, t.TempDir()+"/mailhaul.db", o)
	s.create("pilot")
	began := time.Now()
	s.do(s.service.StartBatch, "pilot")
	s.await(time.Minute, "the other is synced and it waits", func() bool {
		rows := s.rows("pilot")
		return rows[0].Trouble != nil && rows[0].Facts.Running == "" && rows[1].Facts.Passes == 1
	})
	m := s.rows("pilot")[0]
	if wait := m.Due.Sub(began); wait < 10*time.Minute || wait > 11*time.Minute || m.Faults != 0 || m.Trouble.Code != migration.CodeThrottled || !m.Trouble.Until.Equal(m.Due) {
		t.Errorf("it waits for %v with %d faults, trouble %+v", wait, m.Faults, m.Trouble)
	}
}

func TestAPreflightSignsInAtBothEndsAndLooksForRoom(t *testing.T) {
	s := newServing(t, t.TempDir()+"/mailhaul.db", servingOptions{mailboxes: 5, letters: 40})
	s.new.User(person(1)).SetQuota(1024)
	s.new.AddUser("elsewhere", "x")
	s.old.SetFaults(imapfake.Rule{User: person(3), Command: "LIST", Do: imapfake.Action{Kind: imapfake.Answer, Text: "NO [SERVERBUG] broken"}})
	s.create("pilot")
	_, err := s.service.RotateMailbox(s.Context(), boss, "pilot", person(2), control.Passwords{Target: "wrong"})
	s.must(err)
	_, err = s.service.RotateMailbox(s.Context(), boss, "pilot", person(4), control.Passwords{Source: "wrong", Target: "wrong"})
	s.must(err)
	s.do(s.service.PreflightBatch, "pilot")
	s.await(time.Minute, "each is tried", func() bool {
		for _, m := range s.rows("pilot") {
			if m.Preflight == nil {
				return false
			}
		}
		return true
	})
	rows := s.rows("pilot")
	good := *rows[0].Preflight
	good.At = time.Time{}
	if want := (migration.PreflightResult{OK: true, Source: "ok", Target: "ok", Folders: 4, Messages: 40, Bytes: good.Bytes, Free: -1}); !reflect.DeepEqual(good, want) || good.Bytes < 4000 {
		t.Errorf("a good one is %+v", good)
	}
	for n, want := range map[int]string{1: "ok ok target quota", 2: "ok sign-in target login", 3: "folders ok source server-bug", 4: "sign-in sign-in source login target login"} {
		p := rows[n].Preflight
		found := ""
		for _, t := range p.Troubles() {
			found += " " + t.Side + " " + t.Code
			if strings.HasPrefix(t.Reason, t.Side) {
				t.Reason = "the side is named twice"
			}
		}
		if got := p.Source + " " + p.Target + found; got != want || p.OK || p.Trouble == nil || p.Trouble.Remedy == "" {
			t.Errorf("%s is %q, %+v; want %q", rows[n].Address, got, p.Trouble, want)
		}
	}
	for n := range 5 {
		if len(s.new.User(person(n)).Messages("INBOX")) > 0 {
			t.Errorf("a preflight copied mail of %s", person(n))
		}
	}
}

func TestAnAdministratorSignsInForAll(t *testing.T) {
	for _, form := range []migration.LoginForm{migration.LoginAuthzid, migration.LoginMaster} {
		t.Run(string(form), func(t *testing.T) {
			masters := map[string]string{"admin": "admin-password"}
			s := newServing(t, t.TempDir()+"/mailhaul.db", servingOptions{tls: true, mailboxes: 2, letters: 20, old: imapfake.Options{Masters: masters}, new: imapfake.Options{Masters: masters},
				endpoint: func(e *control.EndpointSpec) {
					e.Login, e.AdminUser, e.AdminPassword = string(form), "admin", "admin-password"
				}})
			s.create("pilot")
			s.do(s.service.StartBatch, "pilot")
			s.awaitState("pilot", migration.BatchSynced)
			s.expectSame()
		})
	}
}
