package scheduler

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// underWay makes a pass of a mailbox that is held for so long.
func underWay(s *passes, mailbox int64, lasts time.Duration) (*pass, context.Context) {
	ctx, cancel := context.WithCancelCause(context.Background())
	p := &pass{claim: migration.Claim{Mailbox: mailbox, Generation: 7}, cancel: cancel, taken: time.Now()}
	p.until.set(time.Now().Add(lasts))
	s.add(p)
	return p, ctx
}

func TestALeaseIsHeldUntilItLapsesOrIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &passes{all: map[int64]*pass{}}
		kept, keptContext := underWay(s, 1, 12*time.Second)
		lost, lostContext := underWay(s, 2, 12*time.Second)
		older, olderContext := underWay(s, 3, 12*time.Second)
		halted, haltedContext := underWay(s, 4, 12*time.Second)
		time.Sleep(5 * time.Second)
		asked := time.Now()
		young, youngContext := underWay(s, 5, 12*time.Second)
		s.renewed(asked, []migration.Leased{{Mailbox: 1, Generation: 7}, {Mailbox: 3, Generation: 8}, {Mailbox: 4, Generation: 7, Halt: true}}, 12*time.Second)
		for _, test := range []struct {
			name  string
			p     *pass
			ctx   context.Context
			held  bool
			cause error
		}{
			{"renewed", kept, keptContext, true, nil},
			{"missing", lost, lostContext, false, errLost},
			{"of another generation", older, olderContext, false, errLost},
			{"to be halted", halted, haltedContext, true, errHalted},
			{"younger than the question", young, youngContext, true, nil},
		} {
			if test.p.held() != test.held || context.Cause(test.ctx) != test.cause {
				t.Errorf("%s: held %v, ended by %v", test.name, test.p.held(), context.Cause(test.ctx))
			}
		}
		time.Sleep(11 * time.Second)
		s.lapse()
		if !kept.held() || keptContext.Err() != nil {
			t.Error("a lease lapsed before its time")
		}
		time.Sleep(time.Second)
		if kept.held() {
			t.Error("a lease is held beyond its time")
		}
		s.lapse()
		if context.Cause(keptContext) != errLost {
			t.Errorf("a pass whose lease has lapsed was ended by %v", context.Cause(keptContext))
		}
		s.renewed(time.Now(), []migration.Leased{{Mailbox: 1, Generation: 7}}, 12*time.Second)
		if kept.held() {
			t.Error("a lease that has lapsed came back")
		}
	})
}

func TestANodeThatTakesItsOwnMailboxOverEndsTheOldPass(t *testing.T) {
	s := &passes{all: map[int64]*pass{}}
	old, ctx := underWay(s, 1, time.Minute)
	underWay(s, 1, time.Minute)
	s.remove(old)
	if old.held() || ctx.Err() == nil || s.len() != 1 {
		t.Errorf("the old pass is held %v, ended by %v; %d passes are under way", old.held(), context.Cause(ctx), s.len())
	}
}

func TestTimeWithoutMovingIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pass{}
		at := func(after time.Duration, messages int64, waiting string) {
			time.Sleep(after)
			p.note(migration.MailboxProgress{Messages: messages, Waiting: waiting})
		}
		at(0, 0, "")
		for n := range 10 {
			at(2*time.Second, int64(n+1), "")
		}
		if p.stalled != 0 {
			t.Errorf("one that moves has stalled for %v", p.stalled)
		}
		for range 10 {
			at(2*time.Second, 10, "throttled by the target until 14:32")
		}
		if p.stalled != 20*time.Second {
			t.Errorf("after 20s of waiting it has stalled for %v", p.stalled)
		}
		at(2*time.Second, 11, "")
		for range 20 {
			at(2*time.Second, 11, "")
		}
		if p.stalled != 30*time.Second {
			t.Errorf("after 40s without a message it has stalled for %v in all", p.stalled)
		}
		if _, fresh := p.unsaved(); !fresh {
			t.Error("the last progress is not saved")
		}
		if _, fresh := p.unsaved(); fresh {
			t.Error("the same progress is saved twice")
		}
	})
}
